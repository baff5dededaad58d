//! What Redfish measures, in cake's words. Plain functions of documents.

use super::lenient::{List, Number, Object, Text};
use super::wire::{Component, OldSensor, Power, PowerControl, Sensor as Wire, Status, Thermal, Threshold};
use cake_types::{Limits, Sensor, SensorGroup, SensorState, SensorUnit};

/// A sensor of the Sensors collection.
pub fn sensor(path: &str, wire: &Wire) -> Sensor {
    let (unit, factor) = unit(&wire.reading_units, &wire.reading_type);
    let value = wire.reading.0.map(|reading| reading * factor).filter(|value| value.is_finite());
    let limits = wire.thresholds.0.as_ref().map_or_else(Limits::default, |limits| Limits {
        lower_non_recoverable: active(&limits.lower_fatal, factor),
        lower_critical: active(&limits.lower_critical, factor),
        lower_non_critical: active(&limits.lower_caution, factor),
        upper_non_critical: active(&limits.upper_caution, factor),
        upper_critical: active(&limits.upper_critical, factor),
        upper_non_recoverable: active(&limits.upper_fatal, factor),
    });
    let group = group(wire, unit);
    measured(path, &wire.name, (group, unit), value, limits, &wire.status)
}

/// A threshold that is switched on.
fn active(threshold: &Object<Threshold>, factor: f64) -> Option<f64> {
    let threshold = threshold.0.as_ref().filter(|threshold| !threshold.activation.is("Disabled"))?;
    threshold.reading.0.map(|limit| limit * factor).filter(|limit| limit.is_finite())
}

/// Redfish's units are UCUM's (DSP0268, Sensor).
fn unit(units: &Text, kind: &Text) -> (SensorUnit, f64) {
    match units.get().unwrap_or_default() {
        "Cel" | "C" => (SensorUnit::Celsius, 1.0),
        "[degF]" => (SensorUnit::Fahrenheit, 1.0),
        "K" => (SensorUnit::Kelvin, 1.0),
        "V" => (SensorUnit::Volt, 1.0),
        "mV" => (SensorUnit::Volt, 0.001),
        "A" => (SensorUnit::Ampere, 1.0),
        "mA" => (SensorUnit::Ampere, 0.001),
        "W" => (SensorUnit::Watt, 1.0),
        "kW" => (SensorUnit::Watt, 1000.0),
        "J" => (SensorUnit::Joule, 1.0),
        "V.A" | "VA" => (SensorUnit::VoltAmpere, 1.0),
        "kW.h" => (SensorUnit::KilowattHour, 1.0),
        "Hz" => (SensorUnit::Hertz, 1.0),
        "MHz" => (SensorUnit::Hertz, 1e6),
        "{rev}/min" | "RPM" | "rpm" => (SensorUnit::Rpm, 1.0),
        "%" => (SensorUnit::Percent, 1.0),
        "[ft_i]3/min" => (SensorUnit::Cfm, 1.0),
        "s" => (SensorUnit::Second, 1.0),
        "Pa" => (SensorUnit::Pascal, 1.0),
        "kPa" => (SensorUnit::Pascal, 1000.0),
        "dB" | "dBA" => (SensorUnit::Decibel, 1.0),
        "" => (unit_of_kind(kind), 1.0),
        _ => (SensorUnit::Other, 1.0),
    }
}

/// The unit that the schema demands of a kind, where a BMC names none.
fn unit_of_kind(kind: &Text) -> SensorUnit {
    match kind.get().unwrap_or_default() {
        "Temperature" => SensorUnit::Celsius,
        "Voltage" => SensorUnit::Volt,
        "Current" => SensorUnit::Ampere,
        "Power" => SensorUnit::Watt,
        "EnergykWh" => SensorUnit::KilowattHour,
        "EnergyJoules" => SensorUnit::Joule,
        "Frequency" => SensorUnit::Hertz,
        "Rotational" => SensorUnit::Rpm,
        "Percent" | "Humidity" => SensorUnit::Percent,
        _ => SensorUnit::None,
    }
}

