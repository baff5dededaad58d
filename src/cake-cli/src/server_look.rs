//! What a server says, in words; a newer cake's new words as they are.

use crate::context::Context;
use crate::failure::Failure;
use crate::output::{self, Align};
use cake_client::Seen;
use cake_client::wire::{PartField, Sensor, Sensors, Server, ServerEvent, ServerEvents, ServerParts};
use cake_types::authority;
use serde_json::Value;

pub fn health(context: &Context, server: &Server) -> String {
    context.word("server-health-", &server.health)
}

pub fn power(context: &Context, server: &Server) -> Option<String> {
    server.on.map(|on| context.text(if on { "server-on" } else { "server-off" }).to_owned())
}

/// `22 °C, 35 °C`
pub fn air(context: &Context, server: &Server) -> Option<String> {
    let degrees = |value: f64| context.words.measured(value, "celsius");
    match (server.inlet, server.outlet) {
        (None, None) => None,
        (inlet, outlet) => {
            let said = |value: Option<f64>| value.map_or_else(|| "–".into(), degrees);
            Some(format!("{}{}{}", said(inlet), context.text("comma"), said(outlet)))
        }
    }
}

pub fn place_of_bmc(context: &Context, server: &Server) -> Option<String> {
    let bmc = server.bmc.as_ref()?;
    if bmc.host.is_empty() {
        return Some(context.word("bmc-access-", &bmc.access));
    }
    Some(authority(&bmc.host, bmc.port))
}

pub fn show(context: &Context, server: &Seen<Server>) -> Result<(), Failure> {
    let place = server.place.as_ref().map(|place| {
        let (unit, height) = (place.unit.to_string(), place.height.to_string());
        context.words.text_with("server-units", &[("unit", &unit), ("height", &height)])
    });
    let firmware = server.device.as_ref().map(|device| device.firmware.clone()).filter(|firmware| !firmware.is_empty());
    let weak = server.bmc.as_ref().and_then(|bmc| bmc.weak_password.as_deref());
    let (cap, watts) = (server.cap.as_ref(), |watts: u16| context.words.measured(watts.into(), "watt"));
    let faults: Vec<String> = server.faults.iter().map(|fault| context.word("chassis-fault-", fault)).collect();
    context.facts(
        &server.json,
        &[
            ("cli-col-name", Some(server.name.clone())),
            ("server-health", Some(health(context, server))),
            ("server-problem", server.problem.as_ref().map(|problem| context.word("bmc-problem-", problem))),
            ("cli-col-faults", (!faults.is_empty()).then(|| faults.join(context.text("comma")))),
            ("server-power", power(context, server)),
            ("server-watts", server.watts.map(|watts| context.words.measured(watts, "watt"))),
            ("server-cap", cap.and_then(|cap| cap.watts).map(watts)),
            ("server-cap-held", cap.and_then(|cap| cap.held).map(watts)),
            ("server-air", air(context, server)),
            ("server-read-at", server.read_at.map(|at| context.time(Some(at)))),
            ("server-node", server.node.as_ref().map(|node| node.name.clone())),
            ("server-bmc", place_of_bmc(context, server)),
            ("cli-col-user", server.bmc.as_ref().map(|bmc| bmc.user.clone()).filter(|user| !user.is_empty())),
            ("server-weak", weak.map(|weak| context.word("bmc-weak-", weak))),
            ("server-device", firmware),
            ("server-guid", server.device.as_ref().and_then(|device| device.guid).map(|guid| guid.to_string())),
            ("server-place", place),
            ("server-note", Some(server.note.clone()).filter(|note| !note.is_empty())),
            ("cli-col-id", Some(server.id.to_string())),
        ],
    )?;
    if context.json || server.troubles.is_empty() {
        return Ok(());
    }
    table(context, "", &server.troubles)
}

/// As programs are told: an array.
fn array(json: &str) -> Result<String, Failure> {
    let value: Value = serde_json::from_str(json).unwrap_or_default();
    Ok(value.get("items").map_or_else(|| "[]".into(), Value::to_string))
}

pub fn sensors(context: &Context, seen: &Seen<Sensors>) -> Result<(), Failure> {
    if context.json {
        return output::print(&array(&seen.json)?);
    }
    if let Some(problem) = &seen.problem {
        let at = context.time(seen.read_at);
        context.say("cli-server-old", &[("time", &at), ("why", &context.word("bmc-problem-", problem))]);
    }
    table(context, &seen.json, &seen.items)
}

