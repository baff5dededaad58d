//! How our own children ended. A child must be reaped once, by whoever notices first, and still everybody who asks for
//! its status gets it.

use std::{
    collections::VecDeque,
    os::fd::BorrowedFd,
    sync::{Mutex, PoisonError},
};

use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};

use super::ProcessIdentity;

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitStatus {
    Code(i32),
    Signal(i32),
}

/// The last children that were reaped.
static ENDED: Mutex<VecDeque<(ProcessIdentity, ExitStatus)>> = Mutex::new(VecDeque::new());
const REMEMBERED: usize = 64;

/// Reaps the process if it is our child and has ended. `None`: it is not our child, or still runs.
pub(super) fn reap(identity: ProcessIdentity, pidfd: BorrowedFd<'_>) -> Option<ExitStatus> {
    // Held over the call, which does not block: nobody sees the child reaped and its status not yet remembered.
    let mut ended = ENDED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, status)) = ended.iter().find(|(known, _)| *known == identity) {
        return Some(*status);
    }
    let status = match waitid(Id::PIDFd(pidfd), WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG) {
        Ok(WaitStatus::Exited(_, code)) => ExitStatus::Code(code),
        Ok(WaitStatus::Signaled(_, signal, _)) => ExitStatus::Signal(signal as i32),
        _ => return None,
    };
    if ended.len() == REMEMBERED {
        ended.pop_front();
    }
    ended.push_back((identity, status));
    Some(status)
}
