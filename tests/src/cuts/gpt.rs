//! A GUID partition table (UEFI 2.10 §5.3), either of its copies.

use super::{ReadAt, SECTOR};
use anyhow::{Context, Result, ensure};
use uuid::Uuid;

const MAGIC: &[u8] = b"EFI PART";
/// Bytes of what is looked at of a header, of one entry; how many entries a table has at most.
const HEADER: usize = 92;
const ENTRY: usize = 128;
const ENTRIES: usize = 1024;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    pub kind: Uuid,
    pub id: Uuid,
    /// Bytes.
    pub start: u64,
    /// Bytes.
    pub length: u64,
    pub name: String,
}

/// What can be read of a disk's table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Of the copy that counts: the first, if it is sound.
    pub parts: Vec<Part>,
    pub first: bool,
    pub last: bool,
    /// The old table before it, which says that the disk is not to be taken for empty.
    pub protected: bool,
}

/// The table; absent where neither copy is sound.
pub fn read(disk: &impl ReadAt) -> Result<Option<Table>> {
    let last = (disk.size() / SECTOR).checked_sub(1).context("a disk without sectors")?;
    let (front, back) = (copy(disk, 1, last), copy(disk, last, 1));
    let head = disk.bytes(0, 512)?;
    let protected = head[510..] == [0x55, 0xaa] && (0..4).any(|row| head[446 + row * 16 + 4] == 0xee);
    let (first, last) = (front.is_ok(), back.is_ok());
    Ok(front.or(back).ok().map(|parts| Table { parts, first, last, protected }))
}

/// One of the copies, whose header lies in this sector; `other` is where the other copy must be.
fn copy(disk: &impl ReadAt, at: u64, other: u64) -> Result<Vec<Part>> {
    let mut header = disk.bytes(at * SECTOR, SECTOR as usize)?;
    ensure!(header.starts_with(MAGIC), "no header");
    let size = usize::try_from(le32(&header, 12))?;
    ensure!((HEADER..=512).contains(&size), "a header of {size} bytes");
    let sum = le32(&header, 16);
    header[16..20].fill(0);
    ensure!(crc32(&header[..size]) == sum, "a damaged header");
    ensure!((le64(&header, 24), le64(&header, 32)) == (at, other), "a header of another place");
    let (count, length) = (usize::try_from(le32(&header, 80))?, usize::try_from(le32(&header, 84))?);
    ensure!(count <= ENTRIES && length == ENTRY, "{count} entries of {length} bytes");
    let start = le64(&header, 72).checked_mul(SECTOR).context("entries behind every disk")?;
    let entries = disk.bytes(start, count * length)?;
    ensure!(crc32(&entries) == le32(&header, 88), "damaged entries");
    entries.chunks_exact(ENTRY).filter(|entry| entry[..16] != [0; 16]).map(part).collect()
}

fn part(entry: &[u8]) -> Result<Part> {
    let (first, last) = (le64(entry, 32), le64(entry, 40));
    let sectors = last.checked_sub(first).context("a partition that ends before it begins")? + 1;
    let units: Vec<u16> = entry[56..128].chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    let end = units.iter().position(|unit| *unit == 0).unwrap_or(units.len());
    Ok(Part {
        kind: Uuid::from_slice_le(&entry[..16])?,
        id: Uuid::from_slice_le(&entry[16..32])?,
        start: first * SECTOR,
        length: sectors * SECTOR,
        name: String::from_utf16_lossy(&units[..end]),
    })
}

pub(super) fn le32(bytes: &[u8], at: usize) -> u32 {
    bytes[at..at + 4].iter().rev().fold(0, |all, byte| all << 8 | u32::from(*byte))
}

pub(super) fn le64(bytes: &[u8], at: usize) -> u64 {
    bytes[at..at + 8].iter().rev().fold(0, |all, byte| all << 8 | u64::from(*byte))
}

/// CRC-32 of Ethernet and GPT.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |all: u32| if all & 1 == 1 { all >> 1 ^ 0xedb8_8320 } else { all >> 1 };
    !bytes.iter().fold(u32::MAX, |all, byte| (0..8).fold(all ^ u32::from(*byte), |all, _| step(all)))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A disk of 4 MiB with these partitions, in sectors.
    fn disk(parts: &[(&str, u64, u64)]) -> Vec<u8> {
        let mut disk = vec![0; 4 << 20];
        divide(&mut disk, &parts.iter().map(|part| (part.0, Uuid::from_u128(1), part.1, part.2)).collect::<Vec<_>>());
        disk
    }

    /// Writes both copies of a table: name, type, first sector and length of each partition.
    pub fn divide(disk: &mut [u8], parts: &[(&str, Uuid, u64, u64)]) {
        let last = disk.len() as u64 / SECTOR - 1;
        disk[446 + 4] = 0xee;
        disk[510..512].copy_from_slice(&[0x55, 0xaa]);
        let mut entries = vec![0; 128 * ENTRY];
        for (number, (name, kind, first, length)) in parts.iter().enumerate() {
            let entry = &mut entries[number * ENTRY..(number + 1) * ENTRY];
            entry[..16].copy_from_slice(&kind.to_bytes_le());
            entry[16..32].fill(u8::try_from(number + 1).expect("few"));
            entry[32..40].copy_from_slice(&first.to_le_bytes());
            entry[40..48].copy_from_slice(&(first + length - 1).to_le_bytes());
            let name: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
            entry[56..56 + name.len()].copy_from_slice(&name);
        }
        for (at, other, table) in [(1, last, 2), (last, 1, last - 32)] {
            let mut header = [0; HEADER];
            header[..8].copy_from_slice(MAGIC);
            header[12..16].copy_from_slice(&92_u32.to_le_bytes());
            for (place, number) in [(24, at), (32, other), (72, table)] {
                header[place..place + 8].copy_from_slice(&number.to_le_bytes());
            }
            header[80..84].copy_from_slice(&128_u32.to_le_bytes());
            header[84..88].copy_from_slice(&128_u32.to_le_bytes());
            header[88..].copy_from_slice(&crc32(&entries).to_le_bytes());
            let sum = crc32(&header);
            header[16..20].copy_from_slice(&sum.to_le_bytes());
            let put = |disk: &mut [u8], sector: u64, bytes: &[u8]| {
                let place = usize::try_from(sector * SECTOR).expect("small");
                disk[place..place + bytes.len()].copy_from_slice(bytes);
            };
            put(disk, at, &header);
            put(disk, table, &entries);
        }
    }

    #[test]
    fn both_copies_are_read_and_one_is_enough() -> Result<()> {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        let whole = disk(&[("cake-esp", 2048, 1000), ("cake-state", 4096, 8)]);
        let table = read(&whole)?.context("a table")?;
        assert_eq!((table.first, table.last, table.protected, table.parts.len()), (true, true, true, 2));
        let part = &table.parts[1];
        assert_eq!((part.name.as_str(), part.start, part.length), ("cake-state", 4096 * 512, 8 * 512));
        for damaged in [512, 1024 + 60] {
            let mut broken = whole.clone();
            broken[damaged] ^= 1;
            let table = read(&broken)?.context("the other copy")?;
            assert_eq!((table.first, table.last, table.parts.len()), (false, true, 2));
            let end = broken.len() - 512;
            broken[end + 40] ^= 1;
            assert_eq!(read(&broken)?, None, "neither copy is sound");
        }
        assert_eq!(read(&vec![0; 1 << 20])?, None);
        let mut bare = whole;
        bare[510] = 0;
        assert!(!read(&bare)?.context("a table")?.protected);
        Ok(())
    }
}
