//! The other side of a launch: the descriptors that a program was given.

use std::{
    env, io,
    os::fd::{BorrowedFd, FromRawFd, OwnedFd, RawFd},
    sync::atomic::{AtomicBool, Ordering},
};

use nix::fcntl::{FcntlArg, FdFlag, fcntl};

use super::Descriptor;

/// The number of the first descriptor that is passed.
pub(super) const FIRST: RawFd = 3;

/// Takes the descriptors that this program was started with, in order. They are closed on `exec` from now on. Call it once,
/// at the start of `main`: who calls it again is refused.
pub fn take_descriptors() -> io::Result<Vec<Descriptor>> {
    static TAKEN: AtomicBool = AtomicBool::new(false);
    if TAKEN.swap(true, Ordering::SeqCst) {
        return Err(io::Error::other("the descriptors were taken already"));
    }
    let Ok(count) = env::var("LISTEN_FDS") else { return Ok(Vec::new()) };
    // Meant for a parent of ours, who handed its environment down.
    if env::var("LISTEN_PID").is_ok_and(|pid| pid != std::process::id().to_string()) {
        return Ok(Vec::new());
    }
    let names = env::var("LISTEN_FDNAMES").unwrap_or_default();
    let numbers = numbers(&count, &names)?;
    // All are looked at before the first one is owned.
    for (number, _) in &numbers {
        // SAFETY: only asked for its flags; a number that is not open is an error and no undefined behaviour.
        let borrowed = unsafe { BorrowedFd::borrow_raw(*number) };
        fcntl(borrowed, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC))?;
    }
    let own = |(number, name)| Descriptor {
        name,
        // SAFETY: open (checked above), given to this program by number, and taken only once (TAKEN).
        descriptor: unsafe { OwnedFd::from_raw_fd(number) },
    };
    Ok(numbers.into_iter().map(own).collect())
}

fn numbers(count: &str, names: &str) -> io::Result<Vec<(RawFd, String)>> {
    let invalid = |what| io::Error::new(io::ErrorKind::InvalidData, what);
    let count: usize = count.parse().map_err(|_| invalid("LISTEN_FDS is no number"))?;
    let names: Vec<_> = names.split(':').filter(|name| !name.is_empty()).map(str::to_owned).collect();
    if names.len() != count {
        return Err(invalid("LISTEN_FDS and LISTEN_FDNAMES do not agree"));
    }
    Ok((FIRST..).zip(names).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counted_and_named() {
        assert_eq!(numbers("2", "a:b").expect("two"), [(3, "a".to_owned()), (4, "b".to_owned())]);
        assert_eq!(numbers("0", "").expect("none"), []);
        for (count, names) in [("2", "a"), ("x", "a"), ("-1", ""), ("1", ""), ("99999999999999999999", "a")] {
            assert!(numbers(count, names).is_err(), "{count} {names}");
        }
    }
}
