//! Whether a network can be.

use cake_types::{
    Code, MacAddress, Prefixed, Problem, UPLINK_SECONDS_RANGE, UplinkMethod, UplinkPort, UplinkSpec, UplinkWarning,
    VLAN_MAX, is_reachable,
};
use std::fmt;
use std::net::IpAddr;
use std::ops::RangeInclusive;

/// More are no address of a server, but a mistake.
const ADDRESSES_MAX: usize = 16;
/// As many as resolvers ask.
const DNS_MAX: usize = 8;
const SEARCH_MAX: usize = 8;
const LINKS_MAX: usize = 64;
/// Least that IPv6 needs (RFC 8200 §5), and what cards carry at most.
const MTU: std::ops::RangeInclusive<u16> = 1280..=9216;
/// Longest name of a port: the kernel's has 15 characters, a MAC address 17.
const LINK_LENGTH: usize = 17;

fn invalid(field: &str, reason: &str, pointer: String) -> Problem {
    Problem::invalid(field, reason).at(&pointer)
}

/// Refuses what no network could be. `ports`: those of the server, where they are known; then at least one that is named must be there.
pub fn check(spec: &UplinkSpec, ports: Option<&[UplinkPort]>) -> Result<(), Problem> {
    let UplinkSpec { method, addresses, gateways, dns, search, vlan, links, bond: _, mtu } = spec;
    match method {
        UplinkMethod::Static if addresses.is_empty() => {
            return Err(invalid("addresses", "uplink-address-missing", "/addresses".into()));
        }
        UplinkMethod::Dhcp if !addresses.is_empty() => {
            return Err(invalid("addresses", "uplink-dhcp", "/addresses".into()));
        }
        UplinkMethod::Dhcp if !gateways.is_empty() => {
            return Err(invalid("gateways", "uplink-dhcp", "/gateways".into()));
        }
        UplinkMethod::Static | UplinkMethod::Dhcp => {}
    }
    at_most("addresses", addresses.len(), ADDRESSES_MAX)?;
    for (index, address) in addresses.iter().enumerate() {
        if let Some(reason) = address_fault(address, &addresses[..index]) {
            return Err(invalid("addresses", reason, format!("/addresses/{index}")));
        }
    }
    for (index, gateway) in gateways.iter().enumerate() {
        if let Some(reason) = gateway_fault(*gateway, &gateways[..index], addresses) {
            return Err(invalid("gateways", reason, format!("/gateways/{index}")));
        }
    }
    at_most("dns", dns.len(), DNS_MAX)?;
    for (index, server) in dns.iter().enumerate() {
        let fault = match *server {
            server if dns[..index].contains(&server) => "uplink-twice",
            server if !is_somebody(server) => "uplink-address-unusable",
            _ => continue,
        };
        return Err(invalid("dns", fault, format!("/dns/{index}")));
    }
    at_most("search", search.len(), SEARCH_MAX)?;
    if let Some(index) = search.iter().position(|domain| !is_domain(domain)) {
        return Err(invalid("search", "uplink-domain", format!("/search/{index}")));
    }
    within("vlan", *vlan, 1..=VLAN_MAX)?;
    within("mtu", *mtu, MTU)?;
    at_most("links", links.len(), LINKS_MAX)?;
    for (index, link) in links.iter().enumerate() {
        let fault = match link {
            link if !is_link(link) => "uplink-link",
            link if links[..index].iter().any(|other| other.eq_ignore_ascii_case(link)) => "uplink-twice",
            _ => continue,
        };
        return Err(invalid("links", fault, format!("/links/{index}")).with("link", link));
    }
    match ports {
        Some(ports) if !links.is_empty() && !ports.iter().any(|port| is_named(port, links)) => {
            Err(invalid("links", "uplink-no-port", "/links".into()))
        }
        _ => Ok(()),
    }
}

/// What somebody may not have meant.
pub fn warnings(spec: &UplinkSpec, ports: &[UplinkPort]) -> Vec<UplinkWarning> {
    let UplinkSpec { method, gateways, dns, links, .. } = spec;
    let fixed = *method == UplinkMethod::Static;
    let named = |port: &&UplinkPort| links.is_empty() || is_named(port, links);
    let missing = links.iter().any(|link| !ports.iter().any(|port| is_called(port, link)));
    let found = [
        (fixed && dns.is_empty(), UplinkWarning::NoDns),
        (fixed && gateways.is_empty(), UplinkWarning::NoGateway),
        (missing, UplinkWarning::PortMissing),
        (!ports.is_empty() && !ports.iter().filter(named).any(|port| port.carrier), UplinkWarning::NoCarrier),
    ];
    found.into_iter().filter_map(|(holds, warning)| holds.then_some(warning)).collect()
}

fn is_named(port: &UplinkPort, links: &[String]) -> bool {
    links.iter().any(|link| is_called(port, link))
}

fn is_called(port: &UplinkPort, link: &str) -> bool {
    port.name == link || link.parse::<MacAddress>().is_ok_and(|mac| mac == port.mac)
}

