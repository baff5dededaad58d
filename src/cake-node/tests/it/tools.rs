//! root's own tools, with the daemon and without.

use crate::hostile_qemu::fake_engine;
use crate::support::{Leader, NodeProcess};
use anyhow::{Context, Result, ensure};
use cake_types::{ExitReason, VmState};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

fn tool(state: &Path, arguments: &[&str], input: &str) -> Result<String> {
    let mut child = Command::new(env!("CARGO_BIN_EXE_cake-node"))
        .args(&arguments[..1])
        .arg("--state")
        .arg(state)
        .args(&arguments[1..])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    child.stdin.take().context("a pipe")?.write_all(input.as_bytes())?;
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "{arguments:?}: {}", output.status);
    Ok(String::from_utf8(output.stdout)?)
}

#[tokio::test]
async fn vms_are_listed_and_stopped_with_the_daemon_and_without() -> Result<()> {
    let mut node = NodeProcess::start()?;
    let state = node.state.path().to_owned();
    assert_eq!(tool(&state, &["vms"], "")?, "");
    let mut leader = Leader::new(&node, 1).await?;
    let vm = leader.pvh();
    leader.apply(&vm).await?;
    let pid = leader.state(&vm, VmState::Running).await?.pid.context("a pid")?;
    let line = format!("{} test running {pid}\n", vm.meta.id);
    assert_eq!(tool(&state, &["vms"], "")?, line);

    // It does not listen to the power button, so it is ended; and it does not come back by itself.
    tool(&state, &["stop-vms", "--seconds", "1"], "")?;
    let status = leader.state(&vm, VmState::Stopped).await?;
    assert_eq!(status.halted_by.map(|halted| halted.reason), Some(ExitReason::Killed));
    assert_eq!(tool(&state, &["vms"], "")?, "");

    let mut vm = vm;
    leader.set_power(&mut vm, cake_types::Power::Running).await?;
    let pid = leader.state(&vm, VmState::Running).await?.pid.context("a pid")?;
    node.kill()?;
    assert_eq!(tool(&state, &["vms"], "")?, format!("{} test running {pid}\n", vm.meta.id));
    tool(&state, &["stop-vms", "--now"], "")?;
    assert_eq!(tool(&state, &["vms"], "")?, "");
    node.serve()?;
    let watcher = Leader::watching(&node).await?;
    let status = &watcher.vms[&vm.meta.id];
    assert_eq!(
        (status.state, status.halted_by.map(|halted| halted.reason)),
        (VmState::Stopped, Some(ExitReason::Killed))
    );
    Ok(())
}

/// `make down VMS=stop` ends, whatever state VMs are in, and none of them starts at the next `make up`.
#[tokio::test]
async fn vms_without_a_guest_to_ask_are_stopped_too() -> Result<()> {
    let engine = tempfile::tempdir()?;
    fake_engine(engine.path(), "dies")?;
    let mut node = NodeProcess::with_engine(engine.path().to_owned())?;
    let state = node.state.path().to_owned();
    let mut leader = Leader::new(&node, 1).await?;
    // Waits to be started again; failed for good; starts and never answers.
    let (again, mut failed, starting) = (leader.pvh(), leader.pvh(), leader.pvh());
    failed.spec.restart = cake_types::Restart::Never;
    leader.apply(&again).await?;
    leader.apply(&failed).await?;
    leader.state(&again, VmState::Failed).await?;
    leader.state(&failed, VmState::Failed).await?;
    std::fs::write(engine.path().join("behaviour"), "says nothing")?;
    leader.apply(&starting).await?;
    leader.until(starting.meta.id, |status| status.state == VmState::Starting && status.pid.is_some()).await?;
    tool(&state, &["stop-vms", "--seconds", "1"], "")?;
    assert_eq!(tool(&state, &["vms"], "")?, "");
    for vm in [&again, &starting] {
        let status = leader.state(vm, VmState::Stopped).await?;
        assert_eq!(status.halted_by.map(|halted| halted.reason), Some(ExitReason::Killed), "{status:?}");
    }
    leader.until(failed.meta.id, |status| status.halted_by.is_some()).await?;
    node.kill()?;
    node.serve()?;
    let mut watcher = Leader::watching(&node).await?;
    for vm in [&again, &failed, &starting] {
        watcher.state(vm, VmState::Stopped).await?;
    }
    assert!(node.qemus()?.is_empty());
    Ok(())
}

#[test]
fn a_new_password_lies_where_caked_looks() -> Result<()> {
    let node = NodeProcess::start()?;
    let state = node.state.path();
    let file = state.join("reset-admin");
    assert!(tool(state, &["reset-admin"], "short\n").is_err());
    assert!(!file.exists());
    assert_eq!(tool(state, &["reset-admin", "--name", "boss"], "long enough\n")?, "");
    let reset: serde_json::Value = serde_json::from_slice(&std::fs::read(&file)?)?;
    assert_eq!(reset["name"], "boss");
    assert!(reset["password_argon2id"].as_str().is_some_and(|hash| hash.starts_with("$argon2id$")));
    assert_eq!(std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&file)?) & 0o777, 0o600);
    let printed = tool(state, &["reset-admin", "--generate"], "")?;
    assert_eq!(printed.trim().len(), 20);
    assert!(!std::fs::read_to_string(&file)?.contains(printed.trim()));
    Ok(())
}
