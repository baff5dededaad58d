//! The boot partitions of the installation that runs: where firmware is written when it is updated.
//!
//! ```text
//!  the boot loader's variable ─► the partition that we come from ─► its manifest ─► the other system disks' partitions
//! ```
//!
//! A partition is believed for standing in the manifest, not for its name: a stick can call its partitions what it likes.

use crate::disks::{Installed, MANIFEST, NoGuid, booted_from, read_from_esp};
use crate::layout::Layout;
use cake_efi::{Entry, Role};
use nix::fcntl::{Flock, FlockArg};
use std::fmt;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// Where systemd-boot looks for itself, and where `bootctl` updates it.
pub const LOADER: &str = "EFI/systemd/systemd-bootx64.efi";
/// The unit that has the firmware's own list follow what lies on the boot partitions.
pub const ENTRIES_UNIT: &str = "cake-boot-entries.service";
/// Bytes of a sector as the kernel counts them, whatever the disk's are.
const SECTOR: u64 = 512;

/// Held by whoever has one of them mounted: the kernel gives every mount of a partition the options of the first.
const LOCK: &str = "/run/cake/esp.lock";

#[derive(Debug, thiserror::Error)]
pub enum EspsError {
    #[error(transparent)]
    Loader(#[from] NoGuid),
    #[error("the boot partition {path} can't be read")]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

/// A boot partition of this installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BootPart {
    pub device: PathBuf,
    /// GPT's GUID.
    pub uuid: Uuid,
    /// 0 on the first system disk.
    pub disk: usize,
}

impl BootPart {
    /// What the firmware's list says of a file in it, whose path is from the partition's root.
    pub fn entry(&self, role: Role, path: &str) -> io::Result<Entry> {
        self.entry_in(Path::new("/sys"), role, path)
    }

