//! The power supply, the name on the network and the certificate.

use jiff::Timestamp;
use serde::Deserialize;

/// The power supply: which one it is, and what each server hears of it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Ups {
    pub settings: Option<UpsSettings>,
    pub servers: Vec<UpsServer>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct UpsSettings {
    pub host: String,
    pub port: u16,
    pub name: String,
    pub user: Option<String>,
    pub has_password: bool,
    pub minutes: u32,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct UpsServer {
    pub node: String,
    pub model: Option<String>,
    pub status: Vec<String>,
    /// Per cent.
    pub charge: Option<u32>,
    /// Seconds.
    pub runtime: Option<u32>,
    /// Per cent.
    pub load: Option<u32>,
    pub problem: Option<String>,
    pub offered: Vec<String>,
    pub shutdown: Option<String>,
}

/// What machines on the network are told of the console.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Announcement {
    pub state: String,
    pub name: Option<String>,
    pub wanted: Option<String>,
    pub url: Option<String>,
    pub addresses: Vec<String>,
    pub because: Option<String>,
}

/// The certificate that people are shown.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Certificate {
    pub source: String,
    pub subject: String,
    pub issuer: String,
    pub names: Vec<String>,
    pub not_before: Option<Timestamp>,
    pub not_after: Option<Timestamp>,
    pub fingerprint: String,
    pub warnings: Vec<String>,
    pub requested: bool,
    pub etag: Option<String>,
}

/// What an authority makes a certificate from.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct SigningRequest {
    pub request: String,
}
