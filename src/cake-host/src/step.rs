//! A step on the way to becoming another program that failed.

use std::io;
use std::os::fd::RawFd;
use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error)]
pub enum StepError {
    #[error("cannot {what} {path}")]
    File {
        what: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("cannot {what}")]
    Step {
        what: &'static str,
        #[source]
        source: io::Error,
    },
}

/// Names a step that failed.
pub fn step<E: Into<io::Error>>(what: &'static str) -> impl FnOnce(E) -> StepError {
    move |error| StepError::Step { what, source: error.into() }
}

/// Names a step that failed, and the file that it was about.
pub fn file<E: Into<io::Error>>(what: &'static str, path: &Path) -> impl FnOnce(E) -> StepError {
    move |error| StepError::File { what, path: path.to_owned(), source: error.into() }
}

/// Closes every descriptor from this number on.
///
/// # Safety
///
/// Nothing in this process may use one of them afterwards, not even to close it.
pub unsafe fn close_from(first: RawFd) -> Result<(), StepError> {
    // SAFETY: close_range takes numbers; that nothing uses them is the caller's word.
    let closed = unsafe { libc::syscall(libc::SYS_close_range, first as libc::c_uint, libc::c_uint::MAX, 0) };
    nix::Error::result(closed).map(drop).map_err(step("close the other descriptors"))
}
