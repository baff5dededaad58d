//! A range of addresses that is asked for BMCs, and what answered. Nobody logs in anywhere.

use crate::OperationId;
use crate::words::words;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// Addresses of the longest range that is asked: a /20.
pub const SCAN_MAX: usize = 4096;
/// BMCs that one scan tells of; those beyond are counted only ([`ScanStatus::more`]).
pub const FOUND_MAX: usize = 1024;

/// Who is asked: every address from the first to the last, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ScanRange {
    pub first: IpAddr,
    pub last: IpAddr,
    /// Where IPMI is asked for by ASF presence pings (DSP0136 §3.2.4).
    pub port: u16,
    /// Where Redfish is asked for its service root (DSP0266 §6.3).
    pub redfish_port: u16,
}

impl ScanRange {
    /// Whether it is one of those that are asked.
    pub fn contains(&self, address: IpAddr) -> bool {
        let bits = |address: IpAddr| match address {
            IpAddr::V4(v4) => (4, u128::from(v4.to_bits())),
            IpAddr::V6(v6) => (6, v6.to_bits()),
        };
        (bits(self.first)..=bits(self.last)).contains(&bits(address))
    }
}

/// How a scan stands, and what it has found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScanStatus {
    pub operation: OperationId,
    pub range: ScanRange,
    /// How many addresses there are to ask.
    pub total: u32,
    /// How many of them have answered, or have had their time to.
    pub asked: u32,
    pub started_at: Timestamp,
    /// `None` while it is at work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<ScanEnd>,
    /// By address.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub found: Vec<FoundBmc>,
    /// There were more than [`FOUND_MAX`].
    #[serde(default)]
    pub more: bool,
}

/// Something that answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundBmc {
    pub address: IpAddr,
    /// It speaks IPMI.
    #[serde(default)]
    pub ipmi: bool,
    /// IANA's private enterprise number of its maker, where it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manufacturer: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redfish: Option<FoundRedfish>,
}

/// What a Redfish service says of itself to everybody.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundRedfish {
    /// Of Redfish.
    pub version: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub vendor: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub product: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uuid: Option<uuid::Uuid>,
}

/// A network that a node has an address in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostNetwork {
    pub interface: String,
    /// The node's own.
    pub address: IpAddr,
    /// Bits of the network's part.
    pub prefix: u8,
}

words! {
    /// How a scan ended. Its sentence is `scan-end-END`.
    ScanEnd {
        Done = "done",
        Cancelled = "cancelled",
        /// The program that asks, or the node, ended before.
        Interrupted = "interrupted",
    }

    /// What is weak about a BMC's password. Its sentence is `bmc-weak-REASON`.
    WeakPassword {
        /// There is none.
        Empty = "empty",
        /// The maker's own, known to everybody.
        Default = "default",
        /// It is the user's name, or made of it.
        User = "user",
        /// Shorter than eight characters.
        Short = "short",
        /// On every list that is tried first.
        Common = "common",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_has_both_its_ends_and_one_family() {
        let range = |first: &str, last: &str| ScanRange {
            first: first.parse().unwrap(),
            last: last.parse().unwrap(),
            port: 623,
            redfish_port: 443,
        };
        let has = |range: ScanRange, address: &str| range.contains(address.parse().unwrap());
        let four = range("10.0.0.9", "10.0.1.2");
        assert!(has(four, "10.0.0.9") && has(four, "10.0.0.255") && has(four, "10.0.1.2"));
        assert!(!has(four, "10.0.0.8") && !has(four, "10.0.1.3") && !has(four, "::ffff:10.0.1.0"));
        assert!(has(range("fd00::1", "fd00::f"), "fd00::a") && !has(range("fd00::1", "fd00::f"), "10.0.0.9"));
    }
}
