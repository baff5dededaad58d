//! Finding BMCs in a range of addresses.

mod support;

use anyhow::{Result, ensure};
use cake_bmc::asf::{ENTERPRISE, Ping, Pong};
use cake_bmc::discover::{Found, Range, RangeError, Scan, Tempo, discover};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;
use support::ipmi_sim::Simulator;
use tokio::net::UdpSocket;

fn range(first: &str, last: &str) -> Result<Range, RangeError> {
    Range::new(first.parse().expect("an address"), last.parse().expect("an address"), 623)
}

#[test]
fn a_range_has_both_its_ends_and_is_not_too_long() {
    let addresses: Vec<_> = range("10.0.0.254", "10.0.1.1").expect("a range").addresses().collect();
    let expected = ["10.0.0.254:623", "10.0.0.255:623", "10.0.1.0:623", "10.0.1.1:623"];
    assert_eq!(addresses.iter().map(SocketAddr::to_string).collect::<Vec<_>>(), expected);
    assert_eq!(range("fe80::ffff", "fe80::1:0").expect("a range").addresses().count(), 2);
    assert_eq!(range("255.255.255.255", "255.255.255.255").expect("a range").addresses().count(), 1);
    assert_eq!(range("10.0.0.2", "10.0.0.1"), Err(RangeError::Backwards));
    assert_eq!(range("10.0.0.0", "10.0.16.0"), Err(RangeError::TooLong));
    assert_eq!(range("::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), Err(RangeError::TooLong));
    assert_eq!(range("10.0.0.1", "::1"), Err(RangeError::Mixed));
}

#[test]
fn only_who_was_asked_is_found_and_is_not_asked_again() {
    let mut scan = Scan::new(&range("10.0.0.1", "10.0.0.3").expect("a range"), 2, 9);
    let pong = |tag, enterprise| Pong { tag, enterprise, ipmi: true }.encode();
    let (first, ping) = scan.ping().expect("a ping");
    assert_eq!(Ping::parse(&ping), Ok(Ping { tag: 9 }));
    let second: SocketAddr = "10.0.0.2:623".parse().expect("an address");
    assert!(!scan.receive(&pong(9, 343), second), "it was not asked yet");
    assert!(!scan.receive(&pong(8, 343), first), "it answers another question");
    assert!(!scan.receive(&ping, first) && !scan.receive(&[], first));
    assert!(!scan.is_complete());
    assert!(scan.receive(&pong(9, 343), first));
    let asked: Vec<_> = std::iter::from_fn(|| scan.ping()).map(|(address, _)| address.to_string()).collect();
    assert_eq!(asked, ["10.0.0.2:623", "10.0.0.3:623", "10.0.0.2:623", "10.0.0.3:623"]);
    assert!(scan.receive(&pong(9, ENTERPRISE), second));
    let found = |address, enterprise| Found { address, ipmi: true, enterprise };
    assert_eq!(scan.found(), [found(first, Some(343)), found(second, None)]);
}

#[tokio::test]
async fn a_simulator_is_found_among_addresses_where_nobody_is() -> Result<()> {
    let simulator = Simulator::start()?;
    let IpAddr::V4(ip) = simulator.address().ip() else { anyhow::bail!("not IPv4") };
    let (first, last) = (Ipv4Addr::from_bits(ip.to_bits() & !0xff), Ipv4Addr::from_bits(ip.to_bits() | 0xff));
    let range = Range::new(first.into(), last.into(), simulator.address().port())?;
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await?;
    let tempo = Tempo { patience: Duration::from_secs(2), rounds: 3, ..Tempo::default() };
    let found = discover(&socket, &range, tempo).await?;
    let [one] = found[..] else { anyhow::bail!("{found:?}") };
    ensure!(one.address == simulator.address() && one.ipmi, "{one:?}");
    Ok(())
}
