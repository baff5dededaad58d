//! The disks that this machine is built of.
//!
//! ```text
//!  /sys/block ──► [`list`] ──► what they are          smartctl's JSON ──► [`health`] ──► how they are
//! ```
//!
//! Who runs smartctl and how it is confined is not known here: only what it says is read.

mod health;
mod list;

pub use health::{ANSWER_MAX, ASLEEP, health};
pub use list::list;
