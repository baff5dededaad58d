//! What a node does when a VM's QEMU ended without having been asked.
//!
//! | ended by | never | on-crash | always |
//! |---|---|---|---|
//! | the guest itself | halt | halt | start again |
//! | a crash, someone outside | halt | start again | start again |
//!
//! Starting again waits 1, 2, 4 … 60 seconds; who ran for [`STEADY`] begins at 1 again.

use cake_types::{ExitReason, Restart};
use std::time::Duration;

/// A run this long is no part of a crash loop.
pub const STEADY: Duration = Duration::from_secs(600);
/// From so many restarts in a row on it is called a crash loop.
pub const LOOP: u32 = 3;

const LONGEST_WAIT: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterEnd {
    /// It stays off until somebody asks for it again.
    Halt,
    StartAgain {
        after: Duration,
    },
}

/// `in_a_row`: how often it was started again already without a steady run between.
pub fn after_end(restart: Restart, reason: ExitReason, in_a_row: u32) -> AfterEnd {
    match (restart, reason) {
        (Restart::Never, _) | (Restart::OnCrash, ExitReason::Guest) => AfterEnd::Halt,
        (Restart::OnCrash, ExitReason::Crash | ExitReason::Killed) | (Restart::Always, _) => {
            AfterEnd::StartAgain { after: back_off(in_a_row) }
        }
    }
}

/// 1, 2, 4 … 60 seconds.
pub fn back_off(in_a_row: u32) -> Duration {
    let seconds = 1u64.checked_shl(in_a_row.min(63)).unwrap_or(u64::MAX);
    Duration::from_secs(seconds).min(LONGEST_WAIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table() {
        use AfterEnd::{Halt, StartAgain};
        let again = |seconds| StartAgain { after: Duration::from_secs(seconds) };
        for (restart, reason, in_a_row, expected) in [
            (Restart::Never, ExitReason::Guest, 0, Halt),
            (Restart::Never, ExitReason::Crash, 0, Halt),
            (Restart::OnCrash, ExitReason::Guest, 0, Halt),
            (Restart::OnCrash, ExitReason::Crash, 0, again(1)),
            (Restart::OnCrash, ExitReason::Killed, 3, again(8)),
            (Restart::Always, ExitReason::Guest, 5, again(32)),
            (Restart::Always, ExitReason::Crash, 6, again(60)),
            (Restart::Always, ExitReason::Crash, u32::MAX, again(60)),
        ] {
            assert_eq!(after_end(restart, reason, in_a_row), expected, "{restart:?} {reason:?} {in_a_row}");
        }
    }
}
