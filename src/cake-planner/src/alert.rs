//! What somebody must act on, from what is so.
//!
//! ```text
//!   nodes, pools, VMs ──► [`find`] ──► findings ──► [`next`] ──► alerts that are open, and which began or ended
//!                            ▲                         ▲
//!                            └── those that were open ─┘   (so that nothing flaps, and nothing is told twice)
//! ```

mod budget;
mod device;
mod disk;
mod server;
mod switch;
mod update;

pub use budget::{BudgetSeen, rack};
pub use server::ServerSeen;

use crate::certificate::{ENDS_NOW, ENDS_SOON};
use crate::device::DeviceSeen;
use crate::query::{NodeItem, PoolItem};
use crate::vm_power::STEADY;
use cake_types::{
    Alert, AlertId, AlertKind, ByteSize, CertificateInfo, CertificateSource, Channel, ChannelState, ExitReason,
    Failure, FailureCode, Name, Node, Pool, PoolStatus, Power, Severity, Subject, UpsFlag, Vm, VmState, VmStatus,
};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// Alerts by id.
pub type Alerts = BTreeMap<AlertId, Alert>;

/// A VM as alerts look at it.
pub struct VmSeen<'a> {
    pub vm: &'a Vm,
    pub status: Option<&'a VmStatus>,
    /// The state that a person sees.
    pub state: VmState,
    pub orphaned: bool,
    pub binned: bool,
}

/// A channel of alerts, and how it stands.
pub struct ChannelSeen<'a> {
    pub channel: &'a Channel,
    pub state: &'a ChannelState,
}

/// Everything that is known.
pub struct Facts<'a> {
    pub now: Timestamp,
    pub nodes: Vec<NodeItem<'a>>,
    pub pools: Vec<PoolItem<'a>>,
    pub vms: Vec<VmSeen<'a>>,
    pub servers: Vec<ServerSeen<'a>>,
    pub devices: Vec<DeviceSeen<'a>>,
    /// The one that people are shown.
    pub certificate: Option<&'a CertificateInfo>,
    pub channels: Vec<ChannelSeen<'a>>,
    /// How the rack stands to its power budget; without one nothing.
    pub budget: Option<BudgetSeen<'a>>,
}

impl Facts<'_> {
    /// Until a node has spoken nothing is known of what lies on it: neither that it is well nor that it is not.
    fn heard(&self) -> bool {
        self.nodes.iter().any(|node| node.status.is_some())
    }
}

/// Something that is so now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub kind: AlertKind,
    /// Tells apart what one subject can have several of.
    pub part: Option<String>,
    pub severity: Severity,
    pub subject: Subject,
    pub params: BTreeMap<String, String>,
}

impl Finding {
    fn new(kind: AlertKind, severity: Severity, subject: Subject) -> Self {
        Self { kind, part: None, severity, subject, params: BTreeMap::new() }
    }

    fn part(mut self, part: impl Into<String>) -> Self {
        self.part = Some(part.into());
        self
    }

    fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.params.insert(name.into(), value.to_string());
        self
    }

    fn id(&self) -> AlertId {
        AlertId::of(self.kind, &self.subject, self.part.as_deref())
    }
}

/// A pool is fuller than this many per cent: somebody should see to it …
pub const POOL_WARNING: u64 = 80;
/// … and now at once.
pub const POOL_CRITICAL: u64 = 90;
/// It has to fall so far below before it is over: a pool that is used writes and deletes all the time.
pub const POOL_BELOW: u64 = 5;

/// With less than this a guest that was paused because of it is paused again at once.
const POOL_FULL: ByteSize = ByteSize::mib(16);

/// How long something has to be so before it is an alert: a node that is updated is back in a moment.
const fn patience(kind: AlertKind) -> SignedDuration {
    match kind {
        AlertKind::NodeAway => SignedDuration::from_secs(10),
        // Its NUT server may begin anew.
        AlertKind::UpsAway => SignedDuration::from_secs(15),
        // A BMC that is updated, or busy for a moment, is no trouble of anybody's.
        AlertKind::ServerSilent | AlertKind::DeviceSilent => SignedDuration::from_secs(60),
        // What was just held back goes on to draw for a while.
        AlertKind::PowerBudget => SignedDuration::from_secs(60),
        // A server that starts anew is dark for a while, and says who it is each half minute only.
        AlertKind::CableMoved => SignedDuration::from_secs(60),
        AlertKind::LinkLost => SignedDuration::from_mins(5),
        // A mail server that is updated, a line that breaks for a moment.
        AlertKind::ChannelFails => SignedDuration::from_mins(15),
        _ => SignedDuration::ZERO,
    }
}

