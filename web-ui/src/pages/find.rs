//! `GET /servers/find`: BMCs in a range of addresses, and those that are chosen made servers of cake.

use super::server_health::mark;
use crate::data::{ConsoleData, ScanView, ServerView};
use crate::frame::{Frame, Inside};
use crate::live::Regions;
use crate::show::{Mark, percent};
use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use cake_planner::scan::{Candidate, words};
use cake_types::{ByteSize, IPMI_PORT, REDFISH_PORT, ScanEnd, ServerId};
use serde::Deserialize;
use std::sync::Arc;

/// What the address asks for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct FindQuery {
    /// Somebody comes from the wizard: the next step is the first VM.
    pub setup: Option<u8>,
}

#[derive(Template)]
#[template(path = "find.html")]
struct Page<'a> {
    f: &'a Frame,
    r: Regions,
    setup: bool,
    /// What is proposed first, and all proposals.
    range: String,
    ranges: Vec<String>,
    ports: (u16, u16),
}

pub async fn page(
    State(data): State<Arc<dyn ConsoleData>>,
    Inside(f): Inside,
    Query(query): Query<FindQuery>,
) -> Response {
    let r = super::regions(&data, &f, "/servers/find").await;
    let ScanView { ranges, scan, .. } = data.bmc_scan().await;
    // Whoever comes back goes on where they were.
    let before = scan.as_ref().map(|scan| words(&scan.range));
    let ports = scan.as_ref().map_or((IPMI_PORT, REDFISH_PORT), |scan| (scan.range.port, scan.range.redfish_port));
    let range = before.or_else(|| ranges.first().cloned()).unwrap_or_default();
    f.page(&Page { f: &f, r, setup: query.setup.is_some(), range, ranges, ports })
}

#[derive(Template)]
#[template(path = "parts/find_own.html")]
struct Own<'a> {
    f: &'a Frame,
    /// cake's own machines.
    own: Vec<Machine>,
}

struct Machine {
    id: String,
    name: String,
    mark: Mark,
    has_bmc: bool,
}

#[derive(Template)]
#[template(path = "parts/find_state.html")]
struct Progress<'a> {
    f: &'a Frame,
    scan: Option<Scan>,
}

struct Scan {
    task: Option<String>,
    sentence: String,
    /// While it is at work.
    percent: Option<u64>,
    mark: Mark,
    /// It is over, and nobody answered.
    nothing: bool,
    more: bool,
}

#[derive(Template)]
#[template(path = "parts/find_rows.html")]
struct Rows<'a> {
    f: &'a Frame,
    rows: Vec<Row>,
}

struct Row {
    /// As an id can hold it.
    key: String,
    address: String,
    maker: Option<String>,
    product: Option<String>,
    speaks: String,
    access: &'static str,
    port: u16,
    name: String,
    server: Option<Machine>,
}

pub async fn regions(data: &Arc<dyn ConsoleData>, f: &Frame, regions: &mut Regions) {
    let (ScanView { scan, task, found, .. }, servers) = (data.bmc_scan().await, data.servers().await);
    let own = servers.iter().filter(|view| view.node.is_some()).map(|view| machine(f, view)).collect();
    regions.add("find-own", &Own { f, own });
    let shown = scan.map(|scan| {
        let (asked, total) = (scan.asked.min(scan.total), scan.total);
        let sentence = match scan.end {
            None => f.tvv("find-asked", "asked", asked, "total", total),
            Some(ScanEnd::Done) => f.tvv("find-done", "count", found.len(), "total", total),
            Some(end) => f.t(f.id("scan-end-", end.as_str())).to_owned(),
        };
        Scan {
            task: task.map(|task| task.to_string()),
            sentence,
            percent: scan.end.is_none().then(|| percent(ByteSize(asked.into()), ByteSize(total.into()))),
            mark: scan_mark(f, scan.end, found.is_empty()),
            nothing: scan.end.is_some() && found.is_empty(),
            more: scan.more,
        }
    });
    regions.add("find-state", &Progress { f, scan: shown });
    let rows = found.iter().map(|candidate| row(f, candidate, &servers)).collect();
    regions.add("found-rows", &Rows { f, rows });
}

fn scan_mark(f: &Frame, end: Option<ScanEnd>, nothing: bool) -> Mark {
    let (key, icon, tone) = match end {
        None => ("running", "busy", "busy"),
        Some(ScanEnd::Done) if nothing => ("nothing", "stopped", "off"),
        Some(ScanEnd::Done) => ("done", "good", "good"),
        Some(ScanEnd::Cancelled) => ("cancelled", "stopped", "off"),
        Some(ScanEnd::Interrupted) => ("interrupted", "warning", "warn"),
    };
    Mark { key, word: f.t(f.id("find-state-", key)), icon, tone }
}

fn machine(f: &Frame, view: &ServerView) -> Machine {
    let (id, name) = (view.server.meta.id.to_string(), view.server.meta.name.to_string());
    Machine { id, name, mark: mark(f, view), has_bmc: view.server.spec.bmc.is_some() }
}

fn row(f: &Frame, candidate: &Candidate, servers: &[Arc<ServerView>]) -> Row {
    let Candidate { bmc, access, port, maker, name, server } = candidate;
    let address = bmc.address.to_string();
    let version = bmc.redfish.as_ref().map(|redfish| format!("Redfish {}", redfish.version));
    let speaks: Vec<String> = bmc.ipmi.then(|| "IPMI".to_owned()).into_iter().chain(version).collect();
    let known = |id: &ServerId| servers.iter().find(|view| view.server.meta.id == *id);
    let product = bmc.redfish.as_ref().map(|redfish| redfish.product.clone()).filter(|product| !product.is_empty());
    Row {
        key: address.replace(['.', ':'], "-"),
        maker: maker.clone().or_else(|| Some(f.tv("server-maker-number", "number", bmc.manufacturer?))),
        product,
        speaks: speaks.join(f.t("comma")),
        access: access.as_str(),
        port: *port,
        name: name.to_string(),
        server: server.as_ref().and_then(|(id, _)| known(id)).map(|view| machine(f, view)),
        address,
    }
}
