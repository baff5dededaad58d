//! Documents about hardware: sensors by either schema, and what has a name plate.

use super::{Reference, Status};
use crate::redfish::lenient::{Flag, List, Number, Object, Text};
use serde::Deserialize;

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