fn group(wire: &Wire, unit: SensorUnit) -> SensorGroup {
    let kind = wire.reading_type.get().unwrap_or_default();
    // How much of its speed a fan runs at is a percentage of something that only its place or its name tells.
    let of = |what: &str| {
        [&wire.physical_context, &wire.name].into_iter().any(|text| text.string().to_ascii_lowercase().contains(what))
    };
    match (kind, unit) {
        ("Temperature", _) | ("", SensorUnit::Celsius) => SensorGroup::Temperature,
        ("Rotational" | "AirFlow" | "AirFlowCMM", _) | ("", SensorUnit::Rpm) => SensorGroup::Fan,
        ("Percent", _) if of("fan") => SensorGroup::Fan,
        ("Percent", _) if of("battery") => SensorGroup::Battery,
        ("Voltage", _) | ("", SensorUnit::Volt) => SensorGroup::Voltage,
        ("Current", _) | ("", SensorUnit::Ampere) => SensorGroup::Current,
        ("Power" | "EnergykWh" | "EnergyJoules" | "EnergyWh", _) | ("", SensorUnit::Watt) => SensorGroup::Power,
        _ => SensorGroup::Other,
    }
}

/// Temperatures and fans of the older schema.
pub fn thermal(path: &str, wire: &Thermal) -> Vec<Sensor> {
    let heat = (SensorGroup::Temperature, SensorUnit::Celsius);
    let temperatures = all(path, "Temperatures", &wire.temperatures, |old| (old.reading_celsius, heat));
    let fans = all(path, "Fans", &wire.fans, |old| {
        let percent = old.reading_units.is("Percent") || old.reading_units.is("%");
        let unit = if percent { SensorUnit::Percent } else { SensorUnit::Rpm };
        (Number(old.reading.0.or(old.reading_rpm.0)), (SensorGroup::Fan, unit))
    });
    [temperatures, fans].concat()
}

/// Voltages, power supplies and what is drawn, of the older schema.
pub fn power(path: &str, wire: &Power) -> Vec<Sensor> {
    let volts = (SensorGroup::Voltage, SensorUnit::Volt);
    let mut sensors = all(path, "Voltages", &wire.voltages, |old| (old.reading_volts, volts));
    sensors.extend(wire.power_control.0.iter().enumerate().map(|(at, control)| drawn(path, at, control)));
    sensors.extend(supplies(path, &wire.power_supplies));
    sensors
}

fn drawn(path: &str, at: usize, control: &PowerControl) -> Sensor {
    let id = own_path(&control.path, path, "PowerControl", at);
    let shape = (SensorGroup::Power, SensorUnit::Watt);
    measured(&id, &control.name, shape, control.power_consumed_watts.0, Limits::default(), &Object(None))
}

/// The power supplies of the older schema: whether each is well.
pub fn supplies(path: &str, supplies: &List<Component>) -> Vec<Sensor> {
    let each = supplies.0.iter().enumerate();
    each.map(|(at, supply)| {
        component(&own_path(&supply.path, path, "PowerSupplies", at), supply, SensorGroup::PowerSupply)
    })
    .collect()
}

fn all(
    path: &str,
    list: &str,
    wires: &List<OldSensor>,
    of: impl Fn(&OldSensor) -> (Number, (SensorGroup, SensorUnit)),
) -> Vec<Sensor> {
    let each = wires.0.iter().enumerate();
    each.map(|(at, old)| {
        let (reading, shape) = of(old);
        let name = if old.name.get().is_some() { &old.name } else { &old.fan_name };
        measured(&own_path(&old.path, path, list, at), name, shape, reading.0, old_limits(old), &old.status)
    })
    .collect()
}

fn old_limits(old: &OldSensor) -> Limits {
    Limits {
        lower_non_recoverable: old.lower_threshold_fatal.0,
        lower_critical: old.lower_threshold_critical.0,
        lower_non_critical: old.lower_threshold_non_critical.0,
        upper_non_critical: old.upper_threshold_non_critical.0,
        upper_critical: old.upper_threshold_critical.0,
        upper_non_recoverable: old.upper_threshold_fatal.0,
    }
}

/// A part of a document: by its own path where it has one.
pub fn own_path(own: &Text, path: &str, list: &str, at: usize) -> String {
    own.get().filter(|own| own.contains('#')).map_or_else(|| format!("{path}#/{list}/{at}"), str::to_owned)
}

