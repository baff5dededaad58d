//! What is on a stick. Plain functions over hostile bytes: they run in a confined worker ([`worker`]), and the fuzz target and its
//! corpus are in `fuzz/`. The kernel's own file systems never see a stick.
//!
//! ```text
//!   partitions ──► Part ──► recognise ──► dyn FileSystem (fat · exfat · ntfs · ext) ──► walk: files called as images are
//!                                                         └──► open a path ──► dyn Content ──► copy, from any byte on
//! ```
//!
//! Everything is bounded: partitions, folders, their depth and length, names, and chains of clusters by the size of what they lie on.

mod exfat;
mod ext;
mod fat;
mod names;
mod ntfs;
mod partitions;
mod runs;
mod walk;
pub mod worker;

use crate::inspect::Source;
use cake_types::{StickFormat, StickTrouble};
use data_encoding::HEXLOWER;
use partitions::Extent;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::io::{self, Write};
use std::rc::Rc;

pub use names::is_image_name;
pub(crate) use names::misleads;
pub use walk::{FILES_MAX, Found, FoundFile};

/// Bytes of a file that are read at a time.
const STEP: usize = 256 * 1024;
/// Bytes of the longest folder that is read.
const FOLDER_MAX: u64 = 8 << 20;

/// A file system on a stick, as the worker tells of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    /// In the partition table; 0 where there is none.
    pub partition: u32,
    /// Bytes from the beginning of the stick, and how many.
    pub start: u64,
    pub size: u64,
    pub format: StickFormat,
    /// Its own number, hexadecimal; empty where it has none.
    pub id: String,
    pub label: Option<String>,
    pub found: Result<Found, StickTrouble>,
}

impl Volume {
    /// Of this file system on a disk that says of itself what stands in `disk`: what another one has another of.
    pub fn identity(&self, disk: &[&str]) -> String {
        let Self { partition, start, size, format, id, label: _, found: _ } = self;
        let mut hash = Sha256::new();
        let own = format!("{partition} {start} {size} {} {id}", format.as_str());
        for text in disk.iter().copied().chain([own.as_str()]) {
            hash.update(text);
            hash.update([0]);
        }
        HEXLOWER.encode(&hash.finalize()[..16])
    }
}

/// Which file is wanted, and that it must be the one that was chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    pub partition: u32,
    /// [`Volume::id`].
    pub volume: String,
    pub path: String,
    pub size: u64,
    /// Seconds since 1970.
    pub modified: Option<i64>,
}

