//! What can go wrong with disks.

use cake_types::{ByteSize, Failure, FailureCode};
use std::io;
use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    #[error("{asked} do not fit: {free} are free and {reserve} of them are kept")]
    NoSpace { asked: ByteSize, free: ByteSize, reserve: ByteSize },
    #[error("the disk of {asked} is smaller than its image of {image}")]
    SmallerThanImage { asked: ByteSize, image: ByteSize },
    #[error("a disk can't shrink from {from} to {to}")]
    Shrinks { from: ByteSize, to: ByteSize },
    #[error("this is not the pool, or its file system is not mounted: there is no {mark}")]
    NotThePool { mark: PathBuf },
    #[error("cancelled")]
    Cancelled,
    #[error("cannot {what} {path}")]
    Io {
        what: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

impl StorageError {
    pub(crate) fn io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { what, path: path.to_owned(), source }
    }

    /// For the person whose VM it is.
    pub fn to_failure(&self) -> Failure {
        let code = match self {
            Self::NoSpace { .. } => FailureCode::NoSpace,
            Self::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull => FailureCode::NoSpace,
            Self::NotThePool { .. } => FailureCode::PoolMissing,
            Self::SmallerThanImage { .. } | Self::Shrinks { .. } | Self::Cancelled | Self::Io { .. } => {
                FailureCode::Disk
            }
        };
        let source = std::error::Error::source(self).map(|source| format!(": {source}")).unwrap_or_default();
        Failure { code, detail: format!("{self}{source}") }
    }
}
