//! The documents of Redfish that cake reads (DMTF DSP0266, schemas DSP8010), as far as it reads them. Every field can be absent.

mod hardware;
mod services;

pub use hardware::{
    Component, EnvironmentMetrics, Excerpt, OldSensor, Power, PowerControl, PowerLimit, PowerSubsystem, Sensor,
    Storage, Thermal, Threshold, Thresholds,
};
pub use services::{
    Account, AccountService, Bios, ErrorBody, ErrorDetail, LogActions, LogEntry, LogEntryLinks, LogService,
    MediumActions, Message, Settings, Software, Task, UpdateActions, UpdateService, VirtualMedium,
};

use super::lenient::{Flag, List, Object, Raws, Text, Words};
use super::link::Link;
use crate::BmcError;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Takes a document apart. `what` is told when it can't be.
pub fn parse<T: DeserializeOwned + Default>(bytes: &[u8], what: &'static str) -> Result<T, BmcError> {
    serde_json::from_slice::<Object<T>>(bytes).ok().and_then(|object| object.0).ok_or(BmcError::Answer(what))
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Reference {
    #[serde(rename = "@odata.id")]
    pub id: Text,
}

impl Object<Reference> {
    pub fn link(&self) -> Option<Link> {
        self.0.as_ref().and_then(|reference| Link::parse(reference.id.get()?))
    }
}

impl List<Reference> {
    pub fn links(&self) -> Vec<Link> {
        self.0.iter().filter_map(|reference| Link::parse(reference.id.get()?)).collect()
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Status {
    pub state: Text,
    pub health: Text,
    pub health_rollup: Text,
    /// As older schemas spell it.
    pub health_roll_up: Text,
}

/// Something that can be told to do something, and with which words.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Action {
    pub target: Text,
    #[serde(rename = "ResetType@Redfish.AllowableValues")]
    pub reset_types: Words,
    #[serde(rename = "@Redfish.ActionInfo")]
    pub info: Text,
}

impl Object<Action> {
    pub fn target(&self) -> Option<Link> {
        self.0.as_ref().and_then(|action| Link::parse(action.target.get()?))
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct ActionInfo {
    pub parameters: List<Parameter>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Parameter {
    pub name: Text,
    pub allowable_values: Words,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Root {
    pub redfish_version: Text,
    #[serde(rename = "UUID")]
    pub uuid: Text,
    pub product: Text,
    pub vendor: Text,
    pub systems: Object<Reference>,
    pub chassis: Object<Reference>,
    pub managers: Object<Reference>,
    pub update_service: Object<Reference>,
    pub account_service: Object<Reference>,
    pub links: Object<RootLinks>,
    pub protocol_features_supported: Object<Features>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct RootLinks {
    pub sessions: Object<Reference>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Features {
    pub expand_query: Object<ExpandQuery>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct ExpandQuery {
    pub levels: Flag,
    pub no_links: Flag,
    pub expand_all: Flag,
}

/// A collection whose members are links, or whole documents.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Collection {
    pub members: Raws,
    #[serde(rename = "Members@odata.nextLink")]
    pub next: Text,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct System {
    pub name: Text,
    #[serde(rename = "UUID")]
    pub uuid: Text,
    pub manufacturer: Text,
    pub model: Text,
    pub serial_number: Text,
    pub part_number: Text,
    pub asset_tag: Text,
    #[serde(rename = "SKU")]
    pub sku: Text,
    pub bios_version: Text,
    pub power_state: Text,
    pub power_restore_policy: Text,
    #[serde(rename = "IndicatorLED")]
    pub indicator_led: Text,
    pub location_indicator_active: Flag,
    pub boot: Object<Boot>,
    pub status: Object<Status>,
    pub processors: Object<Reference>,
    pub memory: Object<Reference>,
    pub storage: Object<Reference>,
    pub log_services: Object<Reference>,
    pub bios: Object<Reference>,
    pub virtual_media: Object<Reference>,
    pub links: Object<SystemLinks>,
    pub actions: Object<SystemActions>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct SystemLinks {
    pub chassis: List<Reference>,
    pub managed_by: List<Reference>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct SystemActions {
    #[serde(rename = "#ComputerSystem.Reset")]
    pub reset: Object<Action>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Boot {
    #[serde(rename = "BootSourceOverrideEnabled")]
    pub enabled: Text,
    #[serde(rename = "BootSourceOverrideTarget")]
    pub target: Text,
    #[serde(rename = "BootSourceOverrideMode")]
    pub mode: Text,
    #[serde(rename = "BootSourceOverrideTarget@Redfish.AllowableValues")]
    pub targets: Words,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Chassis {
    pub name: Text,
    pub chassis_type: Text,
    pub manufacturer: Text,
    pub model: Text,
    pub serial_number: Text,
    pub part_number: Text,
    pub asset_tag: Text,
    #[serde(rename = "SKU")]
    pub sku: Text,
    #[serde(rename = "IndicatorLED")]
    pub indicator_led: Text,
    pub location_indicator_active: Flag,
    pub physical_security: Object<PhysicalSecurity>,
    pub sensors: Object<Reference>,
    pub thermal: Object<Reference>,
    pub power: Object<Reference>,
    pub power_subsystem: Object<Reference>,
    pub environment_metrics: Object<Reference>,
    pub log_services: Object<Reference>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct PhysicalSecurity {
    pub intrusion_sensor: Text,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Manager {
    pub name: Text,
    pub model: Text,
    pub firmware_version: Text,
    pub log_services: Object<Reference>,
    pub virtual_media: Object<Reference>,
}
