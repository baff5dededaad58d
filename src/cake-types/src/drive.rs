//! What a VM shall have in its drives, and what a running guest has there, as the node sees it.

use crate::{ByteSize, DiskBus, DiskFile, Failure, ImageId, PoolId, Vm, VmSpec, VolumeId};
use serde::{Deserialize, Serialize};

/// A disk as asked. `serial` in the hardware record ties it to a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskSpec {
    pub size: ByteSize,
    pub pool: PoolId,
    /// Filled from this image when it is first made; an empty disk without.
    pub image: Option<ImageId>,
    /// Which of the image's disks it is made from, where it is not the first: 1 is the one behind it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<u32>,
    /// See [`VmSpec::disk_number`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u32>,
    /// The volume that it is: a resource of its own, which stays when the VM goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume: Option<VolumeId>,
    /// The volume's file; see [`Vm::disk_file`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<DiskFile>,
}

impl DiskSpec {
    /// A disk of the VM's own, empty without an image.
    pub const fn own(size: ByteSize, pool: PoolId, image: Option<ImageId>, number: Option<u32>) -> Self {
        Self { size, pool, image, part: None, number, volume: None, file: None }
    }
}

impl Vm {
    /// What a disk is called in its pool: after its VM and its number, or what it was called before it came.
    pub fn disk_file(&self, number: u32, disk: &DiskSpec) -> DiskFile {
        disk.file.unwrap_or(DiskFile::of_vm(self.meta.id, number))
    }

    /// The files of all its disks.
    pub fn disk_files(&self) -> impl Iterator<Item = DiskFile> {
        self.spec.numbered_disks().map(|(number, disk)| self.disk_file(number, disk))
    }
}

impl VmSpec {
    /// What a disk is called for as long as the VM exists: its file, its serial, its device. Its place in the list, unless one before
    /// it was taken away; a disk without a number of its own has been there from the beginning.
    pub fn disk_number(&self, index: usize) -> u32 {
        let own = self.disks.get(index).and_then(|disk| disk.number);
        own.unwrap_or(u32::try_from(index).unwrap_or(u32::MAX))
    }

    /// The disks with their numbers.
    pub fn numbered_disks(&self) -> impl Iterator<Item = (u32, &DiskSpec)> {
        self.disks.iter().enumerate().map(|(index, disk)| (self.disk_number(index), disk))
    }

    /// Whether it starts from this disk.
    pub fn boots_from(&self, index: usize) -> bool {
        index == 0 && self.kernel.is_none()
    }

    /// A number that no disk of this VM ever had.
    pub fn next_disk_number(&self) -> u32 {
        self.numbered_disks().map(|(number, _)| number).chain(self.gone_disks()).max().map_or(0, |last| last + 1)
    }

    /// Numbers of disks that a guest must not have any more, kept or not.
    pub fn gone_disks(&self) -> impl Iterator<Item = u32> {
        self.removed_disks.iter().chain(&self.detached_disks).copied()
    }

    /// Takes a disk out of the spec and the hardware record, and destroys what is on it. Those behind it stay what and where they are.
    pub fn remove_disk(&mut self, index: usize) {
        let (number, _) = self.take_disk(index);
        self.removed_disks.push(number);
    }

    /// The same, but what is on it is kept.
    pub fn detach_disk(&mut self, index: usize) -> (u32, DiskSpec) {
        let (number, disk) = self.take_disk(index);
        self.detached_disks.push(number);
        (number, disk)
    }

    fn take_disk(&mut self, index: usize) -> (u32, DiskSpec) {
        let number = self.disk_number(index);
        for later in index + 1..self.disks.len() {
            self.disks[later].number = Some(self.disk_number(later));
            if let Some(device) = self.hardware.disks.get_mut(later).filter(|device| device.bus == DiskBus::Sata) {
                device.port = Some(device.sata_port(later));
            }
        }
        self.hardware.disks.remove(index);
        (number, self.disks.remove(index))
    }
}

/// The CD drive of a guest that runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CdStatus {
    /// What lies in it: nothing, or nothing that is known any more, without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageId>,
    /// The tray is open: the guest's doing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub open: bool,
    /// The guest was asked to open the tray and has not done so yet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub waiting: bool,
    /// Why something else lies in it than what is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

/// A disk of a guest that runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskStatus {
    /// See [`crate::VmSpec::disk_number`].
    pub number: u32,
    /// As the guest sees it; nothing if it is not there.
    pub size: ByteSize,
    /// The guest was asked to let it go and has not done so yet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub leaving: bool,
    /// Why it is not there, still there or not so large, against what is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}
