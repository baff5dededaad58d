//! The client against the QEMU of the engine root.

mod support;

use std::{
    fs::File,
    io::{Read, Write},
    os::fd::OwnedFd,
    time::Duration,
};

use anyhow::Result;
use cake_qmp::{
    CloseReason, EventKind, Events, Notice, QmpError,
    commands::{
        AddFd, CloseFd, Cont, GetFd, QueryBlock, QueryBlockStats, QueryCpusFast, QueryQmpSchema, QueryStatus,
        QueryUuid, QueryVersion, Quit, RemoveFd, RingbufRead, RunState, Stop, SystemPowerdown, SystemReset,
    },
};
use serde_json::json;
use support::{Qemu, UUID};

/// Waits for the event of a kind, whatever comes before it.
async fn until(events: &mut Events, wanted: impl Fn(&EventKind) -> bool) -> Result<()> {
    loop {
        if let Notice::Event(event) = events.next().await?
            && wanted(&event.kind())
        {
            return Ok(());
        }
    }
}

#[tokio::test]
async fn power_and_questions() -> Result<()> {
    let qemu = Qemu::start()?;
    let (qmp, mut events) = qemu.connect().await?;
    assert!(qmp.greeting().version.major >= 10, "{:?}", qmp.greeting());
    assert_eq!(&qmp.run(&QueryVersion).await?, &qmp.greeting().version);
    assert_eq!(qmp.run(&QueryUuid).await?.uuid, UUID);

    let status = qmp.run(&QueryStatus).await?;
    assert_eq!((status.running, status.status), (false, RunState::Prelaunch));
    qmp.run(&Cont).await?;
    until(&mut events, |kind| *kind == EventKind::Resume).await?;
    assert_eq!(qmp.run(&QueryStatus).await?.status, RunState::Running);
    let cpus = qmp.run(&QueryCpusFast).await?;
    assert_eq!((cpus.len(), cpus[1].target.as_str()), (2, "x86_64"));
    assert!(cpus.iter().all(|cpu| cpu.thread_id > 0));

    qmp.run(&SystemReset).await?;
    until(&mut events, |kind| matches!(kind, EventKind::Reset { guest: false, .. })).await?;
    qmp.run(&SystemPowerdown).await?;
    until(&mut events, |kind| *kind == EventKind::Powerdown).await?;
    qmp.run(&Stop).await?;
    until(&mut events, |kind| *kind == EventKind::Stop).await?;
    assert_eq!(qmp.run(&QueryStatus).await?.status, RunState::Paused);

    qmp.run(&Quit).await?;
    until(&mut events, |kind| matches!(kind, EventKind::Shutdown { guest: false, .. })).await?;
    assert_eq!(qmp.closed().await, CloseReason::EndOfStream);
    assert!(qemu.ended()?.success());
    Ok(())
}

#[tokio::test]
async fn descriptors_reach_qemu() -> Result<()> {
    let qemu = Qemu::start()?;
    let (qmp, _events) = qemu.connect().await?;

    let (read_end, write_end) = nix::unistd::pipe()?;
    qmp.run_with_descriptors(&GetFd { fdname: "pipe".into() }, vec![write_end]).await?;
    qmp.run(&CloseFd { fdname: "pipe".into() }).await?;
    // Ours was closed once sent and QEMU's by closefd: the pipe is at its end.
    assert_eq!(File::from(read_end).read(&mut [0])?, 0);

    let mut disk = tempfile::tempfile()?;
    disk.write_all(&[7; 64 * 1024])?;
    let set = AddFd { fdset_id: None, opaque: Some("disk".into()) };
    let added = qmp.run_with_descriptors(&set, vec![OwnedFd::from(disk)]).await?;
    let node = json!({
        "driver": "raw", "node-name": "disk0",
        "file": {"driver": "file", "filename": format!("/dev/fdset/{}", added.fdset_id), "locking": "off"},
    });
    qmp.execute("blockdev-add", &node).await?;
    let device = json!({"driver": "virtio-blk-pci", "drive": "disk0", "id": "vda", "bus": "port0"});
    qmp.execute("device_add", &device).await?;
    let disks = qmp.run(&QueryBlock).await?;
    let medium = disks.iter().find_map(|disk| disk.inserted.as_ref()).expect("a disk");
    assert_eq!((medium.node_name.as_deref(), medium.drv.as_str(), medium.ro), (Some("disk0"), "raw", false));
    let stats = qmp.run(&QueryBlockStats).await?;
    let used = stats.iter().find(|disk| disk.qdev.as_deref().is_some_and(|qdev| qdev.contains("vda"))).expect("a disk");
    assert_eq!((used.stats.rd_bytes, used.stats.wr_operations), (0, 0), "no guest has used it");
    qmp.run(&RemoveFd { fdset_id: added.fdset_id, fd: Some(added.fd) }).await?;

    let error = qmp.run(&GetFd { fdname: "none".into() }).await.expect_err("no descriptor");
    assert!(matches!(error, QmpError::Refused { command: "getfd", .. }), "{error:?}");
    Ok(())
}

#[tokio::test]
async fn errors_leave_the_connection_alive() -> Result<()> {
    let qemu = Qemu::start()?;
    let (qmp, _events) = qemu.connect().await?;
    let error = qmp.execute("no-such-command", &json!(null)).await.expect_err("unknown");
    assert_eq!(error.class(), Some("CommandNotFound"));
    let error = qmp.run_within(&QueryQmpSchema, Duration::ZERO).await.expect_err("no time");
    assert!(matches!(error, QmpError::TimedOut { .. }), "{error:?}");
    assert_eq!(qmp.run(&QueryUuid).await?.uuid, UUID);

    let schema = qmp.run(&QueryQmpSchema).await?;
    assert!(schema.as_array().is_some_and(|types| types.len() > 500));
    qmp.execute("ringbuf-write", &json!({"device": "ring", "data": "長 text"})).await?;
    assert_eq!(qmp.run(&RingbufRead { device: "ring".into(), size: 1024 }).await?, "長 text");
    assert_eq!(qmp.run(&RingbufRead { device: "ring".into(), size: 1024 }).await?, "");
    Ok(())
}

#[tokio::test]
async fn a_killed_qemu_fails_who_waits() -> Result<()> {
    let mut qemu = Qemu::start()?;
    let (qmp, mut events) = qemu.connect().await?;
    qemu.kill()?;
    assert_eq!(qmp.closed().await, CloseReason::EndOfStream);
    assert_eq!(events.next().await, Err(CloseReason::EndOfStream));
    assert!(qmp.run(&Stop).await.expect_err("gone").is_closed());
    Ok(())
}

#[tokio::test]
async fn a_client_comes_again_after_another_left() -> Result<()> {
    let qemu = Qemu::start()?;
    let (qmp, mut events) = qemu.connect().await?;
    qmp.run(&Cont).await?;
    drop(qmp);
    assert_eq!(events.next().await.and(events.next().await).err(), Some(CloseReason::Released));
    let (qmp, _events) = qemu.connect().await?;
    assert_eq!((qmp.run(&QueryStatus).await?.running, qmp.run(&QueryUuid).await?.uuid), (true, UUID));
    Ok(())
}
