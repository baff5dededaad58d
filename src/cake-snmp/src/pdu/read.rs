//! From values to what a PDU says: rows are put together by their index.

use super::{Column, Family, Says, Scale, standard};
use crate::device::TEXT;
use crate::tree::Tree;
use crate::value::Value;
use cake_types::{DeviceAbout, Limits, Outlet, PduInput, PduReading, Sensor, SensorGroup, SensorState, SensorUnit};
use std::collections::BTreeMap;

/// More than any PDU has; what is beyond is not told of.
const INPUTS: usize = 32;
const OUTLETS: usize = 256;
const SENSORS: usize = 64;

/// A probe that can say two things at once.
#[derive(Clone, Debug, Default)]
struct Probe {
    name: Option<String>,
    celsius: Option<f64>,
    percent: Option<f64>,
    value: Option<f64>,
    kind: Option<SensorUnit>,
    state: Option<SensorState>,
}

#[derive(Default)]
struct Rows {
    about: DeviceAbout,
    /// What the unit says that it draws in all, and in which column: the last column has the say.
    total: Option<(usize, f64)>,
    inputs: BTreeMap<Vec<u32>, PduInput>,
    outlets: BTreeMap<Vec<u32>, Outlet>,
    probes: BTreeMap<Vec<u32>, Probe>,
}

/// What the tree says of a PDU of this family.
pub fn read(tree: &Tree, family: &Family) -> (DeviceAbout, PduReading) {
    let about = DeviceAbout { maker: family.maker.to_owned(), ..crate::device::about(tree) };
    let mut rows = Rows { about, ..Rows::default() };
    for (place, column) in family.columns.iter().enumerate() {
        for (index, value) in tree.column(column.name) {
            let row = match (column.only, index) {
                (None, _) => index,
                (Some(only), [row @ .., last]) if *last == only => row,
                _ => continue,
            };
            rows.take((place, column), row, value, factor(tree, column, index));
        }
    }
    let mut sensors = rows.sensors();
    if family.entity_sensors {
        sensors.extend(standard::sensors(tree));
    }
    sensors.truncate(SENSORS);
    let inputs = named(rows.inputs, INPUTS, |input: &mut PduInput, id| input.id = id);
    let outlets = named(rows.outlets, OUTLETS, |outlet: &mut Outlet, id| outlet.id = id);
    let watts = rows.total.map(|(_, watts)| watts).or_else(|| watts(&inputs, &outlets));
    (rows.about, PduReading { watts, inputs, outlets, sensors })
}

/// What a number of this row is multiplied with, and what is added before.
fn factor(tree: &Tree, column: &Column, index: &[u32]) -> (f64, f64) {
    match column.scale {
        Scale::One => (1.0, 0.0),
        Scale::By(factor) => (factor, 0.0),
        Scale::Digits(digits) => {
            let digits = tree.number(digits, index).filter(|digits| (0..=9).contains(digits)).unwrap_or(0);
            (0.1_f64.powi(digits as i32), 0.0)
        }
        Scale::TenthsOfScale(scale) => match index.first().and_then(|unit| tree.number(scale, &[*unit])) {
            Some(1) => (0.1 / 1.8, -320.0),
            _ => (0.1, 0.0),
        },
    }
}

