//! Disks that come, grow and leave while the guest runs.
//!
//! ```text
//!   read what the guest has ▸ removed: device_del … DEVICE_DELETED ▸ its node away ▸ its file away
//!                           ▸ detached: the same, but its file stays: it is somebody else's from then on
//!                           ▸ larger:  the file grown ▸ block_resize
//!                           ▸ new:     the file made ▸ add-fd ▸ blockdev-add ▸ device_add
//! ```
//!
//! It can be killed anywhere and done again: what the guest has is asked of QEMU. Only a disk that the spec names as removed or detached
//! leaves: one that it merely does not know, because a Store was restored from an old copy, stays where it is.

use crate::argv::devices::virtio_disk;
use crate::assignment::{Assignment, Surroundings};
use crate::devices::{Trouble, raw_node};
use crate::plugged::{self, Plugged};
use crate::start::failure;
use cake_qmp::commands::{BlockResize, BlockdevDel, DeviceAdd, DeviceDel, QueryBlock, QueryNamedBlockNodes};
use cake_qmp::{Qmp, QmpError};
use cake_types::{ByteSize, DiskBus, DiskStatus, FailureCode, VmSpec};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::sync::Arc;
use std::time::Instant;

/// The block node of a disk, and the guest's device.
pub(crate) fn node_of(number: u32) -> String {
    format!("disk{number}")
}

pub(crate) fn device_of(number: u32) -> String {
    format!("dev-disk{number}")
}

fn number_of(device: &str) -> Option<u32> {
    device.strip_prefix("dev-disk")?.parse().ok()
}

/// What is known of the disks of a guest that runs, by number.
#[derive(Debug, Default)]
pub(crate) struct Disks {
    plugged: Plugged<u32, u32>,
    sizes: BTreeMap<u32, ByteSize>,
    /// The guest has let them go, and QEMU may still have their files open.
    closing: BTreeSet<u32>,
}

/// What came of a change.
pub(crate) struct Changed {
    plugged: plugged::Changed<u32, u32>,
    sizes: BTreeMap<u32, ByteSize>,
}

impl Disks {
    /// A guest that has just been started has what its spec says.
    pub(crate) fn started(assignment: &Assignment) -> Self {
        let sizes = wanted(&assignment.vm.spec);
        let plugged = Plugged::new(sizes.keys().map(|number| (*number, *number)).collect());
        Self { plugged, sizes, ..Self::default() }
    }

    /// One that lived before this program did: until it is looked at, nothing is known to be there, and nothing to have left.
    pub(crate) fn adopted(assignment: &Assignment) -> Self {
        let spec = &assignment.vm.spec;
        let numbers = wanted(spec).into_keys().chain(spec.gone_disks());
        Self { sizes: numbers.map(|number| (number, ByteSize(0))).collect(), ..Self::default() }
    }

    pub(crate) fn is_as_asked(&self, assignment: &Assignment) -> bool {
        let spec = &assignment.vm.spec;
        let there = |(number, size)| self.sizes.get(&number).is_some_and(|is| *is >= size);
        let leaves = |number: u32| !self.sizes.contains_key(&number) || self.plugged.is_leaving(&number);
        wanted(spec).into_iter().all(there) && spec.gone_disks().all(leaves)
    }

    /// Something else is asked while a change is at work that was begun for `before`: a disk that it may plug in all the same is
    /// not told of as gone until somebody has looked.
    pub(crate) fn doubt(&mut self, before: &Assignment, asked: &Assignment) {
        let coming = wanted(&before.vm.spec);
        for number in asked.vm.spec.gone_disks().filter(|number| coming.contains_key(number)) {
            self.sizes.entry(number).or_insert(ByteSize(0));
        }
    }

    /// `last`: no other change follows at once, so what was to be closed is closed, or there is a failure that says why not.
    pub(crate) fn note(&mut self, changed: Changed, now: Instant, last: bool) {
        self.plugged.note(changed.plugged, now);
        self.sizes = changed.sizes;
        if last {
            self.closing.clear();
        }
    }

    /// The guest let a device go. Whether it was a disk.
    pub(crate) fn gone(&mut self, device: &str) -> bool {
        let Some(number) = number_of(device) else { return false };
        self.plugged.gone(&number);
        self.sizes.remove(&number);
        self.closing.insert(number);
        true
    }

    pub(crate) fn wake_at(&self) -> Option<Instant> {
        self.plugged.wake_at()
    }

    pub(crate) fn late(&mut self, now: Instant) {
        self.plugged.late(now);
    }

    pub(crate) fn refused(&mut self, device: &str) {
        if let Some(number) = number_of(device) {
            self.plugged.refused(&number);
        }
    }

    pub(crate) fn status(&self) -> Vec<DiskStatus> {
        let there = self.sizes.iter().map(|(number, size)| DiskStatus {
            number: *number,
            size: *size,
            leaving: self.plugged.is_leaving(number),
            failure: self.plugged.failure(number).cloned(),
        });
        let missing = self.plugged.missing().map(|(number, failure)| DiskStatus {
            number: *number,
            size: ByteSize(0),
            leaving: false,
            failure: Some(failure.clone()),
        });
        let told =
            |number: &u32| self.sizes.contains_key(number) || self.plugged.missing().any(|(who, _)| who == number);
        let closing = self.closing.iter().filter(|number| !told(number));
        let closing =
            closing.map(|number| DiskStatus { number: *number, size: ByteSize(0), leaving: true, failure: None });
        there.chain(missing).chain(closing).collect()
    }
}

