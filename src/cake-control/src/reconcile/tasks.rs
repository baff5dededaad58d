//! Tasks: each is asked again after every report of its VM, and ends when the node shows its goal.
//!
//! read (board) → [`task::progress`] (pure) → Journal, then off the Store

use cake_node_api::Verb;
use cake_planner::epoch::Held;
use cake_planner::task::{self, ExportSeen, ImportSeen, LeaveSeen, Progress, Seen};
use cake_types::{
    EventKind, ExportId, Failure, FailureCode, ImageId, NodeId, OperationId, Problem, ServerId, Task, TaskEnd,
    TaskGoal, TaskKind, TaskState, VmId,
};
use futures_util::StreamExt;
use jiff::SignedDuration;
use std::sync::Arc;
use uuid::Uuid;

use crate::hosts::Hosts;
use crate::ledger::Ledger;
use crate::nodes::Nodes;
use crate::servers::Servers;
use crate::updates::Updates;
use crate::{error, keys};

/// An operation that was written down and not handed over (caked was killed in between) is handed over when it is not older:
/// nobody wants a reset from an hour ago.
const FRESH: SignedDuration = SignedDuration::from_secs(60);
/// VMs whose tasks are looked at together, so that their ends share a sync.
const AT_ONCE: usize = 16;
/// What is left of a shutdown that is handed over again.
const SHUTDOWN_AGAIN_SECONDS: u32 = 60;

pub struct TaskReconciler {
    pub ledger: Arc<Ledger>,
    pub nodes: Arc<Nodes>,
    pub hosts: Arc<Hosts>,
    pub servers: Arc<Servers>,
    pub updates: Arc<Updates>,
}

impl TaskReconciler {
    pub async fn run(&self) {
        let mut follow = self.nodes.follow();
        loop {
            tokio::select! {
                ids = self.ledger.board.tasks_poke.next() => {
                    futures_util::stream::iter(ids).for_each_concurrent(AT_ONCE, |id| self.look_at(id)).await;
                }
                changed = follow.changed() => match changed {
                    Ok(()) => self.hand_over_again().await,
                    Err(_) => return,
                },
            }
        }
    }

    async fn look_at(&self, subject: Uuid) {
        for task in self.ledger.board.tasks_of(subject) {
            if let Err(problem) = self.reconcile(&task).await {
                tracing::error!(task = %task.id, %problem, "the end of a task could not be written; it is tried again");
                self.ledger.board.tasks_poke.poke(subject);
                // The disk is full or worse: do not spin.
                tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            }
        }
    }

    async fn reconcile(&self, task: &Arc<Task>) -> Result<(), Problem> {
        match self.progress(task) {
            Progress::Running(progress) if progress == task.progress => Ok(()),
            Progress::Running(progress) => {
                // Progress is shown, not stored: after a restart the node tells it again.
                let moved = Task { progress, ..(**task).clone() };
                self.ledger.board.move_task(Arc::new(moved));
                Ok(())
            }
            Progress::End(end) => {
                let (at, code) = (self.ledger.now(), end.code.to_owned());
                let end = TaskEnd { state: end.state, at, code, detail: end.detail, pause_us: end.pause_us };
                self.finish(Task { end: Some(end), ..(**task).clone() }).await
            }
        }
    }

    fn progress(&self, task: &Task) -> Progress {
        let board = &self.ledger.board;
        if task.goal == TaskGoal::Imported {
            return self.import_progress(task);
        }
        if let TaskGoal::Exported { export } = task.goal {
            return self.export_progress(task, export);
        }
        if let TaskGoal::Left { operation, .. } = task.goal {
            return self.leave_progress(task, operation);
        }
        if let TaskGoal::Ordered { operation, .. } = task.goal {
            return self.order_progress(task, operation);
        }
        if let TaskGoal::Scanned { operation, .. } = task.goal {
            return self.scan_progress(task, operation);
        }
        if let TaskGoal::Updated { operation, .. } = task.goal {
            return self.update_progress(task, operation);
        }
        let entry = board.vm(VmId(task.subject.id));
        let outcome = match &task.goal {
            TaskGoal::Operation { operation } => board.outcome(*operation),
            _ => None,
        };
        let Some(entry) = entry else {
            return task::progress(task, &Seen { removed: true, outcome: outcome.as_ref(), ..Seen::default() });
        };
        // A tombstone for what is being deleted is an end only when the Store has forgotten it too.
        let lost = (entry.held == Some(Held::Tombstone) && !entry.vm.spec.deleting) || entry.lost();
        let refused = entry.refused.as_ref().map(|(generation, why)| (*generation, &**why));
        let seen = Seen {
            status: entry.status.as_ref(),
            asked: Some((entry.vm.meta.generation, entry.vm.spec.power)),
            outcome: outcome.as_ref(),
            removed: false,
            lost,
            refused,
        };
        task::progress(task, &seen)
    }

