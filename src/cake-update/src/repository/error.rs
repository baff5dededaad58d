//! What can go wrong with a repository.

use crate::{Cancelled, SourceError, Version};
use chrono::{DateTime, Utc};
use std::io;
use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error)]
pub enum RepositoryError {
    #[error(
        "the repository's {role} was good until {until} and this server's clock says {now}: set the clock, or get a newer repository"
    )]
    Expired { role: &'static str, until: DateTime<Utc>, now: DateTime<Utc> },
    #[error(
        "the repository's {role} has version {offered}, and this server has seen {seen}: it is old, or somebody shows you an old one; get a newer one"
    )]
    RolledBack { role: &'static str, seen: u32, offered: u32 },
    #[error(
        "the repository's {role} is not signed by who makes cake for this server: get the repository again, from its maker"
    )]
    NotSigned {
        role: &'static str,
        #[source]
        source: tuf::Error,
    },
    #[error("the repository's {role} is not what the role above it says: copy the whole repository again")]
    Mixed { role: &'static str },
    #[error("there is no {role} in the repository: copy the whole repository again")]
    NoRole { role: &'static str },
    #[error("the repository has more than {0} roots after the known one: this is not a repository of cake")]
    EndlessRoots(u32),
    #[error("the repository is signed with test keys, and this server takes releases only")]
    TestKeys,
    #[error("the repository is signed with release keys, and this test server was not told to take releases")]
    ReleaseKeys,
    #[error("{target} is described wrongly in the repository ({reason}): tell who makes it")]
    Described { target: String, reason: String },
    #[error("version {0} is known to be bad: take a newer one")]
    KnownBad(Version),
    #[error("version {version} is older than {minimum}, the oldest that may still be installed: take a newer one")]
    TooOld { version: Version, minimum: Version },
    #[error("{path} does not say what this server has seen: remove it to begin anew, once you trust your repository")]
    Memory { path: PathBuf },
    #[error(transparent)]
    Source(#[from] SourceError),
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

impl RepositoryError {
    pub(super) fn io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { what, path: path.to_owned(), source }
    }

    /// What the library says of a role.
    pub(super) fn tuf(role: &'static str) -> impl FnOnce(tuf::Error) -> Self {
        move |error| match error {
            tuf::Error::ExpiredMetadata { expiration, now, .. } => Self::Expired { role, until: expiration, now },
            tuf::Error::AttemptedMetadataRollBack { trusted_version, new_version, .. } => {
                Self::RolledBack { role, seen: trusted_version, offered: new_version }
            }
            tuf::Error::WrongMetadataVersion { .. } | tuf::Error::MissingMetadataDescription { .. } => {
                Self::Mixed { role }
            }
            source => Self::NotSigned { role, source },
        }
    }
}
