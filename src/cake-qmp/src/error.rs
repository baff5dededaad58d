//! What can go wrong: with one command, and with the whole connection.

use std::time::Duration;

use crate::{
    framer::LineTooLong,
    message::{ParseError, Refusal},
};

/// Why one command has no answer. Only [`QmpError::Closed`] says that the connection is gone too.
#[derive(Debug, thiserror::Error)]
pub enum QmpError {
    #[error("the QMP connection is closed")]
    Closed(#[source] CloseReason),
    #[error("no answer to {command} within {after:?}")]
    TimedOut { command: &'static str, after: Duration },
    #[error("QEMU refused {command} ({}): {}", refusal.class, refusal.description)]
    Refused { command: &'static str, refusal: Refusal },
    #[error("the answer to {command} is not of the promised type")]
    Answer {
        command: &'static str,
        #[source]
        source: serde_json::Error,
    },
    #[error("cannot encode {command}")]
    Encode {
        command: &'static str,
        #[source]
        source: serde_json::Error,
    },
    #[error("{limit} commands wait for their answers already")]
    Busy { limit: usize },
}

impl QmpError {
    /// QEMU's own class of the error, such as `DeviceNotFound`, when it was QEMU that refused.
    pub fn class(&self) -> Option<&str> {
        match self {
            Self::Refused { refusal, .. } => Some(&refusal.class),
            _ => None,
        }
    }

    /// Whether the connection is gone with it.
    pub fn is_closed(&self) -> bool {
        matches!(self, Self::Closed(_))
    }
}

/// Why a connection ended. All commands that waited got it, and so does every later one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CloseReason {
    #[error("QEMU closed the connection")]
    EndOfStream,
    #[error("the socket failed: {because}")]
    Socket { kind: std::io::ErrorKind, because: String },
    #[error("no greeting within {after:?}")]
    GreetingTimedOut { after: Duration },
    #[error("something came before the greeting")]
    BeforeGreeting,
    #[error("a second greeting came")]
    GreetingRepeated,
    #[error("a line is too long")]
    LineTooLong(#[from] LineTooLong),
    #[error("a line is no QMP message")]
    Parse(#[from] ParseError),
    #[error("an answer to command {id}, which nobody waits for")]
    UnknownId { id: u64 },
    #[error("an answer without an id")]
    AnswerWithoutId,
    #[error("QEMU could not read a command: {}", .0.description)]
    Unreadable(Refusal),
    #[error("more than {limit} events within a second")]
    Flood { limit: u32 },
    #[error("the last handle was dropped")]
    Released,
}

impl From<std::io::Error> for CloseReason {
    fn from(error: std::io::Error) -> Self {
        Self::Socket { kind: error.kind(), because: error.to_string() }
    }
}
