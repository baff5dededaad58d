//! One page: a head that says what it is, and rows of numbers.
//!
//! ```text
//!    0  magic `CAKEUSE` and the format's version (1)
//!    8  whose history it is (UUID)
//!   24  seconds between rows (u32)     28  numbers in a row (u16)     30  rows (u16)
//!   32  number of the page since 1970 (i64)
//!   40  CRC-32 of the whole page, these four bytes taken as zero
//!   44  zeros
//!   64  rows, number after number (f32; not a number: not measured)
//! ```
//!
//! Little-endian. A page never written is all zeros.

use uuid::Uuid;

/// Bytes of a page: what disks and file systems write in one piece.
pub const PAGE: usize = 4096;
const HEAD: usize = 64;
const MAGIC: [u8; 8] = *b"CAKEUSE\x01";
/// Numbers that fit into a page.
pub(super) const NUMBERS: usize = (PAGE - HEAD) / size_of::<f32>();
const SUM: std::ops::Range<usize> = 40..44;

/// What a page must say of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageHead {
    pub subject: Uuid,
    /// Seconds.
    pub step: u32,
    pub columns: u16,
}

/// Rows, beginning with the first that the page's number stands for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    pub number: i64,
    pub numbers: Vec<f32>,
}

/// Why bytes are not the page that they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    #[error("it is no page of a history, or of another version")]
    Magic,
    #[error("its checksum is wrong")]
    Checksum,
    #[error("it belongs to another history")]
    Foreign,
    #[error("it has more rows than fit")]
    Rows,
}

impl PageHead {
    /// Rows that fit into a page.
    pub fn capacity(&self) -> usize {
        NUMBERS / usize::from(self.columns).max(1)
    }

    pub fn encode(&self, page: &Page) -> [u8; PAGE] {
        let Self { subject, step, columns } = self;
        let width = usize::from(*columns).max(1);
        let rows = (page.numbers.len() / width).min(self.capacity());
        let mut bytes = [0; PAGE];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..24].copy_from_slice(subject.as_bytes());
        bytes[24..28].copy_from_slice(&step.to_le_bytes());
        bytes[28..30].copy_from_slice(&columns.to_le_bytes());
        bytes[30..32].copy_from_slice(&(rows as u16).to_le_bytes());
        bytes[32..40].copy_from_slice(&page.number.to_le_bytes());
        for (place, number) in bytes[HEAD..].chunks_exact_mut(4).zip(&page.numbers[..rows * width]) {
            place.copy_from_slice(&number.to_le_bytes());
        }
        let sum = crc32fast::hash(&bytes);
        bytes[SUM].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    /// `None`: never written.
    pub fn decode(&self, bytes: &[u8; PAGE]) -> Result<Option<Page>, PageError> {
        if bytes.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        if bytes[..8] != MAGIC {
            return Err(PageError::Magic);
        }
        let mut summed = *bytes;
        summed[SUM].fill(0);
        if crc32fast::hash(&summed).to_le_bytes() != bytes[SUM] {
            return Err(PageError::Checksum);
        }
        let says = Self {
            subject: Uuid::from_bytes(field(bytes, 8)),
            step: u32::from_le_bytes(field(bytes, 24)),
            columns: u16::from_le_bytes(field(bytes, 28)),
        };
        if says != *self {
            return Err(PageError::Foreign);
        }
        let rows = usize::from(u16::from_le_bytes(field(bytes, 30)));
        if rows > self.capacity() {
            return Err(PageError::Rows);
        }
        let numbers = bytes[HEAD..].chunks_exact(4).take(rows * usize::from(self.columns));
        let numbers = numbers.map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]])).collect();
        Ok(Some(Page { number: i64::from_le_bytes(field(bytes, 32)), numbers }))
    }
}

fn field<const N: usize>(bytes: &[u8; PAGE], at: usize) -> [u8; N] {
    let mut field = [0; N];
    field.copy_from_slice(&bytes[at..at + N]);
    field
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: PageHead = PageHead { subject: Uuid::from_u128(7), step: 10, columns: 3 };

    #[test]
    fn what_is_written_is_read() {
        let page = Page { number: -3, numbers: vec![1.0, 2.5, -0.0, 4.0, 5.0, f32::MAX] };
        assert_eq!(HEAD.decode(&HEAD.encode(&page)), Ok(Some(page)));
        assert_eq!(HEAD.decode(&[0; PAGE]), Ok(None));
        let full = Page { number: 1, numbers: vec![1.0; HEAD.capacity() * 3] };
        assert_eq!(HEAD.decode(&HEAD.encode(&full)), Ok(Some(full)));
    }

    #[test]
    fn what_was_torn_or_is_of_others_is_known() {
        let page = Page { number: 5, numbers: vec![1.0; 300] };
        let good = HEAD.encode(&page);
        for at in [0, 9, 31, 41, 64, 500, PAGE - 1] {
            let mut bad = good;
            bad[at] ^= 1;
            assert!(HEAD.decode(&bad).is_err(), "{at}");
        }
        let mut torn = HEAD.encode(&Page { number: 6, numbers: vec![2.0; 300] });
        torn[512..].copy_from_slice(&good[512..]);
        assert_eq!(HEAD.decode(&torn), Err(PageError::Checksum));
        for other in [
            PageHead { subject: Uuid::from_u128(8), ..HEAD },
            PageHead { step: 120, ..HEAD },
            PageHead { columns: 2, ..HEAD },
        ] {
            assert_eq!(other.decode(&good), Err(PageError::Foreign), "{other:?}");
        }
    }
}
