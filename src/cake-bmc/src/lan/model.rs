//! What goes into the machine of a session, and what comes out.

use crate::message::{Response, TransportError};
use crate::rmcp::Secret;
use cake_types::BMC_USER_MAX;

/// IPMI 2.0 §6.8.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Privilege {
    User = 2,
    Operator = 3,
    Administrator = 4,
}

impl Privilege {
    pub const fn lower(self) -> Option<Self> {
        match self {
            Self::Administrator => Some(Self::Operator),
            Self::Operator => Some(Self::User),
            Self::User => None,
        }
    }
}

/// Who logs in.
#[derive(Clone, Debug)]
pub struct Login {
    pub(super) user: Vec<u8>,
    pub(super) password: Secret,
    pub(super) key: Option<Secret>,
}

impl Login {
    /// `key`: K_g, where the BMC has one. `None`: the name is longer than IPMI 2.0 allows.
    pub fn new(user: &[u8], password: Secret, key: Option<Secret>) -> Option<Self> {
        (user.len() <= BMC_USER_MAX).then(|| Self { user: user.to_vec(), password, key })
    }
}

/// Names a request that was handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub(super) u64);

#[derive(Debug)]
pub enum Outcome {
    Response(Ticket, Result<Response, TransportError>),
    /// The number of a packet of serial over LAN in its session, and its payload.
    Sol(u32, Vec<u8>),
    /// The session is over: closed, or lost.
    Ended,
}

/// What is to be done after a call.
#[derive(Debug, Default)]
pub struct Output {
    pub datagrams: Vec<Vec<u8>>,
    pub outcomes: Vec<Outcome>,
}

/// What happened so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    pub logins: u64,
    pub requests: u64,
    /// Packets that were sent again.
    pub repeated: u64,
    /// Dropped: not a packet that can be read.
    pub broken: u64,
    /// Dropped: of another session, or not signed by the BMC.
    pub unauthentic: u64,
    /// Dropped: came before.
    pub replayed: u64,
    /// Dropped: answers nothing that is waited for.
    pub unmatched: u64,
}

/// A login fails for all that wait for it. (An error of the operating system can't be copied, but is none of a login's.)
pub(super) fn the_same(error: &TransportError) -> TransportError {
    match error {
        TransportError::Refused => TransportError::Refused,
        TransportError::Forbidden => TransportError::Forbidden,
        TransportError::Busy => TransportError::Busy,
        TransportError::Cipher => TransportError::Cipher,
        TransportError::Certificate => TransportError::Certificate,
        TransportError::Garbled(what) => TransportError::Garbled(what),
        TransportError::Silent | TransportError::NoDevice | TransportError::Io(_) => TransportError::Silent,
    }
}
