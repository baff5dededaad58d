//! Imports: the node is told of those that it does not have, and lets go of those that are over.
//!
//! read (board) → apply, end, remove, or forget

use cake_node_api::{ClientError, NodeError};
use cake_planner::event::Happened;
use cake_store::Txn;
use cake_types::{EventKind, ImageId, ImportStage, Problem, Severity, Stamp};
use std::sync::Arc;

use crate::board::ImportEntry;
use crate::imports::{Imports, import_subject};
use crate::ledger::Ledger;
use crate::nodes::Nodes;
use crate::{error, keys};

pub struct ImportReconciler {
    pub ledger: Arc<Ledger>,
    pub nodes: Arc<Nodes>,
    pub imports: Arc<Imports>,
}

impl ImportReconciler {
    pub async fn run(&self) {
        loop {
            for id in self.ledger.board.imports_poke.next().await {
                if let Err(problem) = self.reconcile(id).await {
                    tracing::warn!(import = %id, %problem, "an import could not be brought to what is asked");
                }
            }
        }
    }

    async fn reconcile(&self, id: ImageId) -> Result<(), Problem> {
        let board = &self.ledger.board;
        let Some(entry) = board.import(id) else { return Ok(()) };
        self.imports.see_to_fetching(&entry);
        match &entry.status {
            None if entry.import.spec.ending => self.forget(&entry).await,
            Some(_) if entry.import.spec.ending => self.remove(&entry).await,
            // Its task tells the world first.
            _ if !board.tasks_of(id.0).is_empty() && self.is_over(&entry) => Ok(()),
            _ if entry.failed.is_some() => self.fail(&entry).await,
            Some(status) if status.stage == ImportStage::Failed => self.fail(&entry).await,
            Some(status) if status.stage == ImportStage::Done => self.succeed(&entry).await,
            None if entry.refused.is_some() => self.fail(&entry).await,
            None => {
                self.imports.apply(&entry.import).await;
                Ok(())
            }
            Some(_) => Ok(()),
        }
    }

    fn is_over(&self, entry: &ImportEntry) -> bool {
        let ended = entry.status.as_ref().is_some_and(|status| status.stage.is_over());
        ended || entry.refused.is_some() || entry.failed.is_some()
    }

    async fn fail(&self, entry: &ImportEntry) -> Result<(), Problem> {
        let of_node = entry.status.as_ref().and_then(|status| status.failure.as_ref());
        let failure = entry.failed.as_ref().or(of_node);
        let code = failure.map_or("internal", |failure| failure.code.as_str());
        self.imports.end(entry, true, Txn::new()).await?;
        let happened = Happened::new(EventKind::ImageImportFailed, Severity::Error).with("code", code);
        self.ledger.event(happened, Some(import_subject(&entry.import))).await;
        Ok(())
    }

    async fn succeed(&self, entry: &ImportEntry) -> Result<(), Problem> {
        if self.ledger.board.image(entry.import.meta.id).is_none() {
            // The image comes, and with it another poke.
            return Ok(());
        }
        self.imports.end(entry, false, Txn::new()).await?;
        self.ledger.event_info(EventKind::ImageImported, Some(import_subject(&entry.import))).await;
        Ok(())
    }

    async fn remove(&self, entry: &ImportEntry) -> Result<(), Problem> {
        let Some(node) = self.nodes.connected() else { return Ok(()) };
        let (id, generation) = (entry.import.meta.id, entry.import.meta.generation);
        match node.client.remove_import(id, Stamp { epoch: node.epoch, generation }).await {
            // It says when it is gone.
            Ok(()) | Err(ClientError::Refused(NodeError::Unknown)) => {}
            Err(refusal) => tracing::warn!(import = %id, error = %error::chain(&refusal), "an import is not let go of"),
        }
        Ok(())
    }

    async fn forget(&self, entry: &ImportEntry) -> Result<(), Problem> {
        if self.nodes.connected().is_none() {
            return Ok(());
        }
        self.ledger.forget(keys::import(entry.import.meta.id), entry.revision).await?;
        self.ledger.board.forget_import(entry.import.meta.id);
        Ok(())
    }
}
