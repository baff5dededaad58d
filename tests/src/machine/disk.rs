//! A machine's disks: sparse files that outlive its power, with bytes that can be damaged.

use anyhow::{Context, Result, ensure};
use cake_types::ByteSize;
use nix::fcntl::{FallocateFlags, fallocate};
use serde_json::{Value, json};
use std::ffi::OsString;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// How a disk is attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Virtio,
    Nvme,
    Sata,
    /// A USB stick: removable.
    Stick,
}

/// A disk as it is asked for.
#[derive(Clone, Debug)]
pub struct Disk {
    /// Its serial number, too.
    pub name: String,
    pub kind: Kind,
    holds: Holds,
    logged: bool,
}

#[derive(Clone, Debug)]
enum Holds {
    Nothing(ByteSize),
    CopyOf(PathBuf),
}

impl Disk {
    pub fn blank(name: &str, kind: Kind, size: ByteSize) -> Self {
        Self { name: name.into(), kind, holds: Holds::Nothing(size), logged: false }
    }

    /// With what is in this file, which stays as it is.
    pub fn copy_of(name: &str, kind: Kind, file: &Path) -> Self {
        Self { name: name.into(), kind, holds: Holds::CopyOf(file.into()), logged: false }
    }

    /// Every write and flush of it is kept in order, beside it: [`DiskFile::log`]. A new start of the machine begins anew.
    #[must_use]
    pub fn logged(mut self) -> Self {
        self.logged = true;
        self
    }

    /// Puts it into a folder.
    pub(super) fn make(&self, folder: &Path) -> Result<DiskFile> {
        let path = folder.join(format!("{}.raw", self.name));
        match &self.holds {
            Holds::Nothing(size) => File::create_new(&path)?.set_len(size.bytes())?,
            Holds::CopyOf(from) => copy_sparse(from, &path).with_context(|| from.display().to_string())?,
        }
        let log = self.logged.then(|| folder.join(format!("{}.log", self.name)));
        log.as_ref().map(File::create_new).transpose()?;
        Ok(DiskFile { name: self.name.clone(), kind: self.kind, path, log })
    }
}

/// A disk's bytes. Only to be touched while the machine is off.
#[derive(Debug)]
pub struct DiskFile {
    pub name: String,
    pub kind: Kind,
    pub path: PathBuf,
    log: Option<PathBuf>,
}

impl DiskFile {
    /// What was written to it, as [`crate::cuts::log`] reads it; it may be read while the machine is on.
    pub fn log(&self) -> Result<&Path> {
        self.log.as_deref().with_context(|| format!("the writes to {} are not kept", self.name))
    }

    /// Where these bytes stand first, at `from` or behind.
    pub fn find(&self, wanted: &[u8], from: u64) -> Result<u64> {
        const PIECE: usize = 1 << 20;
        let mut file = BufReader::with_capacity(PIECE, File::open(&self.path)?);
        let mut at = file.seek(SeekFrom::Start(from))?;
        let mut window = Vec::new();
        loop {
            let before = window.len();
            if file.by_ref().take(PIECE as u64).read_to_end(&mut window)? == 0 {
                let disk = self.path.display();
                anyhow::bail!("{disk} holds no {:?} at {from} or behind", String::from_utf8_lossy(wanted));
            }
            if let Some(found) = window.windows(wanted.len()).position(|bytes| bytes == wanted) {
                return Ok(at + found as u64);
            }
            debug_assert!(before < wanted.len());
            // What may be the beginning of a match stays.
            let gone = window.len().saturating_sub(wanted.len() - 1);
            window.drain(..gone);
            at += gone as u64;
        }
    }

    /// Turns one bit of this byte over, as a bad cell does.
    pub fn flip_bit(&self, byte: u64) -> Result<()> {
        let file = File::options().read(true).write(true).open(&self.path)?;
        let mut value = [0];
        file.read_exact_at(&mut value, byte)?;
        file.write_all_at(&[value[0] ^ 0x10], byte)?;
        Ok(())
    }

    /// Puts a file into the FAT of the first partition, as somebody does who has the stick in his computer.
    pub fn put_file(&self, name: &str, content: &[u8]) -> Result<()> {
        let mut mcopy = Command::new("mcopy");
        mcopy.arg("-o").arg("-i").arg(self.first_partition()?).args(["-", &format!("::{name}")]);
        let mut process = mcopy.stdin(Stdio::piped()).spawn().context("mcopy")?;
        process.stdin.take().context("a pipe was asked for")?.write_all(content)?;
        let ended = process.wait()?;
        ensure!(ended.success(), "{mcopy:?}: {ended}");
        Ok(())
    }

    /// A file in the FAT of the first partition.
    pub fn file(&self, name: &str) -> Result<Vec<u8>> {
        let mut mtype = Command::new("mtype");
        let output = mtype.arg("-i").arg(self.first_partition()?).arg(format!("::{name}")).output().context("mtype")?;
        ensure!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(output.stdout)
    }

    /// Turns one bit over in the middle of a file of that FAT.
    pub fn damage_file(&self, name: &str) -> Result<()> {
        let mut content = self.file(name)?;
        let middle = content.len() / 2;
        *content.get_mut(middle).context("the file is empty")? ^= 0x10;
        self.put_file(name, &content)
    }

    /// The names in the topmost folder of that FAT.
    pub fn names(&self) -> Result<Vec<String>> {
        self.names_in("")
    }

