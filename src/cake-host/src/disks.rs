//! The disks that this machine is built of.
//!
//! ```text
//!  /sys/block ──► [`list`] ──► what they are          smartctl's JSON ──► [`health`] ──► how they are
//!             └─► [`plugged`] ──► those that can be pulled out; [`open`] hands one out for reading. [`Changes`] says when to look again
//! ```
//!
//! Who runs smartctl and how it is confined is not known here: only what it says is read.

mod changes;
mod health;
mod list;
mod plugged;

pub use changes::Changes;
pub use health::{ANSWER_MAX, ASLEEP, health};
pub use list::list;
pub use plugged::{Plugged, Used, open, plugged};
