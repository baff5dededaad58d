//! The documents of Redfish that cake reads (DMTF DSP0266, schemas DSP8010), as far as it reads them. Every field can be absent.

use super::lenient::{Flag, List, Number, Object, Raws, Table, Text, Words};
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

/// Sensor, since 2018.3.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Sensor {
    #[serde(rename = "@odata.id")]
    pub path: Text,
    pub name: Text,
    pub reading: Number,
    pub reading_type: Text,
    pub reading_units: Text,
    pub physical_context: Text,
    pub status: Object<Status>,
    pub thresholds: Object<Thresholds>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Thresholds {
    pub lower_fatal: Object<Threshold>,
    pub lower_critical: Object<Threshold>,
    pub lower_caution: Object<Threshold>,
    pub upper_caution: Object<Threshold>,
    pub upper_critical: Object<Threshold>,
    pub upper_fatal: Object<Threshold>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Threshold {
    pub reading: Number,
    pub activation: Text,
}

/// Thermal, deprecated in 2020.4 and what most BMCs have.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Thermal {
    pub temperatures: List<OldSensor>,
    pub fans: List<OldSensor>,
}

/// Power, deprecated in 2020.4 and what most BMCs have.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Power {
    pub voltages: List<OldSensor>,
    pub power_control: List<PowerControl>,
    pub power_supplies: List<Component>,
}

/// A temperature, fan or voltage of [`Thermal`] and [`Power`].
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct OldSensor {
    #[serde(rename = "@odata.id")]
    pub path: Text,
    pub name: Text,
    /// Fans of before Thermal 1.1.
    pub fan_name: Text,
    pub physical_context: Text,
    pub reading_celsius: Number,
    pub reading_volts: Number,
    pub reading: Number,
    pub reading_units: Text,
    #[serde(rename = "ReadingRPM")]
    pub reading_rpm: Number,
    pub status: Object<Status>,
    pub lower_threshold_fatal: Number,
    pub lower_threshold_critical: Number,
    pub lower_threshold_non_critical: Number,
    pub upper_threshold_non_critical: Number,
    pub upper_threshold_critical: Number,
    pub upper_threshold_fatal: Number,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct PowerControl {
    #[serde(rename = "@odata.id")]
    pub path: Text,
    pub name: Text,
    pub power_consumed_watts: Number,
    pub power_capacity_watts: Number,
    pub power_limit: Object<PowerLimit>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct PowerLimit {
    pub limit_in_watts: Number,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct PowerSubsystem {
    pub power_supplies: Object<Reference>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct EnvironmentMetrics {
    pub power_watts: Object<Excerpt>,
    pub power_limit_watts: Object<Excerpt>,
}

/// What is copied from a Sensor or Control.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Excerpt {
    pub reading: Number,
    pub set_point: Number,
    pub allowable_min: Number,
    pub allowable_max: Number,
    pub control_mode: Text,
}

/// Processor, memory module, drive, power supply: what has a name plate.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Component {
    #[serde(rename = "@odata.id")]
    pub path: Text,
    pub id: Text,
    pub name: Text,
    pub manufacturer: Text,
    pub model: Text,
    pub serial_number: Text,
    pub part_number: Text,
    #[serde(rename = "SKU")]
    pub sku: Text,
    pub asset_tag: Text,
    pub firmware_version: Text,
    pub revision: Text,
    pub status: Object<Status>,
    pub socket: Text,
    pub device_locator: Text,
    pub memory_device_type: Text,
    #[serde(rename = "CapacityMiB")]
    pub capacity_mib: Number,
    pub capacity_bytes: Number,
    pub media_type: Text,
    pub protocol: Text,
    pub failure_predicted: Flag,
    pub predicted_media_life_left_percent: Number,
    #[serde(rename = "IndicatorLED")]
    pub indicator_led: Text,
    pub location_indicator_active: Flag,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Storage {
    pub drives: List<Reference>,
}

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
