//! The bridges of this machine, as the kernel shows them.

use crate::error::NetError;
use crate::tap::{self, Control};
use cake_types::{BridgeName, BridgeStatus, MacAddress};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

/// Links of the network namespace that this file system was mounted in.
pub(crate) const LINKS: &str = "/sys/class/net";

/// All bridges, by name.
pub fn bridges() -> Result<Vec<BridgeStatus>, NetError> {
    let mut addresses = addresses()?;
    let mut bridges: Vec<_> = names(Path::new(LINKS))
        .into_iter()
        .filter_map(|name| {
            let name: BridgeName = name.parse().ok().filter(exists)?;
            let addresses = addresses.remove(name.as_str()).unwrap_or_default();
            Some(BridgeStatus { up: is_up(name.as_str()), members: members(&name), addresses, name })
        })
        .collect();
    bridges.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(bridges)
}

pub fn exists(bridge: &BridgeName) -> bool {
    link(bridge.as_str()).join("bridge").is_dir()
}

/// Keeps a bridge's own address as it is. Until somebody says which it has, it has that of a port, and none once the last port goes:
/// a VLAN that is made on it then can't be switched on. Nothing, where it is not there or has none.
pub fn keep_address(bridge: &str) -> Result<(), NetError> {
    let address = std::fs::read_to_string(link(bridge).join("address")).ok();
    match address.and_then(|address| address.trim().parse::<MacAddress>().ok()) {
        Some(address) if address.0 != [0; 6] => Control::new()?.set_address(bridge, address.0),
        _ => Ok(()),
    }
}

pub(crate) fn link(name: &str) -> PathBuf {
    Path::new(LINKS).join(name)
}

/// The largest packet that a link carries, in bytes.
pub(crate) fn mtu(bridge: &BridgeName) -> Option<i32> {
    std::fs::read_to_string(link(bridge.as_str()).join("mtu")).ok()?.trim().parse().ok()
}

fn is_up(name: &str) -> bool {
    // IFF_UP of SIOCGIFFLAGS, in hexadecimal. The operational state of a bridge is down while it has no port.
    let flags = std::fs::read_to_string(link(name).join("flags")).unwrap_or_default();
    let flags = flags.trim().strip_prefix("0x").and_then(|flags| i32::from_str_radix(flags, 16).ok());
    flags.is_some_and(|flags| flags & libc::IFF_UP != 0)
}

fn members(bridge: &BridgeName) -> Vec<String> {
    let mut members = names(&link(bridge.as_str()).join("brif"));
    members.retain(|name| !tap::is_ours(name));
    members.sort();
    members
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect()
}

/// Addresses that others can use, by interface.
fn addresses() -> Result<BTreeMap<String, Vec<IpAddr>>, NetError> {
    let mut found: BTreeMap<String, Vec<IpAddr>> = BTreeMap::new();
    for entry in nix::ifaddrs::getifaddrs().map_err(NetError::errno("read the addresses"))? {
        let address = entry.address.as_ref().and_then(|address| {
            let v4 = address.as_sockaddr_in().map(|v4| IpAddr::V4(v4.ip()));
            v4.or_else(|| address.as_sockaddr_in6().map(|v6| IpAddr::V6(v6.ip())))
        });
        match address {
            Some(IpAddr::V6(v6)) if v6.is_unicast_link_local() => {}
            Some(address) => found.entry(entry.interface_name).or_default().push(address),
            None => {}
        }
    }
    Ok(found)
}
