//! NTFS (the Linux-NTFS project's "NTFS Documentation"; Microsoft publishes no specification). What is compressed, encrypted or kept
//! elsewhere is not read.

mod record;

use super::runs::{InPieces, Runs};
use super::{Content, Entry, FOLDER_MAX, FileSystem, Part, Place, Unreadable, le16, le32, le64, utf16};
use record::{Attribute, attributes, fix_up};

/// Numbers of records in the master file table that are always the same.
const MFT: u64 = 0;
const VOLUME: u64 = 3;
const ROOT: u64 = 5;
/// From here on files are people's.
const FIRST_OF_PEOPLE: u64 = 16;

/// Kinds of attributes.
const LIST: u32 = 0x20;
const VOLUME_NAME: u32 = 0x60;
const DATA: u32 = 0x80;
const INDEX_ROOT: u32 = 0x90;
const INDEX: u32 = 0xa0;
const BITMAP: u32 = 0xb0;
/// The name of the index of a folder: `$I30` in UTF-16.
const NAMES: &[u8] = b"$\0I\x003\x000\0";

/// Bytes of the longest list of attributes.
const LIST_MAX: u64 = 256 << 10;
/// A reference's lower part is the number of a record.
const NUMBER: u64 = 0xffff_ffff_ffff;

const FOLDER: u32 = 0x1000_0000;
const ELSEWHERE: u32 = 0x400;
/// A name of eight characters and three, beside the long one.
const DOS: u8 = 2;

pub(super) struct Ntfs {
    part: Part,
    cluster: u64,
    record: usize,
    mft: Runs,
    id: String,
    label: Option<String>,
}

/// The bytes of an attribute, wherever they are.
#[derive(Default)]
struct Data {
    here: Option<Vec<u8>>,
    runs: Runs,
    length: u64,
    valid: u64,
}

impl Ntfs {
    pub fn open(part: Part) -> Result<Self, Unreadable> {
        let boot: [u8; 512] = part.bytes(0)?;
        let sector = u64::from(le16(&boot, 11));
        // More than 128 sectors are said as a power of two.
        let per_cluster = match boot[13] {
            count @ 1..=128 => u64::from(count),
            power => 1u64.checked_shl(256 - u32::from(power)).unwrap_or(0),
        };
        let cluster = sector.saturating_mul(per_cluster);
        if !sector.is_power_of_two()
            || !(256..=4096).contains(&sector)
            || !cluster.is_power_of_two()
            || cluster > 2 << 20
        {
            return Err(Unreadable::Broken("its sectors or clusters have an impossible length"));
        }
        let record = match boot[64].cast_signed() {
            clusters @ 1.. => cluster.saturating_mul(clusters.cast_unsigned().into()),
            power => 1u64.checked_shl(power.unsigned_abs().into()).unwrap_or(0),
        };
        if !record.is_power_of_two() || !(512..=65_536).contains(&record) {
            return Err(Unreadable::Broken("its records have an impossible length"));
        }
        let (id, record) = (format!("{:016x}", le64(&boot, 72)), record as usize);
        let at = le64(&boot, 48).checked_mul(cluster).ok_or(Unreadable::Broken("its table is nowhere"))?;
        let mut mft = Runs::default();
        mft.push(Some(at), record as u64)?;
        let mut ntfs = Self { part, cluster, record, mft, id, label: None };
        // The table's own record says where the first part of it is; with that its other records are found, if it has some.
        let first = ntfs.record(MFT)?;
        let near = attributes(&first).find(|found| found.kind == DATA && found.name.is_empty());
        let mut data = Data::default();
        near.map(|found| ntfs.append(&mut data, &found)).transpose()?;
        ntfs.mft = data.runs;
        ntfs.mft = ntfs.data(MFT, DATA, &[])?.ok_or(Unreadable::Broken("its table is nowhere"))?.runs;
        if let Ok(Some(name)) = ntfs.data(VOLUME, VOLUME_NAME, &[]) {
            ntfs.label = name.here.and_then(|name| utf16(&name));
        }
        Ok(ntfs)
    }

    fn record(&self, number: u64) -> Result<Vec<u8>, Unreadable> {
        let at = number.checked_mul(self.record as u64).filter(|at| *at < self.mft.length());
        let (at, mut bytes) = (at.ok_or(Unreadable::Broken("a record is behind the table"))?, vec![0; self.record]);
        let mut done = 0;
        while done < bytes.len() {
            match self.mft.read(&self.part, at + done as u64, &mut bytes[done..])? {
                0 => return Err(Unreadable::Broken("a record is cut off")),
                count => done += count,
            }
        }
        fix_up(&mut bytes, b"FILE")?;
        Ok(bytes)
    }

    /// All of an attribute, which may be spread over several records.
    fn data(&self, number: u64, kind: u32, name: &[u8]) -> Result<Option<Data>, Unreadable> {
        let base = self.record(number)?;
        let mut data = Data::default();
        let Some(list) = attributes(&base).find(|found| found.kind == LIST) else {
            let found = attributes(&base).find(|found| found.kind == kind && found.name == name);
            return found.map(|found| self.append(&mut data, &found).map(|()| data)).transpose();
        };
        let mut listed = Data::default();
        self.append(&mut listed, &list)?;
        let (list, mut any, mut at) = (self.all(&listed, LIST_MAX)?, false, 0);
        while at + 26 <= list.len() {
            let entry = &list[at..];
            let length = usize::from(le16(entry, 4));
            let named = usize::from(entry[7])..usize::from(entry[7]) + usize::from(entry[6]) * 2;
            if le32(entry, 0) == kind && entry.get(named).is_some_and(|found| found == name) {
                let (from, holder) = (le64(entry, 8), le64(entry, 16) & NUMBER);
                let other = if holder == number { None } else { Some(self.record(holder)?) };
                let found = attributes(other.as_ref().unwrap_or(&base))
                    .find(|found| found.kind == kind && found.name == name && found.first_cluster() == from)
                    .ok_or(Unreadable::Broken("a part of a file is nowhere"))?;
                self.append(&mut data, &found)?;
                any = true;
            }
            if length < 26 {
                break;
            }
            at += length;
        }
        Ok(any.then_some(data))
    }

