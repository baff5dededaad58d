//! Updates of the firmware: where they come from, and orders that the server carries out.
//!
//! ```text
//!   set    ──► Store (with the audit record)
//!   order  ──► Store: task (with the audit record) ──► node, which fetches, verifies and writes ──► board ──► the task ends
//!   cancel ──► node: nothing more is fetched ──► the task ends
//! ```
//!
//! What a repository has, and what lies on the disks, is the node's to say.

use cake_planner::update;
use cake_store::{Expect, Txn, TxnOutcome};
use cake_types::{
    Code, Generation, NodeId, OperationId, Problem, ProjectName, SlotStanding, Subject, Task, TaskGoal, TaskKind,
    UpdateOrder, UpdateSettings, UpdateSource, UpdateStatus,
};
use reqwest::Url;
use std::sync::{Arc, PoisonError, RwLock};

use crate::board::{NodeEntry, What};
use crate::caller::{Caller, Keep};
use crate::hosts::ours;
use crate::ledger::Ledger;
use crate::nodes::{Nodes, subject};
use crate::record::{self, RecordError, Stored};
use crate::{error, keys, reach};

/// Where updates are to come from.
pub struct NewSource {
    pub url: Option<String>,
    /// The id of a file system on a stick.
    pub stick: Option<String>,
}

/// What somebody wants.
pub enum Wish {
    Check,
    /// A version that was offered.
    Apply(String),
    GoBack,
    Remove(String),
}

pub struct Updates {
    ledger: Arc<Ledger>,
    nodes: Arc<Nodes>,
    current: RwLock<Option<Stored<UpdateSettings>>>,
    /// Orders begin one after the other.
    ordering: tokio::sync::Mutex<()>,
}

impl Updates {
    pub async fn load(ledger: Arc<Ledger>, nodes: Arc<Nodes>) -> Result<Self, RecordError> {
        let current = RwLock::new(record::get(&*ledger.store, &keys::update()).await?);
        Ok(Self { ledger, nodes, current, ordering: tokio::sync::Mutex::default() })
    }

    fn read(&self) -> Option<Stored<UpdateSettings>> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// No source, of the first generation, where nobody ever chose one.
    pub fn get(&self) -> UpdateSettings {
        let nothing = || UpdateSettings { generation: Generation::FIRST, source: None };
        self.read().map_or_else(nothing, |stored| stored.value)
    }

    /// Updates come from there from now on; from nowhere, where nothing is said.
    pub async fn set(
        &self,
        caller: &Caller,
        new: NewSource,
        check: impl Fn(Generation) -> Result<(), Problem> + Send,
    ) -> Result<UpdateSettings, Problem> {
        let (before, generation) = (self.read(), self.get().generation);
        check(generation)?;
        let value = UpdateSettings { generation: generation.next(), source: self.source(new)? };
        let expect = before.map_or(Expect::Absent, |stored| Expect::Revision(stored.revision));
        let key = keys::update();
        let txn = Txn::new().guard(key.clone(), expect).put(key, record::encode(&value));
        let mut audit = self.ledger.audit(caller, Some(settings_subject(&value)));
        match self.ledger.store.txn(audit.write(txn)).await.map_err(error::store)? {
            TxnOutcome::Committed { revision } => {
                let stored = Stored { value: value.clone(), revision };
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = Some(stored);
            }
            TxnOutcome::Refused { .. } => return Err(Problem::new(Code::Stale)),
        }
        self.ledger.board.changes.tell(What::Settings);
        self.ledger.audited(audit).await?;
        Ok(value)
    }

    fn source(&self, NewSource { url, stick }: NewSource) -> Result<Option<UpdateSource>, Problem> {
        match (url.filter(|url| !url.trim().is_empty()), stick.filter(|stick| !stick.is_empty())) {
            (Some(_), Some(_)) => Err(Problem::invalid("stick", "update-one-source").at("/stick")),
            (Some(url), None) => {
                let url = update::url(&url)?;
                let parsed = Url::parse(&url).map_err(|error| Problem::invalid("url", error).at("/url"))?;
                if !reach::may_be(&parsed) {
                    let host = parsed.host_str().unwrap_or_default();
                    return Err(Problem::new(Code::UrlForbidden).with("host", host).at("/url"));
                }
                Ok(Some(UpdateSource::Url { url }))
            }
            (None, Some(id)) => {
                let nodes = self.ledger.board.nodes();
                let mut sticks = nodes.iter().flat_map(|node| node.sticks.iter().flat_map(|all| all.iter()));
                let stick = sticks.find(|stick| stick.id == id && stick.trouble.is_none());
                let stick = stick.ok_or_else(|| Problem::invalid("stick", "update-stick").at("/stick"))?;
                Ok(Some(UpdateSource::Stick { stick: id, called: stick.called().to_owned() }))
            }
            (None, None) => Ok(None),
        }
    }

