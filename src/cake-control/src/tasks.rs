//! Long work, seen from outside: what runs, what ended, and cancelling.

use cake_planner::task;
use cake_store::{Filter, Order, Query, RecordCursor, RecordKind};
use cake_types::{Code, Problem, Task, TaskGoal, TaskId};
use jiff::Timestamp;
use std::num::NonZeroUsize;
use std::sync::Arc;
use uuid::Uuid;

use crate::caller::{Caller, Keep};
use crate::error;
use crate::exports::Exports;
use crate::hosts::Hosts;
use crate::imports::Imports;
use crate::ledger::Ledger;
use crate::servers::Servers;
use crate::updates::Updates;
use crate::vms::Vms;

/// Records looked at for one finished task before it is given up.
const LOOK_AT_MOST: usize = 4000;

pub struct Tasks {
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) vms: Arc<Vms>,
    pub(crate) imports: Arc<Imports>,
    pub(crate) exports: Arc<Exports>,
    pub(crate) hosts: Arc<Hosts>,
    pub(crate) servers: Arc<Servers>,
    pub(crate) updates: Arc<Updates>,
}

/// A part of the finished tasks.
pub struct Finished {
    pub tasks: Vec<Arc<Task>>,
    pub next: Option<RecordCursor>,
}

impl Tasks {
    /// At work, newest first.
    pub fn active(&self) -> Vec<Arc<Task>> {
        let mut tasks = self.ledger.board.tasks();
        tasks.reverse();
        tasks
    }

    /// Ended, newest first.
    pub async fn finished(
        &self,
        subject: Option<Uuid>,
        limit: usize,
        after: Option<RecordCursor>,
    ) -> Result<Finished, Problem> {
        let filter = Filter { subject: subject.map(|id| id.to_string()), ..Filter::kind(RecordKind::Task) };
        let query = Query { filter, limit: NonZeroUsize::new(limit), after, ..Query::default() };
        let page = self.ledger.journal.page(query).await.map_err(error::journal)?;
        let mut tasks: Vec<Arc<Task>> = Vec::with_capacity(page.records.len());
        for record in page.records {
            let task: Task = serde_json::from_value(record.record.data).map_err(malformed)?;
            // Killed between writing the end and taking the task off the Store, caked writes the end twice.
            if tasks.iter().all(|known| known.id != task.id) {
                tasks.push(Arc::new(task));
            }
        }
        Ok(Finished { tasks, next: page.next })
    }

    /// At work or ended.
    pub async fn get(&self, id: TaskId) -> Result<Arc<Task>, Problem> {
        if let Some(task) = self.ledger.board.task(id) {
            return Ok(task);
        }
        let missing = || Problem::not_found("task", id);
        // An id tells when it was made (UUIDv7): its end was written after that.
        let (seconds, nanoseconds) = id.0.get_timestamp().ok_or_else(missing)?.to_unix();
        let since = Timestamp::new(seconds.min(1 << 40) as i64, nanoseconds as i32).map_err(|_| missing())?;
        let mut after = None;
        for _ in 0..LOOK_AT_MOST / 200 {
            let filter = Filter { since: Some(since), ..Filter::kind(RecordKind::Task) };
            let query = Query { filter, order: Order::OldestFirst, limit: NonZeroUsize::new(200), after };
            let page = self.ledger.journal.page(query).await.map_err(error::journal)?;
            let found = page.records.into_iter().find(|r| r.record.data["id"].as_str() == Some(&id.to_string()));
            if let Some(found) = found {
                return serde_json::from_value(found.record.data).map(Arc::new).map_err(malformed);
            }
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        Err(missing())
    }

    /// Asks a task to end and undoes what it has begun; honest where that can't be.
    pub async fn cancel(&self, caller: &Caller, id: TaskId, keep: &Keep<Task>) -> Result<Arc<Task>, Problem> {
        let task = self.get(id).await?;
        let refuse = |state: &str| Problem::new(Code::IllegalNow).with("action", "cancel").with("state", state);
        if task.end.is_some() {
            return Err(refuse(task.state().as_str()));
        }
        if task.cancel_requested {
            return Ok(task);
        }
        let Some(cancel) = task::cancel(task.kind) else {
            return Err(refuse(task.state().as_str()));
        };
        let task = Task { cancel_requested: true, ..(*task).clone() };
        if task.goal == TaskGoal::Imported {
            let import = self.imports.find(&task.subject.id.to_string())?;
            self.imports.cancel(caller, import, |_| Ok(()), Some((&task, keep))).await?;
        } else if let TaskGoal::Exported { export } = task.goal {
            let export = self.exports.find(&export.to_string())?;
            self.exports.delete(caller, export, |_| Ok(()), Some((&task, keep))).await?;
        } else if let TaskGoal::Left { .. } = task.goal {
            self.hosts.stay(caller, &task, keep).await?;
        } else if let TaskGoal::Scanned { .. } = task.goal {
            self.servers.stop_scan(caller, &task, keep).await?;
        } else if let TaskGoal::Updated { .. } = task.goal {
            self.updates.stop(caller, &task, keep).await?;
        } else {
            self.vms.undo(caller, &task, cancel, keep).await?;
        }
        Ok(Arc::new(task))
    }
}

fn malformed(error: serde_json::Error) -> Problem {
    error::internal("a finished task can't be read", &error)
}
