//! What every daemon of cake does about itself: it logs, stays small, and says when it is ready.
//!
//! ```text
//!   main ─► memory::spare (before there are threads) ─► limits ─► log::to_stderr ─► … ─► ready::tell ─► memory::stay_small
//! ```
//!
//! It deliberately does not know what the daemon is for.

pub mod inherited;
pub mod limits;
pub mod log;
pub mod memory;
pub mod ready;
