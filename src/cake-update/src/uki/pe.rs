//! Where what lies in a PE32+ file (Microsoft PE format, "Optional Header", "Section Table", "The Attribute Certificate Table").

use super::UkiError;
use std::ops::Range;

/// Bytes at the beginning that hold all headers.
pub const HEAD: usize = 64 << 10;
const SECTIONS_MAX: usize = 96;
/// Signatures that are read, in bytes.
const SIGNATURES_MAX: u64 = 64 << 10;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    pub osrel: Range<u64>,
    pub cmdline: Range<u64>,
    pub linux: Range<u64>,
    pub initrd: Range<u64>,
    /// Corrections of the processor; empty where there are none.
    pub ucode: Range<u64>,
    /// The table of signatures, at the end of the file.
    pub signatures: Option<Range<u64>>,
    /// What a signature does not cover before the table: the checksum, and where the table is.
    unsigned: [Range<u64>; 2],
}

impl Layout {
    /// `head`: the first [`HEAD`] bytes, or all; `size`: of the file, in bytes.
    pub fn parse(head: &[u8], size: u64) -> Result<Self, UkiError> {
        let short = UkiError::Malformed("its headers end too early");
        let headers = Headers(head).read().ok_or(short)?;
        if !headers.is_pe {
            return Err(UkiError::Malformed("it is no PE32+ file"));
        }
        let signatures = match headers.table {
            (0, 0) => None,
            (at, length) => Some(u64::from(at)..u64::from(at) + u64::from(length)),
        };
        if let Some(table) = &signatures {
            // Behind it nothing would be covered, and an empty one covers nothing.
            let fits = table.end == size && table.start >= u64::from(headers.length) && table.start.is_multiple_of(8);
            if !fits || table.end - table.start > SIGNATURES_MAX {
                return Err(UkiError::Malformed("its signatures are not at its end"));
            }
        }
        let end = signatures.as_ref().map_or(size, |table| table.start);
        let section = |name: &[u8; 8]| {
            let mut named = headers.sections.iter().filter(|(own, _)| own == name);
            let range = match (named.next(), named.next()) {
                (Some((_, range)), None) => range.clone(),
                (None, _) => return Ok(None),
                (Some(_), Some(_)) => return Err(UkiError::Malformed("a section is there twice")),
            };
            if range.start < u64::from(headers.length) || range.end > end {
                return Err(UkiError::Malformed("a section lies outside"));
            }
            Ok(Some(range))
        };
        let needed = |name| section(name)?.ok_or(UkiError::Malformed("a section is missing"));
        Ok(Self {
            osrel: needed(b".osrel\0\0")?,
            cmdline: needed(b".cmdline")?,
            linux: needed(b".linux\0\0")?,
            initrd: needed(b".initrd\0")?,
            ucode: section(b".ucode\0\0")?.unwrap_or(0..0),
            signatures,
            unsigned: headers.unsigned,
        })
    }

    /// What of a range of the file, which ends before the signatures, they cover.
    pub fn signed_parts(&self, range: Range<u64>) -> [Range<u64>; 3] {
        let [checksum, table] = &self.unsigned;
        let within = |from: u64, to: u64| from.clamp(range.start, range.end)..to.clamp(range.start, range.end);
        [within(0, checksum.start), within(checksum.end, table.start), within(table.end, u64::MAX)]
    }
}

/// What is read of the headers.
struct Read {
    is_pe: bool,
    /// Of all headers, in bytes.
    length: u32,
    unsigned: [Range<u64>; 2],
    table: (u32, u32),
    sections: Vec<([u8; 8], Range<u64>)>,
}

struct Headers<'a>(&'a [u8]);

impl Headers<'_> {
    fn half(&self, at: usize) -> Option<u16> {
        Some(u16::from_le_bytes(self.0.get(at..)?.first_chunk().copied()?))
    }

    fn word(&self, at: usize) -> Option<u32> {
        Some(u32::from_le_bytes(self.0.get(at..)?.first_chunk().copied()?))
    }

    /// `None` where they end too early.
    fn read(&self) -> Option<Read> {
        // Within the head, so that sums of small numbers do not overflow.
        let pe = usize::try_from(self.word(0x3c)?).ok().filter(|at| *at < HEAD)?;
        let optional = pe + 24;
        let directories = self.word(optional + 108)?;
        let is_pe = self.0.starts_with(b"MZ")
            && self.0.get(pe..)?.starts_with(b"PE\0\0")
            && self.half(optional)? == 0x20b
            && directories > 4;
        // CheckSum, and the fifth data directory: the attribute certificate table.
        let (checksum, table) = (optional + 64, optional + 112 + 4 * 8);
        let count = usize::from(self.half(pe + 6)?).min(SECTIONS_MAX + 1);
        let first = optional + usize::from(self.half(pe + 20)?);
        let mut sections = Vec::new();
        for at in (0..count).map(|number| first + number * 40) {
            let name: [u8; 8] = self.0.get(at..)?.first_chunk().copied()?;
            // On the disk a section is padded; in memory it may be longer than on the disk.
            let length = self.word(at + 8)?.min(self.word(at + 16)?);
            let start = u64::from(self.word(at + 20)?);
            sections.push((name, start..start + u64::from(length)));
        }
        let range = |at: usize, length: u64| at as u64..at as u64 + length;
        Some(Read {
            is_pe: is_pe && count <= SECTIONS_MAX && first >= table + 8,
            length: self.word(optional + 60)?,
            unsigned: [range(checksum, 4), range(table, 8)],
            table: (self.word(table)?, self.word(table + 4)?),
            sections,
        })
    }
}
