//! The cage of the BMC worker: its own user, no capability, no file system, no network but the sockets that it was given.

use crate::seccomp::only_or_end;
use cake_host::cage;
use cake_host::step::{StepError, close_from, step};
use cake_storage::worker::WORKER_UID;
use nix::sched::{CloneFlags, unshare};
use nix::sys::resource::Resource;
use seccompiler::{BackendError, BpfProgram};
use std::os::fd::RawFd;

/// Address space in bytes, and descriptors: sessions are a few KiB each, answers are bounded.
const MEMORY: u64 = 512 << 20;
const FILES: u64 = 1024;

#[derive(Debug, thiserror::Error)]
pub enum ConfineError {
    #[error("the worker can't be confined")]
    Cage(#[from] StepError),
    #[error("the seccomp filter can't be made")]
    Filter(#[from] BackendError),
    #[error("the seccomp filter can't be set")]
    SetFilter(#[from] seccompiler::Error),
}

/// Gives everything up but descriptors below `first_closed`. In a process with one thread, before anything is made of it.
pub fn confine(first_closed: RawFd) -> Result<(), ConfineError> {
    cage::limit(&[
        (Resource::RLIMIT_CORE, 0),
        (Resource::RLIMIT_AS, MEMORY),
        (Resource::RLIMIT_NOFILE, FILES),
        (Resource::RLIMIT_NPROC, 0),
    ])?;
    // SAFETY: nothing from there on is used in this process.
    unsafe { close_from(first_closed) }?;
    let apart =
        CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWIPC | CloneFlags::CLONE_NEWUTS | CloneFlags::CLONE_NEWNS;
    unshare(apart).map_err(step("make namespaces"))?;
    Ok(cage::drop_all(WORKER_UID)?)
}

/// From here on no file can be opened and no socket made: descriptors come by the one that is there.
pub fn shut() -> Result<(), ConfineError> {
    Ok(seccompiler::apply_filter(&filter()?)?)
}

/// What an event loop needs over sockets that are there. Anything else ends the worker.
fn filter() -> Result<BpfProgram, BackendError> {
    const ALLOWED: [i64; 37] = [
        libc::SYS_read,
        libc::SYS_readv,
        libc::SYS_write,
        libc::SYS_writev,
        libc::SYS_close,
        libc::SYS_fcntl,
        libc::SYS_ioctl,
        libc::SYS_epoll_create1,
        libc::SYS_epoll_ctl,
        libc::SYS_epoll_wait,
        libc::SYS_epoll_pwait,
        libc::SYS_eventfd2,
        libc::SYS_recvfrom,
        libc::SYS_recvmsg,
        libc::SYS_recvmmsg,
        libc::SYS_sendto,
        libc::SYS_sendmsg,
        libc::SYS_sendmmsg,
        libc::SYS_getsockname,
        libc::SYS_getpeername,
        libc::SYS_getsockopt,
        libc::SYS_setsockopt,
        libc::SYS_shutdown,
        libc::SYS_mmap,
        libc::SYS_mremap,
        libc::SYS_munmap,
        libc::SYS_madvise,
        libc::SYS_brk,
        libc::SYS_futex,
        libc::SYS_sigaltstack,
        libc::SYS_rt_sigprocmask,
        libc::SYS_rt_sigreturn,
        libc::SYS_getrandom,
        libc::SYS_clock_gettime,
        libc::SYS_gettimeofday,
        libc::SYS_exit,
        libc::SYS_exit_group,
    ];
    only_or_end(ALLOWED)
}
