//! A TPM and Secure Boot, as the guest finds them.

use crate::network::typed;
use crate::support::{Leader, NodeProcess};
use anyhow::{Context, Result, ensure};
use cake_types::{Firmware, Power, Vm, VmState};
use std::path::PathBuf;

/// The process of a VM's TPM: the child of its QEMU.
fn swtpm(qemu: u32) -> Result<Option<u32>> {
    let children = std::fs::read_to_string(format!("/proc/{qemu}/task/{qemu}/children"))?;
    Ok(children.split_whitespace().next().map(str::parse).transpose()?)
}

fn line(pid: u32, field: &str) -> Result<String> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':')).context("a line")?;
    Ok(line.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn uid_of(node: &NodeProcess, vm: &Vm) -> Result<u32> {
    use std::os::unix::fs::MetadataExt;
    let path: PathBuf = node.state.path().join("vms").join(vm.meta.id.to_string()).join("tpm");
    Ok(path.metadata()?.uid())
}

#[tokio::test]
async fn a_guest_has_a_tpm_of_its_own_that_remembers() -> Result<()> {
    let mut node = NodeProcess::start()?;
    let mut leader = Leader::new(&node, 1).await?;
    let mut vm = leader.tiny(Firmware::Bios, "web")?;
    vm.spec.hardware.tpm = true;
    leader.apply(&vm).await?;
    let qemu = leader.state(&vm, VmState::Running).await?.pid.context("it runs")?;
    let mut console = leader.serial(vm.meta.id).await?;
    console.until("cake-tiny: ready on web").await?;
    let said =
        typed(&mut console, "cat /sys/class/tpm/tpm0/tpm_version_major; cat /sys/class/tpm/tpm0/pcr-sha256/0").await?;
    ensure!(said.lines().any(|line| line.trim() == "2"), "{said}");
    // The firmware has measured itself into it.
    let measured = |line: &&str| line.trim().len() == 64 && line.trim().chars().any(|c| c != '0');
    ensure!(said.lines().any(|line| measured(&line)), "{said}");

    // Its own user, nothing that it could do, no network, and no file but its own.
    let tpm = swtpm(qemu)?.context("a TPM")?;
    let uid = uid_of(&node, &vm)?;
    ensure!(uid != 0 && std::fs::read_to_string(format!("/proc/{tpm}/comm"))?.trim() == "swtpm");
    assert_eq!(line(tpm, "Uid")?, format!("{uid} {uid} {uid} {uid}"));
    assert_eq!((line(tpm, "CapEff")?, line(tpm, "CapBnd")?), ("0000000000000000".into(), "0000000000000000".into()));
    assert_eq!((line(tpm, "NoNewPrivs")?, line(tpm, "Seccomp")?), ("1".into(), "2".into()));
    let namespace = |pid: u32| std::fs::read_link(format!("/proc/{pid}/ns/net"));
    ensure!(namespace(tpm)? != namespace(std::process::id())?);
    for entry in std::fs::read_dir(format!("/proc/{tpm}/fd"))? {
        let path = std::fs::read_link(entry?.path())?;
        ensure!(!path.starts_with(node.state.path().join("pool")), "{}", path.display());
    }

    // It outlives the node and ends with its QEMU.
    node.kill()?;
    node.serve()?;
    let mut leader = Leader::new(&node, 2).await?;
    leader.until(vm.meta.id, |status| status.pid == Some(qemu) && status.state == VmState::Running).await?;
    assert_eq!(swtpm(qemu)?, Some(tpm));
    leader.set_power(&mut vm, Power::Stopped).await?;
    leader.state(&vm, VmState::Stopped).await?;
    while std::path::Path::new(&format!("/proc/{tpm}")).exists() {
        leader.see().await?;
    }
    let kept = node.state.path().join("vms").join(vm.meta.id.to_string()).join("tpm/tpm2-00.permall");
    let before = std::fs::read(&kept)?;
    ensure!(!before.is_empty());
    // The same TPM again after a start.
    leader.set_power(&mut vm, Power::Running).await?;
    let qemu = leader.state(&vm, VmState::Running).await?.pid.context("it runs")?;
    ensure!(swtpm(qemu)?.is_some() && kept.exists());
    Ok(())
}

/// The loader of cake-tiny is signed by nobody whom the firmware knows.
#[tokio::test]
async fn what_is_not_signed_does_not_start_with_secure_boot() -> Result<()> {
    let node = NodeProcess::start()?;
    let mut leader = Leader::new(&node, 1).await?;
    let mut vm = leader.tiny(Firmware::Uefi, "web")?;
    vm.spec.hardware.secure_boot = true;
    leader.apply(&vm).await?;
    leader.state(&vm, VmState::Running).await?;
    leader.serial(vm.meta.id).await?.until("Access Denied").await?;
    Ok(())
}
