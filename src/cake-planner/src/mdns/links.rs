//! Where something is told: on links by which the console can be reached, and there only its addresses on that link.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};

/// Addresses that are told on one link; a server with more of them has them for other reasons.
const ADDRESSES_MAX: usize = 16;

/// One interface of the machine as the kernel has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interface {
    pub index: u32,
    pub name: String,
    /// Up, with a cable in it, and able to send to many at once.
    pub usable: bool,
    /// Each with the length of its network's prefix.
    pub addresses: Vec<(IpAddr, u8)>,
}

/// One interface in one of the two families: what is asked over IPv4 is answered over IPv4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId {
    pub index: u32,
    pub v6: bool,
}

/// What is told on a link, and whom it listens to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    pub id: LinkId,
    /// The interface's name.
    pub interface: String,
    /// By which the console is reached on this interface, of both families.
    pub told: Vec<IpAddr>,
    /// Networks of this family that are on the link.
    pub networks: Vec<(IpAddr, u8)>,
}

/// Whether the console can be reached from other machines at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    OnlyThisMachine,
    Links,
}

impl Reach {
    pub fn of(listen: IpAddr) -> Self {
        match listen.to_canonical().is_loopback() {
            true => Self::OnlyThisMachine,
            false => Self::Links,
        }
    }
}

impl Link {
    /// Who is not on the link gets no answer (RFC 6762 §11).
    pub fn is_neighbour(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        let link_local = matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local());
        link_local || self.networks.iter().any(|(network, length)| is_within(address, *network, *length))
    }
}

fn is_within(address: IpAddr, network: IpAddr, length: u8) -> bool {
    let (a, b, bits) = match (address, network) {
        (IpAddr::V4(a), IpAddr::V4(b)) => (u128::from(a.to_bits()) << 96, u128::from(b.to_bits()) << 96, 32),
        (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits(), b.to_bits(), 128),
        _ => return false,
    };
    let length = u32::from(length.min(bits));
    (a ^ b).checked_shr(128 - length).unwrap_or(0) == 0
}

/// The links on which a console that listens at `listen` is told of.
pub fn links(interfaces: &[Interface], listen: IpAddr) -> BTreeMap<LinkId, Link> {
    let mut found = BTreeMap::new();
    if Reach::of(listen) == Reach::OnlyThisMachine {
        return found;
    }
    for interface in interfaces.iter().filter(|interface| interface.usable) {
        let of = |v6: bool| interface.addresses.iter().filter(move |(address, _)| address.is_ipv6() == v6);
        // IPv4 first; the same order every time, so that what is told changes only when it changes.
        let mut told: Vec<IpAddr> = interface.addresses.iter().map(|(address, _)| *address).collect();
        told.retain(|address| is_told(*address, listen));
        told.sort_unstable();
        told.dedup();
        told.truncate(ADDRESSES_MAX);
        if told.is_empty() {
            continue;
        }
        for v6 in [false, true] {
            let networks: Vec<_> = of(v6).copied().collect();
            if networks.is_empty() {
                continue;
            }
            let id = LinkId { index: interface.index, v6 };
            found.insert(id, Link { id, interface: interface.name.clone(), told: told.clone(), networks });
        }
    }
    found
}

/// Link-local addresses of IPv6 can't be in a browser's address bar, not even by a name that leads to them.
fn is_told(address: IpAddr, listen: IpAddr) -> bool {
    let listens = match listen.to_canonical() {
        IpAddr::V4(v4) if v4.is_unspecified() => address.is_ipv4(),
        // The kernel takes both families there.
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => true,
        one => address == one,
    };
    let useless = match address {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_unspecified() || v4.is_multicast(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unspecified() || v6.is_multicast() || v6.is_unicast_link_local(),
    };
    listens && !useless
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interface(index: u32, addresses: &[(&str, u8)]) -> Interface {
        let addresses = addresses.iter().map(|(address, length)| (address.parse().unwrap(), *length)).collect();
        Interface { index, name: format!("eth{index}"), usable: true, addresses }
    }

    fn told(interfaces: &[Interface], listen: &str) -> Vec<(u32, bool, String)> {
        let links = links(interfaces, listen.parse().unwrap());
        let text = |link: &Link| link.told.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        links.values().map(|link| (link.id.index, link.id.v6, text(link))).collect()
    }

    #[test]
    fn only_what_the_console_listens_on_is_told_and_only_there() {
        let lo = Interface { usable: false, ..interface(1, &[("127.0.0.1", 8), ("::1", 128)]) };
        let office = interface(2, &[("fe80::2", 64), ("2001:db8::2", 64), ("192.0.2.7", 24)]);
        let tap = interface(3, &[("fe80::3", 64)]);
        let unplugged = Interface { usable: false, ..interface(4, &[("198.51.100.4", 24)]) };
        let other = interface(5, &[("203.0.113.5", 24)]);
        let all = [lo, office, tap, unplugged, other];
        let both = "192.0.2.7 2001:db8::2".to_owned();
        assert_eq!(
            told(&all, "::"),
            [(2, false, both.clone()), (2, true, both), (5, false, "203.0.113.5".into())],
            "every address but those that nobody can type"
        );
        let v4 = "192.0.2.7".to_owned();
        assert_eq!(
            told(&all, "0.0.0.0"),
            [(2, false, v4.clone()), (2, true, v4.clone()), (5, false, "203.0.113.5".into())]
        );
        assert_eq!(told(&all, "192.0.2.7"), [(2, false, v4.clone()), (2, true, v4.clone())]);
        assert_eq!(told(&all, "::ffff:192.0.2.7"), [(2, false, v4.clone()), (2, true, v4)]);
        for nowhere in ["127.0.0.1", "::1", "::ffff:127.0.0.1", "127.8.8.8", "192.0.2.8"] {
            assert_eq!(told(&all, nowhere), [], "{nowhere}");
        }
        assert_eq!(Reach::of("::ffff:127.0.0.1".parse().unwrap()), Reach::OnlyThisMachine);
        assert_eq!(Reach::of("0.0.0.0".parse().unwrap()), Reach::Links);
    }

    #[test]
    fn neighbours_are_those_on_the_link() {
        let links = links(&[interface(2, &[("192.0.2.7", 25), ("2001:db8::2", 64)])], "::".parse().unwrap());
        let is = |v6: bool, address: &str| links[&LinkId { index: 2, v6 }].is_neighbour(address.parse().unwrap());
        for (v6, address, neighbour) in [
            (false, "192.0.2.1", true),
            (false, "192.0.2.127", true),
            (false, "192.0.2.128", false),
            (false, "8.8.8.8", false),
            (false, "0.0.0.0", false),
            (true, "fe80::1", true),
            (true, "2001:db8::ffff", true),
            (true, "2001:db8:0:1::1", false),
            (true, "192.0.2.1", false),
        ] {
            assert_eq!(is(v6, address), neighbour, "{address}");
        }
        assert!(is_within("8.8.8.8".parse().unwrap(), "192.0.2.1".parse().unwrap(), 0));
        assert!(!is_within("192.0.2.2".parse().unwrap(), "192.0.2.1".parse().unwrap(), 99));
    }
}
