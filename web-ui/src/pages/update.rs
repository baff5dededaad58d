//! `GET /settings/update`: the firmware, what is offered, and bringing it.

use crate::data::{ConsoleData, NodeView, UpdateView, VmView};
use crate::frame::{Frame, Inside};
use crate::live::Regions;
use crate::show::{Mark, percent};
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use cake_types::{
    ByteSize, HandsOff, SlotStanding, SoftReboot, StartFailure, StartReason, Stick, Task, UpdateRelease, UpdateSlot,
    UpdateSource, UpdateStatus, UpdateWork,
};
use std::sync::Arc;

#[derive(Template)]
#[template(path = "update.html")]
struct Page<'a> {
    f: &'a Frame,
    r: Regions,
    url: String,
}

pub async fn page(State(data): State<Arc<dyn ConsoleData>>, Inside(f): Inside) -> Response {
    let r = super::regions(&data, &f, "/settings/update").await;
    let url = match data.update().await.source {
        Some(UpdateSource::Url { url }) => url,
        _ => String::new(),
    };
    f.page(&Page { f: &f, r, url })
}

#[derive(Template)]
#[template(path = "parts/update_state.html")]
struct State_<'a> {
    f: &'a Frame,
    machines: Vec<Machine>,
    /// Nothing here is cake's to update, or nothing is known yet.
    nothing: Option<&'static str>,
}

#[derive(Template)]
#[template(path = "parts/update_source.html")]
struct Source<'a> {
    f: &'a Frame,
    source: Option<String>,
    etag: String,
    sticks: Vec<(String, String)>,
}

struct Machine {
    id: String,
    name: String,
    running: String,
    /// It was not started from a system disk.
    away: bool,
    trouble: bool,
    versions: Vec<Version>,
    offer: Option<Offer>,
    /// Updates come from somewhere, so it can be asked.
    may_check: bool,
    work: Option<Work>,
    /// A version that the next start begins with, and what a restart means.
    next: Option<String>,
    /// Whether VMs go on running then, or why not.
    soft: Option<Soft>,
    restart_text: String,
    leaving: bool,
    /// The version that it can be told to go back to, and the question.
    back: Option<(String, String)>,
}

impl Machine {
    fn soft_ask(&self) -> Option<&str> {
        self.soft.as_ref()?.ask.as_deref()
    }
}

struct Soft {
    sentence: &'static str,
    /// The question, where it is possible.
    ask: Option<String>,
}

struct Version {
    version: String,
    mark: Mark,
    note: Option<String>,
    detail: Option<String>,
    removable: bool,
}

struct Offer {
    at: String,
    expires: String,
    releases: Vec<Release>,
    /// There is one that can be installed and does not lie on the disks.
    newer: bool,
}

struct Release {
    version: String,
    kernel: String,
    size: ByteSize,
    refused: Option<&'static str>,
    /// It can be installed with a click.
    apply: bool,
}

struct Work {
    task: Option<String>,
    sentence: String,
    percent: Option<u64>,
    fetched: Option<String>,
}

pub async fn regions(data: &Arc<dyn ConsoleData>, f: &Frame, regions: &mut Regions) {
    let (view, nodes, vms) = (data.update().await, data.nodes().await, data.vms().await);
    let tasks = data.active_tasks().await;
    let machines: Vec<Machine> = nodes.iter().filter_map(|node| machine(f, node, &view, &vms, &tasks)).collect();
    let nothing = machines.is_empty().then(|| nothing(f, &nodes));
    regions.add("update-state", &State_ { f, machines, nothing });
    super::engines::regions(f, &vms, regions);
    let source = view.source.as_ref().map(|source| match source {
        UpdateSource::Url { url } => url.clone(),
        UpdateSource::Stick { called, .. } => f.tv("update-on-stick", "name", called),
    });
    let all = nodes.iter().filter_map(|node| node.sticks.as_ref()).flat_map(|sticks| sticks.iter());
    let usable = all.filter(|stick| stick.trouble.is_none());
    let sticks = usable.map(|stick: &Stick| (stick.id.clone(), stick.called().to_owned())).collect();
    regions.add("update-source", &Source { f, source, etag: view.etag, sticks });
}

fn nothing(f: &Frame, nodes: &[Arc<NodeView>]) -> &'static str {
    let reason = nodes.iter().find_map(|node| node.status.as_ref()?.host.as_ref()?.hands_off);
    match reason {
        Some(reason @ (HandsOff::NotAppliance | HandsOff::NoSystemd)) => f.t(f.id("hands-off-", reason.as_str())),
        None => f.t("update-unknown"),
    }
}

