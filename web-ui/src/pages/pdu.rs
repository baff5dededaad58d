//! `GET /pdus/{pdu}`: one power distribution unit: how it is, what hangs on its outlets.

use super::{EventRows, pdus};
use crate::data::{ConsoleData, DeviceView};
use crate::frame::{Frame, Inside};
use crate::live::Regions;
use crate::show::Mark;
use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use cake_planner::device::{self, natural};
use cake_types::{Outlet, PduReading, Problem, ServerId, authority};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Events that its page shows.
const SHOWN: usize = 8;

/// By id or by name.
pub async fn find(data: &Arc<dyn ConsoleData>, text: &str) -> Option<Arc<DeviceView>> {
    let is = |view: &Arc<DeviceView>| view.device.meta.name.as_str() == text || view.device.meta.id.to_string() == text;
    pdus::all(data).await.into_iter().find(is)
}

#[derive(Template)]
#[template(path = "pdu.html")]
struct Page<'a> {
    f: &'a Frame,
    r: Regions,
    id: String,
    name: &'a str,
    host: &'a str,
    port: u16,
    feed: &'a str,
    rated_amps: Option<u16>,
    note: &'a str,
    slots: Vec<Slot>,
    servers: Vec<(String, String)>,
}

/// An outlet in the form that says what hangs on it.
struct Slot {
    outlet: String,
    name: String,
    /// The server's id.
    server: String,
}

pub async fn page(State(data): State<Arc<dyn ConsoleData>>, Inside(f): Inside, Path(pdu): Path<String>) -> Response {
    let Some(view) = find(&data, &pdu).await else {
        return super::error::problem(&data, &f, Problem::not_found("pdu", pdu)).await;
    };
    let r = super::regions(&data, &f, &format!("/pdus/{}", view.device.meta.id)).await;
    let mut servers: Vec<(String, String)> = data
        .servers()
        .await
        .iter()
        .map(|view| (view.server.meta.id.to_string(), view.server.meta.name.to_string()))
        .collect();
    servers.sort_by(|a, b| super::listing::natural(&a.1, &b.1));
    let spec = &view.device.spec;
    f.page(&Page {
        f: &f,
        r,
        id: view.device.meta.id.to_string(),
        name: view.device.meta.name.as_str(),
        host: &spec.host,
        port: spec.port,
        feed: spec.feed.as_deref().unwrap_or_default(),
        rated_amps: spec.rated_amps,
        note: &spec.note,
        slots: slots(&view),
        servers,
    })
}

/// Outlets that it has, and those of which somebody said what hangs on them.
fn slots(view: &DeviceView) -> Vec<Slot> {
    let used: BTreeMap<&str, ServerId> =
        view.device.spec.outlets.iter().map(|used| (used.outlet.as_str(), used.server)).collect();
    let heard = reading(view).map(|pdu| pdu.outlets.as_slice()).unwrap_or_default();
    let named: BTreeMap<&str, &str> = heard.iter().map(|outlet| (outlet.id.as_str(), outlet.name.as_str())).collect();
    let all: BTreeSet<&str> = used.keys().chain(named.keys()).copied().collect();
    let mut slots: Vec<Slot> = all
        .into_iter()
        .map(|outlet| Slot {
            outlet: outlet.to_owned(),
            name: named.get(outlet).copied().unwrap_or_default().to_owned(),
            server: used.get(outlet).map(ToString::to_string).unwrap_or_default(),
        })
        .collect();
    slots.sort_by_key(|slot| natural(&slot.outlet));
    slots
}

/// What it last said, old or not.
fn reading(view: &DeviceView) -> Option<&PduReading> {
    view.status.as_ref()?.pdu.as_ref()
}

#[derive(Template)]
#[template(path = "parts/pdu_gone.html")]
struct Gone<'a> {
    f: &'a Frame,
}

/// What its page says when it was removed meanwhile.
pub fn gone(f: &Frame, regions: &mut Regions) {
    regions.add("pdu-head", &Gone { f });
}

#[derive(Template)]
#[template(path = "parts/pdu_head.html")]
struct Head<'a> {
    f: &'a Frame,
    name: &'a str,
    etag: &'a str,
    mark: Mark,
    sentence: String,
    problem: Option<&'static str>,
    dead: bool,
}

#[derive(Template)]
#[template(path = "parts/pdu_state.html")]
struct Shown<'a> {
    f: &'a Frame,
    inputs: Vec<Input>,
    outlets: Vec<OutletRow>,
    sensors: Vec<(String, String, &'static str)>,
    /// Nothing was ever read.
    unread: bool,
}

struct Input {
    id: String,
    volts: Option<String>,
    drawn: Option<String>,
    watts: Option<String>,
    percent: Option<u64>,
    tone: &'static str,
}

struct OutletRow {
    outlet: String,
    name: String,
    on: Option<Mark>,
    watts: Option<String>,
    amps: Option<String>,
    /// Id and name.
    server: Option<(String, String)>,
}

#[derive(Template)]
#[template(path = "parts/pdu_facts.html")]
struct Facts<'a> {
    f: &'a Frame,
    feed: Option<&'a str>,
    watts: Option<String>,
    load: Option<String>,
    read: Option<(String, String)>,
    model: String,
    serial: &'a str,
    firmware: &'a str,
    called: &'a str,
    at: String,
    note: &'a str,
}