impl Rows {
    fn take(&mut self, (place, column): (usize, &Column), row: &[u32], value: &Value, (factor, before): (f64, f64)) {
        // Rounded to what it was said with: 0.1 is no fraction of two.
        let raw = value.number();
        let scaled = raw.map(|number| (((number as f64 + before) * factor) * 1e4).round() / 1e4);
        // Every one of these MIBs says so of what a unit does not measure.
        let measured = || scaled.filter(|_| raw.is_some_and(|number| number >= 0));
        let text = || value.text(TEXT);
        let key = || row.to_vec();
        match column.says {
            Says::Maker => keep(&mut self.about.maker, text()),
            Says::Model => keep(&mut self.about.model, text()),
            Says::Serial => keep(&mut self.about.serial, text()),
            Says::Firmware => keep(&mut self.about.firmware, text()),
            Says::TotalWatts => {
                if let Some(watts) = measured() {
                    let before = self.total.filter(|(said_in, _)| *said_in == place).map_or(0.0, |(_, watts)| watts);
                    self.total = Some((place, before + watts));
                }
            }
            Says::InputVolts => set(&mut self.inputs, key(), |input| input.volts = measured()),
            Says::InputAmps => set(&mut self.inputs, key(), |input| input.amps = measured()),
            Says::InputWatts => set(&mut self.inputs, key(), |input| input.watts = measured()),
            Says::InputRating => {
                let rated = measured().filter(|rated| *rated > 0.0);
                set(&mut self.inputs, key(), |input| input.rated_amps = rated);
            }
            Says::InputState(states) => {
                if let Some(state) = state(states, raw) {
                    set(&mut self.inputs, key(), |input| input.state = state);
                }
            }
            Says::PartOfInput => {
                if raw.is_some_and(|number| number > 0) {
                    self.inputs.remove(row);
                }
            }
            Says::OutletName => set(&mut self.outlets, key(), |outlet| keep(&mut outlet.name, text())),
            Says::OutletOn(on) => {
                set(&mut self.outlets, key(), |outlet| outlet.on = raw.map(|number| on.contains(&number)));
            }
            Says::OutletAmps => set(&mut self.outlets, key(), |outlet| outlet.amps = measured()),
            Says::OutletWatts => set(&mut self.outlets, key(), |outlet| outlet.watts = measured()),
            Says::SensorName => set(&mut self.probes, key(), |probe| probe.name = text()),
            Says::Celsius => set(&mut self.probes, key(), |probe| probe.celsius = scaled),
            Says::Percent => set(&mut self.probes, key(), |probe| probe.percent = measured()),
            Says::SensorValue => set(&mut self.probes, key(), |probe| probe.value = scaled),
            Says::SensorKind(celsius, percent) => {
                let kind = raw.and_then(|kind| match kind {
                    _ if kind == celsius => Some(SensorUnit::Celsius),
                    _ if kind == percent => Some(SensorUnit::Percent),
                    _ => None,
                });
                set(&mut self.probes, key(), |probe| probe.kind = kind);
            }
            Says::SensorState(states) => set(&mut self.probes, key(), |probe| probe.state = state(states, raw)),
        }
    }

    /// A probe without a state is not there.
    fn sensors(&self) -> Vec<Sensor> {
        let mut sensors = Vec::new();
        for (row, probe) in &self.probes {
            let id = joined(row);
            let (celsius, percent) = match probe.kind {
                Some(SensorUnit::Celsius) => (probe.value, None),
                Some(SensorUnit::Percent) => (None, probe.value),
                _ => (probe.celsius, probe.percent),
            };
            let said = [
                (celsius, SensorGroup::Temperature, SensorUnit::Celsius, "t"),
                // Nought per cent is what a probe says that can't measure it.
                (percent.filter(|percent| *percent > 0.0), SensorGroup::Other, SensorUnit::Percent, "h"),
            ];
            for (value, group, unit, letter) in said {
                let (Some(value), Some(state)) = (value, probe.state) else { continue };
                let name = probe.name.clone().unwrap_or_else(|| id.clone());
                sensors.push(Sensor {
                    id: format!("{letter}{id}"),
                    number: None,
                    name,
                    group,
                    unit,
                    value: Some(value),
                    // The state of a probe with two is that of its temperature.
                    state: if letter == "h" && probe.kind.is_none() { SensorState::Ok } else { state },
                    facts: Vec::new(),
                    limits: Limits::default(),
                    entity: None,
                });
            }
        }
        sensors
    }
}

fn set<T: Default>(rows: &mut BTreeMap<Vec<u32>, T>, row: Vec<u32>, change: impl FnOnce(&mut T)) {
    change(rows.entry(row).or_default());
}

/// What says nothing changes nothing.
fn keep(known: &mut String, said: Option<String>) {
    if let Some(said) = said {
        *known = said;
    }
}

fn state(states: &[(i64, SensorState)], number: Option<i64>) -> Option<SensorState> {
    states.iter().find(|(known, _)| Some(*known) == number).map(|(_, state)| *state)
}

fn joined(row: &[u32]) -> String {
    row.iter().map(u32::to_string).collect::<Vec<_>>().join(".")
}

/// Rows by the name that a person reads on the unit: the number, and before it that of the unit for all but the first in a chain.
fn named<T>(rows: BTreeMap<Vec<u32>, T>, most: usize, put: impl Fn(&mut T, String)) -> Vec<T> {
    let first = rows.keys().filter(|row| row.len() > 1).map(|row| row[0]).min();
    let rows = rows.into_iter().take(most).map(|(row, mut value)| {
        let short = match row.as_slice() {
            [unit, rest @ ..] if !rest.is_empty() && Some(*unit) == first => rest,
            all => all,
        };
        put(&mut value, joined(short));
        value
    });
    rows.collect()
}

/// What its inputs draw, else its outlets; less than tenths of watts are nobody's.
fn watts(inputs: &[PduInput], outlets: &[Outlet]) -> Option<f64> {
    let sum = |watts: Vec<f64>| (!watts.is_empty()).then(|| (watts.iter().sum::<f64>() * 10.0).round() / 10.0);
    sum(inputs.iter().filter_map(|input| input.watts).collect())
        .or_else(|| sum(outlets.iter().filter_map(|outlet| outlet.watts).collect()))
}
