//! What is plugged into a server.

use cake_types::ByteSize;
use jiff::Timestamp;
use serde::Deserialize;

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Sticks {
    /// Whether the server has looked since it was started.
    pub known: bool,
    pub items: Vec<Stick>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Stick {
    pub id: String,
    pub device: String,
    pub model: Option<String>,
    pub serial: Option<String>,
    pub size: ByteSize,
    pub label: Option<String>,
    /// `fat`, `exfat`, …
    pub format: String,
    /// Why its files are not known.
    pub trouble: Option<String>,
    pub files: Vec<StickFile>,
    pub incomplete: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct StickFile {
    pub path: String,
    pub size: ByteSize,
    pub modified: Option<Timestamp>,
}