    /// The next part of an attribute.
    fn append(&self, data: &mut Data, found: &Attribute<'_>) -> Result<(), Unreadable> {
        if let Some(value) = found.value() {
            *data = Data { here: Some(value.to_vec()), length: value.len() as u64, ..Data::default() };
            return Ok(());
        }
        found.is_plain()?;
        if found.first_cluster() == 0 {
            (data.length, data.valid) = found.lengths();
        }
        if found.first_cluster().checked_mul(self.cluster) != Some(data.runs.length()) {
            return Err(Unreadable::Broken("parts of a file do not follow each other"));
        }
        found.runs(|at, count| {
            let bytes =
                |clusters: u64| clusters.checked_mul(self.cluster).ok_or(Unreadable::Broken("a file is nowhere"));
            data.runs.push(at.map(bytes).transpose()?, bytes(count)?)
        })
    }

    /// Its bytes; all of them were written once.
    fn all(&self, data: &Data, most: u64) -> Result<Vec<u8>, Unreadable> {
        match &data.here {
            Some(value) => Ok(value.clone()),
            None => {
                let mut bytes = data.runs.read_all(&self.part, most)?;
                bytes.truncate(data.length.min(most) as usize);
                Ok(bytes)
            }
        }
    }
}

impl FileSystem for Ntfs {
    fn identity(&self) -> (String, Option<String>) {
        (self.id.clone(), self.label.clone())
    }

    fn root(&self) -> Place {
        Place { start: ROOT, ..Place::default() }
    }

    /// Names are sorted in a tree. Its nodes are read in the order in which they lie: those in use, each once.
    fn folder(&self, place: Place) -> Result<Vec<Entry>, Unreadable> {
        let root = self.data(place.start, INDEX_ROOT, NAMES)?.ok_or(Unreadable::Broken("a folder has no names"))?;
        let root = self.all(&root, FOLDER_MAX)?;
        let mut entries = Vec::new();
        node(root.get(16..).unwrap_or_default(), &mut entries);
        let Some(index) = self.data(place.start, INDEX, NAMES)? else { return Ok(entries) };
        let in_use = match self.data(place.start, BITMAP, NAMES)? {
            Some(bitmap) => self.all(&bitmap, FOLDER_MAX)?,
            None => Vec::new(),
        };
        let size = le32(&root, 8) as usize;
        if !size.is_power_of_two() || !(512..=65_536).contains(&size) {
            return Err(Unreadable::Broken("a folder's nodes have an impossible length"));
        }
        let mut blocks = self.all(&index, FOLDER_MAX)?;
        for (number, block) in blocks.chunks_exact_mut(size).enumerate() {
            let used = in_use.get(number / 8).is_some_and(|byte| byte >> (number % 8) & 1 == 1);
            if used {
                fix_up(block, b"INDX")?;
                node(&block[24..], &mut entries);
            }
        }
        Ok(entries)
    }

    fn length(&self, place: Place) -> Result<u64, Unreadable> {
        Ok(self.data(place.start, DATA, &[])?.ok_or(Unreadable::NotThere)?.length)
    }

    fn open(&self, place: Place) -> Result<Box<dyn Content + '_>, Unreadable> {
        let Data { here, runs, length, valid } = self.data(place.start, DATA, &[])?.ok_or(Unreadable::NotThere)?;
        match here {
            Some(value) => Ok(Box::new(Here(value))),
            None => Ok(Box::new(InPieces { part: self.part.clone(), runs, valid: valid.min(length) })),
        }
    }
}

/// A small file lies in its record.
struct Here(Vec<u8>);

impl Content for Here {
    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize, Unreadable> {
        let rest = usize::try_from(offset).ok().and_then(|offset| self.0.get(offset..)).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }
}

/// The names in a node: a header that says where they begin, then one after the other.
fn node(bytes: &[u8], entries: &mut Vec<Entry>) {
    let (mut at, end) = (le32(bytes, 0) as usize, (le32(bytes, 4) as usize).min(bytes.len()));
    while at.checked_add(16).is_some_and(|head| head <= end) {
        let entry = &bytes[at..end];
        let (length, key, last) = (usize::from(le16(entry, 8)), usize::from(le16(entry, 10)), le16(entry, 12) & 2 != 0);
        if last || length < 16 {
            return;
        }
        entries.extend(entry.get(16..16 + key).and_then(|key| named(le64(entry, 0) & NUMBER, key)));
        at += length;
    }
}

fn named(number: u64, key: &[u8]) -> Option<Entry> {
    let (flags, length, kind) = (le32(key, 56), usize::from(*key.get(64)?) * 2, *key.get(65)?);
    if number < FIRST_OF_PEOPLE || kind == DOS || flags & ELSEWHERE != 0 {
        return None;
    }
    let name = utf16(key.get(66..66 + length)?)?;
    let place = Place { start: number, ..Place::default() };
    // In tenths of microseconds since 1601.
    let modified = i64::try_from(le64(key, 16) / 10_000_000).ok().map(|seconds| seconds - 11_644_473_600);
    Some(Entry { name, is_folder: flags & FOLDER != 0, place, modified })
}
