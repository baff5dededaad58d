//! Exports: the node is told of those that it does not have, and removes those that are over.
//!
//! read (board) → apply, end, remove, or forget

use cake_node_api::{ClientError, NodeError};
use cake_planner::event::Happened;
use cake_store::Txn;
use cake_types::{EventKind, ExportId, ExportStage, Problem, Severity, Stamp, TaskGoal};
use std::sync::Arc;
use std::time::Duration;

use crate::board::ExportEntry;
use crate::exports::{Exports, export_subject};
use crate::ledger::Ledger;
use crate::nodes::Nodes;
use crate::{error, keys};

/// Between two looks for what has had its days.
const EVERY: Duration = Duration::from_secs(15 * 60);

pub struct ExportReconciler {
    pub ledger: Arc<Ledger>,
    pub nodes: Arc<Nodes>,
    pub exports: Arc<Exports>,
}

impl ExportReconciler {
    pub async fn run(&self) {
        let mut timer = tokio::time::interval(EVERY);
        timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                ids = self.ledger.board.exports_poke.next() => {
                    for id in ids {
                        self.look_at(id).await;
                    }
                }
                _ = timer.tick() => {
                    for entry in self.ledger.board.exports() {
                        self.look_at(entry.export.meta.id).await;
                    }
                }
            }
        }
    }

    async fn look_at(&self, id: ExportId) {
        if let Err(problem) = self.reconcile(id).await {
            tracing::warn!(export = %id, %problem, "an export could not be brought to what is asked");
        }
    }

    async fn reconcile(&self, id: ExportId) -> Result<(), Problem> {
        let Some(entry) = self.ledger.board.export(id) else { return Ok(()) };
        match &entry.status {
            None if entry.export.spec.ending => self.forget(&entry).await,
            Some(_) if entry.export.spec.ending => self.remove(&entry).await,
            _ if entry.export.expires_at() <= self.ledger.now() => self.exports.end(&entry, Txn::new()).await,
            // Its task tells the world first.
            Some(status) if status.stage == ExportStage::Failed && !self.has_task(&entry) => self.fail(&entry).await,
            None if entry.refused.is_some() && !self.has_task(&entry) => self.fail(&entry).await,
            None if entry.refused.is_none() => {
                self.exports.apply(&entry.export).await;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn has_task(&self, entry: &ExportEntry) -> bool {
        let goal = TaskGoal::Exported { export: entry.export.meta.id };
        self.ledger.board.tasks_of(entry.export.spec.vm.0).iter().any(|task| task.goal == goal)
    }

    async fn fail(&self, entry: &ExportEntry) -> Result<(), Problem> {
        let failure = entry.status.as_ref().and_then(|status| status.failure.as_ref());
        let code = failure.map_or("internal", |failure| failure.code.as_str());
        self.exports.end(entry, Txn::new()).await?;
        let happened = Happened::new(EventKind::VmExportFailed, Severity::Error).with("code", code);
        self.ledger.event(happened, Some(export_subject(&entry.export))).await;
        Ok(())
    }

    async fn remove(&self, entry: &ExportEntry) -> Result<(), Problem> {
        let Some(node) = self.nodes.connected() else { return Ok(()) };
        let (id, generation) = (entry.export.meta.id, entry.export.meta.generation);
        match node.client.remove_export(id, Stamp { epoch: node.epoch, generation }).await {
            // It says when it is gone.
            Ok(()) | Err(ClientError::Refused(NodeError::Unknown)) => {}
            Err(refusal) => tracing::warn!(export = %id, error = %error::chain(&refusal), "an export is not removed"),
        }
        Ok(())
    }

    async fn forget(&self, entry: &ExportEntry) -> Result<(), Problem> {
        if self.nodes.connected().is_none() {
            return Ok(());
        }
        self.ledger.forget(keys::export(entry.export.meta.id), entry.revision).await?;
        self.ledger.board.forget_export(entry.export.meta.id);
        Ok(())
    }
}
