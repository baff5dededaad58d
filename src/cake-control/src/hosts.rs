//! The servers themselves: what they are called, their clock, and powering them off.
//!
//! ```text
//!   set     ──► Store (with the audit record) ──► reconcile::hosts ──► node ──► board (what it took)
//!   leave   ──► Store: task (with the audit record) ──► node: guests first, then itself ──► the task ends when it is back
//!   cancel  ──► node: stays, guests start again ──► task
//! ```

use cake_node_api::{ClientError, HostVerb, NodeError};
use cake_planner::update;
use cake_store::{Expect, Txn, TxnOutcome};
use cake_types::{
    Code, Generation, HOST_NAME_MAX, HandsOff, Host, HostName, HostSpec, HostStatus, LEAVING_SECONDS, LeavingWay, Node,
    NodeId, OperationId, Problem, ProjectName, Task, TaskGoal, TaskKind, UpdateStatus,
};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::watch;

use crate::board::{NodeEntry, What};
use crate::caller::{Caller, Keep};
use crate::ledger::Ledger;
use crate::nodes::{Nodes, node_name, subject};
use crate::record::{self, RecordError, Stored};
use crate::{error, keys};

/// Seconds that guests can be given.
pub const SECONDS: std::ops::RangeInclusive<u32> = 0..=3600;
/// A clock before this was never right: cake is younger.
const CLOCK_MIN: Timestamp = Timestamp::constant(1_577_836_800, 0);
/// 2100. Certificates and files know no later years.
const CLOCK_MAX: Timestamp = Timestamp::constant(4_102_444_800, 0);

/// What somebody asks for; what is not said stays.
pub struct HostChange {
    pub host_name: Option<String>,
    pub time_zone: Option<String>,
    pub ntp: Option<bool>,
}

pub struct Hosts {
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) nodes: Arc<Nodes>,
    current: RwLock<BTreeMap<NodeId, Stored<Host>>>,
    changed: watch::Sender<()>,
}

impl Hosts {
    pub async fn load(ledger: Arc<Ledger>, nodes: Arc<Nodes>) -> Result<Self, RecordError> {
        let all = record::all::<Host>(&*ledger.store, &keys::hosts()).await?;
        let current = all.into_iter().map(|stored| (stored.value.node, stored)).collect();
        Ok(Self { ledger, nodes, current: RwLock::new(current), changed: watch::Sender::new(()) })
    }

