//! The server's own network: what its address is to be, which of its ports carry it, and what is so.
//!
//! One record for everybody who asks for it: the console, the wizard, and the table `[install.network]` of an answer file.

use crate::words::words;
use crate::{MacAddress, OperationId};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// Seconds that a new network has to be confirmed, unless somebody chooses otherwise.
pub const UPLINK_SECONDS: u32 = 90;
/// Least and most seconds that it can be given.
pub const UPLINK_SECONDS_RANGE: std::ops::RangeInclusive<u32> = 30..=600;
/// Most VLANs that there can be (IEEE 802.1Q: 12 bits without 0 and 4095).
pub const VLAN_MAX: u16 = 4094;
/// Where the server has its address; networks of VMs may be bridged to it.
pub const UPLINK_BRIDGE: &str = "uplink";
/// Where it has its address instead when that is in a VLAN.
pub const UPLINK_VLAN: &str = "management";
/// All ports that carry it, together.
pub const UPLINK_BOND: &str = "cables";

/// An address with the length of its network's prefix: `192.0.2.7/24`, `2001:db8::7/64`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Prefixed {
    pub address: IpAddr,
    /// Bits of the network's part: at least 1, at most 32 (IPv4) or 128 (IPv6).
    pub length: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is no address with the length of its prefix, such as 192.0.2.7/24")]
pub struct NotPrefixed;

impl Prefixed {
    /// Whether somebody at `other` is in the same network.
    pub fn contains(&self, other: IpAddr) -> bool {
        let masked = |address| bits(address) & mask(self.length, address);
        self.address.is_ipv4() == other.is_ipv4() && masked(self.address) == masked(other)
    }

    /// The first address of the network, which is nobody's: IPv4 networks of more than two addresses have one (RFC 3021 §2.1).
    pub fn is_network(&self) -> bool {
        let host = bits(self.address) & !mask(self.length, self.address);
        self.address.is_ipv4() && self.length < 31 && host & u128::from(u32::MAX) == 0
    }

    /// The last address of an IPv4 network, which is everybody's (RFC 919).
    pub fn is_broadcast(&self) -> bool {
        let host = u128::from(u32::MAX) & !mask(self.length, self.address);
        self.address.is_ipv4() && self.length < 31 && bits(self.address) & host == host
    }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_bits().into(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

fn mask(length: u8, of: IpAddr) -> u128 {
    let width = if of.is_ipv4() { 32 } else { 128 };
    let host = width - u32::from(length).min(width);
    u128::MAX.checked_shl(host).unwrap_or(0)
}

impl FromStr for Prefixed {
    type Err = NotPrefixed;

    fn from_str(text: &str) -> Result<Self, NotPrefixed> {
        let (address, length) = text.split_once('/').ok_or(NotPrefixed)?;
        let address: IpAddr = address.parse().map_err(|_| NotPrefixed)?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let plain = length.len() <= 3 && length.bytes().all(|byte| byte.is_ascii_digit());
        let length = length.parse::<u8>().ok().filter(|length| plain && (1..=most).contains(length));
        Ok(Self { address, length: length.ok_or(NotPrefixed)? })
    }
}

impl fmt::Display for Prefixed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

impl Serialize for Prefixed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Prefixed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// What the server's network is to be. Without anything said: whatever the network gives, over any port.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UplinkSpec {
    #[serde(default)]
    pub method: UplinkMethod,
    /// One or several; only if `method` is `static`.
    #[serde(default, rename = "address", deserialize_with = "one_or_many", skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<Prefixed>,
    /// At most one of each family.
    #[serde(default, rename = "gateway", deserialize_with = "one_or_many", skip_serializing_if = "Vec::is_empty")]
    pub gateways: Vec<IpAddr>,
    /// Instead of what the network gives.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dns: Vec<IpAddr>,
    /// Domains in which names without a dot are looked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub search: Vec<String>,
    /// The server's address is in that VLAN (IEEE 802.1Q, 1 to 4094); VMs stay in what carries it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vlan: Option<u16>,
    /// Names or MAC addresses of the ports that carry it; none named: all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<String>,
    #[serde(default)]
    pub bond: BondMode,
    /// Bytes of the largest packet; absent: as the ports have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtu: Option<u16>,
}

/// A list of one may be written without brackets.
fn one_or_many<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    struct Either<T>(std::marker::PhantomData<T>);
    impl<'de, T: Deserialize<'de>> serde::de::Visitor<'de> for Either<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an address or a list of addresses")
        }

        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
            T::deserialize(serde::de::value::StrDeserializer::new(text)).map(|one| vec![one])
        }

        fn visit_seq<A: serde::de::SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
            Vec::deserialize(serde::de::value::SeqAccessDeserializer::new(list))
        }
    }
    deserializer.deserialize_any(Either(std::marker::PhantomData))
}

