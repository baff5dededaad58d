//! Disks that are no VM's, and that go from one guest to another.

use crate::network::typed;
use crate::support::{Console, Leader, NodeProcess};
use anyhow::{Context, Result, ensure};
use cake_node_api::{ClientError, NodeError, VolumeOrder, VolumePlace};
use cake_planner::hardware;
use cake_types::{ByteSize, DiskFile, DiskSpec, Epoch, Firmware, Power, Vm, VmState, VmStatus, VolumeId};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

const SIZE: ByteSize = ByteSize::mib(16);

fn place(leader: &Leader, file: DiskFile) -> VolumePlace {
    VolumePlace { pool: leader.pool, file }
}

async fn make(
    leader: &Leader,
    epoch: u64,
    file: DiskFile,
    size: ByteSize,
    made: bool,
) -> Result<ByteSize, ClientError> {
    let order = VolumeOrder { epoch: Epoch(epoch), place: place(leader, file), size, made };
    leader.client.make_volume(order).await
}

fn path(node: &NodeProcess, file: DiskFile) -> PathBuf {
    node.state.path().join(format!("pool/{file}.raw"))
}

/// The next generation of a VM that was changed.
async fn changed(leader: &Leader, vm: &mut Vm) -> Result<()> {
    vm.meta.generation = vm.meta.generation.next();
    leader.apply(vm).await
}

async fn attach(leader: &Leader, vm: &mut Vm, id: VolumeId, file: DiskFile, off: bool) -> Result<u32> {
    let number = vm.spec.next_disk_number();
    vm.spec.hardware.disks.push(hardware::added_disk(&vm.spec.hardware, number, off).context("a port")?);
    let disk = DiskSpec::own(SIZE, leader.pool, None, Some(number));
    vm.spec.disks.push(DiskSpec { volume: Some(id), file: Some(file), ..disk });
    changed(leader, vm).await?;
    Ok(number)
}

fn has(number: u32) -> impl Fn(&VmStatus) -> bool {
    move |status| status.disks.iter().any(|disk| disk.number == number && disk.size == SIZE && disk.failure.is_none())
}

/// As caked asks: this generation was heard, and the guest has it no more.
fn lacks(vm: &Vm, number: u32) -> impl Fn(&VmStatus) -> bool {
    let generation = vm.meta.generation;
    move |status| {
        let gone = !status.disks.iter().any(|disk| disk.number == number);
        status.observed.generation >= generation && status.state == VmState::Running && gone
    }
}

/// The guest's name for a disk, by its serial: it may take a moment to come.
async fn device(console: &mut Console, vm: &Vm, number: u32) -> Result<String> {
    let index = vm.spec.numbered_disks().position(|(known, _)| known == number).context("a disk")?;
    let serial = &vm.spec.hardware.disks[index].serial;
    let said = typed(console, &format!("until grep -l {serial} /sys/block/*/serial; do sleep 1; done")).await?;
    let name = said.split("/sys/block/").skip(1).filter_map(|rest| rest.split('/').next()).find(|name| *name != "*");
    Ok(format!("/dev/{}", name.context("a name")?))
}

fn refused(result: Result<ByteSize, ClientError>) -> Result<NodeError> {
    match result {
        Err(ClientError::Refused(error)) => Ok(error),
        other => anyhow::bail!("not refused: {other:?}"),
    }
}

