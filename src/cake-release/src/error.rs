//! What can go wrong when a release is made.

use cake_update::NoVersion;
use std::io;
use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    #[error("{path} is there already: keys are never overwritten")]
    Exists { path: PathBuf },
    #[error("{path} is no private key (ed25519, PKCS#8 in PEM)")]
    NoKey { path: PathBuf },
    #[error("{path} is not what an earlier run wrote: begin with an empty folder, or with the last repository")]
    NoRepository { path: PathBuf },
    #[error("{0} has no name that a target can have")]
    NoName(PathBuf),
    #[error("the date {0} is outside of what a repository can hold")]
    NoDate(i64),
    #[error(transparent)]
    Version(#[from] NoVersion),
    #[error(transparent)]
    Blocks(#[from] cake_update::blocks::BlocksError),
    #[error("cannot sign the {role}")]
    Sign {
        role: &'static str,
        #[source]
        source: tuf::Error,
    },
    #[error("cannot {what} {path}")]
    Io {
        what: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

impl ReleaseError {
    pub(crate) fn io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { what, path: path.to_owned(), source }
    }

    pub(crate) fn sign(role: &'static str) -> impl FnOnce(tuf::Error) -> Self {
        move |source| Self::Sign { role, source }
    }
}
