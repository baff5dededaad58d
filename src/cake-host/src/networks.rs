//! The networks that this machine has addresses in.

use cake_types::HostNetwork;
use nix::ifaddrs::InterfaceAddress;
use nix::net::if_::InterfaceFlags;
use nix::sys::socket::SockaddrStorage;
use std::io;
use std::net::IpAddr;

/// Of interfaces that are up, without the loopback and lines that have nobody but one other end. By interface.
pub fn networks() -> io::Result<Vec<HostNetwork>> {
    let mut all: Vec<HostNetwork> = nix::ifaddrs::getifaddrs()?.filter_map(|entry| network(&entry)).collect();
    all.sort_by(|a, b| (&a.interface, a.address).cmp(&(&b.interface, b.address)));
    Ok(all)
}

fn network(entry: &InterfaceAddress) -> Option<HostNetwork> {
    let beside = InterfaceFlags::IFF_LOOPBACK | InterfaceFlags::IFF_POINTOPOINT;
    if !entry.flags.contains(InterfaceFlags::IFF_UP) || entry.flags.intersects(beside) {
        return None;
    }
    let prefix = match ip(entry.netmask.as_ref()?)? {
        IpAddr::V4(mask) => mask.to_bits().leading_ones(),
        IpAddr::V6(mask) => mask.to_bits().leading_ones(),
    };
    let address = ip(entry.address.as_ref()?)?;
    // An address may have a label, such as `eth0:1`: it is one of `eth0` all the same.
    let interface = entry.interface_name.split(':').next().unwrap_or_default().to_owned();
    Some(HostNetwork { interface, address, prefix: u8::try_from(prefix).ok()? })
}

fn ip(storage: &SockaddrStorage) -> Option<IpAddr> {
    let v4 = storage.as_sockaddr_in().map(|v4| IpAddr::V4(v4.ip()));
    v4.or_else(|| storage.as_sockaddr_in6().map(|v6| IpAddr::V6(v6.ip())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_is_no_network() {
        let all = networks().unwrap();
        assert!(all.iter().all(|network| network.interface != "lo" && !network.address.is_loopback()), "{all:?}");
        assert!(all.iter().all(|network| network.prefix > 0 && network.prefix <= 128), "{all:?}");
    }
}
