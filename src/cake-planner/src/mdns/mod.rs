//! Being found in the office by name: `cake-SERIAL.local`, without anybody keeping a list (multicast DNS, RFC 6762; service
//! discovery, RFC 6763).
//!
//! ```text
//!   identity of the machine ─► label                       (label.rs)
//!   links, where the console listens ─► what is told where (links.rs)
//!   datagram ─► message ─► Responder ─► datagrams to send, when to look again   (message.rs, records.rs, responder.rs, state.rs)
//! ```
//!
//! Written here and not taken from a crate: what there is either brings a thread of its own and answers whoever asks, as often as
//! they ask, or is a parser that doesn't give a record's data as the contest for a name compares them. What a responder for one
//! name needs is small, and as a pure function from (time, datagram) to datagrams it can be tried without a network.

mod label;
mod links;
mod message;
mod records;
mod responder;
#[cfg(test)]
mod responder_tests;
mod state;

pub use label::{Identity, LABEL_MAX, asked, label, numbered};
pub use links::{Interface, Link, LinkId, Reach, links};
pub use message::{DATAGRAM_MAX, Data, Domain, Message, MessageError, Question, Record, kind};
pub use records::Claim;
pub use responder::{Responder, Send};

/// Where everybody who speaks multicast DNS listens.
pub const PORT: u16 = 5353;
/// The groups of RFC 6762 §3.
pub const GROUP_V4: std::net::Ipv4Addr = std::net::Ipv4Addr::new(224, 0, 0, 251);
pub const GROUP_V6: std::net::Ipv6Addr = std::net::Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0xfb);
