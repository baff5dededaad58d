//! A VM in one file becomes an image with a machine: each of its disks is made a raw one, read where it lies in the file.
//!
//! ```text
//!   worker read-package ──► machine, disks ──► worker convert-image, one disk after the other ──► ID.raw, ID.1.raw, …
//!                                              worker inspect-image, meanwhile: the sums of all files
//! ```
//!
//! Nothing is unpacked, so no more room is taken than the disks need. All of its files are called after the image: they go with it.

use super::{Disk, Imports, Work, describe, unreadable};
use crate::convert::Place;
use crate::converter::{failure, file_failure};
use crate::database::ImportRow;
use crate::hold::Hold;
use cake_storage::images::Image;
use cake_storage::inspect::Found;
use cake_storage::package::read::{Package, Part};
use cake_storage::volume::own_file;
use cake_storage::worker::Refused;
use cake_types::{ByteSize, Failure, FailureCode, Firmware, ImportStage};
use std::path::PathBuf;

impl Imports {
    /// The image that a package becomes.
    pub(super) async fn unpack(&self, row: &mut ImportRow, work: &Work) -> Result<Image, Failure> {
        let path = work.received();
        let answer = self.inspector.unfold(&path).await.map_err(unreadable)?;
        let package = answer.map_err(|Refused { code, detail }| failure(code, detail))?;
        let wanted = row.import.spec.sha256.clone();
        self.enter(row, ImportStage::Converting, None).await;
        // Reading all of it twice, at the same time.
        let (found, sha256) =
            tokio::try_join!(self.make_disks(row, work, &package), self.checksum(&path, wanted.as_deref()))?;
        let image = describe(work, found, work.disk(0), sha256)?;
        Ok(with_machine(image, work, &package))
    }

    /// All disks, one after the other; gives what the first is.
    async fn make_disks(&self, row: &ImportRow, work: &Work, package: &Package) -> Result<Found, Failure> {
        let (all, mut before, mut first) = (ByteSize(package.size()), 0, None);
        for (number, part) in package.disks.iter().enumerate() {
            let told = |done| self.tell(row, ByteSize(before + done), all);
            let found = self.make_part(row, work, part, work.disk(number), told).await?;
            if !matches!(found, Found::Raw { virtual_size, .. } if virtual_size == part.size().bytes()) {
                return Err(failure(FailureCode::ImageBroken, format_args!("disk {number} became {found:?}")));
            }
            before += part.size().bytes();
            first = first.or(Some(found));
        }
        first.ok_or_else(|| failure(FailureCode::Internal, "a package without a disk"))
    }

    async fn make_part(
        &self,
        row: &ImportRow,
        work: &Work,
        part: &Part,
        target: PathBuf,
        told: impl Fn(u64),
    ) -> Result<Found, Failure> {
        match part {
            Part::File { name: _, offset, length, format, virtual_size } => {
                let place = Some(Place { offset: *offset, length: *length });
                let disk = Disk { format: format.as_str(), place, virtual_size: virtual_size.bytes(), target };
                self.convert(row, work, &disk, told).await
            }
            Part::Empty { capacity } => {
                let size = capacity.bytes();
                let make = move |_: &Hold| {
                    let file = own_file().create(true).truncate(true).open(target);
                    let made = file.and_then(|file| file.set_len(size).and_then(|()| file.sync_all()));
                    made.map_err(file_failure("make the disk"))
                };
                work.hold.run(make).await?;
                Ok(Found::Raw { virtual_size: size, boot_record: false, gpt: false })
            }
        }
    }
}

/// With what the package says of its VM. What a person said of the system counts where the package says nothing.
fn with_machine(mut image: Image, work: &Work, package: &Package) -> Image {
    let said = image.spec.os;
    let machine = package.machine(said);
    let other = if machine.firmware == Firmware::Uefi { Firmware::Bios } else { Firmware::Uefi };
    image.spec.firmware = vec![machine.firmware, other];
    image.spec.os = package.os(said);
    image.spec.machine = Some(machine);
    image.spec.more_disks = package.disks.iter().skip(1).map(Part::size).collect();
    image.more = (1..package.disks.len()).map(|number| work.disk(number)).collect();
    image
}