    fn import_progress(&self, task: &Task) -> Progress {
        let (board, id) = (&self.ledger.board, ImageId(task.subject.id));
        let entry = board.import(id);
        let seen = ImportSeen {
            there: entry.is_some(),
            status: entry.as_ref().and_then(|entry| entry.status.as_ref()),
            image: board.image(id).is_some_and(|image| image.status.is_some()),
            refused: entry.as_ref().and_then(|entry| entry.refused.as_deref()),
            failed: entry.as_ref().and_then(|entry| entry.failed.as_ref()),
        };
        task::import_progress(task, &seen)
    }

    fn export_progress(&self, task: &Task, id: ExportId) -> Progress {
        let entry = self.ledger.board.export(id);
        let seen = ExportSeen {
            there: entry.is_some(),
            status: entry.as_ref().and_then(|entry| entry.status.as_ref()),
            refused: entry.as_ref().and_then(|entry| entry.refused.as_deref()),
        };
        task::export_progress(task, &seen)
    }

    fn order_progress(&self, task: &Task, operation: OperationId) -> Progress {
        let outcome = self.ledger.board.outcome(operation);
        // What it was ordered of may be forgotten by now.
        let removed = self.ledger.board.server(ServerId(task.subject.id)).is_none();
        task::progress(task, &Seen { outcome: outcome.as_ref(), removed, ..Seen::default() })
    }

    fn scan_progress(&self, task: &Task, operation: OperationId) -> Progress {
        let entry = self.ledger.board.node(NodeId(task.subject.id));
        let scan = entry.as_ref().and_then(|entry| entry.scan.as_deref());
        task::scan_progress(task, operation, scan, self.ledger.board.outcome(operation).as_ref())
    }

    fn update_progress(&self, task: &Task, operation: OperationId) -> Progress {
        let entry = self.ledger.board.node(NodeId(task.subject.id));
        let host = entry.as_ref().and_then(|entry| entry.status.as_ref()).and_then(|status| status.host.as_ref());
        let update = host.and_then(|host| host.update.as_deref());
        let connected = entry.as_ref().is_some_and(|entry| entry.connected);
        task::update_progress(task, operation, update, connected, self.ledger.board.outcome(operation).as_ref())
    }

    fn leave_progress(&self, task: &Task, operation: OperationId) -> Progress {
        let entry = self.ledger.board.node(NodeId(task.subject.id));
        let outcome = self.ledger.board.outcome(operation);
        let status = entry.as_ref().and_then(|entry| entry.status.as_ref());
        let seen = LeaveSeen {
            connected: entry.as_ref().is_some_and(|entry| entry.connected),
            host: status.and_then(|status| status.host.as_ref()),
            outcome: outcome.as_ref(),
        };
        task::leave_progress(task, operation, &seen)
    }

    async fn finish(&self, task: Task) -> Result<(), Problem> {
        if task.kind == TaskKind::ServerPassword && task.state() == TaskState::Done {
            // Before the task is over: whoever is killed in between comes here again.
            self.servers.password_proven(ServerId(task.subject.id)).await?;
        }
        self.ledger.task_ended(&task).await?;
        let key = keys::task(task.id);
        self.ledger.store.delete_if(&key, cake_store::Expect::Any).await.map_err(error::store)?;
        if task.kind == TaskKind::VmExport && task.state() == TaskState::Done {
            self.ledger.event_info(EventKind::VmExported, Some(task.subject.clone())).await;
        }
        self.ledger.board.end_task(Arc::new(task));
        Ok(())
    }

