//! When long work is over. A task is not a process that runs somewhere: it is a question about what the node reports, asked
//! again after every report, so that no crash can lose it.
//!
//! ```text
//!   written with the change ──► running ──► done        the node reports the goal
//!                                 │   ├───► failed      the node reports why not
//!                                 │   └───► cancelled   somebody cancelled it, or a later request replaced it
//!                                 └─ cancel: changes the goal of create and start, ends shutdown, refused by the rest
//! ```

use cake_types::{
    ByteSize, CdStatus, Departed, DiskStatus, ExitReason, ExportStage, ExportStatus, Failure, FailureCode, Generation,
    HostStatus, ImageId, ImportStage, ImportStatus, LeavingEnd, MacAddress, OperationId, Power, ProvisionProgress,
    ScanEnd, ScanStatus, Task, TaskGoal, TaskKind, TaskProgress, TaskState, UpdateEnd, UpdateEnded, UpdateStatus,
    VmState, VmStatus,
};

/// The outcome of an operation, as the node reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Done,
    Failed(Failure),
    /// A later request made it pointless.
    Superseded,
}

/// Everything that is known about a task's subject.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seen<'a> {
    /// What the node last said about the VM.
    pub status: Option<&'a VmStatus>,
    /// What is asked for now: it may be newer than what the task asked.
    pub asked: Option<(Generation, Power)>,
    /// The outcome of the task's operation.
    pub outcome: Option<&'a Outcome>,
    /// The node has removed it, or never had it and the Store no longer has it.
    pub removed: bool,
    /// The node will not take this id again.
    pub lost: bool,
    /// The node refused the desired state of this generation, for this reason.
    pub refused: Option<(Generation, &'a str)>,
}

/// How a task ends; the clock is the caller's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    pub state: TaskState,
    /// Names a sentence: `task-end-CODE`, or `failure-CODE`.
    pub code: &'static str,
    /// For support, in English.
    pub detail: Option<String>,
    /// How long a guest stood still for it, in microseconds.
    pub pause_us: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    Running(Option<TaskProgress>),
    End(End),
}

/// The codes that tasks end with, besides those of failures.
pub mod code {
    pub const DONE: &str = "done";
    pub const REMOVED: &str = "removed";
    pub const LOST: &str = "lost";
    pub const CANCELLED: &str = "cancelled";
    pub const REFUSED: &str = "refused";
    pub const SUPERSEDED: &str = "superseded";
    pub const CRASHED: &str = "crashed";
    pub const KILLED: &str = "killed";
    pub const RESTORED: &str = "restored";
    pub const NOT_RUNNING: &str = "not-running";
    pub const INTERNAL: &str = "internal";

    pub const ALL: [&str; 11] =
        [DONE, REMOVED, LOST, CANCELLED, REFUSED, SUPERSEDED, CRASHED, KILLED, RESTORED, NOT_RUNNING, INTERNAL];
}

const fn done() -> Progress {
    Progress::End(End { state: TaskState::Done, code: code::DONE, detail: None, pause_us: None })
}

fn failed(code: &'static str, detail: Option<String>) -> Progress {
    Progress::End(End { state: TaskState::Failed, code, detail, pause_us: None })
}

const fn cancelled(code: &'static str) -> Progress {
    Progress::End(End { state: TaskState::Cancelled, code, detail: None, pause_us: None })
}

fn failure(failure: &Failure) -> Progress {
    failed(failure.code.as_str(), Some(failure.detail.clone()))
}

/// Where `task` stands, given what is seen.
pub fn progress(task: &Task, seen: &Seen<'_>) -> Progress {
    if task.cancel_requested {
        return cancelling(task, seen);
    }
    if seen.removed {
        return if task.goal == TaskGoal::Removed { done() } else { cancelled(code::REMOVED) };
    }
    if seen.lost {
        // Nothing of it is on any server: a delete has nothing left to do.
        return if task.goal == TaskGoal::Removed { done() } else { failed(code::LOST, None) };
    }
    match &task.goal {
        // Imports, exports, servers and scans are asked of by themselves.
        TaskGoal::Removed
        | TaskGoal::Imported
        | TaskGoal::Exported { .. }
        | TaskGoal::Left { .. }
        | TaskGoal::Scanned { .. }
        | TaskGoal::Updated { .. } => Progress::Running(None),
        TaskGoal::Applied { generation } => applied(*generation, seen),
        TaskGoal::Nic { generation, mac, plugged } => rewired(*generation, *mac, *plugged, seen),
        TaskGoal::Cd { generation, image } => inserted(*generation, *image, seen),
        TaskGoal::Disk { generation, number, size } => attached(*generation, *number, *size, seen),
        TaskGoal::Power { generation, power } => power_reached(task.kind, *generation, *power, seen),
        TaskGoal::Operation { operation } if task.kind == TaskKind::VmReplaceEngine => replaced(*operation, seen),
        TaskGoal::Operation { .. } | TaskGoal::Ordered { .. } => operation(task.kind, seen),
    }
}

