//! The root: the engine tree, read-only, with the few things that a program needs to write or to read from the machine.

use super::{Cage, Device, FOLDER, Seen};
use crate::step::{StepError, file, step};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use nix::sys::stat::{Mode, SFlag, makedev, mknod};
use nix::unistd::{Gid, Uid, chdir, chown, pivot_root};
use std::path::Path;

const NOTHING: Option<&str> = None;
const CLOSED: MsFlags = MsFlags::MS_NOSUID.union(MsFlags::MS_NODEV).union(MsFlags::MS_NOEXEC);

/// Character devices by their fixed numbers (Linux admin-guide, devices.txt).
const DEVICES: [(&str, u64, u64); 2] = [("null", 1, 3), ("urandom", 1, 9)];

/// Leaves the machine's file systems behind.
pub fn enter(cage: &Cage<'_>) -> Result<(), StepError> {
    let network = if cage.network { CloneFlags::empty() } else { CloneFlags::CLONE_NEWNET };
    unshare(CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWIPC | CloneFlags::CLONE_NEWUTS | network)
        .map_err(step("make namespaces"))?;
    // What is mounted from here on is nobody else's.
    mount(NOTHING, "/", NOTHING, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NOTHING)
        .map_err(step("make mounts private"))?;

    let engine = cage.engine;
    mount(Some(engine), engine, NOTHING, MsFlags::MS_BIND, NOTHING).map_err(file("mount", engine))?;
    tmpfs(&engine.join("tmp"), CLOSED, "size=16m,mode=1777")?;
    devices(&engine.join("dev"), cage)?;
    if !cage.seen.is_empty() {
        files(&engine.join(FOLDER.trim_start_matches('/')), cage.seen)?;
    }
    if cage.network {
        // The names of the machine's name servers, for QEMU's own.
        resolver(engine)?;
    }
    let locked = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_RDONLY | MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    mount(NOTHING, engine, NOTHING, locked, NOTHING).map_err(step("make the engine read-only"))?;

    // The old root is stacked under the new one and taken away (pivot_root(2), "pivot_root(".", ".")").
    chdir(engine).map_err(step("enter the engine"))?;
    pivot_root(".", ".").map_err(step("change the root"))?;
    umount2(".", MntFlags::MNT_DETACH).map_err(step("leave the old root"))?;
    chdir("/").map_err(step("enter the new root"))
}

fn files(folder: &Path, seen: &[Seen<'_>]) -> Result<(), StepError> {
    tmpfs(folder, CLOSED, "size=4k,nr_inodes=4,mode=755")?;
    for Seen { source, name, writable } in seen {
        let target = folder.join(name);
        let created =
            if source.is_dir() { std::fs::create_dir(&target) } else { std::fs::File::create(&target).map(|_| ()) };
        created.map_err(file("create", &target))?;
        let lock = if *writable { MsFlags::empty() } else { MsFlags::MS_RDONLY };
        bind(source, &target, CLOSED | lock)?;
    }
    Ok(())
}

fn devices(folder: &Path, cage: &Cage<'_>) -> Result<(), StepError> {
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC;
    tmpfs(folder, flags, "size=4k,nr_inodes=8,mode=755")?;
    for (name, major, minor) in DEVICES {
        mknod(&folder.join(name), SFlag::S_IFCHR, Mode::from_bits_truncate(0o666), makedev(major, minor))
            .map_err(step("make a device"))?;
    }
    if let Some(Device { name, kind, number }) = cage.device {
        let path = folder.join(name);
        mknod(&path, kind, Mode::from_bits_truncate(0o600), number).map_err(file("make", &path))?;
        chown(&path, Some(Uid::from_raw(cage.uid)), Some(Gid::from_raw(cage.uid))).map_err(file("give away", &path))?;
    }
    mount(NOTHING, folder, NOTHING, MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY | flags, NOTHING)
        .map_err(step("make /dev read-only"))
}

fn resolver(engine: &Path) -> Result<(), StepError> {
    let source = Path::new("/etc/resolv.conf");
    let seen = engine.join("etc/resolv.conf");
    match source.canonicalize() {
        // An engine without the file has no name service, which is no reason not to start.
        Ok(source) if seen.is_file() => bind(&source, &seen, CLOSED | MsFlags::MS_RDONLY),
        _ => Ok(()),
    }
}

fn tmpfs(target: &Path, flags: MsFlags, options: &str) -> Result<(), StepError> {
    mount(Some("tmpfs"), target, Some("tmpfs"), flags, Some(options)).map_err(file("mount a tmpfs on", target))
}

fn bind(source: &Path, target: &Path, flags: MsFlags) -> Result<(), StepError> {
    mount(Some(source), target, NOTHING, MsFlags::MS_BIND, NOTHING).map_err(file("mount", source))?;
    let locked = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | flags;
    mount(NOTHING, target, NOTHING, locked, NOTHING).map_err(file("lock", target))
}
