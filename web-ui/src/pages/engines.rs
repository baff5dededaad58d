//! The VMs that run in an older engine than their server's, on the page of updates: each with what can be done about it.

use crate::data::VmView;
use crate::frame::Frame;
use crate::live::Regions;
use crate::show::percent;
use askama::Template;
use cake_planner::engine::{cuts_connections, verdict};
use cake_types::{EngineHold, EngineStatus, EngineWay, VmState};
use std::sync::Arc;

#[derive(Template)]
#[template(path = "parts/update_engines.html")]
struct Engines<'a> {
    f: &'a Frame,
    rows: Vec<Row>,
    /// So many can be changed now, all of them with a search that finds them.
    many: usize,
}

struct Row {
    id: String,
    name: String,
    qemu: String,
    /// What is at work, would happen, or why nothing can.
    note: String,
    percent: Option<u64>,
    may_change: bool,
}

/// How far a replacement is, as a sentence, and the part of the memory that is copied.
pub fn at_work(f: &Frame, engine: &EngineStatus) -> Option<(&'static str, Option<u64>)> {
    let work = engine.work?;
    let copied = (work.total.bytes() > 0).then(|| percent(work.done, work.total));
    Some((f.t(f.id("engine-step-", work.step.as_str())), copied))
}

fn row(f: &Frame, view: &VmView) -> Option<Row> {
    let status = view.status.as_ref()?;
    let engine = status.engine.as_ref().filter(|engine| engine.outdated)?;
    let spec = &view.vm.spec;
    let work = at_work(f, engine);
    let verdict = verdict(&spec.hardware, Some(engine));
    let mut note = match (work, verdict, status.state) {
        (Some((step, _)), ..) => step.to_owned(),
        (None, Err(EngineHold::Tpm), _) => f.t("fact-engine-tpm").into(),
        (None, Err(EngineHold::Current), _) => return None,
        (None, Ok(_), state) if state != VmState::Running => f.t("engine-not-running").into(),
        (None, Ok(EngineWay::Transfer), _) => f.t("fact-engine-way-transfer").into(),
        (None, Ok(EngineWay::Live), _) => f.t("fact-engine-way-live").into(),
    };
    let may_change = work.is_none() && verdict.is_ok() && status.state == VmState::Running && !view.orphaned;
    if may_change && cuts_connections(spec) {
        note = format!("{note}{}{}", f.t("sentence-gap"), f.t("fact-engine-nat"));
    }
    Some(Row {
        id: view.vm.meta.id.to_string(),
        name: view.vm.meta.name.to_string(),
        qemu: engine.qemu.clone(),
        note,
        percent: work.and_then(|(_, percent)| percent),
        may_change,
    })
}

pub fn regions(f: &Frame, vms: &[Arc<VmView>], regions: &mut Regions) {
    let rows: Vec<Row> = vms.iter().filter_map(|view| row(f, view)).collect();
    let many = rows.iter().filter(|row| row.may_change).count();
    regions.add("update-engines", &Engines { f, rows, many });
}