/// Everything that is known about an import and what may have come of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct ImportSeen<'a> {
    /// The Store still has it.
    pub there: bool,
    pub status: Option<&'a ImportStatus>,
    /// The image is there.
    pub image: bool,
    /// The node refused it, for this reason.
    pub refused: Option<&'a str>,
    /// It could not be fetched.
    pub failed: Option<&'a Failure>,
}

/// Where the import that `task` is stands.
pub fn import_progress(task: &Task, seen: &ImportSeen<'_>) -> Progress {
    match (seen.status, seen.there) {
        _ if task.cancel_requested && seen.there => Progress::Running(None),
        _ if task.cancel_requested => cancelled(code::CANCELLED),
        (_, false) if seen.image => done(),
        (_, false) => cancelled(code::REMOVED),
        (_, true) if seen.failed.is_some() => seen.failed.map_or(Progress::Running(None), failure),
        (None, true) => match seen.refused {
            Some(why) => failed(code::REFUSED, Some(why.to_owned())),
            None => Progress::Running(None),
        },
        (Some(status), true) => match (status.stage, &status.failure) {
            (ImportStage::Done, _) if seen.image => done(),
            (ImportStage::Failed, Some(why)) => failure(why),
            (ImportStage::Failed, None) => failed(code::INTERNAL, None),
            _ if status.total.bytes() == 0 => Progress::Running(None),
            _ => Progress::Running(Some(TaskProgress { done: status.done.min(status.total), total: status.total })),
        },
    }
}

/// Everything that is known about an export.
#[derive(Clone, Copy, Debug, Default)]
pub struct ExportSeen<'a> {
    /// The Store still has it.
    pub there: bool,
    pub status: Option<&'a ExportStatus>,
    /// The node refused it, for this reason.
    pub refused: Option<&'a str>,
}

/// Where the export that `task` is stands.
pub fn export_progress(task: &Task, seen: &ExportSeen<'_>) -> Progress {
    match (seen.status, seen.there) {
        (_, true) if task.cancel_requested => Progress::Running(None),
        (_, false) if task.cancel_requested => cancelled(code::CANCELLED),
        (_, false) => cancelled(code::REMOVED),
        (None, true) => match seen.refused {
            Some(why) => failed(code::REFUSED, Some(why.to_owned())),
            None => Progress::Running(None),
        },
        (Some(status), true) => match (status.stage, &status.failure) {
            (ExportStage::Done, _) => done(),
            (ExportStage::Failed, Some(why)) => failure(why),
            (ExportStage::Failed, None) => failed(code::INTERNAL, None),
            _ if status.total.bytes() == 0 => Progress::Running(None),
            _ => Progress::Running(Some(TaskProgress { done: status.done.min(status.total), total: status.total })),
        },
    }
}

/// Everything that is known about a server that was told to go.
#[derive(Clone, Copy, Debug, Default)]
pub struct LeaveSeen<'a> {
    /// The server answers, so what it does not tell of is not so.
    pub connected: bool,
    pub host: Option<&'a HostStatus>,
    /// It did not take the order.
    pub outcome: Option<&'a Outcome>,
}

/// Where the order that `task` is stands.
pub fn leave_progress(task: &Task, operation: OperationId, seen: &LeaveSeen<'_>) -> Progress {
    let left = seen.host.and_then(|host| host.left.as_ref()).filter(|left| left.operation == operation);
    match (left, seen.outcome) {
        (Some(Departed { end: LeavingEnd::Done, .. }), _) => done(),
        (Some(Departed { end: LeavingEnd::Cancelled, .. }), _) => cancelled(code::CANCELLED),
        (Some(Departed { end: LeavingEnd::Failed, detail, .. }), _) => failed(code::REFUSED, detail.clone()),
        (None, Some(Outcome::Failed(why))) => failure(why),
        _ => {
            let leaves = seen.host.and_then(|host| host.leaving.as_ref());
            let at_it = leaves.is_some_and(|leaving| leaving.operation == operation);
            let forgotten = task.cancel_requested && seen.connected && !at_it;
            if forgotten { cancelled(code::CANCELLED) } else { Progress::Running(None) }
        }
    }
}

