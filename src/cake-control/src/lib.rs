//! The control plane: resources, views, accounts, and the loops that bring together what is asked and what is so.
//!
//! Start from [`Control::start`], which puts the parts together, and from [`vms::Vms`], the service that all others are like.
//!
//! ```text
//!              cake-api · console pages
//!       ask │                        ▲ read, watch
//!  ┌────────▼─────────┐      ┌───────┴──────┐
//!  │ vms tasks setup  │      │    Board     │◄──── what the node observes ─────┐
//!  │ accounts consoles│─────►│ all in memory│                                  │
//!  │ settings         │ show └──────┬───────┘                                  │
//!  └──┬───────────┬───┘             │ pokes                                    │
//!     │ txn       │ apply     ┌─────▼──────┐ apply · remove · do        ┌──────┴──────┐
//!     ▼           └──────────►│ reconcile/*│───────────────────────────►│ nodes (link)│──► cake-node
//!  Store · Journal ◄──────────└────────────┘                            └─────────────┘
//! ```
//!
//! It deliberately does not know HTTP, JSON on the wire or languages (cake-api does), nor QEMU, disks or paths (a node does).

pub mod accounts;
pub mod alerts;
pub mod announce;
mod audit;
pub mod backup;
pub mod board;
pub mod budget;
pub mod caller;
pub mod causes;
pub mod certificate;
pub mod channels;
pub mod clock;
pub mod consoles;
pub mod devices;
pub mod energy;
pub mod error;
pub mod exports;
pub mod hosts;
pub mod images;
pub mod imports;
pub mod installation;
pub mod keys;
pub mod ledger;
pub mod nodes;
mod poke;
pub mod random;
mod reach;
pub mod reconcile;
pub mod record;
pub mod screens;
pub mod search;
mod secret;
pub mod server_consoles;
pub mod server_disks;
pub mod servers;
pub mod settings;
pub mod setup;
mod start;
pub mod support;
pub mod tasks;
pub mod updates;
pub mod uplinks;
pub mod ups;
pub mod usage;
pub mod vms;
pub mod volumes;
pub mod week;

pub use audit::Audit;
pub use start::{Control, Place, StartError};
