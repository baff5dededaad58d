//! No datagram stops it: 10,000 of them, random, and its own made worse.

use crate::support::{PASSWORD, Rig, USER};
use anyhow::{Result, ensure};
use cake_bmc::Request;
use cake_bmc::asf::{Ping, Pong};
use cake_bmc::message::net_fn;
use cake_bmc::rmcp::handshake::role;
use cake_bmc::rmcp::{CipherSuite, Message, OpenRequest, PayloadType, Rakp1, Rakp3, Status, legacy, packet};
use cake_bmc_sim::Description;
use cake_bmc_sim::sessions::{Around, Sessions};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

const DATAGRAMS: usize = 10_000;

/// One of everything that a console sends without a login.
fn honest() -> Vec<Vec<u8>> {
    let algorithms = CipherSuite::Seventeen.algorithms();
    let open = OpenRequest { tag: 1, privilege: 4, console_session: 0xa0a1_a2a3, algorithms };
    let rakp1 = Rakp1 { tag: 2, managed_session: 1, random: [7; 16], role: role(4, true), user: USER.into() };
    let rakp3 = Rakp3 { tag: 3, status: Status::OK, managed_session: 1, code: vec![9; 32] };
    let asked = Request::new(net_fn::APP, 0x38, [0x8e, 0x04]);
    let message = Message::request(&asked, 5).encode();
    vec![
        Ping { tag: 9 }.encode(),
        legacy::encode(&message),
        packet::clear(PayloadType::Ipmi, &message),
        packet::clear(PayloadType::OpenRequest, &open.encode()),
        packet::clear(PayloadType::Rakp1, &rakp1.encode()),
        packet::clear(PayloadType::Rakp3, &rakp3.encode()),
    ]
}

/// A datagram of the list, made worse: cut, longer, bits turned; or nothing but noise.
fn worse(random: &mut StdRng, honest: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = if random.random_ratio(1, 4) {
        (0..random.random_range(0..600)).map(|_| random.random()).collect()
    } else {
        honest[random.random_range(0..honest.len())].clone()
    };
    for _ in 0..random.random_range(0..6) {
        match random.random_range(0..4) {
            0 => bytes.truncate(random.random_range(0..=bytes.len())),
            1 => bytes.extend((0..random.random_range(0..40)).map(|_| random.random::<u8>())),
            _ if bytes.is_empty() => bytes.push(random.random()),
            _ => {
                let at = random.random_range(0..bytes.len());
                bytes[at] ^= 1 << random.random_range(0..8);
            }
        }
    }
    bytes
}

#[test]
fn ten_thousand_bad_datagrams_leave_it_whole() -> Result<()> {
    let mut random = StdRng::seed_from_u64(4);
    let mut numbers = StdRng::seed_from_u64(5);
    let mut draw = || numbers.random();
    let mut sessions = Sessions::new(Description::server(USER, PASSWORD, 10))?;
    let peer = "127.0.0.1:9".parse()?;
    let honest = honest();
    let mut answered = 0;
    for now in 0..DATAGRAMS {
        let datagram = worse(&mut random, &honest);
        let mut around = Around { now: now as u32, random: &mut draw };
        answered += sessions.datagram(&datagram, peer, &mut around).len();
        ensure!(sessions.count() <= 16, "the table of sessions is bounded");
    }
    ensure!(answered > DATAGRAMS / 20, "some are understood: {answered}");
    let ping = Ping { tag: 77 }.encode();
    let pong = sessions.datagram(&ping, peer, &mut Around { now: 0, random: &mut draw });
    ensure!(Pong::parse(&pong[0])?.tag == 77);
    Ok(())
}

/// Every command of every function with data of every length, as an administrator: an answer each, and none that stops it.
#[test]
fn every_command_is_answered() -> Result<()> {
    use cake_bmc_sim::machine::{ADMINISTRATOR, Caller, Machine};
    let mut random = StdRng::seed_from_u64(6);
    let mut machine = Machine::new(Description::server(USER, PASSWORD, 10));
    let caller = Caller { privilege: ADMINISTRATOR, now: 1_800_000_000 };
    for net_fn in (0..64).step_by(2) {
        for command in 0..=255 {
            for length in 0..24 {
                let mut data: Vec<u8> = (0..length).map(|_| random.random()).collect();
                if net_fn == net_fn::GROUP && length > 0 {
                    data[0] = 0xdc;
                }
                let response = machine.answer(&Request::new(net_fn, command, data), caller);
                ensure!(response.data.len() < 256, "{net_fn:#04x} {command:#04x}");
            }
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_disturbs_no_session() -> Result<()> {
    let rig = Rig::start(|_| {}).await?;
    let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await?;
    socket.connect(rig.sim.address()).await?;
    let flood = tokio::spawn(async move {
        let (mut random, honest) = (StdRng::seed_from_u64(7), honest());
        for _ in 0..DATAGRAMS {
            // As on a network: what can't be sent is lost.
            let _ = socket.send(&worse(&mut random, &honest[..3])).await;
        }
    });
    for suite in crate::support::SUITES {
        let sensors = rig.ipmitool_ok(suite, &["-R", "8", "sensor", "reading", "Temp 1"]).await?;
        ensure!(sensors.contains("40"), "{sensors}");
    }
    flood.await?;
    rig.ipmitool_ok(17, &["mc", "info"]).await?;
    Ok(())
}