words! {
    /// Where the address comes from. Its name is `uplink-method-METHOD`.
    #[derive(Default)]
    UplinkMethod {
        /// DHCP for IPv4; for IPv6 what routers advertise, with DHCPv6 where they say so.
        #[default]
        Dhcp = "dhcp",
        Static = "static",
    }

    /// How several ports are one. Its name is `bond-mode-MODE`.
    #[derive(Default)]
    BondMode {
        /// One carries, another takes over: any switch will do.
        #[default]
        ActiveBackup = "active-backup",
        /// Link aggregation (IEEE 802.1AX, LACP): all carry, and the switch has to be set up for it.
        Lacp = "lacp",
    }

    /// Who gave an address, a gateway or a name server. Its name is `uplink-source-SOURCE`.
    UplinkSource {
        Static = "static",
        Dhcp = "dhcp",
        /// A router's advertisement (IPv6).
        Router = "router",
        /// Of its own making, good on the cable only.
        LinkLocal = "link-local",
        Other = "other",
    }

    /// What is possible and yet perhaps not meant. Its sentence is `uplink-warning-WARNING`.
    UplinkWarning {
        /// Names can't be looked up: nothing can be fetched by its name.
        NoDns = "no-dns",
        /// Only the server's own network can be reached.
        NoGateway = "no-gateway",
        /// A port that is named is not there (any more).
        PortMissing = "port-missing",
        /// Nothing is plugged into any of the ports.
        NoCarrier = "no-carrier",
    }

    /// How a new network ended. Its sentence is `uplink-end-END`.
    UplinkEnd {
        Confirmed = "confirmed",
        /// Nobody confirmed it in time.
        Expired = "expired",
        Cancelled = "cancelled",
        /// The node was started anew meanwhile.
        Restarted = "restarted",
        /// systemd-networkd did not take it.
        Failed = "failed",
    }
}

/// The server's network as its node sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UplinkStatus {
    /// What was confirmed last; what holds unless something is being tried.
    pub spec: UplinkSpec,
    /// Raised whenever `spec` changes.
    pub generation: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trial: Option<UplinkTrial>,
    /// How the last trial ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<UplinkEnded>,
    /// By name. What the server was built with, not what the kernel made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<UplinkPort>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<Sourced<Prefixed>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gateways: Vec<Sourced<IpAddr>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dns: Vec<Sourced<IpAddr>>,
    /// Why systemd-networkd did not take what is to be, in English.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

/// A network that is tried: it returns to the one before by itself unless somebody confirms it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UplinkTrial {
    pub operation: OperationId,
    pub spec: UplinkSpec,
    /// How long it has in all.
    pub seconds: u32,
    /// When it returns, by the server's clock.
    pub until: Timestamp,
    /// The server has it: what is said of addresses is said of this network. A moment after it was asked for.
    #[serde(default)]
    pub applied: bool,
    /// Addresses that the server had before: who comes in over another one has proven that it can be reached.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub before: Vec<IpAddr>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UplinkEnded {
    pub operation: OperationId,
    pub end: UplinkEnd,
    pub at: Timestamp,
}

