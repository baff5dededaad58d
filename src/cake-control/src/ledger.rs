//! What every service writes to: the Store, the Journal, and the board that shows both.

use cake_node_api::{ClientError, NodeError};
use cake_planner::event::Happened;
use cake_store::{Clock, Expect, Journal, Key, Record, RecordKind, Revision, Store, Txn};
use cake_types::{
    AuditResult, Event, EventKind, Failure, FailureCode, OperationId, Problem, ProjectName, Severity, Subject, Task,
    TaskGoal, TaskId, TaskKind, Vm,
};
use jiff::Timestamp;
use std::sync::Arc;
use uuid::Uuid;

use crate::audit::{Audit, actor_key};
use crate::board::{Board, What};
use crate::caller::{Caller, Keep};
use crate::poke::Poke;
use crate::{clock, error, keys, random, record};

pub struct Ledger {
    pub store: Arc<dyn Store>,
    pub journal: Arc<Journal>,
    pub board: Arc<Board>,
    pub clock: Arc<dyn Clock>,
    /// Entries of the outbox whose records the Journal has.
    pub journaled: Poke<Key>,
}

/// A VM as the subject of a task, an event or an audit record.
pub fn subject_of(vm: &Vm) -> Subject {
    Subject { kind: "vm".into(), id: vm.meta.id.0, name: vm.meta.name.to_string() }
}

impl Ledger {
    pub fn now(&self) -> Timestamp {
        clock::now(&*self.clock)
    }

    /// Long work that begins now.
    pub fn new_task(
        &self,
        project: &ProjectName,
        subject: Subject,
        caller: &Caller,
        kind: TaskKind,
        goal: TaskGoal,
    ) -> Task {
        Task {
            id: TaskId::from_parts(self.clock.unix_ms().unsigned_abs(), &random::bytes()),
            project: project.clone(),
            kind,
            subject,
            goal,
            created_at: self.now(),
            created_by: caller.actor.clone(),
            cancel_requested: false,
            progress: None,
            end: None,
        }
    }

    /// The record of a change that is about to be made.
    pub fn audit(&self, caller: &Caller, subject: Option<Subject>) -> Audit {
        Audit::new(caller, subject, AuditResult::Done, self.now())
    }

    /// Writes down a change that was made; durable when it returns.
    pub async fn audited(&self, audit: Audit) -> Result<(), Problem> {
        let (record, entry) = audit.into_parts();
        self.journal.append(record).await.map_err(error::journal)?;
        if let Some(entry) = entry {
            self.journaled.poke(entry);
        }
        self.board.changes.tell(What::Audit);
        Ok(())
    }

    /// Commits a change with its audit record; durable when it returns.
    pub async fn commit(&self, txn: Txn, mut audit: Audit) -> Result<(), Problem> {
        self.store.txn(audit.write(txn)).await.map_err(error::store)?.committed().map_err(error::store)?;
        self.audited(audit).await
    }

    /// Forgets what is over, if nobody changed it since it was read. Nobody asked for that: it is not audited.
    pub async fn forget(&self, key: Key, revision: Revision) -> Result<(), Problem> {
        let txn = Txn::new().guard(key.clone(), Expect::Revision(revision)).delete(key);
        self.store.txn(txn).await.map_err(error::store)?.committed().map_err(error::store)?;
        Ok(())
    }

    /// Writes down a change that was refused. It need not be durable at once, so that refusing stays cheap.
    pub async fn audit_refused(&self, caller: &Caller, subject: Option<Subject>, problem: &Problem) {
        let code = problem.code.as_str().to_owned();
        let (record, _) = Audit::new(caller, subject, AuditResult::Refused { code }, self.now()).into_parts();
        if let Err(error) = self.journal.append_soon(record).await {
            tracing::error!(%error, "a refusal could not be written to the audit journal");
        }
        self.board.changes.tell(What::Audit);
    }

    /// Writes down something that happened. Losing the last quarter of a second of events in a power cut is accepted.
    pub async fn event(&self, happened: Happened, subject: Option<Subject>) {
        let event = event_of(happened, subject, self.now());
        if let Err(error) = self.journal.append_soon(event_record(&event)).await {
            tracing::error!(%error, kind = event.kind.as_str(), "an event could not be written");
        }
        self.board.changes.tell(What::Event(Arc::new(event)));
    }

    pub async fn event_info(&self, kind: EventKind, subject: Option<Subject>) {
        self.event(Happened::new(kind, Severity::Info), subject).await;
    }

    /// Writes down a task as it was asked for, or as it is to go on, and shows it; durable when it returns.
    pub async fn task_asked(
        &self,
        caller: &Caller,
        subject: Subject,
        task: Task,
        keep: &Keep<Task>,
    ) -> Result<(), Problem> {
        let txn = Txn::new().put(keys::task(task.id), record::encode(&task));
        self.commit(keep.write(txn, &task, self.now()), self.audit(caller, Some(subject))).await?;
        self.board.put_task(Arc::new(task));
        Ok(())
    }

    /// What the node said to an order. A refusal is the order's outcome.
    pub fn handed(&self, of: Uuid, operation: OperationId, answer: Result<(), ClientError>) {
        match answer {
            Ok(()) => {}
            Err(ClientError::Refused(refusal)) => {
                let code = match refusal {
                    NodeError::Bmc { .. } => FailureCode::BmcFailed,
                    _ => FailureCode::Internal,
                };
                let failure = Failure { code, detail: refusal.to_string() };
                self.board.operation_failed(of, operation, failure);
            }
            Err(broken) => tracing::debug!(%of, error = %error::chain(&broken), "the node went away"),
        }
    }

    /// Writes down a task that has ended.
    pub async fn task_ended(&self, task: &Task) -> Result<(), Problem> {
        self.journal.append(task_record(task)).await.map_err(error::journal)?;
        Ok(())
    }
}

pub(crate) fn event_of(happened: Happened, subject: Option<Subject>, at: Timestamp) -> Event {
    let Happened { kind, severity, params } = happened;
    let params = params.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Event { at, project: ProjectName::default(), severity, kind, subject, params }
}

/// As the Journal keeps it.
pub(crate) fn event_record(event: &Event) -> Record {
    Record {
        kind: RecordKind::Event,
        at: event.at,
        project: event.project.to_string(),
        subject: event.subject.as_ref().map(|s| s.id.to_string()).unwrap_or_default(),
        actor: String::new(),
        data: serde_json::to_value(event).expect("an event is JSON"),
    }
}

/// As the Journal keeps it once it has ended.
pub(crate) fn task_record(task: &Task) -> Record {
    Record {
        kind: RecordKind::Task,
        at: task.end.as_ref().map_or(task.created_at, |end| end.at),
        project: task.project.to_string(),
        subject: task.subject.id.to_string(),
        actor: actor_key(&task.created_by),
        data: serde_json::to_value(task).expect("a task is JSON"),
    }
}
