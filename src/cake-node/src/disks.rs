//! The disks of VMs: made once, in the order of their numbers, and never again.

use crate::database::DatabaseError;
use crate::house::{House, blocking, failure};
use cake_storage::volume::{self, VolumeRequest};
use cake_types::{
    ByteSize, DiskFile, DiskSpec, Failure, FailureCode, ImageFormat, ImageId, ProvisionProgress, Vm, VmId,
};
use cake_vm::{Assignment, Making};
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

impl House {
    /// Whether all disks exist, by their names alone.
    pub fn is_made(&self, vm: &Vm) -> bool {
        let exists = |(number, disk): (u32, &DiskSpec)| {
            self.pool(disk.pool).is_ok_and(|pool| {
                let volume = pool.volume(vm.disk_file(number, disk)).metadata();
                volume.is_ok_and(|volume| volume.len() >= disk.size.bytes())
            })
        };
        // What was taken away is not there any more.
        let left = |number: &u32| {
            let file = DiskFile::of_vm(vm.meta.id, *number);
            self.all_pools().into_values().any(|pool| pool.volume(file).exists())
        };
        vm.spec.numbered_disks().all(exists) && !vm.spec.removed_disks.iter().any(left)
    }

    /// Makes those that never were, one after the other, and notes it.
    pub(crate) async fn make_disks(
        &self,
        assignment: &Arc<Assignment>,
        places: impl IntoIterator<Item = usize>,
        making: &Making,
    ) -> Result<(), Failure> {
        let (id, spec) = (assignment.id(), &assignment.vm.spec);
        let lost = |error: DatabaseError| failure(FailureCode::Internal, crate::chain(&error));
        let row = self.database.vm(id).await.map_err(lost)?;
        let made = row.as_ref().map_or(0, |row| self.disks_made(row));
        let mut last = made;
        for index in places {
            let number = spec.disk_number(index);
            if spec.disks[index].file.is_some() {
                self.take_in(assignment, index).await?;
            } else {
                self.make_disk(assignment, index, number < made, making).await?;
                last = last.max(number.saturating_add(1));
            }
        }
        if row.is_some_and(|row| row.made < last) {
            self.database.set_made(id, last).await.map_err(lost)?;
        }
        Ok(())
    }

    /// Removes what was taken away. Only while the VM is off, or has let it go.
    pub(crate) async fn forget_disks(&self, id: VmId, numbers: Vec<u32>) -> Result<(), Failure> {
        let pools = self.all_pools();
        let forget = move || {
            let disks = numbers.iter().flat_map(|number| pools.values().map(move |pool| (pool, *number)));
            disks.into_iter().try_for_each(|(pool, number)| pool.remove_volume(DiskFile::of_vm(id, number)))
        };
        blocking(forget).await.map_err(|error| error.to_failure())
    }

    async fn make_disk(
        &self,
        assignment: &Arc<Assignment>,
        index: usize,
        was_made: bool,
        making: &Making,
    ) -> Result<(), Failure> {
        let disk = &assignment.vm.spec.disks[index];
        let pool = self.pool(disk.pool)?;
        let (size, owner) = (disk.size, assignment.uid);
        let file = DiskFile::of_vm(assignment.id(), assignment.vm.spec.disk_number(index));
        let path = pool.volume(file);
        match path.metadata() {
            Ok(metadata) if metadata.len() == size.bytes() => return Ok(()),
            // A new one would look like the old one to everybody but the guest's owner.
            Err(error) if was_made && error.kind() == io::ErrorKind::NotFound => return Err(gone(&path)),
            _ => {}
        }
        let image = match disk.image {
            Some(image) => Some(self.raw_image(image, disk.part).await?),
            None => None,
        };
        let making = making.clone();
        blocking(move || {
            let watch = |done, total| {
                making.progress(ProvisionProgress { done: ByteSize(done), total: ByteSize(total) });
                !making.is_cancelled()
            };
            let request = VolumeRequest { file, size, image: image.as_deref(), owner };
            volume::make(&pool, &request, &watch).map(|_| ())
        })
        .await
        .map_err(|error| error.to_failure())
    }

    /// The file of a disk of an image: the first, or the one that is meant.
    async fn raw_image(&self, image: ImageId, part: Option<u32>) -> Result<PathBuf, Failure> {
        let image = self.library.usable(image).await?;
        if image.spec.format != ImageFormat::Raw {
            let detail = format_args!("disks are made from raw images, {} is not one", image.name);
            return Err(failure(FailureCode::Disk, detail));
        }
        let part = part.unwrap_or(0);
        let file = image.files().nth(part as usize).map(Path::to_owned);
        file.ok_or_else(|| failure(FailureCode::ImageMissing, format_args!("{} has no disk {part}", image.name)))
    }

    /// Makes a volume a disk of this VM: it belongs to its user now, and is as large as it is asked to be. It was there before, so it
    /// is never made.
    async fn take_in(&self, assignment: &Arc<Assignment>, index: usize) -> Result<(), Failure> {
        let (vm, disk) = (&assignment.vm, &assignment.vm.spec.disks[index]);
        let pool = self.pool(disk.pool)?;
        let (size, owner) = (disk.size, assignment.uid);
        let file = vm.disk_file(vm.spec.disk_number(index), disk);
        let path = pool.volume(file);
        let as_asked = |so: &Metadata| so.len() == size.bytes() && so.uid() == owner;
        match path.symlink_metadata() {
            Ok(metadata) if as_asked(&metadata) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(gone(&path)),
            _ => {}
        }
        blocking(move || {
            volume::give(&path, owner)?;
            volume::make(&pool, &VolumeRequest { file, size, image: None, owner }, &|_, _| true).map(|_| ())
        })
        .await
        .map_err(|error| error.to_failure())
    }
}

pub(crate) fn gone(disk: &Path) -> Failure {
    let disk = disk.display();
    failure(FailureCode::Disk, format_args!("{disk} was made and is not there any more; it is not made again"))
}
