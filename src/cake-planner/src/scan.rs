//! Finding BMCs: which addresses a person means, which are worth asking, and what became of those that answered.
//!
//! ```text
//!   "10.0.0.0/24" ──► [`range`] ──► node ──► what answered ──┐
//!   the node's networks ──► [`suggested`]                     ├──► [`candidates`]: how each is reached, what it could be called,
//!   servers that there are ──────────────────────────────────┘     and which server it is already
//! ```

use crate::{maker, names};
use cake_types::{
    BmcAccess, Code, FoundBmc, HostNetwork, IPMI_PORT, Name, Problem, REDFISH_PORT, SCAN_MAX, ScanRange, ScanStatus,
    ServerId, ServerSpec,
};
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use uuid::Uuid;

/// Bits of the longest IPv4 network that is asked as a whole: it has [`SCAN_MAX`] addresses.
const PREFIX_MIN: u8 = 20;

/// What a person writes: `10.0.0.0/24`, `10.0.0.10-10.0.0.99`, `10.0.0.10-99`, or one address. Ports of `None` are the usual ones.
///
/// Of a network of IPv4 its own address and that of its broadcast are left out: nobody can have them.
pub fn range(text: &str, port: Option<u16>, redfish_port: Option<u16>) -> Result<ScanRange, Problem> {
    let wrong = |reason: &str| Problem::invalid("range", reason).at("/range");
    let (first, last) = ends(text.trim()).map_err(wrong)?;
    if !is_machine(first) || !is_machine(last) {
        return Err(wrong("scan-nobody"));
    }
    let count = count(first, last).map_err(wrong)?;
    if count > SCAN_MAX as u128 {
        let problem = Problem::new(Code::OutOfRange).with("field", "range").with("min", 1).with("max", SCAN_MAX);
        return Err(problem.at("/range"));
    }
    let port = checked(port.unwrap_or(IPMI_PORT), "port", "/port")?;
    let redfish_port = checked(redfish_port.unwrap_or(REDFISH_PORT), "port", "/redfish_port")?;
    Ok(ScanRange { first, last, port, redfish_port })
}

fn checked(port: u16, field: &str, pointer: &str) -> Result<u16, Problem> {
    let wrong = || Problem::new(Code::OutOfRange).with("field", field).with("min", 1).with("max", u16::MAX);
    if port == 0 { Err(wrong().at(pointer)) } else { Ok(port) }
}

type Ends = Result<(IpAddr, IpAddr), &'static str>;

fn ends(text: &str) -> Ends {
    if let Some((network, bits)) = text.split_once('/') {
        return match (address(network), bits.trim().parse()) {
            (Some(address), Ok(bits)) => network_ends(address, bits),
            _ => Err("scan-range"),
        };
    }
    match text.split_once('-') {
        None => address(text).map(|one| (one, one)).ok_or("scan-range"),
        Some((first, last)) => {
            let first = address(first).ok_or("scan-range")?;
            let last = address(last).or_else(|| last_part(first, last)).ok_or("scan-range")?;
            Ok((first, last))
        }
    }
}

fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let inside = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    inside.parse().ok()
}

/// `99` after `10.0.0.10-`.
fn last_part(first: IpAddr, text: &str) -> Option<IpAddr> {
    let (IpAddr::V4(first), Ok(part)) = (first, text.trim().parse::<u8>()) else { return None };
    let [a, b, c, _] = first.octets();
    Some(Ipv4Addr::new(a, b, c, part).into())
}

fn network_ends(address: IpAddr, bits: u8) -> Ends {
    match address {
        IpAddr::V4(v4) if bits <= 32 => {
            let mask = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
            let (first, last) = (v4.to_bits() & mask, v4.to_bits() | !mask);
            // A network of one or two addresses has no other ones (RFC 3021).
            let (first, last) = if bits < 31 { (first + 1, last - 1) } else { (first, last) };
            Ok((Ipv4Addr::from_bits(first).into(), Ipv4Addr::from_bits(last).into()))
        }
        IpAddr::V6(v6) if bits <= 128 => {
            let mask = u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0);
            let (first, last) = (v6.to_bits() & mask, v6.to_bits() | !mask);
            Ok((Ipv6Addr::from_bits(first).into(), Ipv6Addr::from_bits(last).into()))
        }
        _ => Err("scan-range"),
    }
}

/// One machine can have it.
const fn is_machine(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => !(v4.is_unspecified() || v4.is_multicast() || v4.is_broadcast()),
        IpAddr::V6(v6) => !(v6.is_unspecified() || v6.is_multicast()),
    }
}

fn count(first: IpAddr, last: IpAddr) -> Result<u128, &'static str> {
    let (from, to) = match (first, last) {
        (IpAddr::V4(first), IpAddr::V4(last)) => (first.to_bits().into(), last.to_bits().into()),
        (IpAddr::V6(first), IpAddr::V6(last)) => (first.to_bits(), last.to_bits()),
        _ => return Err("scan-mixed"),
    };
    let more: u128 = to.checked_sub(from).ok_or("scan-backwards")?;
    Ok(more.saturating_add(1))
}

