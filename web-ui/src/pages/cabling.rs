//! `GET /cabling`: which port of which switch leads to which server.

use super::pdus;
use crate::data::{ConsoleData, DeviceView};
use crate::frame::{Frame, Inside};
use crate::live::Regions;
use crate::show::Mark;
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use cake_planner::cabling::{self, Named, Odd};
use cake_types::{DeviceKind, ServerId, SwitchPort};
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "cabling.html")]
struct Page<'a> {
    f: &'a Frame,
    r: Regions,
    any: bool,
}

pub async fn page(State(data): State<Arc<dyn ConsoleData>>, Inside(f): Inside) -> Response {
    let r = super::regions(&data, &f, &f.here).await;
    let any = !switches(&data).await.is_empty();
    f.page(&Page { f: &f, r, any })
}

async fn switches(data: &Arc<dyn ConsoleData>) -> Vec<Arc<DeviceView>> {
    let mut views = data.devices().await;
    views.retain(|view| view.device.spec.kind == DeviceKind::Switch);
    views.sort_by(|a, b| super::listing::natural(a.device.meta.name.as_str(), b.device.meta.name.as_str()));
    views
}

#[derive(Template)]
#[template(path = "parts/cabling.html")]
struct Cabling<'a> {
    f: &'a Frame,
    switches: Vec<Switch>,
}

struct Switch {
    id: String,
    name: String,
    etag: String,
    mark: Mark,
    sentence: String,
    problem: Option<&'static str>,
    /// Cables that are not where they were.
    odd: Vec<String>,
    rows: Vec<Row>,
    host: String,
    port: u16,
    note: String,
}

struct Row {
    port: String,
    alias: String,
    link: Mark,
    speed: Option<String>,
    /// Id and name.
    server: Option<(String, String)>,
    /// Who it says that it is, where it is no server of ours.
    neighbor: String,
    errors: u64,
    changes: u32,
}

fn row(f: &Frame, port: &SwitchPort, servers: &[Named], names: &BTreeMap<ServerId, String>) -> Row {
    let (key, icon, tone) = match (port.enabled, port.up) {
        (false, _) => ("shut", "paused", "off"),
        (true, true) => ("up", "running", "good"),
        (true, false) => ("down", "stopped", "off"),
    };
    let server = port.neighbor.as_ref().and_then(|neighbor| cabling::whose(neighbor, servers));
    Row {
        port: port.name.clone(),
        alias: port.alias.clone(),
        link: Mark { key, word: f.t(f.id("switch-", key)), icon, tone },
        speed: port.megabits.filter(|_| port.up).map(|megabits| f.tv("switch-megabits", "megabits", megabits)),
        server: server.and_then(|id| Some((id.to_string(), names.get(&id)?.clone()))),
        neighbor: port.neighbor.as_ref().map(|neighbor| neighbor.system.clone()).unwrap_or_default(),
        errors: port.fresh_errors,
        changes: port.changes,
    }
}

/// In words: `Port 7: lab-1 was here, db is here now.`
fn odd(f: &Frame, odd: &Odd, names: &BTreeMap<ServerId, String>) -> String {
    let name = |id: &ServerId| names.get(id).cloned().unwrap_or_else(|| id.to_string());
    let said = |id: &str, facts: &[(&str, &str)]| f.words.text_with(id, facts);
    match odd {
        Odd::Swapped { port, was, is } => {
            said("cable-swapped", &[("port", port), ("was", &name(was)), ("is", &name(is))])
        }
        Odd::Moved { port, to, server } => {
            said("cable-moved", &[("port", port), ("to", to), ("server", &name(server))])
        }
        Odd::Lost { port, server } => said("cable-lost", &[("port", port), ("server", &name(server))]),
    }
}

pub async fn regions(data: &Arc<dyn ConsoleData>, f: &Frame, regions: &mut Regions) {
    let servers = data.servers().await;
    let names: BTreeMap<ServerId, String> =
        servers.iter().map(|view| (view.server.meta.id, view.server.meta.name.to_string())).collect();
    let named = data.named_servers().await;
    let switch = |view: &Arc<DeviceView>| {
        let seen = view.seen();
        let ports = view.status.as_ref().and_then(|status| status.switch.as_ref());
        let ports = ports.map(|switch| switch.ports.as_slice()).unwrap_or_default();
        let rows: Vec<Row> = ports.iter().map(|port| row(f, port, &named, &names)).collect();
        let up = ports.iter().filter(|port| port.up).count();
        let leads = rows.iter().filter(|row| row.server.is_some()).count();
        let problem = view.status.as_ref().and_then(|status| status.problem);
        Switch {
            id: view.device.meta.id.to_string(),
            name: view.device.meta.name.to_string(),
            etag: view.etag.clone(),
            mark: pdus::mark(f, view),
            sentence: f.tvv("switch-says", "up", up, "servers", leads),
            problem: problem.map(|problem| f.t(f.id("snmp-problem-", problem.as_str()))),
            odd: cabling::odd(&seen, &view.cabling, &named).iter().map(|one| odd(f, one, &names)).collect(),
            rows,
            host: view.device.spec.host.clone(),
            port: view.device.spec.port,
            note: view.device.spec.note.clone(),
        }
    };
    let switches = switches(data).await.iter().map(switch).collect();
    regions.add("cabling", &Cabling { f, switches });
}
