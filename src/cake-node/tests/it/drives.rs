//! Drives of a guest that runs, changed under it.

use crate::imports::{bring, cd};
use crate::network::typed;
use crate::support::{Console, Leader, NodeProcess};
use anyhow::{Context, Result, ensure};
use cake_planner::hardware;
use cake_types::{CdStatus, FailureCode, Firmware, ImageId, Vm, VmState, VmStatus};

async fn asks_for(leader: &Leader, vm: &mut Vm, image: Option<ImageId>, force: bool) -> Result<()> {
    (vm.spec.cd, vm.spec.cd_by_force) = (image, force);
    vm.meta.generation = vm.meta.generation.next();
    leader.apply(vm).await
}

/// Whether the guest has this CD and nothing is wrong.
fn holds(image: Option<ImageId>) -> impl Fn(&VmStatus) -> bool {
    let wanted = CdStatus { image, ..CdStatus::default() };
    move |status| status.cd.as_ref() == Some(&wanted)
}

/// The guest reads this from its drive: the first look at another CD only says that it is another.
async fn reads(console: &mut Console, wanted: &str) -> Result<()> {
    typed(console, &format!("until grep -q '{wanted}' /dev/sr0; do sleep 1; done")).await.map(|_| ())
}

#[tokio::test]
async fn a_cd_comes_and_leaves_while_the_guest_runs() -> Result<()> {
    let mut node = NodeProcess::start()?;
    let mut leader = Leader::new(&node, 1).await?;
    let first = bring(&mut leader, "first", &cd("the first CD\r\n")).await?;
    let second = bring(&mut leader, "second", &cd("the second CD\r\n")).await?;
    let mut vm = leader.tiny(Firmware::Bios, "web")?;
    vm.spec.hardware.cd = Some(hardware::cd_drive());
    vm.spec.cd = Some(first);
    leader.apply(&vm).await?;
    let pid = leader.state(&vm, VmState::Running).await?.pid;
    leader.until(vm.meta.id, holds(Some(first))).await?;
    let mut console = leader.serial(vm.meta.id).await?;
    console.until("cake-tiny: ready on web").await?;
    typed(&mut console, "/lib/modules/load later; until [ -b /dev/sr0 ]; do sleep 1; done").await?;
    reads(&mut console, "the first CD").await?;

    asks_for(&leader, &mut vm, Some(second), false).await?;
    assert_eq!(leader.until(vm.meta.id, holds(Some(second))).await?.pid, pid);
    reads(&mut console, "the second CD").await?;

    // The guest holds it: it is asked, and that is said, and nothing is taken from it.
    typed(&mut console, "(sleep 9999 </dev/sr0 &)").await?;
    asks_for(&leader, &mut vm, None, false).await?;
    leader.until(vm.meta.id, |status| status.cd.as_ref().is_some_and(|cd| cd.waiting)).await?;
    let status = leader.until(vm.meta.id, |status| status.cd.as_ref().is_some_and(|cd| cd.failure.is_some())).await?;
    let drive = status.cd.context("a drive")?;
    assert_eq!((drive.failure.map(|why| why.code), drive.image), (Some(FailureCode::CdLocked), Some(second)));
    reads(&mut console, "the second CD").await?;
    asks_for(&leader, &mut vm, None, true).await?;
    leader.until(vm.meta.id, holds(None)).await?;
    let said = typed(&mut console, "dd if=/dev/sr0 of=/dev/null count=1 2>/dev/null").await?;
    ensure!(said.contains("exit=1"), "{said}");

    // Whichever node began it, the next one sees what is so and goes on.
    asks_for(&leader, &mut vm, Some(first), true).await?;
    node.kill()?;
    node.serve()?;
    let mut leader = Leader::new(&node, 2).await?;
    assert_eq!(leader.until(vm.meta.id, holds(Some(first))).await?.pid, pid);
    let mut console = leader.serial(vm.meta.id).await?;
    reads(&mut console, "the first CD").await?;

    // It lies there after a start too; an image that is gone leaves the drive as it is.
    asks_for(&leader, &mut vm, Some(ImageId::now()), true).await?;
    let failed = |status: &VmStatus| status.cd.as_ref().is_some_and(|cd| cd.failure.is_some());
    let drive = leader.until(vm.meta.id, failed).await?.cd.context("a drive")?;
    assert_eq!((drive.failure.map(|why| why.code), drive.image), (Some(FailureCode::ImageMissing), Some(first)));
    asks_for(&leader, &mut vm, Some(second), false).await?;
    leader.set_power(&mut vm, cake_types::Power::Stopped).await?;
    leader.state(&vm, VmState::Stopped).await?;
    leader.set_power(&mut vm, cake_types::Power::Running).await?;
    leader.state(&vm, VmState::Running).await?;
    leader.until(vm.meta.id, holds(Some(second))).await?;
    Ok(())
}
