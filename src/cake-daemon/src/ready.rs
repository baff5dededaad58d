//! How a daemon says that it answers: a line on a descriptor that whoever started it gave it for this, and systemd's notification.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// Writes `line` and closes the descriptor; tells systemd, if it asks (`Type=notify`). Where nobody waits, nothing happens.
pub fn tell(descriptor: Option<RawFd>, line: &str) -> io::Result<()> {
    notify(std::env::var_os("NOTIFY_SOCKET"), "READY=1")?;
    let Some(descriptor) = descriptor else { return Ok(()) };
    // SAFETY: our caller made it for this and nobody else here uses it; it is closed afterwards.
    let mut pipe = File::from(unsafe { OwnedFd::from_raw_fd(descriptor) });
    writeln!(pipe, "{line}")
}

/// One datagram to the socket that systemd named, as sd_notify(3) describes it: a path, or a name that begins with `@`.
fn notify(socket: Option<OsString>, message: &str) -> io::Result<()> {
    let Some(socket) = socket else { return Ok(()) };
    let address = match socket.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(&socket)?,
    };
    UnixDatagram::unbound()?.send_to_addr(message.as_bytes(), &address).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn systemd_hears_it_by_path_and_by_name() {
        let folder = std::env::temp_dir().join(format!("cake-notify-{}", std::process::id()));
        let by_path = UnixDatagram::bind(&folder).unwrap();
        let name = format!("cake-notify-{}", std::process::id());
        let by_name = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        for (socket, asked) in [(&by_path, folder.clone().into_os_string()), (&by_name, format!("@{name}").into())] {
            notify(Some(asked), "READY=1").unwrap();
            let mut heard = [0; 16];
            let length = socket.recv(&mut heard).unwrap();
            assert_eq!(&heard[..length], b"READY=1");
        }
        std::fs::remove_file(folder).unwrap();
        notify(None, "READY=1").unwrap();
    }
}
