//! Drives of a guest that runs, changed under it.

use crate::imports::{bring, cd};
use crate::network::typed;
use crate::support::{Console, Leader, NodeProcess};
use anyhow::{Context, Result, ensure};
use cake_planner::hardware;
use cake_types::{
    ByteSize, CdStatus, DiskSpec, DiskStatus, FailureCode, Firmware, ImageId, Power, Vm, VmState, VmStatus,
};

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
    typed(&mut console, "exec 9</dev/sr0").await?;
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
    leader.set_power(&mut vm, Power::Stopped).await?;
    leader.state(&vm, VmState::Stopped).await?;
    leader.set_power(&mut vm, Power::Running).await?;
    leader.state(&vm, VmState::Running).await?;
    leader.until(vm.meta.id, holds(Some(second))).await?;
    Ok(())
}

/// An installer's CD and one with drivers: the guest has both at once, and neither in the other's place.
#[tokio::test]
async fn a_second_cd_has_the_drivers() -> Result<()> {
    let node = NodeProcess::start()?;
    let mut leader = Leader::new(&node, 1).await?;
    let first = bring(&mut leader, "first", &cd("the first CD\r\n")).await?;
    let drivers = bring(&mut leader, "drivers", &cd("the drivers\r\n")).await?;
    let mut vm = leader.tiny(Firmware::Uefi, "web")?;
    (vm.spec.cd, vm.spec.hardware.cd) = (Some(first), Some(hardware::cd_drive()));
    (vm.spec.drivers, vm.spec.hardware.drivers_cd) = (Some(drivers), hardware::drivers_drive(&vm.spec.hardware));
    leader.apply(&vm).await?;
    leader.state(&vm, VmState::Running).await?;
    let mut console = leader.serial(vm.meta.id).await?;
    console.until("cake-tiny: ready on web").await?;
    typed(&mut console, "/lib/modules/load later; until [ -b /dev/sr0 ] && [ -b /dev/sr1 ]; do sleep 1; done").await?;
    for text in ["the first CD", "the drivers"] {
        let said = typed(&mut console, &format!("cat /dev/sr0 /dev/sr1 | grep -c '{text}'")).await?;
        ensure!(said.contains("exit=0"), "{text}: {said}");
    }
    // The first drive changes while the second keeps what it has.
    asks_for(&leader, &mut vm, None, true).await?;
    leader.until(vm.meta.id, holds(None)).await?;
    let said = typed(&mut console, "cat /dev/sr0 /dev/sr1 2>/dev/null | grep -c 'the drivers'").await?;
    ensure!(said.contains("exit=0"), "{said}");
    Ok(())
}

/// Whether the guest has this disk in this size and nothing is wrong.
fn has(number: u32, size: ByteSize) -> impl Fn(&VmStatus) -> bool {
    let wanted = DiskStatus { number, size, leaving: false, failure: None };
    move |status| status.disks.contains(&wanted)
}

fn lacks(number: u32) -> impl Fn(&VmStatus) -> bool {
    move |status| status.state.is_alive() && !status.disks.iter().any(|disk| disk.number == number)
}

/// The next generation of a VM that was changed.
async fn changed(leader: &Leader, vm: &mut Vm) -> Result<()> {
    vm.meta.generation = vm.meta.generation.next();
    leader.apply(vm).await
}

fn add_disk(leader: &Leader, vm: &mut Vm, size: ByteSize) -> Result<u32> {
    let number = vm.spec.next_disk_number();
    let device = hardware::added_disk(&vm.spec.hardware, number, false).context("a port")?;
    vm.spec.hardware.disks.push(device);
    vm.spec.disks.push(DiskSpec::own(size, leader.pool, None, Some(number)));
    Ok(number)
}

/// The guest's name for a disk: it may take a moment to come.
async fn named(console: &mut Console, serial: &str) -> Result<String> {
    let look = format!("until grep -l {serial} /sys/block/*/serial; do sleep 1; done");
    let said = typed(console, &look).await?;
    let name = said.split("/sys/block/").skip(1).filter_map(|rest| rest.split('/').next()).find(|name| *name != "*");
    Ok(name.context("a name")?.to_owned())
}

