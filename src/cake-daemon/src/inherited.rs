//! Sockets that systemd opened for a daemon: it needs no right to open them, and who connects while it starts anew only waits.

use std::io;
use std::net::TcpListener;
use std::os::fd::BorrowedFd;

/// The first of them (sd_listen_fds(3)).
const FIRST: i32 = 3;

/// A listener of its own for the first inherited socket, each time it is asked for; none where the daemon opens its own.
pub fn listener() -> io::Result<Option<TcpListener>> {
    let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<u32>().ok());
    if number("LISTEN_PID") != Some(std::process::id()) || number("LISTEN_FDS").is_none_or(|count| count == 0) {
        return Ok(None);
    }
    // SAFETY: systemd opened it for this process, and nobody here ever closes it.
    let inherited = unsafe { BorrowedFd::borrow_raw(FIRST) };
    let listener = TcpListener::from(inherited.try_clone_to_owned()?);
    listener.set_nonblocking(true)?;
    Ok(Some(listener))
}
