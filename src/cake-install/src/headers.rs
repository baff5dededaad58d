//! What a block device begins with: superblocks of md 1.2 and LUKS2, read without any program, because every start asks all disks.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

/// So much of a device is read, in bytes: the superblock of md 1.2 lies at 4096.
pub const LENGTH: usize = 4096 + 256;
const MD_AT: usize = 4096;
/// Linux, include/uapi/linux/raid/md_p.h: `MD_SB_MAGIC`.
const MD_MAGIC: u32 = 0xa92b_4efc;
/// LUKS2 on-disk format specification, §2.1.
const LUKS_MAGIC: &[u8; 6] = b"LUKS\xba\xbe";

/// What begins a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Header {
    /// A member of an array.
    Member(Member),
    /// An encrypted volume, by its label.
    Luks { label: String },
}

/// A member of an array (struct `mdp_superblock_1`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Of the array.
    pub uuid: [u8; 16],
    /// Without the host's name before it.
    pub name: String,
    pub level: i32,
    /// How many members the array has when it is whole.
    pub disks: u32,
    /// Rises with each change of who is a member: the higher one knows more.
    pub events: u64,
}

/// What the device at `path` begins with, if cake knows it.
pub fn read(path: &Path) -> std::io::Result<Option<Header>> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(0))?;
    let mut bytes = Vec::with_capacity(LENGTH);
    file.take(LENGTH as u64).read_to_end(&mut bytes)?;
    Ok(parse(&bytes))
}

/// The same from a device's first bytes.
pub fn parse(bytes: &[u8]) -> Option<Header> {
    // An array's data begins far behind its superblock, so that its member never looks like what is in it; md goes first anyway.
    bytes.get(MD_AT..).and_then(member).map(Header::Member).or_else(|| luks(bytes))
}

fn member(bytes: &[u8]) -> Option<Member> {
    let le32 = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    let le64 = |at: usize| Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
    if le32(0)? != MD_MAGIC || le32(4)? != 1 {
        return None;
    }
    let name = text(bytes.get(32..64)?);
    Some(Member {
        uuid: bytes.get(16..32)?.try_into().ok()?,
        name: name.rsplit_once(':').map_or(name.clone(), |(_, name)| name.to_owned()),
        level: le32(72)?.cast_signed(),
        disks: le32(92)?,
        events: le64(200)?,
    })
}

fn luks(bytes: &[u8]) -> Option<Header> {
    let is_second = bytes.get(6..8)? == [0, 2];
    (bytes.starts_with(LUKS_MAGIC) && is_second).then_some(())?;
    Some(Header::Luks { label: text(bytes.get(24..72)?) })
}

fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(parts: &[(usize, &[u8])]) -> Vec<u8> {
        let mut bytes = vec![0; LENGTH];
        parts.iter().for_each(|(at, part)| bytes[*at..at + part.len()].copy_from_slice(part));
        bytes
    }

    #[test]
    fn a_member_and_a_volume() {
        let magic = MD_MAGIC.to_le_bytes();
        let superblock: &[(usize, &[u8])] = &[
            (MD_AT, &magic),
            (MD_AT + 4, &[1]),
            (MD_AT + 16, &[7; 16]),
            (MD_AT + 32, b"any:cake-state"),
            (MD_AT + 72, &[1]),
            (MD_AT + 92, &[2]),
            (MD_AT + 200, &[9]),
        ];
        let member = Member { uuid: [7; 16], name: "cake-state".into(), level: 1, disks: 2, events: 9 };
        assert_eq!(parse(&with(superblock)), Some(Header::Member(member)));
        let luks = with(&[(0, LUKS_MAGIC), (6, &[0, 2]), (24, b"cake-state")]);
        assert_eq!(parse(&luks), Some(Header::Luks { label: "cake-state".into() }));
        assert_eq!(parse(&with(&[(0, LUKS_MAGIC), (6, &[0, 1])])), None, "LUKS1");
        assert_eq!(parse(&with(&[])), None);
        for cut in [0, 6, 30, 4096, 4100, 4200] {
            assert!(parse(&with(superblock)[..cut]).is_none(), "{cut}");
        }
    }
}
