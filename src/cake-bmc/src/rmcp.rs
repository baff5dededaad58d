//! RMCP+ (IPMI 2.0 §13): the packets between a console and a BMC, both ways.
//!
//! ```text
//!   UDP datagram
//!   ├─ header       version · class                           every packet
//!   ├─ legacy       IPMI 1.5, without a session               what can be asked before a login
//!   └─ packet       payload type · session · sequence
//!       ├─ handshake    open session, RAKP 1 … 4              session 0, in the clear
//!       └─ message      IPMI request or response, or SOL      encrypted and signed by `keys`
//! ```
//!
//! Nothing here reads a clock, draws a random number or touches a socket, and no bytes make it panic. The BMC's side is here
//! as well, because a simulator speaks it.

pub mod handshake;
pub mod header;
pub mod keys;
pub mod legacy;
pub mod message;
pub mod packet;
pub mod suite;
pub mod window;

pub use handshake::{OpenRequest, OpenResponse, Rakp1, Rakp2, Rakp3, Rakp4, Status};
pub use header::{Class, Header};
pub use keys::{Code, Exchange, Secret, SessionKeys};
pub use message::Message;
pub use packet::{Packet, PayloadType};
pub use suite::CipherSuite;
pub use window::Window;

/// Bytes of the longest datagram that is made or read. An IPMI message is shorter than 300 bytes, SOL may fill 255 + 4.
pub const DATAGRAM_MAX: usize = 1024;

/// Why a datagram is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Broken(pub &'static str);

/// Reads little-endian fields from the front of bytes.
pub(crate) struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    pub fn take(&mut self, count: usize) -> Result<&'a [u8], Broken> {
        let (front, rest) = self.0.split_at_checked(count).ok_or(Broken("cut short"))?;
        self.0 = rest;
        Ok(front)
    }

    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Broken> {
        let (front, rest) = self.0.split_first_chunk::<N>().ok_or(Broken("cut short"))?;
        self.0 = rest;
        Ok(*front)
    }

    pub fn byte(&mut self) -> Result<u8, Broken> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub fn u16(&mut self) -> Result<u16, Broken> {
        self.array().map(u16::from_le_bytes)
    }

    pub fn u32(&mut self) -> Result<u32, Broken> {
        self.array().map(u32::from_le_bytes)
    }
}

/// The console's id of the session that a datagram of a BMC belongs to. `None`: it does not say.
pub fn console_session(datagram: &[u8]) -> Option<u32> {
    let packet = Packet::parse(datagram).ok()?;
    if packet.session != 0 {
        return Some(packet.session);
    }
    match packet.payload_type {
        PayloadType::OpenResponse => match OpenResponse::parse(packet.payload).ok()? {
            OpenResponse::Open { console_session, .. } => Some(console_session),
            OpenResponse::Refused { console_session, .. } => console_session,
        },
        PayloadType::Rakp2 => Some(Rakp2::parse(packet.payload).ok()?.console_session),
        PayloadType::Rakp4 => Some(Rakp4::parse(packet.payload).ok()?.console_session),
        _ => None,
    }
}