    fn read(&self, node: NodeId) -> Option<Stored<Host>> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).get(&node).cloned()
    }

    /// As it is asked for; nothing, of the first generation, where nobody ever asked.
    pub fn get(&self, node: NodeId) -> Host {
        let nothing = || Host { node, generation: Generation::FIRST, spec: HostSpec::default() };
        self.read(node).map_or_else(nothing, |stored| stored.value)
    }

    /// Whether the node has to be told anything at all.
    pub fn was_set(&self, node: NodeId) -> bool {
        self.read(node).is_some()
    }

    /// Returns at each change.
    pub fn follow(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// Changes what a server is called, where it is, and whether its clock follows others. A server of another name has that name
    /// in the console too.
    pub async fn set(
        &self,
        caller: &Caller,
        entry: &NodeEntry,
        change: HostChange,
        check: impl Fn(Generation) -> Result<(), Problem> + Send,
    ) -> Result<Host, Problem> {
        let node = entry.node.meta.id;
        let (before, Host { generation, mut spec, .. }) = (self.read(node), self.get(node));
        check(generation)?;
        ours(entry)?;
        let HostChange { host_name, time_zone, ntp } = change;
        if let Some(name) = host_name {
            spec.host_name = Some(checked_name(&name)?);
        }
        if let Some(zone) = time_zone {
            spec.time_zone = Some(checked_zone(&zone)?);
        }
        spec.ntp = ntp.or(spec.ntp);
        let renamed = self.renamed(entry, &spec);
        let host = Host { node, generation: generation.next(), spec };
        let expect = before.map_or(Expect::Absent, |stored| Expect::Revision(stored.revision));
        let key = keys::host(node);
        let mut txn = Txn::new().guard(key.clone(), expect).put(key, record::encode(&host));
        if let Some(node) = &renamed {
            txn = txn.put(keys::node(node.meta.id), record::encode(node));
        }
        let mut audit = self.ledger.audit(caller, Some(subject(&entry.node)));
        match self.ledger.store.txn(audit.write(txn)).await.map_err(error::store)? {
            TxnOutcome::Committed { revision } => {
                let stored = Stored { value: host.clone(), revision };
                self.current.write().unwrap_or_else(PoisonError::into_inner).insert(node, stored);
            }
            TxnOutcome::Refused { .. } => return Err(Problem::new(Code::Stale)),
        }
        if let Some(node) = renamed {
            self.ledger.board.put_node(node);
        }
        self.ledger.board.changes.tell(What::Settings);
        self.changed.send_replace(());
        self.ledger.audited(audit).await?;
        Ok(host)
    }

    fn renamed(&self, entry: &NodeEntry, spec: &HostSpec) -> Option<Node> {
        let name = node_name(spec.host_name.as_ref()?.as_str());
        let mut node = entry.node.clone();
        if node.meta.name == name {
            return None;
        }
        (node.meta.name, node.meta.generation) = (name, node.meta.generation.next());
        node.meta.updated_at = self.ledger.now();
        Some(node)
    }

    /// Sets the clock of a server that follows no other.
    pub async fn set_clock(
        &self,
        caller: &Caller,
        entry: &NodeEntry,
        at: Timestamp,
        keep: &Keep<Timestamp>,
    ) -> Result<(), Problem> {
        let status = ours(entry)?;
        if !(CLOCK_MIN..=CLOCK_MAX).contains(&at) {
            return Err(Problem::invalid("time", "clock").at("/time"));
        }
        if status.ntp == Some(true) {
            return Err(Problem::new(Code::ClockFollows).with("name", &entry.node.meta.name));
        }
        let node = self.nodes.require_this(entry.node.meta.id)?;
        let verb = HostVerb::SetClock { at };
        node.client.operate_host(node.epoch, OperationId::now(), verb).await.map_err(|e| refusal(entry, e))?;
        let audit = self.ledger.audit(caller, Some(subject(&entry.node)));
        self.ledger.commit(keep.write(Txn::new(), &at, self.ledger.now()), audit).await
    }

    /// Powers a server off or starts it anew, its guests first; or starts its programs anew and leaves its guests alone.
    pub async fn leave(
        &self,
        caller: &Caller,
        entry: &NodeEntry,
        way: LeavingWay,
        seconds: Option<u32>,
        keep: &Keep<Task>,
    ) -> Result<Arc<Task>, Problem> {
        let status = ours(entry)?;
        self.nodes.require_this(entry.node.meta.id)?;
        let seconds = seconds.unwrap_or(LEAVING_SECONDS);
        if !SECONDS.contains(&seconds) {
            let problem = Problem::new(Code::OutOfRange).with("field", "seconds").with("min", SECONDS.start());
            return Err(problem.with("max", SECONDS.end()).at("/seconds"));
        }
        let leaves = |task: &Arc<Task>| matches!(task.goal, TaskGoal::Left { .. });
        if status.leaving.is_some() || self.ledger.board.tasks_of(entry.node.meta.id.0).iter().any(leaves) {
            return Err(Problem::new(Code::ServerLeaving).with("name", &entry.node.meta.name));
        }
        let kind = match way {
            LeavingWay::PowerOff => TaskKind::NodePowerOff,
            LeavingWay::Reboot => TaskKind::NodeReboot,
            LeavingWay::SoftReboot => {
                update::may_soft_reboot(status.update.as_deref().unwrap_or(&UpdateStatus::default()))?;
                TaskKind::NodeSoftReboot
            }
        };
        let goal = TaskGoal::Left { operation: OperationId::now(), seconds };
        let task = self.ledger.new_task(&ProjectName::default(), subject(&entry.node), caller, kind, goal);
        self.ledger.task_asked(caller, subject(&entry.node), task.clone(), keep).await?;
        self.hand_over(&task).await;
        Ok(Arc::new(task))
    }

    /// Hands an order to its server, which carries it out once. A refusal is its outcome.
    pub(crate) async fn hand_over(&self, task: &Task) {
        let TaskGoal::Left { operation, seconds } = task.goal else { return };
        let way = match task.kind {
            TaskKind::NodePowerOff => LeavingWay::PowerOff,
            TaskKind::NodeSoftReboot => LeavingWay::SoftReboot,
            _ => LeavingWay::Reboot,
        };
        let Some(node) = self.nodes.connected().filter(|node| node.node.0 == task.subject.id) else { return };
        let handed = node.client.operate_host(node.epoch, operation, HostVerb::Leave { way, seconds }).await;
        self.ledger.handed(task.subject.id, operation, handed);
    }

    /// Calls an order off. Refused once the server itself goes. `task` is as it is to be.
    pub(crate) async fn stay(&self, caller: &Caller, task: &Task, keep: &Keep<Task>) -> Result<(), Problem> {
        let TaskGoal::Left { operation, .. } = task.goal else { return Ok(()) };
        let entry = self.ledger.board.node(NodeId(task.subject.id));
        let entry = entry.ok_or_else(|| Problem::not_found("node", &task.subject.name))?;
        let node = self.nodes.require_this(entry.node.meta.id)?;
        match node.client.operate_host(node.epoch, operation, HostVerb::Stay).await {
            // It never heard of it.
            Ok(()) | Err(ClientError::Refused(NodeError::Unknown)) => {}
            Err(ClientError::Refused(NodeError::Invalid { .. })) => {
                return Err(Problem::new(Code::IllegalNow).with("action", "cancel").with("state", "running"));
            }
            Err(broken) => return Err(refusal(&entry, broken)),
        }
        self.ledger.task_asked(caller, subject(&entry.node), task.clone(), keep).await?;
        self.ledger.board.tasks_poke.poke(task.subject.id);
        Ok(())
    }
}

