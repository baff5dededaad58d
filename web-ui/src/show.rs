//! How things of the vocabulary are shown: a mark (shape, word, tone), a row, a sentence.

use crate::data::VmView;
use crate::frame::Frame;
use cake_i18n::format;
use cake_planner::alert::{self, VmSeen};
use cake_planner::query::VmItem;
use cake_types::{Alert, AlertKind, ByteSize, Event, Severity, Subject, Tags, Task, TaskState, VmState};
use jiff::Timestamp;
use std::sync::Arc;

/// A state: its shape and its word say it, its tone (a CSS class) only helps.
#[derive(Clone, Debug)]
pub struct Mark {
    /// The word in JSON, for tests and scripts.
    pub key: &'static str,
    pub word: &'static str,
    pub icon: &'static str,
    pub tone: &'static str,
}

pub fn vm_mark(f: &Frame, view: &VmView) -> Mark {
    if view.orphaned {
        return Mark { key: "orphaned", word: f.t("state-orphaned"), icon: "lost", tone: "warn" };
    }
    let state = vm_state(view);
    let (icon, tone) = match state {
        VmState::Running => ("running", "good"),
        VmState::Stopped => ("stopped", "off"),
        VmState::Paused => ("paused", "warn"),
        VmState::Failed => ("failed", "bad"),
        VmState::Lost => ("lost", "bad"),
        VmState::Pending
        | VmState::Provisioning
        | VmState::Starting
        | VmState::ShuttingDown
        | VmState::Stopping
        | VmState::Deleting => ("busy", "busy"),
    };
    Mark { key: state.as_str(), word: f.words.vm_state(state), icon, tone }
}

/// The VM as a search looks at it.
pub fn vm_item(view: &VmView) -> VmItem<'_> {
    let engine = view.status.as_ref().and_then(|status| status.engine.as_ref());
    let outdated = engine.map(|engine| engine.outdated);
    VmItem { vm: &view.vm, state: vm_state(view), orphaned: view.orphaned, outdated }
}

/// Tags in one text, as a field takes them.
pub fn tags(tags: &Tags) -> String {
    tags.iter().map(|tag| tag.as_str()).collect::<Vec<_>>().join(" ")
}

/// What the node says; before its first word the VM is pending.
pub fn vm_state(view: &VmView) -> VmState {
    if view.vm.spec.deleting {
        return VmState::Deleting;
    }
    if view.lost {
        return VmState::Lost;
    }
    view.status.as_ref().map_or(VmState::Pending, |status| status.state)
}

/// An alert is about it.
pub fn needs_attention(view: &VmView) -> bool {
    let (status, state, orphaned) = (view.status.as_ref(), vm_state(view), view.orphaned);
    let seen = VmSeen { vm: &view.vm, status, state, orphaned, binned: view.vm.spec.binned.is_some() };
    alert::needs_somebody(&seen, Timestamp::now())
}

/// The verbs that are legal in a state, best first. Words of the API's routes and of `action-*`.
pub fn legal(view: &VmView) -> &'static [&'static str] {
    if view.orphaned {
        return &["adopt"];
    }
    match vm_state(view) {
        VmState::Running => &["shutdown", "pause", "reset", "stop"],
        VmState::Paused => &["resume", "reset", "stop"],
        VmState::Stopped | VmState::Failed => &["start"],
        VmState::Starting | VmState::ShuttingDown => &["stop"],
        VmState::Pending | VmState::Provisioning | VmState::Stopping | VmState::Deleting | VmState::Lost => &[],
    }
}

/// A whole number of per cent, 0 to 100.
pub fn percent(done: ByteSize, total: ByteSize) -> u64 {
    if total.bytes() == 0 {
        return 0;
    }
    (u128::from(done.bytes()) * 100 / u128::from(total.bytes())).min(100) as u64
}

/// The size of its disks together; `None` for a VM that has none.
pub fn disks(view: &VmView) -> Option<ByteSize> {
    let sizes = view.vm.spec.disks.iter().map(|disk| disk.size.bytes());
    (!view.vm.spec.disks.is_empty()).then(|| ByteSize(sizes.sum()))
}

/// The same of those that go with it when it is deleted.
pub fn own_disks(view: &VmView) -> Option<ByteSize> {
    let own = || view.vm.spec.disks.iter().filter(|disk| disk.volume.is_none());
    own().next().map(|_| ByteSize(own().map(|disk| disk.size.bytes()).sum()))
}

/// How busy its processors are, of all that it has: `12 %`.
pub fn cpu_percent(view: &VmView) -> Option<String> {
    let status = view.status.as_ref().filter(|status| status.state.is_alive())?;
    Some(format::cpu_use(status.usage?.cpu_permille, view.vm.spec.cpus))
}

