//! Power distribution units.

use super::Sensor;
use jiff::Timestamp;
use serde::Deserialize;
use uuid::Uuid;

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Pdu {
    pub id: Uuid,
    pub name: String,
    /// `well`, `warning`, `critical`, `unheard`.
    pub health: String,
    /// Why the rest is of `read_at`: `silent`, `unknown`, …
    pub problem: Option<String>,
    pub read_at: Option<Timestamp>,
    /// Nothing comes in.
    pub dead: bool,
    pub host: String,
    pub port: u16,
    pub feed: Option<String>,
    pub rated_amps: Option<u16>,
    pub maker: String,
    pub model: String,
    pub serial: String,
    pub firmware: String,
    pub watts: Option<f64>,
    pub inputs: Vec<PduInput>,
    pub outlets: Vec<PduOutlet>,
    pub sensors: Vec<Sensor>,
    pub note: String,
    pub etag: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct PduInput {
    pub id: String,
    pub volts: Option<f64>,
    pub amps: Option<f64>,
    pub watts: Option<f64>,
    pub limit_amps: Option<f64>,
    /// 1 is all of it.
    pub load: Option<f64>,
    pub state: String,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct PduOutlet {
    pub outlet: String,
    pub name: String,
    pub on: Option<bool>,
    pub amps: Option<f64>,
    pub watts: Option<f64>,
    pub server: Option<OutletServer>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct OutletServer {
    pub id: Uuid,
    pub name: String,
}
