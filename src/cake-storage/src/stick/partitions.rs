//! Where on a stick its file systems lie: MBR, GPT (UEFI 2.10 §5), or nothing but one of them.

use super::{Part, Unreadable, le32, le64};

/// Partitions that are looked at.
const PARTITIONS_MAX: usize = 32;
const SECTOR: u64 = 512;

/// A partition, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    /// As the table counts it; 0 is the whole stick.
    pub partition: u32,
    pub start: u64,
    pub size: u64,
}

/// Never nothing: what has no table is taken as a whole.
pub(super) fn find(stick: &Part) -> Result<Vec<Extent>, Unreadable> {
    let whole = Extent { partition: 0, start: 0, size: stick.size };
    let first: [u8; 512] = match stick.bytes(0) {
        Err(Unreadable::Broken(_)) => return Ok(vec![whole]),
        first => first?,
    };
    if first[510..] != [0x55, 0xaa] || is_file_system(&first) {
        return Ok(vec![whole]);
    }
    let entries = first[446..510].chunks_exact(16);
    // 0xEE stands for a table of the other kind; hybrid ones have more beside it.
    let mut found = match entries.clone().any(|entry| entry[4] == 0xee) {
        true => gpt(stick)?,
        false => Vec::new(),
    };
    if found.is_empty() {
        found = mbr(stick, entries)?;
    }
    found
        .retain(|extent| extent.size > 0 && extent.start.checked_add(extent.size).is_some_and(|end| end <= stick.size));
    // Tables that lie: what is there may still be read as a whole.
    Ok(if found.is_empty() { vec![whole] } else { found })
}

/// A boot sector of FAT, exFAT or NTFS ends with the same mark as a table. It begins with a jump, and says how long its sectors are.
fn is_file_system(first: &[u8; 512]) -> bool {
    let jumps = matches!(first[..3], [0xeb, _, 0x90] | [0xe9, ..]);
    let sector = u16::from_le_bytes([first[11], first[12]]);
    let known = matches!(&first[3..11], b"EXFAT   " | b"NTFS    " | b"-FVE-FS-");
    jumps && (known || sector.is_power_of_two() && (512..=4096).contains(&sector) && first[13].is_power_of_two())
}

/// Of the first partition of a kind to the last: four primary ones, and those in a chain inside of an extended one.
fn mbr<'a>(stick: &Part, entries: impl Iterator<Item = &'a [u8]>) -> Result<Vec<Extent>, Unreadable> {
    let mut found = Vec::new();
    for (number, entry) in (1..).zip(entries) {
        let (kind, start, size) = (entry[4], sectors(entry, 8), sectors(entry, 12));
        match kind {
            0 | 0xee => {}
            0x05 | 0x0f | 0x85 => logical(stick, start, &mut found)?,
            _ => found.push(Extent { partition: number, start, size }),
        }
    }
    Ok(found)
}

/// Each link of the chain has a partition, counted from the link, and the next link, counted from the beginning of them all.
fn logical(stick: &Part, first: u64, found: &mut Vec<Extent>) -> Result<(), Unreadable> {
    let mut link = first;
    for partition in 5..5 + PARTITIONS_MAX as u32 {
        let table: [u8; 512] = match stick.bytes(link) {
            Err(Unreadable::Broken(_)) => return Ok(()),
            table => table?,
        };
        if table[510..] != [0x55, 0xaa] {
            return Ok(());
        }
        let (here, next) = (&table[446..462], &table[462..478]);
        if here[4] != 0 {
            found.push(Extent { partition, start: link + sectors(here, 8), size: sectors(here, 12) });
        }
        // Forward only: a chain that bites its tail ends here.
        let after = first + sectors(next, 8);
        if next[4] == 0 || after <= link {
            return Ok(());
        }
        link = after;
    }
    Ok(())
}

fn sectors(entry: &[u8], at: usize) -> u64 {
    u64::from(le32(entry, at)) * SECTOR
}

