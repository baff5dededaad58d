//! What a server draws, what that is as energy, and whose it is.

use cake_types::{Energy, Entity, Sensor, SensorGroup, SensorHistory, SensorUnit, VmId};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

/// Entities of IPMI 2.0 table 43-13 that stand for the whole machine: system board, system chassis, power management, power unit.
const WHOLE: [u8; 4] = [0x07, 0x17, 0x14, 0x13];
/// A power supply.
const SUPPLY: u8 = 0x0a;
/// More than any server draws, in watts: a sensor that says so is broken.
const MOST: f64 = 100_000.0;

/// What the whole server draws, in watts: as its BMC says (DCMI 1.5 §6.6.1, Redfish), else from a sensor of the whole, else the sum of
/// what its power supplies take in.
pub fn draw(told: Option<f64>, sensors: &[Sensor]) -> Option<f64> {
    told.filter(|watts| is_sane(*watts)).or_else(|| of_whole(sensors)).or_else(|| of_supplies(sensors))
}

fn is_sane(watts: f64) -> bool {
    (0.0..=MOST).contains(&watts)
}

fn watts(sensors: &[Sensor]) -> impl Iterator<Item = (&Sensor, f64)> {
    let power = |sensor: &&Sensor| {
        sensor.unit == SensorUnit::Watt && matches!(sensor.group, SensorGroup::Power | SensorGroup::PowerSupply)
    };
    sensors.iter().filter(power).filter_map(|sensor| Some((sensor, sensor.value.filter(|watts| is_sane(*watts))?)))
}

/// Words of a name in small letters: `PSU1_Input` is `psu1`, `input`.
fn words(sensor: &Sensor) -> Vec<String> {
    let name = sensor.name.to_ascii_lowercase();
    name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

fn is_of(sensor: &Sensor, ids: &[u8]) -> bool {
    sensor.entity.is_some_and(|Entity { id, .. }| ids.contains(&id))
}

/// What makers call the draw of the whole: `Total Power`, `Sys Power`, `Pwr Consumption`, `Power Meter`, `System Level`.
fn of_whole(sensors: &[Sensor]) -> Option<f64> {
    let named = |words: &[String]| {
        let has = |word: &str| words.iter().any(|own| own == word);
        let joined = words.concat();
        let whole = ["total", "system", "sys", "chassis", "node"].into_iter().any(has);
        let power = ["power", "pwr", "watts", "consumption", "level", "meter", "pin"].into_iter().any(has);
        whole && power
            || ["powermeter", "pwrconsumption", "powerconsumption", "totalpower", "syspower", "systempower"]
                .into_iter()
                .any(|word| joined.contains(word))
    };
    // Parts of it have names that are like it: `CPU Total Power`, `Sys Fan Power`.
    let part = |words: &[String]| {
        let parts =
            ["cpu", "cpu1", "cpu2", "gpu", "mem", "memory", "dimm", "fan", "fans", "hdd", "disk", "out", "output"];
        words.iter().any(|word| parts.contains(&&**word) || word.starts_with("psu") || word.starts_with("ps"))
    };
    let fits = |sensor: &Sensor| {
        let words = words(sensor);
        named(&words) && !part(&words) && !is_of(sensor, &[SUPPLY])
    };
    // One that belongs to the whole before one that is only called so.
    let all: Vec<(&Sensor, f64)> = watts(sensors).filter(|(sensor, _)| fits(sensor)).collect();
    let whole = all.iter().find(|(sensor, _)| is_of(sensor, &WHOLE));
    whole.or(all.first()).map(|(_, watts)| *watts)
}

/// Of each supply what goes in, where that is told apart from what comes out. A supply that says nothing is taken for one that is not
/// there or not plugged in.
fn of_supplies(sensors: &[Sensor]) -> Option<f64> {
    let of_supply = |sensor: &Sensor| {
        let named =
            words(sensor).iter().any(|word| word.starts_with("psu") || word.starts_with("ps") || word == "supply");
        is_of(sensor, &[SUPPLY]) || sensor.group == SensorGroup::PowerSupply || sensor.entity.is_none() && named
    };
    let supplies: Vec<(&Sensor, f64)> = watts(sensors).filter(|(sensor, _)| of_supply(sensor)).collect();
    let says = |sensor: &Sensor, said: &[&str]| words(sensor).iter().any(|word| said.contains(&&**word));
    let goes_in = |(sensor, _): &&(&Sensor, f64)| says(sensor, &["in", "input", "pin", "ac"]);
    let comes_out = |(sensor, _): &&(&Sensor, f64)| says(sensor, &["out", "output", "pout", "dc"]);
    let sum = |found: Vec<&(&Sensor, f64)>| {
        (!found.is_empty()).then(|| found.into_iter().map(|(_, watts)| watts).sum::<f64>())
    };
    sum(supplies.iter().filter(goes_in).collect())
        .or_else(|| sum(supplies.iter().filter(|supply| !comes_out(supply)).collect()))
}

/// The months that energy is told of, in seconds since 1970: when the last began, when this one did, and when the next will.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Months {
    pub last: i64,
    pub this: i64,
    pub next: i64,
}

