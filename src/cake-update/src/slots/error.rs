//! What can go wrong with slots.

use super::SlotName;
use crate::{Cancelled, Version};
use std::io;
use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error)]
pub enum SlotError {
    #[error("{path} is not mounted as an EFI system partition: there is no folder EFI in it")]
    NotAnEsp { path: PathBuf },
    #[error(
        "{needed} bytes do not fit on {path}, where {free} are free: restart into the new version or remove an old one, then try again"
    )]
    NoSpace { path: PathBuf, needed: u64, free: u64 },
    #[error("there is no slot of version {version} on {path}")]
    NoSuchSlot { path: PathBuf, version: Version },
    #[error("{slot} runs, or is the last one that can be started: update first")]
    Needed { slot: SlotName },
    #[error("{path} does not hold what was written to it: try again, and replace the disk if it happens twice")]
    Spoilt { path: PathBuf },
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    #[error("cannot {what} {path}")]
    Io {
        what: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

impl SlotError {
    pub(crate) fn io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { what, path: path.to_owned(), source }
    }
}