/// The whole way with two real guests: what one writes the other reads, with neither of them restarted.
#[tokio::test]
async fn what_one_guest_wrote_another_reads_after_the_disk_was_moved() -> Result<()> {
    let mut node = NodeProcess::start()?;
    let mut leader = Leader::new(&node, 1).await?;
    let id = VolumeId::now();
    let file = DiskFile::of_volume(id);
    assert_eq!(make(&leader, 1, file, SIZE, false).await?, SIZE);
    let (mut first, mut second) = (leader.tiny(Firmware::Bios, "first")?, leader.tiny(Firmware::Bios, "second")?);
    leader.apply(&first).await?;
    leader.apply(&second).await?;
    let pids = (leader.state(&first, VmState::Running).await?.pid, leader.state(&second, VmState::Running).await?.pid);
    let mut console = leader.serial(first.meta.id).await?;
    console.until("cake-tiny: ready on first").await?;
    let number = attach(&leader, &mut first, id, file, false).await?;
    leader.until(first.meta.id, has(number)).await?;
    ensure!(path(&node, file).metadata()?.uid() != 0, "it belongs to the VM's user");
    let name = device(&mut console, &first, number).await?;
    let said = typed(&mut console, &format!("echo kept-for-ever | dd of={name} && sync")).await?;
    ensure!(said.contains("exit=0"), "{said}");

    // While a VM has it nobody else gets it, and it is neither grown nor removed.
    let mut thief = second.clone();
    ensure!(attach(&leader, &mut thief, id, file, false).await.is_err());
    ensure!(matches!(refused(make(&leader, 1, file, ByteSize::mib(32), true).await)?, NodeError::Invalid { .. }));
    ensure!(leader.client.remove_volume(Epoch(1), place(&leader, file)).await.is_err());
    ensure!(path(&node, file).metadata()?.len() == SIZE.bytes());

    // Out of a guest that runs, with a node that is killed in between.
    first.spec.detach_disk(1);
    changed(&leader, &mut first).await?;
    node.kill()?;
    node.serve()?;
    let mut leader = Leader::new(&node, 2).await?;
    assert_eq!(leader.until(first.meta.id, lacks(&first, number)).await?.pid, pids.0);
    ensure!(path(&node, file).exists(), "its file is kept");
    assert_eq!(make(&leader, 2, file, SIZE, true).await?, SIZE);
    assert_eq!(path(&node, file).metadata()?.uid(), 0);

    let number = attach(&leader, &mut second, id, file, false).await?;
    assert_eq!(leader.until(second.meta.id, has(number)).await?.pid, pids.1);
    let mut console = leader.serial(second.meta.id).await?;
    console.until("cake-tiny: ready on second").await?;
    let name = device(&mut console, &second, number).await?;
    let said = typed(&mut console, &format!("head -c 13 {name}")).await?;
    ensure!(said.contains("kept-for-ever"), "{said}");

    // The VM goes; what was a volume when it came stays.
    second.meta.generation = second.meta.generation.next();
    leader.client.remove_vm(second.meta.id, leader.stamp(&second), Vec::new()).await?;
    leader.removed(second.meta.id).await?;
    ensure!(path(&node, file).exists());
    leader.client.remove_volume(Epoch(2), place(&leader, file)).await?;
    leader.client.remove_volume(Epoch(2), place(&leader, file)).await?;
    ensure!(!path(&node, file).exists());
    // What was there once is never made anew.
    ensure!(matches!(refused(make(&leader, 2, file, SIZE, true).await)?, NodeError::Invalid { .. }));
    ensure!(!path(&node, file).exists());
    Ok(())
}

/// A VM's own disk that became a volume stays when the VM goes, even if its node never heard of that before.
#[tokio::test]
async fn a_disk_that_was_taken_out_stays_when_its_vm_goes() -> Result<()> {
    let node = NodeProcess::start()?;
    let mut leader = Leader::new(&node, 1).await?;
    let disk = |number| DiskSpec::own(ByteSize::mib(1), leader.pool, None, Some(number));
    let mut vm = leader.with_disks(leader.pvh(), vec![disk(0), disk(1), disk(2)]);
    vm.spec.power = Power::Stopped;
    leader.apply(&vm).await?;
    leader.state(&vm, VmState::Stopped).await?;
    let id = vm.meta.id;
    let file = |number| path(&node, DiskFile::of_vm(id, number));
    ensure!((0..3).all(|number| file(number).exists()));
    // One is told with a spec, the other only with the removal.
    vm.spec.detach_disk(1);
    changed(&leader, &mut vm).await?;
    leader.state(&vm, VmState::Stopped).await?;
    ensure!(file(1).exists());
    vm.meta.generation = vm.meta.generation.next();
    leader.client.remove_vm(vm.meta.id, leader.stamp(&vm), vec![1, 2]).await?;
    leader.removed(vm.meta.id).await?;
    ensure!(!file(0).exists() && file(1).exists() && file(2).exists());
    Ok(())
}

/// Made once however often it is asked, grown and never shrunk, for the leader alone, and only if it fits.
#[tokio::test]
async fn a_volume_is_made_once_and_grows() -> Result<()> {
    let node = NodeProcess::start()?;
    let leader = Leader::new(&node, 3).await?;
    let file = DiskFile::of_volume(VolumeId::now());
    assert_eq!(make(&leader, 3, file, SIZE, false).await?, SIZE);
    std::fs::write(path(&node, file), b"written")?;
    std::fs::File::options().write(true).open(path(&node, file))?.set_len(SIZE.bytes())?;
    assert_eq!(make(&leader, 3, file, SIZE, false).await?, SIZE);
    assert_eq!(make(&leader, 3, file, ByteSize::mib(32), true).await?, ByteSize::mib(32));
    // A Store that was restored from an old copy believes that it is smaller.
    assert_eq!(make(&leader, 3, file, SIZE, true).await?, ByteSize::mib(32));
    ensure!(std::fs::read(path(&node, file))?.starts_with(b"written"));
    assert_eq!(refused(make(&leader, 3, file, ByteSize::gib(1 << 30), true).await)?, NodeError::NoSpace);
    assert_eq!(refused(make(&leader, 2, file, SIZE, true).await)?, NodeError::StaleEpoch { highest: Epoch(3) });
    ensure!(matches!(refused(make(&leader, 3, file, ByteSize(77), true).await)?, NodeError::Invalid { .. }));
    ensure!(leader.client.remove_volume(Epoch(2), place(&leader, file)).await.is_err());
    assert_eq!(path(&node, file).metadata()?.len(), 32 << 20);
    Ok(())
}
