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

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ServerFirmware {
    pub id: String,
    pub name: String,
    pub version: String,
    pub updateable: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ServerFirmwareList {
    pub items: Vec<ServerFirmware>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ServerBiosSetting {
    pub name: String,
    pub value: String,
    /// After the next start, where that is something else.
    pub pending: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ServerBios {
    pub items: Vec<ServerBiosSetting>,
}

/// A slot for virtual media.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ServerMedium {
    pub id: String,
    pub name: String,
    pub kinds: Vec<String>,
    /// Absent: it is empty.
    pub image: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ServerMedia {
    pub items: Vec<ServerMedium>,
}
