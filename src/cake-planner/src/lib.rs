//! Decisions as pure functions: the same input gives the same answer, today and in a test.
//!
//! ```text
//!  resources (asked) ┐
//!  status    (so)    ┼──► admission · defaults · alert · task · epoch · event · query · … ──► a decision, as a value
//!  policy            ┘                                                            └─► cake-control does it
//! ```
//!
//! Start from [`task::progress`], which says when long work is over, and [`admission`], which says what is legal now.
//! This crate deliberately does not know tokio, the clock, the Store, a node or HTTP; randomness and time are passed in.

pub mod admission;
pub mod alert;
pub mod bmc_password;
pub mod cabling;
pub mod cause;
pub mod certificate;
pub mod csv;
pub mod defaults;
pub mod device;
pub mod energy_price;
pub mod engine;
pub mod epoch;
pub mod event;
pub mod fetch;
pub mod hardware;
pub mod installation;
pub mod leaving;
pub mod maker;
pub mod mdns;
pub mod names;
pub mod network;
pub mod notify;
pub mod power;
pub mod power_budget;
pub mod power_cap;
pub mod query;
pub mod redact;
pub mod scan;
pub mod server;
pub mod setup_servers;
pub mod snmp;
pub mod syslog;
pub mod task;
pub mod throttle;
pub mod trend;
pub mod update;
pub mod uplink;
pub mod ups;
pub mod vm_power;
pub mod volume;
pub mod wear;
pub mod week;