    fn entry_in(&self, sys: &Path, role: Role, path: &str) -> io::Result<Entry> {
        let name = self.device.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        let folder = sys.join("class/block").join(name).canonicalize()?;
        let number = |folder: &Path, file: &str| {
            let text = fs::read_to_string(folder.join(file))?;
            text.trim().parse::<u64>().map_err(io::Error::other)
        };
        let of_disk = folder.parent().ok_or(io::ErrorKind::InvalidInput)?;
        let sectors = (number(of_disk, "queue/logical_block_size")? / SECTOR).max(1);
        Ok(Entry {
            description: role.description(self.disk).into(),
            partition: u32::try_from(number(&folder, "partition")?).map_err(io::Error::other)?,
            start: number(&folder, "start")? / sectors,
            size: number(&folder, "size")? / sectors,
            uuid: self.uuid,
            path: efi_path(path),
        })
    }
}

/// A path as UEFI writes it.
pub fn efi_path(path: &str) -> String {
    format!(r"\{}", path.replace('/', r"\"))
}

/// The boot partitions of all system disks that work, the one that we come from first. None where this machine was started from a
/// stick or over the network.
pub fn of_this_installation() -> Result<Vec<BootPart>, EspsError> {
    find(Path::new("/sys"), Path::new("/dev"), &|device| read_from_esp(device, MANIFEST))
}

/// Opens each of them, under a name of its own. The one that we come from is needed; another may be failing, which its alert tells of.
pub fn each<T, E>(open: impl Fn(&BootPart, &str) -> Result<T, E>) -> Result<Vec<T>, E>
where
    E: From<EspsError> + fmt::Display,
{
    let mut opened = Vec::new();
    for (index, part) in of_this_installation()?.iter().enumerate() {
        match open(part, &index.to_string()) {
            Ok(one) => opened.push(one),
            Err(error) if index > 0 => eprintln!("{}: {error}", part.device.display()),
            Err(error) => return Err(error),
        }
    }
    Ok(opened)
}

type ReadManifest<'a> = &'a dyn Fn(&Path) -> io::Result<Option<Vec<u8>>>;

fn find(sys: &Path, dev: &Path, manifest: ReadManifest<'_>) -> Result<Vec<BootPart>, EspsError> {
    let Some(booted) = booted_from(sys)?.and_then(|booted| booted.parse().ok()) else { return Ok(Vec::new()) };
    let Some(first) = partition(sys, dev, booted) else { return Ok(Vec::new()) };
    let told = manifest(&first).map_err(|source| EspsError::Read { path: first.clone(), source })?;
    let told: Installed = told.and_then(|told| serde_json::from_slice(&told).ok()).unwrap_or_default();
    let parts: Vec<Uuid> = told.parts.iter().filter_map(|uuid| uuid.parse().ok()).collect();
    // The manifest begins with the first disk, and each disk with its boot partition.
    let disk = |uuid| usize::from(parts.iter().position(|part| *part == uuid).is_some_and(|place| place > 0));
    let others = parts.iter().filter(|uuid| **uuid != booted);
    let others = others.filter_map(|uuid| Some((partition(sys, dev, *uuid)?, *uuid)));
    let found = std::iter::once((first, booted)).chain(others);
    Ok(found.map(|(device, uuid)| BootPart { device, uuid, disk: disk(uuid) }).collect())
}

/// The device of a boot partition by its GUID, if it is here and is one.
fn partition(sys: &Path, dev: &Path, uuid: Uuid) -> Option<PathBuf> {
    let device = dev.join("disk/by-partuuid").join(uuid.to_string()).canonicalize().ok()?;
    let event = fs::read_to_string(sys.join("class/block").join(device.file_name()?).join("uevent")).ok()?;
    (part_name(&event)? == Layout::embedded().esp.name).then_some(device)
}

/// What a partition is called in its table, by the kernel's `uevent` of it.
pub fn part_name(event: &str) -> Option<&str> {
    event.lines().find_map(|line| line.strip_prefix("PARTNAME="))
}

/// Waits until nobody else has a boot partition mounted; whoever mounts one holds this.
pub fn only_one() -> io::Result<Flock<File>> {
    let path = Path::new(LOCK);
    path.parent().map_or(Ok(()), fs::create_dir_all)?;
    let file = File::options().write(true).create(true).truncate(false).open(path)?;
    Flock::lock(file, FlockArg::LockExclusive).map_err(|(_, error)| error.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    const FIRST: &str = "ca4e0000-0000-4000-8000-000000000001";
    const SECOND: &str = "ca4e0000-0000-4000-8000-000000000002";
    const OTHER: &str = "ca4e0000-0000-4000-8000-000000000003";

    fn machine(booted: Option<&str>) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let (sys, links) = (folder.path().join("sys"), folder.path().join("dev/disk/by-partuuid"));
        fs::create_dir_all(&links).unwrap();
        for (device, uuid, name) in [
            ("sda1", FIRST, "cake-esp"),
            ("sdb1", SECOND, "cake-esp"),
            ("sdc1", OTHER, "cake-esp"),
            ("sda2", "ca4e", "cake-state"),
        ] {
            fs::write(folder.path().join("dev").join(device), "").unwrap();
            symlink(folder.path().join("dev").join(device), links.join(uuid)).unwrap();
            let place = sys.join("class/block").join(device);
            fs::create_dir_all(&place).unwrap();
            fs::write(place.join("uevent"), format!("PARTN=1\nPARTNAME={name}\n")).unwrap();
            for (file, number) in [("partition", 1), ("start", 16384), ("size", 8192)] {
                fs::write(place.join(file), format!("{number}\n")).unwrap();
            }
        }
        if let Some(uuid) = booted {
            let variable = sys.join("firmware/efi/efivars/LoaderDevicePartUUID-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f");
            fs::create_dir_all(variable.parent().unwrap()).unwrap();
            let text: Vec<u8> = format!("{uuid}\0").encode_utf16().flat_map(u16::to_le_bytes).collect();
            fs::write(variable, [&[6, 0, 0, 0][..], &text].concat()).unwrap();
        }
        folder
    }

    fn names(folder: &Path, parts: &[&str]) -> Vec<String> {
        let told = serde_json::to_vec(&serde_json::json!({ "parts": parts })).unwrap();
        let found = find(&folder.join("sys"), &folder.join("dev"), &|_| Ok(Some(told.clone()))).unwrap();
        found.iter().map(|part| part.device.file_name().unwrap().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn the_partitions_of_this_installation_are_found_and_nobody_elses() {
        let machine = machine(Some(&SECOND.to_uppercase()));
        assert_eq!(names(machine.path(), &[FIRST, SECOND, "ca4e", "../sda1", ""]), ["sdb1", "sda1"]);
        assert_eq!(names(machine.path(), &[]), ["sdb1"]);
    }

    #[test]
    fn the_firmwares_list_counts_in_the_sectors_of_the_disk() {
        let machine = machine(None);
        let sys = machine.path().join("sys");
        // The tests' folder of all block devices is the disk of each partition in it.
        let queue = sys.join("class/block/queue");
        fs::create_dir_all(&queue).unwrap();
        fs::write(queue.join("logical_block_size"), "4096\n").unwrap();
        let part = BootPart { device: "/dev/sdb1".into(), uuid: SECOND.parse().unwrap(), disk: 1 };
        let entry = part.entry_in(&sys, Role::Fallback, "EFI/Linux/cake_1.0.efi").unwrap();
        assert_eq!((entry.partition, entry.start, entry.size), (1, 2048, 1024));
        assert_eq!(entry.path, r"\EFI\Linux\cake_1.0.efi");
        assert_eq!(entry.description, "cake (fallback, second disk)");
    }

    #[test]
    fn a_partition_may_have_no_name() {
        assert_eq!(part_name("MAJOR=8\nPARTN=1\nPARTNAME=cake-esp\n"), Some("cake-esp"));
        assert_eq!(part_name("MAJOR=8\nPARTN=1\n"), None);
    }

    #[test]
    fn who_came_from_elsewhere_has_none() {
        for booted in [None, Some("ca4e0000-0000-4000-8000-0000000000ff")] {
            assert_eq!(names(machine(booted).path(), &[FIRST, SECOND]), [""; 0]);
        }
    }
}
