//! Hyper-V's disks: the region table and the metadata region ([MS-VHDX] §2.2.3, §2.6). Numbers are little-endian; identifiers
//! are stored with their first three parts turned around (RFC 9562 §4).

use super::{Found, Refusal, Source, believable, le16, le32, le64, read};

const REGION_TABLE: u64 = 192 << 10;
/// More entries than [MS-VHDX] allows are not looked at.
const MOST_ENTRIES: u64 = 2047;
const METADATA: u128 = 0x8b7ca206_4790_4b9a_b8fe_575f050f886e;
const FILE_PARAMETERS: u128 = 0xcaa16737_fa36_4d43_b3b6_33f0aa44e76b;
const VIRTUAL_DISK_SIZE: u128 = 0x2fa54224_cd1b_4876_b211_5dbed83bf4b8;
const HAS_PARENT: u32 = 1 << 1;

const fn broken(what: &'static str) -> Refusal {
    Refusal::Broken { format: "VHDX", what }
}

fn identifier(bytes: &[u8]) -> u128 {
    uuid::Uuid::from_bytes_le(bytes[..16].try_into().unwrap_or_default()).as_u128()
}

pub(super) fn inspect<S: Source + ?Sized>(source: &S) -> Result<Found, Refusal> {
    let region = metadata_region(source)?;
    let head: [u8; 32] = read(source, region)?;
    if &head[..8] != b"metadata" {
        return Err(broken("its metadata is none"));
    }
    let (mut size, mut parameters) = (None, false);
    for index in 0..u64::from(le16(&head, 10)).min(MOST_ENTRIES) {
        let entry: [u8; 32] = read(source, region + 32 + 32 * index)?;
        let at = region.checked_add(le32(&entry, 16).into()).ok_or(Refusal::CutShort)?;
        match identifier(&entry) {
            FILE_PARAMETERS => {
                let value: [u8; 8] = read(source, at)?;
                if le32(&value, 4) & HAS_PARENT != 0 {
                    return Err(Refusal::NamesFiles { format: "VHDX", what: "a parent" });
                }
                parameters = true;
            }
            VIRTUAL_DISK_SIZE => size = Some(le64(&read::<8, S>(source, at)?, 0)),
            _ => {}
        }
    }
    match (size, parameters) {
        (Some(size), true) => Ok(Found::Vhdx { virtual_size: believable("VHDX", size)? }),
        _ => Err(broken("it does not say how large its disk is")),
    }
}

fn metadata_region<S: Source + ?Sized>(source: &S) -> Result<u64, Refusal> {
    let head: [u8; 16] = read(source, REGION_TABLE)?;
    if &head[..4] != b"regi" {
        return Err(broken("its region table is none"));
    }
    for index in 0..u64::from(le32(&head, 8)).min(MOST_ENTRIES) {
        let entry: [u8; 32] = read(source, REGION_TABLE + 16 + 32 * index)?;
        if identifier(&entry) == METADATA {
            // Far from overflowing with what is added to it below.
            return Some(le64(&entry, 16)).filter(|at| *at < 1 << 62).ok_or(Refusal::CutShort);
        }
    }
    Err(broken("it has no metadata"))
}

#[cfg(test)]
mod tests {
    use super::super::inspect;
    use super::*;
    use uuid::Uuid;

    const REGION: usize = 256 << 10;

    fn put(bytes: &mut [u8], at: usize, what: &[u8]) {
        bytes[at..at + what.len()].copy_from_slice(what);
    }

    fn disk(size: u64, flags: u32) -> Vec<u8> {
        let mut bytes = vec![0; REGION + 64 * 1024 + 64];
        put(&mut bytes, 0, b"vhdxfile");
        put(&mut bytes, REGION_TABLE as usize, b"regi");
        put(&mut bytes, REGION_TABLE as usize + 8, &1u32.to_le_bytes());
        put(&mut bytes, REGION_TABLE as usize + 16, &Uuid::from_u128(METADATA).to_bytes_le());
        put(&mut bytes, REGION_TABLE as usize + 32, &(REGION as u64).to_le_bytes());
        put(&mut bytes, REGION, b"metadata");
        put(&mut bytes, REGION + 10, &2u16.to_le_bytes());
        for (index, (item, offset)) in [(FILE_PARAMETERS, 65536u32), (VIRTUAL_DISK_SIZE, 65544)].into_iter().enumerate()
        {
            put(&mut bytes, REGION + 32 * (index + 1), &Uuid::from_u128(item).to_bytes_le());
            put(&mut bytes, REGION + 32 * (index + 1) + 16, &offset.to_le_bytes());
        }
        put(&mut bytes, REGION + 65536 + 4, &flags.to_le_bytes());
        put(&mut bytes, REGION + 65544, &size.to_le_bytes());
        bytes
    }

    #[test]
    fn disks() {
        assert_eq!(inspect(&disk(1 << 30, 0)[..]).unwrap(), Found::Vhdx { virtual_size: 1 << 30 });
        let mut lost = disk(1 << 30, 0);
        put(&mut lost, REGION_TABLE as usize + 32, &u64::MAX.to_le_bytes());
        assert!(matches!(inspect(&lost[..]), Err(Refusal::CutShort)));
        let mut other = disk(1 << 30, 0);
        put(&mut other, REGION_TABLE as usize + 16, &[7]);
        for (bytes, reason) in [
            (disk(1 << 30, HAS_PARENT), "VHDX: it names a parent"),
            (disk(3, 0), "VHDX: its size is impossible"),
            (other, "VHDX: it has no metadata"),
        ] {
            assert_eq!(inspect(&bytes[..]).unwrap_err().to_string(), reason);
        }
        assert!(matches!(inspect(&disk(1 << 30, 0)[..REGION]), Err(Refusal::CutShort)));
    }
}
