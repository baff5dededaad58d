//! A real VM through the systemd launcher, and a server that powers itself off: this very program runs one of its tests inside a guest whose process 1 is systemd.

use crate::support::{LIMIT, Leader, NodeProcess, images, launcher};
use anyhow::{Context, Result, bail, ensure};
use cake_node_api::HostVerb;
use cake_types::{
    Epoch, Generation, HostSetting, HostSpec, LeavingEnd, LeavingStage, LeavingWay, NodeStatus, OperationId, Power,
    Stamp, UpsShutdown, UpsSpec, VmState,
};
use jiff::Timestamp;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const NODE: &str = env!("CARGO_BIN_EXE_cake-node");

/// Here with the detached launcher, in the guest with the other one.
#[tokio::test]
async fn a_vm_outlives_its_node_is_found_again_and_obeys() -> Result<()> {
    let mut node = NodeProcess::start()?;
    let mut leader = Leader::new(&node, 1).await?;
    let mut vm = leader.pvh();
    let id = vm.meta.id;
    leader.apply(&vm).await?;
    let pid = leader.state(&vm, VmState::Running).await?.pid.context("a process")?;
    leader.serial(id).await?.until("cake-pvh: up\n").await?;
    // Its group says who started it: systemd puts what it starts into the slice of cake's VMs.
    if launcher() == "systemd" {
        let group = fs::read_to_string(format!("/proc/{pid}/cgroup"))?;
        ensure!(group.contains("cake-vms.slice"), "{group}");
    }
    node.kill()?;
    node.serve()?;
    let mut leader = Leader::new(&node, 2).await?;
    let status = leader.until(id, |status| status.state == VmState::Running).await?;
    ensure!(status.pid == Some(pid) && status.restarts == 0, "adopted, not started: {status:?}");
    leader.serial(id).await?.until("cake-pvh: up\n").await?;
    leader.set_power(&mut vm, Power::Paused).await?;
    ensure!(leader.state(&vm, VmState::Paused).await?.pid == Some(pid));
    leader.set_power(&mut vm, Power::Stopped).await?;
    leader.state(&vm, VmState::Stopped).await?;
    ensure!(node.qemus()?.is_empty(), "it has ended");
    leader.client.remove_vm(id, leader.stamp(&vm), Vec::new()).await?;
    leader.removed(id).await
}

/// What cake-node says when logind has taken the order. Nobody after it is sure to be heard: everything is ended from then on.
const GOING: &str = "all guests are off: this server powers itself off";

/// Only where the machine may go off: a NUT server says that it is about to cut the power.
#[tokio::test]
async fn guest_and_server_go_off() -> Result<()> {
    if launcher() != "systemd" {
        return Ok(());
    }
    let node = NodeProcess::start()?;
    let mut leader = Leader::new(&node, 1).await?;
    let vm = leader.pvh();
    leader.apply(&vm).await?;
    leader.state(&vm, VmState::Running).await?;
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    std::thread::spawn(move || listener.incoming().flatten().try_for_each(cut));
    let (host, name) = ("127.0.0.1".into(), "rack".into());
    let spec = UpsSpec { host, port, name, user: None, password: None, minutes: 1 };
    leader.client.apply_ups(Stamp { epoch: leader.epoch, generation: Generation(1) }, Some(spec)).await?;
    // systemd has taken the order: who can't be powered off says so instead.
    leader.until_node(|node| node.ups.as_ref().is_some_and(|ups| ups.shutdown == Some(UpsShutdown::Host))).await?;
    ensure!(node.qemus()?.is_empty(), "the guest is still there");
    tokio::time::sleep(2 * LIMIT).await;
    bail!("the server is still there")
}

/// What cake-node says when logind has taken somebody's order.
const GOES: &str = "all guests are off: this server goes";