/// How many addresses are asked: at most [`SCAN_MAX`].
pub fn total(range: &ScanRange) -> u32 {
    count(range.first, range.last).ok().and_then(|count| u32::try_from(count).ok()).unwrap_or(0)
}

/// The range in words that [`range`] understands.
pub fn words(range: &ScanRange) -> String {
    let ScanRange { first, last, .. } = range;
    if first == last { first.to_string() } else { format!("{first}-{last}") }
}

/// The networks of a node that BMCs could be in, each once: those of IPv4, of a larger one the part around the node. Nobody can ask all
/// of an IPv6 network.
pub fn suggested(networks: &[HostNetwork]) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for network in networks {
        let IpAddr::V4(address) = network.address else { continue };
        if address.is_loopback() || address.is_link_local() || network.prefix > 30 {
            continue;
        }
        let prefix = network.prefix.max(PREFIX_MIN);
        let mask = u32::MAX << (32 - u32::from(prefix));
        let text = format!("{}/{prefix}", Ipv4Addr::from_bits(address.to_bits() & mask));
        if !all.contains(&text) {
            all.push(text);
        }
    }
    all
}

/// A server as scans look at it.
pub struct Known<'a> {
    pub id: ServerId,
    pub name: &'a Name,
    pub spec: &'a ServerSpec,
    /// What its BMC says that tells it from all others.
    pub guid: Option<Uuid>,
}

/// What answered, and what can be done with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    pub bmc: FoundBmc,
    /// How it is best reached, and at which port.
    pub access: BmcAccess,
    pub port: u16,
    /// Who made it, as far as it says.
    pub maker: Option<String>,
    /// What it could be called: nothing else is called so.
    pub name: Name,
    /// The server of cake that it is already.
    pub server: Option<(ServerId, Name)>,
}

/// What became of a scan, beside the servers that there are.
pub fn candidates(scan: &ScanStatus, servers: &[Known<'_>]) -> Vec<Candidate> {
    let mut taken: BTreeSet<String> = servers.iter().map(|server| names::fold(server.name)).collect();
    let candidate = |bmc: &FoundBmc| {
        let (access, port) = reached(bmc, &scan.range);
        let server = servers.iter().find(|server| is_same(server, bmc, &scan.range));
        let server = server.map(|server| (server.id, server.name.clone()));
        let name = free_name(bmc.address, &taken);
        if server.is_none() {
            taken.insert(names::fold(&name));
        }
        Candidate { maker: maker_of(bmc), bmc: bmc.clone(), access, port, name, server }
    };
    scan.found.iter().map(candidate).collect()
}

/// `auto` asks for Redfish at its usual port and falls back to IPMI; at another port it has to be said.
fn reached(bmc: &FoundBmc, range: &ScanRange) -> (BmcAccess, u16) {
    match (&bmc.redfish, bmc.ipmi) {
        (Some(_), true) if range.redfish_port == REDFISH_PORT => (BmcAccess::Auto, range.port),
        (Some(_), _) => (BmcAccess::Redfish, range.redfish_port),
        (None, _) => (BmcAccess::Ipmi, range.port),
    }
}

/// The same address and port, or the same machine behind a name.
fn is_same(server: &Known<'_>, bmc: &FoundBmc, range: &ScanRange) -> bool {
    let Some(spec) = server.spec.bmc.as_ref().filter(|spec| spec.access != BmcAccess::Local) else { return false };
    let ports = [bmc.ipmi.then_some(range.port), bmc.redfish.as_ref().map(|_| range.redfish_port)];
    let here = spec.host.parse() == Ok(bmc.address) && ports.contains(&Some(spec.port));
    let uuid = bmc.redfish.as_ref().and_then(|redfish| redfish.uuid);
    here || (uuid.is_some() && uuid == server.guid)
}

fn maker_of(bmc: &FoundBmc) -> Option<String> {
    let vendor = bmc.redfish.as_ref().map(|redfish| redfish.vendor.trim()).filter(|vendor| !vendor.is_empty());
    vendor.map(str::to_owned).or_else(|| Some(maker::name(bmc.manufacturer?)?.to_owned()))
}

/// After the last part of its address: who looks at the list sees which is which.
fn free_name(address: IpAddr, taken: &BTreeSet<String>) -> Name {
    let last = match address {
        IpAddr::V4(v4) => v4.octets()[3].to_string(),
        IpAddr::V6(v6) => format!("{:x}", v6.segments()[7]),
    };
    let stem: Name = format!("server-{last}").parse().expect("letters, digits and a hyphen are a name");
    let free = names::numbered(&stem).find(|name| !taken.contains(&names::fold(name)));
    free.unwrap_or(stem)
}

#[cfg(test)]
#[path = "scan_tests.rs"]
mod tests;
