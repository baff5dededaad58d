//! What a server's BMC says by Redfish.

use serde::Deserialize;

/// A drive, as the BMC knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ServerDrive {
    pub id: String,
    pub name: String,
    pub model: String,
    pub serial: String,
    /// Absent: it has no light, or the BMC does not say.
    pub lit: Option<bool>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ServerDrives {
    pub items: Vec<ServerDrive>,
}
