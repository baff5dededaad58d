//! The helper between the launcher and QEMU: root goes in, QEMU with nothing but its descriptors comes out.
//!
//! ```text
//!  cake-node exec-vm PLAN          (one thread, before tokio, root)
//!    taps            out of the way of what QEMU has at fixed numbers
//!    lock            taken already? then this VM runs: end with EXIT_RUNNING
//!    files           disks, seed, firmware variables become descriptors
//!    TPM             a child becomes swtpm, in a cage of its own, with one connection to QEMU
//!    namespaces      mounts, IPC, host name; network too unless the guest has one
//!    root            the engine, read-only; /tmp and /dev of its own; no /proc, no /sys
//!    limits, ids     the VM's uid and gid, no groups, no capability, none to be had again
//!    execve          QEMU: its own seccomp filter comes from -sandbox
//! ```
//!
//! Nothing of the plan is secret and nothing secret is in the arguments.

mod tpm;

use crate::argv::{FIRST_FILE_FD, FIRST_TAP_FD, KERNEL_NAME, LOCK_FD};
use crate::folder::record_lock;
use crate::plan::{LaunchPlan, MEET, PlannedFile};
use cake_host::cage::{self, Cage, Device, Seen};
use cake_host::step::{StepError, close_from, file, step};
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::resource::Resource;
use nix::sys::stat::{Mode, fstat};
use std::convert::Infallible;
use std::ffi::{CStr, CString};
use std::io::{self, Read};
use std::os::fd::{AsRawFd, BorrowedFd, IntoRawFd, OwnedFd, RawFd};
use std::path::{Path, PathBuf};

/// The helper's exit code when a QEMU of this VM runs already (EX_TEMPFAIL, sysexits.h).
pub const EXIT_RUNNING: i32 = 75;
/// … and when anything else is wrong (EX_SOFTWARE).
pub const EXIT_FAILED: i32 = 70;

/// Descriptors: disks, sockets, and what user-mode networking opens for its connections.
const MOST_FILES: u64 = 8192;
/// Threads, the uid being this VM's alone: one per processor, and the workers of its disks.
const MOST_THREADS: u64 = 4096;
const MOST_LOCKED: u64 = 8 << 20;

