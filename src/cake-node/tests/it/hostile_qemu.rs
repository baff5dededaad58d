//! A QEMU that lies, floods or closes ends in a failed VM and costs the node nothing.

use crate::support::{Leader, NodeProcess};
use anyhow::{Context, Result};
use cake_types::{FailureCode, Restart, VmState};
use std::path::{Path, PathBuf};

/// More than cake-node ever needs for one VM, in KiB.
const MOST_RESIDENT: u64 = 32 * 1024;

/// The program of this package's examples.
pub fn fake_qemu() -> Result<PathBuf> {
    let tests = std::env::current_exe()?;
    Ok(tests.parent().and_then(Path::parent).context("a target directory")?.join("examples/fake-qemu"))
}

/// A root that holds the fake and what it is linked to.
pub fn fake_engine(root: &Path, behaviour: &str) -> Result<()> {
    for folder in ["usr/bin", "lib64", "lib/x86_64-linux-gnu", "tmp", "dev", "vm", "proc", "etc"] {
        std::fs::create_dir_all(root.join(folder))?;
    }
    let fake = fake_qemu()?;
    std::fs::copy(&fake, root.join("usr/bin/qemu-system-x86_64")).with_context(|| fake.display().to_string())?;
    std::fs::copy("/lib64/ld-linux-x86-64.so.2", root.join("lib64/ld-linux-x86-64.so.2"))?;
    for library in ["libc.so.6", "libgcc_s.so.1", "libm.so.6"] {
        let path = PathBuf::from("/lib/x86_64-linux-gnu").join(library);
        std::fs::copy(&path, root.join("lib/x86_64-linux-gnu").join(library))?;
    }
    Ok(std::fs::write(root.join("behaviour"), behaviour)?)
}

fn resident(pid: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("VmHWM")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

async fn fails(behaviour: &str, code: FailureCode) -> Result<()> {
    let engine = tempfile::tempdir()?;
    fake_engine(engine.path(), behaviour)?;
    let node = NodeProcess::with_engine(engine.path().to_owned())?;
    let mut leader = Leader::new(&node, 1).await?;
    let mut vm = leader.pvh();
    vm.spec.restart = Restart::Never;
    leader.apply(&vm).await?;
    let ended = |status: &cake_types::VmStatus| {
        status.state == VmState::Failed || (status.state == VmState::Stopped && status.halted_by.is_some())
    };
    let status = leader.until(vm.meta.id, ended).await?;
    if let Some(failure) = status.failure {
        assert_eq!(failure.code, code, "{behaviour}: {}", failure.detail);
    }
    assert!(node.qemus()?.is_empty(), "{behaviour}");
    let resident = resident(node.pid())?;
    assert!(resident < MOST_RESIDENT, "{behaviour}: {resident} KiB");
    // The node is well: it removes the VM.
    leader.client.remove_vm(vm.meta.id, leader.stamp(&vm), Vec::new()).await?;
    leader.removed(vm.meta.id).await
}

#[tokio::test]
async fn one_that_babbles() -> Result<()> {
    fails("babbles", FailureCode::QmpProtocol).await?;
    fails("never ends a line", FailureCode::QmpProtocol).await?;
    fails("answers what nobody asked", FailureCode::QmpProtocol).await
}

#[tokio::test]
async fn one_that_closes() -> Result<()> {
    fails("closes in the middle", FailureCode::QemuStart).await?;
    fails("closes after the greeting", FailureCode::QemuStart).await?;
    fails("dies", FailureCode::QemuStart).await
}

#[tokio::test]
async fn one_that_lies_or_floods() -> Result<()> {
    fails("lies about its state", FailureCode::QmpProtocol).await?;
    fails("floods", FailureCode::QmpProtocol).await
}
