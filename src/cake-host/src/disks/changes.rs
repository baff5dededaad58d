//! The kernel's word that a disk came or went (Linux, lib/kobject_uevent.c). What is there now is read anew by whoever hears it, so of
//! the messages no more is looked at than whether they are about disks.

use nix::sys::socket::{AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, socket};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

/// What the kernel itself says; the other group is udev's.
const GROUP: u32 = 1;
const ABOUT_DISKS: &[u8] = b"\0SUBSYSTEM=block\0";

#[derive(Debug)]
pub struct Changes(OwnedFd);

impl Changes {
    pub fn new() -> io::Result<Self> {
        let kind = SockProtocol::NetlinkKObjectUEvent;
        let socket = socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, kind)?;
        bind(socket.as_raw_fd(), &NetlinkAddr::new(0, GROUP))?;
        Ok(Self(socket))
    }

    /// Blocks until a disk came, went or was changed.
    pub fn wait(&self) -> io::Result<()> {
        let mut message = [0; 8192];
        loop {
            match recv(self.0.as_raw_fd(), &mut message, MsgFlags::empty()) {
                Ok(length) if !is_about_disks(&message[..length]) => {}
                // ENOBUFS: so much was said that some of it is lost.
                Ok(_) | Err(nix::Error::ENOBUFS) => return Ok(()),
                Err(nix::Error::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

fn is_about_disks(message: &[u8]) -> bool {
    message.windows(ABOUT_DISKS.len()).any(|part| part == ABOUT_DISKS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_about_disks() {
        assert!(is_about_disks(b"add@/devices/x/block/sdb\0ACTION=add\0SUBSYSTEM=block\0DEVNAME=sdb\0"));
        assert!(!is_about_disks(b"add@/devices/x\0ACTION=add\0SUBSYSTEM=net\0"));
        assert!(!is_about_disks(b""));
    }
}