fn subject(kind: &str, id: uuid::Uuid, name: &Name) -> Subject {
    Subject { kind: kind.into(), id, name: name.to_string() }
}

/// What is so. `before` are the alerts that were open: a threshold is left lower than it was entered.
pub fn find(facts: &Facts<'_>, before: &Alerts) -> Vec<Finding> {
    let mut found: Vec<Finding> =
        facts.nodes.iter().filter(|node| !node.connected).map(|node| node_away(node.node)).collect();
    found.extend(facts.certificate.and_then(|certificate| of_certificate(certificate, facts.now)));
    found.extend(facts.channels.iter().filter_map(of_channel));
    if !facts.heard() {
        found.extend(before.values().filter(|alert| lies_on_a_node(alert.kind)).map(still));
        return found;
    }
    found.extend(facts.nodes.iter().flat_map(of_ups));
    found.extend(facts.nodes.iter().flat_map(update::of_node));
    found.extend(facts.nodes.iter().flat_map(|node| disk::of_node(node, facts.now, before)));
    found.extend(facts.pools.iter().filter_map(|pool| of_pool(pool.pool, pool.status?, before)));
    found.extend(facts.vms.iter().filter_map(|vm| of_vm(vm, facts, before)));
    found.extend(facts.servers.iter().flat_map(|server| server::of_server(server, before)));
    found.extend(device::of_devices(facts, before));
    found.extend(facts.budget.as_ref().and_then(|budget| budget::of_rack(budget, before)));
    found
}

const fn lies_on_a_node(kind: AlertKind) -> bool {
    !matches!(kind, AlertKind::NodeAway | AlertKind::CertificateEnds | AlertKind::ChannelFails)
}

/// The built-in one is made anew long before: that it ends soon says that it could not be.
fn of_certificate(certificate: &CertificateInfo, now: Timestamp) -> Option<Finding> {
    let left = certificate.not_after.duration_since(now);
    let soon = match certificate.source {
        CertificateSource::Own => ENDS_SOON,
        CertificateSource::BuiltIn => ENDS_SOON / 2,
    };
    let severity = if left < ENDS_NOW { Severity::Error } else { Severity::Warning };
    let id = uuid::Uuid::nil();
    let subject =
        Subject { kind: "certificate".into(), id, name: certificate.names.first().cloned().unwrap_or_default() };
    let found = Finding::new(AlertKind::CertificateEnds, severity, subject);
    (left < soon).then(|| found.with("days", (left.as_hours() / 24).max(0)))
}

/// Whoever should be told of alerts is not.
fn of_channel(seen: &ChannelSeen<'_>) -> Option<Finding> {
    let failing = seen.state.failing.as_ref().filter(|_| seen.channel.spec.on)?;
    let subject = subject("channel", seen.channel.meta.id.0, &seen.channel.meta.name);
    Some(Finding::new(AlertKind::ChannelFails, Severity::Warning, subject).with("trouble", failing.trouble.as_str()))
}

/// An alert that nothing is known of yet is as it was.
fn still(alert: &Alert) -> Finding {
    let part = alert.part().map(str::to_owned);
    let Alert { id: _, kind, severity, subject, params, since: _, acknowledged: _, silenced: _ } = alert.clone();
    Finding { kind, part, severity, subject, params }
}

fn node_away(node: &Node) -> Finding {
    Finding::new(AlertKind::NodeAway, Severity::Error, subject("node", node.meta.id.0, &node.meta.name))
}

