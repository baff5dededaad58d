//! What is asked of a server's BMC by Redfish, and answered at once: no state of cake's, and no task.

use serde::{Deserialize, Serialize};

/// Ids are those that the answers have: paths of Redfish.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "ask")]
pub enum ServerAsk {
    Drives,
    /// Lights the light by which somebody finds the drive, or puts it out.
    LightDrive {
        drive: String,
        on: bool,
    },
    Firmware,
    Bios,
    Media,
    /// Puts a CD or stick in that the BMC fetches from an address, read-only.
    InsertMedium {
        slot: String,
        image: String,
    },
    EjectMedium {
        slot: String,
    },
}

impl ServerAsk {
    /// It changes something.
    pub const fn is_order(&self) -> bool {
        match self {
            Self::LightDrive { .. } | Self::InsertMedium { .. } | Self::EjectMedium { .. } => true,
            Self::Drives | Self::Firmware | Self::Bios | Self::Media => false,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "answer", content = "with")]
pub enum ServerAnswer {
    Done,
    Drives(Vec<BmcDrive>),
    Firmware(Vec<BmcFirmware>),
    Bios(Vec<BiosSetting>),
    Media(Vec<BmcMedium>),
}

/// A piece of firmware and its version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BmcFirmware {
    pub id: String,
    pub name: String,
    pub version: String,
    /// The BMC can write another one.
    pub updateable: bool,
}

/// A setting of the BIOS, by its maker's own name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BiosSetting {
    pub name: String,
    pub value: String,
    /// What it will be after the next start, where that is something else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<String>,
}

/// A slot for a CD or stick that the machine sees and the BMC fetches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BmcMedium {
    pub id: String,
    pub name: String,
    /// `CD`, `DVD`, `Floppy`, `USBStick`.
    pub kinds: Vec<String>,
    /// Where what is in it is fetched from; absent: it is empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
}

/// A drive, as the BMC knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BmcDrive {
    pub id: String,
    pub name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub model: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub serial: String,
    /// Its light is lit; absent: it has none, or the BMC does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lit: Option<bool>,
}