/// As the calendar of a time zone has them.
pub fn months(now: Timestamp, zone: &TimeZone) -> Months {
    let today = now.to_zoned(zone.clone()).date();
    let begin = |date: Date| date.to_zoned(zone.clone()).map_or(now, |zoned| zoned.timestamp()).as_second();
    let this = today.first_of_month();
    let last = this.checked_sub(1.month()).unwrap_or(this);
    let next = this.checked_add(1.month()).unwrap_or(this);
    Months { last: begin(last), this: begin(this), next: begin(next) }
}

/// What part of a time is known, from 0 to 1; of one that is not over, of what has passed.
pub fn known_part(energy: Energy, (from, to): (i64, i64), now: i64) -> f64 {
    let passed = (to.min(now) - from).max(1) as f64;
    (energy.known / passed).clamp(0.0, 1.0)
}

/// What was drawn from `from` to `to` (seconds since 1970), by a curve of watts. Of a point that is only partly in it, a part of the
/// same size is reckoned with.
pub fn drawn_between(history: &SensorHistory, from: i64, to: i64) -> Energy {
    let step = i64::from(history.step).max(1);
    let mut energy = Energy::default();
    let Some(curve) = history.curves.first() else { return energy };
    for (at, mean) in curve.mean.iter().enumerate() {
        let end = history.first.saturating_add(step * at as i64);
        let within = (end.min(to) - (end - step).max(from)).max(0) as f64;
        // Of a point that is one reading it is all known.
        let known = curve.known.get(at).map_or(Some(1.0), |known| *known);
        if let (Some(mean), Some(known)) = (mean, known) {
            let seconds = within * f64::from(known);
            energy.joules += f64::from(*mean) * seconds;
            energy.known += seconds;
        }
    }
    energy
}

