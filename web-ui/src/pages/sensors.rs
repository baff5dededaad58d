//! What a server measures about itself, as its page shows it: by groups, each value with its unit, its limits and its state.

use super::server_history;
use crate::frame::Frame;
use crate::show::Mark;
use askama::Template;
use cake_i18n::format;
use cake_planner::server;
use cake_types::{
    Entity, Limits, Sensor, SensorFact, SensorGroup, SensorState, SensorTrend, ServerId, ServerStatus, Severity,
};

#[derive(Template)]
#[template(path = "parts/server_sensors.html")]
pub struct Sensors<'a> {
    f: &'a Frame,
    groups: Vec<Group>,
    /// Names of those that say nothing now, and why.
    quiet: Vec<(String, &'static str)>,
    /// It has been heard at all.
    heard: bool,
}

struct Group {
    word: &'static str,
    title: &'static str,
    rows: Vec<Row>,
}

struct Row {
    id: String,
    /// Where what it measured is shown, and how it is called there; of one that says no number nothing.
    history: Option<(String, String)>,
    name: String,
    /// What it is part of, where the name may not say so.
    of: Option<String>,
    value: Option<String>,
    says: Vec<Said>,
    limits: Option<String>,
    scale: Option<Scale>,
    /// When it is at a limit, if it goes on so.
    trend: Option<String>,
    mark: Mark,
}

/// What a sensor says beside a number: our words, or its maker's.
pub struct Said {
    pub text: String,
    pub raw: bool,
}

pub fn sensors<'a>(f: &'a Frame, server: ServerId, status: Option<&ServerStatus>) -> Sensors<'a> {
    let all = status.map_or(&[][..], |status| &status.sensors);
    let (speak, quiet): (Vec<_>, Vec<_>) = all.iter().partition(|sensor| speaks(sensor));
    let trends = status.map_or(&[][..], |status| &status.trends);
    let of = |group: SensorGroup| Group {
        word: group.as_str(),
        title: f.t(f.id("sensor-group-", group.as_str())),
        rows: speak
            .iter()
            .filter(|sensor| sensor.group == group)
            .map(|sensor| row(f, server, sensor, trends))
            .collect(),
    };
    Sensors {
        f,
        groups: SensorGroup::ALL.iter().map(|group| of(*group)).filter(|group| !group.rows.is_empty()).collect(),
        quiet: quiet.iter().map(|sensor| (sensor.name.clone(), state(f, sensor.state))).collect(),
        heard: status.is_some_and(|status| status.read_at.is_some()),
    }
}

/// A machine has dozens that have nothing to say: places without a memory module, fans that are not there.
fn speaks(sensor: &Sensor) -> bool {
    let state = sensor.state;
    state.severity().is_some() || state == SensorState::Ok && (sensor.value.is_some() || !sensor.facts.is_empty())
}

fn row(f: &Frame, server: ServerId, sensor: &Sensor, trends: &[SensorTrend]) -> Row {
    let trend = trends.iter().find(|trend| trend.sensor == sensor.id);
    let history = || (server_history::address(server, &sensor.id), sensor.id.clone());
    Row {
        id: id_of(&sensor.id),
        history: sensor.value.map(|_| history()),
        name: sensor.name.clone(),
        of: sensor.entity.and_then(|of| entity(f, of)),
        value: sensor.value.map(|value| f.words.measured(value, sensor.unit.as_str())),
        says: sensor.facts.iter().map(|fact| said(f, fact)).collect(),
        limits: limits(f, sensor),
        scale: scale(sensor),
        trend: trend.and_then(|trend| coming(f, trend)),
        mark: mark(f, sensor.state),
    }
}

/// In its own words: `at its limit in about 5 days`.
fn coming(f: &Frame, trend: &SensorTrend) -> Option<String> {
    let when = format::duration((trend.hours? * 3600.0) as i64, f.words);
    Some(f.tv("sensor-nears", "when", when))
}

/// `processor 1`, where the specification has a word for it.
pub fn entity(f: &Frame, of: Entity) -> Option<String> {
    let id = format!("entity-{:02x}", of.id);
    f.words.has(&id).then(|| f.tvv("sensor-entity", "entity", f.t(&id), "number", of.instance))
}

