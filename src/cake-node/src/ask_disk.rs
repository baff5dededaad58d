//! The confined worker that asks one disk for its health: `smartctl` of the engine root, in a cage with that disk and nothing else.
//!
//! ```text
//!   cake-node └─► cake-node worker ask-disk NAME ENGINE
//!       cage: the engine read-only, /dev/NAME, no network · the workers' own user with one capability, the one that the kernel
//!       asks for before it hands a command through · limits · seccomp ─► execve smartctl ──► its JSON (standard output)
//! ```
//!
//! The capability can't be spared: CAP_SYS_RAWIO for commands of SCSI and ATA, CAP_SYS_ADMIN for those of NVMe. What the latter
//! could do besides (mounting, above all) is not among the system calls that are left, and nothing of the machine is in the cage.

use crate::seccomp;
use cake_host::cage::{self, Cage, Device};
use cake_host::disks::ASLEEP;
use cake_host::step::{StepError, close_from, file};
use cake_storage::worker::WORKER_UID;
use nix::sys::resource::Resource;
use nix::sys::stat::{SFlag, makedev};
use seccompiler::{BackendError, BpfProgram, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompRule};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::Path;

const SMARTCTL: &str = "/usr/sbin/smartctl";
/// Memory, and processor time in seconds, that reading a few pages never needs; descriptors.
const MEMORY: u64 = 512 << 20;
const SECONDS: u64 = 20;
const FILES: u64 = 16;
/// From linux/capability.h.
const CAP_SYS_RAWIO: u32 = 17;
const CAP_SYS_ADMIN: u32 = 21;

#[derive(Debug, thiserror::Error)]
pub enum AskDiskError {
    #[error("{0:?} is no name of a disk")]
    Name(String),
    #[error("the worker can't be confined")]
    Cage(#[from] StepError),
    #[error("the seccomp filter can't be made")]
    Filter(#[from] BackendError),
    #[error("the seccomp filter can't be set")]
    SetFilter(#[from] seccompiler::Error),
}

/// `cake-node worker ask-disk NAME ENGINE`
pub fn ask_disk(name: &str, engine: &Path) -> Result<Infallible, AskDiskError> {
    let number = device_number(name)?;
    let filter = filter()?;
    let device = Device { name, kind: SFlag::S_IFBLK, number };
    cage::enter(&Cage { engine, uid: WORKER_UID, network: false, device: Some(device), seen: &[] })?;
    cage::limit(&[
        (Resource::RLIMIT_CORE, 0),
        (Resource::RLIMIT_AS, MEMORY),
        (Resource::RLIMIT_CPU, SECONDS),
        (Resource::RLIMIT_FSIZE, 0),
        (Resource::RLIMIT_NOFILE, FILES),
    ])?;
    // SAFETY: nothing but the standard three is used from here.
    unsafe { close_from(3) }?;
    cage::drop_all_but(WORKER_UID, if name.starts_with("nvme") { CAP_SYS_ADMIN } else { CAP_SYS_RAWIO })?;
    seccompiler::apply_filter(&filter)?;
    execute(name)
}

/// A whole disk's, as the kernel has it now.
fn device_number(name: &str) -> Result<libc::dev_t, AskDiskError> {
    let wrong = || AskDiskError::Name(name.to_owned());
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()) {
        return Err(wrong());
    }
    let path = Path::new("/sys/block").join(name).join("dev");
    let text = std::fs::read_to_string(&path).map_err(file("read", &path))?;
    let (major, minor) = text.trim().split_once(':').ok_or_else(wrong)?;
    let number = |text: &str| text.parse::<u64>().map_err(|_| wrong());
    Ok(makedev(number(major)?, number(minor)?))
}

fn execute(name: &str) -> Result<Infallible, AskDiskError> {
    let (standby, device) = (format!("--nocheck=standby,{ASLEEP}"), format!("/dev/{name}"));
    let what = ["--info", "--health", "--attributes", "--log=ssd"];
    let words = ["smartctl", "--json=c", &standby].into_iter().chain(what).chain([device.as_str()]);
    Ok(cage::execute(SMARTCTL, words, &[c"PATH=/usr/sbin", c"HOME=/", c"LC_ALL=C"])?)
}

/// What smartctl needs to read its data base, to hand commands to one device and to write what it found. Anything else fails.
fn filter() -> Result<BpfProgram, BackendError> {
    const ALLOWED: [i64; 44] = [
        libc::SYS_read,
        libc::SYS_pread64,
        libc::SYS_write,
        libc::SYS_writev,
        libc::SYS_lseek,
        libc::SYS_openat,
        libc::SYS_close,
        libc::SYS_fstat,
        libc::SYS_newfstatat,
        libc::SYS_statx,
        libc::SYS_statfs,
        libc::SYS_access,
        libc::SYS_faccessat2,
        libc::SYS_readlink,
        libc::SYS_readlinkat,
        libc::SYS_fcntl,
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
        libc::SYS_arch_prctl,
        libc::SYS_prlimit64,
        libc::SYS_getpid,
        libc::SYS_gettid,
        libc::SYS_getuid,
        libc::SYS_geteuid,
        libc::SYS_uname,
        libc::SYS_getrandom,
        libc::SYS_clock_gettime,
        libc::SYS_clock_nanosleep,
        libc::SYS_sigaltstack,
        libc::SYS_rt_sigaction,
        libc::SYS_rt_sigprocmask,
        libc::SYS_rt_sigreturn,
        libc::SYS_tgkill,
        libc::SYS_exit,
        libc::SYS_exit_group,
        libc::SYS_execve,
    ];
    /// SG_IO (scsi/sg.h), NVME_IOCTL_ID and NVME_IOCTL_ADMIN_CMD (linux/nvme_ioctl.h), and whether output is a terminal.
    const REQUESTS: [u64; 4] = [0x2285, 0x4E40, 0xC048_4E41, libc::TCGETS];
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = ALLOWED.into_iter().map(|number| (number, Vec::new())).collect();
    let request = |number| {
        let is = SeccompCondition::new(1, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, number)?;
        SeccompRule::new(vec![is])
    };
    rules.insert(libc::SYS_ioctl, REQUESTS.into_iter().map(request).collect::<Result<_, _>>()?);
    seccomp::only(rules)
}
