//! The name of a slot's file: version and boot counter.

use crate::Version;
use std::fmt;

const PREFIX: &str = "cake_";
const SUFFIX: &str = ".efi";
/// Digits of a counter that are believed.
const DIGITS: usize = 9;

/// How often a slot may still be tried (UAPI.1 "Boot Loader Specification", boot counting).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tries {
    /// No counter: it has been found good.
    Blessed,
    Counted {
        left: u32,
        done: u32,
    },
}

/// `cake_VERSION.efi`, `cake_VERSION+LEFT.efi` or `cake_VERSION+LEFT-DONE.efi`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotName {
    pub version: Version,
    pub tries: Tries,
    /// As it stands on the disk: systemd-boot keeps the width of the numbers that it counts.
    file: String,
}

impl SlotName {
    /// The name that a blessed slot has.
    pub fn blessed(version: &Version) -> Self {
        Self { version: version.clone(), tries: Tries::Blessed, file: format!("{PREFIX}{version}{SUFFIX}") }
    }

    /// The name that a slot begins with.
    pub fn fresh(version: &Version, tries: u32) -> Self {
        Self {
            version: version.clone(),
            tries: Tries::Counted { left: tries, done: 0 },
            file: format!("{PREFIX}{version}+{tries}{SUFFIX}"),
        }
    }

    /// The name of a slot that is not tried any more.
    pub fn spent(version: &Version) -> Self {
        Self {
            version: version.clone(),
            tries: Tries::Counted { left: 0, done: 1 },
            file: format!("{PREFIX}{version}+0-1{SUFFIX}"),
        }
    }

    /// Reads the name of a file; `None` where it is not one of ours.
    pub fn parse(file: &str) -> Option<Self> {
        let name = file.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
        let (version, tries) = match name.split_once('+') {
            Some((version, counter)) => (version, parse_counter(counter)?),
            None => (name, Tries::Blessed),
        };
        Some(Self { version: version.parse().ok()?, tries, file: file.to_owned() })
    }

    /// The name of the file.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// It used up its tries without being found good.
    pub fn is_bad(&self) -> bool {
        matches!(self.tries, Tries::Counted { left: 0, .. })
    }

    pub fn is_blessed(&self) -> bool {
        self.tries == Tries::Blessed
    }
}

impl fmt::Display for SlotName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)
    }
}

fn parse_counter(text: &str) -> Option<Tries> {
    let number = |digits: &str| -> Option<u32> {
        let plain = (1..=DIGITS).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| digits.parse().ok()).flatten()
    };
    Some(match text.split_once('-') {
        Some((left, done)) => Tries::Counted { left: number(left)?, done: number(done)? },
        None => Tries::Counted { left: number(text)?, done: 0 },
    })
}