/// The first table; a stick whose first table is broken is taken by its MBR.
fn gpt(stick: &Part) -> Result<Vec<Extent>, Unreadable> {
    for sector in [SECTOR, 4096] {
        let header: [u8; 92] = match stick.bytes(sector) {
            Err(Unreadable::Broken(_)) => return Ok(Vec::new()),
            header => header?,
        };
        if &header[..8] != b"EFI PART" {
            continue;
        }
        let (table, count, length) = (le64(&header, 72), le32(&header, 80), le32(&header, 84));
        if !(128..=4096).contains(&length) {
            return Ok(Vec::new());
        }
        let mut found = Vec::new();
        for index in 0..count.min(128) {
            let at =
                table.checked_mul(sector).and_then(|table| table.checked_add(u64::from(index) * u64::from(length)));
            let Some(Ok(entry)) = at.map(|at| stick.bytes::<128>(at)) else { break };
            let (first, last) = (le64(&entry, 32), le64(&entry, 40));
            let extent = last.checked_sub(first).and_then(|more| more.checked_add(1)).and_then(|count| {
                Some(Extent {
                    partition: index + 1,
                    start: first.checked_mul(sector)?,
                    size: count.checked_mul(sector)?,
                })
            });
            if entry[..16] != [0; 16] && found.len() < PARTITIONS_MAX {
                found.extend(extent);
            }
        }
        return Ok(found);
    }
    Ok(Vec::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(entries: &[(u8, u32, u32)]) -> Vec<u8> {
        let mut sector = vec![0; 512];
        for (slot, (kind, start, size)) in entries.iter().enumerate() {
            let at = 446 + slot * 16;
            sector[at + 4] = *kind;
            sector[at + 8..at + 12].copy_from_slice(&start.to_le_bytes());
            sector[at + 12..at + 16].copy_from_slice(&size.to_le_bytes());
        }
        sector[510..].copy_from_slice(&[0x55, 0xaa]);
        sector
    }

    fn found(bytes: &[u8]) -> Vec<(u32, u64, u64)> {
        let found = find(&Part::whole(std::rc::Rc::new(bytes.to_vec())).unwrap()).unwrap();
        found.iter().map(|extent| (extent.partition, extent.start / SECTOR, extent.size / SECTOR)).collect()
    }

    #[test]
    fn primary_and_logical_partitions() {
        let mut stick = table(&[(0x0c, 1, 2), (0, 0, 0), (0x05, 4, 6), (0x83, 3, 1)]);
        stick.resize(10 * 512, 0);
        stick[4 * 512..5 * 512].copy_from_slice(&table(&[(0x07, 1, 1), (0x05, 3, 2)]));
        stick[7 * 512..8 * 512].copy_from_slice(&table(&[(0x07, 1, 1), (0x05, 0, 2)]));
        assert_eq!(found(&stick), [(1, 1, 2), (5, 5, 1), (6, 8, 1), (4, 3, 1)]);
    }

    #[test]
    fn what_has_no_table_is_one_piece() {
        assert_eq!(found(&[0; 1024]), [(0, 0, 2)]);
        assert_eq!(found(&table(&[])), [(0, 0, 1)]);
        assert_eq!(found(&table(&[(0x0c, 7, 100)])), [(0, 0, 1)], "a table that lies");
        let mut fat = table(&[(0x0c, 0, 1)]);
        fat[..14].copy_from_slice(&[0xeb, 0x58, 0x90, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 8]);
        assert_eq!(found(&fat), [(0, 0, 1)], "a boot sector is no table");
        assert_eq!(found(&[1; 10]), [(0, 0, 0)]);
    }

    #[test]
    fn a_gpt() {
        let mut stick = table(&[(0xee, 1, u32::MAX)]);
        stick.resize(20 * 512, 0);
        stick[512..520].copy_from_slice(b"EFI PART");
        stick[512 + 72] = 2;
        stick[512 + 80] = 3;
        stick[512 + 84] = 128;
        for (index, first, last) in [(0, 10u64, 11u64), (1, 5, 4), (2, 12, 19)] {
            let at = 1024 + index * 128;
            stick[at] = 1;
            stick[at + 32..at + 40].copy_from_slice(&first.to_le_bytes());
            stick[at + 40..at + 48].copy_from_slice(&last.to_le_bytes());
        }
        assert_eq!(found(&stick), [(1, 10, 2), (3, 12, 8)]);
    }
}
