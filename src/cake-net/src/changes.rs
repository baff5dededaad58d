//! The kernel's word that links or addresses changed (rtnetlink(7)). What changed is read anew by whoever hears it, so the messages
//! themselves are not looked at.

use nix::sys::socket::{AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, socket};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

/// Links, IPv4 and IPv6 addresses.
const GROUPS: u32 = (libc::RTMGRP_LINK | libc::RTMGRP_IPV4_IFADDR | libc::RTMGRP_IPV6_IFADDR) as u32;

#[derive(Debug)]
pub struct Changes(OwnedFd);

impl Changes {
    pub fn new() -> io::Result<Self> {
        let socket = socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::NetlinkRoute)?;
        bind(socket.as_raw_fd(), &NetlinkAddr::new(0, GROUPS))?;
        Ok(Self(socket))
    }

    /// Blocks until something changed.
    pub fn wait(&self) -> io::Result<()> {
        match recv(self.0.as_raw_fd(), &mut [0; 8192], MsgFlags::empty()) {
            // ENOBUFS: so much was said that some of it is lost.
            Ok(_) | Err(nix::Error::ENOBUFS | nix::Error::EINTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