    /// The names in a folder of it.
    pub fn names_in(&self, folder: &str) -> Result<Vec<String>> {
        let mut mdir = Command::new("mdir");
        let mdir = mdir.arg("-b").arg("-i").arg(self.first_partition()?).arg(format!("::{folder}"));
        let output = mdir.output().context("mdir")?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout)?;
        let name = |line: &str| line.trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_owned();
        Ok(text.lines().map(name).collect())
    }

    /// As mtools want it: FILE@@OFFSET.
    fn first_partition(&self) -> Result<OsString> {
        let mut head = [0; 3 * 512];
        File::open(&self.path)?.read_exact_at(&mut head, 0)?;
        let number = |at: usize, length: usize| {
            head[at..at + length].iter().rev().fold(0, |all, byte| all << 8 | u64::from(*byte))
        };
        // GPT (UEFI 2.10 §5.3): entries begin in the third sector, a first sector stands behind two GUIDs. Else the old table's first.
        let sector = if head[512..].starts_with(b"EFI PART") { number(2 * 512 + 32, 8) } else { number(446 + 8, 4) };
        let mut words = self.path.clone().into_os_string();
        words.push(format!("@@{}", sector * 512));
        Ok(words)
    }

    /// Makes it empty, as new.
    pub fn wipe(&self) -> Result<()> {
        let file = File::options().write(true).open(&self.path)?;
        let length = file.metadata()?.len();
        fallocate(
            &file,
            FallocateFlags::FALLOC_FL_PUNCH_HOLE | FallocateFlags::FALLOC_FL_KEEP_SIZE,
            0,
            length.try_into()?,
        )?;
        Ok(())
    }

    /// QEMU's arguments for it. A disk of lower `order` is tried first by the firmware.
    pub(super) fn arguments(&self, order: usize) -> [Value; 2] {
        let node = format!("disk-{}", self.name);
        // What QEMU has written survives its end in this machine's page cache: waiting for a platter proves nothing here.
        let cache = json!({ "no-flush": true });
        let file = json!({ "driver": "file", "filename": self.path });
        let mut block = json!({ "driver": "raw", "discard": "unmap", "cache": cache, "file": file });
        if let Some(log) = &self.log {
            let log = json!({ "driver": "file", "filename": log, "cache": cache });
            block = json!({
                "driver": "blklogwrites", "discard": "unmap", "file": block, "log": log,
                "log-sector-size": 512, "log-super-update-interval": 1,
            });
        }
        block["node-name"] = node.as_str().into();
        let mut device = json!({ "id": self.name, "drive": node, "serial": self.name, "bootindex": order });
        match self.kind {
            Kind::Virtio => device["driver"] = "virtio-blk-pci".into(),
            Kind::Nvme => device["driver"] = "nvme".into(),
            Kind::Sata => device["driver"] = "ide-hd".into(),
            Kind::Stick => {
                device["driver"] = "usb-storage".into();
                device["bus"] = "usb.0".into();
                device["removable"] = true.into();
            }
        }
        [block, device]
    }
}

/// Copies a file without its holes.
pub fn copy_sparse(from: &Path, to: &Path) -> Result<()> {
    let (from, to) = (File::open(from)?, File::create_new(to)?);
    let length = from.metadata()?.len();
    to.set_len(length)?;
    let mut at = 0;
    while let Some((begin, end)) = next_data(&from, at, length)? {
        (&from).seek(SeekFrom::Start(begin))?;
        (&to).seek(SeekFrom::Start(begin))?;
        let copied = std::io::copy(&mut (&from).take(end - begin), &mut &to)?;
        ensure!(copied == end - begin, "the file became shorter while it was copied");
        at = end;
    }
    Ok(())
}

/// The next part of a file that is no hole.
fn next_data(file: &File, at: u64, length: u64) -> Result<Option<(u64, u64)>> {
    use nix::errno::Errno;
    use nix::unistd::{Whence, lseek};
    let begin = match lseek(file, at.try_into()?, Whence::SeekData) {
        Ok(begin) => u64::try_from(begin)?,
        Err(Errno::ENXIO) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let end = u64::try_from(lseek(file, begin.try_into()?, Whence::SeekHole)?)?;
    Ok(Some((begin, end.min(length))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_write_of_a_logged_disk_goes_through_its_log() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let plain = Disk::blank("plain", Kind::Nvme, ByteSize::mib(1)).make(folder.path())?;
        let logged = Disk::blank("logged", Kind::Nvme, ByteSize::mib(1)).logged().make(folder.path())?;
        assert!(plain.log().is_err() && logged.log()?.exists());
        let [[plain, _], [block, device]] = [plain.arguments(0), logged.arguments(0)];
        assert_eq!((plain["driver"].as_str(), block["driver"].as_str()), (Some("raw"), Some("blklogwrites")));
        assert_eq!((&block["node-name"], &block["file"]["driver"]), (&device["drive"], &plain["driver"]));
        Ok(())
    }

    #[test]
    fn a_copy_has_the_bytes_and_the_holes_and_one_bit_less() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let from = folder.path().join("from");
        let file = File::create_new(&from)?;
        file.set_len(64 << 20)?;
        file.write_all_at(b"needle", (33 << 20) - 3)?;
        let disk = Disk::copy_of("disk", Kind::Nvme, &from).make(folder.path())?;
        let at = disk.find(b"needle", 0)?;
        assert_eq!(at, (33 << 20) - 3);
        assert!(disk.find(b"needle", at + 1).is_err());
        use std::os::unix::fs::MetadataExt;
        assert!(std::fs::metadata(&disk.path)?.blocks() * 512 < 1 << 20);
        disk.flip_bit(at)?;
        assert_eq!(disk.find(b"~eedle", 0)?, at);
        disk.wipe()?;
        assert!(disk.find(b"eedle", 0).is_err());
        Ok(())
    }
}
