//! The machine's own network, with a real systemd-networkd: this program runs its test inside a guest with two network cards.

use crate::support::{Leader, NodeProcess, launcher};
use crate::systemd::in_guest_made_of;
use anyhow::{Context, Result, ensure};
use cake_types::{
    BondMode, Epoch, NodeStatus, OperationId, UplinkEnd, UplinkMethod, UplinkPort, UplinkSource, UplinkSpec,
    UplinkStatus,
};
use std::fs;
use std::path::Path;
use std::process::Command;

const FIRST: &str = "192.0.2.10/24";
const SECOND: &str = "192.0.2.20/24";
const CARDS: [&str; 2] = ["52:54:00:00:00:01", "52:54:00:00:00:02"];

fn fixed(address: &str) -> UplinkSpec {
    UplinkSpec {
        method: UplinkMethod::Static,
        addresses: vec![address.parse().expect("an address")],
        gateways: vec!["192.0.2.1".parse().expect("an address")],
        dns: vec!["192.0.2.1".parse().expect("an address")],
        ..UplinkSpec::default()
    }
}

fn uplink(node: &NodeStatus) -> UplinkStatus {
    node.host.as_ref().and_then(|host| host.uplink.as_deref()).cloned().unwrap_or_default()
}

fn is_at(uplink: &UplinkStatus, address: &str) -> bool {
    let own = uplink.addresses.iter().find(|own| own.value.to_string() == address);
    own.is_some_and(|own| own.source == UplinkSource::Static)
}

fn port<'a>(uplink: &'a UplinkStatus, mac: &str) -> Option<&'a UplinkPort> {
    uplink.ports.iter().find(|port| port.mac.to_string() == mac)
}

async fn until(leader: &mut Leader, wanted: impl Fn(&UplinkStatus) -> bool) -> Result<UplinkStatus> {
    Ok(uplink(&leader.until_node(|node| wanted(&uplink(node))).await?))
}