/// As an element's id: a path of Redfish holds more than such an id may.
fn id_of(id: &str) -> String {
    id.bytes().map(|byte| if byte.is_ascii_alphanumeric() { (byte as char).to_string() } else { "-".into() }).collect()
}

fn state(f: &Frame, state: SensorState) -> &'static str {
    f.t(f.id("sensor-state-", state.as_str()))
}

pub fn mark(f: &Frame, of: SensorState) -> Mark {
    let (icon, tone) = match of.severity() {
        Some(Severity::Error) => ("error", "bad"),
        Some(Severity::Warning) => ("warning", "warn"),
        _ if of == SensorState::Ok => ("good", "good"),
        _ => ("stopped", "off"),
    };
    Mark { key: of.as_str(), word: state(f, of), icon, tone }
}

pub fn said(f: &Frame, fact: &SensorFact) -> Said {
    let SensorFact { key, severity: _, text } = fact;
    Said { text: f.words.sensor_fact(key, text.as_deref()), raw: !f.words.has(key) }
}

/// What is the matter with it: the value, its state and the limit that it passed, or what it says.
pub fn trouble(f: &Frame, sensor: &Sensor) -> Said {
    let measured = |value: f64| f.words.measured(value, sensor.unit.as_str());
    let state = state(f, sensor.state);
    let own = |text| Said { text, raw: false };
    match (sensor.value, server::passed(sensor)) {
        (Some(value), Some(limit)) => {
            let values = [("value", &*measured(value)), ("state", state), ("limit", &*measured(limit))];
            own(f.words.text_with("server-trouble-passed", &values))
        }
        (Some(value), None) if sensor.facts.is_empty() => {
            own(f.tvv("server-trouble-value", "value", measured(value), "state", state))
        }
        _ => match sensor.facts.iter().max_by_key(|fact| fact.severity) {
            Some(fact) => said(f, fact),
            None => own(state.into()),
        },
    }
}

/// Between what it shall be.
fn limits(f: &Frame, sensor: &Sensor) -> Option<String> {
    let Limits { lower_non_critical, lower_critical, upper_non_critical, upper_critical, .. } = sensor.limits;
    let measured = |value: f64| f.words.measured(value, sensor.unit.as_str());
    let least = lower_non_critical.or(lower_critical).or(sensor.limits.lower_non_recoverable);
    let most = upper_non_critical.or(upper_critical).or(sensor.limits.upper_non_recoverable);
    match (least, most) {
        (Some(least), Some(most)) => Some(f.tvv("sensor-between", "least", measured(least), "most", measured(most))),
        (Some(least), None) => Some(f.tv("sensor-at-least", "least", measured(least))),
        (None, Some(most)) => Some(f.tv("sensor-at-most", "most", measured(most))),
        (None, None) => None,
    }
}

/// A bar from where it would be bad to where it would be bad again, and where the value stands on it; in per cent.
#[derive(Debug, PartialEq)]
pub struct Scale {
    pub zones: Vec<Zone>,
    pub at: f64,
}

#[derive(Debug, PartialEq)]
pub struct Zone {
    pub from: f64,
    pub width: f64,
    pub tone: &'static str,
}

impl Scale {
    /// Where the mark begins: all of it is on the bar, 1.6 wide.
    fn mark(&self) -> f64 {
        (self.at - 0.8).clamp(0.0, 98.4)
    }
}

/// Room on the bar beyond the outermost limit, of what lies between.
const ROOM: f64 = 0.15;

