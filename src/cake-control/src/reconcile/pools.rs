//! Pools: the node is told of every pool that the Store has.

use cake_node_api::{ClientError, NodeError};
use cake_types::{PoolId, Stamp};
use std::sync::Arc;

use crate::error;
use crate::ledger::Ledger;
use crate::nodes::Nodes;

pub struct PoolReconciler {
    pub ledger: Arc<Ledger>,
    pub nodes: Arc<Nodes>,
}

impl PoolReconciler {
    pub async fn run(&self) {
        loop {
            for id in self.ledger.board.pools_poke.next().await {
                self.reconcile(id).await;
            }
        }
    }

    /// Applying a pool again with the same content changes nothing, so there is nothing to compare. Poked at every connection.
    async fn reconcile(&self, id: PoolId) {
        let (Some(entry), Some(node)) = (self.ledger.board.pool(id), self.nodes.connected()) else { return };
        let stamp = Stamp { epoch: node.epoch, generation: entry.pool.meta.generation };
        match node.client.apply_pool(id, stamp, entry.pool.spec.clone()).await {
            Ok(()) | Err(ClientError::Refused(NodeError::StaleStamp { .. })) => {}
            Err(refusal) => {
                tracing::warn!(pool = %id, error = %error::chain(&refusal), "the node did not take a pool");
            }
        }
    }
}
