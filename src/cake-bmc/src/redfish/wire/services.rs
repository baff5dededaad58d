//! Documents of services: logs, BIOS settings, virtual media, updates, accounts, and refusals.

use super::{Action, Reference};
use crate::redfish::lenient::{Flag, List, Number, Object, Table, Text, Words};
use serde::Deserialize;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct LogService {
    pub id: Text,
    pub log_entry_type: Text,
    pub entries: Object<Reference>,
    pub actions: Object<LogActions>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct LogActions {
    #[serde(rename = "#LogService.ClearLog")]
    pub clear: Object<Action>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct LogEntry {
    #[serde(rename = "@odata.id")]
    pub path: Text,
    pub id: Text,
    pub name: Text,
    pub created: Text,
    pub event_timestamp: Text,
    pub entry_type: Text,
    pub entry_code: Text,
    pub severity: Text,
    pub message: Text,
    pub message_id: Text,
    pub sensor_type: Text,
    pub links: Object<LogEntryLinks>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct LogEntryLinks {
    pub origin_of_condition: Object<Reference>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Bios {
    pub attributes: Table,
    #[serde(rename = "@Redfish.Settings")]
    pub settings: Object<Settings>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Settings {
    pub settings_object: Object<Reference>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct VirtualMedium {
    pub name: Text,
    pub media_types: Words,
    pub image: Text,
    pub inserted: Flag,
    pub write_protected: Flag,
    pub actions: Object<MediumActions>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct MediumActions {
    #[serde(rename = "#VirtualMedia.InsertMedia")]
    pub insert: Object<Action>,
    #[serde(rename = "#VirtualMedia.EjectMedia")]
    pub eject: Object<Action>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct UpdateService {
    pub firmware_inventory: Object<Reference>,
    pub actions: Object<UpdateActions>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct UpdateActions {
    #[serde(rename = "#UpdateService.SimpleUpdate")]
    pub simple_update: Object<Action>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Software {
    pub name: Text,
    pub version: Text,
    pub updateable: Flag,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Task {
    pub task_state: Text,
    pub task_status: Text,
    pub percent_complete: Number,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct AccountService {
    pub accounts: Object<Reference>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Account {
    pub user_name: Text,
    pub role_id: Text,
    pub enabled: Flag,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ErrorBody {
    pub error: Object<ErrorDetail>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ErrorDetail {
    pub code: Text,
    pub message: Text,
    #[serde(rename = "@Message.ExtendedInfo")]
    pub extended: List<Message>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Message {
    pub message_id: Text,
    pub message: Text,
}
