//! `GET /vms/{vm}`: one VM.

use super::usage::Charts;
use super::{EventRows, TaskRows, disks, drives, exports, nics};
use crate::data::{ConsoleData, VmView};
use crate::frame::{Frame, Inside};
use crate::live::Regions;
use crate::show::{self, Mark, Meter};
use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use cake_planner::engine::{cuts_connections, verdict};
use cake_types::{Accelerator, ByteSize, EngineHold, EngineWay, Priority, Restart, Vm, VmState, limits};
use std::sync::Arc;

/// Tasks and events of a VM that its page shows.
const SHOWN: usize = 10;

#[derive(Template)]
#[template(path = "vm.html")]
struct Page<'a> {
    f: &'a Frame,
    r: Regions,
    vm: &'a Vm,
    orphaned: bool,
    has_screen: bool,
    restarts: [(&'static str, &'static str, bool); 3],
    priorities: [(&'static str, &'static str, bool); 3],
    usage: Charts<'a>,
    networks: Vec<nics::Choice>,
    /// Disks that can be made larger.
    disks: Vec<(u32, String)>,
    /// Disks that it can be given: id, and name with size.
    volumes: Vec<(String, String)>,
    /// CDs that can be put in: id and name.
    cds: Vec<(String, String)>,
    /// The CD with drivers, by id.
    drivers: Option<String>,
    /// A file can be made of it.
    exportable: bool,
    export_days: i64,
    /// As a field takes them.
    tags: String,
}

pub async fn page(State(data): State<Arc<dyn ConsoleData>>, Inside(f): Inside, Path(id): Path<String>) -> Response {
    let Some(view) = super::find_vm(&data, &id).await else {
        return super::error::problem(&data, &f, cake_types::Problem::not_found("vm", id)).await;
    };
    let r = super::regions(&data, &f, &f.here).await;
    let spec = &view.vm.spec;
    let restart = |word, restart: Restart| (word, f.words.restart(restart), spec.restart == restart);
    f.page(&Page {
        f: &f,
        r,
        vm: &view.vm,
        orphaned: view.orphaned,
        has_screen: spec.hardware.has_screen(),
        priorities: [Priority::High, Priority::Normal, Priority::Low]
            .map(|priority| (priority.as_str(), f.words.priority(priority), spec.priority == priority)),
        restarts: [
            restart("never", Restart::Never),
            restart("on-crash", Restart::OnCrash),
            restart("always", Restart::Always),
        ],
        usage: Charts::of_vm(&f, view.vm.meta.id),
        networks: nics::choices(&data, &f).await,
        disks: drives::growable(&f, &view),
        volumes: disks::choices(&data).await,
        cds: drives::choices(&data).await,
        drivers: spec.drivers.map(|image| image.to_string()),
        exportable: exports::possible(&view),
        export_days: limits::EXPORT_DAYS,
        tags: show::tags(&spec.tags),
    })
}

pub async fn regions(data: &Arc<dyn ConsoleData>, f: &Frame, view: &VmView, regions: &mut Regions) {
    regions.add("vm-head", &head(f, view));
    regions.add("vm-facts", &facts(data, f, view).await);
    regions.add("vm-nics", &nics::nics(f, view));
    regions.add("vm-drives", &drives::drives(data, f, view).await);
    regions.add("vm-exports", &exports::exports(data, f, view).await);
    let (tasks, events) = super::activity(data, f, view.vm.meta.id.0, SHOWN).await;
    regions.add("vm-tasks", &TaskRows { f, tasks, empty: f.t("vm-no-tasks") });
    regions.add("vm-events", &EventRows { f, events, empty: f.t("vm-no-events") });
}

/// What a page of a VM says when the VM was deleted meanwhile.
pub fn gone(f: &Frame, regions: &mut Regions) {
    regions.add("vm-head", &Gone { f });
}

#[derive(Template)]
#[template(path = "parts/vm_gone.html")]
struct Gone<'a> {
    f: &'a Frame,
}

#[derive(Template)]
#[template(path = "parts/vm_head.html")]
struct Head<'a> {
    f: &'a Frame,
    id: String,
    name: &'a str,
    etag: &'a str,
    mark: Mark,
    sentence: String,
    percent: Option<u64>,
    failure: Option<FailureBox>,
    /// The verb that is most likely wanted, large.
    first: Option<&'static str>,
    /// The others.
    others: Vec<&'static str>,
    /// The console that is wanted first.
    console: Option<&'static str>,
    delete: bool,
    /// No server has it: there is nothing that could be kept.
    lost: bool,
    /// What deleting it takes away.
    delete_text: String,
    delete_verb: &'static str,
}

