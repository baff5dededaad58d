//! A BMC that is a program: IPMI 2.0 over RMCP+, as a description says, with faults on demand. For tests and benches.
//!
//! ```text
//!   UDP ── [`Sim`] ── [`sessions::Sessions`]     logins, keys, sequence numbers        (pure)
//!            │              └── [`machine::Machine`]   bytes of a request → bytes of a response  (pure)
//!            ├── power: a command that runs while "the server" is on
//!            ├── serial: what serial over LAN is connected to
//!            └── [`control`]: lines that move sensors and make faults
//! ```
//!
//! It says what it is: its name plate's maker is "cake laboratory". It is no part of a release: nothing that is shipped is linked with
//! it. That it keeps to the specification is shown by clients that are not ours (`tests/foreign.rs`).
//!
//! This crate does not know: cake's own client, the Store, what the sensors are for. Start from [`Sim`].

pub mod control;
pub mod description;
pub mod fault;
pub mod machine;
mod power;
mod serial;
pub mod sessions;
mod sim;
pub mod sol;

pub use description::{Description, SensorSpec};
pub use sim::Sim;