/// Where the scan for BMCs that `task` is stands. `scan` is the node's last one, which may be another.
pub fn scan_progress(
    task: &Task,
    operation: OperationId,
    scan: Option<&ScanStatus>,
    outcome: Option<&Outcome>,
) -> Progress {
    let scan = scan.filter(|scan| scan.operation == operation);
    match (scan.map(|scan| scan.end), outcome) {
        (Some(Some(ScanEnd::Done)), _) => done(),
        (Some(Some(ScanEnd::Cancelled)), _) => cancelled(code::CANCELLED),
        (Some(Some(ScanEnd::Interrupted)), _) => failed(FailureCode::Interrupted.as_str(), None),
        // It asks no more as soon as it hears of it.
        (Some(None), _) => Progress::Running(scan.map(|scan| TaskProgress {
            done: ByteSize(scan.asked.min(scan.total).into()),
            total: ByteSize(scan.total.into()),
        })),
        (None, Some(Outcome::Failed(why))) => failure(why),
        (None, _) if task.cancel_requested => cancelled(code::CANCELLED),
        (None, _) => Progress::Running(None),
    }
}

/// Where the order about a server's firmware that `task` is stands. `connected`: what the server does not tell of is not so.
pub fn update_progress(
    task: &Task,
    operation: OperationId,
    update: Option<&UpdateStatus>,
    connected: bool,
    outcome: Option<&Outcome>,
) -> Progress {
    let ended = update.and_then(|update| update.ended.as_ref()).filter(|ended| ended.operation == operation);
    let work = update.and_then(|update| update.work.as_ref()).filter(|work| work.operation == operation);
    match (ended, work, outcome) {
        (Some(UpdateEnded { end: UpdateEnd::Done, .. }), ..) => done(),
        (Some(UpdateEnded { end: UpdateEnd::Cancelled, .. }), ..) => cancelled(code::CANCELLED),
        (Some(UpdateEnded { failure: Some(why), .. }), ..) => failure(why),
        (Some(UpdateEnded { failure: None, .. }), ..) => failed(code::INTERNAL, None),
        (None, Some(work), _) if work.total.bytes() > 0 => {
            Progress::Running(Some(TaskProgress { done: work.done.min(work.total), total: work.total }))
        }
        (None, Some(_), _) => Progress::Running(None),
        (None, None, Some(Outcome::Failed(why))) => failure(why),
        (None, None, _) if task.cancel_requested && connected => cancelled(code::CANCELLED),
        (None, None, _) => Progress::Running(None),
    }
}

/// A cancelled task ends when what it had begun is undone.
fn cancelling(task: &Task, seen: &Seen<'_>) -> Progress {
    match task.kind {
        TaskKind::VmCreate if seen.removed || seen.lost => cancelled(code::CANCELLED),
        TaskKind::VmCreate => Progress::Running(None),
        TaskKind::VmStart => {
            let off = seen.status.is_none_or(|status| !status.state.is_alive());
            if seen.removed || seen.lost || off { cancelled(code::CANCELLED) } else { Progress::Running(None) }
        }
        // Too late, or nothing has come of it; the node says which.
        TaskKind::VmReplaceEngine if !seen.removed && !seen.lost => match (task.goal.operation(), seen.outcome) {
            (_, Some(Outcome::Superseded)) | (None, _) => cancelled(code::CANCELLED),
            (Some(operation), _) => replaced(operation, seen),
        },
        _ => cancelled(code::CANCELLED),
    }
}

/// A QEMU that is replaced: how much of the guest's memory is copied, and in the end how long it stood still.
fn replaced(id: OperationId, seen: &Seen<'_>) -> Progress {
    let engine = seen.status.and_then(|status| status.engine.as_ref());
    match operation(TaskKind::VmReplaceEngine, seen) {
        Progress::End(end) if end.state == TaskState::Done => {
            let replaced = engine.and_then(|engine| engine.replaced).filter(|replaced| replaced.operation == id);
            Progress::End(End { pause_us: replaced.map(|replaced| replaced.pause_us), ..end })
        }
        Progress::Running(_) => {
            let work = engine.and_then(|engine| engine.work);
            let work = work.filter(|work| work.operation == id && work.total.bytes() > 0);
            Progress::Running(work.map(|work| shown(ProvisionProgress { done: work.done, total: work.total })))
        }
        end @ Progress::End(_) => end,
    }
}

