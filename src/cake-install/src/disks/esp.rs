//! What stands in a boot partition, read without mounting it: the kernel's file systems don't see disks of strangers.

use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// The file that makes a disk bootable on firmware that knows of no boot entry (UEFI 2.10 §3.5.1.1).
pub const FALLBACK: &str = "EFI/BOOT/BOOTX64.EFI";
/// What is installed, for whoever looks at the disk: [`Installed`] as JSON.
pub const MANIFEST: &str = "cake/installation.json";
/// Opens the state on a server without a TPM.
pub const KEY_FILE: &str = "cake/state.key";

/// Longest file that is read, in bytes.
const FILE_MAX: u64 = 64 << 10;
/// So much is read of a partition at most: a chain of clusters that bites its own tail ends here.
const READ_MAX: u64 = 16 << 20;

/// What a boot partition tells of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Installed {
    /// What the cloud called itself when it was installed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub installed_at: Option<jiff::Timestamp>,
    /// GUIDs of all its partitions, on this disk and on the others.
    #[serde(default)]
    pub parts: Vec<String>,
}

impl Installed {
    pub fn words(&self) -> String {
        let plain = |text: &str| text.chars().filter(|c| !c.is_control()).take(64).collect::<String>();
        let name = self.name.as_deref().map(|name| format!(" “{}”", plain(name))).unwrap_or_default();
        let version =
            self.version.as_deref().map(|version| format!(", version {}", plain(version))).unwrap_or_default();
        format!("an installation of cake{name}{version}")
    }
}

/// A device that is only read, and not for ever.
struct Sparing {
    file: File,
    left: u64,
}

impl Read for Sparing {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        let left = self.left.checked_sub(read as u64);
        self.left = left.ok_or_else(|| io::Error::other("more is read than a boot partition needs"))?;
        Ok(read)
    }
}

impl Write for Sparing {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::PermissionDenied.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Sparing {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        // A seek costs as well: a folder of empty entries is no way around the budget.
        self.left = self.left.checked_sub(1).ok_or_else(|| io::Error::other("too many pieces"))?;
        self.file.seek(to)
    }
}

/// A small file of a boot partition; `None` where it is not there.
pub fn read(device: &Path, path: &str) -> io::Result<Option<Vec<u8>>> {
    let sparing = Sparing { file: File::open(device)?, left: READ_MAX };
    let volume = fatfs::FileSystem::new(sparing, fatfs::FsOptions::new())?;
    match volume.root_dir().open_file(path) {
        Ok(file) => {
            let mut bytes = Vec::new();
            file.take(FILE_MAX).read_to_end(&mut bytes)?;
            Ok(Some(bytes))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// What a boot partition tells of itself; `None` where it can't boot.
pub fn installed(device: &Path) -> Option<Installed> {
    let boots = read(device, FALLBACK).ok()??;
    let told = read(device, MANIFEST).ok().flatten();
    (!boots.is_empty()).then(|| told.and_then(|told| serde_json::from_slice(&told).ok()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_boot_partition_is_read_and_never_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("esp");
        let mut file = File::options().read(true).write(true).create_new(true).open(&path).unwrap();
        file.set_len(8 << 20).unwrap();
        fatfs::format_volume(&mut file, fatfs::FormatVolumeOptions::new()).unwrap();
        assert_eq!(installed(&path), None);
        {
            let volume = fatfs::FileSystem::new(&file, fatfs::FsOptions::new()).unwrap();
            let root = volume.root_dir();
            root.create_dir("EFI").unwrap().create_dir("BOOT").unwrap();
            root.create_dir("cake").unwrap();
            root.create_file(FALLBACK).unwrap().write_all(b"MZ").unwrap();
            root.create_file(MANIFEST).unwrap().write_all(br#"{"name":"Rack 1","version":"1.2"}"#).unwrap();
        }
        let before = std::fs::read(&path).unwrap();
        let found = installed(&path).unwrap();
        assert_eq!(found.words(), "an installation of cake “Rack 1”, version 1.2");
        assert_eq!(read(&path, KEY_FILE).unwrap(), None);
        assert!(before == std::fs::read(&path).unwrap(), "looking changes nothing");
    }
}
