//! Baseboard management controllers: what a server says of itself, and its power, over IPMI 2.0 and Redfish.
//!
//! ```text
//!            [`Bmc`]  sensors · events · parts · power · boot · identify
//!              ▲                                   ▲
//!     ipmi::Ipmi<T: Transport>               redfish::Redfish
//!              ▲
//!   [`Transport`]  one request, one response
//!     ▲                  ▲
//!  lan::Session       local::Device
//!  (RMCP+, UDP)       (/dev/ipmi0, ipmi-rs)
//! ```
//!
//! Everything that takes bytes apart is a plain function of bytes, without clock and I/O, and has a fuzz target.
//!
//! This crate does not know: nodes, the Store, HTTP pages, languages, when it is asked and how often. Start from [`Bmc`].

pub mod asf;
mod bmc;
pub mod command;
pub mod discover;
pub mod fru;
mod ipmi;
pub mod lan;
pub mod local;
pub mod message;
pub mod redfish;
pub mod rmcp;
pub mod sdr;
pub mod sel;
pub mod sensor;
mod text;

pub use bmc::{Bmc, BmcError, Cap, EventLog, Kept, Reading};
pub use ipmi::Ipmi;
pub use message::{Completion, Request, Response, Transport, TransportError};
