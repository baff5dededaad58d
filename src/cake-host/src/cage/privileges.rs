//! What a program may use, and who it is.

use crate::step::{StepError, step};
use nix::sys::resource::{Resource, setrlimit};
use nix::unistd::{Gid, Uid, setgroups, setresgid, setresuid};
use std::ffi::c_ulong;

/// From linux/securebits.h; a bit and its lock are neighbours.
const SECBIT_NOROOT: c_ulong = 0b11;
const SECBIT_NO_SETUID_FIXUP_LOCKED: c_ulong = 0b10 << 2;
const SECBIT_KEEP_CAPS_LOCKED: c_ulong = 0b10 << 4;
const SECBIT_NO_CAP_AMBIENT_RAISE: c_ulong = 0b11 << 6;

/// From linux/capability.h.
const SETPCAP: u32 = 8;

/// Sets soft and hard limits.
pub fn limit(limits: &[(Resource, u64)]) -> Result<(), StepError> {
    limits.iter().try_for_each(|(what, most)| setrlimit(*what, *most, *most)).map_err(step("set limits"))
}

/// Gives up everything, in the order in which each step still has the right to the next.
pub fn drop_all(uid: u32) -> Result<(), StepError> {
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o077));
    drop_bounding_set(None)?;
    lock_securebits()?;
    prctl("clear ambient capabilities", libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL as c_ulong, 0)?;
    setgroups(&[]).map_err(step("leave all groups"))?;
    let gid = Gid::from_raw(uid);
    setresgid(gid, gid, gid).map_err(step("change the group"))?;
    // Going from root to another user takes the permitted and effective capabilities away (capabilities(7)).
    let uid = Uid::from_raw(uid);
    setresuid(uid, uid, uid).map_err(step("change the user"))?;
    nix::sys::prctl::set_no_new_privs().map_err(step("give up new privileges"))?;
    drop_inheritable()
}

/// As [`drop_all`], except for one capability: that stays through the next program and can't be given to anybody.
pub fn drop_all_but(uid: u32, capability: u32) -> Result<(), StepError> {
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o077));
    drop_bounding_set(Some(capability))?;
    setgroups(&[]).map_err(step("leave all groups"))?;
    // What is permitted outlives the change of the user this once.
    prctl("keep capabilities", libc::PR_SET_KEEPCAPS, 1, 0)?;
    let (gid, uid) = (Gid::from_raw(uid), Uid::from_raw(uid));
    setresgid(gid, gid, gid).map_err(step("change the group"))?;
    setresuid(uid, uid, uid).map_err(step("change the user"))?;
    let one = 1 << capability;
    set_capabilities(one | 1 << SETPCAP, one)?;
    let raise = libc::PR_CAP_AMBIENT_RAISE as c_ulong;
    prctl("raise an ambient capability", libc::PR_CAP_AMBIENT, raise, capability.into())?;
    lock_securebits()?;
    set_capabilities(one, one)?;
    nix::sys::prctl::set_no_new_privs().map_err(step("give up new privileges"))
}

fn lock_securebits() -> Result<(), StepError> {
    let bits = SECBIT_NOROOT | SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE;
    prctl("set securebits", libc::PR_SET_SECUREBITS, bits, 0)
}

fn drop_bounding_set(except: Option<u32>) -> Result<(), StepError> {
    for capability in (0..64).filter(|capability| Some(*capability) != except) {
        match prctl("drop a capability", libc::PR_CAPBSET_DROP, capability.into(), 0) {
            Ok(()) => {}
            // Past the last one that this kernel knows.
            Err(StepError::Step { source, .. }) if source.raw_os_error() == Some(libc::EINVAL) => return Ok(()),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Inheritable capabilities are the only set that changing the user leaves alone.
fn drop_inheritable() -> Result<(), StepError> {
    set_capabilities(0, 0)
}

/// Permitted and effective alike; the first 32, among which are all that are kept here.
fn set_capabilities(permitted: u32, inheritable: u32) -> Result<(), StepError> {
    const VERSION_3: u32 = 0x2008_0522;
    let header: [u32; 2] = [VERSION_3, 0];
    let sets: [u32; 6] = [permitted, permitted, inheritable, 0, 0, 0];
    // SAFETY: capset reads a header of two words and two sets of three words (linux/capability.h).
    let result = unsafe { libc::syscall(libc::SYS_capset, header.as_ptr(), sets.as_ptr()) };
    nix::Error::result(result).map_err(step("set capabilities"))?;
    Ok(())
}

fn prctl(what: &'static str, option: libc::c_int, first: c_ulong, second: c_ulong) -> Result<(), StepError> {
    let zero: c_ulong = 0;
    // SAFETY: the options used here take numbers and change only this process.
    let result = unsafe { libc::prctl(option, first, second, zero, zero) };
    nix::Error::result(result).map_err(step(what))?;
    Ok(())
}
