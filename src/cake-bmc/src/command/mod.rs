//! The commands of IPMI, typed: what is asked, and what its answer says. One file a subject; none keeps a state.

pub mod boot;
pub mod chassis;
pub mod dcmi;
pub mod device;
pub mod lan;
pub mod user;
pub mod watchdog;

use crate::bmc::BmcError;
use crate::message::{Completion, Request, Response, Transport, TransportError};
use std::time::Duration;

/// How often a BMC may say that it is busy, and how long it is left alone after the first time; each time twice as long.
const PATIENCE: u32 = 6;
const PAUSE: Duration = Duration::from_millis(20);

/// A response, whatever it completes with. A BMC that is busy is given time (IPMI 2.0 table 5-2, C0h).
pub(crate) async fn send(transport: &dyn Transport, request: &Request) -> Result<Response, TransportError> {
    for turn in 0..PATIENCE {
        let response = transport.send(request).await?;
        if response.completion != Completion::NODE_BUSY {
            return Ok(response);
        }
        tokio::time::sleep(PAUSE * 2u32.pow(turn)).await;
    }
    transport.send(request).await
}

/// The answer to something that must succeed.
pub(crate) async fn ask(transport: &dyn Transport, request: &Request) -> Result<Vec<u8>, BmcError> {
    let response = send(transport, request).await?;
    if response.completion == Completion::OK { Ok(response.data) } else { Err(refused(response.completion)) }
}

pub(crate) fn refused(completion: Completion) -> BmcError {
    match completion {
        Completion::INVALID_COMMAND => BmcError::Unsupported,
        Completion::INSUFFICIENT_PRIVILEGE => BmcError::Transport(TransportError::Forbidden),
        other => BmcError::Completion(other),
    }
}

/// So many bytes at the beginning of an answer.
pub(crate) fn fixed<const N: usize>(data: &[u8], command: &'static str) -> Result<[u8; N], BmcError> {
    data.first_chunk().copied().ok_or(BmcError::Answer(command))
}

/// How many bytes a BMC hands out at a time: learnt from its refusals, and remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Chunk(u8);

impl Chunk {
    /// "All of it", where a command knows such a thing.
    pub(crate) const WHOLE: Self = Self(0xff);
    /// What nearly every BMC can put into one message.
    pub(crate) const USUAL: Self = Self(32);

    pub(crate) const fn size(self) -> u8 {
        self.0
    }

    /// Fewer; `false` if it can't be fewer.
    pub(crate) fn shrink(&mut self) -> bool {
        const SIZES: [u8; 5] = [32, 24, 16, 8, 4];
        let smaller = SIZES.iter().find(|size| **size < self.0);
        smaller.inspect(|size| self.0 = **size).is_some()
    }

    /// To fewer than so many.
    pub(crate) fn shrink_below(&mut self, size: usize) {
        while usize::from(self.0) >= size && self.shrink() {}
    }

    /// A refusal that fewer bytes may heal. Not every BMC has read the table: some call it a wrong length or a wrong field.
    pub(crate) const fn heals(completion: Completion) -> bool {
        matches!(
            completion,
            Completion::CANNOT_RETURN_LENGTH
                | Completion::INVALID_LENGTH
                | Completion::PARAMETER_OUT_OF_RANGE
                | Completion::INVALID_FIELD
                | Completion::LENGTH_EXCEEDED
                | Completion::UNSPECIFIED
        )
    }
}
