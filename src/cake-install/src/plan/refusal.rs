//! Why a disk can't be used.

use crate::answers::Install;
use crate::disks::Candidate;
use cake_types::ByteSize;
use serde::Serialize;
use std::fmt;

/// Why an installation can't be: all reasons.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Refusals(pub Vec<Refusal>);

/// A disk, and what is against it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// As the answers call it.
    pub serial: String,
    #[serde(flatten)]
    pub why: Why,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "why", rename_all = "kebab-case")]
pub enum Why {
    /// No disk has this serial number.
    Unknown,
    /// Several disks have it.
    Ambiguous {
        names: Vec<String>,
    },
    /// This machine was started from it.
    BootMedium,
    ReadOnly,
    /// It is mounted, or swap.
    Used {
        places: Vec<String>,
    },
    /// Both in bytes.
    TooSmall {
        size: u64,
        least: u64,
    },
    /// Something is on it, and nobody said that it may be lost.
    HasData {
        content: String,
    },
    /// It is named twice.
    Twice,
}

impl fmt::Display for Refusals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&all.join("\n"))
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let serial = &self.serial;
        match &self.why {
            Why::Unknown => write!(f, "{serial}: no disk of this server has that serial number"),
            Why::Ambiguous { names } => {
                write!(f, "{serial}: several disks have that serial number: {}", names.join(", "))
            }
            Why::BootMedium => write!(f, "{serial}: this machine was started from it"),
            Why::ReadOnly => write!(f, "{serial}: it can only be read"),
            Why::Used { places } => write!(f, "{serial}: it is in use ({})", places.join(", ")),
            Why::TooSmall { size, least } => {
                write!(f, "{serial}: it has {}, and {} is the least", ByteSize(*size), ByteSize(*least))
            }
            Why::HasData { content } => {
                write!(f, "{serial}: on it is {content}. If that may be lost, its serial number must stand in `erase`")
            }
            Why::Twice => write!(f, "{serial}: the disk is named twice"),
        }
    }
}

/// What is against a disk itself, whoever asks; `None`: it can be used, if nothing is on it or that may be lost.
pub fn against(disk: &Candidate, least: u64) -> Option<Why> {
    let size = disk.disk.size.bytes();
    if disk.boot_medium {
        Some(Why::BootMedium)
    } else if disk.read_only {
        Some(Why::ReadOnly)
    } else if !disk.used_as.is_empty() {
        Some(Why::Used { places: disk.used_as.clone() })
    } else if size < least {
        Some(Why::TooSmall { size, least })
    } else {
        None
    }
}

/// The disks with these serial numbers, or everything that is against them.
pub fn chosen<'a>(
    disks: &'a [Candidate],
    install: &Install,
    serials: &[String],
    least: u64,
) -> Result<Vec<&'a Candidate>, Vec<Refusal>> {
    let mut found = Vec::new();
    let mut refused = Vec::new();
    for serial in serials {
        let its: Vec<&Candidate> = disks.iter().filter(|disk| disk.disk.identity() == serial).collect();
        let why = match its.as_slice() {
            [] => Some(Why::Unknown),
            [disk] => against(disk, least).or_else(|| {
                let kept = !disk.content.is_free() && !install.erase.contains(serial);
                kept.then(|| Why::HasData { content: disk.content.words() })
            }),
            several => Some(Why::Ambiguous { names: several.iter().map(|disk| disk.disk.name.clone()).collect() }),
        };
        match why {
            Some(why) => refused.push(Refusal { serial: serial.clone(), why }),
            None => found.extend(its),
        }
    }
    if refused.is_empty() { Ok(found) } else { Err(refused) }
}

/// The first disk that stands in the lists twice.
pub fn the_same_twice(system: &[&Candidate], more: &[&Candidate]) -> Option<Refusal> {
    let all: Vec<&str> = system.iter().chain(more).map(|disk| disk.disk.name.as_str()).collect();
    let at = (1..all.len()).find(|at| all[..*at].contains(&all[*at]))?;
    let disk = system.iter().chain(more).nth(at)?;
    Some(Refusal { serial: disk.disk.identity().to_owned(), why: Why::Twice })
}
