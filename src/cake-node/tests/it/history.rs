//! What was used over time, with real QEMUs.

use crate::support::{Leader, NodeProcess};
use anyhow::Result;
use cake_types::{Firmware, Power, Span, UsageHistory, UsageOf, VmState};

/// The newest number of a column that is known.
fn newest(history: &UsageHistory, measure: &str) -> Option<f32> {
    let column = history.columns.iter().find(|column| column.measure.as_str() == measure)?;
    column.mean.iter().rev().flatten().next().copied()
}

/// Measurements are ten seconds apart: the daemon is asked again until it has made so many.
async fn measured(leader: &mut Leader, of: UsageOf, points: usize) -> Result<UsageHistory> {
    loop {
        let history = leader.client.history(of, Span::Hour, None).await?;
        if history.columns[0].mean.iter().flatten().count() >= points {
            return Ok(history);
        }
        // The next sample of the running VMs is a second away.
        leader.see().await?;
    }
}

#[tokio::test]
async fn a_guests_disk_and_processor_are_measured_and_go_with_it() -> Result<()> {
    let mut node = NodeProcess::start()?;
    let mut leader = Leader::new(&node, 1).await?;
    let mut vm = leader.tiny(Firmware::Bios, "busy")?;
    let id = vm.meta.id;
    leader.apply(&vm).await?;
    leader.state(&vm, VmState::Running).await?;
    let mut console = leader.serial(id).await?;
    console.until("cake-tiny: ready on busy").await?;
    let counters = leader.client.counters().await?;
    assert!(counters.host.memory.total.bytes() > 1 << 27 && counters.host.cpu.idle > 0, "{:?}", counters.host);
    let (_, used) = counters.vms.iter().find(|(vm, _)| *vm == id).expect("it runs");
    let disks = used.disks.expect("QEMU says so");
    assert!(disks.read.bytes() > 1 << 20 && disks.reads > 0, "it has booted from its disk: {disks:?}");
    assert_eq!(used.network, None, "it has no network card");

    let history = measured(&mut leader, UsageOf::Vm(id), 1).await?;
    assert!(newest(&history, "memory_taken_bytes").expect("measured") > 1e6);
    assert!(newest(&history, "cpu_busy_processors").is_some_and(|busy| busy < 4.0));
    let host = leader.client.history(UsageOf::Node, Span::Day, None).await?;
    assert!(newest(&host, "memory_used_bytes").is_some(), "a point of the day is there while it is gathered");

    // What was measured before the daemon ended is there when it comes again.
    let pid = nix::unistd::Pid::from_raw(node.pid().cast_signed());
    nix::sys::signal::kill(pid, nix::sys::signal::SIGTERM)?;
    leader.client.closed().await;
    node.kill()?;
    let file = node.state.path().join("usage").join(format!("{id}.usage"));
    assert_eq!(std::fs::metadata(&file)?.len(), 34 * 4096);
    node.serve()?;
    let mut leader = Leader::new(&node, 2).await?;
    let again = leader.client.history(UsageOf::Vm(id), Span::Hour, None).await?;
    assert!(newest(&again, "memory_taken_bytes").is_some());
    assert_eq!(again.set_aside, None);

    leader.set_power(&mut vm, Power::Stopped).await?;
    leader.state(&vm, VmState::Stopped).await?;
    leader.client.remove_vm(id, leader.stamp(&vm), Vec::new()).await?;
    leader.removed(id).await?;
    assert!(!file.exists(), "its history goes with it");
    assert!(leader.client.history(UsageOf::Vm(id), Span::Hour, None).await.is_err());
    Ok(())
}
