//! The VM's TPM: swtpm, a child of the process that becomes QEMU. It has one connection to it, its own folder, and nothing else; it
//! ends with QEMU, whoever else is killed.

use super::{ExecError, MOST_LOCKED, move_to};
use crate::plan::LaunchPlan;
use cake_host::cage::{self, Cage, FOLDER, Seen};
use cake_host::step::{StepError, close_from, step};
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::resource::Resource;
use nix::sys::signal::Signal;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
use nix::sys::stat::Mode;
use nix::unistd::{ForkResult, Pid, fork, getpid, getppid};
use std::convert::Infallible;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::path::Path;

const SWTPM: &str = "/usr/bin/swtpm";
/// Its folder in its own root.
const STATE: &str = "tpm";
/// Its connection to QEMU.
const CONNECTION: RawFd = 3;
/// Memory and descriptors that no honest TPM comes near.
const MEMORY: u64 = 512 << 20;
const FILES: u64 = 64;

/// Starts it. The other end of its connection, at `floor` or above.
pub(super) fn start(plan: &LaunchPlan, state: &Path, floor: RawFd) -> Result<OwnedFd, ExecError> {
    let (qemu, swtpm) =
        socketpair(AddressFamily::Unix, SockType::Stream, None, SockFlag::SOCK_CLOEXEC).map_err(step("make a pair"))?;
    let parent = getpid();
    // SAFETY: this process has one thread.
    match unsafe { fork() }.map_err(step("start the TPM"))? {
        ForkResult::Parent { .. } => {
            let number = fcntl(&qemu, FcntlArg::F_DUPFD_CLOEXEC(floor)).map_err(step("move a descriptor"))?;
            // SAFETY: the kernel has just made this descriptor for us.
            Ok(unsafe { OwnedFd::from_raw_fd(number) })
        }
        ForkResult::Child => {
            let Err(error) = become_swtpm(plan, state, swtpm, parent);
            eprintln!("cake-node: the TPM of VM {} does not start: {}", plan.vm, crate::start::chain(&error));
            // SAFETY: nothing of this copy has to be put in order.
            unsafe { libc::_exit(super::EXIT_FAILED) }
        }
    }
}

fn become_swtpm(plan: &LaunchPlan, state: &Path, connection: OwnedFd, parent: Pid) -> Result<Infallible, StepError> {
    let seen = [Seen { source: state, name: STATE, writable: true }];
    cage::enter(&Cage { engine: &plan.engine, uid: plan.uid, network: false, device: None, seen: &seen })?;
    cage::limit(&[
        (Resource::RLIMIT_CORE, 0),
        (Resource::RLIMIT_AS, MEMORY),
        (Resource::RLIMIT_NOFILE, FILES),
        (Resource::RLIMIT_MEMLOCK, MOST_LOCKED),
    ])?;
    let null = nix::fcntl::open("/dev/null", OFlag::O_RDONLY, Mode::empty()).map_err(step("open /dev/null"))?;
    move_to(null, 0).map_err(step("place /dev/null"))?;
    move_to(connection, CONNECTION).map_err(step("place the connection"))?;
    // The sockets, the disks and the lock are QEMU's alone.
    // SAFETY: nothing but the standard three and the connection is used from here.
    unsafe { close_from(CONNECTION + 1) }?;
    cage::drop_all(plan.uid)?;
    // Forgotten when the user changes, so after that; and the parent may be gone already.
    nix::sys::prctl::set_pdeathsig(Signal::SIGTERM).map_err(step("end with QEMU"))?;
    if getppid() != parent {
        return Err(step("outlive QEMU")(std::io::Error::from(std::io::ErrorKind::BrokenPipe)));
    }
    execute()
}

fn execute() -> Result<Infallible, StepError> {
    let state = format!("dir={FOLDER}/{STATE},mode=0600");
    let connection = format!("type=unixio,clientfd={CONNECTION}");
    let words = [
        "swtpm",
        "socket",
        "--tpm2",
        "--tpmstate",
        &state,
        "--ctrl",
        &connection,
        "--terminate",
        "--seccomp",
        "action=kill",
    ];
    cage::execute(SWTPM, words, &[c"PATH=/usr/bin", c"HOME=/"])
}
