//! Devices of the rack that are no servers and answer SNMP: power distribution units and switches.

use crate::sensor::{Sensor, SensorState};
use crate::words::words;
use crate::{DeviceId, Meta, Sealed, ServerId, Stamp};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// SNMP's port (RFC 3417 §3).
pub const SNMP_PORT: u16 = 161;
/// Bytes of the longest community: agents take 16 to 64.
pub const COMMUNITY_MAX: usize = 64;
/// Characters of the longest name of a feed.
pub const FEED_MAX: usize = 16;
/// Most outlets of which somebody says what they feed.
pub const OUTLETS_MAX: usize = 256;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    pub meta: Meta<DeviceId>,
    pub spec: DeviceSpec,
}

/// What somebody says about a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceSpec {
    pub kind: DeviceKind,
    /// Name or address.
    pub host: String,
    pub port: u16,
    /// What a request has to say to be answered (SNMP version 2c).
    pub community: Sealed<String>,
    /// Of a PDU: which feed of the building it hangs on: `A`, `B`, or a word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feed: Option<String>,
    /// Of a PDU: amperes that each of its inputs may draw, where it does not say so itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rated_amps: Option<u16>,
    /// Of a PDU: what hangs on its outlets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outlets: Vec<OutletUse>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// Which server an outlet feeds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutletUse {
    /// [`Outlet::id`]
    pub outlet: String,
    pub server: ServerId,
}

/// What is so, small enough to be told at every reading.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeviceStatus {
    pub stamp: Stamp,
    /// Why what follows is of [`DeviceStatus::read_at`] and not of now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<SnmpProblem>,
    /// The last good reading.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_at: Option<Timestamp>,
    #[serde(default)]
    pub about: DeviceAbout,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pdu: Option<PduReading>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub switch: Option<SwitchReading>,
}

impl DeviceStatus {
    /// Nothing is known yet.
    pub fn unheard(stamp: Stamp) -> Self {
        Self { stamp, problem: None, read_at: None, about: DeviceAbout::default(), pdu: None, switch: None }
    }
}

/// What a device says of itself; what it does not say is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceAbout {
    /// IANA private enterprise number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enterprise: Option<u32>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub maker: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub model: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub serial: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub firmware: String,
    /// `sysName` and `sysDescr` (RFC 3418).
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
}

/// What a power distribution unit measures.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PduReading {
    /// What it gives in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watts: Option<f64>,
    /// Its phases or inlets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<PduInput>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outlets: Vec<Outlet>,
    /// Temperature and the like.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sensors: Vec<Sensor>,
}

/// A phase or an inlet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PduInput {
    pub id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volts: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amps: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watts: Option<f64>,
    /// What it may draw, as the unit says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rated_amps: Option<f64>,
    /// What the unit thinks of its load.
    pub state: SensorState,
}

impl Default for PduInput {
    fn default() -> Self {
        Self { id: String::new(), volts: None, amps: None, watts: None, rated_amps: None, state: SensorState::Ok }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Outlet {
    /// As it stands on the unit: `5`; of a second unit in a chain `2.5`.
    pub id: String,
    /// As somebody called it in the unit.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Absent of units that don't switch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amps: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watts: Option<f64>,
}

/// What a switch says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SwitchReading {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<SwitchPort>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SwitchPort {
    /// `ifIndex` (RFC 2863).
    pub index: u32,
    pub name: String,
    /// What somebody wrote about it in the switch.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub alias: String,
    /// Nobody shut it.
    pub enabled: bool,
    pub up: bool,
    /// `ifLastChange`: when its link last came or went, in hundredths of a second since the switch began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_change: Option<u64>,
    /// Megabits a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub megabits: Option<u32>,
    /// Bytes, since the switch began to count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub errors_in: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub errors_out: Option<u64>,
    /// How often its link came or went in the last ten minutes, as far as it was watched.
    #[serde(default)]
    pub changes: u32,
    /// Errors of the last hour, as far as it was watched.
    #[serde(default)]
    pub fresh_errors: u64,
    /// Who is at the other end, as it says itself (LLDP).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub neighbor: Option<Neighbor>,
}

/// IEEE 802.1AB: what a neighbour tells of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Neighbor {
    /// A MAC address, or a text.
    pub chassis: String,
    pub port: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub port_description: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub system: String,
}

words! {
    /// Its word is `kind-KIND`.
    DeviceKind {
        /// Power distribution unit.
        Pdu = "pdu",
        Switch = "switch",
    }

    /// Why a device is not heard. Its sentence is `snmp-problem-PROBLEM`.
    SnmpProblem {
        /// Nothing answers there, or not to this community.
        Silent = "silent",
        /// The name means no address.
        NoAddress = "no-address",
        /// The community can't be read by this node.
        Sealed = "sealed",
        /// What answers breaks the protocol.
        Garbled = "garbled",
        /// It has a table that does not end.
        Endless = "endless",
        /// It answers, and says nothing that is known of such devices.
        Unknown = "unknown",
        /// The program that asks ended and begins anew.
        Worker = "worker",
    }
}