fn address_fault(address: &Prefixed, earlier: &[Prefixed]) -> Option<&'static str> {
    match address {
        _ if earlier.iter().any(|other| other.address == address.address) => Some("uplink-twice"),
        _ if !is_somebody(address.address) || !is_reachable(address.address) => Some("uplink-address-unusable"),
        _ if address.is_network() => Some("uplink-address-network"),
        _ if address.is_broadcast() => Some("uplink-address-broadcast"),
        _ => None,
    }
}

fn gateway_fault(gateway: IpAddr, earlier: &[IpAddr], addresses: &[Prefixed]) -> Option<&'static str> {
    // A router of IPv6 goes by the address that it has on the cable (RFC 4861 §4.2).
    let on_cable = matches!(gateway, IpAddr::V6(v6) if v6.is_unicast_link_local());
    let mut family = addresses.iter().filter(|own| own.address.is_ipv4() == gateway.is_ipv4()).peekable();
    match gateway {
        _ if earlier.iter().any(|other| other.is_ipv4() == gateway.is_ipv4()) => Some("uplink-gateways"),
        _ if family.peek().is_none() => Some("uplink-gateway-family"),
        _ if addresses.iter().any(|own| own.address == gateway) => Some("uplink-gateway-own"),
        _ if !is_somebody(gateway) => Some("uplink-address-unusable"),
        _ if on_cable => None,
        _ if !family.any(|own| is_host_of(gateway, own)) => Some("uplink-gateway-outside"),
        _ => None,
    }
}

/// In that network, and neither its first nor its last address.
fn is_host_of(gateway: IpAddr, own: &Prefixed) -> bool {
    let at = Prefixed { address: gateway, length: own.length };
    own.contains(gateway) && !at.is_network() && !at.is_broadcast()
}

/// Whether it can be one machine's.
fn is_somebody(address: IpAddr) -> bool {
    let broadcast =
        matches!(address, IpAddr::V4(v4) if v4.is_broadcast() || v4.octets()[0] == 0 || v4.octets()[0] >= 240);
    let mapped = matches!(address, IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some());
    !address.is_unspecified() && !address.is_multicast() && !address.is_loopback() && !broadcast && !mapped
}

/// Letters, digits and hyphens between dots (RFC 1123 §2.1).
fn is_domain(text: &str) -> bool {
    let label = |label: &str| {
        let plain = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        (1..=63).contains(&label.len()) && plain && !label.starts_with('-') && !label.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(label)
}

/// What a file of systemd-networkd can name without matching more than it.
fn is_link(link: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:@".contains(c);
    (1..=LINK_LENGTH).contains(&link.len()) && link.chars().all(plain)
}

fn at_most(field: &str, have: usize, most: usize) -> Result<(), Problem> {
    match have <= most {
        true => Ok(()),
        false => Err(invalid(field, "too-many", format!("/{field}"))),
    }
}

fn within<T: PartialOrd + fmt::Display>(
    field: &str,
    value: Option<T>,
    range: RangeInclusive<T>,
) -> Result<(), Problem> {
    match value.is_none_or(|value| range.contains(&value)) {
        true => Ok(()),
        false => {
            let problem = Problem::new(Code::OutOfRange).with("field", field);
            Err(problem.with("min", range.start()).with("max", range.end()).at(&format!("/{field}")))
        }
    }
}

/// How long a trial may last, in seconds.
pub fn seconds(seconds: u32) -> Result<u32, Problem> {
    within("seconds", Some(seconds), UPLINK_SECONDS_RANGE).map(|()| seconds)
}

/// For whoever wrote the file and reads what is wrong at a terminal; the API says it in every language.
pub fn english(problem: &Problem) -> String {
    let fact = |name: &str| problem.params.get(name).map_or("", String::as_str);
    match (problem.code, fact("reason")) {
        (Code::OutOfRange, _) => format!("is a number from {} to {}", fact("min"), fact("max")),
        (_, "uplink-address-missing") => "is missing: a static address is written as 192.0.2.7/24".into(),
        (_, "uplink-dhcp") => "is given, but the method is dhcp: write method = \"static\"".into(),
        (_, "uplink-address-network") => "is the network's own address: the server needs one of its own in it".into(),
        (_, "uplink-address-broadcast") => "is the broadcast address of its network".into(),
        (_, "uplink-address-unusable") => "can't be the address of a machine that others reach".into(),
        (_, "uplink-gateway-family") => "is of another family than the address".into(),
        (_, "uplink-gateway-outside") => "is not in the network of the address: it could not be reached".into(),
        (_, "uplink-gateway-own") => "is the server's own address".into(),
        (_, "uplink-gateways") => "is one too many: there is one for IPv4 and one for IPv6".into(),
        (_, "uplink-domain") => "is no domain".into(),
        (_, "uplink-link") => "is no name or MAC address of a link".into(),
        (_, "uplink-twice") if !fact("link").is_empty() => format!("{} stands here twice", fact("link")),
        (_, "uplink-twice") => "stands here twice".into(),
        (_, "uplink-no-port") => "names no port that this server has".into(),
        (_, "too-many") => "has too many".into(),
        _ => problem.to_string(),
    }
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