    /// Operations whose outcome is not known are handed over once more; the node does each only once.
    async fn hand_over_again(&self) {
        if self.nodes.connected().is_none() {
            return;
        }
        for task in self.ledger.board.tasks() {
            if let TaskGoal::Left { operation, .. } = task.goal {
                self.hand_over_order(&task, operation).await;
                continue;
            }
            if let TaskGoal::Ordered { operation, .. } = task.goal {
                self.hand_over_to_server(&task, operation).await;
                continue;
            }
            if let TaskGoal::Scanned { operation, .. } = task.goal {
                self.scan_again(&task, operation).await;
                continue;
            }
            if let TaskGoal::Updated { .. } = task.goal {
                // However long ago: the server goes on with what lies on its disks, or says how it ended.
                self.updates.hand_over(&task).await;
                self.ledger.board.tasks_poke.poke(task.subject.id);
                continue;
            }
            let TaskGoal::Operation { operation } = task.goal else { continue };
            let vm = VmId(task.subject.id);
            let verb = match task.kind {
                TaskKind::VmShutdown => Verb::Shutdown { seconds: SHUTDOWN_AGAIN_SECONDS },
                TaskKind::VmReplaceEngine => Verb::ReplaceEngine,
                _ => Verb::Reset,
            };
            if self.ledger.now().duration_since(task.created_at) <= FRESH {
                self.nodes.operate(operation, vm, verb).await;
            } else if self.ledger.board.outcome(operation).is_none() && !self.is_replacing(vm, operation) {
                let detail = "the outcome was not known after a restart".to_owned();
                let failure = Failure { code: FailureCode::Internal, detail };
                self.ledger.board.operation_failed(vm.0, operation, failure);
            }
        }
    }

    /// The node says that it is at it: copying a guest's memory can take long.
    fn is_replacing(&self, vm: VmId, operation: OperationId) -> bool {
        let entry = self.ledger.board.vm(vm);
        let engine = entry.as_ref().and_then(|entry| entry.status.as_ref()).and_then(|status| status.engine.as_ref());
        engine.and_then(|engine| engine.work).is_some_and(|work| work.operation == operation)
    }

    /// An order to a server whose outcome is not known.
    async fn hand_over_to_server(&self, task: &Arc<Task>, operation: OperationId) {
        if self.ledger.now().duration_since(task.created_at) <= FRESH {
            return self.servers.hand_over(task).await;
        }
        if self.ledger.board.outcome(operation).is_none() {
            let detail = "the outcome was not known after a restart".to_owned();
            let failure = Failure { code: FailureCode::Interrupted, detail };
            self.ledger.board.operation_failed(task.subject.id, operation, failure);
        }
    }

    /// A scan that the node may not know of: nobody waits for one of long ago, and one that was cancelled is stopped.
    async fn scan_again(&self, task: &Arc<Task>, operation: OperationId) {
        let nodes = self.ledger.board.nodes();
        let scan = nodes.iter().find_map(|entry| entry.scan.clone());
        let knows = scan.is_some_and(|scan| scan.operation == operation);
        if knows != task.cancel_requested {
            // It is at work as it should, or is over and not to begin.
            return self.ledger.board.tasks_poke.poke(task.subject.id);
        }
        if knows || self.ledger.now().duration_since(task.created_at) <= FRESH {
            return self.servers.hand_over_scan(task).await;
        }
        let detail = "the node was started anew meanwhile".to_owned();
        let failure = Failure { code: FailureCode::Interrupted, detail };
        self.ledger.board.operation_failed(task.subject.id, operation, failure);
    }

    /// An order to go off that its server does not know of.
    async fn hand_over_order(&self, task: &Arc<Task>, operation: OperationId) {
        if self.ledger.now().duration_since(task.created_at) <= FRESH {
            return self.hosts.hand_over(task).await;
        }
        let entry = self.ledger.board.node(NodeId(task.subject.id));
        let host = entry.as_ref().and_then(|entry| entry.status.as_ref()).and_then(|status| status.host.as_ref());
        let knows = host.is_some_and(|host| {
            host.leaving.as_ref().is_some_and(|leaving| leaving.operation == operation)
                || host.left.as_ref().is_some_and(|left| left.operation == operation)
        });
        if !knows {
            let detail = "the server never got the order".to_owned();
            let failure = Failure { code: FailureCode::Internal, detail };
            self.ledger.board.operation_failed(task.subject.id, operation, failure);
        }
    }
}
