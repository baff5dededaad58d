//! Physical machines and what their BMCs say.

use jiff::Timestamp;
use serde::Deserialize;
use uuid::Uuid;

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Server {
    pub id: Uuid,
    pub name: String,
    /// `well`, `warning`, `critical`, `unheard`, `no-bmc`.
    pub health: String,
    /// Why the rest is of `read_at`: `silent`, `refused`, …
    pub problem: Option<String>,
    pub read_at: Option<Timestamp>,
    pub on: Option<bool>,
    pub identify: Option<bool>,
    pub restore: Option<String>,
    /// `power`, `cooling`, `drive`, `intrusion`.
    pub faults: Vec<String>,
    pub watts: Option<f64>,
    pub cap: Option<ServerCap>,
    /// Degrees Celsius.
    pub inlet: Option<f64>,
    pub outlet: Option<f64>,
    pub troubles: Vec<Sensor>,
    pub sensors: usize,
    pub node: Option<ServerNode>,
    pub bmc: Option<Bmc>,
    pub device: Option<BmcDevice>,
    pub place: Option<RackPlace>,
    pub feeds: Vec<ServerFeed>,
    pub note: String,
    pub etag: Option<String>,
}

/// How much a server may draw, in watts.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct ServerCap {
    /// Absent: its BMC is left as it is.
    pub asked: Option<AskedCap>,
    /// At which the rack's power budget holds the server back.
    pub held: Option<u16>,
    /// In force.
    pub watts: Option<u16>,
    pub least: Option<u16>,
    pub most: Option<u16>,
    /// `unsupported`, `out-of-range`, `forbidden`, `failed`.
    pub trouble: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct AskedCap {
    /// Absent: as much as it likes.
    pub watts: Option<u16>,
}

/// Where one supply hangs.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct ServerFeed {
    pub feed: Option<String>,
    pub pdu: String,
    pub outlet: String,
    pub on: Option<bool>,
    pub watts: Option<f64>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct ServerNode {
    pub id: Uuid,
    pub name: String,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Bmc {
    pub access: String,
    pub host: String,
    pub port: u16,
    pub user: String,
    pub has_password: bool,
    pub has_key: bool,
    /// `empty`, `default`, `user`, `short`, `common`.
    pub weak_password: Option<String>,
    pub password_pending: bool,
}

/// Ranges worth asking, and the last scan.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct BmcScans {
    pub ranges: Vec<String>,
    pub scan: Option<BmcScan>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct BmcScan {
    pub range: String,
    pub port: u16,
    pub redfish_port: u16,
    pub total: u32,
    pub asked: u32,
    /// `running`, `done`, `cancelled`, `interrupted`.
    pub state: String,
    pub task: Option<Uuid>,
    pub found: Vec<FoundBmc>,
    pub more: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct FoundBmc {
    pub address: String,
    pub ipmi: bool,
    pub redfish: bool,
    pub redfish_version: Option<String>,
    pub maker: Option<String>,
    pub manufacturer: Option<u32>,
    pub product: Option<String>,
    pub uuid: Option<Uuid>,
    /// `auto`, `ipmi`, `redfish`.
    pub access: String,
    pub port: u16,
    /// A name that nothing else has.
    pub name: String,
    /// The server that it is already.
    pub server: Option<ServerNode>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct BmcDevice {
    pub manufacturer: Option<u32>,
    pub product: Option<u16>,
    pub firmware: String,
    pub protocol: String,
    pub guid: Option<Uuid>,
    pub laboratory: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct RackPlace {
    pub unit: u8,
    pub height: u8,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Sensor {
    pub id: String,
    pub number: Option<u8>,
    pub name: String,
    pub group: String,
    pub unit: String,
    pub value: Option<f64>,
    pub state: String,
    pub facts: Vec<SensorFact>,
    pub limits: SensorLimits,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct SensorFact {
    pub key: String,
    pub severity: String,
    pub text: Option<String>,
}

/// In the sensor's unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct SensorLimits {
    pub lower_non_recoverable: Option<f64>,
    pub lower_critical: Option<f64>,
    pub lower_non_critical: Option<f64>,
    pub upper_non_critical: Option<f64>,
    pub upper_critical: Option<f64>,
    pub upper_non_recoverable: Option<f64>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Sensors {
    pub items: Vec<Sensor>,
    pub read_at: Option<Timestamp>,
    pub problem: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct ServerEvent {
    pub id: String,
    pub at: Option<Timestamp>,
    pub name: String,
    pub fact: SensorFact,
    pub severity: String,
    pub asserted: bool,
    pub value: Option<f64>,
    pub limit: Option<f64>,
    pub unit: String,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct ServerEvents {
    pub items: Vec<ServerEvent>,
    pub overflowed: bool,
    pub full: Option<u8>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ServerPart {
    pub id: String,
    pub name: String,
    pub fields: Vec<PartField>,
    pub trouble: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct PartField {
    /// `product-name`, `board-serial`, …
    pub what: String,
    pub text: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ServerParts {
    pub items: Vec<ServerPart>,
}

/// What sensors measured over time.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct SensorHistory {
    pub span: String,
    pub start: Option<Timestamp>,
    pub step_seconds: u32,
    pub items: Vec<SensorCurve>,
    /// Part of it could not be read, and was set aside then.
    pub set_aside_at: Option<Timestamp>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct SensorCurve {
    /// `watts`: what the whole server draws.
    pub sensor: String,
    pub name: String,
    pub unit: String,
    pub mean: Vec<Option<f64>>,
    pub min: Option<Vec<Option<f64>>>,
    pub max: Option<Vec<Option<f64>>>,
    /// From 0 to 1.
    pub known: Option<Vec<Option<f64>>>,
}

/// What servers draw, and the energy of this month and the last.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct RackEnergy {
    pub watts: Option<f64>,
    /// What a kilowatt-hour costs, where the settings say so.
    pub price: Option<EnergyPrice>,
    pub this_month: EnergyPart,
    pub last_month: EnergyPart,
    pub servers: Vec<ServerEnergy>,
    pub vms: Vec<VmEnergy>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct EnergyPrice {
    /// `4.27`
    pub per_kwh: String,
    /// `TWD`
    pub currency: String,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct EnergyPart {
    pub kilowatt_hours: f64,
    pub known_percent: f64,
    /// In the currency of the price: `200.16`.
    pub cost: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct ServerEnergy {
    pub id: Uuid,
    pub name: String,
    pub watts: Option<f64>,
    pub this_month: EnergyPart,
    pub last_month: EnergyPart,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct VmEnergy {
    pub id: Uuid,
    pub name: String,
    pub watts: f64,
}

/// How the rack stands to its power budget, in watts.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct PowerBudget {
    /// Absent: as much as they like.
    pub budget: Option<u32>,
    pub drawn: u32,
    /// Servers that do not say what they draw.
    pub silent: usize,
    /// All that can be held back is, and it is not enough.
    pub exceeded: bool,
    pub held: Vec<HeldBackServer>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct HeldBackServer {
    pub id: Uuid,
    pub name: String,
    pub watts: u16,
    /// `low`, `normal`, `high`; absent: no VM runs there.
    pub priority: Option<String>,
}
