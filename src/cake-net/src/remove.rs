//! Links that the kernel made and that are to go (rtnetlink(7), RTM_DELLINK).

use crate::error::NetError;
use nix::sys::socket::{AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, recv, sendto, socket};
use std::os::fd::AsRawFd;

/// `nlmsghdr` and `ifinfomsg` (netlink(7), rtnetlink(7)): 16 bytes each.
const LENGTH: usize = 32;
/// Where the answer of NLMSG_ERROR has the kernel's number: after its header.
const ERROR_AT: usize = 16;

/// Removes a bond or a VLAN with its name. One that is not there is as good.
pub fn remove_link(name: &str) -> Result<(), NetError> {
    let Ok(index) = nix::net::if_::if_nametoindex(name) else { return Ok(()) };
    let failed = NetError::errno;
    let kernel = socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::NetlinkRoute)
        .map_err(failed("speak to the kernel of links"))?;
    sendto(kernel.as_raw_fd(), &request(index), &NetlinkAddr::new(0, 0), MsgFlags::empty())
        .map_err(failed("ask for a link's removal"))?;
    let mut answer = [0; 4096];
    let length =
        recv(kernel.as_raw_fd(), &mut answer, MsgFlags::empty()).map_err(failed("hear of a link's removal"))?;
    match error_of(&answer[..length]) {
        Some(0) => Ok(()),
        Some(number) if number == -libc::ENODEV => Ok(()),
        Some(number) => Err(failed("remove a link")(nix::Error::from_raw(-number))),
        None => Err(failed("remove a link")(nix::Error::EBADMSG)),
    }
}

fn request(index: u32) -> [u8; LENGTH] {
    let mut message = [0; LENGTH];
    let flags = (libc::NLM_F_REQUEST | libc::NLM_F_ACK) as u16;
    message[0..4].copy_from_slice(&(LENGTH as u32).to_ne_bytes());
    message[4..6].copy_from_slice(&libc::RTM_DELLINK.to_ne_bytes());
    message[6..8].copy_from_slice(&flags.to_ne_bytes());
    // Family, type: none. The index stands at its fifth byte.
    message[20..24].copy_from_slice(&index.to_ne_bytes());
    message
}

fn error_of(answer: &[u8]) -> Option<i32> {
    let kind = u16::from_ne_bytes(answer.get(4..6)?.try_into().ok()?);
    let number = i32::from_ne_bytes(answer.get(ERROR_AT..ERROR_AT + 4)?.try_into().ok()?);
    (i32::from(kind) == libc::NLMSG_ERROR).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_that_is_not_there_is_removed_already() {
        assert!(remove_link("nosuchlink0").is_ok());
        let message = request(7);
        assert_eq!(u32::from_ne_bytes(message[0..4].try_into().unwrap()), 32);
        assert_eq!(u32::from_ne_bytes(message[20..24].try_into().unwrap()), 7);
        assert_eq!(error_of(&message), None);
        assert_eq!(error_of(&[]), None);
    }
}