pub async fn regions(data: &Arc<dyn ConsoleData>, f: &Frame, view: &DeviceView, regions: &mut Regions) {
    let servers = data.servers().await;
    let names: BTreeMap<ServerId, String> =
        servers.iter().map(|view| (view.server.meta.id, view.server.meta.name.to_string())).collect();
    regions.add("pdu-head", &head(f, view));
    regions.add("pdu-state", &state(f, view, &names));
    regions.add("pdu-facts", &facts(f, view));
    let (_, events) = super::activity(data, f, view.device.meta.id.0, SHOWN).await;
    regions.add("pdu-events", &EventRows { f, events, empty: f.t("pdu-no-events") });
}

fn head<'a>(f: &'a Frame, view: &'a DeviceView) -> Head<'a> {
    let problem = view.status.as_ref().and_then(|status| status.problem);
    let dead = view.seen().pdu().is_some_and(device::is_dead);
    let sentence = match (problem, view.seen().pdu()) {
        (Some(_), _) => match view.status.as_ref().and_then(|status| status.read_at) {
            Some(at) => f.tv("pdu-says-old", "age", f.age(&at)),
            None => f.t("pdu-says-unheard").to_owned(),
        },
        (None, None) => f.t("pdu-says-waiting").to_owned(),
        (None, Some(_)) if dead => f.t("pdu-says-dead").to_owned(),
        (None, Some(pdu)) => {
            let watts = pdu.watts.map_or_else(|| "–".to_owned(), |watts| f.words.measured(watts.round(), "watt"));
            let servers: BTreeSet<_> = view.device.spec.outlets.iter().map(|used| used.server).collect();
            f.tvv("feed-says", "watts", watts, "servers", f.tv("feed-servers", "count", servers.len()))
        }
    };
    Head {
        f,
        name: view.device.meta.name.as_str(),
        etag: &view.etag,
        mark: pdus::mark(f, view),
        sentence,
        problem: problem.map(|problem| f.t(f.id("snmp-problem-", problem.as_str()))),
        dead,
    }
}

fn state<'a>(f: &'a Frame, view: &DeviceView, names: &BTreeMap<ServerId, String>) -> Shown<'a> {
    let Some(pdu) = reading(view) else {
        return Shown { f, inputs: Vec::new(), outlets: Vec::new(), sensors: Vec::new(), unread: true };
    };
    let spec = &view.device.spec;
    let measured = |value: Option<f64>, unit: &str| value.map(|value| f.words.measured(value, unit));
    let input = |input: &cake_types::PduInput| {
        let load = device::load(spec, input);
        let percent = load.and_then(|load| load.share()).map(|share| (share * 100.0).round().clamp(0.0, 100.0) as u64);
        Input {
            id: input.id.clone(),
            volts: measured(input.volts, "volt"),
            drawn: pdus::drawn(f, spec, input),
            watts: measured(input.watts, "watt"),
            percent,
            tone: if load.is_some_and(|load| load.severity().is_some()) { "warn" } else { "plain" },
        }
    };
    let hanging = |outlet: &Outlet| {
        let used = spec.outlets.iter().find(|used| used.outlet == outlet.id)?;
        Some((used.server.to_string(), names.get(&used.server).cloned()?))
    };
    let outlet = |outlet: &Outlet| OutletRow {
        outlet: outlet.id.clone(),
        name: outlet.name.clone(),
        on: outlet.on.map(|on| {
            let (key, icon, tone) = if on { ("on", "running", "good") } else { ("off", "stopped", "off") };
            Mark { key, word: f.t(f.id("server-", key)), icon, tone }
        }),
        watts: measured(outlet.watts, "watt"),
        amps: measured(outlet.amps, "ampere"),
        server: hanging(outlet),
    };
    let sensor = |sensor: &cake_types::Sensor| {
        let value = sensor.value.map_or_else(|| "–".to_owned(), |value| f.words.measured(value, sensor.unit.as_str()));
        (sensor.name.clone(), value, f.t(f.id("sensor-state-", sensor.state.as_str())))
    };
    Shown {
        f,
        inputs: pdu.inputs.iter().map(input).collect(),
        outlets: pdu.outlets.iter().map(outlet).collect(),
        sensors: pdu.sensors.iter().map(sensor).collect(),
        unread: false,
    }
}

fn facts<'a>(f: &'a Frame, view: &'a DeviceView) -> Facts<'a> {
    let spec = &view.device.spec;
    let about = view.status.as_ref().map(|status| &status.about);
    Facts {
        f,
        feed: spec.feed.as_deref(),
        watts: view.seen().pdu().and_then(|pdu| pdu.watts).map(|watts| f.words.measured(watts.round(), "watt")),
        load: pdus::load(f, &view.seen()),
        read: view.status.as_ref().and_then(|status| status.read_at).map(|at| (f.age(&at), f.time_exact(&at))),
        model: about.map(|about| format!("{} {}", about.maker, about.model).trim().to_owned()).unwrap_or_default(),
        serial: about.map_or("", |about| &about.serial),
        firmware: about.map_or("", |about| &about.firmware),
        called: about.map_or("", |about| &about.name),
        at: authority(&spec.host, spec.port),
        note: &spec.note,
    }
}
