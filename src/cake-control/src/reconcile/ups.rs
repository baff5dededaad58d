//! The power supply: the node is told which one it watches, at every change and every connection.

use cake_node_api::{ClientError, NodeError};
use cake_types::Stamp;
use std::sync::Arc;

use crate::error;
use crate::nodes::Nodes;
use crate::ups::UpsBook;

pub struct UpsReconciler {
    pub nodes: Arc<Nodes>,
    pub book: Arc<UpsBook>,
}

impl UpsReconciler {
    pub async fn run(&self) {
        let (mut connected, mut changed) = (self.nodes.follow(), self.book.follow());
        loop {
            connected.mark_unchanged();
            changed.mark_unchanged();
            self.reconcile().await;
            let moved = tokio::select! {
                moved = connected.changed() => moved,
                moved = changed.changed() => moved,
            };
            if moved.is_err() {
                return;
            }
        }
    }

    /// The same again changes nothing there, so there is nothing to compare.
    async fn reconcile(&self) {
        let Some(node) = self.nodes.connected().filter(|_| self.book.was_set()) else { return };
        let ups = self.book.get();
        let stamp = Stamp { epoch: node.epoch, generation: ups.generation };
        match node.client.apply_ups(stamp, ups.spec).await {
            Ok(()) | Err(ClientError::Refused(NodeError::StaleStamp { .. })) => {}
            Err(refusal) => {
                tracing::warn!(error = %error::chain(&refusal), "the node did not take its power supply");
            }
        }
    }
}
