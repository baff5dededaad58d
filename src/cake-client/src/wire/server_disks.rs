//! The disks of a server.

use cake_types::ByteSize;
use jiff::Timestamp;
use serde::Deserialize;

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct ServerDisks {
    /// Whether the server has looked at its disks since it was started.
    pub known: bool,
    pub items: Vec<ServerDisk>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct ServerDisk {
    pub name: String,
    pub model: Option<String>,
    pub serial: Option<String>,
    pub size: ByteSize,
    /// `nvme`, `ata`, …
    pub bus: String,
    pub rotational: bool,
    pub removable: bool,
    pub health: ServerDiskHealth,
}

/// What is absent it does not say.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct ServerDiskHealth {
    /// `well`, `failing`, `worn`, `wearing`, …
    pub verdict: String,
    /// Why nothing is known, or nothing newer than `read_at`.
    pub silence: Option<String>,
    pub read_at: Option<Timestamp>,
    pub warnings: Vec<String>,
    /// Degrees Celsius.
    pub temperature: Option<i32>,
    pub power_on_hours: Option<u64>,
    pub reallocated_sectors: Option<u64>,
    pub pending_sectors: Option<u64>,
    pub uncorrectable_sectors: Option<u64>,
    pub media_errors: Option<u64>,
    pub percent_used: Option<u32>,
    /// When it is worn out at its present pace, if that is soon.
    pub worn_out_at: Option<Timestamp>,
    /// Per cent.
    pub spare: Option<u32>,
}