/// Why QEMU was not executed.
#[derive(Debug, thiserror::Error)]
pub enum ExecError {
    #[error("a QEMU of this VM runs already")]
    Running,
    #[error("{path} is not a file that only root can write")]
    PlanNotTrusted { path: PathBuf },
    #[error("{path} is not a launch plan")]
    Plan {
        path: PathBuf,
        #[source]
        source: serde_json::Error,
    },
    #[error(transparent)]
    Step(#[from] StepError),
    #[error("QEMU can't be confined")]
    Cage(#[source] StepError),
}

impl ExecError {
    pub fn exit_code(&self) -> i32 {
        match self {
            Self::Running => EXIT_RUNNING,
            _ => EXIT_FAILED,
        }
    }
}

/// Becomes QEMU. Call it in a process with one thread, whose descriptors from 3 on are the sockets that the plan's arguments name.
pub fn exec_vm(path: &Path) -> Result<Infallible, ExecError> {
    let plan = read_plan(path)?;
    // Above all numbers that QEMU will see.
    let floor = FIRST_FILE_FD + (plan.files.len() + plan.taps + usize::from(plan.tpm.is_some())) as RawFd;
    let taps = take_taps(plan.taps, floor)?;
    take_lock(path.parent().unwrap_or(Path::new("/")))?;
    let mut files = open_files(&plan.files, floor)?;
    files.extend(taps);
    if let Some(state) = &plan.tpm {
        files.push(tpm::start(&plan, state, floor)?);
    }
    enter(&plan).map_err(ExecError::Cage)?;
    cage::limit(&[
        (Resource::RLIMIT_CORE, 0),
        (Resource::RLIMIT_NOFILE, MOST_FILES),
        (Resource::RLIMIT_NPROC, MOST_THREADS),
        (Resource::RLIMIT_MEMLOCK, MOST_LOCKED),
    ])
    .map_err(ExecError::Cage)?;
    place(files)?;
    cage::drop_all(plan.uid).map_err(ExecError::Cage)?;
    become_qemu(&plan)
}

fn enter(plan: &LaunchPlan) -> Result<(), StepError> {
    let kernel = plan.kernel.as_deref().map(|source| Seen { source, name: KERNEL_NAME, writable: false });
    let meet = plan.meet.as_deref().map(|source| Seen { source, name: MEET, writable: true });
    let seen: Vec<_> = kernel.into_iter().chain(meet).collect();
    let LaunchPlan { engine, uid, network, kvm, .. } = plan;
    let device = kvm.then_some(Device::KVM);
    cage::enter(&Cage { engine, uid: *uid, network: *network, device, seen: &seen })
}

fn read_plan(path: &Path) -> Result<LaunchPlan, ExecError> {
    let mut plan = std::fs::File::open(path).map_err(file("open", path))?;
    let stat = fstat(&plan).map_err(step("look at the plan"))?;
    if stat.st_uid != 0 || stat.st_mode & 0o022 != 0 {
        return Err(ExecError::PlanNotTrusted { path: path.to_owned() });
    }
    let mut text = String::new();
    plan.read_to_string(&mut text).map_err(file("read", path))?;
    serde_json::from_str(&text).map_err(|source| ExecError::Plan { path: path.to_owned(), source })
}

/// Takes the lock at the descriptor that QEMU keeps it at. From here on nothing may close another descriptor of this file:
/// that would give the lock away (fcntl_locking(2)).
fn take_lock(folder: &Path) -> Result<(), ExecError> {
    let path = folder.join("lock");
    let opened = nix::fcntl::open(&path, OFlag::O_RDWR | OFlag::O_CREAT, Mode::from_bits_truncate(0o600))
        .map_err(file("open", &path))?;
    let lock = move_to(opened, LOCK_FD).map_err(step("place the lock"))?;
    match fcntl(lock, FcntlArg::F_SETLK(&record_lock())) {
        Ok(_) => {}
        Err(nix::Error::EAGAIN | nix::Error::EACCES) => return Err(ExecError::Running),
        Err(error) => return Err(step("lock")(error).into()),
    }
    let boot = cake_host::identity::boot_id().map_err(step("read the boot's id"))?;
    nix::sys::uio::pwrite(lock, boot.to_string().as_bytes(), 0).map_err(step("write the boot's id"))?;
    Ok(())
}

/// The taps, which came after the two sockets, to `floor` or above: the lock is about to take the number of the first.
fn take_taps(taps: usize, floor: RawFd) -> Result<Vec<OwnedFd>, ExecError> {
    let take = |number: RawFd| {
        // SAFETY: asked for a copy only; a number that is not open is an error and no undefined behaviour.
        let tap = unsafe { BorrowedFd::borrow_raw(number) };
        let copy = fcntl(tap, FcntlArg::F_DUPFD_CLOEXEC(floor)).map_err(step("take a tap"))?;
        // SAFETY: the kernel has just made this descriptor for us. The original is closed by what takes its number, or with all
        // others before QEMU is executed.
        Ok(unsafe { std::os::fd::FromRawFd::from_raw_fd(copy) })
    };
    (FIRST_TAP_FD..).take(taps).map(take).collect()
}

/// All files at numbers from `floor` on, so that none is in another's way.
fn open_files(files: &[PlannedFile], floor: RawFd) -> Result<Vec<OwnedFd>, ExecError> {
    let open = |PlannedFile { path, writable }: &PlannedFile| {
        let access = if *writable { OFlag::O_RDWR } else { OFlag::O_RDONLY };
        let opened = nix::fcntl::open(path, access | OFlag::O_CLOEXEC | OFlag::O_NOFOLLOW, Mode::empty())
            .map_err(file("open", path))?;
        let number = fcntl(&opened, FcntlArg::F_DUPFD_CLOEXEC(floor)).map_err(step("move a descriptor"))?;
        // SAFETY: the kernel has just made this descriptor for us.
        Ok(unsafe { std::os::fd::FromRawFd::from_raw_fd(number) })
    };
    files.iter().map(open).collect()
}

/// Puts the files where the arguments say and closes everything else.
fn place(files: Vec<OwnedFd>) -> Result<(), ExecError> {
    let end = FIRST_FILE_FD + files.len() as RawFd;
    for (number, opened) in (FIRST_FILE_FD..).zip(files) {
        move_to(opened, number).map_err(step("place a descriptor"))?;
    }
    // SAFETY: nothing that this process still uses has a number from `end` on.
    Ok(unsafe { close_from(end) }?)
}

/// Moves a descriptor to a number, open across exec.
fn move_to(descriptor: OwnedFd, number: RawFd) -> nix::Result<BorrowedFd<'static>> {
    if descriptor.as_raw_fd() == number {
        fcntl(&descriptor, FcntlArg::F_SETFD(nix::fcntl::FdFlag::empty()))?;
        let _kept = descriptor.into_raw_fd();
    } else {
        // SAFETY: both are numbers; what was open at `number` is ours to close.
        nix::Error::result(unsafe { libc::dup2(descriptor.as_raw_fd(), number) })?;
    }
    // SAFETY: open from here to exec.
    Ok(unsafe { BorrowedFd::borrow_raw(number) })
}

fn become_qemu(plan: &LaunchPlan) -> Result<Infallible, ExecError> {
    let argv = plan.argv.iter().map(|arg| CString::new(arg.as_str())).collect::<Result<Vec<_>, _>>();
    let argv = argv.map_err(step("use an argument"))?;
    let program = argv.first().ok_or(io::ErrorKind::InvalidInput).map_err(step("find QEMU in an empty plan"))?;
    let zone = plan.zone.as_ref().map(|zone| CString::new(format!("TZ={zone}"))).transpose();
    let zone = zone.map_err(step("use a time zone"))?;
    let environment = [c"PATH=/usr/bin", c"HOME=/", c"TMPDIR=/tmp"].map(CStr::to_owned).into_iter().chain(zone);
    let environment: Vec<CString> = environment.collect();
    nix::unistd::execve(program, &argv, &environment).map_err(|error| step("execute QEMU")(error).into())
}