fn table(context: &Context, json: &str, sensors: &[Sensor]) -> Result<(), Failure> {
    let columns = [
        ("cli-col-sensor", Align::Text),
        ("cli-col-value", Align::Number),
        ("cli-col-state", Align::Text),
        ("cli-col-limits", Align::Text),
        ("cli-col-says", Align::Text),
    ];
    let row = |sensor: &Sensor| {
        let facts = sensor.facts.iter().map(|fact| context.words.sensor_fact(&fact.key, fact.text.as_deref()));
        let facts: Vec<String> = facts.collect();
        vec![
            sensor.name.clone(),
            sensor.value.map_or_else(|| "–".into(), |value| context.words.measured(value, &sensor.unit)),
            context.word("sensor-state-", &sensor.state),
            limits(context, sensor),
            facts.join(context.text("comma")),
        ]
    };
    context.list(json, &columns, sensors.iter().map(row).collect())
}

/// `5 … 85 °C`: what it warns of first, from below and from above.
fn limits(context: &Context, sensor: &Sensor) -> String {
    let limits = &sensor.limits;
    let lower = limits.lower_non_critical.or(limits.lower_critical).or(limits.lower_non_recoverable);
    let upper = limits.upper_non_critical.or(limits.upper_critical).or(limits.upper_non_recoverable);
    let said = |value: Option<f64>| value.map(|value| context.words.measured(value, &sensor.unit));
    match (said(lower), said(upper)) {
        (None, None) => String::new(),
        (lower, upper) => format!("{} … {}", lower.unwrap_or_default(), upper.unwrap_or_default()).trim().to_owned(),
    }
}

pub fn events(context: &Context, seen: &Seen<ServerEvents>) -> Result<(), Failure> {
    if context.json {
        return output::print(&array(&seen.json)?);
    }
    let columns = [
        ("cli-col-time", Align::Text),
        ("cli-col-severity", Align::Text),
        ("cli-col-sensor", Align::Text),
        ("cli-col-says", Align::Text),
        ("cli-col-value", Align::Number),
    ];
    let row = |event: &ServerEvent| {
        let fact = context.words.sensor_fact(&event.fact.key, event.fact.text.as_deref());
        let ended = || context.words.text_with("cli-server-event-over", &[("what", &fact)]);
        vec![
            context.time(event.at),
            context.word("severity-", &event.severity),
            event.name.clone(),
            if event.asserted { fact.clone() } else { ended() },
            event.value.map_or_else(String::new, |value| context.words.measured(value, &event.unit)),
        ]
    };
    context.list(&seen.json, &columns, seen.items.iter().map(row).collect())
}

pub fn parts(context: &Context, seen: &Seen<ServerParts>) -> Result<(), Failure> {
    if context.json {
        return output::print(&array(&seen.json)?);
    }
    let columns = [("cli-col-part", Align::Text), ("cli-col-says", Align::Text), ("cli-col-value", Align::Text)];
    let mut rows = Vec::new();
    for part in &seen.items {
        let row =
            |field: &PartField| vec![part.name.clone(), context.word("part-fact-", &field.what), field.text.clone()];
        rows.extend(part.fields.iter().map(row));
        if let Some(trouble) = &part.trouble {
            rows.push(vec![part.name.clone(), context.word("part-trouble-", trouble), String::new()]);
        }
    }
    context.list(&seen.json, &columns, rows)
}

/// `on`, `off`, or that nobody knows: for people a sentence, for scripts the server.
pub fn power_status(context: &Context, server: &Seen<Server>) -> Result<(), Failure> {
    if context.json {
        return output::print(&server.json);
    }
    match power(context, server) {
        Some(power) => output::print(&power),
        None => output::print(&health(context, server)),
    }
}

/// What came of adding one.
pub fn added(context: &Context, server: &Seen<Server>) -> Result<(), Failure> {
    if context.json {
        return output::print(&server.json);
    }
    let name: &[(&str, &str)] = &[("name", &server.name)];
    match &server.problem {
        _ if server.bmc.is_none() => context.say("cli-server-added", name),
        Some(problem) => {
            let why = context.word("bmc-problem-", problem);
            context.say("cli-server-added-unheard", &[("name", &server.name), ("why", &why)]);
        }
        None => {
            let sensors = server.sensors.to_string();
            context.say("cli-server-added-heard", &[("name", &server.name), ("sensors", &sensors)]);
        }
    }
    Ok(())
}