fn refused(generation: Generation, seen: &Seen<'_>) -> Option<Progress> {
    let (of, detail) = seen.refused?;
    (of >= generation).then(|| failed(code::REFUSED, Some(detail.to_owned())))
}

fn applied(generation: Generation, seen: &Seen<'_>) -> Progress {
    match seen.status {
        Some(status) if status.observed.generation >= generation => done(),
        _ => refused(generation, seen).unwrap_or(Progress::Running(None)),
    }
}

/// A guest that is off has what is asked when it starts.
fn rewired(generation: Generation, mac: MacAddress, plugged: bool, seen: &Seen<'_>) -> Progress {
    let Some(status) = seen.status.filter(|status| status.observed.generation >= generation) else {
        return refused(generation, seen).unwrap_or(Progress::Running(None));
    };
    let nic = status.nics.iter().find(|nic| nic.mac == mac);
    if !status.state.is_alive() || nic.is_some_and(|nic| nic.failure.is_none()) == plugged && nic.is_some() == plugged {
        return done();
    }
    match nic.and_then(|nic| nic.failure.as_ref()) {
        Some(why) => failure(why),
        None => Progress::Running(None),
    }
}

/// What lies in the drive of a guest that runs; one that is off finds it there when it starts.
fn inserted(generation: Generation, image: Option<ImageId>, seen: &Seen<'_>) -> Progress {
    let Some(status) = seen.status.filter(|status| status.observed.generation >= generation) else {
        return refused(generation, seen).unwrap_or(Progress::Running(None));
    };
    match &status.cd {
        _ if !status.state.is_alive() => done(),
        Some(CdStatus { failure: Some(why), .. }) => failure(why),
        Some(CdStatus { image: there, waiting: false, .. }) if *there == image => done(),
        _ => Progress::Running(None),
    }
}

/// A disk of a guest that runs: there and so large, or there no more. One that is off has what is asked when it starts.
fn attached(generation: Generation, number: u32, size: Option<ByteSize>, seen: &Seen<'_>) -> Progress {
    let Some(status) = seen.status.filter(|status| status.observed.generation >= generation) else {
        return refused(generation, seen).unwrap_or(Progress::Running(None));
    };
    let disk = status.disks.iter().find(|disk| disk.number == number);
    match (disk, size) {
        (_, Some(_)) if status.state == VmState::Failed => failed_status(status),
        // What a guest has is not known yet; one that a node has just found may run.
        _ if matches!(status.state, VmState::Pending | VmState::Provisioning) => Progress::Running(None),
        _ if !status.state.is_alive() => done(),
        (Some(DiskStatus { failure: Some(why), .. }), _) => failure(why),
        (None, None) => done(),
        (Some(disk), Some(size)) if disk.size >= size => done(),
        _ => Progress::Running(None),
    }
}

fn power_reached(kind: TaskKind, generation: Generation, power: Power, seen: &Seen<'_>) -> Progress {
    if let Some((now, asked)) = seen.asked
        && now > generation
        && asked != power
        && !halted_after(generation, seen)
    {
        return cancelled(code::SUPERSEDED);
    }
    let Some(status) = seen.status.filter(|status| status.observed.generation >= generation) else {
        return refused(generation, seen).unwrap_or(Progress::Running(None));
    };
    match power {
        Power::Running => running(generation, status),
        Power::Stopped => stopped(kind, status),
        Power::Paused => paused(status),
    }
}

/// The guest ran and shut itself down: that it is asked to be off now was the guest's own wish, not another request.
fn halted_after(generation: Generation, seen: &Seen<'_>) -> bool {
    seen.status.and_then(|status| status.halted_by).is_some_and(|halted| halted.generation >= generation)
}

fn running(generation: Generation, status: &VmStatus) -> Progress {
    match (status.state, &status.halted_by) {
        (VmState::Running | VmState::Paused | VmState::ShuttingDown, _) => done(),
        (_, Some(halted)) if halted.generation >= generation => match halted.reason {
            ExitReason::Guest => done(),
            ExitReason::Crash => failed(code::CRASHED, None),
            ExitReason::Killed => failed(code::KILLED, None),
        },
        (VmState::Failed, _) => failed_status(status),
        _ => Progress::Running(status.progress.map(shown)),
    }
}

