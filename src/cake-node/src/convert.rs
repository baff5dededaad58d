//! The confined workers that turn qcow2, VMDK and VHDX into raw disks, and raw disks into VMDK and qcow2: `qemu-img` of the engine
//! root, put into a cage with nothing but the file that is read and the file that is written.
//!
//! ```text
//!   cake-node ── source (standard input), target (standard output), a pipe (standard error)
//!      └─► cake-node worker convert-image FORMAT ENGINE [OFFSET LENGTH]
//!                                                             in: the workers' own user; a disk inside of a file where it lies
//!          cake-node worker export-disk FORMAT ENGINE          out: the VM's user, who owns the disk, and may only read it here
//!             cage: the engine read-only, /vm/source and /vm/target, no network, no capability
//!             limits · seccomp · execve qemu-img ──► its progress into the pipe
//! ```
//!
//! The format that is read is the one that [`cake_storage::inspect`] found, or raw: nothing is guessed, and no backing file is looked
//! for.

use crate::database::FIRST_UID;
use crate::seccomp;
use cake_host::cage::{self, Cage, FOLDER, Seen};
use cake_host::step::{StepError, close_from, step};
use cake_storage::worker::WORKER_UID;
use nix::sys::resource::Resource;
use seccompiler::{BackendError, BpfProgram};
use std::convert::Infallible;
use std::fs::File;
use std::mem::ManuallyDrop;
use std::os::fd::FromRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

const SECTOR: u64 = 512;
const QEMU_IMG: &str = "/usr/bin/qemu-img";
const SOURCE: &str = "source";
const TARGET: &str = "target";
/// Memory that no honest conversion comes near; processor time for the largest, in seconds; threads and descriptors.
const MEMORY: u64 = 2 << 30;
const SECONDS: u64 = 24 * 3600;
const THREADS: u64 = 256;
const FILES: u64 = 64;