/// What a server says of its power supply. Old news is none: only that it is old.
fn of_ups(node: &NodeItem<'_>) -> Vec<Finding> {
    let Some(ups) = node.status.and_then(|status| status.ups.as_ref()) else { return Vec::new() };
    let find =
        |kind, severity| Finding::new(kind, severity, subject("node", node.node.meta.id.0, &node.node.meta.name));
    let mut found = Vec::new();
    if let Some(stage) = ups.shutdown {
        found.push(find(AlertKind::UpsShutdown, Severity::Error).part(stage.as_str()).with("stage", stage.as_str()));
    }
    if !ups.is_heard() {
        let problem = ups.problem.map_or("", |problem| problem.as_str());
        found.push(find(AlertKind::UpsAway, Severity::Warning).with("problem", problem));
    }
    // A cut that nobody hears the end of has not ended.
    let on_battery = ups.is(UpsFlag::OnBattery) && !ups.is(UpsFlag::Calibrating);
    if on_battery {
        let said = |value: Option<u32>| value.map_or_else(|| "?".into(), |value| value.to_string());
        let found_here = find(AlertKind::UpsOnBattery, Severity::Warning);
        let minutes = said(ups.runtime.map(|seconds| seconds / 60));
        found.push(found_here.with("minutes", minutes).with("charge", said(ups.charge)));
    }
    if ups.is(UpsFlag::Forced) || (on_battery && ups.is(UpsFlag::LowBattery)) {
        found.push(find(AlertKind::UpsLowBattery, Severity::Error));
    }
    if ups.is(UpsFlag::ReplaceBattery) {
        found.push(find(AlertKind::UpsReplaceBattery, Severity::Warning));
    }
    found
}

fn of_pool(pool: &Pool, status: &PoolStatus, before: &Alerts) -> Option<Finding> {
    let subject = subject("pool", pool.meta.id.0, &pool.meta.name);
    if !status.available {
        return Some(Finding::new(AlertKind::PoolMissing, Severity::Error, subject));
    }
    let used = ByteSize(status.size.bytes().saturating_sub(status.free.bytes()));
    let percent = percent(used, status.size);
    let was = before.get(&AlertId::of(AlertKind::PoolSpace, &subject, None)).map(|alert| alert.severity);
    let above = |limit: u64, held: bool| percent >= if held { limit - POOL_BELOW } else { limit };
    let severity = if above(POOL_CRITICAL, was == Some(Severity::Error)) {
        Severity::Error
    } else if above(POOL_WARNING, was.is_some()) {
        Severity::Warning
    } else {
        return None;
    };
    let found = Finding::new(AlertKind::PoolSpace, severity, subject);
    Some(found.with("percent", percent).with("free", status.free).with("size", status.size))
}

/// A whole number of per cent; nothing is none of it.
fn percent(part: ByteSize, all: ByteSize) -> u64 {
    let part = u128::from(part.bytes()) * 100;
    part.checked_div(all.bytes().into()).map_or(0, |percent| percent.min(100) as u64)
}

fn of_vm(seen: &VmSeen<'_>, facts: &Facts<'_>, before: &Alerts) -> Option<Finding> {
    let subject = subject("vm", seen.vm.meta.id.0, &seen.vm.meta.name);
    if seen.binned || seen.state == VmState::Deleting {
        return None;
    }
    if seen.orphaned {
        return Some(Finding::new(AlertKind::VmOrphaned, Severity::Warning, subject));
    }
    if seen.state == VmState::Lost {
        return Some(Finding::new(AlertKind::VmLost, Severity::Error, subject));
    }
    let status = seen.status?;
    match &status.failure {
        Some(Failure { code: FailureCode::NoSpace, .. }) if status.state == VmState::Paused => {
            Some(Finding::new(AlertKind::VmNoSpace, Severity::Error, subject))
        }
        Some(Failure { code, .. }) => Some(failed(*code, status, subject)),
        None if crashed(seen, status) => Some(Finding::new(AlertKind::VmCrashed, Severity::Error, subject)),
        None => status.state.is_alive().then(|| relapsing(seen, status, subject, facts, before)).flatten(),
    }
}

