//! A manager of SNMP version 2c (RFC 3416) that only reads, over sockets that it is given.
//!
//! ```text
//!   Agent ── ask ──► Machine: one request outstanding, sent again, given up ──► datagrams
//!     │                 ▲  time and bytes in, bytes and outcomes out: pure
//!     ├── walk ──► Walk: one column, bounded; a name that does not rise ends it: pure
//!     │
//!     └── look ──► Tree ──► pdu::read, switch::read: plain functions, the makers' tables are data
//! ```
//!
//! Start from [`Hub`]. Bytes are hostile until [`message::Response::decode`] has read them, and what they say is hostile ever after:
//! it is cut to what a status may hold. This crate does not know nodes, the Store, languages, or how often it is asked.
//!
//! Its own codec and no library's: async-snmp 0.18 is the best kept of them, and brings a second generation of the ciphers, changes its
//! interface with every release and has 68,000 lines for the four messages that are needed; csnmp's licence is none of ours. The
//! writing half of BER was here before, for traps ([`cake_planner::snmp`]).

mod agent;
mod ber;
mod device;
mod error;
mod hub;
mod machine;
pub mod message;
mod oid;
pub mod pdu;
pub mod switch;
mod tree;
mod trend;
mod value;
mod walk;

pub use agent::Agent;
pub use device::{Look, about, look};
pub use error::SnmpError;
pub use hub::Hub;
pub use machine::{Counters, Machine, Pace, Turn};
pub use message::{Binding, Kind, Request, Response};
pub use oid::Oid;
pub use tree::Tree;
pub use trend::Trend;
pub use value::Value;
pub use walk::Walk;
