//! exFAT (Microsoft, "exFAT file system specification", revision 1.00).

use super::runs::{Clusters, InPieces, Runs};
use super::{Content, Entry, FOLDER_MAX, FileSystem, Part, Place, Unreadable, dos_time, le16, le32, le64, utf16};

const ENTRY: usize = 32;
/// Types of directory entries (§6.2.1, §7): what is in use has the highest bit.
const END: u8 = 0x00;
const LABEL: u8 = 0x83;
const FILE: u8 = 0x85;
const STREAM: u8 = 0xc0;
const NAME: u8 = 0xc1;

const FOLDER: u16 = 0x10;

pub(super) struct Exfat {
    part: Part,
    /// Where in the part what lies; bytes.
    table: u64,
    clusters: Clusters,
    root: u64,
    id: String,
    label: Option<String>,
}

impl Exfat {
    /// The main boot sector (§3.1).
    pub fn open(part: Part) -> Result<Self, Unreadable> {
        let boot: [u8; 512] = part.bytes(0)?;
        let (sector_bits, cluster_bits) = (u32::from(boot[108]), u32::from(boot[109]));
        if !(9..=12).contains(&sector_bits) || sector_bits + cluster_bits > 25 {
            return Err(Unreadable::Broken("its sectors or clusters have an impossible length"));
        }
        let sectors = |at: usize| u64::from(le32(&boot, at)) << sector_bits;
        let size = 1u64 << (sector_bits + cluster_bits);
        let clusters = Clusters { at: sectors(88), size, count: le32(&boot, 92).into() };
        if clusters.at + clusters.bytes() > part.size {
            return Err(Unreadable::Broken("its boot sector lies about its size"));
        }
        let mut exfat = Self {
            part,
            table: sectors(80),
            clusters,
            root: u64::from(le32(&boot, 96)),
            id: format!("{:08x}", le32(&boot, 100)),
            label: None,
        };
        let root = exfat.folder_bytes(exfat.root())?;
        let mut labels = root.chunks_exact(ENTRY).take_while(|entry| entry[0] != END).filter(|entry| entry[0] == LABEL);
        exfat.label = labels.next().and_then(|entry| utf16(&entry[2..2 + usize::from(entry[1].min(11)) * 2]));
        Ok(exfat)
    }

    /// §4.1: what is no cluster ends the chain, or breaks it.
    fn next(&self, cluster: u64) -> Result<Option<u64>, Unreadable> {
        let value = le32(&self.part.bytes::<4>(self.table + cluster * 4)?, 0);
        Ok((value != u32::MAX).then_some(value.into()))
    }

    /// What is contiguous has no chain (§6.3.4.2).
    fn runs(&self, place: Place, length: u64) -> Result<Runs, Unreadable> {
        let next = |cluster| if place.contiguous { Ok(Some(cluster + 1)) } else { self.next(cluster) };
        self.clusters.runs(place.start, length, next)
    }

    /// The root has no length: its chain says where it ends.
    fn folder_bytes(&self, place: Place) -> Result<Vec<u8>, Unreadable> {
        let most = FOLDER_MAX.min(self.clusters.bytes());
        let length = if place.length == 0 { most } else { place.length };
        if length > most {
            return Err(Unreadable::Broken("a folder is impossibly long"));
        }
        self.runs(place, length)?.read_all(&self.part, FOLDER_MAX.max(self.clusters.size))
    }
}

impl FileSystem for Exfat {
    fn identity(&self) -> (String, Option<String>) {
        (self.id.clone(), self.label.clone())
    }

    fn root(&self) -> Place {
        Place { start: self.root, ..Place::default() }
    }

    fn folder(&self, place: Place) -> Result<Vec<Entry>, Unreadable> {
        let bytes = self.folder_bytes(place)?;
        let all: Vec<&[u8]> = bytes.chunks_exact(ENTRY).take_while(|entry| entry[0] != END).collect();
        let mut entries = Vec::new();
        let mut at = 0;
        while let Some(first) = all.get(at) {
            let count = 1 + usize::from(first[1]);
            let set = all.get(at..at + count).filter(|_| first[0] == FILE).and_then(entry_of);
            at += if set.is_some() { count } else { 1 };
            entries.extend(set);
        }
        Ok(entries)
    }

    fn length(&self, place: Place) -> Result<u64, Unreadable> {
        Ok(place.length)
    }

    fn open(&self, place: Place) -> Result<Box<dyn Content + '_>, Unreadable> {
        let runs = if place.length == 0 { Runs::default() } else { self.runs(place, place.length)? };
        Ok(Box::new(InPieces { part: self.part.clone(), runs, valid: place.valid() }))
    }
}

/// A file is told of by a set of entries: what it is, where it lies, and its name in parts (§7.4, §7.6, §7.7).
fn entry_of(set: &[&[u8]]) -> Option<Entry> {
    let [file, stream, names @ ..] = set else { return None };
    let right = sum(set) == le16(file, 2) && stream[0] == STREAM && names.iter().all(|name| name[0] == NAME);
    let length = usize::from(stream[3]) * 2;
    let name: Vec<u8> = names.iter().flat_map(|name| &name[2..]).copied().collect();
    if !right || length == 0 || length > name.len() {
        return None;
    }
    let is_folder = le16(file, 4) & FOLDER != 0;
    let (valid, size) = (le64(stream, 8), le64(stream, 24));
    let start = u64::from(le32(stream, 20));
    let place = Place { start, length: size, contiguous: stream[1] & 2 != 0, unwritten: size.checked_sub(valid)? };
    if is_folder && size == 0 {
        return None;
    }
    Some(Entry { name: utf16(&name[..length])?, is_folder, place, modified: modified(file) })
}

/// §6.3.3, figure 2: all bytes but the sum itself.
fn sum(set: &[&[u8]]) -> u16 {
    let bytes = set.iter().copied().flatten().enumerate().filter(|(at, _)| !matches!(at, 2 | 3));
    bytes.fold(0u16, |sum, (_, byte)| sum.rotate_right(1).wrapping_add(u16::from(*byte)))
}

/// §7.4.8 and §7.4.10: in quarters of an hour from UTC, if that is said.
fn modified(file: &[u8]) -> Option<i64> {
    let local = dos_time(le16(file, 14), le16(file, 12))?;
    let offset = file[23];
    let quarters = if offset & 0x80 == 0 { 0 } else { i64::from((offset << 1).cast_signed() >> 1) };
    Some(local - quarters * 15 * 60)
}