struct FailureBox {
    tone: &'static str,
    code: &'static str,
    what: &'static str,
    next: &'static str,
    detail: Option<String>,
    /// Where the manual says more.
    help: String,
}

fn head<'a>(f: &'a Frame, view: &'a VmView) -> Head<'a> {
    let status = view.status.as_ref();
    let state = show::vm_state(view);
    let legal = if f.may_operate() { show::legal(view) } else { &[] };
    let failure = match status.and_then(|status| status.failure.as_ref()) {
        _ if view.orphaned => Some(FailureBox {
            tone: "warn",
            code: "orphaned",
            what: f.t("vm-orphaned"),
            next: f.t("vm-orphaned-next"),
            detail: None,
            help: "/help/server-does-not-answer#orphaned".into(),
        }),
        Some(failure) => Some(FailureBox {
            tone: "bad",
            code: failure.code.as_str(),
            what: f.words.failure(failure.code),
            next: f.words.failure_next(failure.code),
            detail: Some(failure.detail.clone()).filter(|detail| !detail.is_empty()),
            help: format!("/help/problems#failure-{}", failure.code.as_str()),
        }),
        None if state == VmState::Lost => Some(FailureBox {
            tone: "bad",
            code: "lost",
            what: f.t("vm-lost"),
            next: f.t("vm-lost-next"),
            detail: None,
            help: "/help/server-does-not-answer#orphaned".into(),
        }),
        None => None,
    };
    Head {
        f,
        id: view.vm.meta.id.to_string(),
        name: view.vm.meta.name.as_str(),
        etag: &view.etag,
        mark: show::vm_mark(f, view),
        sentence: sentence(f, view),
        percent: status.and_then(|s| s.progress).map(|p| show::percent(p.done, p.total)),
        failure,
        first: legal.first().copied(),
        others: legal.iter().skip(1).copied().collect(),
        console: console(f, view).filter(|_| !view.orphaned && state != VmState::Deleting && state != VmState::Lost),
        delete: f.may_manage() && !view.orphaned && state != VmState::Deleting,
        lost: state == VmState::Lost,
        delete_text: delete_text(f, view),
        delete_verb: f.t(if show::own_disks(view).is_some() {
            "confirm-delete-verb"
        } else {
            "confirm-delete-verb-diskless"
        }),
    }
}

/// What goes with the VM, and what does not.
fn delete_text(f: &Frame, view: &VmView) -> String {
    let keeps = view.vm.spec.disks.iter().any(|disk| disk.volume.is_some());
    match (show::own_disks(view), keeps) {
        (Some(disks), false) => f.tv("confirm-delete-text", "disks", disks),
        (Some(disks), true) => f.tv("confirm-delete-text-keeps", "disks", disks),
        (None, false) => f.t("confirm-delete-text-diskless").into(),
        (None, true) => f.t("confirm-delete-text-keeps-all").into(),
    }
}

/// The screen where there is one: whoever may see the VM may look. The serial port is for those who may type.
fn console(f: &Frame, view: &VmView) -> Option<&'static str> {
    match view.vm.spec.hardware.has_screen() {
        true => Some("screen"),
        false => f.may_operate().then_some("console"),
    }
}

/// Its state as a sentence: since when, on what, how it ended.
fn sentence(f: &Frame, view: &VmView) -> String {
    let Some(status) = &view.status else { return f.t("vm-says-pending").into() };
    match status.state {
        VmState::Running => {
            let since = status.started_at.map(|at| f.since(&at)).unwrap_or_default();
            match status.accelerator {
                Some(Accelerator::Tcg { .. }) => f.tv("vm-says-running-tcg", "since", since),
                _ => f.tv("vm-says-running", "since", since),
            }
        }
        VmState::Stopped => match status.halted_by {
            Some(halted) => f.tvv("vm-says-halted", "how", f.words.halted(&halted), "when", f.age(&halted.at)),
            None => f.t("vm-says-stopped").into(),
        },
        state => f.t(format!("vm-says-{}", state.as_str())).into(),
    }
}

