//! Which releases there are, as signed by who makes them: a TUF repository (The Update Framework 1.0).
//!
//! ```text
//!  pinned root ─► newer roots ─► timestamp ─► snapshot ─► targets ─► Offer: releases, policy
//!                     │              └────────────┴──────────┴── versions, never lower than seen: Memory
//!                     └── kept in the Memory, verified anew each time
//! ```
//!
//! Signatures, thresholds, canonical JSON and the order of the roles are the library's (`tuf`). It forgets what it saw when something
//! newer comes, so what has been seen is kept here.

mod check;
mod error;
mod memory;
mod release;
mod trust;

pub use check::{Offer, check};
pub use error::RepositoryError;
pub use memory::Memory;
pub use release::{Policy, Release, Target, TargetCustom};
pub use trust::{Anchor, KEYS_FIELD, POLICY_FIELD, TEST_KEYS, Trust};
