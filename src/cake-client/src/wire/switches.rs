//! Switches.

use super::OutletServer;
use jiff::Timestamp;
use serde::Deserialize;
use uuid::Uuid;

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Switch {
    pub id: Uuid,
    pub name: String,
    /// `well`, `warning`, `unheard`.
    pub health: String,
    /// Why the rest is of `read_at`: `silent`, `unknown`, …
    pub problem: Option<String>,
    pub read_at: Option<Timestamp>,
    pub host: String,
    pub port: u16,
    pub description: String,
    pub ports: Vec<SwitchPort>,
    pub note: String,
    pub etag: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct SwitchPort {
    pub name: String,
    pub alias: String,
    pub enabled: bool,
    pub up: bool,
    /// Megabits a second.
    pub megabits: Option<u32>,
    /// Of the last hour.
    pub fresh_errors: u64,
    /// Of the last ten minutes.
    pub changes: u32,
    pub neighbor: Option<PortNeighbor>,
    pub server: Option<OutletServer>,
    pub known: Option<OutletServer>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct PortNeighbor {
    pub chassis: String,
    pub port: String,
    pub system: String,
}