/// Only where the machine may go off: somebody calls a restart off, and gives the order again.
#[tokio::test]
async fn a_restart_is_called_off_and_given_again() -> Result<()> {
    if launcher() != "systemd" {
        return Ok(());
    }
    let mut node = NodeProcess::start()?;
    let mut leader = Leader::new(&node, 1).await?;
    let named =
        HostSpec { host_name: Some("rack-1".parse()?), time_zone: Some("Asia/Taipei".into()), ntp: Some(false) };
    let stamp = |generation| Stamp { epoch: Epoch(1), generation: Generation(generation) };
    leader.client.apply_host(stamp(1), named).await?;
    let so = leader.until_node(|node| node.host_name == "rack-1").await?;
    let host = so.host.context("it tells of its machine")?;
    ensure!(host.time_zone.as_deref() == Some("Asia/Taipei") && host.ntp == Some(false), "{host:?}");
    ensure!(host.refused.is_none() && host.hands_off.is_none() && !host.synchronized, "{host:?}");
    let nowhere = HostSpec { time_zone: Some("Nowhere/Nothing".into()), ..HostSpec::default() };
    leader.client.apply_host(stamp(2), nowhere).await?;
    let refused = |node: &NodeStatus| node.host.as_ref().and_then(|host| host.refused.clone());
    let so = leader.until_node(|node| refused(node).is_some()).await?;
    ensure!(refused(&so).is_some_and(|refused| refused.setting == HostSetting::TimeZone), "{so:?}");
    leader.client.apply_host(stamp(3), HostSpec::default()).await?;
    the_clock_is_set_once(&leader).await?;

    // It does not hear the power button, so there is time to call it off, and for a crash.
    let vm = leader.pvh();
    leader.apply(&vm).await?;
    let before = leader.state(&vm, VmState::Running).await?.pid;
    let (first, second) = (OperationId::now(), OperationId::now());
    let reboot = HostVerb::Leave { way: LeavingWay::Reboot, seconds: 15 };
    let stage =
        |node: &NodeStatus| node.host.as_ref().and_then(|host| host.leaving.as_ref().map(|leaving| leaving.stage));
    leader.client.operate_host(Epoch(1), first, reboot).await?;
    leader.until_node(|node| stage(node) == Some(LeavingStage::Guests)).await?;
    node.kill()?;
    node.serve()?;
    let mut leader = Leader::new(&node, 2).await?;
    leader.client.operate_host(Epoch(2), first, reboot).await.context("the same order again")?;
    ensure!(leader.client.operate_host(Epoch(2), second, reboot).await.is_err(), "one order at a time");
    ensure!(leader.client.operate_host(Epoch(1), first, HostVerb::Stay).await.is_err(), "a leader of before");
    leader.client.operate_host(Epoch(2), first, HostVerb::Stay).await?;
    let over = |node: &NodeStatus| node.host.as_ref().is_some_and(|host| host.leaving.is_none() && host.left.is_some());
    let so = leader.until_node(over).await?;
    let left = so.host.and_then(|host| host.left).context("it has ended")?;
    ensure!(left.operation == first && left.end == LeavingEnd::Cancelled, "{left:?}");
    let after = leader.until(vm.meta.id, |status| status.state == VmState::Running && status.pid != before).await?;
    ensure!(after.halted_by.is_none(), "{after:?}");
    println!("called off: its guest runs again");

    leader.client.operate_host(Epoch(2), first, reboot).await.context("an order that is over is known")?;
    leader.client.operate_host(Epoch(2), second, reboot).await?;
    leader.until_node(|node| stage(node) == Some(LeavingStage::Host)).await?;
    ensure!(node.qemus()?.is_empty(), "the guest is still there");
    tokio::time::sleep(2 * LIMIT).await;
    bail!("the server is still there")
}

/// However often the same order comes.
async fn the_clock_is_set_once(leader: &Leader) -> Result<()> {
    let (order, hour) = (OperationId::now(), Duration::from_secs(3600));
    let before = Timestamp::now();
    leader.client.operate_host(leader.epoch, order, HostVerb::SetClock { at: before + hour }).await?;
    ensure!(Timestamp::now() >= before + hour, "the clock was not set");
    leader.client.operate_host(leader.epoch, order, HostVerb::SetClock { at: before }).await?;
    ensure!(Timestamp::now() >= before + hour, "the same order was carried out twice");
    Ok(())
}

