//! BMCs found in a range by the confined worker of a real node: OpenIPMI's simulator by its pongs, a Redfish service by its root.

#[allow(dead_code, reason = "the tests of cake-bmc use more of it")]
#[path = "../../../cake-bmc/tests/redfish/server.rs"]
mod redfish;

use crate::servers::ipmi_sim::Simulator;
use crate::servers::workers;
use crate::support::{Leader, NodeProcess};
use anyhow::{Result, bail, ensure};
use cake_types::{OperationId, ScanEnd, ScanRange, ScanStatus};
use redfish::{Reply, Server};
use std::net::{IpAddr, Ipv4Addr};

const LIMIT: std::time::Duration = std::time::Duration::from_secs(120);
const ROOT: &str = r#"{"RedfishVersion":"1.11.0","UUID":"92384634-2938-2342-8820-489239905423","Vendor":"Contoso",
    "Product":"Sketchy BMC","Links":{"Sessions":{"@odata.id":"/redfish/v1/SessionService/Sessions"}}}"#;

async fn until(leader: &mut Leader, wanted: impl Fn(&ScanStatus) -> bool) -> Result<ScanStatus> {
    let until = tokio::time::Instant::now() + LIMIT;
    loop {
        if let Some(scan) = leader.scan.as_ref().filter(|scan| wanted(scan)) {
            return Ok(scan.clone());
        }
        let seen = tokio::time::timeout_at(until, leader.see()).await;
        if let Err(error) = seen.map_err(Into::into).and_then(|seen| seen) {
            bail!("{error:#}; {:?}", leader.scan);
        }
    }
}

/// So many addresses around one.
fn around(address: IpAddr, many: u32, port: u16, redfish_port: u16) -> Result<ScanRange> {
    let IpAddr::V4(v4) = address else { bail!("not IPv4") };
    let first = v4.to_bits() / many * many;
    let (first, last) = (Ipv4Addr::from_bits(first).into(), Ipv4Addr::from_bits(first + many - 1).into());
    Ok(ScanRange { first, last, port, redfish_port })
}

#[tokio::test]
async fn bmcs_are_found_and_touched_by_nobody() -> Result<()> {
    let simulator = Simulator::start()?;
    let service = Server::start(|asked| match asked.path.as_str() {
        "/redfish/v1" | "/redfish/v1/" => Reply::json(200, ROOT),
        _ => Reply::json(404, "{}"),
    })
    .await;
    let node = NodeProcess::start()?;
    let mut leader = Leader::new(&node, 1).await?;
    ensure!(leader.scan.is_none() && workers(&node)?.is_empty());

    // A port where nobody speaks Redfish.
    let address = simulator.address();
    let range = around(address.ip(), 256, address.port(), 1)?;
    let first = OperationId::now();
    for _ in 0..2 {
        // The same again is the same scan.
        leader.client.scan(first, range).await?;
    }
    let begun = until(&mut leader, |scan| scan.operation == first).await?;
    ensure!(begun.total == 256, "{begun:?}");
    let other = leader.client.scan(OperationId::now(), range).await;
    ensure!(other.is_err(), "one at a time");
    let done = until(&mut leader, |scan| scan.operation == first && scan.end.is_some()).await?;
    ensure!(done.end == Some(ScanEnd::Done) && done.asked == 256 && !done.more, "{done:?}");
    let [found] = &done.found[..] else { bail!("{done:?}") };
    ensure!(found.address == address.ip() && found.ipmi && found.redfish.is_none(), "{found:?}");

    // The worker was made for it and has gone.
    for _ in 0..200 {
        if workers(&node)?.is_empty() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    ensure!(workers(&node)?.is_empty(), "without a BMC to watch there is none");

    let second = OperationId::now();
    let one = service.address.ip();
    let range = ScanRange { first: one, last: one, port: 1, redfish_port: service.address.port() };
    leader.client.scan(second, range).await?;
    let done = until(&mut leader, |scan| scan.operation == second && scan.end.is_some()).await?;
    let [found] = &done.found[..] else { bail!("{done:?}") };
    let Some(redfish) = &found.redfish else { bail!("{found:?}") };
    ensure!((redfish.vendor.as_str(), redfish.version.as_str()) == ("Contoso", "1.11.0") && !found.ipmi, "{found:?}");
    ensure!(redfish.uuid.is_some() && redfish.product == "Sketchy BMC");
    let heard = service.heard();
    ensure!(!heard.is_empty() && heard.iter().all(|asked| asked.starts_with("GET /redfish/v1")), "{heard:?}");
    let again = Leader::watching(&node).await?;
    ensure!(again.scan.is_some_and(|scan| scan.operation == second), "a snapshot tells of it");
    Ok(())
}

#[tokio::test]
async fn a_scan_can_be_stopped_and_does_not_outlive_whoever_asks() -> Result<()> {
    let node = NodeProcess::start()?;
    let mut leader = Leader::new(&node, 1).await?;
    let range = around(Ipv4Addr::new(127, 9, 0, 0).into(), 4096, 1, 2)?;
    let stopped = OperationId::now();
    leader.client.scan(stopped, range).await?;
    until(&mut leader, |scan| scan.operation == stopped && scan.asked > 0).await?;
    leader.client.stop_scan(stopped).await?;
    let end = until(&mut leader, |scan| scan.operation == stopped && scan.end.is_some()).await?;
    ensure!(end.end == Some(ScanEnd::Cancelled) && end.asked < end.total, "{end:?}");
    leader.client.stop_scan(stopped).await?;

    let lost = OperationId::now();
    leader.client.scan(lost, range).await?;
    until(&mut leader, |scan| scan.operation == lost && scan.asked > 0).await?;
    for worker in workers(&node)? {
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(worker), nix::sys::signal::SIGKILL)?;
    }
    let end = until(&mut leader, |scan| scan.operation == lost && scan.end.is_some()).await?;
    ensure!(end.end == Some(ScanEnd::Interrupted), "{end:?}");

    for (first, last, ports) in [
        ("127.0.0.9", "127.0.0.1", (1, 1)),
        ("127.0.0.1", "::1", (1, 1)),
        ("127.0.0.0", "127.1.0.0", (1, 1)),
        ("127.0.0.1", "127.0.0.2", (0, 1)),
    ] {
        let (port, redfish_port) = ports;
        let range = ScanRange { first: first.parse()?, last: last.parse()?, port, redfish_port };
        ensure!(leader.client.scan(OperationId::now(), range).await.is_err(), "{first}–{last}");
    }
    Ok(())
}