/// Whose the draw of a node's server is: it is split by the time that each VM keeps processors busy, all of it, so that the parts are
/// the whole. Nothing where no VM does anything.
pub fn shares(watts: f64, vms: &[(VmId, u32)]) -> Vec<(VmId, f64)> {
    let all: f64 = vms.iter().map(|(_, busy)| f64::from(*busy)).sum();
    if all <= 0.0 || !is_sane(watts) {
        return Vec::new();
    }
    vms.iter().filter(|(_, busy)| *busy > 0).map(|(vm, busy)| (*vm, watts * f64::from(*busy) / all)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use cake_types::{DRAW, Limits, SensorCurve, SensorState, Span};
    use uuid::Uuid;

    fn sensor(name: &str, watts: f64, entity: Option<u8>) -> Sensor {
        Sensor {
            id: name.into(),
            number: None,
            name: name.into(),
            group: SensorGroup::Power,
            unit: SensorUnit::Watt,
            value: Some(watts),
            state: SensorState::Ok,
            facts: Vec::new(),
            limits: Limits::default(),
            entity: entity.map(|id| Entity { id, instance: 1 }),
        }
    }

    #[test]
    fn what_a_server_draws_is_told_or_follows_from_its_sensors() {
        let of = |names: &[(&str, f64, Option<u8>)]| {
            let sensors: Vec<_> = names.iter().map(|(name, watts, entity)| sensor(name, *watts, *entity)).collect();
            draw(None, &sensors)
        };
        let supplies = [("PSU 1 Input", 120.0, Some(10)), ("PSU 2 Input", 116.0, Some(10))];
        let laboratory = [supplies[0], supplies[1], ("Total Power", 240.0, Some(7))];
        assert_eq!(of(&laboratory), Some(240.0));
        assert_eq!(of(&supplies), Some(236.0));
        for name in ["Pwr Consumption", "Power Meter", "Sys Power", "Total_Power", "System Power", "SysPower(W)"] {
            assert_eq!(of(&[("CPU Power", 90.0, Some(3)), (name, 300.0, Some(7))]), Some(300.0), "{name}");
        }
        assert_eq!(of(&[("PS1 Input Power", 100.0, None), ("PS1 Output Power", 90.0, None)]), Some(100.0));
        assert_eq!(of(&[("PSU1 POUT", 90.0, Some(10)), ("PSU1 PIN", 100.0, Some(10))]), Some(100.0));
        assert_eq!(of(&[("PSU1 Power", 90.0, Some(10)), ("PSU2 Power", 80.0, Some(10))]), Some(170.0));
        assert_eq!(of(&[("CPU Total Power", 90.0, Some(3)), ("GPU 1 Power", 200.0, None)]), None, "a part is not all");
        assert_eq!(of(&[("Total Power", f64::NAN, Some(7)), ("Total Power", -1.0, Some(7))]), None);
        let mut silent = sensor("Total Power", 1.0, Some(7));
        silent.value = None;
        assert_eq!(draw(None, &[silent]), None);
        assert_eq!(draw(Some(99.0), &[sensor("Total Power", 240.0, Some(7))]), Some(99.0), "what the BMC says counts");
        assert_eq!(draw(Some(f64::INFINITY), &[]), None);
    }

    fn curve(mean: &[Option<f32>], known: &[Option<f32>]) -> SensorHistory {
        let (id, unit, name) = (DRAW.into(), SensorUnit::Watt, String::new());
        let (mean, known) = (mean.to_vec(), known.to_vec());
        let curve = SensorCurve { id, name, unit, mean, least: Vec::new(), most: Vec::new(), known };
        SensorHistory { span: Span::Month, first: 3600, step: 3600, curves: vec![curve], set_aside: None }
    }

    #[test]
    fn energy_is_what_is_known_and_nothing_is_invented() {
        // An hour of 100 W, one of which half is known, one of which nothing is.
        let history = curve(&[Some(100.0), Some(200.0), None], &[Some(1.0), Some(0.5), None]);
        let all = drawn_between(&history, 0, 10_800);
        assert_eq!((all.kilowatt_hours(), all.known), (0.2, 5400.0));
        let part = drawn_between(&history, 1800, 5400);
        assert_eq!((part.joules, part.known), (100.0 * 1800.0 + 200.0 * 900.0, 2700.0));
        assert_eq!(drawn_between(&history, 20_000, 30_000), Energy::default());
        let empty = SensorHistory { curves: Vec::new(), ..history };
        assert_eq!(drawn_between(&empty, i64::MIN / 2, i64::MAX / 2), Energy::default());
    }

    #[test]
    fn months_are_those_of_the_wall() {
        let now: Timestamp = "2026-02-28T17:00:00Z".parse().unwrap();
        let at = |text: &str| text.parse::<Timestamp>().unwrap().as_second();
        let taipei = TimeZone::fixed(jiff::tz::offset(8));
        let months = months(now, &taipei);
        assert_eq!(months.last, at("2026-01-31T16:00:00Z"), "in Taiwan it is March");
        assert_eq!((months.this, months.next), (at("2026-02-28T16:00:00Z"), at("2026-03-31T16:00:00Z")));
        let energy = Energy { joules: 0.0, known: 1800.0 };
        assert_eq!(known_part(energy, (months.this, months.next), now.as_second()), 0.5, "of what has passed");
        assert_eq!(known_part(energy, (0, 900), now.as_second()), 1.0);
    }

    #[test]
    fn parts_are_the_whole() {
        let vm = |number| VmId(Uuid::from_u128(number));
        let parts = shares(300.0, &[(vm(1), 2000), (vm(2), 1000), (vm(3), 0)]);
        assert_eq!(parts, [(vm(1), 200.0), (vm(2), 100.0)]);
        assert!(shares(300.0, &[(vm(1), 0)]).is_empty() && shares(f64::NAN, &[(vm(1), 5)]).is_empty());
    }
}