#[test]
fn a_restart_ends_guests_first_and_is_called_off_until_then() -> Result<()> {
    let (said, error, _) = in_guest("a_restart_is_called_off_and_given_again")?;
    let off = error.contains("ended without a report (QEMU: 0)");
    let all = ["called off: its guest runs again", GOES].iter().all(|wanted| said.contains(wanted));
    ensure!(all && off && !said.contains("still there"), "{said}\n{error}");
    Ok(())
}

/// A NUT server that cuts the power.
fn cut(mut stream: std::net::TcpStream) -> std::io::Result<()> {
    let asked = BufReader::new(stream.try_clone()?).lines();
    for _ in asked.map_while(Result::ok) {
        stream.write_all(b"BEGIN LIST VAR rack\nVAR rack ups.status \"FSD OB LB\"\nEND LIST VAR rack\n")?;
    }
    Ok(())
}

#[test]
fn the_same_under_systemd() -> Result<()> {
    let (said, error, passed) = in_guest("a_vm_outlives_its_node_is_found_again_and_obeys")?;
    ensure!(passed && said.contains("1 passed"), "{said}\n{error}");
    Ok(())
}

/// QEMU ends as it does when its machine is powered off, and nobody has reported how the test ended.
#[test]
fn a_server_without_power_ends_its_guests_and_then_itself() -> Result<()> {
    let (said, error, _) = in_guest("guest_and_server_go_off")?;
    let off = error.contains("ended without a report (QEMU: 0)");
    ensure!(said.contains(GOING) && off && !said.contains("still there"), "{said}\n{error}");
    Ok(())
}

/// Runs a test of this program in the guest: what it said, what the script said, whether all went well.
fn in_guest(test: &str) -> Result<(String, String, bool)> {
    in_guest_with(&format!("systemd::{test}"), "", "")
}

/// The same with more disks (words of `CAKE_GUEST_DISKS`), and with commands before the test.
pub fn in_guest_with(test: &str, disks: &str, prepare: &str) -> Result<(String, String, bool)> {
    in_guest_made_of(test, &[("CAKE_GUEST_DISKS", disks)], prepare)
}

/// The same with what `systemd-guest.sh` can be told, and with commands before the test.
pub fn in_guest_made_of(test: &str, made_of: &[(&str, &str)], prepare: &str) -> Result<(String, String, bool)> {
    let folder = tempfile::tempdir()?;
    let (inside, output) = (folder.path().join("cake"), folder.path().join("output"));
    fs::create_dir_all(inside.join("images"))?;
    fs::copy(NODE, inside.join("cake-node"))?;
    fs::copy(std::env::current_exe()?, inside.join("it"))?;
    for file in ["cake-pvh.toml", "cake-pvh.elf"] {
        fs::copy(images()?.join(file), inside.join("images").join(file))?;
    }
    let place = Path::new(NODE).parent().context("a program lies in a directory")?.display();
    // The test looks for the program where it was built.
    let run = format!(
        "#!/bin/sh
set -e
mkdir -p '{place}'
ln -s /cake/cake-node '{NODE}'
export CAKE_LAUNCHER=systemd CAKE_ENGINE=/engine CAKE_IMAGES=/cake/images
{prepare}
exec /cake/it --exact {test} --nocapture
"
    );
    fs::write(inside.join("run"), run)?;
    fs::set_permissions(inside.join("run"), fs::Permissions::from_mode(0o755))?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../image/scripts/systemd-guest.sh");
    let guest = Command::new(script)
        .envs(made_of.iter().copied())
        .arg(&inside)
        .arg(&output)
        .output()
        .context("image/scripts/systemd-guest.sh")?;
    let said = fs::read_to_string(&output).unwrap_or_default();
    Ok((said, String::from_utf8_lossy(&guest.stderr).into_owned(), guest.status.success()))
}
