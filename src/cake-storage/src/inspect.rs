//! What a file really is, told from its first bytes: hostile until proven otherwise, so that this runs in a confined worker
//! (invariant 10) and never allocates by what the bytes claim.
//!
//! Sources: qcow2: QEMU `docs/interop/qcow2.rst`, "Header"; MBR: UEFI 2.10 §5.2.1; ELF: System V gABI chapter 4; PVH: Xen
//! `public/elfnote.h` `XEN_ELFNOTE_PHYS32_ENTRY`.

use cake_types::{ByteSize, ImageFormat};
use serde::{Deserialize, Serialize};

/// How much of the beginning of a file is looked at.
pub const HEAD: usize = 64 * 1024;

/// What the bytes say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inspection {
    pub format: ImageFormat,
    /// Size of the disk that a guest sees; 0 for a kernel.
    pub virtual_size: ByteSize,
}

/// Why a file can't be used as an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InspectError {
    #[error("the file is empty or shorter than one sector")]
    TooShort,
    #[error("a qcow2 header is cut off or contradicts itself")]
    Qcow2Damaged,
    #[error("the qcow2 version is not 2 or 3")]
    Qcow2Version,
    #[error("the qcow2 image names a backing file")]
    Qcow2Backing,
    #[error("the qcow2 image keeps its data in another file")]
    Qcow2DataFile,
    #[error("the qcow2 image is encrypted")]
    Qcow2Encrypted,
    #[error("the qcow2 image uses a feature that is not known")]
    Qcow2Feature,
    #[error("the ELF file has no PVH entry note")]
    NoPvhNote,
    #[error("the ELF header is cut off or contradicts itself")]
    ElfDamaged,
    #[error("no partition table, boot sector or known format was found")]
    Unknown,
}

const SECTOR: usize = 512;
const QCOW2_MAGIC: u32 = 0x5146_49fb;
const ELF_MAGIC: &[u8; 4] = b"\x7fELF";
/// Bits of `incompatible_features` that QEMU may open without anything outside the file: dirty, corrupt is refused, compression
/// type, extended L2 entries.
const QCOW2_DIRTY: u64 = 1;
const QCOW2_EXTERNAL_DATA: u64 = 1 << 2;
const QCOW2_COMPRESSION: u64 = 1 << 3;
const QCOW2_EXTENDED_L2: u64 = 1 << 4;
const PT_NOTE: u32 = 4;
const XEN_ELFNOTE_PHYS32_ENTRY: u32 = 18;

/// Tells what a file is from `head`, its first bytes (at most [`HEAD`]), and `length`, its size in bytes.
pub fn inspect(head: &[u8], length: u64) -> Result<Inspection, InspectError> {
    if head.len() < SECTOR {
        return Err(InspectError::TooShort);
    }
    if be32(head, 0) == Some(QCOW2_MAGIC) {
        return qcow2(head);
    }
    if head.starts_with(ELF_MAGIC) {
        return kernel(head);
    }
    if head[510..512] == [0x55, 0xaa] {
        // Sectors: a guest sees whole ones, QEMU fills up the last.
        let virtual_size = ByteSize(length.div_ceil(SECTOR as u64) * SECTOR as u64);
        return Ok(Inspection { format: ImageFormat::Raw, virtual_size });
    }
    Err(InspectError::Unknown)
}

fn qcow2(head: &[u8]) -> Result<Inspection, InspectError> {
    let word = |at| be32(head, at).ok_or(InspectError::Qcow2Damaged);
    let long = |at| be64(head, at).ok_or(InspectError::Qcow2Damaged);
    let version = word(4)?;
    if !matches!(version, 2 | 3) {
        return Err(InspectError::Qcow2Version);
    }
    if long(8)? != 0 || word(16)? != 0 {
        return Err(InspectError::Qcow2Backing);
    }
    if !(9..=21).contains(&word(20)?) {
        return Err(InspectError::Qcow2Damaged);
    }
    if word(32)? != 0 {
        return Err(InspectError::Qcow2Encrypted);
    }
    if version == 3 {
        let incompatible = long(72)?;
        if incompatible & QCOW2_EXTERNAL_DATA != 0 {
            return Err(InspectError::Qcow2DataFile);
        }
        if incompatible & !(QCOW2_DIRTY | QCOW2_COMPRESSION | QCOW2_EXTENDED_L2) != 0 {
            return Err(InspectError::Qcow2Feature);
        }
    }
    let size = long(24)?;
    // The format's own limit of what a 64-bit offset can address in sectors.
    if size == 0 || size > i64::MAX as u64 {
        return Err(InspectError::Qcow2Damaged);
    }
    Ok(Inspection { format: ImageFormat::Qcow2, virtual_size: ByteSize(size) })
}

