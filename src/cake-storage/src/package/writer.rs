//! Writing a package: one pass over every disk, whose checksum is taken while it is copied.

use super::{description_file, most};
use cake_types::ExportFormat;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;

/// Copied between two looks at whether it is still wanted.
const STEP: usize = 1 << 20;
/// Tar keeps everything in blocks (POSIX.1 pax, ustar interchange format).
const BLOCK: usize = 512;
const ZEROS: [u8; 2 * BLOCK] = [0; 2 * BLOCK];

/// A disk that was converted, to be put into the package.
#[derive(Clone, Debug)]
pub struct Disk {
    /// Its name in the package.
    pub name: String,
    pub path: PathBuf,
    pub length: u64,
}

/// A package in the making.
pub struct Writer<'a> {
    file: &'a File,
    /// Its time stamps, in seconds since 1970.
    modified: u64,
    /// Told how many more bytes of disks are in; answers whether it is still wanted.
    watch: &'a mut dyn FnMut(u64) -> bool,
}

impl<'a> Writer<'a> {
    pub fn new(file: &'a File, modified: u64, watch: &'a mut dyn FnMut(u64) -> bool) -> Self {
        Self { file, modified, watch }
    }

    /// Writes all of it. Each disk's own file is removed once it is in, so that no more room is taken than [`room`] says.
    pub fn write(mut self, base: &str, format: ExportFormat, description: &str, disks: &[Disk]) -> io::Result<u64> {
        let name = description_file(base, format);
        self.small(&name, description.as_bytes())?;
        let (mut sums, manifest) = (vec![(name, hex(Sha256::digest(description)))], format!("{base}.mf"));
        let empty = disks.iter().map(|disk| (disk.name.clone(), "0".repeat(64)));
        let kept_free = manifest_text(&sums.iter().cloned().chain(empty).collect::<Vec<_>>());
        let place = self.file.stream_position()?;
        self.small(&manifest, kept_free.as_bytes())?;
        for disk in disks {
            sums.push((disk.name.clone(), self.disk(disk)?));
            std::fs::remove_file(&disk.path)?;
        }
        self.file.write_all(&ZEROS)?;
        let length = self.file.stream_position()?;
        self.file.seek(SeekFrom::Start(place))?;
        self.small(&manifest, manifest_text(&sums).as_bytes())?;
        self.file.sync_all()?;
        Ok(length)
    }

    fn head(&mut self, name: &str, length: u64) -> io::Result<()> {
        let mut head = tar::Header::new_ustar();
        head.set_path(name)?;
        head.set_size(length);
        head.set_mode(0o644);
        head.set_mtime(self.modified);
        head.set_entry_type(tar::EntryType::Regular);
        head.set_cksum();
        self.file.write_all(head.as_bytes())
    }

    fn fill_block(&mut self, length: u64) -> io::Result<()> {
        let over = (length % BLOCK as u64) as usize;
        if over == 0 { Ok(()) } else { self.file.write_all(&ZEROS[over..BLOCK]) }
    }

    fn small(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.head(name, bytes.len() as u64)?;
        self.file.write_all(bytes)?;
        self.fill_block(bytes.len() as u64)
    }

    /// Copies a disk and gives its checksum.
    fn disk(&mut self, disk: &Disk) -> io::Result<String> {
        self.head(&disk.name, disk.length)?;
        let (mut source, mut left) = (File::open(&disk.path)?, disk.length);
        let (mut digest, mut buffer) = (Sha256::new(), vec![0; STEP]);
        while left > 0 {
            let step = usize::try_from(left).unwrap_or(STEP).min(STEP);
            source.read_exact(&mut buffer[..step])?;
            digest.update(&buffer[..step]);
            self.file.write_all(&buffer[..step])?;
            left -= step as u64;
            if !(self.watch)(step as u64) {
                return Err(io::ErrorKind::Interrupted.into());
            }
        }
        self.fill_block(disk.length)?;
        Ok(hex(digest.finalize()))
    }
}

fn hex(digest: impl AsRef<[u8]>) -> String {
    data_encoding::HEXLOWER.encode(digest.as_ref())
}

/// As DSP0243 §5.1 writes it.
fn manifest_text(sums: &[(String, String)]) -> String {
    sums.iter().map(|(name, sum)| format!("SHA256({name})= {sum}\n")).collect()
}

/// The most room that a package of disks with so many stored bytes takes while it is made: all disks, and one of them twice.
pub fn room(stored: &[u64]) -> u64 {
    let all = stored.iter().map(|bytes| most(*bytes)).fold(0, u64::saturating_add);
    let largest = stored.iter().map(|bytes| most(*bytes)).max().unwrap_or(0);
    all.saturating_add(largest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_a_tar_whose_sums_are_right() {
        let folder = tempfile::tempdir().unwrap();
        let disk = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            Disk { name: name.into(), path, length: bytes.len() as u64 }
        };
        let large = vec![7; STEP + 100];
        let disks = [disk("a.vmdk", &large), disk("b.vmdk", b"")];
        let file = File::options().read(true).write(true).create_new(true).open(folder.path().join("all")).unwrap();
        let mut told = 0;
        let mut watch = |bytes| {
            told += bytes;
            true
        };
        let length = Writer::new(&file, 7, &mut watch).write("web", ExportFormat::Ova, "<Envelope/>", &disks).unwrap();
        assert_eq!((told, length), (large.len() as u64, file.metadata().unwrap().len()));
        assert!(!disks[0].path.exists());
        let mut archive = tar::Archive::new(File::open(folder.path().join("all")).unwrap());
        let mut seen = Vec::new();
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            seen.push((entry.path().unwrap().to_string_lossy().into_owned(), bytes));
        }
        let names: Vec<&str> = seen.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["web.ovf", "web.mf", "a.vmdk", "b.vmdk"]);
        let sum = |bytes: &[u8]| hex(Sha256::digest(bytes));
        let expected = format!(
            "SHA256(web.ovf)= {}\nSHA256(a.vmdk)= {}\nSHA256(b.vmdk)= {}\n",
            sum(b"<Envelope/>"),
            sum(&large),
            sum(b"")
        );
        assert_eq!(String::from_utf8_lossy(&seen[1].1), expected);
        assert_eq!(seen[2].1, large);
    }

    #[test]
    fn one_that_is_not_wanted_any_more_ends() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, [7; 100]).unwrap();
        let file = File::create(folder.path().join("all")).unwrap();
        let disks = [Disk { name: "a".into(), path, length: 100 }];
        let ended = Writer::new(&file, 0, &mut |_| false).write("web", ExportFormat::Qcow2, "{}", &disks);
        assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::Interrupted);
    }

    #[test]
    fn the_room_is_that_of_all_and_of_the_largest_again() {
        assert_eq!(room(&[]), 0);
        assert_eq!(room(&[64 << 20]), 2 * (66 << 20));
        assert!(room(&[u64::MAX, 1]) == u64::MAX);
    }
}
