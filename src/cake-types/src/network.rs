//! A VM's place on the network: what each network card is connected to, and what a node has to connect to.

use crate::MacAddress;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// What a network card is connected to, as asked. In the order of the hardware record's cards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum NicSpec {
    /// A private address behind the node's own (QEMU user mode). Nobody reaches in but through a forward.
    Nat {
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        forwards: Vec<Forward>,
    },
    /// A port of the node's bridge of that name: the guest is a machine among the others there.
    Bridged { bridge: BridgeName },
}

impl NicSpec {
    pub const fn nat() -> Self {
        Self::Nat { forwards: Vec::new() }
    }

    pub fn forwards(&self) -> &[Forward] {
        match self {
            Self::Nat { forwards } => forwards,
            Self::Bridged { .. } => &[],
        }
    }

    pub fn bridge(&self) -> Option<&BridgeName> {
        match self {
            Self::Nat { .. } => None,
            Self::Bridged { bridge } => Some(bridge),
        }
    }

    /// The word in JSON: `nat`, `bridged`.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Nat { .. } => "nat",
            Self::Bridged { .. } => "bridged",
        }
    }
}

/// A port of the node that leads to a port of the guest, on all of the node's IPv4 addresses. Written `tcp:8080:80`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Forward {
    pub protocol: Protocol,
    /// On the node.
    pub host_port: u16,
    /// In the guest.
    pub guest_port: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    Tcp,
    Udp,
}

impl Protocol {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not of the form tcp:PORT:PORT or udp:PORT:PORT")]
pub struct ForwardError;

impl fmt::Display for Forward {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.protocol.as_str(), self.host_port, self.guest_port)
    }
}

impl FromStr for Forward {
    type Err = ForwardError;

    fn from_str(text: &str) -> Result<Self, ForwardError> {
        let mut parts = text.split(':');
        let protocol = match parts.next() {
            Some("tcp") => Protocol::Tcp,
            Some("udp") => Protocol::Udp,
            _ => return Err(ForwardError),
        };
        let mut port = || port(parts.next().ok_or(ForwardError)?);
        let (host_port, guest_port) = (port()?, port()?);
        if parts.next().is_some() { Err(ForwardError) } else { Ok(Self { protocol, host_port, guest_port }) }
    }
}

/// Digits alone: no sign, no leading zero, and not the port 0, which means "any" to the kernel.
fn port(text: &str) -> Result<u16, ForwardError> {
    if text.starts_with('0') || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(ForwardError);
    }
    text.parse().map_err(|_| ForwardError)
}

impl TryFrom<String> for Forward {
    type Error = ForwardError;

    fn try_from(text: String) -> Result<Self, ForwardError> {
        text.parse()
    }
}

impl From<Forward> for String {
    fn from(forward: Forward) -> Self {
        forward.to_string()
    }
}

/// The name of a bridge of a node: 1 to 15 ASCII letters, digits, `-`, `_` and `.` (the kernel's names of interfaces, as far as
/// they are plain).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BridgeName(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the name of a bridge")]
pub struct BridgeNameError;

impl BridgeName {
    /// Longest name of an interface (IFNAMSIZ without its end).
    pub const MAX: usize = 15;

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for BridgeName {
    type Err = BridgeNameError;

    fn from_str(text: &str) -> Result<Self, BridgeNameError> {
        let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        let begins = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
        if plain && begins && text.len() <= Self::MAX { Ok(Self(text.into())) } else { Err(BridgeNameError) }
    }
}

impl fmt::Display for BridgeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for BridgeName {
    type Error = BridgeNameError;

    fn try_from(text: String) -> Result<Self, BridgeNameError> {
        text.parse()
    }
}

impl From<BridgeName> for String {
    fn from(name: BridgeName) -> Self {
        name.0
    }
}

/// A bridge that a node has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BridgeStatus {
    pub name: BridgeName,
    /// It carries packets.
    pub up: bool,
    /// The node's own addresses on it.
    pub addresses: Vec<IpAddr>,
    /// Interfaces of the machine that are its ports; VMs' are not named.
    pub members: Vec<String>,
}

/// A network card that a running guest has, as the node sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NicStatus {
    pub mac: MacAddress,
    /// Addresses that the guest used on a bridge within the last 12 hours: as its own ARP and neighbour
    /// discovery say, or as a DHCP server told it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<IpAddr>,
    /// The guest was asked to let it go and has not done so yet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub leaving: bool,
    /// Why it is not there, or still there, against what is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<crate::Failure>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forward_is_written_as_it_is_read() {
        for text in ["tcp:8080:80", "udp:65535:1"] {
            assert_eq!(text.parse::<Forward>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "tcp",
            "tcp:80",
            "tcp:0:80",
            "tcp:80:0",
            "tcp:65536:80",
            "tcp:080:80",
            "tcp:+80:80",
            "tcp:1:2:3",
            "sctp:1:2",
        ] {
            assert!(text.parse::<Forward>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_bridge_has_a_plain_name() {
        for text in ["br0", "vmbr0.100", "0", "a-_.", "exactly15letter"] {
            assert_eq!(text.parse::<BridgeName>().unwrap().to_string(), text);
        }
        for text in ["", ".", "..", "-x", "a/b", "a b", "sixteen-letters-", "br0,script=x", "橋"] {
            assert!(text.parse::<BridgeName>().is_err(), "{text:?}");
        }
    }
}
