//! Power cuts, replayed: what a disk holds when the power went at any moment of a run whose every write was logged.
//!
//! ```text
//!  log of blklogwrites ─► Entry… ─ Cut ─► Arrived (which sectors came to the disk) ─► View ─┬─► gpt, fat, luks: read and judged
//!                                                                                           └─► a file that a machine starts from
//! ```
//!
//! Everything before the last flush that was completed is on the disk. Of what came after it each write may be there, be missing, have
//! come in another order, or in part: sectors of 512 bytes are whole. The same seed gives the same result everywhere.

pub mod fat;
mod fate;
pub mod gpt;
pub mod headers;
pub mod judge;
pub mod log;
mod view;

pub use fate::{Arrived, Cut, Loss, Manner, Random, places};
pub use log::Entry;
pub use view::{ReadAt, Replay, View};

/// Bytes of what arrives as a whole or not at all.
pub const SECTOR: u64 = 512;
