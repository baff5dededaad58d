//! Disks are the guest's memory of itself: one that is missing is said to be missing and never made again.

use crate::support::{Leader, NodeProcess};
use anyhow::Result;
use cake_types::{ByteSize, DiskSpec, FailureCode, Firmware, Generation, PoolId, PoolSpec, Power, Stamp, Vm, VmState};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// The smallest guest with an empty disk, which it does not look at.
fn with_disk(leader: &Leader, pool: PoolId) -> Vm {
    leader.with_disks(leader.pvh(), vec![DiskSpec::own(ByteSize::mib(1), pool, None, None)])
}

fn disk(pool: &Path, vm: &Vm) -> PathBuf {
    pool.join(format!("{}-0.raw", vm.meta.id))
}

async fn power_cut(node: &mut NodeProcess) -> Result<()> {
    let qemus = node.qemus()?;
    node.kill()?;
    for pid in qemus.into_values() {
        let cut = cake_host::process::LiveProcess::hold(pid)?;
        cut.signal(nix::sys::signal::SIGKILL)?;
        cut.wait_exit().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_pool_that_is_mounted_late_is_waited_for_and_its_vms_come_back_with_their_disks() -> Result<()> {
    let mut node = NodeProcess::start()?;
    let mut leader = Leader::new(&node, 1).await?;
    let place = tempfile::tempdir()?;
    let (mounted, elsewhere) = (place.path().join("pool"), place.path().join("not-mounted"));
    let pool = PoolId("6ab7d1f2-0000-7000-8000-000000000002".parse()?);
    let spec = PoolSpec { path: Some(mounted.to_string_lossy().into_owned()) };
    let stamp = Stamp { epoch: leader.epoch, generation: Generation(1) };
    leader.client.apply_pool(pool, stamp, spec.clone()).await?;
    let (vm, mut rests) = (with_disk(&leader, pool), with_disk(&leader, pool));
    leader.apply(&vm).await?;
    leader.apply(&rests).await?;
    leader.state(&vm, VmState::Running).await?;
    leader.state(&rests, VmState::Running).await?;
    leader.set_power(&mut rests, Power::Stopped).await?;
    leader.state(&rests, VmState::Stopped).await?;
    std::fs::OpenOptions::new().write(true).open(disk(&mounted, &vm))?.write_all_at(b"memories", 4096)?;

    // What lies under a mount point is an empty directory.
    power_cut(&mut node).await?;
    std::fs::rename(&mounted, &elsewhere)?;
    std::fs::create_dir(&mounted)?;
    node.serve()?;
    let mut leader = Leader::new(&node, 2).await?;
    let status = leader.state(&vm, VmState::Failed).await?;
    assert_eq!(status.failure.map(|failure| failure.code), Some(FailureCode::PoolMissing));
    leader.state(&rests, VmState::Failed).await?;
    let stamp = Stamp { epoch: leader.epoch, generation: Generation(1) };
    assert!(leader.client.apply_pool(pool, stamp, spec).await.is_err(), "a directory without the mark is not the pool");
    // Nor is a VM forgotten whose disks can't be taken away.
    leader.client.remove_vm(rests.meta.id, leader.stamp(&rests), Vec::new()).await?;
    let refused = leader.until(rests.meta.id, |status| {
        status.state == VmState::Failed
            && status.failure.as_ref().is_some_and(|failure| failure.detail.contains("no pool"))
    });
    refused.await?;
    assert_eq!(std::fs::read_dir(&mounted)?.count(), 0, "nothing is made in it");

    std::fs::remove_dir(&mounted)?;
    std::fs::rename(&elsewhere, &mounted)?;
    // Nobody has to ask.
    leader.state(&vm, VmState::Running).await?;
    let mut memories = [0; 8];
    std::fs::File::open(disk(&mounted, &vm))?.read_exact_at(&mut memories, 4096)?;
    assert_eq!(&memories, b"memories");
    leader.removed(rests.meta.id).await?;
    assert!(!disk(&mounted, &rests).exists());
    Ok(())
}

#[tokio::test]
async fn a_disk_that_is_gone_is_not_made_again() -> Result<()> {
    let mut node = NodeProcess::start()?;
    let mut leader = Leader::new(&node, 1).await?;
    let vm = leader.tiny(Firmware::Bios, "web-1")?;
    leader.apply(&vm).await?;
    leader.state(&vm, VmState::Running).await?;
    power_cut(&mut node).await?;
    let path = disk(&node.state.path().join("pool"), &vm);
    std::fs::remove_file(&path)?;
    node.serve()?;
    let mut leader = Leader::new(&node, 2).await?;
    let failure = leader.state(&vm, VmState::Failed).await?.failure.expect("a reason");
    assert_eq!(failure.code, FailureCode::Disk);
    assert!(failure.detail.contains(path.to_string_lossy().as_ref()), "{}", failure.detail);
    assert!(!path.exists());
    Ok(())
}
