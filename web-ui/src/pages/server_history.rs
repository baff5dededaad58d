//! `GET /servers/{server}/history?sensor=ID`: what one sensor measured, as a chart with its limits. The page has the frame and the
//! words; the numbers are fetched from `/v1` by `static/usage.js`, and again as they are measured.

use super::listing;
use super::server;
use crate::data::{ConsoleData, ServerView};
use crate::frame::{Frame, Inside};
use crate::live::Regions;
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use cake_types::{DRAW, Limits, MEMORY_ERRORS, Problem, Sensor, SensorGroup, SensorUnit, ServerId, Span};
use serde::Deserialize;
use std::sync::Arc;

/// Where what a sensor measured is shown.
pub fn address(server: ServerId, sensor: &str) -> String {
    listing::address(&format!("/servers/{server}/history"), &[("sensor", sensor)])
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    /// By id or name; what the whole server draws without one.
    sensor: String,
}

#[derive(Template)]
#[template(path = "server_history.html")]
struct Page<'a> {
    f: &'a Frame,
    r: Regions,
    server: &'a str,
    server_id: String,
    title: String,
    /// The name is a BMC's and not ours.
    raw: bool,
    chart: Chart<'a>,
    /// What else can be looked at.
    groups: Vec<(&'static str, Vec<Link>)>,
    draw: Option<String>,
}

/// The curve of a sensor.
struct Chart<'a> {
    address: String,
    zone: &'a str,
    spans: [&'static str; 4],
    says: String,
    most: String,
    least: String,
    /// Sign of the unit.
    sign: &'static str,
    limits: Vec<Limit>,
    /// The same for the script.
    json: String,
}

struct Limit {
    tone: &'static str,
    word: &'static str,
    value: String,
}

struct Link {
    name: String,
    address: String,
    current: bool,
}

pub async fn page(
    State(data): State<Arc<dyn ConsoleData>>,
    Inside(f): Inside,
    Path(id): Path<String>,
    Query(Asked { sensor: asked }): Query<Asked>,
) -> Response {
    let Some(view) = server::find(&data, &id).await else {
        return super::error::problem(&data, &f, Problem::not_found("server", id)).await;
    };
    let sensor = find(&view, &asked);
    let own = if sensor.is_some() { None } else { own(&asked) };
    if sensor.is_none() && own.is_none() {
        return super::error::problem(&data, &f, Problem::not_found("sensor", asked)).await;
    }
    let r = super::regions(&data, &f, &f.here).await;
    let id = view.server.meta.id;
    f.page(&Page {
        r,
        server: view.server.meta.name.as_str(),
        server_id: id.to_string(),
        title: match (sensor, &own) {
            (Some(sensor), _) => sensor.name.clone(),
            (None, own) => f.t(own.as_ref().map_or("", |own| own.title)).into(),
        },
        raw: sensor.is_some(),
        chart: chart(&f, id, sensor, own.as_ref()),
        groups: groups(&f, &view, sensor),
        draw: own.is_none_or(|own| own.id != DRAW).then(|| address(id, DRAW)),
        f: &f,
    })
}

/// What is no sensor of a BMC's.
struct Own {
    id: &'static str,
    title: &'static str,
    unit: SensorUnit,
}

fn own(asked: &str) -> Option<Own> {
    match asked {
        "" | DRAW => Some(Own { id: DRAW, title: "server-watts", unit: SensorUnit::Watt }),
        MEMORY_ERRORS => Some(Own { id: MEMORY_ERRORS, title: "sensor-memory-errors", unit: SensorUnit::Count }),
        _ => None,
    }
}

/// By id, else by name.
fn find<'a>(view: &'a ServerView, asked: &str) -> Option<&'a Sensor> {
    let all = view.status.as_ref().map_or(&[][..], |status| &status.sensors);
    all.iter().find(|sensor| sensor.id == asked).or_else(|| all.iter().find(|sensor| sensor.name == asked))
}

fn chart<'a>(f: &'a Frame, server: ServerId, sensor: Option<&Sensor>, own: Option<&Own>) -> Chart<'a> {
    let left = |name| (name, ["{", name, "}"].concat());
    let left = ["what", "now", "mean", "most"].map(left);
    let left: Vec<(&str, &str)> = left.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let unit = sensor.map(|sensor| sensor.unit).or(own.map(|own| own.unit)).unwrap_or(SensorUnit::None);
    let id = sensor.map(|sensor| sensor.id.as_str()).or(own.map(|own| own.id)).unwrap_or(DRAW);
    let (limits, json) = sensor.map_or_else(|| (Vec::new(), "[]".into()), |sensor| limits(f, sensor));
    Chart {
        address: listing::address(&format!("/v1/servers/{server}/history"), &[("sensor", id)]),
        zone: f.zone.iana_name().unwrap_or("UTC"),
        spans: Span::ALL.map(Span::as_str),
        says: f.words.text_with("usage-says", &left),
        most: f.tv("usage-most", "what", "{what}"),
        least: f.tv("usage-least", "what", "{what}"),
        sign: f.t(f.id("sensor-unit-", unit.as_str())),
        limits,
        json,
    }
}

/// From below to above, those that the sensor has.
fn limits(f: &Frame, sensor: &Sensor) -> (Vec<Limit>, String) {
    let Limits {
        lower_non_recoverable,
        lower_critical,
        lower_non_critical,
        upper_non_critical,
        upper_critical,
        upper_non_recoverable,
    } = sensor.limits;
    let all = [
        (lower_non_recoverable, "bad", "sensor-state-lower-non-recoverable"),
        (lower_critical, "bad", "sensor-state-lower-critical"),
        (lower_non_critical, "warn", "sensor-state-lower-non-critical"),
        (upper_non_critical, "warn", "sensor-state-upper-non-critical"),
        (upper_critical, "bad", "sensor-state-upper-critical"),
        (upper_non_recoverable, "bad", "sensor-state-upper-non-recoverable"),
    ];
    let known: Vec<(f64, &str, &str)> = all
        .into_iter()
        .filter_map(|(value, tone, word)| Some((value.filter(|value| value.is_finite())?, tone, word)))
        .collect();
    let shown = known.iter().map(|(value, tone, word)| Limit {
        tone,
        word: f.t(*word),
        value: f.words.measured(*value, sensor.unit.as_str()),
    });
    let json = known.iter().map(|(value, tone, _)| format!("{{\"value\":{value},\"tone\":\"{tone}\"}}"));
    (shown.collect(), format!("[{}]", json.collect::<Vec<_>>().join(",")))
}

fn groups(f: &Frame, view: &ServerView, here: Option<&Sensor>) -> Vec<(&'static str, Vec<Link>)> {
    let all = view.status.as_ref().map_or(&[][..], |status| &status.sensors);
    let of = |group: SensorGroup| {
        let measured = all.iter().filter(|sensor| sensor.group == group && sensor.value.is_some());
        let link = |sensor: &Sensor| Link {
            name: sensor.name.clone(),
            address: address(view.server.meta.id, &sensor.id),
            current: here.is_some_and(|here| here.id == sensor.id),
        };
        (f.t(f.id("sensor-group-", group.as_str())), measured.map(link).collect::<Vec<_>>())
    };
    SensorGroup::ALL.iter().map(|group| of(*group)).filter(|(_, links)| !links.is_empty()).collect()
}