fn scale(sensor: &Sensor) -> Option<Scale> {
    let limits = &sensor.limits;
    let value = sensor.value.filter(|value| value.is_finite())?;
    let finite = |limits: [Option<f64>; 3]| limits.into_iter().flatten().filter(|limit| limit.is_finite());
    let lower = finite([limits.lower_non_critical, limits.lower_critical, limits.lower_non_recoverable]);
    let upper = finite([limits.upper_non_critical, limits.upper_critical, limits.upper_non_recoverable]);
    let (lower, upper): (Vec<f64>, Vec<f64>) = (lower.collect(), upper.collect());
    let mut cuts: Vec<f64> = lower.iter().chain(&upper).copied().collect();
    cuts.sort_by(f64::total_cmp);
    let (first, last) = (*cuts.first()?, *cuts.last()?);
    // Where there is no limit on one side, nothing is the other end, or twice the only limit.
    let low = if lower.is_empty() { first.min(0.0) } else { first };
    let high = if upper.is_empty() { (last.max(0.0) * 2.0).max(value * 1.25) } else { last };
    let room = (high - low).abs().max(f64::MIN_POSITIVE) * ROOM;
    let low = (low - if lower.is_empty() { 0.0 } else { room }).min(value);
    let high = (high + if upper.is_empty() { 0.0 } else { room }).max(value);
    let span = high - low;
    if !span.is_finite() || span <= 0.0 {
        return None;
    }
    let place = |value: f64| (value - low) / span * 100.0;
    let ends: Vec<f64> = [low].into_iter().chain(cuts).chain([high]).collect();
    let zones = ends.windows(2).filter(|pair| pair[1] > pair[0]).map(|pair| Zone {
        from: place(pair[0]),
        width: place(pair[1]) - place(pair[0]),
        tone: tone(limits, pair[0].midpoint(pair[1])),
    });
    Some(Scale { zones: zones.collect(), at: place(value) })
}

fn tone(limits: &Limits, value: f64) -> &'static str {
    let under = |limit: Option<f64>| limit.is_some_and(|limit| value < limit);
    let over = |limit: Option<f64>| limit.is_some_and(|limit| value > limit);
    if under(limits.lower_critical)
        || under(limits.lower_non_recoverable)
        || over(limits.upper_critical)
        || over(limits.upper_non_recoverable)
    {
        "bad"
    } else if under(limits.lower_non_critical) || over(limits.upper_non_critical) {
        "warn"
    } else {
        "good"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cake_types::SensorUnit;

    fn sensor(value: f64, limits: Limits) -> Sensor {
        Sensor {
            id: "20.0.01".into(),
            number: Some(1),
            name: "CPU".into(),
            group: SensorGroup::Temperature,
            unit: SensorUnit::Celsius,
            value: Some(value),
            state: SensorState::Ok,
            facts: Vec::new(),
            limits,
            entity: None,
        }
    }

    #[test]
    fn a_value_stands_between_its_limits() {
        let both = Limits {
            lower_critical: Some(0.0),
            upper_non_critical: Some(80.0),
            upper_critical: Some(100.0),
            ..Limits::default()
        };
        let scale = scale(&sensor(50.0, both)).expect("a scale");
        let tones: Vec<_> = scale.zones.iter().map(|zone| zone.tone).collect();
        assert_eq!(tones, ["bad", "good", "warn", "bad"]);
        assert!((scale.at - 50.0).abs() < 0.001, "in the middle: {}", scale.at);
        let whole: f64 = scale.zones.iter().map(|zone| zone.width).sum();
        assert!((whole - 100.0).abs() < 0.001);
    }

    #[test]
    fn a_bar_is_drawn_for_any_number_that_a_bmc_may_say() {
        let at = |value, limits| scale(&sensor(value, limits)).map(|scale| scale.at);
        let above = |limit| Limits { upper_critical: Some(limit), ..Limits::default() };
        let below = |limit| Limits { lower_critical: Some(limit), ..Limits::default() };
        assert_eq!(at(5.0, Limits::default()), None, "no limits, no bar");
        assert_eq!(at(200.0, above(100.0)), Some(100.0), "far beyond is at the end");
        assert_eq!(at(0.0, below(500.0)), Some(0.0), "a fan that stands");
        assert!(at(5000.0, below(500.0)).is_some_and(|at| at > 75.0 && at < 90.0), "no limit, no end");
        for (value, limit) in [(0.0, 0.0), (f64::MAX, f64::MIN), (f64::NAN, 1.0), (1.0, f64::INFINITY), (-5.0, -5.0)] {
            for limits in [above(limit), below(limit)] {
                let scale = scale(&sensor(value, limits));
                assert!(scale.is_none_or(|scale| (0.0..=100.0).contains(&scale.at)), "{value} {limit}");
            }
        }
    }

    #[test]
    fn ids_of_elements_hold_no_signs() {
        assert_eq!(id_of("/redfish/v1/Chassis/1#a b"), "-redfish-v1-Chassis-1-a-b");
    }
}
