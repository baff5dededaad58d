//! A request to a BMC and its response (IPMI 2.0 §5), whatever carries them.

use async_trait::async_trait;
use cake_types::BmcProblem;

/// To which part of the BMC a request goes (IPMI 2.0 table 5-1): the even numbers; the response's is one more.
pub mod net_fn {
    pub const CHASSIS: u8 = 0x00;
    pub const SENSOR_EVENT: u8 = 0x04;
    pub const APP: u8 = 0x06;
    pub const STORAGE: u8 = 0x0a;
    pub const TRANSPORT: u8 = 0x0c;
    /// Group extension: the first byte says whose (DCMI: 0xdc).
    pub const GROUP: u8 = 0x2c;
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub net_fn: u8,
    /// Logical unit of the BMC, 0 … 3.
    pub lun: u8,
    pub command: u8,
    pub data: Vec<u8>,
}

impl Request {
    pub fn new(net_fn: u8, command: u8, data: impl Into<Vec<u8>>) -> Self {
        Self { net_fn, lun: 0, command, data: data.into() }
    }
}

/// What came back, with the completion code taken off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    pub completion: Completion,
    pub data: Vec<u8>,
}

/// IPMI 2.0 table 5-2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Completion(pub u8);

impl Completion {
    pub const OK: Self = Self(0x00);
    pub const NODE_BUSY: Self = Self(0xc0);
    pub const INVALID_COMMAND: Self = Self(0xc1);
    pub const TIMEOUT: Self = Self(0xc3);
    pub const OUT_OF_SPACE: Self = Self(0xc4);
    pub const RESERVATION_CANCELED: Self = Self(0xc5);
    pub const INVALID_LENGTH: Self = Self(0xc7);
    pub const LENGTH_EXCEEDED: Self = Self(0xc8);
    pub const PARAMETER_OUT_OF_RANGE: Self = Self(0xc9);
    /// Fewer bytes must be asked for at a time.
    pub const CANNOT_RETURN_LENGTH: Self = Self(0xca);
    pub const NOT_PRESENT: Self = Self(0xcb);
    pub const INVALID_FIELD: Self = Self(0xcc);
    pub const ILLEGAL_FOR_SENSOR: Self = Self(0xcd);
    pub const NO_RESPONSE: Self = Self(0xce);
    pub const UPDATING: Self = Self(0xd0);
    pub const DESTINATION_UNAVAILABLE: Self = Self(0xd3);
    pub const INSUFFICIENT_PRIVILEGE: Self = Self(0xd4);
    pub const NOT_NOW: Self = Self(0xd5);
    pub const UNSPECIFIED: Self = Self(0xff);
}

/// Carries one request at a time to one BMC. Cancel-safe: a future that is dropped leaves a session that can be used.
#[async_trait]
pub trait Transport: Send + Sync {
    async fn send(&self, request: &Request) -> Result<Response, TransportError>;

    /// Ends the session, where there is one, so that the BMC need not wait for its time-out.
    async fn close(&self) {}
}

/// Why a request has no response.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    #[error("the BMC does not answer")]
    Silent,
    #[error("the BMC takes neither the user nor the password")]
    Refused,
    #[error("the user may not do this")]
    Forbidden,
    #[error("the BMC takes no further session")]
    Busy,
    #[error("the BMC offers no cipher suite that is safe enough")]
    Cipher,
    #[error("what answers breaks the protocol: {0}")]
    Garbled(&'static str),
    #[error("there is no such device")]
    NoDevice,
    #[error("the socket or device failed")]
    Io(#[from] std::io::Error),
}

impl TransportError {
    pub const fn problem(&self) -> BmcProblem {
        match self {
            Self::Silent | Self::Io(_) => BmcProblem::Silent,
            Self::Refused => BmcProblem::Refused,
            Self::Forbidden => BmcProblem::Forbidden,
            Self::Busy => BmcProblem::Busy,
            Self::Cipher => BmcProblem::Cipher,
            Self::Garbled(_) => BmcProblem::Garbled,
            Self::NoDevice => BmcProblem::NoDevice,
        }
    }
}