/// Why something on a stick can't be read.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    #[error("the stick does not hand its bytes out")]
    Device(#[source] io::Error),
    #[error("the file system contradicts itself: {0}")]
    Broken(&'static str),
    #[error("{0} is not read")]
    Unsupported(&'static str),
    #[error("it was pulled out before everything was written to it")]
    Unclean,
    #[error("the file is not there any more")]
    NotThere,
    #[error("it is another file, or another stick")]
    Changed,
    #[error("nobody takes the bytes")]
    Write(#[source] io::Error),
}

impl Unreadable {
    fn trouble(&self) -> StickTrouble {
        match self {
            Self::Device(_) => StickTrouble::Unreadable,
            Self::Unsupported(_) => StickTrouble::Unsupported,
            Self::Unclean => StickTrouble::Unclean,
            Self::Broken(_) | Self::NotThere | Self::Changed | Self::Write(_) => StickTrouble::Broken,
        }
    }
}

/// A part of a stick: nothing outside of it is read, whatever a file system says.
#[derive(Clone)]
struct Part {
    source: Rc<dyn Source>,
    start: u64,
    size: u64,
}

impl Part {
    /// All of it.
    fn whole(source: Rc<dyn Source>) -> Result<Self, Unreadable> {
        let size = source.size().map_err(Unreadable::Device)?;
        Ok(Self { source, start: 0, size })
    }

    fn of(&self, extent: Extent) -> Self {
        Self { source: self.source.clone(), start: extent.start, size: extent.size }
    }

    fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<(), Unreadable> {
        let end = offset.checked_add(buffer.len() as u64);
        if end.is_none_or(|end| end > self.size) {
            return Err(Unreadable::Broken("it points outside of itself"));
        }
        self.source.read_exact_at(buffer, self.start + offset).map_err(Unreadable::Device)
    }

    fn bytes<const N: usize>(&self, offset: u64) -> Result<[u8; N], Unreadable> {
        let mut bytes = [0; N];
        self.read(offset, &mut bytes)?;
        Ok(bytes)
    }

    fn vec(&self, offset: u64, length: usize) -> Result<Vec<u8>, Unreadable> {
        let mut bytes = vec![0; length];
        self.read(offset, &mut bytes)?;
        Ok(bytes)
    }
}

/// Where a folder or a file begins. What the numbers mean, only its file system knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Place {
    start: u64,
    length: u64,
    contiguous: bool,
    /// Bytes at the end that were never written.
    unwritten: u64,
}

impl Place {
    const fn valid(self) -> u64 {
        self.length.saturating_sub(self.unwritten)
    }
}

/// What stands in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    name: String,
    is_folder: bool,
    place: Place,
    /// Seconds since 1970.
    modified: Option<i64>,
}

trait FileSystem {
    /// Its own number, hexadecimal, and what its owner called it.
    fn identity(&self) -> (String, Option<String>);
    fn root(&self) -> Place;
    fn folder(&self, place: Place) -> Result<Vec<Entry>, Unreadable>;
    /// Of a file.
    fn length(&self, place: Place) -> Result<u64, Unreadable>;
    fn open(&self, place: Place) -> Result<Box<dyn Content + '_>, Unreadable>;
}

/// The bytes of a file.
trait Content {
    /// Fills as much of `buffer` as there is from `offset` on, and at least one byte of what is not behind the end.
    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize, Unreadable>;
}

/// All file systems on a stick, in the order in which they lie in its table.
pub fn list(stick: Rc<dyn Source>) -> Result<Vec<Volume>, Unreadable> {
    let stick = Part::whole(stick)?;
    let mut volumes: Vec<_> = partitions::find(&stick)?.into_iter().map(|extent| volume(&stick, extent)).collect();
    // A reserved partition, or one for the firmware, is nothing that anybody looks for.
    if volumes.iter().any(|volume| volume.format != StickFormat::Unknown) {
        volumes.retain(|volume| volume.format != StickFormat::Unknown);
    }
    Ok(volumes)
}

fn volume(stick: &Part, extent: Extent) -> Volume {
    let Extent { partition, start, size } = extent;
    let (format, system) = recognise(stick.of(extent));
    let ((id, label), found) = match &system {
        Ok(system) => (system.identity(), walk::files(&**system).map_err(|error| error.trouble())),
        Err(error) => (Default::default(), Err(error.trouble())),
    };
    Volume { partition, start, size, format, id, label: label.and_then(|label| names::shown(&label)), found }
}

type Recognised = (StickFormat, Result<Box<dyn FileSystem>, Unreadable>);

/// What a part is formatted with, by the marks at its beginning.
fn recognise(part: Part) -> Recognised {
    fn boxed(system: impl FileSystem + 'static) -> Box<dyn FileSystem> {
        Box::new(system)
    }
    let first: [u8; 512] = match part.bytes(0) {
        Ok(first) => first,
        Err(error) => return (StickFormat::Unknown, Err(error)),
    };
    let mark_at = |offset: u64, mark: &[u8]| part.vec(offset, mark.len()).is_ok_and(|bytes| bytes == mark);
    match &first[3..11] {
        b"EXFAT   " => return (StickFormat::Exfat, exfat::Exfat::open(part).map(boxed)),
        b"NTFS    " => return (StickFormat::Ntfs, ntfs::Ntfs::open(part).map(boxed)),
        _ => {}
    }
    if mark_at(0x438, &[0x53, 0xef]) {
        return (StickFormat::Ext, ext::Ext::open(part).map(boxed));
    }
    let foreign = [
        (3, &b"-FVE-FS-"[..], StickFormat::Bitlocker),
        (0, b"LUKS\xba\xbe", StickFormat::Luks),
        (0, b"XFSB", StickFormat::Xfs),
        (0x1_0040, b"_BHRfS_M", StickFormat::Btrfs),
        (1024, b"H+\0\x04", StickFormat::Hfs),
        (1024, b"HX\0\x05", StickFormat::Hfs),
        (32, b"NXSB", StickFormat::Apfs),
        (0x8001, b"CD001", StickFormat::Iso9660),
    ];
    let known = foreign.into_iter().find(|(offset, mark, _)| mark_at(*offset, mark));
    if let Some((_, _, format)) = known {
        return (format, Err(Unreadable::Unsupported("what it is formatted with")));
    }
    match fat::Fat::open(part) {
        Ok(Some(system)) => (StickFormat::Fat, Ok(boxed(system))),
        Ok(None) => (StickFormat::Unknown, Err(Unreadable::Unsupported("what it is formatted with"))),
        Err(error) => (StickFormat::Fat, Err(error)),
    }
}

/// Writes a file from its byte `from` on to `out`, if it is the file that is wanted.
pub fn copy(stick: Rc<dyn Source>, wanted: &Wanted, from: u64, out: &mut dyn Write) -> Result<(), Unreadable> {
    let stick = Part::whole(stick)?;
    let extent = partitions::find(&stick)?
        .into_iter()
        .find(|extent| extent.partition == wanted.partition)
        .ok_or(Unreadable::Changed)?;
    let (_, system) = recognise(stick.of(extent));
    let system = system?;
    if system.identity().0 != wanted.volume {
        return Err(Unreadable::Changed);
    }
    let entry = walk::find(&*system, &wanted.path)?;
    if system.length(entry.place)? != wanted.size || entry.modified != wanted.modified {
        return Err(Unreadable::Changed);
    }
    let mut content = system.open(entry.place)?;
    let (mut at, mut buffer) = (from, vec![0; STEP]);
    while at < wanted.size {
        let length = (wanted.size - at).min(STEP as u64) as usize;
        match content.read_at(at, &mut buffer[..length])? {
            0 => return Err(Unreadable::Broken("the file ends early")),
            count => {
                out.write_all(&buffer[..count]).map_err(Unreadable::Write)?;
                at += count as u64;
            }
        }
    }
    Ok(())
}

/// Bytes of a file, for who does not know it yet: at most `most`, from `from` on. `None`: there is no such file.
pub fn read_part(
    stick: Rc<dyn Source>,
    (partition, volume): (u32, &str),
    path: &str,
    from: u64,
    most: u64,
) -> Result<Option<Vec<u8>>, Unreadable> {
    let stick = Part::whole(stick)?;
    let extent = partitions::find(&stick)?.into_iter().find(|extent| extent.partition == partition);
    let (_, system) = recognise(stick.of(extent.ok_or(Unreadable::Changed)?));
    let system = system?;
    if system.identity().0 != volume {
        return Err(Unreadable::Changed);
    }
    let entry = match walk::find(&*system, path) {
        Err(Unreadable::NotThere) => return Ok(None),
        found => found?,
    };
    let length = system.length(entry.place)?.saturating_sub(from).min(most);
    let mut content = system.open(entry.place)?;
    let (mut bytes, mut buffer) = (Vec::new(), vec![0; STEP]);
    while (bytes.len() as u64) < length {
        let step = (length - bytes.len() as u64).min(STEP as u64) as usize;
        match content.read_at(from + bytes.len() as u64, &mut buffer[..step])? {
            0 => return Err(Unreadable::Broken("the file ends early")),
            count => bytes.extend_from_slice(&buffer[..count]),
        }
    }
    Ok(Some(bytes))
}

/// Numbers out of bytes that were read whole; 0 behind their end.
fn number<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).copied().unwrap_or([0; N])
}