/// An ELF file whose program headers name a note with the 32-bit PVH entry point.
fn kernel(head: &[u8]) -> Result<Inspection, InspectError> {
    let damaged = InspectError::ElfDamaged;
    // Class 1 is 32 bits, 2 is 64; data 1 is little-endian, the only one that PVH knows.
    let wide = match (head[4], head[5]) {
        (1, 1) => false,
        (2, 1) => true,
        _ => return Err(damaged),
    };
    let (table, entry_size, count) = if wide {
        (le64(head, 32).ok_or(damaged)?, le16(head, 54).ok_or(damaged)?, le16(head, 56).ok_or(damaged)?)
    } else {
        (u64::from(le32(head, 28).ok_or(damaged)?), le16(head, 42).ok_or(damaged)?, le16(head, 44).ok_or(damaged)?)
    };
    if usize::from(entry_size) < if wide { 56 } else { 32 } {
        return Err(damaged);
    }
    for index in 0..u64::from(count) {
        let at =
            table.checked_add(index * u64::from(entry_size)).and_then(|at| usize::try_from(at).ok()).ok_or(damaged)?;
        if le32(head, at) != Some(PT_NOTE) {
            continue;
        }
        let (offset, size) = if wide {
            (le64(head, at + 8).ok_or(damaged)?, le64(head, at + 32).ok_or(damaged)?)
        } else {
            (u64::from(le32(head, at + 4).ok_or(damaged)?), u64::from(le32(head, at + 16).ok_or(damaged)?))
        };
        if has_pvh_note(head, offset, size) {
            return Ok(Inspection { format: ImageFormat::Kernel, virtual_size: ByteSize(0) });
        }
    }
    Err(InspectError::NoPvhNote)
}

fn has_pvh_note(head: &[u8], offset: u64, size: u64) -> bool {
    let Ok(start) = usize::try_from(offset) else { return false };
    let end = start.saturating_add(usize::try_from(size).unwrap_or(usize::MAX)).min(head.len());
    let Some(notes) = head.get(start..end) else { return false };
    let mut at = 0usize;
    while let (Some(name), Some(description), Some(kind)) = (le32(notes, at), le32(notes, at + 4), le32(notes, at + 8))
    {
        let name_end = (at + 12).saturating_add(name as usize);
        if kind == XEN_ELFNOTE_PHYS32_ENTRY && notes.get(at + 12..name_end) == Some(b"Xen\0") {
            return true;
        }
        let padded = |length: u32| (length as usize).next_multiple_of(4);
        at = (at + 12).saturating_add(padded(name)).saturating_add(padded(description));
    }
    false
}

fn bytes<const N: usize>(from: &[u8], at: usize) -> Option<[u8; N]> {
    from.get(at..at.checked_add(N)?)?.try_into().ok()
}

fn be32(from: &[u8], at: usize) -> Option<u32> {
    bytes(from, at).map(u32::from_be_bytes)
}

fn be64(from: &[u8], at: usize) -> Option<u64> {
    bytes(from, at).map(u64::from_be_bytes)
}

fn le16(from: &[u8], at: usize) -> Option<u16> {
    bytes(from, at).map(u16::from_le_bytes)
}

fn le32(from: &[u8], at: usize) -> Option<u32> {
    bytes(from, at).map(u32::from_le_bytes)
}

