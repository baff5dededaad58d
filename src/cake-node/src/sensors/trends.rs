//! Where sensors go, looked for in their histories: each hour in the week before, every two minutes in the half hour before.

use super::server::ServerHistory;
use super::slots::BLOCK;
use cake_planner::trend::{self, QUICK_STEP, QUICK_WINDOW, Subject, Trend, WINDOW};
use cake_types::{Limits, MEMORY_ERRORS, Sensor, SensorGroup, SensorTrend, SensorUnit, ServerStatus, Span, TrendKind};
use std::collections::HashMap;
use std::io;

/// More of one server nobody reads, and what is told of it must fit into a frame.
const MOST: usize = 16;

/// What was found of a server's sensors, by their ids.
#[derive(Default)]
pub struct Trends {
    slow: HashMap<String, SensorTrend>,
    quick: HashMap<String, SensorTrend>,
    /// When it was looked last: the hour, and the two minutes.
    hour: Option<i64>,
    minutes: Option<i64>,
}

/// A sensor that can have a trend.
struct Seen<'a> {
    id: &'a str,
    name: &'a str,
    group: SensorGroup,
    unit: SensorUnit,
    limits: Limits,
}

fn seen(status: &ServerStatus) -> Vec<Seen<'_>> {
    let measured = status.sensors.iter().filter(|sensor| sensor.value.is_some());
    let mut all: Vec<Seen<'_>> = measured
        .map(|Sensor { id, name, group, unit, limits, .. }| Seen {
            id,
            name,
            group: *group,
            unit: *unit,
            limits: *limits,
        })
        .collect();
    let (group, unit, limits) = (SensorGroup::Memory, SensorUnit::Count, Limits::default());
    all.push(Seen { id: MEMORY_ERRORS, name: "", group, unit, limits });
    all
}

impl Trends {
    /// Looks if it is time to. Of a sensor that says nothing any more nothing is told.
    pub fn look(&mut self, history: &ServerHistory, status: &ServerStatus, now: i64) -> io::Result<()> {
        let hour = now.div_euclid(Span::Month.step().into());
        if self.hour != Some(hour) {
            self.hour = Some(hour);
            self.slow = found(history, status, (Span::Month, hour, WINDOW), &self.slow, trend::over_days)?;
        }
        let minutes = now.div_euclid(Span::Day.step().into());
        debug_assert_eq!(Span::Day.step(), QUICK_STEP * 60);
        if self.minutes != Some(minutes) {
            self.minutes = Some(minutes);
            self.quick = found(history, status, (Span::Day, minutes, QUICK_WINDOW), &self.quick, trend::quick)?;
        }
        Ok(())
    }

    /// One of each sensor, the more pressing one.
    pub fn all(&self) -> Vec<SensorTrend> {
        let slow = self.slow.values().filter(|trend| !self.quick.contains_key(&trend.sensor));
        let mut all: Vec<SensorTrend> = self.quick.values().chain(slow).cloned().collect();
        let left = |trend: &SensorTrend| trend.hours.unwrap_or(f64::MAX);
        all.sort_by(|a, b| left(a).total_cmp(&left(b)).then_with(|| a.sensor.cmp(&b.sensor)));
        all.truncate(MOST);
        all
    }
}

/// What the points of a span until `last` (whole ones) say of each sensor.
fn found(
    history: &ServerHistory,
    status: &ServerStatus,
    (span, last, points): (Span, i64, usize),
    before: &HashMap<String, SensorTrend>,
    look: fn(&[Option<f32>], Subject<'_>) -> Option<Trend>,
) -> io::Result<HashMap<String, SensorTrend>> {
    let first = last - points as i64 + 1;
    let mut blocks: HashMap<usize, Vec<f32>> = HashMap::new();
    let mut found = HashMap::new();
    for Seen { id, name, group, unit, limits } in seen(status) {
        let Some(place) = history.place(id, name, unit) else { continue };
        let block = place / BLOCK;
        if let std::collections::hash_map::Entry::Vacant(vacant) = blocks.entry(block) {
            vacant.insert(history.numbers(block, span, (first, last))?);
        }
        let numbers = history.column(place, span, first, &blocks[&block], 0);
        let before: Option<TrendKind> = before.get(id).map(|trend| trend.kind);
        if let Some(trend) = look(&numbers, Subject { group, unit, limits: &limits, before }) {
            found.insert(id.to_owned(), told(id, name, unit, trend));
        }
    }
    Ok(found)
}

fn told(id: &str, name: &str, unit: SensorUnit, trend: Trend) -> SensorTrend {
    let Trend { kind, value, limit, per_day, hours } = trend;
    // No more digits than a person reads.
    let short = |value: f64| {
        let digits = if value.abs() >= 100.0 { 1.0 } else { 100.0 };
        (value * digits).round() / digits
    };
    let (value, per_day) = (short(value), short(per_day));
    SensorTrend { sensor: id.into(), name: name.into(), unit, kind, value, limit, per_day, hours }
}
