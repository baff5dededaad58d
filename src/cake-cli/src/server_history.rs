//! `cake server history` and `cake server energy`: a sensor's curve, and what servers draw.

use crate::context::Context;
use crate::failure::Failure;
use crate::output::{self, Align};
use cake_client::Seen;
use cake_client::wire::{EnergyPart, EnergyPrice, RackEnergy, SensorCurve, SensorHistory};
use serde_json::Value;
use uuid::Uuid;

/// Characters of a curve.
const WIDTH: usize = 48;
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

pub fn show(context: &Context, history: &Seen<SensorHistory>) -> Result<(), Failure> {
    let columns = [
        ("cli-col-sensor", Align::Text),
        ("cli-col-now", Align::Number),
        ("cli-col-mean", Align::Number),
        ("cli-col-least", Align::Number),
        ("cli-col-most", Align::Number),
        ("energy-covered", Align::Number),
        ("cli-col-curve", Align::Text),
    ];
    if let Some(at) = history.set_aside_at {
        context.say("cli-usage-set-aside", &[("when", &context.time(Some(at)))]);
    }
    context.list(&history.json, &columns, history.items.iter().map(|curve| row(context, curve)).collect())
}

fn row(context: &Context, curve: &SensorCurve) -> Vec<String> {
    let known: Vec<f64> = curve.mean.iter().flatten().copied().collect();
    let said =
        |value: Option<f64>| value.map_or_else(|| "–".into(), |value| context.words.measured(value, &curve.unit));
    let of = |kept: &Option<Vec<Option<f64>>>, better: fn(f64, f64) -> f64| {
        kept.as_ref().unwrap_or(&curve.mean).iter().flatten().copied().reduce(better)
    };
    let average = (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64);
    // What is no sensor of the BMC's own has our words.
    let name = match &*curve.sensor {
        cake_types::DRAW => context.text("server-watts").to_owned(),
        cake_types::MEMORY_ERRORS => context.text("sensor-memory-errors").to_owned(),
        _ => curve.name.clone(),
    };
    vec![
        name,
        said(known.last().copied()),
        said(average.map(rounded)),
        said(of(&curve.min, f64::min)),
        said(of(&curve.max, f64::max)),
        percent(part_known(curve) * 100.0),
        drawn(&curve.mean),
    ]
}

/// An average has no more digits than a reading is good for.
fn rounded(value: f64) -> f64 {
    let digits = if value.abs() >= 100.0 { 1.0 } else { 100.0 };
    (value * digits).round() / digits
}

/// What part of the time something is known of.
fn part_known(curve: &SensorCurve) -> f64 {
    let points = curve.mean.len().max(1) as f64;
    match &curve.known {
        Some(known) => known.iter().flatten().sum::<f64>() / points,
        None => curve.mean.iter().flatten().count() as f64 / points,
    }
}

/// A thousandth too little is all of it; what is known of nothing is nothing.
fn percent(value: f64) -> String {
    if value > 0.0 && value < 1.0 { "< 1 %".into() } else { format!("{value:.0} %") }
}

/// From the least to the most; a gap is a gap.
fn drawn(points: &[Option<f64>]) -> String {
    let known = || points.iter().flatten().copied();
    let (Some(least), Some(most)) = (known().reduce(f64::min), known().reduce(f64::max)) else { return String::new() };
    let part = |at: usize| &points[at * points.len() / WIDTH..(at + 1) * points.len() / WIDTH];
    let bar = |part: &[Option<f64>]| {
        let value = part.iter().flatten().copied().reduce(f64::max)?;
        let share = if most > least { (value - least) / (most - least) } else { 0.0 };
        Some(BARS[((share * 7.0).round() as usize).min(7)])
    };
    (0..WIDTH).map(|at| bar(part(at)).unwrap_or(' ')).collect()
}

