//! The life of a VM, with real QEMUs.

use crate::support::{Leader, NodeProcess};
use anyhow::Result;
use cake_node_api::{OperationResult, Verb};
use cake_types::{Firmware, OperationId, Power, VmState};

#[tokio::test]
async fn a_guest_starts_speaks_pauses_resets_and_stops() -> Result<()> {
    let node = NodeProcess::start()?;
    let mut leader = Leader::new(&node, 1).await?;
    let mut vm = leader.pvh();
    let id = vm.meta.id;
    leader.apply(&vm).await?;
    let status = leader.state(&vm, VmState::Running).await?;
    assert!(status.start_commands.is_some_and(|count| count <= 12), "{status:?}");
    let mut console = leader.serial(id).await?;
    console.until("cake-pvh: up\n").await?;
    let usage = leader.usage(id).await?;
    assert!(usage.cpu_ns > 0 && usage.memory.bytes() > 1 << 20, "{usage:?}");

    leader.set_power(&mut vm, Power::Paused).await?;
    assert_eq!(leader.state(&vm, VmState::Paused).await?.pid, status.pid);
    leader.set_power(&mut vm, Power::Running).await?;
    assert_eq!(leader.state(&vm, VmState::Running).await?.pid, status.pid);

    let reset = OperationId::now();
    leader.client.operate(reset, id, Verb::Reset).await?;
    leader.client.operate(reset, id, Verb::Reset).await?;
    assert_eq!(leader.outcome(reset).await?, OperationResult::Done);
    console.until("cake-pvh: up\ncake-pvh: up\n").await?;

    leader.set_power(&mut vm, Power::Stopped).await?;
    leader.state(&vm, VmState::Stopped).await?;
    assert!(node.qemus()?.is_empty());
    leader.client.remove_vm(id, leader.stamp(&vm), Vec::new()).await?;
    leader.removed(id).await?;
    assert!(leader.apply(&vm).await.is_err());
    assert!(!node.state.path().join("vms").join(id.to_string()).exists());
    Ok(())
}

#[tokio::test]
async fn cake_tiny_boots_knows_its_name_answers_and_outlives_the_node() -> Result<()> {
    let mut node = NodeProcess::start()?;
    let mut leader = Leader::new(&node, 1).await?;
    let vm = leader.tiny(Firmware::Bios, "web-1")?;
    leader.apply(&vm).await?;
    let pid = leader.state(&vm, VmState::Running).await?.pid;
    let mut console = leader.serial(vm.meta.id).await?;
    console.until("cake-tiny: ready on web-1").await?;
    console.type_line("echo $((6 * 7))-is-it").await?;
    console.until("42-is-it").await?;

    // The node that comes after has what was said before it, from QEMU's own ring; and so has the one after that, though the
    // ring gives it only once.
    let again = async |node: &mut NodeProcess, epoch| {
        node.kill()?;
        node.serve()?;
        let mut leader = Leader::new(node, epoch).await?;
        assert_eq!(leader.until(vm.meta.id, |status| status.state == VmState::Running).await?.pid, pid);
        anyhow::Ok(leader)
    };
    again(&mut node, 2).await?;
    let mut leader = again(&mut node, 3).await?;
    let mut console = leader.serial(vm.meta.id).await?;
    console.until("42-is-it").await?;
    assert_eq!(console.seen.matches("cake-tiny: ready on web-1").count(), 1);
    console.type_line("echo still-$((6 * 8))").await?;
    console.until("still-48").await?;

    let shutdown = OperationId::now();
    leader.client.operate(shutdown, vm.meta.id, Verb::Shutdown { seconds: 100 }).await?;
    assert_eq!(leader.outcome(shutdown).await?, OperationResult::Done);
    let status = leader.state(&vm, VmState::Stopped).await?;
    assert!(status.halted_by.is_some(), "{status:?}");
    Ok(())
}

#[tokio::test]
async fn cake_tiny_boots_by_uefi() -> Result<()> {
    let node = NodeProcess::start()?;
    let mut leader = Leader::new(&node, 1).await?;
    let vm = leader.tiny(Firmware::Uefi, "web-2")?;
    leader.apply(&vm).await?;
    leader.state(&vm, VmState::Running).await?;
    leader.serial(vm.meta.id).await?.until("cake-tiny: ready on web-2").await
}