/// Where a subject has its page; nowhere once its kind has none.
pub fn address(subject: &Subject) -> Option<String> {
    match subject.kind.as_str() {
        "vm" => Some(format!("/vms/{}", subject.id)),
        "task" => Some(format!("/tasks/{}", subject.id)),
        "server" => Some(format!("/servers/{}", subject.id)),
        "rack" => Some("/servers".into()),
        "switch" => Some("/cabling".into()),
        "pdu" => Some(format!("/pdus/{}", subject.id)),
        "image" => Some("/images".into()),
        "volume" => Some("/disks".into()),
        "query" => Some("/search".into()),
        "pool" | "node" | "settings" | "account" | "certificate" | "ups" | "channel" => Some("/settings".into()),
        _ => None,
    }
}

/// A task in a list.
#[derive(Clone, Debug)]
pub struct TaskRow {
    pub id: String,
    pub title: String,
    pub mark: Mark,
    pub address: Option<String>,
    pub actor: String,
    pub created: String,
    pub created_age: String,
    pub percent: Option<u64>,
    /// How it ended, as a sentence that stands alone.
    pub end: Option<String>,
    /// The same beside the title, when it did not do what was asked.
    pub why: Option<&'static str>,
    /// What cancelling would do; `None` where it can't be cancelled.
    pub cancel: Option<Cancel>,
    pub cancel_requested: bool,
}

/// The button that cancels a task, and what it asks before.
#[derive(Clone, Debug)]
pub struct Cancel {
    pub title: String,
    pub text: &'static str,
    pub verb: &'static str,
}

/// What cancelling a task does is the planner's answer; a button that would only be refused is not shown.
fn cancel(f: &Frame, task: &Task) -> Option<Cancel> {
    let word = match cake_planner::task::cancel(task.kind)? {
        cake_planner::task::Cancel::Delete => "delete",
        cake_planner::task::Cancel::PowerOff => "off",
        cake_planner::task::Cancel::StayOn => "on",
        cake_planner::task::Cancel::AskNoMore => "scan",
        cake_planner::task::Cancel::KeepEngine => "engine",
    };
    let asks = task.end.is_none() && !task.cancel_requested && f.may_manage();
    asks.then(|| Cancel {
        title: f.tv("cancel-title", "title", f.words.task_title(task)),
        text: f.t(format!("cancel-text-{word}")),
        verb: f.t("task-cancel"),
    })
}

pub fn task_mark(f: &Frame, task: &Task) -> Mark {
    let state = task.state();
    let (icon, tone) = match state {
        TaskState::Running => ("busy", "busy"),
        TaskState::Done => ("good", "good"),
        TaskState::Failed => ("error", "bad"),
        TaskState::Cancelled => ("cancelled", "off"),
    };
    Mark { key: state.as_str(), word: f.words.task_state(state), icon, tone }
}

pub fn task_row(f: &Frame, task: &Task) -> TaskRow {
    let running = task.end.is_none();
    TaskRow {
        id: task.id.to_string(),
        title: f.words.task_title(task),
        mark: task_mark(f, task),
        address: address(&task.subject),
        actor: f.words.actor(&task.created_by),
        created: f.time(&task.created_at),
        created_age: f.age(&task.created_at),
        percent: task.progress.filter(|_| running).map(|p| percent(p.done, p.total)),
        end: f.words.task_end(task),
        why: task
            .end
            .as_ref()
            .filter(|end| end.state != TaskState::Done)
            .map(|end| f.words.task_why(end.state.as_str(), &end.code)),
        cancel: cancel(f, task),
        cancel_requested: running && task.cancel_requested,
    }
}

pub fn task_rows(f: &Frame, tasks: &[Arc<Task>]) -> Vec<TaskRow> {
    tasks.iter().map(|task| task_row(f, task)).collect()
}

/// Seconds.
const DAY: i64 = 24 * 60 * 60;

/// An event in a list.
#[derive(Clone, Debug)]
pub struct EventRow {
    pub key: String,
    pub severity: Mark,
    pub sentence: String,
    pub address: Option<String>,
    pub time: String,
    /// For a day an age says more than a date; after that the date does.
    pub when: String,
    /// The time of day beside an age.
    pub clock: Option<String>,
}

pub fn event_row(f: &Frame, event: &Event) -> EventRow {
    let (key, icon, tone) = match event.severity {
        Severity::Info => ("info", "info", "off"),
        Severity::Warning => ("warning", "warning", "warn"),
        Severity::Error => ("error", "error", "bad"),
    };
    let subject = event.subject.as_ref();
    let lately = f.now.as_second() - event.at.as_second() < DAY;
    EventRow {
        // Stable from one rendering to the next, so that a page can tell new rows from old ones.
        key: format!(
            "e{}-{}-{}",
            event.at.as_nanosecond(),
            event.kind.as_str(),
            subject.map_or(String::new(), |s| s.id.simple().to_string())
        ),
        severity: Mark { key, word: f.words.severity(event.severity), icon, tone },
        sentence: f.words.event(event),
        address: subject.and_then(address),
        time: f.time_exact(&event.at),
        when: if lately { f.age(&event.at) } else { f.time(&event.at) },
        clock: lately.then(|| format::clock(event.at, &f.zone, f.words.language())),
    }
}

