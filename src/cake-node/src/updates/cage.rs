//! The cage of the worker that updates the firmware: its own user, no capability, and of the system disks only the folder of the
//! slots. It may open connections, because it fetches; it may not execute, mount, trace or look into others.
//!
//! ```text
//!   as root: find boot partitions ─► mount each for this user, where only root goes ─► show its EFI/Linux ─► become nobody
//! ```
//!
//! The mounts are in a namespace of its own, and end with it, however it ends.

use crate::seccomp::all_but;
use cake_host::cage;
use cake_host::step::{StepError, file, step};
use cake_install::esps::{self, EspsError};
use cake_install::mounts::{MountError, Mounted};
use cake_storage::worker::WORKER_UID;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::resource::Resource;
use std::fs::{self, DirBuilder};
use std::os::unix::fs::{DirBuilderExt, chown};
use std::path::{Path, PathBuf};

/// The user that updates; the one before that of the other workers.
pub const UPDATE_UID: u32 = WORKER_UID - 1;
/// Where the worker sees what is shown to it.
const STAGE: &str = "/run/cake-update";
/// All that is shown of a boot partition.
const SLOTS: &str = "EFI/Linux";
/// Address space in bytes: an index of a file and a few pieces of it.
const MEMORY: u64 = 1 << 30;
const FILES: u64 = 256;

#[derive(Debug, thiserror::Error)]
pub enum CageError {
    #[error(transparent)]
    Step(#[from] StepError),
    #[error(transparent)]
    Esps(#[from] EspsError),
    #[error(transparent)]
    Mount(#[from] MountError),
    #[error("the seccomp filter can't be made")]
    Filter(#[from] seccompiler::BackendError),
    #[error("the seccomp filter can't be set")]
    SetFilter(#[from] seccompiler::Error),
}

/// What the worker is given.
#[derive(Clone, Debug)]
pub struct Given {
    /// What is remembered of repositories.
    pub memory: PathBuf,
    /// Boot partitions that are mounted already; without any those of this installation are found.
    pub esps: Vec<PathBuf>,
    /// Whether something is changed on them: whoever only looks leaves even the mark of a mount off.
    pub write: bool,
}

/// What the worker sees of it.
#[derive(Clone, Debug)]
pub struct Stage {
    pub memory: PathBuf,
    pub esps: Vec<PathBuf>,
}

/// In a process with one thread: root in, nobody out.
pub fn enter(given: &Given) -> Result<Stage, CageError> {
    let apart = CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWIPC | CloneFlags::CLONE_NEWUTS;
    unshare(apart).map_err(step("make namespaces"))?;
    // What is shown to the worker is its to enter, whatever the node's own files are like.
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o022));
    // What others unmount goes here too: nothing is kept busy.
    let slave = MsFlags::MS_REC | MsFlags::MS_SLAVE;
    mount(None::<&str>, "/", None::<&str>, slave, None::<&str>).map_err(step("leave the mounts of others"))?;
    let stage = build(given)?;
    cage::limit(&[(Resource::RLIMIT_CORE, 0), (Resource::RLIMIT_AS, MEMORY), (Resource::RLIMIT_NOFILE, FILES)])?;
    cage::drop_all(UPDATE_UID)?;
    seccompiler::apply_filter(&all_but(REFUSED)?)?;
    Ok(stage)
}

fn build(given: &Given) -> Result<Stage, CageError> {
    let root = Path::new(STAGE);
    folder(root, 0o755)?;
    let flags = MsFlags::MS_NODEV | MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC;
    mount(Some("tmpfs"), root, Some("tmpfs"), flags, Some("mode=0755,size=1m")).map_err(file("mount", root))?;
    let memory = root.join("memory");
    folder(&given.memory, 0o700)?;
    give(&given.memory)?;
    show(&given.memory, &memory)?;
    let hidden = root.join("disks");
    folder(&hidden, 0o700)?;
    let mut shown = Vec::new();
    for (index, esp) in mounted(given, &hidden)?.into_iter().enumerate() {
        let place = root.join(index.to_string());
        show(&esp.join(SLOTS), &place.join(SLOTS))?;
        shown.push(place);
    }
    Ok(Stage { memory, esps: shown })
}

/// The boot partitions, mounted where only root goes.
fn mounted(given: &Given, hidden: &Path) -> Result<Vec<PathBuf>, CageError> {
    if !given.esps.is_empty() {
        given.esps.iter().try_for_each(|esp| folder(&esp.join(SLOTS), 0o755))?;
        return Ok(given.esps.clone());
    }
    // Until the end of this process.
    std::mem::forget(esps::only_one().map_err(step("wait for the boot partitions"))?);
    esps::each(|part, name| {
        let place = hidden.join(name);
        let mounted = Mounted::owned_by(&part.device, &place, UPDATE_UID, given.write)?;
        // Mounted for reading only, this fails where there is none: the disk is passed over.
        folder(&place.join(SLOTS), 0o755)?;
        mounted.keep();
        Ok(place)
    })
}

fn folder(path: &Path, mode: u32) -> Result<(), StepError> {
    DirBuilder::new().recursive(true).mode(mode).create(path).map_err(file("make", path))
}

/// Makes a folder and what lies in it the worker's.
fn give(path: &Path) -> Result<(), StepError> {
    let (uid, gid) = (Some(UPDATE_UID), Some(UPDATE_UID));
    chown(path, uid, gid).map_err(file("give away", path))?;
    for entry in fs::read_dir(path).map_err(file("list", path))? {
        let inner = entry.map_err(file("list", path))?.path();
        std::os::unix::fs::lchown(&inner, uid, gid).map_err(file("give away", &inner))?;
    }
    Ok(())
}

fn show(what: &Path, place: &Path) -> Result<(), StepError> {
    folder(place, 0o755)?;
    mount(Some(what), place, None::<&str>, MsFlags::MS_BIND, None::<&str>).map_err(file("show", what))
}

/// Calls that nobody needs who fetches files and writes them.
const REFUSED: [i64; 34] = [
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_open_tree,
    libc::SYS_move_mount,
    libc::SYS_fsopen,
    libc::SYS_fsmount,
    libc::SYS_mount_setattr,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_reboot,
    libc::SYS_pidfd_getfd,
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    libc::SYS_personality,
];
