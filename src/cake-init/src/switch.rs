//! From the initramfs to the root: a read-only squashfs under a writable layer in memory.

use cake_init::assemble::Places;
use cake_init::{Failure, Step};
use nix::mount::{MsFlags, mount};
use nix::unistd::{chdir, chroot, execv};
use std::convert::Infallible;
use std::ffi::CString;
use std::fs;
use std::path::Path;

/// The root as it was signed stays mounted, for programs that want what nobody changed.
pub const PLACES: Places<'_> = Places { signed: "/run/cake/root", layer: "/run/cake/layer", root: ROOT };
const ROOT: &str = "/root";
/// What the UKI's stub found beside or inside the file (systemd-stub(7)), and where systemd looks for it after the initramfs.
const EXTRA: &str = "/.extra";
const KEPT: &str = "/run/systemd";

/// Moves everything over and becomes the root's own process 1.
pub fn hand_over() -> Result<Infallible, Failure> {
    keep_extra()?;
    // The loop device holds the file; its name and what else was here give their memory back.
    empty("/");
    for place in ["proc", "sys", "dev", "run"] {
        let (from, to) = (format!("/{place}"), format!("{ROOT}/{place}"));
        mount(Some(from.as_str()), to.as_str(), None::<&str>, MsFlags::MS_MOVE, None::<&str>)
            .step(format!("move {from}"))?;
    }
    chdir(ROOT).step("enter the root")?;
    mount(Some("."), "/", None::<&str>, MsFlags::MS_MOVE, None::<&str>).step("make the root the root")?;
    chroot(".").step("make the root the root")?;
    chdir("/").step("enter the root")?;
    let init = CString::from(c"/usr/lib/systemd/systemd");
    execv(&init, &[&init]).step("start systemd")
}

/// The signature of the measurements and its key: the state is unlocked with them.
fn keep_extra() -> Result<(), Failure> {
    for name in ["tpm2-pcr-signature.json", "tpm2-pcr-public-key.pem"] {
        let from = Path::new(EXTRA).join(name);
        if from.exists() {
            fs::create_dir_all(KEPT).step(format!("make {KEPT}"))?;
            fs::copy(&from, Path::new(KEPT).join(name)).step(format!("keep {name}"))?;
        }
    }
    Ok(())
}

/// Deletes what lies on the initramfs itself, and leaves mounts alone. What cannot be deleted costs memory, nothing else.
fn empty(place: &str) {
    let Ok(entries) = fs::read_dir(place) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if ["/proc", "/sys", "/dev", "/run", ROOT].iter().any(|mount| path == Path::new(mount)) {
            continue;
        }
        let _ = if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            fs::remove_dir_all(path)
        } else {
            fs::remove_file(path)
        };
    }
}
