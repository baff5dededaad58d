//! `GET /`: health in one sentence, then the evidence.

use super::EventRows;
use super::server_disks::{self, Summary};
use super::server_health;
use super::ups::{self, Supply};
use super::usage::Charts;
use crate::data::{ConsoleData, EventQuery, NodeView, PageQuery, PoolView, ServerView, VmView};
use crate::frame::{Frame, Inside};
use crate::live::Regions;
use crate::show::{self, AlertRow, Mark, Meter};
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use cake_types::{Accelerator, BridgeStatus, ByteSize, VmState};
use std::sync::Arc;

#[derive(Template)]
#[template(path = "overview.html")]
struct Page<'a> {
    f: &'a Frame,
    r: Regions,
    usage: Option<Charts<'a>>,
}

pub async fn page(State(data): State<Arc<dyn ConsoleData>>, Inside(f): Inside) -> Response {
    let r = super::regions(&data, &f, "/").await;
    let nodes = data.nodes().await;
    let usage = nodes.first().map(|node| Charts::of_node(&f, &node.node));
    f.page(&Page { f: &f, r, usage })
}

pub async fn regions(data: &Arc<dyn ConsoleData>, f: &Frame, regions: &mut Regions) {
    let (vms, nodes, pools) = (data.vms().await, data.nodes().await, data.pools().await);
    let machines = data.servers().await;
    let mut alerts = super::alerts::rows(data, f).await;
    let unseen = alerts.iter().filter(|alert| alert.known.is_none() && alert.silent.is_none()).count();
    alerts.truncate(SHOWN);
    let running = vms.iter().filter(|view| show::vm_state(view) == VmState::Running).count();
    regions.add(
        "health",
        &Health {
            f,
            servers: nodes.len(),
            vms: vms.len(),
            running,
            unreachable: nodes.iter().any(|node| !node.connected),
            unseen,
            alerts: &alerts,
            hardware: server_health::line(f, &machines),
        },
    );
    let servers =
        nodes.iter().map(|node| Server { machine: machine(f, node, &machines), ..server(f, node, &vms) }).collect();
    regions.add("evidence", &Evidence { f, servers, pools: pools.iter().map(|p| pool(p)).collect() });
    let query = EventQuery { page: PageQuery { limit: 7, ..PageQuery::default() }, ..EventQuery::default() };
    let events = data.events(&query).await.map(|page| page.items).unwrap_or_default();
    let events = events.iter().map(|event| show::event_row(f, event)).collect();
    regions.add("recent-events", &EventRows { f, events, empty: f.t("events-none") });
}

#[derive(Template)]
#[template(path = "parts/health.html")]
struct Health<'a> {
    f: &'a Frame,
    servers: usize,
    vms: usize,
    running: usize,
    unreachable: bool,
    unseen: usize,
    alerts: &'a [AlertRow],
    /// How the rack is, where there is a BMC that says so.
    hardware: Option<server_health::Health>,
}

/// More than these are for their own page.
const SHOWN: usize = 8;

#[derive(Template)]
#[template(path = "parts/evidence.html")]
struct Evidence<'a> {
    f: &'a Frame,
    servers: Vec<Server>,
    pools: Vec<PoolRow>,
}

/// A server as the overview and the settings show it.
pub struct Server {
    pub name: String,
    pub state: Mark,
    pub facts: Option<ServerFacts>,
    pub ups: Option<Supply>,
    pub disks: Option<Summary>,
    pub machine: Option<Machine>,
}

/// The machine that a node runs on.
pub struct Machine {
    pub id: String,
    pub mark: Mark,
}

pub fn machine(f: &Frame, node: &NodeView, all: &[Arc<ServerView>]) -> Option<Machine> {
    let view = all.iter().find(|view| view.server.spec.node == Some(node.node.meta.id))?;
    Some(Machine { id: view.server.meta.id.to_string(), mark: server_health::mark(f, view) })
}

pub struct ServerFacts {
    pub accelerator: &'static str,
    /// Why guests are translated, if they are.
    pub because: Option<&'static str>,
    pub cpus: u32,
    pub cpus_given: u32,
    pub memory: ByteSize,
    pub memory_available: ByteSize,
    pub memory_meter: Meter,
    pub qemu: String,
    pub version: String,
    pub launcher: String,
    /// Names, with the addresses of the server on each.
    pub bridges: Vec<(String, String)>,
    pub up: String,
}

pub fn server(f: &Frame, view: &NodeView, vms: &[Arc<VmView>]) -> Server {
    let state = if view.connected {
        Mark { key: "connected", word: f.t("server-connected"), icon: "good", tone: "good" }
    } else {
        Mark { key: "unreachable", word: f.t("server-unreachable"), icon: "error", tone: "bad" }
    };
    let alive = |vm: &&Arc<VmView>| show::vm_state(vm).is_alive();
    let facts = view.status.as_ref().map(|status| {
        let capacity = status.capacity;
        let (accelerator, because) = match status.accelerator {
            Accelerator::Kvm => (f.t("accelerator-kvm"), None),
            Accelerator::Tcg { because } => (f.t("accelerator-tcg"), Some(f.words.tcg_reason(because))),
        };
        let used = ByteSize(capacity.memory.bytes().saturating_sub(capacity.memory_available.bytes()));
        ServerFacts {
            accelerator,
            because,
            cpus: capacity.cpus,
            cpus_given: vms.iter().filter(alive).map(|vm| vm.vm.spec.cpus).sum(),
            memory: capacity.memory,
            memory_available: capacity.memory_available,
            memory_meter: show::meter(used, capacity.memory),
            qemu: status.qemu.clone(),
            version: status.version.clone(),
            launcher: status.launcher.clone(),
            bridges: status.bridges.iter().map(bridge).collect(),
            up: f.since(&status.started_at),
        }
    });
    Server {
        name: view.node.meta.name.to_string(),
        state,
        facts,
        ups: ups::supply(f, view),
        disks: server_disks::summary(f, view),
        machine: None,
    }
}

fn bridge(bridge: &BridgeStatus) -> (String, String) {
    let addresses: Vec<String> = bridge.addresses.iter().map(ToString::to_string).collect();
    (bridge.name.to_string(), addresses.join(" "))
}

/// A pool as the overview and the settings show it.
pub struct PoolRow {
    pub name: String,
    pub facts: Option<PoolFacts>,
}

pub struct PoolFacts {
    pub path: String,
    pub file_system: String,
    pub size: ByteSize,
    pub free: ByteSize,
    pub meter: Meter,
    pub reflink: bool,
    pub available: bool,
}

pub fn pool(view: &PoolView) -> PoolRow {
    let facts = view.status.as_ref().map(|status| PoolFacts {
        path: status.path.clone(),
        file_system: status.file_system.clone(),
        size: status.size,
        free: status.free,
        meter: show::meter(ByteSize(status.size.bytes().saturating_sub(status.free.bytes())), status.size),
        reflink: status.reflink,
        available: status.available,
    });
    PoolRow { name: view.pool.meta.name.to_string(), facts }
}
