//! What a server measures about itself. One vocabulary for IPMI (Intelligent Platform Management Interface 2.0) and Redfish.

use crate::event::Severity;
use crate::words::words;
use serde::{Deserialize, Serialize};

/// A sensor with what it said last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sensor {
    /// Unique in its server and the same for as long as the hardware is: `OWNER.LUN.NUMBER` in hexadecimal (IPMI) or the path (Redfish).
    pub id: String,
    /// IPMI's number. Redfish knows none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u8>,
    pub name: String,
    pub group: SensorGroup,
    pub unit: SensorUnit,
    /// In [`Sensor::unit`]. Absent where there is none: never zero instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    pub state: SensorState,
    /// What it says beside a number.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub facts: Vec<SensorFact>,
    #[serde(default, skip_serializing_if = "Limits::are_none")]
    pub limits: Limits,
    /// What it is part of: `processor 1`. Its word is [`Entity::word`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entity: Option<Entity>,
}

/// What a sensor or an inventory record belongs to (IPMI 2.0 §43.14, table 43-13).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entity {
    pub id: u8,
    pub instance: u8,
}

impl Entity {
    /// The id of its word: `entity-NUMBER` in hexadecimal. What only a chassis, a board or its maker knows is "other".
    pub fn word(self) -> String {
        let named = matches!(self.id, 0x00..=0x35 | 0x37 | 0x40..=0x42);
        format!("entity-{:02x}", if named { self.id } else { 0x01 })
    }
}

/// Thresholds in the sensor's unit (IPMI 2.0 §35.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lower_non_recoverable: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lower_critical: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lower_non_critical: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upper_non_critical: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upper_critical: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upper_non_recoverable: Option<f64>,
}

impl Limits {
    pub fn are_none(&self) -> bool {
        *self == Self::default()
    }
}

/// Something that a discrete sensor says, or an event: `ipmi-CLASS-OFFSET` for the generic ones (IPMI 2.0 table 42-2) and
/// `ipmi-6f-TYPE-OFFSET` for those of a sensor type (table 42-3), numbers in hexadecimal; of the firmware's events with the step or error
/// behind, `ipmi-6f-0f-OFFSET-CODE`. Its words are the catalogue's entry of that name. What is not in the specification (OEM), or is Redfish's own, is told as it came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SensorFact {
    pub key: String,
    pub severity: Severity,
    /// As the BMC called it, where the catalogue has no words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

words! {
    /// How a sensor is. Its word is `sensor-state-STATE`.
    SensorState {
        Ok = "ok",
        LowerNonCritical = "lower-non-critical",
        LowerCritical = "lower-critical",
        LowerNonRecoverable = "lower-non-recoverable",
        UpperNonCritical = "upper-non-critical",
        UpperCritical = "upper-critical",
        UpperNonRecoverable = "upper-non-recoverable",
        /// A discrete sensor says something that somebody should know …
        Warning = "warning",
        /// … or act on.
        Critical = "critical",
        /// It has no reading now: the BMC says "reading/state unavailable" (IPMI 2.0 §35.14), or could not be asked for this one.
        Unavailable = "unavailable",
        /// Nobody scans it: the server is off, or somebody switched it off.
        ScanningDisabled = "scanning-disabled",
        /// What it would measure is not there.
        Absent = "absent",
        /// It tells only of events; there is nothing to read.
        EventOnly = "event-only",
    }

    /// Sensors that people look at together. Its word is `sensor-group-GROUP`.
    SensorGroup {
        Temperature = "temperature",
        Fan = "fan",
        Voltage = "voltage",
        Current = "current",
        /// Watts and watt-hours.
        Power = "power",
        PowerSupply = "power-supply",
        Processor = "processor",
        Memory = "memory",
        Drive = "drive",
        Battery = "battery",
        /// Chassis intrusion and its kin.
        Security = "security",
        /// Firmware, watchdog, event log, boot.
        System = "system",
        Other = "other",
    }

    /// What a value is in (IPMI 2.0 table 43-15). Its sign is `sensor-unit-UNIT`.
    SensorUnit {
        None = "none",
        Celsius = "celsius",
        Fahrenheit = "fahrenheit",
        Kelvin = "kelvin",
        Volt = "volt",
        Ampere = "ampere",
        Watt = "watt",
        Joule = "joule",
        VoltAmpere = "volt-ampere",
        KilowattHour = "kilowatt-hour",
        Hertz = "hertz",
        Rpm = "rpm",
        Percent = "percent",
        /// Cubic feet per minute.
        Cfm = "cfm",
        Second = "second",
        Pascal = "pascal",
        Decibel = "decibel",
        /// Of something: errors, messages, cycles.
        Count = "count",
        /// One of the specification's that people rarely meet; the value stands as it is.
        Other = "other",
    }
}

impl SensorState {
    /// How bad it is, if it is bad.
    pub const fn severity(self) -> Option<Severity> {
        match self {
            Self::LowerNonCritical | Self::UpperNonCritical | Self::Warning => Some(Severity::Warning),
            Self::LowerCritical
            | Self::UpperCritical
            | Self::LowerNonRecoverable
            | Self::UpperNonRecoverable
            | Self::Critical => Some(Severity::Error),
            Self::Ok | Self::Unavailable | Self::ScanningDisabled | Self::Absent | Self::EventOnly => None,
        }
    }
}
