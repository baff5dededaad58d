//! The servers' own settings: a node is told what is asked of it, at every change and every connection.

use cake_node_api::{ClientError, NodeError};
use cake_types::Stamp;
use std::sync::Arc;

use super::Occasions;
use crate::board::What;
use crate::error;
use crate::hosts::Hosts;
use crate::ledger::Ledger;
use crate::nodes::{Connected, Nodes};

pub struct HostReconciler {
    pub ledger: Arc<Ledger>,
    pub nodes: Arc<Nodes>,
    pub hosts: Arc<Hosts>,
}

impl HostReconciler {
    pub async fn run(&self) {
        let mut occasions = Occasions::new(&self.nodes, self.hosts.follow());
        while let Some(node) = occasions.next().await {
            self.tell(&node).await;
        }
    }

    /// What the machine does not take, it tells.
    async fn tell(&self, node: &Connected) {
        if !self.hosts.was_set(node.node) {
            return;
        }
        let host = self.hosts.get(node.node);
        let stamp = Stamp { epoch: node.epoch, generation: host.generation };
        match node.client.apply_host(stamp, host.spec).await {
            // It may have another name by now, and the certificate needs it.
            Ok(()) => self.ledger.board.changes.tell(What::Settings),
            Err(ClientError::Refused(NodeError::StaleStamp { .. })) => {}
            Err(refusal) => {
                tracing::warn!(error = %error::chain(&refusal), "the node did not take its machine's settings");
            }
        }
    }
}