fn machine(
    f: &Frame,
    view: &NodeView,
    update: &UpdateView,
    vms: &[Arc<VmView>],
    tasks: &[Arc<Task>],
) -> Option<Machine> {
    let host = view.status.as_ref()?.host.as_ref()?;
    let UpdateStatus { running, disks, slots, offer, work, ended: _, trouble, soft } = host.update.as_deref()?;
    let work = work.as_ref().map(|work| at_work(f, work, tasks));
    let idle = work.is_none();
    let releases: Vec<Release> = offer.iter().flat_map(|offer| &offer.releases).map(|r| release(f, r, slots)).collect();
    let newer = releases.iter().any(|release| release.apply);
    let next = slots.iter().find(|slot| slot.standing == SlotStanding::Next).map(|slot| slot.version.clone());
    let back = slots.iter().find(|slot| slot.standing == SlotStanding::Previous).filter(|_| idle);
    Some(Machine {
        id: view.node.meta.id.to_string(),
        name: view.node.meta.name.to_string(),
        running: running.clone(),
        away: *disks == 0,
        trouble: trouble.is_some(),
        versions: slots.iter().map(|slot| version(f, slot, idle)).collect(),
        offer: offer.as_ref().map(|offer| Offer {
            at: f.since(&offer.at),
            expires: f.time(&offer.expires),
            releases,
            newer,
        }),
        may_check: update.source.is_some() && *disks > 0,
        work,
        restart_text: restart(f, vms, next.as_deref()),
        soft: soft.as_ref().zip(next.as_deref()).map(|(soft, next)| Soft {
            sentence: f.t(f.id("soft-reboot-", soft.as_str())),
            ask: (*soft == SoftReboot::Possible).then(|| f.tv("update-soft-text", "version", next)),
        }),
        next,
        leaving: host.leaving.is_some(),
        back: back.map(|slot| (slot.version.clone(), f.tv("update-back-text", "version", &slot.version))),
    })
}

/// Which VMs stop for it, and for how long.
fn restart(f: &Frame, vms: &[Arc<VmView>], next: Option<&str>) -> String {
    let first = super::host::stopping(f, vms);
    let after = next.map(|next| f.tv("update-restart-text", "version", next)).unwrap_or_default();
    format!("{first}{}{after}", f.t("sentence-gap"))
}

fn version(f: &Frame, slot: &UpdateSlot, idle: bool) -> Version {
    let UpdateSlot { version, standing, good, disks: _, failure } = slot;
    let (icon, tone) = match standing {
        SlotStanding::Running => ("running", "good"),
        SlotStanding::Next => ("busy", "busy"),
        SlotStanding::Previous | SlotStanding::Spare => ("stopped", "off"),
        SlotStanding::Bad => ("failed", "bad"),
    };
    let mark = Mark { key: standing.as_str(), word: f.t(f.id("slot-", standing.as_str())), icon, tone };
    let (note, detail) = match failure {
        Some(StartFailure { reason, detail, at }) => {
            let why = f.t(f.id("start-", reason.as_str())).to_owned();
            let at = at.map(|at| format!("{}{}", f.t("sentence-gap"), f.time(&at))).unwrap_or_default();
            (Some(format!("{why}{at}")), detail.clone().filter(|_| *reason != StartReason::Asked))
        }
        None => ((!good).then(|| f.t("update-untried").to_owned()), None),
    };
    Version { version: version.clone(), mark, note, detail, removable: idle && *standing != SlotStanding::Running }
}

fn release(f: &Frame, release: &UpdateRelease, slots: &[UpdateSlot]) -> Release {
    let UpdateRelease { version, kernel, size, refused } = release;
    let there = slots.iter().any(|slot| slot.version == *version);
    Release {
        version: version.clone(),
        kernel: kernel.clone(),
        size: *size,
        refused: refused.map(|reason| f.t(f.id("release-", reason.as_str()))),
        apply: refused.is_none() && !there,
    }
}

fn at_work(f: &Frame, work: &UpdateWork, tasks: &[Arc<Task>]) -> Work {
    let UpdateWork { operation, stage, done, total, fetched } = work;
    let its = |task: &&Arc<Task>| task.goal.operation() == Some(*operation);
    Work {
        task: tasks.iter().find(its).map(|task| task.id.to_string()),
        sentence: f.t(f.id("update-stage-", stage.as_str())).to_owned(),
        percent: (total.bytes() > 0).then(|| percent(*done, *total)),
        fetched: (fetched.bytes() > 0).then(|| f.tv("update-fetched", "size", fetched)),
    }
}