fn le16(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(number(bytes, at))
}

fn le32(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(number(bytes, at))
}

fn le64(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(number(bytes, at))
}

/// Names in UTF-16, little-endian. What is no Unicode is no name.
fn utf16(bytes: &[u8]) -> Option<String> {
    let units = bytes.chunks_exact(2).map(|unit| le16(unit, 0));
    char::decode_utf16(units).collect::<Result<_, _>>().ok()
}

/// Seconds since 1970 of a day and a time as FAT has them (Microsoft's FAT specification, "Date and time formats"), in UTC.
fn dos_time(date: u16, time: u16) -> Option<i64> {
    let (year, month, day) = (1980 + i64::from(date >> 9), i64::from(date >> 5 & 15), i64::from(date & 31));
    let (hour, minute, second) = (i64::from(time >> 11), i64::from(time >> 5 & 63), i64::from(time & 31) * 2);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    // Days since 1970-01-01, in years that begin in March, so that leap days come last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1 - 719_468;
    Some(days * 86_400 + hour * 3600 + minute * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_fat() {
        assert_eq!(dos_time(0x0021, 0), Some(315_532_800), "1980-01-01");
        assert_eq!(
            dos_time(44 << 9 | 2 << 5 | 29, 23 << 11 | 59 << 5 | 29),
            Some(1_709_251_198),
            "2024-02-29 23:59:58"
        );
        assert_eq!((dos_time(0, 0), dos_time(13 << 5 | 1, 0), dos_time(0x0021, 24 << 11)), (None, None, None));
    }

    #[test]
    fn another_stick_has_another_identity() {
        let volume = Volume {
            partition: 1,
            start: 512,
            size: 1024,
            format: StickFormat::Fat,
            id: "00000001".into(),
            label: None,
            found: Err(StickTrouble::Broken),
        };
        let here = volume.identity(&["Acme Stick", "0815"]);
        assert_eq!(here.len(), 32);
        let same = Volume { label: Some("renamed".into()), found: Ok(Found::default()), ..volume.clone() };
        assert_eq!(here, same.identity(&["Acme Stick", "0815"]), "what is on it does not matter");
        assert_ne!(here, volume.identity(&["Acme Stick", "0816"]));
        assert_ne!(here, volume.identity(&["Acme", "Stick0815"]));
        assert_ne!(here, Volume { partition: 2, ..volume.clone() }.identity(&["Acme Stick", "0815"]));
        assert_ne!(here, Volume { id: "00000002".into(), ..volume }.identity(&["Acme Stick", "0815"]));
    }

    #[test]
    fn nothing_outside_of_a_part_is_read() {
        let part = Part { source: Rc::new(vec![7; 1024]), start: 512, size: 256 };
        assert!(part.bytes::<256>(0).is_ok());
        for (offset, length) in [(0, 257), (256, 1), (u64::MAX, 1)] {
            assert!(matches!(part.vec(offset, length), Err(Unreadable::Broken(_))), "{offset} {length}");
        }
    }
}