/// Something, and who gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sourced<T> {
    pub value: T,
    pub source: UplinkSource,
}

/// A port at the back of the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UplinkPort {
    /// As the kernel names it: `eno1`.
    pub name: String,
    /// Its own, whatever it is called by now.
    pub mac: MacAddress,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub driver: Option<String>,
    /// Something is plugged in and answers.
    pub carrier: bool,
    /// Megabits a second; absent without a carrier, and where the card does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speed: Option<u32>,
    /// It belongs to the bond.
    #[serde(default)]
    pub bonded: bool,
    /// It is the one that carries, or one of them.
    #[serde(default)]
    pub active: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub neighbor: Option<PortNeighbor>,
}

/// Who is at the other end of the cable, as it says by LLDP (IEEE 802.1AB).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortNeighbor {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<String>,
}

/// Whether others could reach the server by it: no loopback, none that is good on one cable only.
pub fn is_reachable(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => !v4.is_loopback() && !v4.is_link_local() && v4 != Ipv4Addr::UNSPECIFIED,
        IpAddr::V6(v6) => !v6.is_loopback() && !v6.is_unicast_link_local() && v6 != Ipv6Addr::UNSPECIFIED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_with_prefixes() {
        for good in ["192.0.2.7/24", "10.0.0.1/31", "192.0.2.7/32", "2001:db8::7/64", "fd00::1/128"] {
            assert_eq!(good.parse::<Prefixed>().unwrap().to_string(), good);
        }
        for bad in
            ["", "192.0.2.7", "192.0.2.7/0", "192.0.2.7/33", "192.0.2/24", "2001:db8::7/129", "1.2.3.4/+8", "x/24"]
        {
            assert!(bad.parse::<Prefixed>().is_err(), "{bad}");
        }
        let net: Prefixed = "192.0.2.7/24".parse().unwrap();
        assert!(net.contains("192.0.2.1".parse().unwrap()) && !net.contains("192.0.3.1".parse().unwrap()));
        assert!(!net.contains("2001:db8::1".parse().unwrap()));
        let of = |text: &str| text.parse::<Prefixed>().unwrap();
        assert!(of("192.0.2.0/24").is_network() && of("192.0.2.255/24").is_broadcast());
        assert!(!of("192.0.2.0/31").is_network() && !of("192.0.2.1/31").is_broadcast());
        assert!(!of("192.0.2.1/32").is_network() && !of("2001:db8::/64").is_network());
        assert!(of("2001:db8::7/64").contains("2001:db8::1".parse().unwrap()));
        assert!(!of("2001:db8::7/64").contains("2001:db8:1::1".parse().unwrap()));
    }

    #[test]
    fn one_may_stand_without_brackets() {
        let one = r#"{ "method": "static", "address": "192.0.2.7/24", "gateway": "192.0.2.1" }"#;
        let many = r#"{ "method": "static", "address": ["192.0.2.7/24"], "gateway": ["192.0.2.1"] }"#;
        let read = |text: &str| serde_json::from_str::<UplinkSpec>(text).unwrap();
        assert_eq!(read(one), read(many));
        assert_eq!(read("{}"), UplinkSpec::default());
        assert!(serde_json::from_str::<UplinkSpec>(r#"{ "address": "192.0.2.7" }"#).is_err());
        assert!(serde_json::from_str::<UplinkSpec>(r#"{ "adress": "192.0.2.7/24" }"#).is_err());
    }

    #[test]
    fn who_is_elsewhere_does_not_reach_a_link_local_address() {
        for (address, good) in
            [("169.254.1.1", false), ("fe80::1", false), ("127.0.0.1", false), ("::1", false), ("10.0.0.1", true)]
        {
            assert_eq!(is_reachable(address.parse().unwrap()), good, "{address}");
        }
    }
}
