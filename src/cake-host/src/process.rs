//! Who a process is. A pid alone names nobody: it is used again, and all of them are after a restart of the machine.
//!
//! ```text
//!  recorded on disk                          in memory
//!  ProcessIdentity ──LiveProcess::open──▶ LiveProcess (pidfd: can't be mistaken any more)
//!   boot id, pid, start time   checked      signal · wait_exit · is_alive
//! ```

mod children;
mod live;
mod stat;

pub use children::ExitStatus;
pub use live::{LiveProcess, ProcessError};
pub(crate) use stat::{Stat, StatBuffer, open as open_stat};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What tells a process from all others that this machine ever ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ProcessIdentity {
    /// Changes with every boot of the machine.
    pub boot_id: Uuid,
    pub pid: u32,
    /// When it started, in clock ticks since the boot. Stays the same through `exec`.
    pub start_ticks: u64,
}

impl ProcessIdentity {
    /// Who has this pid now. Only useful while something keeps the pid from being used again.
    pub fn of(pid: u32) -> Result<Self, ProcessError> {
        let start_ticks = StatBuffer::new().read(pid)?.start_ticks;
        Ok(Self { boot_id: crate::identity::boot_id()?, pid, start_ticks })
    }

    /// This very process.
    pub fn own() -> Result<Self, ProcessError> {
        Self::of(std::process::id())
    }
}
