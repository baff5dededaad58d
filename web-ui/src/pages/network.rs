//! `GET /nodes/{node}/network`: a server's own network, the back of the server with its ports, and another network to try.

use super::error;
use crate::data::{ConsoleData, NodeView};
use crate::frame::{Frame, Inside};
use crate::live::Regions;
use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use cake_planner::uplink;
use cake_types::{
    BondMode, Problem, Sourced, UPLINK_SECONDS, UplinkMethod, UplinkPort, UplinkSpec, UplinkStatus, UplinkTrial,
    bracketed, is_reachable,
};
use std::fmt::Display;
use std::net::IpAddr;
use std::sync::Arc;

/// How long a trial can be given, in seconds, as the form offers it.
const SECONDS: [u32; 4] = [UPLINK_SECONDS, 180, 300, 600];

#[derive(Template)]
#[template(path = "network.html")]
struct Page<'a> {
    f: &'a Frame,
    r: Regions,
    id: String,
    name: String,
    /// Nothing of it can be changed from here.
    hands_off: bool,
    form: Form,
    seconds: Vec<(u32, String)>,
}

/// What the form begins with: what holds now.
pub struct Form {
    pub fixed: bool,
    pub addresses: String,
    pub gateways: String,
    pub dns: String,
    pub search: String,
    pub vlan: String,
    pub links: String,
    pub lacp: bool,
    pub mtu: String,
    /// Names of the ports there are, as an example.
    pub ports: String,
}

/// By id or by name.
async fn find(data: &Arc<dyn ConsoleData>, text: &str) -> Option<Arc<NodeView>> {
    let mut nodes = data.nodes().await.into_iter();
    nodes.find(|view| view.node.meta.id.to_string() == text || view.node.meta.name.as_str() == text)
}

/// What the wizard's step begins with, where the server's network is cake's to change.
pub async fn ours(data: &Arc<dyn ConsoleData>) -> Option<Form> {
    let nodes = data.nodes().await;
    let node = nodes.iter().find(|view| view.connected)?;
    let host = node.status.as_ref()?.host.as_ref()?;
    (host.hands_off.is_none() && host.uplink.is_some()).then(|| Form::of(&of(node)))
}

fn of(view: &NodeView) -> UplinkStatus {
    let host = view.status.as_ref().and_then(|status| status.host.as_ref());
    host.and_then(|host| host.uplink.as_deref()).cloned().unwrap_or_default()
}

pub async fn page(State(data): State<Arc<dyn ConsoleData>>, Inside(f): Inside, Path(node): Path<String>) -> Response {
    let Some(view) = find(&data, &node).await else {
        return error::problem(&data, &f, Problem::not_found("node", &node)).await;
    };
    let r = super::regions(&data, &f, &f.here).await;
    let hands_off = view.status.as_ref().and_then(|status| status.host.as_ref()?.hands_off).is_some();
    let status = of(&view);
    f.page(&Page {
        f: &f,
        r,
        id: view.node.meta.id.to_string(),
        name: view.node.meta.name.to_string(),
        hands_off,
        form: Form::of(&status),
        seconds: SECONDS.map(|seconds| (seconds, f.tv("uplink-seconds-unit", "seconds", seconds))).into(),
    })
}

fn words<T: Display>(all: &[T]) -> String {
    all.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

impl Form {
    pub fn of(status: &UplinkStatus) -> Self {
        let UplinkSpec { method, addresses, gateways, dns, search, vlan, links, bond, mtu } = &status.spec;
        let number = |number: &Option<u16>| number.map(|number| number.to_string()).unwrap_or_default();
        let fixed = *method == UplinkMethod::Static;
        // Who changes to a static address mostly means the one that the network gave.
        let given = |family: &dyn Fn(IpAddr) -> bool| {
            let own = status.addresses.iter().map(|own| own.value);
            let mut own = own.filter(|own| !fixed && family(own.address) && is_reachable(own.address));
            own.next().map(|own| own.to_string()).unwrap_or_default()
        };
        let four = |address: IpAddr| address.is_ipv4();
        let gateway = status.gateways.iter().find(|gateway| !fixed && gateway.value.is_ipv4());
        let ports: Vec<&str> = status.ports.iter().map(|port| port.name.as_str()).collect();
        Self {
            fixed,
            addresses: if fixed { words(addresses) } else { given(&four) },
            gateways: if fixed { words(gateways) } else { gateway.map(|it| it.value.to_string()).unwrap_or_default() },
            dns: words(dns),
            search: search.join(" "),
            vlan: number(vlan),
            links: links.join(" "),
            lacp: *bond == BondMode::Lacp,
            mtu: number(mtu),
            ports: ports.join(" "),
        }
    }
}

/// What is tried, what went before, what is so.
#[derive(Template)]
#[template(path = "parts/network_state.html")]
pub struct StateRegion<'a> {
    pub f: &'a Frame,
    pub id: String,
    pub hands_off: Option<&'static str>,
    pub refused: Option<String>,
    pub trial: Option<Trial>,
    pub ended: Option<&'static str>,
    pub warnings: Vec<&'static str>,
    pub facts: Vec<(&'static str, Vec<String>)>,
    pub none_yet: bool,
    pub etag: String,
}

pub struct Trial {
    /// Seconds that it has left.
    pub left: i64,
    /// Addresses that it brings, and how they stand in a URL.
    pub places: Vec<(String, String)>,
    /// The server has it by now.
    pub applied: bool,
    /// Its address stays, so that this page proves that it works.
    pub stays: bool,
    pub warnings: Vec<&'static str>,
}

/// The ports, drawn and as a table.
#[derive(Template)]
#[template(path = "parts/network_ports.html")]
pub struct Ports<'a> {
    pub f: &'a Frame,
    pub ports: Vec<Port>,
}

