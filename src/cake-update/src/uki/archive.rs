//! A file in an initramfs that is not compressed: an archive of the kind "newc" (Linux, Documentation/driver-api/early-userspace).

use super::{Bytes, UkiError};
use std::ops::Range;

const MAGIC: &[u8] = b"070701";
const HEADER: u64 = 110;
const LAST: &[u8] = b"TRAILER!!!";
const NAME_MAX: u64 = 4096;
/// Files that are looked at.
const ENTRIES_MAX: usize = 65_536;

/// Where a file of the archive lies; `archive` is where that lies itself. `None` where it has no such file.
pub fn find<B: Bytes + ?Sized>(bytes: &B, archive: &Range<u64>, wanted: &str) -> Result<Option<Range<u64>>, UkiError> {
    let broken = || UkiError::Malformed("its initramfs is damaged");
    let mut at = archive.start;
    for _ in 0..ENTRIES_MAX {
        if archive.end.saturating_sub(at) < HEADER {
            break;
        }
        let mut header = [0; HEADER as usize];
        bytes.read_exact_at(&mut header, at)?;
        let entry = Entry::parse(&header).ok_or_else(broken)?;
        let start = archive.start + (at + HEADER + entry.name - archive.start).next_multiple_of(4);
        let end = start + entry.size;
        if end > archive.end {
            return Err(broken());
        }
        // With a final zero, which does not belong to it.
        let mut name = vec![0; entry.name as usize];
        bytes.read_exact_at(&mut name, at + HEADER)?;
        let name = name.strip_suffix(&[0]).ok_or_else(broken)?;
        if name == LAST {
            break;
        }
        if name.strip_prefix(b"./").unwrap_or(name) == wanted.as_bytes() {
            return Ok(Some(start..end));
        }
        at = archive.start + (end - archive.start).next_multiple_of(4);
    }
    Ok(None)
}

/// Lengths in bytes.
struct Entry {
    name: u64,
    size: u64,
}

impl Entry {
    /// Thirteen numbers of eight hexadecimal digits follow the magic; the seventh is the file's length, the twelfth the name's.
    fn parse(header: &[u8; HEADER as usize]) -> Option<Self> {
        let numbers = header.strip_prefix(MAGIC)?;
        let number = |which: usize| {
            let digits = numbers.get(which * 8..which * 8 + 8)?;
            let plain = digits.iter().all(u8::is_ascii_hexdigit);
            u64::from_str_radix(std::str::from_utf8(digits).ok().filter(|_| plain)?, 16).ok()
        };
        let entry = Self { size: number(6)?, name: number(11)? };
        (1..=NAME_MAX).contains(&entry.name).then_some(entry)
    }
}