fn le64(from: &[u8], at: usize) -> Option<u64> {
    bytes(from, at).map(u64::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn qcow2_head(change: impl Fn(&mut Vec<u8>)) -> Vec<u8> {
        let mut head = vec![0; 1024];
        head[0..4].copy_from_slice(&QCOW2_MAGIC.to_be_bytes());
        head[4..8].copy_from_slice(&3u32.to_be_bytes());
        head[20..24].copy_from_slice(&16u32.to_be_bytes());
        head[24..32].copy_from_slice(&(4u64 << 30).to_be_bytes());
        change(&mut head);
        head
    }

    fn pvh_head() -> Vec<u8> {
        let mut head = vec![0; 1024];
        head[0..4].copy_from_slice(ELF_MAGIC);
        (head[4], head[5]) = (1, 1);
        head[28..32].copy_from_slice(&52u32.to_le_bytes());
        head[42..44].copy_from_slice(&32u16.to_le_bytes());
        head[44..46].copy_from_slice(&1u16.to_le_bytes());
        head[52..56].copy_from_slice(&PT_NOTE.to_le_bytes());
        head[56..60].copy_from_slice(&128u32.to_le_bytes());
        head[68..72].copy_from_slice(&20u32.to_le_bytes());
        head[128..132].copy_from_slice(&4u32.to_le_bytes());
        head[132..136].copy_from_slice(&4u32.to_le_bytes());
        head[136..140].copy_from_slice(&XEN_ELFNOTE_PHYS32_ENTRY.to_le_bytes());
        head[140..144].copy_from_slice(b"Xen\0");
        head
    }

    #[test]
    fn formats_are_told_by_content() {
        let qcow2 = inspect(&qcow2_head(|_| {}), 1024).unwrap();
        assert_eq!(qcow2, Inspection { format: ImageFormat::Qcow2, virtual_size: ByteSize::gib(4) });
        let mut disk = vec![0; 512];
        disk[510..].copy_from_slice(&[0x55, 0xaa]);
        let raw = inspect(&disk, 1_000_000).unwrap();
        assert_eq!(raw, Inspection { format: ImageFormat::Raw, virtual_size: ByteSize(1_000_448) });
        assert_eq!(inspect(&pvh_head(), 1024).unwrap().format, ImageFormat::Kernel);
    }

    #[test]
    fn what_reaches_outside_or_lies_is_refused() {
        type Change = fn(&mut Vec<u8>);
        let cases: [(Change, InspectError); 7] = [
            (|h| h[8..16].copy_from_slice(&512u64.to_be_bytes()), InspectError::Qcow2Backing),
            (|h| h[72..80].copy_from_slice(&4u64.to_be_bytes()), InspectError::Qcow2DataFile),
            (|h| h[72..80].copy_from_slice(&(1u64 << 40).to_be_bytes()), InspectError::Qcow2Feature),
            (|h| h[32..36].copy_from_slice(&1u32.to_be_bytes()), InspectError::Qcow2Encrypted),
            (|h| h[4..8].copy_from_slice(&9u32.to_be_bytes()), InspectError::Qcow2Version),
            (|h| h[24..32].fill(0), InspectError::Qcow2Damaged),
            (|h| h[20..24].fill(0xff), InspectError::Qcow2Damaged),
        ];
        for (change, error) in cases {
            assert_eq!(inspect(&qcow2_head(change), 1024).unwrap_err(), error);
        }
        assert_eq!(inspect(&[0; 512], 512).unwrap_err(), InspectError::Unknown);
        assert_eq!(inspect(&[0; 100], 100).unwrap_err(), InspectError::TooShort);
        let mut no_note = pvh_head();
        no_note[136] = 1;
        assert_eq!(inspect(&no_note, 1024).unwrap_err(), InspectError::NoPvhNote);
    }

    /// Seeded mutations of every known format: any answer will do, a panic or a loop without end will not.
    #[test]
    fn a_hundred_thousand_mutations_are_survived() {
        let seeds = [qcow2_head(|_| {}), pvh_head()];
        let mut state = 0x5eed_u64;
        let mut next = move || {
            // SplitMix64 (Steele, Lea, Flood 2014).
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = state;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ (z >> 31)
        };
        let mut refused = 0u32;
        for round in 0..100_000 {
            let mut head = seeds[round % seeds.len()].clone();
            for _ in 0..=next() % 6 {
                let at = (next() % 160) as usize;
                head[at] = next() as u8;
            }
            head.truncate((next() % 1024) as usize + 1);
            refused += u32::from(inspect(&head, next()).is_err());
        }
        assert!(refused > 50_000, "the mutations reach the checks: {refused}");
    }
}
