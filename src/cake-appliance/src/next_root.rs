//! The root of another version, beside the one that runs: for a restart of all programs that leaves the kernel and its guests running
//! (systemd-soft-reboot.service(8)).
//!
//! ```text
//!  wanted ─► file on a system disk: signed? the same kernel? ─► its root into sealed memory: the signed hash? ─► mounted at /run/nextroot
//!     └─ nothing is wanted, or something of it is not so ─► there is no next root
//! ```
//!
//! A unit of its own does it, because what cake-node mounts stays in its own namespace. Killed anywhere, it begins anew.

use anyhow::{Context, Result, bail, ensure};
use cake_init::assemble::{self, Places};
use cake_init::root;
use cake_install::mounts::is_mounted;
use cake_install::next_root::{self, ROOM};
use cake_update::uki::{self, Maker};
use cake_update::{Esp, Version};
use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::mount::{MntFlags, umount2};
use nix::sys::memfd::{MFdFlags, memfd_create};
use std::fs::{self, File};
use std::io::{self, Seek, Write};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::health::disks::SystemDisks;
use crate::release;

/// Whose signature counts: what Secure Boot was given.
const CERTIFICATE: &str = "/usr/lib/cake/boot.pem";
/// Where systemd looks for it.
const NEXT: &str = "/run/nextroot";
const PLACES: Places<'_> =
    Places { signed: "/run/cake/next-root/signed", layer: "/run/cake/next-root/layer", root: NEXT };
/// Bytes that are copied at once.
const CHUNK: usize = 1 << 20;

/// Makes the next root what is wanted: that of a version, or none.
pub fn make() -> Result<()> {
    let room = Path::new(ROOM);
    next_root::refuse(room, None)?;
    let made = discard().and_then(|()| match next_root::wanted(room)? {
        Some(version) => assemble(&version.parse()?),
        None => Ok(()),
    });
    if let Err(error) = &made {
        discard()?;
        next_root::refuse(room, Some(&format!("{error:#}")))?;
    }
    made
}

/// Takes away what an order of before has left.
pub fn discard() -> Result<()> {
    for place in [PLACES.root, PLACES.signed, PLACES.layer] {
        while is_mounted(Path::new(place)) {
            umount2(place, MntFlags::MNT_DETACH).with_context(|| format!("unmount {place}"))?;
        }
    }
    Ok(())
}

fn assemble(wanted: &Version) -> Result<()> {
    let memory = from_disks(wanted)?;
    let device = root::attach(&memory)?;
    assemble::mount_root(&device, &PLACES)?;
    // The root holds both, and a later one is mounted in the same places.
    for place in [PLACES.signed, PLACES.layer] {
        umount2(place, MntFlags::MNT_DETACH).with_context(|| format!("unmount {place}"))?;
    }
    Ok(())
}

/// The root of a version, from the first system disk on which it is as it was signed.
fn from_disks(wanted: &Version) -> Result<File> {
    let running: Version = release::version()?.parse()?;
    let certificate = fs::read(CERTIFICATE).with_context(|| format!("read {CERTIFICATE}"))?;
    let maker = Maker::new(&certificate).context(CERTIFICATE)?;
    let disks = SystemDisks::read_only()?;
    let mut refused = None;
    for esp in disks.esps() {
        match from_disk(esp, wanted, &running, &maker) {
            Ok(memory) => return Ok(memory),
            Err(error) => refused = refused.or(Some(error)),
        }
    }
    Err(refused.context("there is no system disk")?)
}

fn from_disk(esp: &Esp, wanted: &Version, running: &Version, maker: &Maker) -> Result<File> {
    // A version that was given up is not started; one that somebody leaves runs all the same.
    let bad = esp.find(wanted)?.is_some_and(|slot| slot.is_bad());
    ensure!(!bad, "version {wanted} was given up");
    let (new, now) = (opened(esp, wanted)?, opened(esp, running)?);
    let (signed, runs) = (verified(&new, wanted, maker)?, verified(&now, running, maker)?);
    ensure!(
        signed.below == runs.below,
        "version {wanted} has another kernel, other parameters or other microcode than {running}, which runs"
    );
    let expected = root::expected(&signed.parameters)?;
    let range = signed.root(&new)?;
    let memory = in_memory(&new, range).context("copy the root into memory")?;
    root::check_read(&mut &memory, &expected)?;
    Ok(memory)
}

fn opened(esp: &Esp, version: &Version) -> Result<File> {
    let slot = esp.find(version)?.with_context(|| format!("version {version} is not on the system disk"))?;
    let path = esp.path(&slot);
    File::open(&path).with_context(|| format!("open {}", path.display()))
}

/// What a file holds, if it is what the maker signed as this version.
fn verified(file: &File, version: &Version, maker: &Maker) -> Result<uki::Verified> {
    let verified = uki::verify(file, maker).with_context(|| format!("version {version}"))?;
    if verified.version.parse().ok().as_ref() != Some(version) {
        bail!("the file of version {version} holds version {}", verified.version);
    }
    Ok(verified)
}

/// A part of a file, in memory that nobody can write to any more: what is checked is what is mounted.
fn in_memory(file: &File, range: Range<u64>) -> io::Result<File> {
    let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
    let mut memory = File::from(memfd_create(c"cake-root", flags)?);
    let (mut at, mut buffer) = (range.start, vec![0; CHUNK]);
    while at < range.end {
        let length = usize::try_from(range.end - at).map_or(CHUNK, |left| left.min(CHUNK));
        file.read_exact_at(&mut buffer[..length], at)?;
        memory.write_all(&buffer[..length])?;
        at += length as u64;
    }
    let seals = SealFlag::F_SEAL_WRITE | SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_GROW | SealFlag::F_SEAL_SEAL;
    fcntl(&memory, FcntlArg::F_ADD_SEALS(seals))?;
    memory.rewind()?;
    Ok(memory)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn what_was_copied_cannot_be_changed() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"before the root, and after it").unwrap();
        let mut memory = in_memory(&file, 11..15).unwrap();
        let mut text = String::new();
        memory.read_to_string(&mut text).unwrap();
        assert_eq!(text, "root");
        memory.rewind().unwrap();
        assert!(memory.write_all(b"toor").is_err() && memory.set_len(0).is_err());
        // A disk that ends in the middle of it.
        assert!(in_memory(&file, 11..1000).is_err());
    }
}