#[tokio::test]
async fn after_a_power_cut_what_should_run_starts_before_anybody_asks() -> Result<()> {
    let mut node = NodeProcess::start()?;
    let mut leader = Leader::new(&node, 1).await?;
    let (runs, mut rests) = (leader.pvh(), leader.pvh());
    leader.apply(&runs).await?;
    leader.apply(&rests).await?;
    leader.state(&rests, VmState::Running).await?;
    leader.set_power(&mut rests, Power::Stopped).await?;
    leader.state(&rests, VmState::Stopped).await?;
    let pid = leader.state(&runs, VmState::Running).await?.pid.unwrap_or(0);
    node.kill()?;
    let cut = cake_host::process::LiveProcess::hold(pid)?;
    cut.signal(nix::sys::signal::SIGKILL)?;
    cut.wait_exit().await?;
    node.serve()?;
    // No leader has said hello.
    let mut watcher = Leader::watching(&node).await?;
    let status = watcher.until(runs.meta.id, |status| status.state == VmState::Running).await?;
    assert!(status.pid.is_some_and(|again| again != pid));
    assert_eq!(watcher.vms[&rests.meta.id].state, VmState::Stopped);
    Ok(())
}

/// What keeps us from a QEMU is no reason to end its guest.
#[tokio::test]
async fn a_qemu_that_cant_be_reached_is_waited_for() -> Result<()> {
    let mut node = NodeProcess::start()?;
    let mut leader = Leader::new(&node, 1).await?;
    let mut vm = leader.pvh();
    leader.apply(&vm).await?;
    let pid = leader.state(&vm, VmState::Running).await?.pid;
    let socket = node.state.path().join("vms").join(vm.meta.id.to_string()).join("qmp");
    let away = socket.with_extension("away");
    let unreached = |status: &cake_types::VmStatus| status.state == VmState::Starting && status.failure.is_some();

    node.kill()?;
    std::fs::rename(&socket, &away)?;
    node.serve()?;
    let mut leader = Leader::new(&node, 2).await?;
    assert_eq!(leader.until(vm.meta.id, unreached).await?.pid, pid);
    assert_eq!(node.qemus()?.get(&vm.meta.id).copied(), pid);
    std::fs::rename(&away, &socket)?;
    let status = leader.state(&vm, VmState::Running).await?;
    assert_eq!((status.pid, status.failure, status.restarts), (pid, None, 0));

    // Who is to be off is ended, reached or not.
    node.kill()?;
    std::fs::rename(&socket, &away)?;
    node.serve()?;
    let mut leader = Leader::new(&node, 3).await?;
    leader.until(vm.meta.id, unreached).await?;
    leader.set_power(&mut vm, Power::Stopped).await?;
    leader.state(&vm, VmState::Stopped).await?;
    assert!(node.qemus()?.is_empty());
    Ok(())
}

/// A reset that was begun may have happened; one that was only accepted has not.
#[tokio::test]
async fn a_reset_does_not_happen_twice_across_a_crash() -> Result<()> {
    let mut node = NodeProcess::start()?;
    let mut leader = Leader::new(&node, 1).await?;
    let vm = leader.pvh();
    leader.apply(&vm).await?;
    leader.state(&vm, VmState::Running).await?;
    leader.serial(vm.meta.id).await?.until("cake-pvh: up\n").await?;
    node.kill()?;
    let (begun, accepted) = (OperationId::now(), OperationId::now());
    let database = rusqlite::Connection::open(node.state.path().join("node.db"))?;
    for (operation, is_begun) in [(begun, true), (accepted, false)] {
        let verb = serde_json::to_string(&Verb::Reset)?;
        database.execute(
            "INSERT INTO operations (id, vm, verb, begun) VALUES (?1, ?2, ?3, ?4)",
            rusqlite::params![operation.0.into_bytes(), vm.meta.id.0.into_bytes(), verb, is_begun],
        )?;
    }
    drop(database);
    node.serve()?;
    let mut leader = Leader::new(&node, 2).await?;
    assert_eq!(leader.outcome(begun).await?, OperationResult::Superseded);
    assert_eq!(leader.outcome(accepted).await?, OperationResult::Done);
    let mut console = leader.serial(vm.meta.id).await?;
    console.until("cake-pvh: up\ncake-pvh: up\n").await?;
    assert_eq!(console.seen.matches("cake-pvh: up").count(), 2);
    Ok(())
}