/// The server's own JSON with no other server in it.
fn of_one(json: &str, id: Uuid) -> String {
    let mut all: Value = serde_json::from_str(json).unwrap_or_default();
    if let Some(servers) = all["servers"].as_array_mut() {
        servers.retain(|server| server["id"] == id.to_string());
    }
    all.to_string()
}

/// Of one server or of all; then the parts of VMs.
pub fn energy(context: &Context, energy: &Seen<RackEnergy>, server: Option<Uuid>) -> Result<(), Failure> {
    let columns = [
        ("cli-col-name", Align::Text),
        ("server-watts", Align::Number),
        ("energy-this-month", Align::Number),
        ("energy-covered", Align::Number),
        ("energy-last-month", Align::Number),
        ("energy-covered", Align::Number),
    ];
    if context.json {
        return output::print(&match server {
            Some(id) => of_one(&energy.json, id),
            None => energy.json.clone(),
        });
    }
    let mut rows: Vec<Vec<String>> = energy
        .servers
        .iter()
        .filter(|of| server.is_none_or(|id| of.id == id))
        .map(|server| {
            parts(context, energy, server.name.clone(), server.watts, (&server.this_month, &server.last_month))
        })
        .collect();
    if rows.is_empty() {
        context.say("cli-energy-none", &[]);
        return Ok(());
    }
    if server.is_none() && energy.servers.len() > 1 {
        let all = context.text("energy-all").to_owned();
        rows.push(parts(context, energy, all, energy.watts, (&energy.this_month, &energy.last_month)));
    }
    context.list("", &columns, rows)?;
    if server.is_some() || energy.vms.is_empty() {
        return Ok(());
    }
    let row = |vm: &cake_client::wire::VmEnergy| vec![vm.name.clone(), watts(context, Some(vm.watts))];
    let columns = [("cli-col-name", Align::Text), ("energy-share", Align::Number)];
    context.list("", &columns, energy.vms.iter().map(row).collect())
}

fn watts(context: &Context, watts: Option<f64>) -> String {
    watts.map_or_else(|| "–".into(), |watts| context.words.measured(watts.round(), "watt"))
}

fn parts(
    context: &Context,
    rack: &RackEnergy,
    name: String,
    drawn: Option<f64>,
    (this, last): (&EnergyPart, &EnergyPart),
) -> Vec<String> {
    // What is known of no time is no zero.
    let energy = |part: &EnergyPart| match part.known_percent > 0.0 {
        true => context.words.kilowatt_hours(part.kilowatt_hours) + &cost(rack, part),
        false => "–".into(),
    };
    let known = |part: &EnergyPart| percent(part.known_percent);
    vec![name, watts(context, drawn), energy(this), known(this), energy(last), known(last)]
}

/// ` · TWD 199.84`, where there is a price.
fn cost(rack: &RackEnergy, part: &EnergyPart) -> String {
    let of = |price: &EnergyPrice| Some(format!(" · {} {}", price.currency, part.cost.as_ref()?));
    rack.price.as_ref().and_then(of).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_reaches_from_the_least_to_the_most() {
        let mut points: Vec<_> = (0..480).map(|at| Some(40.0 + f64::from(at) / 480.0)).collect();
        points[..20].fill(None);
        let shown: Vec<char> = drawn(&points).chars().collect();
        assert_eq!((shown.len(), shown[0], shown[1], shown[2], shown[47]), (WIDTH, ' ', ' ', '▁', '█'));
        assert_eq!(drawn(&[Some(7.0); 96]), "▁".repeat(WIDTH));
        assert_eq!(drawn(&[None; 96]), "");
    }

    #[test]
    fn parts_of_a_time_are_said_as_they_are() {
        assert_eq!([0.0, 0.4, 99.6, 50.0].map(percent), ["0 %", "< 1 %", "100 %", "50 %"]);
        let curve =
            SensorCurve { mean: vec![Some(1.0), None], known: Some(vec![Some(0.5), None]), ..Default::default() };
        assert_eq!(part_known(&curve), 0.25);
        assert_eq!((rounded(123.456), rounded(1.23456)), (123.0, 1.23));
    }
}
