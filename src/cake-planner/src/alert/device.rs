//! Power distribution units: what they say, that they say nothing, and how servers hang on feeds.

use super::{Alerts, Facts, Finding, still, subject};
use crate::cabling::Named;
use crate::device::{self, DeviceSeen};
use cake_types::{Alert, AlertId, AlertKind, Severity, Subject};

fn about(seen: &DeviceSeen<'_>) -> Subject {
    subject(seen.device.spec.kind.as_str(), seen.device.meta.id.0, &seen.device.meta.name)
}

/// What one device says.
fn of_device(seen: &DeviceSeen<'_>, facts: &Facts<'_>, servers: &[Named], before: &Alerts) -> Vec<Finding> {
    let of = about(seen);
    let its = || before.values().filter(|alert| alert.subject.id == of.id);
    let find = |kind, severity| Finding::new(kind, severity, of.clone());
    let Some(status) = seen.status else { return its().map(still).collect() };
    if let Some(problem) = status.problem {
        // What was so when it was last heard has not ended because nobody hears it.
        let other = |alert: &&Alert| alert.kind != AlertKind::DeviceSilent;
        let mut found: Vec<Finding> = its().filter(other).map(still).collect();
        found.push(find(AlertKind::DeviceSilent, Severity::Warning).with("snmp_problem", problem.as_str()));
        return found;
    }
    if status.read_at.is_none() {
        return its().map(still).collect();
    }
    let Some(pdu) = &status.pdu else { return super::switch::of_switch(seen, &of, facts, servers, before) };
    let mut found = Vec::new();
    if device::is_dead(pdu) {
        let feed = seen.device.spec.feed.as_deref().unwrap_or_default();
        let found_here = find(AlertKind::FeedDead, Severity::Error).with("feed", feed);
        found.push(found_here.with("servers", beneath(seen, facts).join(", ")));
    }
    for input in &pdu.inputs {
        let Some(load) = device::load(&seen.device.spec, input) else { continue };
        let was = before.get(&AlertId::of(AlertKind::PduLoad, &of, Some(&input.id))).map(|alert| alert.severity);
        let Some(severity) = load.severity_after(was) else { continue };
        let number = |value: Option<f64>| value.map_or_else(|| "?".into(), |value| value.to_string());
        let found_here = find(AlertKind::PduLoad, severity).part(&*input.id).with("input", &input.id);
        found.push(found_here.with("amps", number(load.amps)).with("limit", number(load.limit)));
    }
    for sensor in pdu.sensors.iter().filter(|sensor| sensor.state.severity().is_some()) {
        let severity = sensor.state.severity().unwrap_or(Severity::Warning);
        found.push(super::server::of_sensor(sensor, |kind| find(kind, severity)));
    }
    found
}

/// Names of the servers that hang on a PDU.
fn beneath(seen: &DeviceSeen<'_>, facts: &Facts<'_>) -> Vec<String> {
    let hangs = |id| seen.device.spec.outlets.iter().any(|used| used.server == id);
    let servers = facts.servers.iter().filter(|server| hangs(server.server.meta.id));
    servers.map(|server| server.server.meta.name.to_string()).collect()
}

/// Servers that would go with one feed though there is another.
fn of_feeds(facts: &Facts<'_>) -> Vec<Finding> {
    let feeds = device::feeds(&facts.devices).len();
    let of_server = |seen: &super::ServerSeen<'_>| {
        let supplies = device::supplies(seen.server.meta.id, &facts.devices);
        let feed = device::shared(&supplies, feeds)?;
        let of = subject("server", seen.server.meta.id.0, &seen.server.meta.name);
        Some(Finding::new(AlertKind::FeedShared, Severity::Warning, of).with("feed", feed))
    };
    facts.servers.iter().filter_map(of_server).collect()
}

pub(super) fn of_devices(facts: &Facts<'_>, before: &Alerts) -> Vec<Finding> {
    let servers = super::switch::named(facts);
    let mut found: Vec<Finding> =
        facts.devices.iter().flat_map(|seen| of_device(seen, facts, &servers, before)).collect();
    found.extend(of_feeds(facts));
    found
}
