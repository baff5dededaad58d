//! `GET /pdus`: the feeds of the building, and the power distribution units on each.

use crate::data::{ConsoleData, DeviceView};
use crate::frame::{Frame, Inside};
use crate::live::Regions;
use crate::show::Mark;
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use cake_planner::device::{self, DeviceSeen, Load};
use cake_planner::server::ServerHealth;
use cake_types::{DeviceKind, DeviceSpec, PduInput};
use std::collections::BTreeSet;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "pdus.html")]
struct Page<'a> {
    f: &'a Frame,
    r: Regions,
    any: bool,
}

pub async fn page(State(data): State<Arc<dyn ConsoleData>>, Inside(f): Inside) -> Response {
    let r = super::regions(&data, &f, &f.here).await;
    let any = !all(&data).await.is_empty();
    f.page(&Page { f: &f, r, any })
}

/// Those that are PDUs, by name.
pub async fn all(data: &Arc<dyn ConsoleData>) -> Vec<Arc<DeviceView>> {
    let mut views = data.devices().await;
    views.retain(|view| view.device.spec.kind == DeviceKind::Pdu);
    views.sort_by(|a, b| super::listing::natural(a.device.meta.name.as_str(), b.device.meta.name.as_str()));
    views
}

#[derive(Template)]
#[template(path = "parts/feeds.html")]
struct Feeds<'a> {
    f: &'a Frame,
    feeds: Vec<Feed>,
    /// Servers whose supplies all hang on one feed.
    shared: Vec<(String, String, String)>,
}

/// A feed, or the units of which nobody said where they hang.
struct Feed {
    /// An element's id.
    key: usize,
    name: Option<String>,
    sentence: String,
    mark: Mark,
    rows: Vec<Row>,
}

pub struct Row {
    pub id: String,
    pub name: String,
    pub mark: Mark,
    pub watts: Option<String>,
    pub load: Option<String>,
    /// `12 of 24`
    pub used: String,
    pub model: String,
}

pub fn mark(f: &Frame, view: &DeviceView) -> Mark {
    let waiting = view.status.as_ref().is_none_or(|status| status.read_at.is_none() && status.problem.is_none());
    let key = view.health.as_str();
    let (icon, tone) = match view.health {
        ServerHealth::Well => ("good", "good"),
        ServerHealth::Warning => ("warning", "warn"),
        ServerHealth::Critical => ("error", "bad"),
        ServerHealth::Unheard | ServerHealth::NoBmc if waiting => {
            return Mark { key: "waiting", word: f.t("server-waiting"), icon: "busy", tone: "busy" };
        }
        ServerHealth::Unheard | ServerHealth::NoBmc => ("lost", "warn"),
    };
    Mark { key, word: f.t(f.id("server-health-", key)), icon, tone }
}

/// `8.2 A of 16 A`
pub fn drawn(f: &Frame, spec: &DeviceSpec, input: &PduInput) -> Option<String> {
    let Load { state: _, amps, limit } = device::load(spec, input)?;
    let amps = f.words.measured(amps?, "ampere");
    Some(match limit {
        Some(limit) => f.tvv("pdu-load-of", "amps", amps, "limit", f.words.measured(limit, "ampere")),
        None => amps,
    })
}

/// That of the fullest input.
pub fn load(f: &Frame, seen: &DeviceSeen<'_>) -> Option<String> {
    let spec = &seen.device.spec;
    let share = |input: &PduInput| device::load(spec, input).and_then(|load| load.share()).unwrap_or_default();
    let fullest = seen.pdu()?.inputs.iter().max_by(|a, b| share(a).total_cmp(&share(b)))?;
    drawn(f, spec, fullest)
}

fn row(f: &Frame, view: &DeviceView) -> Row {
    let seen = view.seen();
    let about = view.status.as_ref().map(|status| status.about.clone()).unwrap_or_default();
    let outlets = view.status.as_ref().and_then(|status| status.pdu.as_ref()).map_or(0, |pdu| pdu.outlets.len());
    let used = view.device.spec.outlets.len();
    Row {
        id: view.device.meta.id.to_string(),
        name: view.device.meta.name.to_string(),
        mark: mark(f, view),
        watts: seen.pdu().and_then(|pdu| pdu.watts).map(|watts| f.words.measured(watts.round(), "watt")),
        load: load(f, &seen),
        used: if outlets == 0 { used.to_string() } else { f.tvv("pdu-used-of", "used", used, "all", outlets) },
        model: format!("{} {}", about.maker, about.model).trim().to_owned(),
    }
}

fn feed(f: &Frame, key: usize, name: Option<String>, views: &[&Arc<DeviceView>]) -> Feed {
    let watts: Vec<f64> = views.iter().filter_map(|view| view.seen().pdu()?.watts).collect();
    let servers: BTreeSet<_> =
        views.iter().flat_map(|view| &view.device.spec.outlets).map(|used| used.server).collect();
    let dead = views.iter().any(|view| view.seen().pdu().is_some_and(device::is_dead));
    let worst = views.iter().max_by_key(|view| view.health);
    let hanging = f.tv("feed-servers", "count", servers.len());
    let sentence = match (dead, watts.is_empty()) {
        (true, _) => f.tv("feed-says-dead", "servers", hanging),
        (false, true) => f.tv("feed-says-unheard", "servers", hanging),
        (false, false) => {
            let watts = f.words.measured(watts.iter().sum::<f64>().round(), "watt");
            f.tvv("feed-says", "watts", watts, "servers", hanging)
        }
    };
    let mark = worst.map_or(Mark { key: "well", word: "", icon: "good", tone: "good" }, |view| mark(f, view));
    Feed { key, name, sentence, mark, rows: views.iter().map(|view| row(f, view)).collect() }
}

pub async fn regions(data: &Arc<dyn ConsoleData>, f: &Frame, regions: &mut Regions) {
    let views = all(data).await;
    let seen: Vec<DeviceSeen<'_>> = views.iter().map(|view| view.seen()).collect();
    let names: Vec<String> = device::feeds(&seen).keys().map(|name| (*name).to_owned()).collect();
    let of = |name: Option<&str>| -> Vec<&Arc<DeviceView>> {
        views.iter().filter(|view| view.device.spec.feed.as_deref() == name).collect()
    };
    let mut feeds: Vec<Feed> =
        names.iter().enumerate().map(|(key, name)| feed(f, key, Some(name.clone()), &of(Some(name)))).collect();
    let loose = of(None);
    if !loose.is_empty() {
        feeds.push(feed(f, names.len(), None, &loose));
    }
    let servers = data.servers().await;
    let shared = servers.iter().filter_map(|view| {
        let supplies = device::supplies(view.server.meta.id, &seen);
        let feed = device::shared(&supplies, names.len())?;
        Some((view.server.meta.id.to_string(), view.server.meta.name.to_string(), feed.to_owned()))
    });
    let shared = shared.collect();
    regions.add("feeds", &Feeds { f, feeds, shared });
}
