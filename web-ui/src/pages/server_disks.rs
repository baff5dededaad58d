//! `GET /hardware`: the disks that the servers are built of, and how they are.

use super::overview::{self, Machine};
use crate::data::{ConsoleData, NodeView, ServerView};
use crate::frame::{Frame, Inside};
use crate::live::Regions;
use crate::show::Mark;
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use cake_types::{ByteSize, DiskHealth, DiskVerdict, DiskWarning, DiskWear, ServerBus, ServerDisk};
use std::sync::Arc;

#[derive(Template)]
#[template(path = "hardware.html")]
struct Page<'a> {
    f: &'a Frame,
    r: Regions,
}

pub async fn page(State(data): State<Arc<dyn ConsoleData>>, Inside(f): Inside) -> Response {
    let r = super::regions(&data, &f, "/hardware").await;
    f.page(&Page { f: &f, r })
}

#[derive(Template)]
#[template(path = "parts/server_disks.html")]
struct Rows<'a> {
    f: &'a Frame,
    servers: Vec<Server>,
}

struct Server {
    id: String,
    name: String,
    connected: bool,
    /// The machine itself.
    machine: Option<Machine>,
    /// `None`: it has not looked yet.
    disks: Option<Vec<Row>>,
}

struct Row {
    name: String,
    model: Option<String>,
    serial: Option<String>,
    size: ByteSize,
    /// `NVMe, solid state`
    kind: String,
    mark: Mark,
    /// Why nothing, or nothing newer, is known.
    silence: Option<&'static str>,
    warnings: Vec<&'static str>,
    worn: Option<Worn>,
    /// When it is worn out, if that is soon.
    worn_out: Option<String>,
    /// Names and values of what it says besides.
    facts: Vec<(&'static str, String)>,
    read: Option<String>,
}

struct Worn {
    text: String,
    percent: u32,
    tone: &'static str,
}

pub async fn regions(data: &Arc<dyn ConsoleData>, f: &Frame, regions: &mut Regions) {
    let machines = data.servers().await;
    let servers = data.nodes().await.iter().map(|node| server(f, node, &machines)).collect();
    regions.add("server-disks", &Rows { f, servers });
}

fn server(f: &Frame, view: &NodeView, machines: &[Arc<ServerView>]) -> Server {
    Server {
        id: view.node.meta.id.to_string(),
        name: view.node.meta.name.to_string(),
        connected: view.connected,
        machine: overview::machine(f, view, machines),
        disks: view.disks.as_ref().map(|disks| disks.iter().map(|disk| row(f, disk)).collect()),
    }
}

fn row(f: &Frame, disk: &ServerDisk) -> Row {
    let health = &disk.health;
    let bus = f.t(f.id("disk-bus-", disk.bus.as_str()));
    // What a machine's own disks are made of a VM can't know.
    let built = match disk.bus {
        ServerBus::Virtio => None,
        _ => Some(f.t(if disk.rotational { "disk-rotating" } else { "disk-solid" })),
    };
    let parts: Vec<&str> = [bus].into_iter().chain(built).collect();
    Row {
        name: disk.name.clone(),
        model: disk.model.clone(),
        serial: disk.serial.clone(),
        size: disk.size,
        kind: parts.join(f.t("comma")),
        mark: mark(f, health),
        silence: health.silence.map(|silence| f.t(f.id("disk-silence-", silence.as_str()))),
        warnings: beside(health).map(|warning| f.t(f.id("disk-warning-", warning.as_str()))).collect(),
        worn: health.percent_used.map(|percent| worn(f, health, percent)),
        worn_out: health.worn_out_at.map(|at| f.tv("disk-worn-out-on", "date", f.date(&at))),
        facts: facts(f, health),
        read: health.read_at.map(|at| f.time(&at)),
    }
}

/// The warnings that its verdict does not say already.
fn beside(health: &DiskHealth) -> impl Iterator<Item = &DiskWarning> {
    let said = match health.verdict() {
        DiskVerdict::Spare => Some(DiskWarning::Spare),
        DiskVerdict::Hot => Some(DiskWarning::Temperature),
        _ => None,
    };
    health.warnings.iter().filter(move |warning| Some(**warning) != said)
}

pub fn mark(f: &Frame, health: &DiskHealth) -> Mark {
    let verdict = health.verdict();
    let (icon, tone) = match verdict {
        DiskVerdict::Well => ("good", "good"),
        DiskVerdict::Unknown => ("stopped", "off"),
        DiskVerdict::Failing | DiskVerdict::Spare => ("error", "bad"),
        DiskVerdict::Worn if health.wear() == DiskWear::Critical => ("error", "bad"),
        DiskVerdict::Worn | DiskVerdict::Wearing | DiskVerdict::Sectors | DiskVerdict::Hot => ("warning", "warn"),
    };
    Mark { key: verdict.as_str(), word: f.t(f.id("disk-verdict-", verdict.as_str())), icon, tone }
}

fn worn(f: &Frame, health: &DiskHealth, percent: u32) -> Worn {
    let tone = match health.wear() {
        DiskWear::Fine => "plain",
        DiskWear::Warning | DiskWear::Critical => "warn",
    };
    Worn { text: f.tv("percent", "percent", percent), percent: percent.min(100), tone }
}

/// In the order in which they tell most. What a disk does not say does not stand there.
fn facts(f: &Frame, health: &DiskHealth) -> Vec<(&'static str, String)> {
    let spare = health.spare.map(|spare| match health.spare_threshold {
        Some(least) if least > 0 => f.tvv("disk-spare-of", "percent", spare, "least", least),
        _ => f.tv("percent", "percent", spare),
    });
    let hours =
        |hours: u64| f.tvv("disk-hours-years", "hours", hours, "years", format!("{:.1}", hours as f64 / 8766.0));
    let said = [
        ("disk-temperature", health.temperature.map(|degrees| format!("{degrees} °C"))),
        ("disk-hours", health.power_on_hours.map(hours)),
        ("disk-spare", spare),
        ("disk-reallocated", health.reallocated_sectors.map(|count| count.to_string())),
        ("disk-pending", health.pending_sectors.map(|count| count.to_string())),
        ("disk-uncorrectable", health.uncorrectable_sectors.map(|count| count.to_string())),
        ("disk-media-errors", health.media_errors.map(|count| count.to_string())),
    ];
    said.into_iter().filter_map(|(id, value)| Some((f.t(id), value?))).collect()
}

/// What the overview says of all of a server's disks: the worst, or that all are well that say anything.
pub struct Summary {
    pub count: usize,
    pub mark: Mark,
}

pub fn summary(f: &Frame, view: &NodeView) -> Option<Summary> {
    let disks = view.disks.as_ref().filter(|disks| !disks.is_empty())?;
    let worst = disks.iter().min_by_key(|disk| disk.health.verdict())?;
    Some(Summary { count: disks.len(), mark: mark(f, &worst.health) })
}
