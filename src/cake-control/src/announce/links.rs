//! The machine's interfaces, and a word whenever one of them changes: a cable is plugged in, an address comes by DHCP.

use cake_planner::mdns::Interface;
use nix::ifaddrs::InterfaceAddress;
use nix::net::if_::{InterfaceFlags, if_nametoindex};
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, SockaddrStorage, bind, recv, socket,
};
use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::os::fd::{AsRawFd, OwnedFd};
use tokio::io::unix::AsyncFd;

/// Groups of rtnetlink: links, addresses of IPv4, addresses of IPv6.
const GROUPS: u32 = group(1) | group(5) | group(9);

/// Group N is bit N − 1.
const fn group(number: u32) -> u32 {
    1 << (number - 1)
}

/// What the kernel tells of its links.
pub(super) struct News(AsyncFd<OwnedFd>);

impl News {
    pub(super) fn open() -> io::Result<Self> {
        let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
        let socket = socket(AddressFamily::Netlink, SockType::Raw, flags, SockProtocol::NetlinkRoute)?;
        bind(socket.as_raw_fd(), &NetlinkAddr::new(0, GROUPS))?;
        // SAFETY: an OwnedFd gives the same open descriptor as long as it lives.
        Ok(Self(unsafe { AsyncFd::register(socket)? }))
    }

    /// Returns once something has changed. What it was is not read: whoever wants to know looks at all there is, so that a word
    /// that was lost costs nothing.
    pub(super) async fn changed(&self) {
        // The socket lives as long as this does.
        let Ok(mut ready) = self.0.readable().await else { return std::future::pending().await };
        let mut word = [0; 4096];
        let drained = |socket: &AsyncFd<OwnedFd>| loop {
            match recv(socket.as_raw_fd(), &mut word, MsgFlags::MSG_DONTWAIT) {
                // Too many words at once: some are lost.
                Ok(_) | Err(nix::Error::EINTR | nix::Error::ENOBUFS) => {}
                Err(error) => return Err::<(), io::Error>(error.into()),
            }
        };
        let _ = ready.try_io(drained);
    }
}

/// Every interface with its addresses.
pub(super) fn interfaces() -> io::Result<Vec<Interface>> {
    let mut found: BTreeMap<String, Interface> = BTreeMap::new();
    for entry in nix::ifaddrs::getifaddrs()? {
        // An address may have a label, such as `eth0:1`: it is one of `eth0` all the same.
        let name = entry.interface_name.split(':').next().unwrap_or_default().to_owned();
        let Ok(index) = if_nametoindex(name.as_str()) else { continue };
        let interface = found.entry(name.clone()).or_insert_with(|| Interface {
            index,
            name,
            usable: is_usable(entry.flags),
            addresses: Vec::new(),
        });
        interface.addresses.extend(address(&entry));
    }
    Ok(found.into_values().collect())
}

fn is_usable(flags: InterfaceFlags) -> bool {
    let needed = InterfaceFlags::IFF_UP | InterfaceFlags::IFF_RUNNING | InterfaceFlags::IFF_MULTICAST;
    flags.contains(needed) && !flags.intersects(InterfaceFlags::IFF_LOOPBACK | InterfaceFlags::IFF_POINTOPOINT)
}

fn address(entry: &InterfaceAddress) -> Option<(IpAddr, u8)> {
    let ip = |storage: &SockaddrStorage| {
        let v4 = storage.as_sockaddr_in().map(|v4| IpAddr::V4(v4.ip()));
        v4.or_else(|| storage.as_sockaddr_in6().map(|v6| IpAddr::V6(v6.ip())))
    };
    let ones = match ip(entry.netmask.as_ref()?)? {
        IpAddr::V4(mask) => mask.to_bits().leading_ones(),
        IpAddr::V6(mask) => mask.to_bits().leading_ones(),
    };
    Some((ip(entry.address.as_ref()?)?, u8::try_from(ones).ok()?))
}