/// An alert in a list.
#[derive(Clone, Debug)]
pub struct AlertRow {
    pub id: String,
    /// The id as an element's.
    pub key: String,
    pub kind: &'static str,
    pub mark: Mark,
    pub name: String,
    pub address: Option<String>,
    pub what: String,
    pub next: String,
    /// The page of the manual that says more.
    pub help: &'static str,
    pub since: String,
    pub time: String,
    /// Who knows of it, as a sentence.
    pub known: Option<String>,
    pub note: Option<String>,
    /// Until when nobody is told of it, as a sentence.
    pub silent: Option<String>,
    pub silent_note: Option<String>,
}

pub fn alert_row(f: &Frame, alert: &Alert) -> AlertRow {
    let (key, icon, tone) = match alert.severity {
        Severity::Error => ("error", "error", "bad"),
        Severity::Info | Severity::Warning => ("warning", "warning", "warn"),
    };
    let said = f.words.alert(alert);
    let (known, silenced) = (alert.acknowledged.as_ref(), alert.silenced.as_ref());
    let of_a_disk = alert.kind.is_of_a_disk();
    AlertRow {
        id: alert.id.to_string(),
        key: alert.id.as_str().replace('.', "-"),
        kind: alert.kind.as_str(),
        mark: Mark { key, word: f.words.severity(alert.severity), icon, tone },
        name: alert.subject.name.clone(),
        address: if of_a_disk { Some("/hardware".into()) } else { address(&alert.subject) },
        what: said.what,
        next: said.next,
        help: match alert.kind {
            AlertKind::NodeAway => "server-does-not-answer",
            AlertKind::PoolSpace | AlertKind::PoolMissing | AlertKind::VmNoSpace => "storage",
            AlertKind::CertificateEnds => "certificate",
            AlertKind::UpsOnBattery
            | AlertKind::UpsLowBattery
            | AlertKind::UpsAway
            | AlertKind::UpsReplaceBattery
            | AlertKind::UpsShutdown => "ups",
            AlertKind::ChannelFails => "notifications",
            AlertKind::PowerBudget => "power-budget",
            AlertKind::ServerSilent
            | AlertKind::ChassisFault
            | AlertKind::BmcPassword
            | AlertKind::SensorLimit
            | AlertKind::SensorTrend
            | AlertKind::SensorFault => "servers",
            AlertKind::DeviceSilent | AlertKind::FeedDead | AlertKind::PduLoad | AlertKind::FeedShared => "feeds",
            AlertKind::LinkFlaps | AlertKind::PortErrors | AlertKind::CableMoved | AlertKind::LinkLost => "cabling",
            _ if of_a_disk => "server-disks",
            _ => "alerts",
        },
        since: f.tv("alert-since", "age", f.age(&alert.since)),
        time: f.time_exact(&alert.since),
        known: known.map(|known| f.tvv("alert-known", "who", f.words.actor(&known.by), "age", f.age(&known.at))),
        note: known.and_then(|known| known.note.clone()),
        silent: silenced
            .map(|silence| f.tvv("alert-silent", "who", f.words.actor(&silence.by), "time", f.time(&silence.until))),
        silent_note: silenced.and_then(|silence| silence.note.clone()),
    }
}

/// The sentence says where the VMs' disks are full or the memory runs out; this is its bar.
#[derive(Clone, Debug)]
pub struct Meter {
    pub percent: u64,
    pub tone: &'static str,
}

/// How full something is. It is shown as a warning where an alert would begin.
pub fn meter(used: ByteSize, total: ByteSize) -> Meter {
    let percent = percent(used, total);
    Meter { percent, tone: if percent >= alert::POOL_WARNING { "warn" } else { "plain" } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_stay_in_their_bounds() {
        assert_eq!(percent(ByteSize(0), ByteSize(0)), 0);
        assert_eq!(percent(ByteSize(1), ByteSize(3)), 33);
        assert_eq!(percent(ByteSize(9), ByteSize(3)), 100);
        assert_eq!(percent(ByteSize(u64::MAX), ByteSize(u64::MAX)), 100);
    }

    #[test]
    fn four_fifths_is_a_warning() {
        assert_eq!(meter(ByteSize(79), ByteSize(100)).tone, "plain");
        assert_eq!(meter(ByteSize(80), ByteSize(100)).tone, "warn");
    }
}