fn link(arguments: &[&str]) -> Result<String> {
    let output = Command::new("ip").args(arguments).output().context("ip")?;
    ensure!(output.status.success(), "ip {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}

/// Only in the guest, whose network may be changed.
#[tokio::test]
async fn a_network_is_taken_over_tried_confirmed_and_returns() -> Result<()> {
    if launcher() != "systemd" {
        return Ok(());
    }
    let mut node = NodeProcess::start()?;
    let mut leader = Leader::new(&node, 1).await?;
    let epoch = leader.epoch;
    // What the installation left is taken over, and both cards carry it.
    let so = until(&mut leader, |uplink| is_at(uplink, FIRST) && uplink.ports.len() == 2).await?;
    ensure!(so.spec.search == ["example.com"] && so.generation == 1 && so.refused.is_none(), "{so:?}");
    ensure!(so.gateways.iter().any(|gateway| gateway.value.to_string() == "192.0.2.1"), "{so:?}");
    ensure!(so.dns.iter().any(|server| server.source == UplinkSource::Static), "{so:?}");
    until(&mut leader, |uplink| {
        uplink.ports.iter().all(|port| port.bonded && port.carrier)
            && uplink.ports.iter().filter(|port| port.active).count() == 1
    })
    .await?;
    println!("taken over");

    // A cable that does not carry any more: the other card takes over.
    let active =
        until(&mut leader, |_| true).await?.ports.into_iter().find(|port| port.active).context("one carries")?;
    link(&["link", "set", &active.name, "down"])?;
    let mac = active.mac.to_string();
    until(&mut leader, |uplink| {
        port(uplink, &mac).is_some_and(|port| !port.carrier) && uplink.ports.iter().any(|port| port.active)
    })
    .await?;
    link(&["link", "set", &active.name, "up"])?;
    until(&mut leader, |uplink| port(uplink, &mac).is_some_and(|port| port.carrier)).await?;
    println!("told of a cable");

    // Another network: one card, the address in a VLAN. Confirmed, it holds after a crash.
    let wanted = UplinkSpec { links: vec![CARDS[0].into()], vlan: Some(12), ..fixed(SECOND) };
    let operation = OperationId::now();
    leader.client.try_uplink(epoch, operation, wanted.clone(), 600).await?;
    leader.client.try_uplink(epoch, operation, wanted.clone(), 600).await.context("the same again")?;
    ensure!(leader.client.try_uplink(epoch, OperationId::now(), fixed(FIRST), 600).await.is_err(), "one at a time");
    ensure!(leader.client.try_uplink(Epoch(0), operation, fixed(FIRST), 600).await.is_err(), "a leader of before");
    until(&mut leader, |uplink| is_at(uplink, SECOND) && !is_at(uplink, FIRST)).await?;
    until(&mut leader, |uplink| uplink.trial.as_ref().is_some_and(|trial| trial.applied)).await?;
    until(&mut leader, |uplink| port(uplink, CARDS[1]).is_some_and(|port| !port.bonded && port.carrier)).await?;
    ensure!(link(&["-d", "link", "show", "management"])?.contains("id 12"), "it is in another VLAN");
    leader.client.settle_uplink(epoch, operation, true).await?;
    leader.client.settle_uplink(epoch, operation, true).await.context("the same again")?;
    ensure!(leader.client.settle_uplink(epoch, operation, false).await.is_err(), "it is confirmed");
    let so = until(&mut leader, |uplink| uplink.trial.is_none()).await?;
    ensure!(so.spec == wanted && so.generation == 2, "{so:?}");
    node.kill()?;
    node.serve()?;
    let mut leader = Leader::new(&node, 2).await?;
    let epoch = leader.epoch;
    until(&mut leader, |uplink| is_at(uplink, SECOND)).await?;
    println!("confirmed");

    // One that nobody confirms is gone after its time, and another VLAN with it.
    let tried = OperationId::now();
    leader.client.try_uplink(epoch, tried, UplinkSpec { vlan: Some(13), ..fixed(FIRST) }, 30).await?;
    until(&mut leader, |uplink| is_at(uplink, FIRST)).await?;
    let so = until(&mut leader, |uplink| uplink.trial.is_none() && is_at(uplink, SECOND)).await?;
    ensure!(
        so.ended.as_ref().is_some_and(|ended| ended.operation == tried && ended.end == UplinkEnd::Expired),
        "{so:?}"
    );
    ensure!(link(&["-d", "link", "show", "management"])?.contains("id 12"), "the VLAN is not the one before");
    println!("returned by itself");

    // One during which the program is killed is gone when it starts again: a bond of another kind too.
    let tried = OperationId::now();
    leader.client.try_uplink(epoch, tried, UplinkSpec { bond: BondMode::Lacp, ..fixed(FIRST) }, 600).await?;
    until(&mut leader, |uplink| is_at(uplink, FIRST) && port(uplink, CARDS[1]).is_some_and(|port| port.bonded)).await?;
    let mode = || fs::read_to_string("/sys/class/net/cables/bonding/mode");
    ensure!(mode()?.starts_with("802.3ad"), "{}", mode()?);
    node.kill()?;
    node.serve()?;
    let mut leader = Leader::new(&node, 3).await?;
    let so = until(&mut leader, |uplink| is_at(uplink, SECOND) && !is_at(uplink, FIRST)).await?;
    ensure!(so.trial.is_none() && so.ended.as_ref().is_some_and(|ended| ended.end == UplinkEnd::Restarted), "{so:?}");
    ensure!(so.spec == wanted && mode()?.starts_with("active-backup"), "{so:?}");

    // What could not be is refused, and changes nothing.
    let nowhere = UplinkSpec { links: vec!["nosuchport".into()], ..fixed(FIRST) };
    ensure!(leader.client.try_uplink(leader.epoch, OperationId::now(), nowhere, 600).await.is_err(), "no such port");
    ensure!(leader.client.try_uplink(leader.epoch, OperationId::now(), fixed(FIRST), 5).await.is_err(), "too short");
    let none = leader.client.settle_uplink(leader.epoch, OperationId::now(), true).await;
    ensure!(none.is_err(), "nothing is tried");
    Ok(())
}

/// What makes the same files in the guest as there are in a folder.
fn copied(folder: &Path, to: &str) -> Result<String> {
    let mut script = String::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().context("a name")?.to_string_lossy().into_owned();
        script += &match path.is_dir() {
            true => format!("mkdir -p {to}/{name}\n{}", copied(&path, &format!("{to}/{name}"))?),
            false => format!("cat >{to}/{name} <<'END'\n{}END\n", fs::read_to_string(&path)?),
        };
    }
    Ok(script)
}

/// networkd with the image's own files, and what the installer leaves.
#[test]
fn systemd_networkd_does_what_it_is_told() -> Result<()> {
    let image = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../image/root/usr/lib/systemd/network");
    let mut prepare = String::from(
        "/usr/lib/systemd/systemd-udevd --daemon
modprobe -a virtio_net bonding bridge 8021q
udevadm trigger --action=add --subsystem-match=net
udevadm settle
mkdir -p /usr/local/lib/systemd/network /tmp/setup
printf '%s\\n' 'method = \"static\"' 'address = \"192.0.2.10/24\"' 'gateway = \"192.0.2.1\"' 'dns = [\"192.0.2.1\"]' \
    'search = [\"example.com\"]' >/tmp/setup/network.toml
",
    );
    prepare += &copied(&image, "/usr/local/lib/systemd/network")?;
    prepare += "systemctl start systemd-networkd.service\n";
    let made_of = [("CAKE_GUEST_CARDS", "2"), ("CAKE_GUEST_SECONDS", "280")];
    let test = "uplink::a_network_is_taken_over_tried_confirmed_and_returns";
    let (said, error, passed) = in_guest_made_of(test, &made_of, &prepare)?;
    ensure!(passed && said.contains("1 passed"), "{said}\n{error}");
    Ok(())
}
