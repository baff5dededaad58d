//! What must hold for all bytes that an image's file, its description, and a stick can have. Shared by the fuzz targets and by the replay
//! on stable Rust.
#![allow(dead_code, reason = "each target takes the half it needs")]

use cake_storage::images::described;
use cake_storage::inspect::{Found, Source, inspect};
use cake_storage::package::read::tar::{self, Member};
use cake_storage::package::read::{self, DiskFormat, Package, Part};
use cake_storage::stick::{self, FILES_MAX, Wanted};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::rc::Rc;

/// More reads than any honest file needs: what grows with a file's own numbers is caught.
const MOST_READS: u32 = 20_000;

/// Where the parts of a CD and of a VHDX file begin that are looked at first.
const CD_DESCRIPTORS: u64 = 16 * 2048;
const VHDX_REGIONS: u64 = 192 << 10;

/// Counts, and notices who asks for more than a header's worth. The bytes lie at `base`, behind a beginning and zeros.
struct Counted<'a> {
    beginning: &'a [u8],
    base: u64,
    bytes: &'a [u8],
    reads: Cell<u32>,
}

impl Source for Counted<'_> {
    fn size(&self) -> io::Result<u64> {
        Ok(self.base + self.bytes.len() as u64)
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        assert!(buffer.len() <= 20 * 512, "a read of {} bytes", buffer.len());
        self.reads.set(self.reads.get() + 1);
        assert!(self.reads.get() <= MOST_READS, "too many reads");
        let end = offset.checked_add(buffer.len() as u64).filter(|end| *end <= self.base + self.bytes.len() as u64);
        if end.is_none() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        for (at, byte) in (offset..).zip(buffer) {
            *byte = match at.checked_sub(self.base) {
                Some(at) => self.bytes[at as usize],
                None => self.beginning.get(at as usize).copied().unwrap_or(0),
            };
        }
        Ok(())
    }
}

/// Panics when an invariant does not hold.
pub fn check(bytes: &[u8]) {
    check_at(&[], 0, bytes);
}

/// The volume descriptors of a CD and what follows.
pub fn cd(bytes: &[u8]) {
    check_at(&[], CD_DESCRIPTORS, bytes);
}

/// The region table of a VHDX file and what follows.
pub fn vhdx(bytes: &[u8]) {
    check_at(b"vhdxfile", VHDX_REGIONS, bytes);
}

fn check_at(beginning: &[u8], base: u64, bytes: &[u8]) {
    let counted = Counted { beginning, base, bytes, reads: Cell::new(0) };
    let length = base + bytes.len() as u64;
    match inspect(&counted) {
        Ok(Found::Raw { virtual_size, .. }) => {
            assert_eq!(virtual_size, length);
            assert!(virtual_size.is_multiple_of(512));
        }
        Ok(Found::Iso { size, .. }) => assert_eq!(size, length),
        Ok(Found::Vmdk { virtual_size }) => {
            assert!(bytes.starts_with(b"KDMV") && virtual_size > 0 && virtual_size.is_multiple_of(512));
            assert!(bytes[12..20].iter().any(|byte| *byte != 0), "a descriptor alone");
        }
        Ok(Found::Vhdx { virtual_size }) => assert!(virtual_size > 0 && virtual_size.is_multiple_of(512)),
        Ok(Found::Qcow2 { version, virtual_size }) => {
            assert!(bytes.starts_with(b"QFI\xfb") && matches!(version, 2 | 3));
            assert!(virtual_size > 0 && virtual_size.is_multiple_of(512));
            assert!(bytes[8..20].iter().all(|byte| *byte == 0), "a backing file");
        }
        Ok(Found::Kernel { entry }) => {
            assert!(bytes.starts_with(b"\x7fELF"));
            assert!(bytes.windows(8).any(|note| note[..4] == *b"Xen\0" && note[4..] == entry.to_le_bytes()));
        }
        Ok(Found::Package) => assert_eq!(&bytes[257..262], b"ustar"),
        Err(refusal) => assert!(!refusal.to_string().is_empty()),
    }
}

/// A VM in one file: all that is found in it lies in it.
pub fn package(bytes: &[u8]) {
    if let Ok(members) = tar::list(bytes) {
        for Member { name, offset, length } in members {
            assert!(offset >= 512 && offset + length <= bytes.len() as u64, "{name:?}");
            assert!(!name.is_empty() && name.len() <= 255 && !name.contains(['/', '\\']), "{name:?}");
        }
    }
    match read::read(bytes) {
        Ok(found) => sane(&found),
        Err(refusal) => assert!(!refusal.to_string().is_empty()),
    }
    let mut read = Cursor { bytes, at: 0 };
    let (sha256, _) = read::read_all(&mut read).expect("memory can be read");
    assert_eq!((sha256.len(), read.at), (64, bytes.len()));
}

