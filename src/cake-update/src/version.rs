//! Versions and which of two is newer.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// The longest version, in bytes: a slot's name stays far below the 255 of a file's.
const LONGEST: usize = 64;

/// A version of the firmware, such as `0.3.0` or `0.4.0~rc1`. Ordered as the UAPI version format says; two texts that stand for the
/// same version (`1.0` and `1.00`) are equal.
///
/// Lower-case letters, digits and `.`, `~`, `^`, `-`: names that differ only in capitals are the same file on FAT, and `+` and `_`
/// separate the parts of a slot's name.
#[derive(Debug, Clone)]
pub struct Version(String);

/// A text is no version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no version: use up to 64 lower-case letters, digits, '.', '~', '^' and '-', a letter or digit first and last"
)]
pub struct NoVersion(String);

impl Version {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Version {
    type Err = NoVersion;

    fn from_str(text: &str) -> Result<Self, NoVersion> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".~^-".contains(&byte);
        let ends = [text.bytes().next(), text.bytes().next_back()];
        let ends = ends.iter().all(|end| end.is_some_and(|byte| byte.is_ascii_alphanumeric()));
        if ends && text.len() <= LONGEST && text.bytes().all(allowed) {
            return Ok(Self(text.to_owned()));
        }
        Err(NoVersion(text.chars().take(LONGEST).collect()))
    }
}

impl TryFrom<String> for Version {
    type Error = NoVersion;

    fn try_from(text: String) -> Result<Self, NoVersion> {
        text.parse()
    }
}

impl From<Version> for String {
    fn from(version: Version) -> Self {
        version.0
    }
}

impl serde::Serialize for Version {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for Version {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Version {}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        compare(self.0.as_bytes(), other.0.as_bytes())
    }
}

/// UAPI.10 "Version Format Specification", the comparison rules in their order. Numbers compare by value, of any length; a letter is
/// older than a number; `~` is older than the end, which is older than `-`, `^`, `.`, a letter, a number.
fn compare(mut a: &[u8], mut b: &[u8]) -> Ordering {
    loop {
        if let Some(order) = separator(b'~', &mut a, &mut b) {
            return order;
        }
        if a.is_empty() || b.is_empty() {
            return a.len().cmp(&b.len());
        }
        for mark in [b'-', b'^', b'.'] {
            if let Some(order) = separator(mark, &mut a, &mut b) {
                return order;
            }
        }
        let numbers = starts(a, u8::is_ascii_digit) || starts(b, u8::is_ascii_digit);
        let order = if numbers {
            let (left, right) = (take(&mut a, u8::is_ascii_digit), take(&mut b, u8::is_ascii_digit));
            compare_numbers(left, right)
        } else {
            take(&mut a, u8::is_ascii_alphabetic).cmp(take(&mut b, u8::is_ascii_alphabetic))
        };
        if order.is_ne() {
            return order;
        }
    }
}

/// Steps over a mark that both begin with. Where one alone begins with it, that one is older.
fn separator(mark: u8, a: &mut &[u8], b: &mut &[u8]) -> Option<Ordering> {
    match (a.first() == Some(&mark), b.first() == Some(&mark)) {
        (true, true) => {
            (*a, *b) = (&a[1..], &b[1..]);
            None
        }
        (false, false) => None,
        (left, right) => Some(right.cmp(&left)),
    }
}

fn starts(text: &[u8], kind: fn(&u8) -> bool) -> bool {
    text.first().is_some_and(kind)
}

fn take<'a>(text: &mut &'a [u8], kind: fn(&u8) -> bool) -> &'a [u8] {
    let length = text.iter().take_while(|byte| kind(byte)).count();
    let (taken, rest) = text.split_at(length);
    *text = rest;
    taken
}

fn compare_numbers(left: &[u8], right: &[u8]) -> Ordering {
    fn value(digits: &[u8]) -> &[u8] {
        &digits[digits.iter().take_while(|digit| **digit == b'0').count()..]
    }
    let by_value = value(left).len().cmp(&value(right).len()).then_with(|| value(left).cmp(value(right)));
    // No number at all is older than any.
    right.is_empty().cmp(&left.is_empty()).then(by_value)
}

#[cfg(test)]
mod tests;
