//! Who makes a release: keys, and the repository that appliances take it from.
//!
//! ```text
//!  Keys (a folder: ROLE.pem, root.json) ──┐
//!  FILE… (images and others) ─────────────┼─ Repository::write ──► metadata/ROLE.json · targets/HASH.NAME
//!  Terms (date, expiry, policy) ──────────┘
//! ```
//!
//! Start from [`Keys::make`] and [`Repository`]. The same files, keys and terms give the same bytes. The tests of this crate try what it
//! signs with what appliances run, `cake-update`.
//!
//! This crate is in no program of the appliance. It deliberately does not know: how an image is built, where a repository is served, who
//! may have which key.

mod error;
mod keys;
mod repository;
mod targets;
mod uname;

pub use error::ReleaseError;
pub use keys::{Keys, Purpose};
pub use repository::{Repository, Terms};
pub use targets::{Artefact, share};
pub use uname::uname;
