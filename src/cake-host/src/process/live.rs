//! A process held by its pidfd.

use std::{
    io,
    os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd},
};

use nix::{
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::signal::Signal,
};
use tokio::io::{Interest, unix::AsyncFd};

use super::{ExitStatus, ProcessIdentity, StatBuffer, children::reap};

/// Why a process can't be taken hold of.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// It ended, or its pid belongs to another process now, or the machine was restarted since.
    #[error("process {pid} is gone")]
    Gone { pid: u32 },
    #[error("cannot look at the process")]
    Io(#[from] io::Error),
}

/// A process that is certainly the recorded one. Dropping it does nothing to the process.
#[derive(Debug)]
pub struct LiveProcess {
    identity: ProcessIdentity,
    pidfd: OwnedFd,
}

impl LiveProcess {
    /// Takes hold of a recorded process, if it is still there.
    pub fn open(identity: &ProcessIdentity) -> Result<Self, ProcessError> {
        let gone = || ProcessError::Gone { pid: identity.pid };
        if identity.boot_id != crate::identity::boot_id()? {
            return Err(gone());
        }
        let live = match Self::hold(identity.pid) {
            Err(ProcessError::Gone { .. }) => return Err(gone()),
            other => other?,
        };
        if live.identity == *identity { Ok(live) } else { Err(gone()) }
    }

    /// Takes hold of whoever has this pid.
    pub fn hold(pid: u32) -> Result<Self, ProcessError> {
        let gone = |error: io::Error| match error.raw_os_error() {
            Some(libc::ESRCH | libc::ENOENT) => ProcessError::Gone { pid },
            _ => error.into(),
        };
        let pidfd = pidfd_open(pid).map_err(gone)?;
        let start_ticks = StatBuffer::new().read(pid).map_err(gone)?.start_ticks;
        let identity = ProcessIdentity { boot_id: crate::identity::boot_id()?, pid, start_ticks };
        let live = Self { identity, pidfd };
        // Only when the pidfd's process is alive now was it the one whose start was read.
        if live.is_alive() { Ok(live) } else { Err(ProcessError::Gone { pid }) }
    }

    /// A child of ours, alive or not: its pid can't be used again before we reap it.
    pub(crate) fn of_child(pid: u32) -> Result<Self, ProcessError> {
        let pidfd = pidfd_open(pid)?;
        Ok(Self { identity: ProcessIdentity::of(pid)?, pidfd })
    }

    pub fn identity(&self) -> &ProcessIdentity {
        &self.identity
    }

    pub fn pid(&self) -> u32 {
        self.identity.pid
    }

    /// Whether it has not ended yet.
    pub fn is_alive(&self) -> bool {
        let mut descriptors = [PollFd::new(self.pidfd.as_fd(), PollFlags::POLLIN)];
        // A pidfd becomes readable when its process ends.
        !matches!(poll(&mut descriptors, PollTimeout::ZERO), Ok(count) if count > 0)
    }

    /// Sends a signal. One that has ended is [`ProcessError::Gone`].
    pub fn signal(&self, signal: Signal) -> Result<(), ProcessError> {
        // SAFETY: pidfd_send_signal takes a descriptor that we own, a number, no siginfo and no flags.
        let result = unsafe {
            libc::syscall(
                libc::SYS_pidfd_send_signal,
                self.pidfd.as_raw_fd(),
                signal as libc::c_int,
                std::ptr::null::<libc::siginfo_t>(),
                0,
            )
        };
        if result == 0 {
            return Ok(());
        }
        match io::Error::last_os_error() {
            error if error.raw_os_error() == Some(libc::ESRCH) => Err(ProcessError::Gone { pid: self.identity.pid }),
            error => Err(error.into()),
        }
    }

    /// Waits until it has ended, without polling, and reaps it if it is our child. The status is known for our own
    /// children only. May be called by several at once, inside a tokio runtime.
    pub async fn wait_exit(&self) -> Result<Option<ExitStatus>, ProcessError> {
        // A copy, because one descriptor can be registered only once and several may wait.
        // SAFETY: an OwnedFd gives the same open descriptor as long as it lives.
        let waiting = unsafe { AsyncFd::register_with_interest(self.pidfd.try_clone()?, Interest::READABLE) };
        let waiting = waiting.map_err(io::Error::from)?;
        let _readable = waiting.readable().await?;
        Ok(reap(self.identity, self.pidfd.as_fd()))
    }
}

impl AsFd for LiveProcess {
    /// The pidfd.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }
}

fn pidfd_open(pid: u32) -> io::Result<OwnedFd> {
    let pid = libc::pid_t::try_from(pid).map_err(|_| io::Error::from_raw_os_error(libc::ESRCH))?;
    // SAFETY: pidfd_open takes two numbers and gives a new descriptor (close-on-exec) or −1.
    let result = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    let descriptor = i32::try_from(result).ok().filter(|descriptor| *descriptor >= 0);
    match descriptor {
        // SAFETY: the kernel has just given it to us, nobody else knows it.
        Some(descriptor) => Ok(unsafe { OwnedFd::from_raw_fd(descriptor) }),
        None => Err(io::Error::last_os_error()),
    }
}
