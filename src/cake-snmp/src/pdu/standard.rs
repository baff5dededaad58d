//! What the IETF standardised: the input lines of UPS-MIB (RFC 1628), which some PDUs serve, and the sensors of ENTITY-SENSOR-MIB
//! (RFC 3433) with their names in ENTITY-MIB (RFC 6933).

use super::{Column, Family, Says};
use crate::device::TEXT;
use crate::tree::Tree;
use cake_types::{Limits, Sensor, SensorGroup, SensorState, SensorUnit};

macro_rules! ups {
    ($($arc:literal),*) => { &[1, 3, 6, 1, 2, 1, 33, 1, $($arc),*] };
}

macro_rules! sensor {
    ($column:literal) => {
        &[1, 3, 6, 1, 2, 1, 99, 1, 1, 1, $column]
    };
}

/// `entPhySensorType`, `…Scale`, `…Precision`, `…Value`, `…OperStatus`; `entPhysicalDescr`, `entPhysicalName`.
const TYPE: &[u32] = sensor!(1);
const SCALE: &[u32] = sensor!(2);
const PRECISION: &[u32] = sensor!(3);
const VALUE: &[u32] = sensor!(4);
const STATUS: &[u32] = sensor!(5);
const DESCR: &[u32] = &[1, 3, 6, 1, 2, 1, 47, 1, 1, 1, 1, 2];
const NAME: &[u32] = &[1, 3, 6, 1, 2, 1, 47, 1, 1, 1, 1, 7];

pub const NAMES: [&[u32]; 7] = [TYPE, SCALE, PRECISION, VALUE, STATUS, DESCR, NAME];

#[rustfmt::skip]
pub const FAMILY: Family = Family { maker: "", entity_sensors: true, columns: &[
    // upsIdent
    Column::new(ups![1, 1], Says::Maker),
    Column::new(ups![1, 2], Says::Model),
    Column::new(ups![1, 4], Says::Firmware),
    // upsInputTable: volts, tenths of amperes, watts
    Column::new(ups![3, 3, 1, 3], Says::InputVolts),
    Column::new(ups![3, 3, 1, 4], Says::InputAmps).by(0.1),
    Column::new(ups![3, 3, 1, 5], Says::InputWatts),
] };

/// `EntitySensorDataType` of what is shown.
const fn unit(kind: i64) -> Option<(SensorGroup, SensorUnit)> {
    Some(match kind {
        3 | 4 => (SensorGroup::Voltage, SensorUnit::Volt),
        5 => (SensorGroup::Current, SensorUnit::Ampere),
        6 => (SensorGroup::Power, SensorUnit::Watt),
        7 => (SensorGroup::Other, SensorUnit::Hertz),
        8 => (SensorGroup::Temperature, SensorUnit::Celsius),
        9 => (SensorGroup::Other, SensorUnit::Percent),
        10 => (SensorGroup::Fan, SensorUnit::Rpm),
        _ => return None,
    })
}

/// RFC 3433 §2.1: the value has so many digits behind the point (`precision`) and counts in powers of a thousand (`scale`, 9 is one).
fn scaled(value: i64, scale: i64, precision: i64) -> Option<f64> {
    let thousands = i32::try_from(scale.checked_sub(9)?).ok()?;
    let digits = i32::try_from(precision).ok()?;
    let plausible = (-8..=8).contains(&thousands) && (-8..=9).contains(&digits);
    // RFC 3433: what lies at the ends of the range is no value.
    let is_value = value.abs() < 1_000_000_000;
    (plausible && is_value).then(|| value as f64 * 10_f64.powi(3 * thousands - digits.max(0)))
}

/// Sensors of ENTITY-SENSOR-MIB.
pub fn sensors(tree: &Tree) -> Vec<Sensor> {
    let sensor = |(index, value): (&[u32], &crate::Value)| {
        let number = |column| tree.number(column, index);
        let (group, unit) = unit(number(TYPE)?)?;
        let text = |column| tree.at(column, index).and_then(|value| value.text(TEXT));
        let id = index.iter().map(u32::to_string).collect::<Vec<_>>().join(".");
        let value = scaled(value.number()?, number(SCALE).unwrap_or(9), number(PRECISION).unwrap_or(0));
        // 1 ok, 2 unavailable, 3 nonoperational
        let well = number(STATUS).unwrap_or(1) == 1;
        Some(Sensor {
            name: text(NAME).or_else(|| text(DESCR)).unwrap_or_else(|| id.clone()),
            id,
            number: None,
            group,
            unit,
            value: value.filter(|_| well),
            state: if well { SensorState::Ok } else { SensorState::Unavailable },
            facts: Vec::new(),
            limits: Limits::default(),
            entity: None,
        })
    };
    tree.column(VALUE).filter_map(sensor).collect()
}

#[cfg(test)]
mod tests {
    use super::scaled;

    #[test]
    fn values_as_the_standard_scales_them() {
        assert_eq!(scaled(235, 9, 1), Some(23.5));
        assert_eq!(scaled(2305, 8, 0), Some(2.305));
        assert_eq!(scaled(12, 10, 0), Some(12_000.0));
        assert_eq!(scaled(-1_000_000_000, 9, 0), None);
        assert_eq!(scaled(1, i64::MIN, 0), None);
        assert_eq!(scaled(1, 9, i64::MAX), None);
    }
}