    /// Tells the server to do it. One order at a time.
    pub async fn order(&self, caller: &Caller, wish: Wish, keep: &Keep<Task>) -> Result<Arc<Task>, Problem> {
        let node = self.nodes.require()?;
        let entry = self.ledger.board.node(node.node).ok_or_else(|| Problem::new(Code::NodeUnreachable))?;
        let (kind, order) = self.decide(status(&entry)?, wish)?;
        let _one = self.ordering.lock().await;
        let updates = |task: &Arc<Task>| matches!(task.goal, TaskGoal::Updated { .. });
        if self.ledger.board.tasks_of(entry.node.meta.id.0).iter().any(updates) {
            return Err(Problem::new(Code::UpdateRunning).with("name", &entry.node.meta.name));
        }
        let goal = TaskGoal::Updated { operation: OperationId::now(), order };
        let task = self.ledger.new_task(&ProjectName::default(), subject(&entry.node), caller, kind, goal);
        self.ledger.task_asked(caller, subject(&entry.node), task.clone(), keep).await?;
        self.hand_over(&task).await;
        Ok(Arc::new(task))
    }

    /// What can't come to anything is refused at once.
    fn decide(&self, status: &UpdateStatus, wish: Wish) -> Result<(TaskKind, UpdateOrder), Problem> {
        if status.disks == 0 {
            return Err(Problem::new(Code::UpdateNoDisk));
        }
        let source = || self.get().source.ok_or_else(|| Problem::new(Code::UpdateNoSource));
        Ok(match wish {
            Wish::Check => (TaskKind::UpdateCheck, UpdateOrder::Check { source: source()? }),
            Wish::Apply(version) => {
                update::may_apply(status, &version)?;
                (TaskKind::UpdateApply, UpdateOrder::Apply { source: source()?, version })
            }
            Wish::GoBack => {
                let back = |slot: &cake_types::UpdateSlot| slot.standing == SlotStanding::Previous;
                if !status.slots.iter().any(back) {
                    return Err(Problem::new(Code::UpdateNoWayBack));
                }
                (TaskKind::UpdateGoBack, UpdateOrder::GoBack)
            }
            Wish::Remove(version) => {
                update::may_remove(status, &version)?;
                (TaskKind::UpdateRemove, UpdateOrder::Remove { version })
            }
        })
    }

    /// Hands an order to its server, or that nobody waits for it any more. A refusal is its outcome. A server that is told again goes on
    /// with what lies on its disks, so this may be done as often as one likes.
    pub(crate) async fn hand_over(&self, task: &Task) {
        let TaskGoal::Updated { operation, order } = &task.goal else { return };
        let Some(node) = self.nodes.connected().filter(|node| node.node.0 == task.subject.id) else { return };
        let handed = match task.cancel_requested {
            true => node.client.stop_update(*operation).await,
            false => node.client.update(node.epoch, *operation, order.clone()).await,
        };
        self.ledger.handed(task.subject.id, *operation, handed);
    }

    /// Fetches nothing more. `task` is as it is to be.
    pub(crate) async fn stop(&self, caller: &Caller, task: &Task, keep: &Keep<Task>) -> Result<(), Problem> {
        let entry = self.ledger.board.node(NodeId(task.subject.id));
        let entry = entry.ok_or_else(|| Problem::not_found("node", &task.subject.name))?;
        self.ledger.task_asked(caller, subject(&entry.node), task.clone(), keep).await?;
        self.hand_over(task).await;
        self.ledger.board.tasks_poke.poke(task.subject.id);
        Ok(())
    }
}

/// What the server says of its firmware. Refused where that is not cake's.
fn status(entry: &NodeEntry) -> Result<&UpdateStatus, Problem> {
    ours(entry)?.update.as_deref().ok_or_else(|| Problem::new(Code::NotAppliance))
}

fn settings_subject(settings: &UpdateSettings) -> Subject {
    let name = match &settings.source {
        Some(UpdateSource::Url { url }) => url.clone(),
        Some(UpdateSource::Stick { called, .. }) => called.clone(),
        None => String::new(),
    };
    Subject { kind: "update".into(), id: uuid::Uuid::nil(), name }
}