/// Whether a VM is something that somebody must act on, looked at alone.
pub fn needs_somebody(seen: &VmSeen<'_>, now: Timestamp) -> bool {
    let nothing = Facts {
        now,
        nodes: Vec::new(),
        pools: Vec::new(),
        vms: Vec::new(),
        servers: Vec::new(),
        devices: Vec::new(),
        certificate: None,
        channels: Vec::new(),
        budget: None,
    };
    of_vm(seen, &nothing, &Alerts::new()).is_some()
}

fn failed(code: FailureCode, status: &VmStatus, subject: Subject) -> Finding {
    let severity = if status.state == VmState::Running { Severity::Warning } else { Severity::Error };
    Finding::new(AlertKind::VmFailed, severity, subject).part(code.as_str()).with("code", code.as_str())
}

/// It runs, and what was wrong will most likely be so again in a moment: that is no end.
fn relapsing(
    seen: &VmSeen<'_>,
    status: &VmStatus,
    subject: Subject,
    facts: &Facts<'_>,
    before: &Alerts,
) -> Option<Finding> {
    let no_space = Finding::new(AlertKind::VmNoSpace, Severity::Error, subject.clone());
    let full = |pool: &PoolItem<'_>| pool.status.is_some_and(|status| status.available && status.free < POOL_FULL);
    let its = |pool: &PoolItem<'_>| seen.vm.spec.disks.iter().any(|disk| disk.pool == pool.pool.meta.id);
    if before.contains_key(&no_space.id()) && facts.pools.iter().any(|pool| its(pool) && full(pool)) {
        return Some(no_space);
    }
    let crashing = failed(FailureCode::CrashLoop, status, subject);
    let steady = |at: Timestamp| facts.now.duration_since(at).unsigned_abs() >= STEADY;
    let was = before.get(&crashing.id())?;
    (!status.started_at.is_some_and(steady)).then_some(Finding { severity: was.severity, ..crashing })
}

/// It was asked to run, ended without having been asked and without its guest's doing, and nobody starts it again.
fn crashed(seen: &VmSeen<'_>, status: &VmStatus) -> bool {
    let wanted = seen.vm.spec.power == Power::Running;
    let ended = status.halted_by.is_some_and(|halted| {
        halted.reason != ExitReason::Guest && !halted.by_host && halted.generation >= seen.vm.meta.generation
    });
    wanted && ended && !status.state.is_alive()
}

/// What an alert did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It is new, or worse than it was.
    Began(Alert),
    Ended(Alert),
}

/// What follows from findings.
#[derive(Debug, Default)]
pub struct Next {
    pub open: Alerts,
    /// What is so but not for long enough, since when.
    pub waiting: BTreeMap<AlertId, Timestamp>,
    pub turns: Vec<Turn>,
    /// When what waits becomes an alert.
    pub look_at: Option<Timestamp>,
}

/// Which alerts are open now. `before` are those that were, `waiting` what was so and not for long enough.
pub fn next(now: Timestamp, found: Vec<Finding>, before: &Alerts, waiting: &BTreeMap<AlertId, Timestamp>) -> Next {
    let mut next = Next::default();
    for finding in found {
        let id = finding.id();
        let was = before.get(&id);
        let since = was.map(|was| was.since).or(waiting.get(&id).copied()).unwrap_or(now);
        let due = since.saturating_add(patience(finding.kind)).unwrap_or(Timestamp::MAX);
        if was.is_none() && due > now {
            next.look_at = Some(next.look_at.map_or(due, |at| at.min(due)));
            next.waiting.insert(id, since);
            continue;
        }
        let Finding { kind, part: _, severity, subject, params } = finding;
        let worse = was.is_none_or(|was| severity > was.severity);
        // Who knew of a nearly full pool does not know of a full one.
        let acknowledged = was.and_then(|was| was.acknowledged.clone()).filter(|_| !worse);
        let silenced = was.and_then(|was| was.silenced.clone());
        let alert = Alert { id: id.clone(), kind, severity, subject, params, since, acknowledged, silenced };
        if worse {
            next.turns.push(Turn::Began(alert.clone()));
        }
        next.open.insert(id, alert);
    }
    let ended = before.values().filter(|was| !next.open.contains_key(&was.id)).cloned();
    next.turns.extend(ended.map(Turn::Ended));
    next
}

#[cfg(test)]
#[path = "alert_tests.rs"]
mod tests;