/// Whether a drive, power supply or whole machine is well: there is no number to read.
pub fn component(path: &str, wire: &Component, group: SensorGroup) -> Sensor {
    let mut sensor = health(path, &wire.name, group, &wire.status);
    if sensor.state == SensorState::Ok && wire.failure_predicted.0 == Some(true) {
        sensor.state = SensorState::Warning;
    }
    let there = !matches!(sensor.state, SensorState::Absent | SensorState::ScanningDisabled);
    if let Some(left) = wire.predicted_media_life_left_percent.0.filter(|_| there) {
        (sensor.value, sensor.unit) = (Some(left), SensorUnit::Percent);
    }
    sensor
}

pub fn health(path: &str, name: &Text, group: SensorGroup, status: &Object<Status>) -> Sensor {
    let state = not_scanned(status).unwrap_or_else(|| told(status).unwrap_or(SensorState::Unavailable));
    plain(path, name, (group, SensorUnit::None), None, Limits::default(), state)
}

/// A sensor that measures: bad when a limit is passed or the BMC says so.
fn measured(
    path: &str,
    name: &Text,
    shape: (SensorGroup, SensorUnit),
    value: Option<f64>,
    limits: Limits,
    status: &Object<Status>,
) -> Sensor {
    let state = not_scanned(status).unwrap_or_else(|| match value {
        None => SensorState::Unavailable,
        Some(value) => match passed(value, &limits) {
            SensorState::Ok => told(status).unwrap_or(SensorState::Ok),
            passed => passed,
        },
    });
    // A sensor that nobody scans shows what it saw last, or zero: neither is a reading.
    let value = value
        .filter(|_| !matches!(state, SensorState::Absent | SensorState::ScanningDisabled | SensorState::Unavailable));
    plain(path, name, shape, value, limits, state)
}

fn plain(
    path: &str,
    name: &Text,
    (group, unit): (SensorGroup, SensorUnit),
    value: Option<f64>,
    limits: Limits,
    state: SensorState,
) -> Sensor {
    let last = path.rsplit('/').next().unwrap_or_default();
    let name = name.get().unwrap_or(last).to_owned();
    Sensor {
        id: path.to_owned(),
        number: None,
        name,
        group,
        unit,
        value,
        state,
        facts: Vec::new(),
        limits,
        entity: None,
    }
}

/// Resource.Status.State: why there is nothing to read.
fn not_scanned(status: &Object<Status>) -> Option<SensorState> {
    match status.0.as_ref()?.state.get()? {
        "Absent" => Some(SensorState::Absent),
        "Disabled" | "StandbyOffline" | "Deferring" | "Quiesced" => Some(SensorState::ScanningDisabled),
        "UnavailableOffline" | "Starting" | "InTest" | "Updating" => Some(SensorState::Unavailable),
        _ => None,
    }
}

/// Resource.Status.Health, or of all that is below.
fn told(status: &Object<Status>) -> Option<SensorState> {
    let status = status.0.as_ref()?;
    let words = [&status.health_rollup, &status.health_roll_up, &status.health];
    let states = words.into_iter().filter_map(|word| match word.get()? {
        "OK" => Some(SensorState::Ok),
        "Warning" => Some(SensorState::Warning),
        "Critical" => Some(SensorState::Critical),
        _ => None,
    });
    states.max_by_key(|state| state.severity())
}

/// The worst limit that a value has reached, as IPMI counts it too (IPMI 2.0 §35.13).
fn passed(value: f64, limits: &Limits) -> SensorState {
    let upper = |limit: Option<f64>| limit.is_some_and(|limit| value >= limit);
    let lower = |limit: Option<f64>| limit.is_some_and(|limit| value <= limit);
    let states = [
        (upper(limits.upper_non_recoverable), SensorState::UpperNonRecoverable),
        (lower(limits.lower_non_recoverable), SensorState::LowerNonRecoverable),
        (upper(limits.upper_critical), SensorState::UpperCritical),
        (lower(limits.lower_critical), SensorState::LowerCritical),
        (upper(limits.upper_non_critical), SensorState::UpperNonCritical),
        (lower(limits.lower_non_critical), SensorState::LowerNonCritical),
    ];
    states.into_iter().find(|(reached, _)| *reached).map_or(SensorState::Ok, |(_, state)| state)
}
