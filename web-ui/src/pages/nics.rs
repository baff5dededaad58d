//! A VM's place on the network: its cards with who they are and where they lead, and what else it could be connected to.

use crate::data::{ConsoleData, VmView};
use crate::frame::Frame;
use askama::Template;
use cake_types::{BridgeStatus, Forward, NicSpec, NicStatus, UPLINK_BRIDGE};
use std::sync::Arc;

#[derive(Template)]
#[template(path = "parts/vm_nics.html")]
pub struct Nics<'a> {
    f: &'a Frame,
    vm: String,
    etag: &'a str,
    nics: Vec<Row>,
}

struct Row {
    /// Where it leads, in words.
    network: String,
    mac: String,
    addresses: Vec<String>,
    /// Said in place of an address.
    nothing: Option<&'static str>,
    forwards: Vec<String>,
    /// What is under way.
    state: Option<&'static str>,
    trouble: Option<Trouble>,
    can: Can,
}

struct Trouble {
    code: &'static str,
    what: &'static str,
    next: &'static str,
    detail: String,
}

#[derive(PartialEq, Eq)]
enum Can {
    Remove,
    /// Only while the VM is off.
    NotNow,
    Nothing,
}

impl Row {
    fn removable(&self) -> bool {
        self.can == Can::Remove
    }

    fn built_in(&self) -> bool {
        self.can == Can::NotNow
    }
}

pub fn nics<'a>(f: &'a Frame, view: &'a VmView) -> Nics<'a> {
    let spec = &view.vm.spec;
    let so = view.status.as_ref().map(|status| status.nics.as_slice()).unwrap_or_default();
    let status_of = |mac| so.iter().find(|status| status.mac == mac);
    let cards = spec.hardware.nics.iter().zip(spec.nics());
    let mut rows: Vec<Row> = cards
        .map(|(device, nic)| {
            let row = row(f, view, Some(&nic), status_of(device.mac), &device.mac.to_string());
            let can =
                match (f.may_manage() && !view.orphaned, is_alive(view) && !spec.hardware.is_on_port(device.address)) {
                    (true, false) => Can::Remove,
                    (true, true) => Can::NotNow,
                    (false, _) => Can::Nothing,
                };
            Row { can, ..row }
        })
        .collect();
    let left = so.iter().filter(|status| !spec.hardware.nics.iter().any(|device| device.mac == status.mac));
    rows.extend(left.map(|status| row(f, view, None, Some(status), &status.mac.to_string())));
    Nics { f, vm: view.vm.meta.id.to_string(), etag: &view.etag, nics: rows }
}

fn is_alive(view: &VmView) -> bool {
    view.status.as_ref().is_some_and(|status| status.state.is_alive())
}

fn row(f: &Frame, view: &VmView, nic: Option<&NicSpec>, so: Option<&NicStatus>, mac: &str) -> Row {
    let alive = is_alive(view);
    let bridge = nic.is_some_and(|nic| nic.bridge().is_some());
    let addresses: Vec<String> = so.iter().flat_map(|so| &so.addresses).map(ToString::to_string).collect();
    let failure = so.and_then(|so| so.failure.as_ref());
    let state = match so {
        _ if !alive || failure.is_some() => None,
        None => Some(f.t("nics-coming")),
        Some(so) if nic.is_none() || so.leaving => Some(f.t("nics-leaving")),
        Some(_) => None,
    };
    let nothing = match (bridge && addresses.is_empty() && state.is_none() && failure.is_none(), alive) {
        (true, true) => Some(f.t("nics-addresses-none")),
        (true, false) => Some(f.t("nics-addresses-off")),
        (false, _) => None,
    };
    Row {
        network: nic.map_or_else(String::new, |nic| f.words.nic(nic)),
        mac: mac.to_owned(),
        addresses,
        nothing,
        forwards: nic.map(NicSpec::forwards).unwrap_or_default().iter().map(|forward| said(f, forward)).collect(),
        state,
        trouble: failure.map(|failure| Trouble {
            code: failure.code.as_str(),
            what: f.words.failure(failure.code),
            next: f.words.failure_next(failure.code),
            detail: failure.detail.clone(),
        }),
        can: Can::Nothing,
    }
}

fn said(f: &Frame, forward: &Forward) -> String {
    let (host, guest) = (forward.host_port.to_string(), forward.guest_port.to_string());
    let protocol = forward.protocol.as_str().to_uppercase();
    f.words.text_with("nics-forward", &[("host", &host), ("guest", &guest), ("protocol", &protocol)])
}

/// A network that a card can be connected to.
pub struct Choice {
    /// The API's word.
    pub word: String,
    pub title: String,
    pub text: String,
    pub checked: bool,
}

/// NAT first: it works everywhere.
pub async fn choices(data: &Arc<dyn ConsoleData>, f: &Frame) -> Vec<Choice> {
    let nodes = data.nodes().await;
    let bridges = nodes.iter().filter_map(|node| node.status.as_ref()).flat_map(|status| &status.bridges);
    let bridges: Vec<&BridgeStatus> = bridges.collect();
    // A server of cake's own has its cables at a bridge of that name.
    let own = |bridge: &BridgeStatus| bridge.name.as_str() == UPLINK_BRIDGE;
    let nat = Choice {
        word: "nat".into(),
        title: f.t("network-nat").into(),
        text: f.t("network-nat-text").into(),
        checked: !bridges.iter().any(|bridge| own(bridge)),
    };
    let bridges = bridges.into_iter().map(|bridge| Choice {
        word: format!("bridge:{}", bridge.name),
        title: f.words.bridge(bridge.name.as_str()),
        text: about(f, bridge),
        checked: own(bridge),
    });
    std::iter::once(nat).chain(bridges).collect()
}

fn about(f: &Frame, bridge: &BridgeStatus) -> String {
    match (bridge.up, bridge.members.is_empty()) {
        (false, _) => f.t("network-bridge-down").into(),
        (true, true) => f.t("network-bridge-text").into(),
        (true, false) => f.tv("network-bridge-members", "members", bridge.members.join(f.t("comma"))),
    }
}
