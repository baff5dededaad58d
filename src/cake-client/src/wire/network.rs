//! A server's own network.

use jiff::Timestamp;
use serde::Deserialize;

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Network {
    pub node: String,
    pub hands_off: Option<String>,
    pub asked: NetworkSettings,
    pub trial: Option<NetworkTrial>,
    pub ended: Option<NetworkEnded>,
    pub ports: Vec<NetworkPort>,
    pub addresses: Vec<NetworkAddress>,
    pub gateways: Vec<NetworkAddress>,
    pub dns: Vec<NetworkAddress>,
    pub refused: Option<String>,
    pub warnings: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct NetworkSettings {
    pub method: String,
    pub addresses: Vec<String>,
    pub gateways: Vec<String>,
    pub dns: Vec<String>,
    pub search: Vec<String>,
    pub vlan: Option<u16>,
    pub links: Vec<String>,
    pub bond: String,
    pub mtu: Option<u16>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct NetworkTrial {
    pub asked: NetworkSettings,
    pub until: Option<Timestamp>,
    pub seconds: u32,
    pub applied: bool,
    pub new_addresses: Vec<String>,
    pub warnings: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct NetworkEnded {
    pub end: String,
    pub at: Option<Timestamp>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct NetworkPort {
    pub name: String,
    pub mac: String,
    pub driver: Option<String>,
    pub carrier: bool,
    /// Megabits a second.
    pub speed: Option<u32>,
    pub bonded: bool,
    pub active: bool,
    pub neighbor: Option<NetworkNeighbor>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct NetworkNeighbor {
    pub system: Option<String>,
    pub port: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct NetworkAddress {
    pub address: String,
    pub source: String,
}
