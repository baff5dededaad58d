//! What begins a volume: the superblock of md 1.2 (include/uapi/linux/raid/md_p.h) and the header of LUKS2 (LUKS2 On-Disk Format
//! Specification 1.1), with their checksums.

use super::ReadAt;
use super::gpt::{le32, le64};
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use sha2::{Digest, Sha256};

const MD_AT: u64 = 4096;
const MD_MAGIC: u32 = 0xa92b_4efc;
/// Where a second header may begin (§2.5), in bytes.
const SECOND: [u64; 9] = [0x4000, 0x8000, 0x1_0000, 0x2_0000, 0x4_0000, 0x8_0000, 0x10_0000, 0x20_0000, 0x40_0000];
const LUKS_MAX: u64 = 4 << 20;

/// A member of an array.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    pub name: String,
    /// Where its data begins, in bytes from the member's beginning.
    pub data: u64,
}

/// A LUKS2 volume.
#[derive(Clone, Debug, PartialEq)]
pub struct Luks {
    pub label: String,
    /// Whether both copies are sound.
    pub both: bool,
    metadata: Value,
}

impl Luks {
    /// Is there a key that a TPM holds?
    pub fn has_tpm(&self) -> bool {
        let tokens = self.metadata["tokens"].as_object();
        tokens.is_some_and(|tokens| tokens.values().any(|token| token["type"] == "systemd-tpm2"))
    }

    pub fn keys(&self) -> usize {
        self.metadata["keyslots"].as_object().map_or(0, serde_json::Map::len)
    }
}

/// The superblock of the member that begins at `start`.
pub fn member(disk: &impl ReadAt, start: u64) -> Result<Member> {
    let mut block = disk.bytes(start + MD_AT, 4096)?;
    ensure!(le32(&block, 0) == MD_MAGIC && le32(&block, 4) == 1, "no superblock of md");
    let roles = usize::try_from(le32(&block, 220))?;
    let end = 256 + 2 * roles;
    ensure!(end <= block.len(), "{roles} members");
    let sum = le32(&block, 216);
    block[216..220].fill(0);
    // Words of four bytes; a last one of two (`calc_sb_1_csum`).
    let all: u64 =
        block[..end].chunks(4).map(|word| word.iter().rev().fold(0, |all, byte| all << 8 | u64::from(*byte))).sum();
    ensure!((all & 0xffff_ffff) + (all >> 32) == u64::from(sum), "a damaged superblock of md");
    let name = text(&block[32..64]);
    let name = name.rsplit_once(':').map_or(name.clone(), |(_, name)| name.to_owned());
    Ok(Member { name, data: le64(&block, 128) * 512 })
}

/// The header of the volume that begins at `start`: the first copy, else the second.
pub fn luks(disk: &impl ReadAt, start: u64) -> Result<Luks> {
    let first = copy(disk, start, 0, b"LUKS\xba\xbe");
    let seconds = match &first {
        Ok((_, size)) => vec![*size],
        Err(_) => SECOND.to_vec(),
    };
    let second = seconds.into_iter().find_map(|at| copy(disk, start, at, b"SKUL\xba\xbe").ok());
    let both = first.is_ok() && second.is_some();
    match (first, second) {
        (Ok((luks, _)), _) | (Err(_), Some((luks, _))) => Ok(Luks { both, ..luks }),
        (Err(error), None) => Err(error),
    }
}