/// What describes one, of a package with two disks.
pub fn envelope(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let member = |name: &str, offset| Member { name: name.into(), offset, length: 512 };
    let members = [member("web.ovf", 512), member("web-disk0.vmdk", 2048), member("web-disk3.vmdk", 4096)];
    match read::package(text, &members, |_| Ok((DiskFormat::Vmdk, 1 << 20))) {
        Ok(found) => sane(&found),
        Err(refusal) => assert!(!refusal.to_string().is_empty()),
    }
}

fn sane(package: &Package) {
    let Package { cpus, disks, .. } = package;
    assert!(*cpus > 0 && !disks.is_empty() && disks.len() <= read::DISKS_MAX && package.size() <= 64 << 40);
    for disk in disks {
        assert!(disk.size().bytes() > 0 && disk.size().bytes().is_multiple_of(512));
        assert!(matches!(disk, Part::Empty { .. }) || matches!(disk, Part::File { offset, .. } if *offset > 512));
    }
}

/// Bytes to be read from their beginning, and anywhere.
struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl io::Read for Cursor<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = buffer.len().min(self.bytes.len() - self.at);
        buffer[..count].copy_from_slice(&self.bytes[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

impl Source for Cursor<'_> {
    fn size(&self) -> io::Result<u64> {
        self.bytes.size()
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.bytes.read_exact_at(buffer, offset)
    }
}

/// An image lies beside its description, whatever that says.
pub fn description(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match described(text, Path::new("/images/x.toml")) {
        Ok(image) => {
            for path in image.files() {
                assert_eq!(path.parent(), Some(Path::new("/images")), "{path:?}");
                assert!(path.file_name().is_some_and(|name| !name.as_encoded_bytes().starts_with(b".")));
            }
            assert_eq!(image.more.len(), image.spec.more_disks.len());
        }
        Err(refusal) => assert!(refusal.to_string().contains("/images/x.toml")),
    }
}

/// A stick by its sectors: how many it has, then some with their numbers. The others are empty.
struct Sectors {
    count: u64,
    sectors: BTreeMap<u64, [u8; SECTOR]>,
    left: Cell<u64>,
}

const SECTOR: usize = 512;
/// What is read of a stick before it is pulled out: whoever turns in a circle is caught by nothing else here.
const MOST_BYTES: u64 = 4 << 20;

impl Sectors {
    fn of(bytes: &[u8]) -> Option<Self> {
        let (count, rest) = bytes.split_first_chunk()?;
        let sector = |part: &[u8]| {
            let (number, bytes) = part.split_first_chunk()?;
            Some((u64::from(u32::from_le_bytes(*number)), *bytes.first_chunk()?))
        };
        let sectors = rest.chunks_exact(4 + SECTOR).filter_map(sector).collect();
        Some(Self { count: u32::from_le_bytes(*count).into(), sectors, left: Cell::new(MOST_BYTES) })
    }
}

impl Source for Sectors {
    fn size(&self) -> io::Result<u64> {
        Ok(self.count * SECTOR as u64)
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let end = offset.checked_add(buffer.len() as u64).expect("no read wraps around");
        assert!(end <= self.count * SECTOR as u64, "a read behind the end");
        let left = self.left.get().checked_sub(buffer.len() as u64).ok_or(io::ErrorKind::UnexpectedEof)?;
        self.left.set(left);
        for (at, byte) in (offset..).zip(buffer) {
            let sector = self.sectors.get(&(at / SECTOR as u64));
            *byte = sector.map_or(0, |sector| sector[at as usize % SECTOR]);
        }
        Ok(())
    }
}

/// Panics when an invariant does not hold.
pub fn sticks(bytes: &[u8]) {
    let Some(sectors) = Sectors::of(bytes) else { return };
    let stick: Rc<dyn Source> = Rc::new(sectors);
    let Ok(volumes) = stick::list(stick.clone()) else { return };
    assert!(volumes.len() <= 64);
    for volume in volumes {
        assert!(volume.label.is_none_or(|label| !label.chars().any(char::is_control)));
        let Ok(found) = volume.found else { continue };
        assert!(found.files.len() <= FILES_MAX);
        for file in &found.files {
            assert!(file.path.len() <= 1024 && !file.path.chars().any(char::is_control), "{:?}", file.path);
            assert!(file.path.split('/').all(|name| !matches!(name, "" | "." | "..")), "{:?}", file.path);
        }
        for file in found.files.into_iter().take(2) {
            let (partition, id) = (volume.partition, volume.id.clone());
            let wanted = Wanted { partition, volume: id, path: file.path, size: file.size, modified: file.modified };
            let mut written = Vec::new();
            if stick::copy(stick.clone(), &wanted, file.size.saturating_sub(MOST_BYTES), &mut written).is_ok() {
                assert_eq!(written.len() as u64, file.size.min(MOST_BYTES));
            }
        }
    }
}
