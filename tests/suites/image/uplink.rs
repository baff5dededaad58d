//! The server's own network: what the installation was told, another one that is confirmed, one that returns by itself, and cables.

use anyhow::{Context, Result, bail, ensure};
use cake_client::wire::Network as Uplink;
use cake_client::{Client, Error, Seen};
use cake_tests::appliance::{self, BOOT, HTTPS, Mode, client, server, shown};
use cake_tests::machine::Machine;
use cake_tests::{ADMIN, DEADLINE, PASSWORD};
use serde_json::{Value, json};
use std::net::Ipv4Addr;

/// Addresses of QEMU's own network: what the answer file says, what is confirmed, what nobody confirms.
const FIRST: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 40);
const CONFIRMED: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 41);
const TRIED: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 42);

fn fixed(address: Ipv4Addr, seconds: u32) -> Value {
    json!({ "method": "static", "addresses": [format!("{address}/24")], "gateways": ["10.0.2.2"], "dns": ["10.0.2.3"],
            "links": [Machine::CARD], "seconds": seconds })
}

/// A server that was installed by answers which name its network.
async fn installed() -> Result<Machine> {
    let install = format!(
        "disks = [\"SYSTEM\"]\nthen = \"poweroff\"\n[install.network]\nmethod = \"static\"\naddress = \"{FIRST}/24\"\n\
         gateway = \"10.0.2.2\"\ndns = [\"10.0.2.3\"]\nlinks = [\"{}\"]",
        Machine::CARD
    );
    appliance::installed(server("uplink").spare_card(), &install).await
}

/// Its console at that address, and somebody who is logged in there.
async fn at(machine: &mut Machine, address: Ipv4Addr) -> Result<Client> {
    machine.lead_to(address, HTTPS).await?;
    let answer = machine.wait_https(HTTPS, "/", BOOT).await?;
    let (administrator, _) = client(machine, &answer).await?.log_in(ADMIN, PASSWORD).await?;
    Ok(administrator)
}

async fn network(administrator: &Client) -> Result<(String, Seen<Uplink>)> {
    let nodes = administrator.nodes().await?;
    let node = nodes.items.first().context("a server")?.name.clone();
    let seen = administrator.network(&node).await?;
    Ok((node, seen))
}

/// What the node sees of its network, once that is so.
async fn until(administrator: &Client, is_so: impl Fn(&Uplink) -> bool) -> Result<Seen<Uplink>> {
    let look = async || anyhow::Ok(network(administrator).await?.1);
    appliance::until(DEADLINE, look, |seen: &Seen<Uplink>| is_so(seen)).await
}

fn is_at(uplink: &Uplink, address: Ipv4Addr) -> bool {
    uplink.addresses.iter().any(|own| own.address == format!("{address}/24") && own.source == "static")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_holds_once_it_is_confirmed_from_its_new_address() -> Result<()> {
    let mut machine = installed().await?;
    machine.power_on().await?;
    shown(&mut machine, Mode::Installed).await?;
    let administrator = at(&mut machine, FIRST).await?;
    // What the answer file said was taken over, and the port that it names is the one that carries.
    let seen = until(&administrator, |uplink| is_at(uplink, FIRST) && uplink.ports.len() == 2).await?;
    ensure!(seen.asked.method == "static" && seen.trial.is_none(), "{}", seen.json);
    let port =
        |uplink: &Uplink, own: bool| uplink.ports.iter().find(|port| (port.mac == Machine::CARD) == own).cloned();
    let (own, spare) = (port(&seen, true).context("its port")?, port(&seen, false).context("the other one")?);
    ensure!(own.active && own.carrier && spare.carrier && !spare.bonded, "{own:?} {spare:?}");

    // A cable is pulled, and plugged in again.
    machine.set_cable("spare", false).await?;
    until(&administrator, |uplink| port(uplink, false).is_some_and(|spare| !spare.carrier)).await?;
    machine.set_cable("spare", true).await?;
    until(&administrator, |uplink| port(uplink, false).is_some_and(|spare| spare.carrier)).await?;

    // Another address, confirmed from there and from nowhere else.
    let (node, seen) = network(&administrator).await?;
    let tried = administrator.try_network(&node, &seen, &fixed(CONFIRMED, 600)).await?;
    ensure!(tried.trial.is_some(), "{}", tried.json);
    match administrator.confirm_network(&node).await {
        Err(Error::Remote(problem)) => {
            ensure!(
                ["new address", "new network yet"].iter().any(|why| problem.to_string().contains(why)),
                "{problem}"
            );
        }
        // The old address is gone already.
        Err(Error::Unreachable { .. }) => {}
        other => bail!("confirmed over the old address: {:?}", other.map(|seen| seen.json)),
    }
    let administrator = at(&mut machine, CONFIRMED).await?;
    let applied = |uplink: &Uplink| uplink.trial.as_ref().is_some_and(|trial| trial.applied);
    until(&administrator, |uplink| is_at(uplink, CONFIRMED) && applied(uplink)).await?;
    administrator.confirm_network(&node).await?;
    let seen = until(&administrator, |uplink| uplink.trial.is_none()).await?;
    ensure!(seen.ended.as_ref().is_some_and(|ended| ended.end == "confirmed"), "{}", seen.json);

    // One that nobody confirms returns by itself.
    administrator.try_network(&node, &seen, &fixed(TRIED, 60)).await?;
    at(&mut machine, TRIED).await?;
    let administrator = at(&mut machine, CONFIRMED).await?;
    let seen = until(&administrator, |uplink| uplink.trial.is_none() && is_at(uplink, CONFIRMED)).await?;
    ensure!(seen.ended.as_ref().is_some_and(|ended| ended.end == "expired"), "{}", seen.json);
    ensure!(seen.asked.addresses == [format!("{CONFIRMED}/24")], "{}", seen.json);

    // And so does one during which the power fails.
    administrator.try_network(&node, &seen, &fixed(TRIED, 600)).await?;
    at(&mut machine, TRIED).await?;
    machine.cut_power();
    machine.power_on().await?;
    shown(&mut machine, Mode::Installed).await?;
    let administrator = at(&mut machine, CONFIRMED).await?;
    let seen = until(&administrator, |uplink| is_at(uplink, CONFIRMED)).await?;
    ensure!(seen.ended.as_ref().is_some_and(|ended| ended.end == "restarted"), "{}", seen.json);
    let events = administrator.events(Some(200)).await?;
    let happened = |kind: &str| events.items.iter().any(|event| event.kind == kind);
    for kind in ["port-down", "port-up", "network-confirmed", "network-returned"] {
        ensure!(happened(kind), "{kind}: {}", events.json);
    }
    machine.passed()
}
