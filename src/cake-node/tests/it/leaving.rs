//! A server that goes because somebody asked: what a machine that is somebody's own says to that, and what is so after another boot.
//! What happens in between is tried where the machine may go: see `systemd`.

use crate::support::{Leader, NodeProcess};
use anyhow::{Context, Result, ensure};
use cake_node_api::{ClientError, HostVerb, NodeError, Verb};
use cake_types::{
    Departed, Epoch, Generation, HandsOff, HostSpec, LeavingEnd, LeavingWay, NodeStatus, OperationId, Stamp, VmState,
};
use rusqlite::Connection;
use serde_json::json;

/// Only the detached launcher's machine is somebody's own; in the guest these do not run.
#[tokio::test]
async fn a_machine_that_is_somebodys_own_is_left_alone() -> Result<()> {
    let node = NodeProcess::start()?;
    let leader = Leader::new(&node, 1).await?;
    let status = leader.client.hello(None).await?.status;
    let host = status.host.context("it tells of its machine")?;
    ensure!(host.hands_off == Some(HandsOff::NotAppliance) && host.ntp.is_none(), "{host:?}");
    // What tells it from others is said all the same: a serial number, a card, or the system's own id.
    let tells = !cake_host::identity::cards().is_empty() || cake_host::identity::machine_id()?.is_some();
    ensure!(!tells || host.local_name.as_ref().is_some_and(|name| name.starts_with("cake-")), "{host:?}");
    let stamp = Stamp { epoch: Epoch(1), generation: Generation(1) };
    let spec = HostSpec { host_name: Some("not-yours".parse()?), ..HostSpec::default() };
    let refused = |result: Result<(), ClientError>| matches!(result, Err(ClientError::Refused(NodeError::Invalid { detail })) if detail.contains("not-appliance"));
    ensure!(refused(leader.client.apply_host(stamp, spec).await), "the host name");
    for way in [LeavingWay::Reboot, LeavingWay::PowerOff] {
        let verb = HostVerb::Leave { way, seconds: 0 };
        ensure!(refused(leader.client.operate_host(Epoch(1), OperationId::now(), verb).await), "{way:?}");
    }
    let clock = HostVerb::SetClock { at: jiff::Timestamp::UNIX_EPOCH };
    ensure!(refused(leader.client.operate_host(Epoch(1), OperationId::now(), clock).await), "the clock");
    ensure!(status.host_name == nix::unistd::gethostname()?.to_string_lossy(), "it still has its name");
    Ok(())
}

/// One guest is off, the other still shuts down when the power goes: both run afterwards, and nobody ends them again.
#[tokio::test]
async fn after_another_boot_the_order_is_over_and_its_guests_run_again() -> Result<()> {
    let mut node = NodeProcess::start()?;
    let mut leader = Leader::new(&node, 1).await?;
    let (gone, going) = (leader.pvh(), leader.pvh());
    for vm in [&gone, &going] {
        leader.apply(vm).await?;
        leader.state(vm, VmState::Running).await?;
    }
    let (operation, first, second) = (OperationId::now(), OperationId::now(), OperationId::now());
    let before = jiff::Timestamp::now();
    leader.client.operate(first, gone.meta.id, Verb::Halt { seconds: 0 }).await?;
    leader.until(gone.meta.id, |status| status.state == VmState::Stopped && status.halted_by.is_some()).await?;
    leader.client.operate(second, going.meta.id, Verb::Halt { seconds: 600 }).await?;
    node.kill()?;
    let qemus = node.qemus()?;
    ensure!(qemus.len() == 1, "{qemus:?}");
    for pid in qemus.into_values() {
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid.cast_signed()), nix::sys::signal::Signal::SIGKILL)?;
    }
    let departure = json!({
        "operation": operation, "way": "reboot", "stage": "guests", "boot": uuid::Uuid::nil(), "at": before, "seconds": 600,
        "vms": [[gone.meta.id, first], [going.meta.id, second]], "asked_again": false,
    });
    let database = Connection::open(node.state.path().join("node.db"))?;
    database.execute("INSERT INTO meta (name, value) VALUES ('departure', ?1)", [departure.to_string()])?;
    drop(database);
    node.serve()?;
    let mut leader = Leader::new(&node, 2).await?;
    for vm in [&gone, &going] {
        leader.until(vm.meta.id, |status| status.state == VmState::Running && status.halted_by.is_none()).await?;
    }
    let left = |node: &NodeStatus| node.host.as_ref().and_then(|host| host.left.clone());
    let so = leader.until_node(|node| left(node).is_some()).await?;
    ensure!(left(&so) == Some(Departed { operation, end: LeavingEnd::Done, detail: None }), "{so:?}");
    let pending = "SELECT count(*) FROM operations WHERE outcome IS NULL";
    let database = Connection::open(node.state.path().join("node.db"))?;
    ensure!(database.query_row(pending, [], |row| row.get::<_, u32>(0))? == 0, "nobody is to be ended any more");
    Ok(())
}