pub struct Port {
    pub name: String,
    pub carrier: bool,
    pub active: bool,
    pub link: &'static str,
    pub role: &'static str,
    pub speed: Option<String>,
    pub mac: String,
    pub driver: String,
    pub neighbor: String,
}

pub async fn regions(data: &Arc<dyn ConsoleData>, f: &Frame, node: &str, regions: &mut Regions) {
    let Some(view) = find(data, node).await else { return };
    let status = of(&view);
    let hands_off = view.status.as_ref().and_then(|status| status.host.as_ref()?.hands_off);
    let id = view.node.meta.id.to_string();
    let ours = hands_off.is_none();
    let facts = [
        ("uplink-addresses-now", sourced(f, &status.addresses)),
        ("uplink-gateways-now", sourced(f, &status.gateways)),
        ("uplink-dns-now", sourced(f, &status.dns)),
    ];
    regions.add(
        "network-state",
        &StateRegion {
            f,
            hands_off: hands_off.map(|reason| f.t(f.id("hands-off-", reason.as_str()))),
            refused: status.refused.clone(),
            trial: status.trial.as_ref().map(|trial| tried(f, trial, &status)),
            ended: status.ended.as_ref().map(|ended| f.t(f.id("uplink-end-", ended.end.as_str()))),
            warnings: if ours { warned(f, &status.spec, &status.ports) } else { Vec::new() },
            facts: facts.into_iter().filter(|(_, all)| !all.is_empty()).map(|(id, all)| (f.t(id), all)).collect(),
            none_yet: ours && !status.addresses.iter().any(|own| is_reachable(own.value.address)),
            etag: format!("\"g{}\"", status.generation),
            id,
        },
    );
    regions.add("network-ports", &Ports { f, ports: status.ports.iter().map(|port| drawn(f, port)).collect() });
}

fn sourced<T: Display>(f: &Frame, all: &[Sourced<T>]) -> Vec<String> {
    let one = |Sourced { value, source }: &Sourced<T>| {
        let source = f.t(f.id("uplink-source-", source.as_str()));
        f.tvv("uplink-from", "address", value, "source", source)
    };
    all.iter().map(one).collect()
}

fn warned(f: &Frame, spec: &UplinkSpec, ports: &[UplinkPort]) -> Vec<&'static str> {
    let word = |warning: cake_types::UplinkWarning| f.t(f.id("uplink-warning-", warning.as_str()));
    uplink::warnings(spec, ports).into_iter().map(word).collect()
}

/// A static address is shown before the server has it: this page may not hear of it any more once it has.
fn tried(f: &Frame, trial: &UplinkTrial, status: &UplinkStatus) -> Trial {
    let new = uplink::places(trial, status);
    let place = |address: &IpAddr| (address.to_string(), bracketed(&address.to_string()));
    let stays = new.is_empty() && status.addresses.iter().any(|own| is_reachable(own.value.address));
    Trial {
        left: (trial.until.as_second() - f.now.as_second()).clamp(0, trial.seconds.into()),
        places: new.iter().map(place).collect(),
        applied: trial.applied,
        stays,
        warnings: warned(f, &trial.spec, &status.ports),
    }
}

fn drawn(f: &Frame, port: &UplinkPort) -> Port {
    let UplinkPort { name, mac, driver, carrier, speed, bonded, active, neighbor } = port;
    let role = match (bonded, active) {
        (true, true) => "uplink-role-active",
        (true, false) => "uplink-role-ready",
        (false, _) => "uplink-role-spare",
    };
    let neighbor = neighbor.iter().flat_map(|other| other.system.iter().chain(&other.port));
    let neighbor: Vec<&str> = neighbor.map(String::as_str).collect();
    Port {
        name: name.clone(),
        carrier: *carrier,
        active: *active,
        link: f.t(if *carrier { "uplink-carrier-yes" } else { "uplink-carrier-no" }),
        role: f.t(role),
        speed: speed.map(|speed| f.tv("switch-megabits", "megabits", speed)),
        mac: mac.to_string(),
        driver: driver.clone().unwrap_or_else(|| "–".into()),
        neighbor: if neighbor.is_empty() { "–".into() } else { neighbor.join(" ") },
    }
}
