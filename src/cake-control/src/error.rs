//! Failures of the house below, as problems for the person who asked. What is internal is logged once, here, with its causes.

use cake_node_api::{ClientError, NodeError};
use cake_store::{FileError, JournalError, StoreError};
use cake_types::{Code, Problem};
use std::error::Error;
use std::fmt::Write;

use crate::record::RecordError;

/// An error and what caused it, on one line.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let _ = write!(text, ": {cause}");
        next = cause.source();
    }
    text
}

/// Something that should not happen: logged with its causes, told without them.
pub fn internal(what: &'static str, error: &dyn Error) -> Problem {
    tracing::error!(error = %chain(error), "{what}");
    Problem::new(Code::Internal)
}

pub fn store(error: StoreError) -> Problem {
    match error {
        StoreError::Conflict { .. } => Problem::new(Code::Stale),
        StoreError::File(FileError::DiskFull { .. }) => Problem::new(Code::StoreFull),
        error => internal("the Store failed", &error),
    }
}

pub fn journal(error: JournalError) -> Problem {
    match error {
        JournalError::File(FileError::DiskFull { .. }) => Problem::new(Code::StoreFull),
        error => internal("the Journal failed", &error),
    }
}

pub fn record(error: RecordError) -> Problem {
    match error {
        RecordError::Store(error) => store(error),
        error => internal("a record can't be read", &error),
    }
}

pub fn node(error: ClientError) -> Problem {
    match error {
        ClientError::Refused(NodeError::Illegal { state }) => {
            Problem::new(Code::IllegalNow).with("action", "this").with("state", state.as_str())
        }
        ClientError::Refused(NodeError::BadTicket) => Problem::new(Code::BadTicket),
        ClientError::Refused(NodeError::NoScreen) => Problem::new(Code::NoScreen),
        ClientError::Refused(NodeError::NoSpace) => Problem::new(Code::StoreFull),
        ClientError::Refused(error) => internal("the node refused", &error),
        ClientError::Unreachable(_) | ClientError::Lost | ClientError::Unexpected => {
            Problem::new(Code::NodeUnreachable)
        }
    }
}
