//! Records of the master file table, and the attributes in them.

use crate::stick::{Unreadable, le16, le32, le64};

/// Each so many bytes of a record end with a number that says whether all of them were written.
const STRIDE: usize = 512;
const END: u32 = u32::MAX;

/// Puts back what stood where the numbers are; a record that was written half is none.
pub fn fix_up(bytes: &mut [u8], mark: &[u8; 4]) -> Result<(), Unreadable> {
    let broken = || Unreadable::Broken("a record is none, or was written half");
    let (at, count) = (usize::from(le16(bytes, 4)), usize::from(le16(bytes, 6)));
    let fits = bytes.starts_with(mark) && count == bytes.len() / STRIDE + 1 && at + count * 2 <= STRIDE - 2;
    if !fits {
        return Err(broken());
    }
    let (number, saved) = (le16(bytes, at), bytes[at + 2..at + count * 2].to_vec());
    for (block, saved) in bytes.chunks_exact_mut(STRIDE).zip(saved.chunks_exact(2)) {
        if le16(block, STRIDE - 2) != number {
            return Err(broken());
        }
        block[STRIDE - 2..].copy_from_slice(saved);
    }
    Ok(())
}

/// Something that is known of a file: its bytes, its names, where the rest is.
#[derive(Clone, Copy)]
pub struct Attribute<'a> {
    pub kind: u32,
    pub name: &'a [u8],
    bytes: &'a [u8],
}

/// Of a record that is in use, until one makes no sense.
pub fn attributes(record: &[u8]) -> impl Iterator<Item = Attribute<'_>> {
    let in_use = le16(record, 22) & 1 != 0;
    let mut at = if in_use { usize::from(le16(record, 20)) } else { record.len() };
    std::iter::from_fn(move || {
        let rest = record.get(at..).filter(|rest| rest.len() >= 24)?;
        let (kind, length) = (le32(rest, 0), le32(rest, 4) as usize);
        let bytes = rest.get(..length).filter(|bytes| kind != END && bytes.len() >= 24)?;
        at += length;
        let (from, count) = (usize::from(le16(bytes, 10)), usize::from(bytes[9]) * 2);
        Some(Attribute { kind, name: bytes.get(from..from + count)?, bytes })
    })
}

impl<'a> Attribute<'a> {
    /// What lies in the record itself.
    pub fn value(&self) -> Option<&'a [u8]> {
        let (length, from) = (le32(self.bytes, 16) as usize, usize::from(le16(self.bytes, 20)));
        if self.bytes[8] == 0 {
            Some(self.bytes.get(from..from.checked_add(length)?).unwrap_or_default())
        } else {
            None
        }
    }

    pub fn is_plain(&self) -> Result<(), Unreadable> {
        match le16(self.bytes, 12) {
            flags if flags & 0x00ff != 0 => Err(Unreadable::Unsupported("a file that Windows compressed")),
            flags if flags & 0x4000 != 0 => Err(Unreadable::Unsupported("a file that Windows encrypted")),
            _ => Ok(()),
        }
    }

    /// Which of the file's clusters this part of it begins with.
    pub fn first_cluster(&self) -> u64 {
        if self.bytes[8] == 0 { 0 } else { le64(self.bytes, 16) }
    }

    /// Of the file, and of what of it was written.
    pub fn lengths(&self) -> (u64, u64) {
        (le64(self.bytes, 48), le64(self.bytes, 56))
    }

    /// Where it lies: clusters of the part, or holes, and how many.
    pub fn runs(&self, mut push: impl FnMut(Option<u64>, u64) -> Result<(), Unreadable>) -> Result<(), Unreadable> {
        let broken = Unreadable::Broken("where a file lies is told wrongly");
        let Some(mut rest) = self.bytes.get(usize::from(le16(self.bytes, 32))..) else { return Err(broken) };
        let mut at: i64 = 0;
        while let Some((&head, after)) = rest.split_first().filter(|(head, _)| **head != 0) {
            let (lengths, offsets) = (usize::from(head & 15), usize::from(head >> 4));
            let Some((told, after)) = after.split_at_checked(lengths + offsets) else { return Err(broken) };
            if !(1..=8).contains(&lengths) || offsets > 8 {
                return Err(broken);
            }
            let Some(count) = signed(&told[..lengths]).and_then(|count| u64::try_from(count).ok()) else {
                return Err(broken);
            };
            let place = match signed(&told[lengths..]) {
                None => None,
                Some(step) => match at.checked_add(step).map(|next| (next, u64::try_from(next))) {
                    Some((next, Ok(cluster))) => {
                        at = next;
                        Some(cluster)
                    }
                    _ => return Err(broken),
                },
            };
            push(place, count)?;
            rest = after;
        }
        Ok(())
    }
}

/// A number of up to eight bytes; `None` where there is none.
fn signed(bytes: &[u8]) -> Option<i64> {
    let fill = if bytes.last()? & 0x80 == 0 { 0 } else { 0xff };
    let mut all = [fill; 8];
    all[..bytes.len()].copy_from_slice(bytes);
    Some(i64::from_le_bytes(all))
}
