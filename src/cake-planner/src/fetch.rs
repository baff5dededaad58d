//! Which addresses cake fetches from when somebody gives it an address: the networks that people use, and never the server itself
//! or what only it can reach.
//!
//! ```text
//!   loopback, unspecified      the server itself
//!   link-local                 neighbours without an address of their own; the metadata services of hosting companies
//!   metadata                   … that sit elsewhere
//!   multicast, reserved        nobody in particular
//! ```
//!
//! Private networks are allowed: a mirror in the office is where most images come from. An IPv6 address that carries an IPv4
//! address is judged by that one too.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Where hosting companies tell a server its secrets, outside of the link-local range.
const METADATA: [Ipv4Addr; 2] = [Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(168, 63, 129, 16)];
const METADATA_6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);

/// Whether a file may be fetched from there.
pub fn may_reach(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => may_reach_4(address),
        IpAddr::V6(address) => may_reach_6(address),
    }
}

/// Of the addresses that a name stands for, those that may be reached; `None` where that is none of them.
pub fn reachable(found: impl IntoIterator<Item = SocketAddr>) -> Option<Vec<SocketAddr>> {
    let may: Vec<SocketAddr> = found.into_iter().filter(|address| may_reach(address.ip())).collect();
    (!may.is_empty()).then_some(may)
}

/// The host of a URL as it stands there, brackets and all. A name is judged when it is looked up; an address is not looked up.
pub fn may_be_host(host: &str) -> bool {
    let address: Option<IpAddr> = host.trim_start_matches('[').trim_end_matches(']').parse().ok();
    address.is_none_or(may_reach)
}

fn may_reach_4(address: Ipv4Addr) -> bool {
    let [first, ..] = address.octets();
    // RFC 1122 §3.2.1.3: 0/8 is "this network"; RFC 1112 §4: 224/4 and 240/4 are no hosts.
    first != 0 && first < 224 && !address.is_loopback() && !address.is_link_local() && !METADATA.contains(&address)
}

fn may_reach_6(address: Ipv6Addr) -> bool {
    let [first, second, third, ..] = address.segments();
    // RFC 4291 §2.5.7: site-local addresses are gone, and what still uses them is nobody's business.
    let local = address.is_unicast_link_local() || first & 0xffc0 == 0xfec0;
    let inner = match address.segments() {
        // Mapped and compatible (RFC 4291 §2.5.5), translated (RFC 6052 §2.1), which holds :: and ::1 too.
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Some((high, low)),
        // 6to4 (RFC 3056 §2).
        [0x2002, ..] => Some((second, third)),
        _ => None,
    };
    let inner = inner.map(|(high, low)| Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)));
    let teredo = (first, second) == (0x2001, 0);
    !local && !teredo && !address.is_multicast() && address != METADATA_6 && inner.is_none_or(may_reach_4)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_server_itself_and_what_only_it_can_reach_are_not_fetched_from() {
        for text in [
            "127.0.0.1",
            "127.255.0.9",
            "0.0.0.0",
            "0.1.2.3",
            "169.254.169.254",
            "169.254.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "240.0.0.1",
            "100.100.100.200",
            "168.63.129.16",
            "::",
            "::1",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "ff02::1",
            "fd00:ec2::254",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "2002:7f00:1::",
            "2002:a9fe:a9fe::1",
            "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        ] {
            assert!(!may_reach(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn the_office_and_the_world_are() {
        for text in [
            "10.0.0.1",
            "172.16.9.9",
            "192.168.1.10",
            "100.64.0.1",
            "8.8.8.8",
            "2001:db8::1",
            "2606:4700::1",
            "fd12::1",
            "::ffff:10.0.0.1",
            "64:ff9b::808:808",
            "2002:808:808::1",
        ] {
            assert!(may_reach(text.parse().unwrap()), "{text}");
        }
    }

    proptest! {
        #[test]
        fn an_address_in_another_form_is_judged_alike(bytes: [u8; 4]) {
            let address = Ipv4Addr::from(bytes);
            let mapped = address.to_ipv6_mapped();
            prop_assert_eq!(may_reach(address.into()), may_reach(mapped.into()));
        }
    }
}