fn stopped(kind: TaskKind, status: &VmStatus) -> Progress {
    match status.state {
        VmState::Stopped => done(),
        // To be off was the wish, and it is off; a VM whose disks could not be made is no VM.
        VmState::Failed if kind == TaskKind::VmCreate => failed_status(status),
        VmState::Failed => done(),
        _ => Progress::Running(status.progress.map(shown)),
    }
}

fn paused(status: &VmStatus) -> Progress {
    match status.state {
        VmState::Paused => done(),
        VmState::Stopped => failed(code::NOT_RUNNING, None),
        VmState::Failed => failed_status(status),
        _ => Progress::Running(None),
    }
}

fn failed_status(status: &VmStatus) -> Progress {
    status.failure.as_ref().map_or_else(|| failed(code::INTERNAL, None), failure)
}

fn operation(kind: TaskKind, seen: &Seen<'_>) -> Progress {
    match seen.outcome {
        Some(Outcome::Done) => return done(),
        Some(Outcome::Failed(why)) => return failure(why),
        Some(Outcome::Superseded) => return cancelled(code::SUPERSEDED),
        None => {}
    }
    let dead = seen.status.is_some_and(|status| !status.state.is_alive());
    match kind {
        // Off is off, whoever reports it first.
        TaskKind::VmShutdown if dead => done(),
        _ if dead => failed(code::NOT_RUNNING, None),
        _ => match seen.refused {
            Some((_, detail)) => failed(code::REFUSED, Some(detail.to_owned())),
            None => Progress::Running(None),
        },
    }
}

fn shown(progress: ProvisionProgress) -> TaskProgress {
    let ProvisionProgress { done, total } = progress;
    TaskProgress { done: ByteSize(done.bytes().min(total.bytes())), total }
}

/// What cancelling a task does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancel {
    /// What it was making is deleted.
    Delete,
    /// Desired power becomes `stopped`.
    PowerOff,
    /// cake no longer waits for the guest; the VM stays on unless the guest still shuts down by itself. A server stays on, and its
    /// guests start again.
    StayOn,
    /// Nobody else is asked, nothing more is fetched; what was found or written until then stays.
    AskNoMore,
    /// The guest goes on in the QEMU that it has, unless it has changed hands by then.
    KeepEngine,
}

/// `None`: it can't be cancelled, and saying so is the honest answer.
pub const fn cancel(kind: TaskKind) -> Option<Cancel> {
    match kind {
        TaskKind::VmCreate | TaskKind::ImageImport | TaskKind::VmExport => Some(Cancel::Delete),
        TaskKind::VmStart => Some(Cancel::PowerOff),
        TaskKind::VmShutdown | TaskKind::NodeReboot | TaskKind::NodePowerOff | TaskKind::NodeSoftReboot => {
            Some(Cancel::StayOn)
        }
        TaskKind::VmReplaceEngine => Some(Cancel::KeepEngine),
        TaskKind::BmcScan | TaskKind::UpdateCheck | TaskKind::UpdateApply => Some(Cancel::AskNoMore),
        TaskKind::VmStop
        | TaskKind::VmReset
        | TaskKind::VmPause
        | TaskKind::VmResume
        | TaskKind::VmUpdate
        | TaskKind::VmDelete
        | TaskKind::VmAdopt
        | TaskKind::VmBin
        | TaskKind::VmRestore
        | TaskKind::VmNicAdd
        | TaskKind::VmNicRemove
        | TaskKind::VmCdInsert
        | TaskKind::VmCdEject
        | TaskKind::VmDiskAdd
        | TaskKind::VmDiskGrow
        | TaskKind::VmDiskRemove
        | TaskKind::VmDiskAttach
        | TaskKind::VmDiskDetach
        | TaskKind::ServerOn
        | TaskKind::ServerOff
        | TaskKind::ServerSoft
        | TaskKind::ServerCycle
        | TaskKind::ServerReset
        | TaskKind::ServerIdentify
        | TaskKind::ServerBoot
        | TaskKind::ServerRestore
        | TaskKind::ServerClearEvents
        | TaskKind::ServerPassword
        | TaskKind::UpdateGoBack
        | TaskKind::UpdateRemove => None,
    }
}

#[cfg(test)]
#[path = "task_tests.rs"]
mod tests;
