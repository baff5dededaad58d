//! A server's own machine, as the settings show it: what it is called, its clock, and powering it off.

use crate::data::{ConsoleData, NodeView, VmView};
use crate::frame::Frame;
use crate::show;
use askama::Template;
use cake_types::{HostStatus, Leaving};
use std::sync::Arc;

/// The region of the settings.
#[derive(Template)]
#[template(path = "parts/host.html")]
pub struct Region<'a> {
    pub f: &'a Frame,
    pub machines: Vec<Machine>,
}

/// What one machine says.
pub struct Machine {
    pub id: String,
    pub name: String,
    pub host_name: String,
    pub zone: String,
    pub clock: &'static str,
    pub ntp: &'static str,
    /// The clock can be set by hand.
    pub by_hand: bool,
    pub hands_off: Option<&'static str>,
    pub refused: Option<String>,
    pub leaving: Option<String>,
    /// What happens to whom before it goes: for the question.
    pub reboot_text: String,
    pub power_off_text: String,
    pub etag: String,
}

pub async fn region<'a>(
    data: &Arc<dyn ConsoleData>,
    f: &'a Frame,
    nodes: &[Arc<NodeView>],
    vms: &[Arc<VmView>],
) -> Region<'a> {
    let mut machines = Vec::new();
    for node in nodes {
        let etag = data.host_etag(node.node.meta.id).await;
        machines.extend(machine(f, node, vms, etag));
    }
    Region { f, machines }
}

/// Which VMs a server that goes off or starts again takes with it.
pub fn stopping(f: &Frame, vms: &[Arc<VmView>]) -> String {
    let running: Vec<&str> =
        vms.iter().filter(|vm| show::vm_state(vm).is_alive()).map(|vm| vm.vm.meta.name.as_str()).collect();
    match running.as_slice() {
        [] => f.t("host-leave-none").to_owned(),
        names => f.tvv("host-leave-vms", "count", names.len(), "names", names.join(f.t("comma"))),
    }
}

fn machine(f: &Frame, view: &NodeView, vms: &[Arc<VmView>], etag: String) -> Option<Machine> {
    let status = view.status.as_ref()?;
    let host = status.host.as_ref()?;
    let HostStatus {
        hands_off,
        time_zone,
        ntp,
        synchronized,
        refused,
        leaving,
        left: _,
        local_name: _,
        networks: _,
        update: _,
        uplink: _,
    } = host;
    let first = stopping(f, vms);
    let text = |rest: &str| format!("{first}{}{}", f.t("sentence-gap"), f.t(rest));
    Some(Machine {
        id: view.node.meta.id.to_string(),
        name: view.node.meta.name.to_string(),
        host_name: status.host_name.clone(),
        zone: time_zone.clone().unwrap_or_else(|| "UTC".into()),
        clock: f.t(if *synchronized { "host-clock-right" } else { "host-clock-unsure" }),
        ntp: f.t(match ntp {
            Some(true) => "host-ntp-on",
            Some(false) => "host-ntp-off",
            None => "host-ntp-none",
        }),
        by_hand: *ntp != Some(true),
        hands_off: hands_off.map(|reason| f.t(f.id("hands-off-", reason.as_str()))),
        refused: refused.as_ref().map(|refused| {
            let setting = f.t(f.id("host-setting-", refused.setting.as_str()));
            f.tvv("host-refused", "setting", setting, "because", &refused.because)
        }),
        leaving: leaving.as_ref().map(|leaving| says(f, leaving)),
        reboot_text: text("host-reboot-text"),
        power_off_text: text("host-power-off-text"),
        etag,
    })
}

fn says(f: &Frame, leaving: &Leaving) -> String {
    let Leaving { operation: _, way, stage, guests, left } = leaving;
    let key = format!("{}-{}", stage.as_str(), way.as_str());
    f.tvv(&f.id("leaving-", &key), "left", left, "guests", guests)
}

/// What the form of a machine begins with; only where it may be changed.
pub struct Form {
    pub id: String,
    pub host_name: String,
    pub zone: String,
    pub zones: Vec<String>,
    pub ntp: Option<bool>,
}

impl Form {
    pub fn of(view: &NodeView) -> Option<Self> {
        let status = view.status.as_ref()?;
        let host = status.host.as_ref().filter(|host| host.hands_off.is_none())?;
        let zone = host.time_zone.clone().unwrap_or_else(|| "UTC".into());
        Some(Self {
            id: view.node.meta.id.to_string(),
            host_name: status.host_name.clone(),
            zones: super::settings::zones(Some(&zone)),
            zone,
            ntp: host.ntp,
        })
    }
}
