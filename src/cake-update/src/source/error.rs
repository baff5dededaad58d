//! What can go wrong with a source.

use crate::Cancelled;
use std::io;

#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    #[error(
        "{path} is longer than the {limit} bytes that it may have: this is not a repository of cake, or it is damaged"
    )]
    TooLong { path: String, limit: u64 },
    #[error("{path} is not in the repository: copy the whole repository again")]
    Missing { path: String },
    #[error("{path} ends too early: copy the repository again")]
    Truncated { path: String },
    #[error("{0:?} is no path of a repository")]
    NoPath(String),
    #[error("{0:?} is no http or https URL")]
    NoUrl(String),
    #[error("{path}: the server answered {status}")]
    Status { path: String, status: u16 },
    #[error("{path}: the server gives no parts of files (HTTP ranges): use another server, or a stick")]
    NoRanges { path: String },
    #[error("{path}: nothing came for {seconds} seconds: check the network and try again")]
    Stalled { path: String, seconds: u64 },
    #[error("cannot fetch {path}: check the network and the server's certificate")]
    Http {
        path: String,
        #[source]
        source: reqwest::Error,
    },
    #[error("cannot read {path}")]
    Io {
        path: String,
        #[source]
        source: io::Error,
    },
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}
