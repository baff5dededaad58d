//! Servers: what their BMCs say, and that they say nothing.

use super::{Alerts, Finding, still, subject};
use crate::server;
use cake_types::{AlertKind, Sensor, SensorState, SensorTrend, Server, ServerStatus, Severity};

/// A server as alerts look at it.
#[derive(Clone, Copy)]
pub struct ServerSeen<'a> {
    pub server: &'a Server,
    pub status: Option<&'a ServerStatus>,
}

pub(super) fn of_server(seen: &ServerSeen<'_>, before: &Alerts) -> Vec<Finding> {
    let ServerSeen { server, status } = seen;
    let id = server.meta.id.0;
    // How it hangs on feeds says no BMC.
    let its = || before.values().filter(|alert| alert.subject.id == id && alert.kind != AlertKind::FeedShared);
    if server.spec.bmc.is_none() {
        return Vec::new();
    }
    let Some(status) = status else { return its().map(still).collect() };
    let find = |kind, severity| Finding::new(kind, severity, subject("server", id, &server.meta.name));
    if let Some(problem) = status.problem {
        // What was so when it was last heard has not ended because nobody hears it.
        let mut found: Vec<Finding> = its().filter(|alert| alert.kind != AlertKind::ServerSilent).map(still).collect();
        found.push(find(AlertKind::ServerSilent, Severity::Warning).with("problem", problem.as_str()));
        return found;
    }
    if status.read_at.is_none() {
        return its().map(still).collect();
    }
    let faults = status.chassis.iter().flat_map(server::faults);
    let mut found: Vec<Finding> = faults
        .map(|fault| {
            let found = find(AlertKind::ChassisFault, fault.severity());
            found.part(fault.as_str()).with("fault", fault.as_str())
        })
        .collect();
    if let Some(weak) = server::weak(&server.spec, Some(status)) {
        found.push(find(AlertKind::BmcPassword, Severity::Warning).with("weak", weak.as_str()));
    }
    for sensor in server::troubles(status) {
        let severity = sensor.state.severity().unwrap_or(Severity::Warning);
        found.push(of_sensor(sensor, |kind| find(kind, severity)));
    }
    let in_trouble = |id: &str| server::troubles(status).iter().any(|sensor| sensor.id == id);
    // Of what has happened nobody has to be told that it will.
    let coming = status.trends.iter().filter(|trend| !in_trouble(&trend.sensor));
    found.extend(coming.map(|trend| of_trend(trend, find(AlertKind::SensorTrend, Severity::Warning))));
    found
}

fn of_trend(trend: &SensorTrend, found: Finding) -> Finding {
    let SensorTrend { sensor, name, unit, kind, value, limit, per_day, hours } = trend;
    let found = found.part(&**sensor).with("sensor", name).with("trend", kind.as_str()).with("unit", unit.as_str());
    let found = found.with("value", value).with("per_day", per_day);
    match (limit, hours) {
        (Some(limit), Some(hours)) => found.with("limit", limit).with("minutes", (hours * 60.0).ceil()),
        _ => found,
    }
}

pub(super) fn of_sensor(sensor: &Sensor, find: impl Fn(AlertKind) -> Finding) -> Finding {
    if matches!(sensor.state, SensorState::Warning | SensorState::Critical) {
        let worst = sensor.facts.iter().max_by_key(|fact| fact.severity);
        let found = find(AlertKind::SensorFault).part(&*sensor.id).with("sensor", &sensor.name);
        let found = found.with("fact", worst.map_or("", |fact| &fact.key));
        return match worst.and_then(|fact| fact.text.as_ref()) {
            Some(text) => found.with("text", text),
            None => found,
        };
    }
    let number = |value: Option<f64>| value.map_or_else(|| "?".into(), |value| value.to_string());
    find(AlertKind::SensorLimit)
        .part(&*sensor.id)
        .with("sensor", &sensor.name)
        .with("value", number(sensor.value))
        .with("limit", number(server::passed(sensor)))
        .with("unit", sensor.unit.as_str())
        .with("state", sensor.state.as_str())
}
