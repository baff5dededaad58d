//! The confined worker that looks into images: its own user, no capability, no new privileges, a seccomp filter, limits, no network,
//! and no descriptor but the image (standard input) and the answer (standard output).
//!
//! ```text
//!   cake-node ── image, read-only ──► worker ── one line of JSON ──► cake-node
//! ```

use crate::inspect::{Found, Refusal, inspect};
use crate::package::read::{Package, read, read_all};
use cake_types::FailureCode;
use nix::sched::{CloneFlags, unshare};
use nix::sys::resource::{Resource, setrlimit};
use nix::unistd::{Gid, Uid, setgroups, setresgid, setresuid};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, TargetArch};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, Read, Write};
use std::mem::ManuallyDrop;
use std::os::fd::FromRawFd;

/// The user of workers; the one before the first VM's.
pub const WORKER_UID: u32 = 1_899_999_999;
/// Longest answer, in bytes; and the longest to what is in a package.
pub const ANSWER_MAX: usize = 4096;
pub const PACKAGE_ANSWER_MAX: usize = 128 << 10;

/// Memory that parsing and hashing can't come near, in bytes; processor time for the largest image, in seconds.
const MEMORY: u64 = 256 << 20;
const SECONDS: u64 = 3600;
/// … for what describes a package, which is short.
const PACKAGE_SECONDS: u64 = 60;

/// What the worker says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// What the file is, or why it is no image.
    pub found: Result<Found, Refused>,
    /// Of the whole file, hexadecimal; empty when only its headers were asked for.
    pub sha256: String,
}

/// How much of a file is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    Headers,
    /// For its checksum.
    All,
}

/// Why a file is no image: for whoever it belongs to, and for support.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    pub code: FailureCode,
    pub detail: String,
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self { code: refusal.code(), detail: refusal.to_string() }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    #[error("cannot {what}")]
    Confine {
        what: &'static str,
        #[source]
        source: io::Error,
    },
    #[error("the seccomp filter can't be made")]
    Filter(#[from] seccompiler::BackendError),
    #[error("the seccomp filter can't be set")]
    SetFilter(#[from] seccompiler::Error),
    #[error("the image can't be read, or nobody takes the answer")]
    Io(#[from] io::Error),
}

fn step(what: &'static str) -> impl FnOnce(nix::Error) -> WorkerError {
    move |error| WorkerError::Confine { what, source: error.into() }
}

/// `cake-node worker inspect-image` and `glance-at-image`: root in, nobody from the first byte of the image on.
pub fn inspect_image(depth: Depth) -> Result<(), WorkerError> {
    // SAFETY: standard input is open and this program uses it nowhere else; it is not closed.
    let mut image = ManuallyDrop::new(unsafe { File::from_raw_fd(0) });
    confined(SECONDS)?;
    let found = inspect(&*image);
    let (found, sha256) = match (depth, found) {
        (Depth::Headers, found) => (found, String::new()),
        // Its files have checksums of their own.
        (Depth::All, Ok(Found::Package)) => {
            let (sha256, whole) = read_all(&mut *image)?;
            (whole.map(|()| Found::Package), sha256)
        }
        (Depth::All, found) => (found, hash(&mut image)?),
    };
    say(&Answer { found: found.map_err(Refused::from), sha256 })
}

/// `cake-node worker read-package`: the same of a VM in one file, and what is in it.
pub fn read_package() -> Result<(), WorkerError> {
    // SAFETY: standard input is open and this program uses it nowhere else; it is not closed.
    let package = ManuallyDrop::new(unsafe { File::from_raw_fd(0) });
    confined(PACKAGE_SECONDS)?;
    let answer: Result<Package, Refused> = read(&*package).map_err(Refused::from);
    say(&answer)
}

fn say(answer: &impl Serialize) -> Result<(), WorkerError> {
    let mut answer = serde_json::to_vec(answer).map_err(io::Error::from)?;
    answer.push(b'\n');
    Ok(io::stdout().write_all(&answer)?)
}

fn hash(image: &mut File) -> io::Result<String> {
    let (mut digest, mut buffer) = (Sha256::new(), vec![0; 256 * 1024]);
    loop {
        match image.read(&mut buffer)? {
            0 => return Ok(data_encoding::HEXLOWER.encode(&digest.finalize())),
            count => digest.update(&buffer[..count]),
        }
    }
}

/// Gives everything up but the standard three, and so much processor time.
pub(crate) fn confined(seconds: u64) -> Result<(), WorkerError> {
    let filter = filter()?;
    confine(seconds)?;
    Ok(seccompiler::apply_filter(&filter)?)
}

fn confine(seconds: u64) -> Result<(), WorkerError> {
    let limits = [
        (Resource::RLIMIT_CORE, 0),
        (Resource::RLIMIT_AS, MEMORY),
        (Resource::RLIMIT_CPU, seconds),
        (Resource::RLIMIT_FSIZE, 0),
        (Resource::RLIMIT_NOFILE, 8),
    ];
    limits.into_iter().try_for_each(|(what, most)| setrlimit(what, most, most)).map_err(step("set limits"))?;
    // SAFETY: close_range takes numbers; nothing but the standard three is used from here.
    nix::Error::result(unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, 0) })
        .map_err(step("close descriptors"))?;
    let apart =
        CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWIPC | CloneFlags::CLONE_NEWUTS | CloneFlags::CLONE_NEWNS;
    unshare(apart).map_err(step("make namespaces"))?;
    for capability in 0..64 {
        // SAFETY: takes numbers and changes only this process.
        if unsafe { libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0) } != 0 {
            break;
        }
    }
    setgroups(&[]).map_err(step("leave all groups"))?;
    let (uid, gid) = (Uid::from_raw(WORKER_UID), Gid::from_raw(WORKER_UID));
    setresgid(gid, gid, gid).map_err(step("change the group"))?;
    setresuid(uid, uid, uid).map_err(step("change the user"))?;
    nix::sys::prctl::set_no_new_privs().map_err(step("give up new privileges"))
}

/// Reading, writing, memory, and ending. Anything else ends the worker.
fn filter() -> Result<BpfProgram, WorkerError> {
    const ALLOWED: [i64; 19] = [
        libc::SYS_read,
        libc::SYS_pread64,
        libc::SYS_write,
        libc::SYS_lseek,
        libc::SYS_fstat,
        libc::SYS_statx,
        libc::SYS_close,
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
        libc::SYS_exit,
        libc::SYS_exit_group,
    ];
    let rules = ALLOWED.into_iter().map(|number| (number, Vec::new())).collect();
    let arch = TargetArch::try_from(std::env::consts::ARCH)?;
    let filter = SeccompFilter::new(rules, SeccompAction::KillProcess, SeccompAction::Allow, arch)?;
    Ok(filter.try_into()?)
}