#[derive(Debug, thiserror::Error)]
pub enum ConvertError {
    #[error("{0} is no format that is converted")]
    Format(String),
    #[error("no disk can lie at {offset}, {length} bytes long")]
    Place { offset: u64, length: u64 },
    #[error("the disk belongs to user {0}, who is no VM's")]
    Owner(u32),
    #[error("the disk can't be looked at")]
    Look(#[source] std::io::Error),
    #[error("the worker can't be confined")]
    Cage(#[source] StepError),
    #[error("the seccomp filter can't be made")]
    Filter(#[from] BackendError),
    #[error("the seccomp filter can't be set")]
    SetFilter(#[from] seccompiler::Error),
    #[error(transparent)]
    Step(#[from] StepError),
}

/// Where in a file a disk lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub offset: u64,
    pub length: u64,
}

/// `cake-node worker convert-image FORMAT ENGINE [OFFSET LENGTH]`: root in, nobody from the first byte of the image on.
pub fn convert_image(format: &str, place: Option<Place>, engine: &Path) -> Result<Infallible, ConvertError> {
    // A raw disk that is all there is needs no conversion.
    if !matches!((format, place), ("qcow2" | "vmdk" | "vhdx", _) | ("raw", Some(_))) {
        return Err(ConvertError::Format(format.to_owned()));
    }
    if let Some(Place { offset, length }) = place
        && (!offset.is_multiple_of(SECTOR) || offset.checked_add(length).is_none() || length == 0)
    {
        return Err(ConvertError::Place { offset, length });
    }
    let words = ["-n", "--target-is-zero", "-W", "-m", "16", "-O", "raw"];
    confined(engine, WORKER_UID, &words, &disk_at(format, place))
}

/// `cake-node worker export-disk FORMAT ENGINE`: root in, the disk's own user from before its first byte on. He may read it anyway,
/// and here he can't write to it.
pub fn export_disk(format: &str, engine: &Path) -> Result<Infallible, ConvertError> {
    let words = match format {
        "vmdk" => &["-o", "subformat=streamOptimized,adapter_type=lsilogic", "-O", "vmdk"][..],
        "qcow2" => &["-c", "-O", "qcow2"],
        other => return Err(ConvertError::Format(other.to_owned())),
    };
    // SAFETY: standard input is open and is not closed here.
    let source = ManuallyDrop::new(unsafe { File::from_raw_fd(0) });
    let owner = source.metadata().map_err(ConvertError::Look)?.uid();
    if owner < FIRST_UID {
        return Err(ConvertError::Owner(owner));
    }
    confined(engine, owner, words, &disk_at("raw", None))
}

/// Becomes qemu-img, without any right, on the files at standard input and output.
fn confined(engine: &Path, uid: u32, words: &[&str], from: &str) -> Result<Infallible, ConvertError> {
    let filter = filter()?;
    // By their paths: what a descriptor belongs to is in the mount namespace that is left.
    let path_of = |link: &str| std::fs::read_link(link).map_err(step("find a file by its descriptor"));
    let (source, target) = (path_of("/proc/self/fd/0")?, path_of("/proc/self/fd/1")?);
    let seen = [
        Seen { source: &source, name: SOURCE, writable: false },
        Seen { source: &target, name: TARGET, writable: true },
    ];
    cage::enter(&Cage { engine, uid, network: false, device: None, seen: &seen }).map_err(ConvertError::Cage)?;
    cage::limit(&[
        (Resource::RLIMIT_CORE, 0),
        (Resource::RLIMIT_AS, MEMORY),
        (Resource::RLIMIT_CPU, SECONDS),
        (Resource::RLIMIT_NPROC, THREADS),
        (Resource::RLIMIT_NOFILE, FILES),
    ])
    .map_err(ConvertError::Cage)?;
    only_the_pipe()?;
    cage::drop_all(uid).map_err(ConvertError::Cage)?;
    seccompiler::apply_filter(&filter)?;
    execute(words, from)
}

/// Progress and complaints go into the pipe; there is nothing to read, and no other descriptor.
fn only_the_pipe() -> Result<(), StepError> {
    let null = nix::fcntl::open("/dev/null", nix::fcntl::OFlag::O_RDONLY, nix::sys::stat::Mode::empty());
    let null = null.map_err(step("open /dev/null"))?;
    // SAFETY: all are numbers of open descriptors, and nothing here uses what is replaced.
    let placed = unsafe { libc::dup2(std::os::fd::AsRawFd::as_raw_fd(&null), 0).min(libc::dup2(2, 1)) };
    nix::Error::result(placed).map_err(step("place the pipe"))?;
    // What it held is closed with the rest.
    std::mem::forget(null);
    // SAFETY: nothing but the standard three is used from here.
    unsafe { close_from(3) }
}

/// The disk that is read, as QEMU's options say it.
fn disk_at(format: &str, place: Option<Place>) -> String {
    // A raw disk has no place for the name of another file.
    let backing = if format == "raw" { "" } else { r#""backing":null,"# };
    let file = format!(r#"{{"driver":"file","filename":"{FOLDER}/{SOURCE}","locking":"off"}}"#);
    let file = match place {
        None => file,
        Some(Place { offset, length }) => {
            // QEMU knows only whole sectors. What fills the last one is the archive's.
            let size = length.next_multiple_of(SECTOR);
            format!(r#"{{"driver":"raw","offset":{offset},"size":{size},"file":{file}}}"#)
        }
    };
    format!(r#"json:{{"driver":"{format}",{backing}"file":{file}}}"#)
}

fn execute(how: &[&str], from: &str) -> Result<Infallible, ConvertError> {
    let target = format!("{FOLDER}/{TARGET}");
    let words = ["qemu-img", "convert", "-p", "-t", "writeback"];
    let words = words.iter().chain(how).copied().chain([from, target.as_str()]);
    Ok(cage::execute(QEMU_IMG, words, &[c"PATH=/usr/bin", c"HOME=/", c"LC_ALL=C"])?)
}

/// What qemu-img needs to read one file, write another and end. Anything else fails.
fn filter() -> Result<BpfProgram, BackendError> {
    const ALLOWED: [i64; 66] = [
        libc::SYS_read,
        libc::SYS_write,
        libc::SYS_pread64,
        libc::SYS_pwrite64,
        libc::SYS_preadv,
        libc::SYS_pwritev,
        libc::SYS_lseek,
        libc::SYS_openat,
        libc::SYS_close,
        libc::SYS_fstat,
        libc::SYS_newfstatat,
        libc::SYS_statx,
        libc::SYS_fstatfs,
        libc::SYS_readlink,
        libc::SYS_readlinkat,
        libc::SYS_access,
        libc::SYS_faccessat2,
        libc::SYS_fcntl,
        libc::SYS_ioctl,
        libc::SYS_ftruncate,
        libc::SYS_fallocate,
        libc::SYS_fdatasync,
        libc::SYS_fsync,
        libc::SYS_copy_file_range,
        libc::SYS_getcwd,
        libc::SYS_mmap,
        libc::SYS_mremap,
        libc::SYS_munmap,
        libc::SYS_mprotect,
        libc::SYS_madvise,
        libc::SYS_brk,
        libc::SYS_futex,
        libc::SYS_set_robust_list,
        libc::SYS_rseq,
        libc::SYS_set_tid_address,
        libc::SYS_clone,
        libc::SYS_clone3,
        libc::SYS_arch_prctl,
        libc::SYS_prctl,
        libc::SYS_prlimit64,
        libc::SYS_sched_getaffinity,
        libc::SYS_sched_yield,
        libc::SYS_get_mempolicy,
        libc::SYS_getpid,
        libc::SYS_gettid,
        libc::SYS_getuid,
        libc::SYS_geteuid,
        libc::SYS_getgid,
        libc::SYS_getegid,
        libc::SYS_uname,
        libc::SYS_getrandom,
        libc::SYS_clock_gettime,
        libc::SYS_clock_nanosleep,
        libc::SYS_gettimeofday,
        libc::SYS_eventfd2,
        libc::SYS_signalfd4,
        libc::SYS_poll,
        libc::SYS_ppoll,
        libc::SYS_sigaltstack,
        libc::SYS_rt_sigaction,
        libc::SYS_rt_sigprocmask,
        libc::SYS_rt_sigreturn,
        libc::SYS_tgkill,
        libc::SYS_exit,
        libc::SYS_exit_group,
        libc::SYS_execve,
    ];
    seccomp::only(ALLOWED.into_iter().map(|number| (number, Vec::new())).collect())
}

/// How much of the conversion is done, in hundredths of a per cent, as qemu-img writes it: `    (12.34/100%)`, over itself.
pub fn progress(text: &[u8]) -> Option<u32> {
    let end = text.windows(6).rposition(|part| part == b"/100%)")?;
    let start = text[..end].iter().rposition(|byte| *byte == b'(')? + 1;
    let number: f64 = std::str::from_utf8(&text[start..end]).ok()?.parse().ok()?;
    (0.0..=100.0).contains(&number).then(|| (number * 100.0).round() as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_figure_counts() {
        let text = b"    (0.00/100%)\r    (12.34/100%)\r    (99";
        assert_eq!(progress(text), Some(1234));
        assert_eq!(progress(b"    (100.00/100%)\r"), Some(10000));
        for nothing in [&b""[..], b"qemu-img: error", b"(nan/100%)", b"(-3/100%)", b"/100%)"] {
            assert_eq!(progress(nothing), None);
        }
    }
}