#[derive(Template)]
#[template(path = "parts/vm_facts.html")]
struct Facts<'a> {
    f: &'a Frame,
    vm: &'a Vm,
    cpus_used: Option<String>,
    cpu_meter: Option<Meter>,
    /// What its process takes on the server. QEMU's own share is in it, so it may be more than the guest's memory and is
    /// no measure of how full that is.
    memory_taken: Option<ByteSize>,
    disks: Vec<DiskRow>,
    restart: &'static str,
    /// Where it is not as with most.
    priority: Option<&'static str>,
    made_from: Option<String>,
    accelerator: Option<&'static str>,
    pid: Option<u32>,
    engine: Option<EngineFacts>,
    restarts: u32,
    firmware: &'static str,
    created: String,
    hostname: Option<String>,
}

/// The QEMU that it runs in, in sentences.
struct EngineFacts {
    qemu: String,
    /// What is to be known before it is changed.
    notes: String,
    may_change: bool,
    replaced: Option<String>,
    /// How far it is, and how much of the guest's memory is copied.
    work: Option<(&'static str, Option<u64>)>,
}

fn engine(f: &Frame, view: &VmView) -> Option<EngineFacts> {
    let status = view.status.as_ref()?;
    let engine = status.engine.as_ref()?;
    let spec = &view.vm.spec;
    let mut notes = Vec::new();
    if engine.outdated {
        notes.push(f.t("fact-engine-outdated"));
    }
    let (verdict, work) = (verdict(&spec.hardware, Some(engine)), super::engines::at_work(f, engine));
    match verdict {
        // What it costs was said before.
        _ if work.is_some() => {}
        Ok(EngineWay::Transfer) => notes.push(f.t("fact-engine-way-transfer")),
        Ok(EngineWay::Live) => notes.push(f.t("fact-engine-way-live")),
        Err(EngineHold::Tpm) => notes.push(f.t("fact-engine-tpm")),
        Err(EngineHold::Current) => {}
    }
    if verdict.is_ok() && work.is_none() && cuts_connections(spec) {
        notes.push(f.t("fact-engine-nat"));
    }
    let replaced = engine.replaced.map(|replaced| {
        let (ms, way) = (cake_i18n::format::milliseconds(replaced.pause_us), replaced.way.as_str());
        f.tvv(&f.id("fact-engine-replaced-", way), "when", f.age(&replaced.at), "ms", ms)
    });
    let runs = status.state == VmState::Running && work.is_none();
    let may_change = verdict.is_ok() && runs && f.may_operate() && !view.orphaned;
    let notes = notes.join(f.t("sentence-gap"));
    Some(EngineFacts { qemu: engine.qemu.clone(), notes, may_change, replaced, work })
}

struct DiskRow {
    size: ByteSize,
    pool: String,
    serial: String,
}

async fn facts<'a>(data: &Arc<dyn ConsoleData>, f: &'a Frame, view: &'a VmView) -> Facts<'a> {
    let (spec, status) = (&view.vm.spec, view.status.as_ref());
    let pools = data.pools().await;
    let pool_name = |id| {
        pools.iter().find(|pool| pool.pool.meta.id == id).map_or_else(|| "–".into(), |p| p.pool.meta.name.to_string())
    };
    let disks = spec
        .disks
        .iter()
        .enumerate()
        .map(|(number, disk)| DiskRow {
            size: disk.size,
            pool: pool_name(disk.pool),
            serial: spec.hardware.disks.get(number).map_or_else(String::new, |device| device.serial.clone()),
        })
        .collect();
    let usage = status.filter(|s| s.state.is_alive()).and_then(|status| status.usage);
    Facts {
        f,
        vm: &view.vm,
        cpus_used: show::cpu_percent(view),
        cpu_meter: usage
            .map(|usage| show::meter(ByteSize(u64::from(usage.cpu_permille)), ByteSize(u64::from(spec.cpus) * 1000))),
        memory_taken: usage.map(|usage| usage.memory),
        disks,
        restart: f.words.restart(spec.restart),
        priority: (spec.priority != Priority::Normal).then(|| f.words.priority(spec.priority)),
        made_from: spec.made_from.as_ref().map(ToString::to_string),
        accelerator: status.and_then(|s| s.accelerator).map(|accelerator| match accelerator {
            Accelerator::Kvm => f.t("accelerator-kvm"),
            Accelerator::Tcg { .. } => f.t("accelerator-tcg"),
        }),
        pid: status.and_then(|s| s.pid),
        engine: engine(f, view),
        restarts: status.map_or(0, |s| s.restarts),
        firmware: f.words.firmware(spec.firmware),
        created: f.time(&view.vm.meta.created_at),
        hostname: spec.cloud_init.as_ref().map(|seed| seed.hostname.to_string()),
    }
}
