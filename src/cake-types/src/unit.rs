//! Sizes of memory and disks, with IEC units.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A number of bytes. Written and read with IEC units (`512MiB`); a bare number is bytes. JSON holds the number of bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ByteSize(pub u64);

const UNITS: [(&str, u32); 6] = [("KiB", 10), ("MiB", 20), ("GiB", 30), ("TiB", 40), ("PiB", 50), ("EiB", 60)];

impl ByteSize {
    pub const fn mib(n: u64) -> Self {
        Self(n << 20)
    }

    pub const fn gib(n: u64) -> Self {
        Self(n << 30)
    }

    /// The number of bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }

    /// Whole MiB, rounded up: QEMU's unit for memory.
    pub const fn mib_ceil(self) -> u64 {
        self.0.div_ceil(1 << 20)
    }
}

/// Why a text is not a size.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ByteSizeError {
    #[error("a size is a number and a unit, for example 512MiB or 2GiB")]
    Malformed,
    #[error("the unit is not one of B, KiB, MiB, GiB, TiB, PiB, EiB")]
    Unit,
    #[error("the size is larger than 16 EiB")]
    TooLarge,
}

impl FromStr for ByteSize {
    type Err = ByteSizeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (number, unit) = (&text[..end], text[end..].trim());
        let shift = match unit {
            "" | "B" => 0,
            _ => UNITS
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case(unit) || unit.eq_ignore_ascii_case(&name[..1]))
                .map(|(_, shift)| *shift)
                .ok_or(ByteSizeError::Unit)?,
        };
        scaled(number, shift)
    }
}

/// `number` × 2^`shift`, exact for up to nine decimal places.
fn scaled(number: &str, shift: u32) -> Result<ByteSize, ByteSizeError> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() || fraction.len() > 9 || fraction.contains('.') {
        return Err(ByteSizeError::Malformed);
    }
    let whole: u128 = whole.parse().map_err(|_| ByteSizeError::TooLarge)?;
    let scale = 10u128.pow(fraction.len() as u32);
    let fraction: u128 =
        if fraction.is_empty() { 0 } else { fraction.parse().map_err(|_| ByteSizeError::Malformed)? };
    let total = whole
        .checked_mul(scale)
        .and_then(|n| n.checked_add(fraction))
        .and_then(|n| n.checked_mul(1u128 << shift))
        .ok_or(ByteSizeError::TooLarge)?
        / scale;
    u64::try_from(total).map(ByteSize).map_err(|_| ByteSizeError::TooLarge)
}

impl fmt::Display for ByteSize {
    /// The largest unit that leaves a number of at least one, with at most one decimal place: `1.5 GiB`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((name, shift)) = UNITS.iter().rev().find(|(_, shift)| self.0 >> shift > 0) else {
            return write!(f, "{} B", self.0);
        };
        let tenths = ((self.0 as u128 * 10) >> shift) as u64;
        if tenths.is_multiple_of(10) {
            write!(f, "{} {name}", tenths / 10)
        } else {
            write!(f, "{}.{} {name}", tenths / 10, tenths % 10)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_write() {
        for (text, bytes) in [
            ("512MiB", 512 << 20),
            ("2GiB", 2 << 30),
            ("2 GiB", 2 << 30),
            ("1.5GiB", 3 << 29),
            ("4g", 4 << 30),
            ("4096", 4096),
            ("0", 0),
            ("10B", 10),
        ] {
            assert_eq!(text.parse::<ByteSize>().unwrap().bytes(), bytes, "{text}");
        }
    }

    #[test]
    fn refuses_what_is_not_a_size() {
        for (text, error) in [
            ("", ByteSizeError::Malformed),
            ("MiB", ByteSizeError::Malformed),
            ("-1", ByteSizeError::Unit),
            ("1GB", ByteSizeError::Unit),
            ("1.2.3GiB", ByteSizeError::Malformed),
            ("99999999999EiB", ByteSizeError::TooLarge),
        ] {
            assert_eq!(text.parse::<ByteSize>().unwrap_err(), error, "{text}");
        }
    }

    #[test]
    fn writes_with_a_unit() {
        assert_eq!(ByteSize(3 << 29).to_string(), "1.5 GiB");
        assert_eq!(ByteSize(512 << 20).to_string(), "512 MiB");
        assert_eq!(ByteSize(1023).to_string(), "1023 B");
    }
}
