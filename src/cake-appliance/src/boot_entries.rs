//! The firmware's list of what it starts follows what lies on the system disks.

use anyhow::Result;
use cake_efi::{Disk, EFIVARS, Entry, Others, Role};
use cake_install::esps::LOADER;
use cake_update::slots::fallback;
use std::path::Path;

use crate::health::disks::{SystemDisk, SystemDisks};

/// After slots were written, given up or removed.
pub fn write() -> Result<()> {
    follow(&SystemDisks::read_only()?)
}

pub fn follow(disks: &SystemDisks) -> Result<()> {
    let variables = Path::new(EFIVARS);
    if !cake_efi::is_there(variables) {
        return Ok(());
    }
    let disks: Vec<Disk> = disks.each().iter().map(of_disk).collect::<Result<_>>()?;
    Ok(cake_efi::write(variables, &disks, Others::Keep)?)
}

fn of_disk(disk: &SystemDisk) -> Result<Disk> {
    let slots = disk.esp.slots()?;
    let fallback = fallback(&slots).map(|slot| file(disk, &format!("EFI/Linux/{slot}"))).transpose()?;
    Ok(Disk { loader: disk.part.entry(Role::Loader, LOADER)?, fallback })
}

fn file(disk: &SystemDisk, path: &str) -> Result<Entry> {
    Ok(disk.part.entry(Role::Fallback, path)?)
}
