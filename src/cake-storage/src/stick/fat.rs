//! FAT12, FAT16 and FAT32 with long names (Microsoft, "FAT: General Overview of On-Disk Format", 1.03).

use super::runs::{Clusters, InPieces, Runs};
use super::{Content, Entry, FileSystem, Part, Place, Unreadable, dos_time, le16, le32, utf16};

/// "A FAT directory can have 65,536 entries" of 32 bytes.
const FOLDER_MAX: u64 = 65_536 * 32;
const ENTRY: usize = 32;

const READ_ONLY_TO_LABEL: u8 = 0x0f;
const LABEL: u8 = 0x08;
const FOLDER: u8 = 0x10;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Width {
    Twelve,
    Sixteen,
    ThirtyTwo,
}

pub(super) struct Fat {
    part: Part,
    width: Width,
    /// Where in the part what lies; bytes.
    table: u64,
    fixed_root: u64,
    fixed_root_size: u64,
    clusters: Clusters,
    /// A cluster, in FAT32 only.
    root: u64,
    id: String,
    label: Option<String>,
}

impl Fat {
    /// `None`: it is none.
    pub fn open(part: Part) -> Result<Option<Self>, Unreadable> {
        let boot: [u8; 512] = part.bytes(0)?;
        let (sector, per_cluster) = (u64::from(le16(&boot, 11)), u64::from(boot[13]));
        let (reserved, tables) = (u64::from(le16(&boot, 14)), u64::from(boot[16]));
        let plausible = sector.is_power_of_two() && (512..=4096).contains(&sector) && per_cluster.is_power_of_two();
        if !plausible || reserved == 0 || !(1..=4).contains(&tables) || boot[510..] != [0x55, 0xaa] {
            return Ok(None);
        }
        let either = |short: usize, long: usize| match le16(&boot, short) {
            0 => u64::from(le32(&boot, long)),
            short => u64::from(short),
        };
        let (total, table_size) = (either(19, 32), either(22, 36));
        let root_entries = u64::from(le16(&boot, 17));
        let root_sectors = (root_entries * ENTRY as u64).div_ceil(sector);
        let before = reserved + tables * table_size + root_sectors;
        let clusters = total.saturating_sub(before) / per_cluster;
        // Which one it is follows from the number of clusters and from nothing else (§3.5); only FAT32 has a long table size.
        let width = match clusters {
            _ if le16(&boot, 22) == 0 => Width::ThirtyTwo,
            0..4085 => Width::Twelve,
            _ => Width::Sixteen,
        };
        if table_size == 0 || clusters == 0 || total * sector > part.size {
            return Err(Unreadable::Broken("its boot sector lies about its size"));
        }
        let more = if width == Width::ThirtyTwo { 64 } else { 36 };
        // 0x29: serial number, and in its older sort of way a label.
        let id = if boot[more + 2] == 0x29 { format!("{:08x}", le32(&boot, more + 3)) } else { String::new() };
        let mut fat = Self {
            part,
            width,
            table: reserved * sector,
            fixed_root: (reserved + tables * table_size) * sector,
            fixed_root_size: root_entries * ENTRY as u64,
            clusters: Clusters { at: before * sector, size: per_cluster * sector, count: clusters },
            root: if width == Width::ThirtyTwo { u64::from(le32(&boot, 44)) } else { 0 },
            id,
            label: None,
        };
        fat.label = fat.root_label()?;
        Ok(Some(fat))
    }

    /// The label that systems write today is an entry of the root.
    fn root_label(&self) -> Result<Option<String>, Unreadable> {
        let bytes = self.folder_bytes(self.root())?;
        let entries = bytes.chunks_exact(ENTRY).take_while(|entry| entry[0] != 0);
        let mut labels =
            entries.filter(|e| e[0] != 0xe5 && e[11] & (LABEL | FOLDER) == LABEL && e[11] != READ_ONLY_TO_LABEL);
        Ok(labels.next().map(|entry| one_byte_text(&entry[..11])))
    }

    /// What the table says of a cluster; `None` is the end of a chain.
    fn next(&self, cluster: u64) -> Result<Option<u64>, Unreadable> {
        let (value, end) = match self.width {
            Width::Twelve => {
                let pair = le16(&self.part.bytes::<2>(self.table + cluster * 3 / 2)?, 0);
                (u64::from(if cluster & 1 == 1 { pair >> 4 } else { pair & 0xfff }), 0xff8)
            }
            Width::Sixteen => (u64::from(le16(&self.part.bytes::<2>(self.table + cluster * 2)?, 0)), 0xfff8),
            Width::ThirtyTwo => {
                (u64::from(le32(&self.part.bytes::<4>(self.table + cluster * 4)?, 0) & 0x0fff_ffff), 0x0fff_fff8)
            }
        };
        Ok((value < end).then_some(value))
    }