/// One copy and how long it is.
fn copy(disk: &impl ReadAt, start: u64, at: u64, magic: &[u8]) -> Result<(Luks, u64)> {
    let head = disk.bytes(start + at, 4096)?;
    ensure!(head.starts_with(magic) && head[6..8] == [0, 2], "no header of LUKS2");
    let be64 = |at: usize| head[at..at + 8].iter().fold(0, |all, byte| all << 8 | u64::from(*byte));
    let size = be64(8);
    ensure!((0x4000..=LUKS_MAX).contains(&size) && be64(256) == at, "a header of {size} bytes at {}", be64(256));
    ensure!(text(&head[72..104]) == "sha256", "a checksum of another kind");
    let mut all = disk.bytes(start + at, usize::try_from(size)?)?;
    let sum = all[448..512].to_vec();
    all[448..512].fill(0);
    ensure!(Sha256::digest(&all)[..] == sum[..32], "a damaged header of LUKS2");
    let json = &all[4096..];
    let end = json.iter().position(|byte| *byte == 0).unwrap_or(json.len());
    let metadata = serde_json::from_slice(&json[..end]).context("the metadata of LUKS2")?;
    Ok((Luks { label: text(&head[24..72]), both: false, metadata }, size))
}

fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    fn header(at: u64, magic: &[u8], label: &str) -> Vec<u8> {
        let mut all = vec![0; 0x4000];
        all[..6].copy_from_slice(magic);
        all[6..8].copy_from_slice(&[0, 2]);
        all[8..16].copy_from_slice(&0x4000_u64.to_be_bytes());
        all[24..24 + label.len()].copy_from_slice(label.as_bytes());
        all[72..78].copy_from_slice(b"sha256");
        all[256..264].copy_from_slice(&at.to_be_bytes());
        let json = br#"{"keyslots":{"0":{},"1":{}},"tokens":{"0":{"type":"systemd-tpm2"}}}"#;
        all[4096..4096 + json.len()].copy_from_slice(json);
        let sum = Sha256::digest(&all);
        all[448..480].copy_from_slice(&sum);
        all
    }

    /// Both headers of a volume with two keys, one of them a TPM's.
    pub fn volume(label: &str) -> Vec<u8> {
        [header(0, b"LUKS\xba\xbe", label), header(0x4000, b"SKUL\xba\xbe", label)].concat()
    }

    /// What begins the only member of an array whose data begins at 1 MiB.
    pub fn superblock(name: &str) -> Vec<u8> {
        let mut block = vec![0; 512];
        block[..4].copy_from_slice(&MD_MAGIC.to_le_bytes());
        block[4] = 1;
        block[32..32 + name.len()].copy_from_slice(name.as_bytes());
        block[128..130].copy_from_slice(&2048_u16.to_le_bytes());
        block[220] = 1;
        block[257] = 3;
        let words = block[..256].chunks(4).map(|word| u64::from(le32(word, 0))).sum::<u64>() + 0x300;
        let sum = u32::try_from((words & 0xffff_ffff) + (words >> 32)).expect("it is folded");
        block[216..220].copy_from_slice(&sum.to_le_bytes());
        block
    }

    #[test]
    fn either_copy_of_a_luks_header_will_do() -> Result<()> {
        let whole = [volume("cake-state"), vec![0; 8 << 20]].concat();
        let luks_of = |bytes: &Vec<u8>| luks(bytes, 0);
        let read = luks_of(&whole)?;
        assert_eq!((read.label.as_str(), read.both, read.has_tpm(), read.keys()), ("cake-state", true, true, 2));
        for damaged in [3, 4100, 0x4000 + 3, 0x4000 + 4100] {
            let mut broken = whole.clone();
            broken[damaged] ^= 1;
            assert!(!luks_of(&broken)?.both, "{damaged}");
            broken[4099] ^= 1;
            broken[0x4000 + 4099] ^= 1;
            assert!(luks_of(&broken).is_err(), "{damaged}: neither is sound");
        }
        Ok(())
    }

    #[test]
    fn a_superblock_of_md_has_a_sum() -> Result<()> {
        let mut disk = vec![0; 16 << 10];
        let at = 8192;
        disk[at..at + 512].copy_from_slice(&superblock("any:cake-state"));
        assert_eq!(member(&disk, 4096)?, Member { name: "cake-state".into(), data: 1 << 20 });
        disk[at + 129] ^= 1;
        assert!(member(&disk, 4096).is_err());
        Ok(())
    }
}
