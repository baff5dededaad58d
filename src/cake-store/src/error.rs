//! What can go wrong, in words that a caller can act on.

use std::path::PathBuf;
use std::sync::Arc;

use crate::key::Key;
use crate::model::Revision;

/// An error of [`Store`](crate::Store).
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// Somebody else was faster. Nothing changed.
    #[error("{key} is not in the state that was expected")]
    Conflict {
        /// Which key.
        key: Key,
        /// What it is now; `None` when it does not exist.
        current: Option<Revision>,
    },
    /// Values are small records. Nothing changed.
    #[error("the value of {key} has {size} bytes; at most {limit} are kept")]
    ValueTooLarge {
        /// Which key.
        key: Key,
        /// Bytes asked for.
        size: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// Too many guards or operations in one transaction. Nothing changed.
    #[error("a transaction has at most {limit} guards and operations, this one has {count}")]
    TxnTooLarge {
        /// How many there were.
        count: usize,
        /// How many are allowed.
        limit: usize,
    },
    /// One transaction writes a key once. Nothing changed.
    #[error("{key} is written twice in one transaction")]
    DuplicateKey {
        /// Which key.
        key: Key,
    },
    /// What happened after this cursor (or the snapshot behind this page) is no longer kept: list again.
    #[error("the history before this point is no longer kept")]
    Compacted,
    /// The cursor or page token is not one of this store, or of this prefix.
    #[error("this cursor does not belong here")]
    ForeignCursor,
    /// The lease has expired, was revoked or never was. Nothing changed.
    #[error("the lease is gone")]
    LeaseGone,
    /// A lease needs a time to live between a millisecond and a year.
    #[error("a lease lives between a millisecond and a year")]
    BadTtl,
    /// The store was closed, here or elsewhere.
    #[error("the store is closed")]
    Closed,
    /// The file behind it.
    #[error(transparent)]
    File(#[from] FileError),
}

/// An error of [`Journal`](crate::Journal).
#[derive(Debug, Clone, thiserror::Error)]
pub enum JournalError {
    /// A field or the data of a record is over its limit. Nothing was written.
    #[error("{field} has {size} bytes; at most {limit} are kept")]
    TooLarge {
        /// Which part of the record.
        field: &'static str,
        /// Bytes asked for.
        size: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// Records that should have come next were dropped to keep the journal bounded. Told once; reading goes on
    /// with the oldest one that is left.
    #[error("older records were dropped before they were read")]
    Trimmed,
    /// The journal was closed.
    #[error("the journal is closed")]
    Closed,
    /// The file behind it.
    #[error(transparent)]
    File(#[from] FileError),
}

/// An error of a database file.
#[derive(Debug, Clone, thiserror::Error)]
pub enum FileError {
    /// No room. Nothing changed; reading goes on.
    #[error("{path}: the disk is full, nothing was changed")]
    DiskFull {
        /// Which file.
        path: PathBuf,
    },
    /// The content makes no sense: restore a backup.
    #[error("{path}: the file is damaged")]
    Corrupt {
        /// Which file.
        path: PathBuf,
        /// What was found.
        #[source]
        source: Arc<rusqlite::Error>,
    },
    /// A lock that should be free within milliseconds was not.
    #[error("{path}: somebody else holds the file")]
    Busy {
        /// Which file.
        path: PathBuf,
    },
    /// A running program has it open.
    #[error("{path}: already open in another program")]
    InUse {
        /// Which file.
        path: PathBuf,
    },
    /// Written by a later version in a way that this one must not touch.
    #[error(
        "{path}: written by a newer version (format {found}, which needs a program that knows {needs}; this one knows {known})"
    )]
    Newer {
        /// Which file.
        path: PathBuf,
        /// The file's format.
        found: u32,
        /// The oldest format a program must know to use it.
        needs: u32,
        /// The format that this program knows.
        known: u32,
    },
    /// A database, but not one of this kind.
    #[error("{path}: not a {expected}")]
    NotOurs {
        /// Which file.
        path: PathBuf,
        /// What it should be.
        expected: &'static str,
    },
    /// A backup or restore never replaces a file.
    #[error("{path}: exists already")]
    Exists {
        /// Which file.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("{path}: cannot be used")]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Arc<std::io::Error>,
    },
    /// Anything else the database says. Whether the change was made is unknown: read again.
    #[error("{path}: the database failed")]
    Database {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Arc<rusqlite::Error>,
    },
}

impl FileError {
    /// Puts what SQLite said into our words.
    pub(crate) fn from_sqlite(path: &std::path::Path, error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        let path = path.to_path_buf();
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::DiskFull { path },
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy { path },
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Self::Corrupt { path, source: Arc::new(error) }
            }
            _ => match error {
                // A row of the wrong shape is damage as well.
                rusqlite::Error::FromSqlConversionFailure(..)
                | rusqlite::Error::InvalidColumnType(..)
                | rusqlite::Error::IntegralValueOutOfRange(..) => Self::Corrupt { path, source: Arc::new(error) },
                other => Self::Database { path, source: Arc::new(other) },
            },
        }
    }

    pub(crate) fn io(path: &std::path::Path, error: std::io::Error) -> Self {
        let path = path.to_path_buf();
        match error.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Self::DiskFull { path },
            _ => Self::Io { path, source: Arc::new(error) },
        }
    }
}