pub(crate) fn refusal(entry: &NodeEntry, error: ClientError) -> Problem {
    match error {
        ClientError::Refused(refusal) => {
            Problem::new(Code::ServerRefused).with("name", &entry.node.meta.name).with("detail", refusal)
        }
        broken => {
            tracing::debug!(error = %error::chain(&broken), "the node went away");
            Problem::new(Code::NodeUnreachable)
        }
    }
}

/// Refuses where a machine's own settings are left alone.
pub(crate) fn ours(entry: &NodeEntry) -> Result<&HostStatus, Problem> {
    let unknown = || Problem::new(Code::NodeUnreachable);
    let host = entry.status.as_ref().and_then(|status| status.host.as_ref()).ok_or_else(unknown)?;
    match host.hands_off {
        None => Ok(host),
        Some(HandsOff::NotAppliance) => Err(Problem::new(Code::NotAppliance)),
        Some(HandsOff::NoSystemd) => Err(Problem::new(Code::NoSystemd)),
    }
}

/// A name that tells this server from others.
fn checked_name(text: &str) -> Result<HostName, Problem> {
    let wrong = || Problem::invalid("host_name", "host-name").at("/host_name");
    let name: HostName = text.trim().to_ascii_lowercase().parse().map_err(|_| wrong())?;
    let first = name.as_str().split('.').next().unwrap_or_default();
    let is_address = name.as_str().split('.').next_back().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()));
    if name.as_str().len() > HOST_NAME_MAX || first == "localhost" || is_address {
        return Err(wrong());
    }
    Ok(name)
}

fn checked_zone(text: &str) -> Result<String, Problem> {
    let wrong = || Problem::invalid("time_zone", "time-zone").at("/time_zone");
    let zone = jiff::tz::TimeZone::get(text.trim()).map_err(|_| wrong())?;
    zone.iana_name().map(str::to_owned).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_tell_servers_apart() {
        for good in ["cake", "rack-1", "srv.example.com", "A1", "7up"] {
            assert_eq!(checked_name(good).unwrap().as_str(), good.to_ascii_lowercase());
        }
        let long = "a".repeat(65);
        for bad in
            ["", "localhost", "localhost.localdomain", "a b", "-a", "a_b", "機櫃", "192.0.2.7", "42", "a..b", &long]
        {
            assert!(checked_name(bad).is_err(), "{bad}");
        }
        assert_eq!(checked_zone("Asia/Taipei").unwrap(), "Asia/Taipei");
        for bad in ["", "Nowhere/Nothing", "../../etc/shadow", "/etc/localtime"] {
            assert!(checked_zone(bad).is_err(), "{bad}");
        }
    }
}