fn wanted(spec: &VmSpec) -> BTreeMap<u32, ByteSize> {
    spec.numbered_disks().map(|(number, disk)| (number, disk.size)).collect()
}

/// Brings a running guest to the disks that it should have.
pub(crate) async fn settle(
    qmp: &Qmp,
    surroundings: &dyn Surroundings,
    assignment: &Arc<Assignment>,
) -> Result<Changed, QmpError> {
    let spec = &assignment.vm.spec;
    let (mut sizes, nodes) = look(qmp).await?;
    let (mut failures, mut asked_to_leave) = (BTreeMap::new(), Vec::new());
    for number in spec.gone_disks() {
        if sizes.contains_key(&number) {
            match qmp.run(&DeviceDel { id: device_of(number) }).await {
                // Refused: it is leaving already, or its place is none that a disk can leave.
                Ok(_) | Err(QmpError::Refused { .. }) => asked_to_leave.push(number),
                Err(error) => return Err(error),
            }
        } else if let Err(trouble) = forget(qmp, surroundings, assignment, number, &nodes).await {
            failures.insert(number, trouble.failure(FailureCode::Disk)?);
        }
    }
    for (index, disk) in spec.disks.iter().enumerate() {
        let number = spec.disk_number(index);
        let done = match sizes.get(&number) {
            Some(is) if *is >= disk.size => continue,
            Some(_) => grow(qmp, surroundings, assignment, index).await,
            None => plug(qmp, surroundings, assignment, index, &nodes).await,
        };
        match done {
            Ok(()) => {
                sizes.insert(number, disk.size);
            }
            Err(trouble) => {
                failures.insert(number, trouble.failure(FailureCode::Disk)?);
            }
        }
    }
    let there = sizes.keys().map(|number| (*number, *number)).collect();
    Ok(Changed { plugged: plugged::Changed { there, asked_to_leave, failures }, sizes })
}

/// The disks that the guest has with their sizes, and all block nodes, by QEMU's own word.
async fn look(qmp: &Qmp) -> Result<(BTreeMap<u32, ByteSize>, BTreeSet<String>), QmpError> {
    // A device is named by its id, or by where it is: `/machine/peripheral/ID/virtio-backend`.
    let number = |device: &str| device.split('/').find_map(number_of);
    let devices = qmp.run(&QueryBlock).await?;
    let disks = devices.into_iter().filter_map(|device| {
        let size = device.inserted?.image.virtual_size;
        Some((number(device.qdev.as_deref()?)?, ByteSize(size)))
    });
    let disks = disks.collect();
    let nodes = qmp.run(&QueryNamedBlockNodes { flat: true }).await?;
    Ok((disks, nodes.into_iter().filter_map(|node| node.node_name).collect()))
}

/// The guest has let it go: nobody has its file open any more. What is on it goes too, unless it is kept.
async fn forget(
    qmp: &Qmp,
    surroundings: &dyn Surroundings,
    assignment: &Arc<Assignment>,
    number: u32,
    nodes: &BTreeSet<String>,
) -> Result<(), Trouble> {
    let node_name = node_of(number);
    if nodes.contains(&node_name) {
        qmp.run(&BlockdevDel { node_name }).await?;
    }
    if assignment.vm.spec.detached_disks.contains(&number) {
        return Ok(());
    }
    surroundings.forget_disk(assignment.id(), number).await.map_err(Trouble::Failed)
}

async fn grow(
    qmp: &Qmp,
    surroundings: &dyn Surroundings,
    assignment: &Arc<Assignment>,
    index: usize,
) -> Result<(), Trouble> {
    let spec = &assignment.vm.spec;
    surroundings.disk(assignment, index).await.map_err(Trouble::Failed)?;
    let (node_name, size) = (node_of(spec.disk_number(index)), spec.disks[index].size.bytes());
    qmp.run(&BlockResize { node_name, size }).await?;
    Ok(())
}

async fn plug(
    qmp: &Qmp,
    surroundings: &dyn Surroundings,
    assignment: &Arc<Assignment>,
    index: usize,
    nodes: &BTreeSet<String>,
) -> Result<(), Trouble> {
    let spec = &assignment.vm.spec;
    let (number, device) = (spec.disk_number(index), &spec.hardware.disks[index]);
    if device.bus != DiskBus::VirtioBlk || !spec.hardware.is_on_port(device.address) {
        let why = "its place is not one that a disk can come to while the guest runs: stop and start it";
        return Err(Trouble::Failed(failure(FailureCode::Hardware, why)));
    }
    let path = surroundings.disk(assignment, index).await.map_err(Trouble::Failed)?;
    let open = OpenOptions::new().read(true).write(true).custom_flags(libc::O_NOFOLLOW).open(&path);
    let file = open.map_err(|error| {
        Trouble::Failed(failure(FailureCode::Disk, format_args!("cannot open {}: {error}", path.display())))
    })?;
    let node_name = node_of(number);
    if nodes.contains(&node_name) {
        // Of a node that was killed before it came to the device.
        qmp.run(&BlockdevDel { node_name: node_name.clone() }).await?;
    }
    raw_node(qmp, &node_name, file, ("discard", "unmap".into())).await?;
    if let Err(error) = qmp.run(&DeviceAdd(virtio_disk(&spec.hardware, number, device))).await {
        let _ = qmp.run(&BlockdevDel { node_name }).await;
        return Err(error.into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_says_which_disk_it_is() {
        assert_eq!(number_of(&device_of(17)), Some(17));
        for other in ["dev-disk", "dev-seed", "dev-cd", "nic0", "disk3"] {
            assert_eq!(number_of(other), None, "{other}");
        }
    }
}
