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
}

impl ServerAsk {
    /// It changes something.
    pub const fn is_order(&self) -> bool {
        match self {
            Self::LightDrive { .. } => true,
            Self::Drives => false,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "answer", content = "with")]
pub enum ServerAnswer {
    Done,
    Drives(Vec<BmcDrive>),
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