#[tokio::test]
async fn a_disk_comes_grows_and_leaves_while_the_guest_runs() -> Result<()> {
    let mut node = NodeProcess::start()?;
    let mut leader = Leader::new(&node, 1).await?;
    let mut vm = leader.tiny(Firmware::Bios, "web")?;
    leader.apply(&vm).await?;
    let pid = leader.state(&vm, VmState::Running).await?.pid;
    let mut console = leader.serial(vm.meta.id).await?;
    console.until("cake-tiny: ready on web").await?;

    let (small, large) = (ByteSize::mib(16), ByteSize::mib(32));
    let number = add_disk(&leader, &mut vm, small)?;
    assert_eq!(number, 1);
    let serial = vm.spec.hardware.disks[1].serial.clone();
    changed(&leader, &mut vm).await?;
    assert_eq!(leader.until(vm.meta.id, has(1, small)).await?.pid, pid);
    let name = named(&mut console, &serial).await?;
    let said = typed(&mut console, &format!("echo kept-for-ever | dd of=/dev/{name} && sync")).await?;
    ensure!(said.contains("exit=0"), "{said}");

    // The one it starts from grows too.
    vm.spec.disks[1].size = large;
    vm.spec.disks[0].size = ByteSize::mib(96);
    changed(&leader, &mut vm).await?;
    leader.until(vm.meta.id, has(1, large)).await?;
    leader.until(vm.meta.id, has(0, ByteSize::mib(96))).await?;
    let boot = named(&mut console, &vm.spec.hardware.disks[0].serial).await?;
    let seen =
        |name: &str, sectors: u64| format!("until [ $(cat /sys/block/{name}/size) = {sectors} ]; do sleep 1; done");
    typed(&mut console, &seen(&name, 65536)).await?;
    typed(&mut console, &seen(&boot, 196608)).await?;

    // It has it after a start too, with what is on it.
    leader.set_power(&mut vm, Power::Stopped).await?;
    leader.state(&vm, VmState::Stopped).await?;
    leader.set_power(&mut vm, Power::Running).await?;
    let pid = leader.state(&vm, VmState::Running).await?.pid;
    let mut console = leader.serial(vm.meta.id).await?;
    console.until("cake-tiny: ready on web").await?;
    let name = named(&mut console, &serial).await?;
    let said = typed(&mut console, &format!("head -c 13 /dev/{name}")).await?;
    ensure!(said.contains("kept-for-ever"), "{said}");

    // A spec of an old Store that never knew a disk takes none away; one that says so does, whichever node comes to it.
    let other = add_disk(&leader, &mut vm, small)?;
    changed(&leader, &mut vm).await?;
    leader.until(vm.meta.id, has(other, small)).await?;
    let file = |number: u32| node_file(&node, &vm, number);
    let (first, second) = (file(1), file(other));
    ensure!(first.exists() && second.exists());
    vm.spec.disks.truncate(2);
    vm.spec.hardware.disks.truncate(2);
    vm.spec.remove_disk(1);
    changed(&leader, &mut vm).await?;
    node.kill()?;
    node.serve()?;
    let mut leader = Leader::new(&node, 2).await?;
    // Not only because nobody has looked yet: what an adopted guest has is told once it is known.
    let left = |status: &VmStatus| lacks(1)(status) && has(other, small)(status);
    assert_eq!(leader.until(vm.meta.id, left).await?.pid, pid);
    while first.exists() {
        leader.see().await?;
    }
    ensure!(second.exists());
    Ok(())
}

fn node_file(node: &NodeProcess, vm: &Vm, number: u32) -> std::path::PathBuf {
    node.state.path().join(format!("pool/{}-{number}.raw", vm.meta.id))
}

/// What does not fit the pool is refused by the node too, and the guest keeps what it has.
#[tokio::test]
async fn a_disk_that_does_not_fit_changes_nothing() -> Result<()> {
    let node = NodeProcess::start()?;
    let mut leader = Leader::new(&node, 1).await?;
    let disk = DiskSpec::own(ByteSize::mib(1), leader.pool, None, None);
    let mut vm = leader.with_disks(leader.pvh(), vec![disk]);
    leader.apply(&vm).await?;
    leader.state(&vm, VmState::Running).await?;
    let huge = ByteSize::gib(1 << 30);
    vm.spec.disks[0].size = huge;
    let number = add_disk(&leader, &mut vm, huge)?;
    changed(&leader, &mut vm).await?;
    let failed = |status: &VmStatus, number: u32| {
        let disk = status.disks.iter().find(|disk| disk.number == number);
        disk.is_some_and(|disk| disk.failure.as_ref().is_some_and(|why| why.code == FailureCode::NoSpace))
    };
    let status = leader.until(vm.meta.id, |status| failed(status, 0) && failed(status, number)).await?;
    assert_eq!(status.disks.iter().map(|disk| disk.size).collect::<Vec<_>>(), [ByteSize::mib(1), ByteSize(0)]);
    assert_eq!(node_file(&node, &vm, 0).metadata()?.len(), 1 << 20);
    ensure!(!node_file(&node, &vm, number).exists());
    Ok(())
}