    fn runs(&self, first: u64, length: u64) -> Result<Runs, Unreadable> {
        self.clusters.runs(first, length, |cluster| self.next(cluster))
    }

    fn folder_bytes(&self, place: Place) -> Result<Vec<u8>, Unreadable> {
        if place.start == 0 {
            return self.part.vec(self.fixed_root, self.fixed_root_size as usize);
        }
        let runs = self.runs(place.start, FOLDER_MAX.min(self.clusters.bytes()))?;
        runs.read_all(&self.part, FOLDER_MAX)
    }
}

impl FileSystem for Fat {
    fn identity(&self) -> (String, Option<String>) {
        (self.id.clone(), self.label.clone())
    }

    fn root(&self) -> Place {
        Place { start: self.root, ..Place::default() }
    }

    fn folder(&self, place: Place) -> Result<Vec<Entry>, Unreadable> {
        let bytes = self.folder_bytes(place)?;
        let (mut entries, mut long) = (Vec::new(), LongName::default());
        for entry in bytes.chunks_exact(ENTRY) {
            match (entry[0], entry[11]) {
                (0, _) => break,
                (0xe5, _) => long = LongName::default(),
                (_, attributes) if attributes & 0x3f == READ_ONLY_TO_LABEL => long.part(entry),
                (_, attributes) if attributes & LABEL != 0 => long = LongName::default(),
                (_, attributes) => {
                    let name = std::mem::take(&mut long).of(entry).unwrap_or_else(|| short_name(entry));
                    let high = if self.width == Width::ThirtyTwo { le16(entry, 20) } else { 0 };
                    let start = u64::from(high) << 16 | u64::from(le16(entry, 26));
                    let is_folder = attributes & FOLDER != 0;
                    // Who names the root in FAT12 and FAT16, or itself, leads in a circle.
                    if is_folder && (start < 2 || name == "." || name == "..") {
                        continue;
                    }
                    let place = Place { start, length: u64::from(le32(entry, 28)), ..Place::default() };
                    let modified = dos_time(le16(entry, 24), le16(entry, 22));
                    entries.push(Entry { name, is_folder, place, modified });
                }
            }
        }
        Ok(entries)
    }

    fn length(&self, place: Place) -> Result<u64, Unreadable> {
        Ok(place.length)
    }

    fn open(&self, place: Place) -> Result<Box<dyn Content + '_>, Unreadable> {
        let runs = if place.length == 0 { Runs::default() } else { self.runs(place.start, place.length)? };
        Ok(Box::new(InPieces { part: self.part.clone(), runs, valid: place.length }))
    }
}

/// A long name stands before its entry, its last part first (§7).
#[derive(Default)]
struct LongName {
    /// UTF-16, the parts in their order.
    units: Vec<u8>,
    /// The number of the part that was read last, and the sum of the short name that all parts name.
    at: u8,
    sum: u8,
}

impl LongName {
    fn part(&mut self, entry: &[u8]) {
        let (number, last) = (entry[0] & 0x3f, entry[0] & 0x40 != 0);
        if last {
            *self = Self { units: Vec::new(), at: number + 1, sum: entry[13] };
        }
        if number == 0 || number > 20 || self.at != number + 1 || self.sum != entry[13] {
            *self = Self::default();
            return;
        }
        let part = [&entry[1..11], &entry[14..26], &entry[28..32]].concat();
        self.units.splice(0..0, part);
        self.at = number;
    }

    /// If it is this entry's.
    fn of(self, entry: &[u8]) -> Option<String> {
        let sum = entry[..11].iter().fold(0u8, |sum, byte| sum.rotate_right(1).wrapping_add(*byte));
        if self.at != 1 || self.sum != sum {
            return None;
        }
        let units = self.units.chunks_exact(2);
        let length = units.clone().position(|unit| unit == [0, 0]).unwrap_or(units.len()) * 2;
        utf16(&self.units[..length])
    }
}

/// Eight characters and three; two bits say which of them are small letters.
fn short_name(entry: &[u8]) -> String {
    let part = |bytes: &[u8], small: bool| {
        let text = one_byte_text(bytes);
        if small { text.to_ascii_lowercase() } else { text }
    };
    let mut stem = entry[..8].to_vec();
    if stem[0] == 0x05 {
        stem[0] = 0xe5;
    }
    let (stem, ending) = (part(&stem, entry[12] & 0x08 != 0), part(&entry[8..11], entry[12] & 0x10 != 0));
    if ending.is_empty() { stem } else { format!("{stem}.{ending}") }
}

/// Padded with spaces, in a code page that nobody has written down: what is not ASCII stands for itself by no more than its place.
fn one_byte_text(bytes: &[u8]) -> String {
    let text: String = bytes.iter().map(|&byte| if byte.is_ascii() { char::from(byte) } else { '\u{fffd}' }).collect();
    text.trim_end_matches(' ').to_owned()
}
