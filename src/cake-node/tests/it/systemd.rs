//! A real VM through the systemd launcher: this very program runs one of its tests inside a guest whose process 1 is systemd.

use crate::support::{Leader, NodeProcess, images, launcher};
use anyhow::{Context, Result, ensure};
use cake_types::{Power, VmState};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

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

#[test]
fn the_same_under_systemd() -> Result<()> {
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
exec /cake/it --exact systemd::a_vm_outlives_its_node_is_found_again_and_obeys --nocapture
"
    );
    fs::write(inside.join("run"), run)?;
    fs::set_permissions(inside.join("run"), fs::Permissions::from_mode(0o755))?;

    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../image/scripts/systemd-guest.sh");
    let guest = Command::new(script).arg(&inside).arg(&output).output().context("image/scripts/systemd-guest.sh")?;
    let said = fs::read_to_string(&output).unwrap_or_default();
    let passed = guest.status.success() && said.contains("1 passed");
    ensure!(passed, "{}\n{said}\n{}", guest.status, String::from_utf8_lossy(&guest.stderr));
    Ok(())
}
