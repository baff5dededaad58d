//! In what a sensor measures (IPMI 2.0 §43.17, table 43-15).

use cake_types::SensorUnit;

/// What a full record says of its unit (table 43-1, bytes 21 to 23).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Units {
    pub percent: bool,
    /// 1: base divided by modifier; 2: base times modifier.
    pub relation: u8,
    /// 1 … 6: per microsecond, millisecond, second, minute, hour, day.
    pub rate: u8,
    pub base: u8,
    pub modifier: u8,
}

impl Units {
    pub fn parse(bytes: &[u8; 3]) -> Self {
        let [flags, base, modifier] = *bytes;
        Self { percent: flags & 1 != 0, relation: flags >> 1 & 3, rate: flags >> 3 & 7, base, modifier }
    }
}

const KELVIN: u8 = 3;
const WATT: u8 = 6;
const JOULE: u8 = 7;
const SECOND: u8 = 22;
const MINUTE: u8 = 23;
const HOUR: u8 = 24;
const CUBIC_FEET: u8 = 31;
const REVOLUTION: u8 = 41;
const CYCLE: u8 = 42;

/// Our unit for it, and what a value is multiplied by to be in it.
pub fn unit(of: Units) -> (SensorUnit, f64) {
    if of.percent {
        return (SensorUnit::Percent, 1.0);
    }
    // "Per minute" can be said in two ways.
    let per = match (of.relation, of.rate) {
        (0 | 3, 0 | 7) => return simple(of.base),
        (0, rate @ 3..=5) => SECOND + rate - 3,
        (1, 0) => of.modifier,
        (2, 0) if (of.base, of.modifier) == (WATT, HOUR) => return (SensorUnit::KilowattHour, 1e-3),
        (2, 0) if (of.base, of.modifier) == (WATT, SECOND) => return (SensorUnit::Joule, 1.0),
        _ => return (SensorUnit::Other, 1.0),
    };
    match (of.base, per) {
        (REVOLUTION, MINUTE) => (SensorUnit::Rpm, 1.0),
        (REVOLUTION, SECOND) => (SensorUnit::Rpm, 60.0),
        (CUBIC_FEET, MINUTE) => (SensorUnit::Cfm, 1.0),
        (CYCLE, SECOND) => (SensorUnit::Hertz, 1.0),
        (JOULE, SECOND) => (SensorUnit::Watt, 1.0),
        _ => (SensorUnit::Other, 1.0),
    }
}

fn simple(base: u8) -> (SensorUnit, f64) {
    match base {
        0 => (SensorUnit::None, 1.0),
        1 => (SensorUnit::Celsius, 1.0),
        2 => (SensorUnit::Fahrenheit, 1.0),
        KELVIN => (SensorUnit::Kelvin, 1.0),
        4 => (SensorUnit::Volt, 1.0),
        5 => (SensorUnit::Ampere, 1.0),
        WATT => (SensorUnit::Watt, 1.0),
        JOULE => (SensorUnit::Joule, 1.0),
        9 => (SensorUnit::VoltAmpere, 1.0),
        14 => (SensorUnit::Pascal, 1e3),
        17 => (SensorUnit::Cfm, 1.0),
        18 => (SensorUnit::Rpm, 1.0),
        19 => (SensorUnit::Hertz, 1.0),
        20 => (SensorUnit::Second, 1e-6),
        21 => (SensorUnit::Second, 1e-3),
        SECOND => (SensorUnit::Second, 1.0),
        MINUTE => (SensorUnit::Second, 60.0),
        HOUR => (SensorUnit::Second, 3600.0),
        25 => (SensorUnit::Second, 86_400.0),
        26 => (SensorUnit::Second, 604_800.0),
        60..=62 => (SensorUnit::Decibel, 1.0),
        // Revolutions and cycles; then lines, hits, resets, packets, messages, errors of all kinds.
        REVOLUTION | CYCLE | 77..=91 => (SensorUnit::Count, 1.0),
        _ => (SensorUnit::Other, 1.0),
    }
}

#[cfg(test)]
mod tests {
    use super::{Units, unit};
    use cake_types::SensorUnit;

    fn of(bytes: [u8; 3]) -> (SensorUnit, f64) {
        unit(Units::parse(&bytes))
    }

    #[test]
    fn one_unit_can_be_said_in_several_ways() {
        assert_eq!(of([0, 18, 0]), (SensorUnit::Rpm, 1.0));
        assert_eq!(of([4 << 3, 41, 0]), (SensorUnit::Rpm, 1.0), "revolutions, rate per minute");
        assert_eq!(of([1 << 1, 41, 23]), (SensorUnit::Rpm, 1.0), "revolutions / minute");
        assert_eq!(of([3 << 3, 42, 0]), (SensorUnit::Hertz, 1.0));
        assert_eq!(of([2 << 1, 6, 24]), (SensorUnit::KilowattHour, 1e-3), "watts × hour");
        assert_eq!(of([1, 18, 0]), (SensorUnit::Percent, 1.0), "per cent of a speed");
        assert_eq!(of([0xc0, 0, 0]), (SensorUnit::None, 1.0));
        assert_eq!(of([1 << 1, 4, 24]), (SensorUnit::Other, 1.0), "volts / hour");
        assert_eq!(of([0, 14, 0]), (SensorUnit::Pascal, 1e3));
        assert_eq!(of([0, 200, 0]), (SensorUnit::Other, 1.0));
    }

    #[test]
    fn no_byte_breaks_it() {
        for flags in 0..=255 {
            for base in 0..=255 {
                assert!(of([flags, base, base]).1 > 0.0);
            }
        }
    }
}
