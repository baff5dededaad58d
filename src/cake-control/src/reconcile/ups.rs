//! The power supply: the node is told which one it watches, at every change and every connection.

use cake_node_api::{ClientError, NodeError};
use cake_types::Stamp;
use std::sync::Arc;

use super::Occasions;
use crate::error;
use crate::nodes::{Connected, Nodes};
use crate::ups::UpsBook;

pub struct UpsReconciler {
    pub nodes: Arc<Nodes>,
    pub book: Arc<UpsBook>,
}

impl UpsReconciler {
    pub async fn run(&self) {
        let mut occasions = Occasions::new(&self.nodes, self.book.follow());
        while let Some(node) = occasions.next().await {
            self.tell(&node).await;
        }
    }

    /// The same again changes nothing there, so there is nothing to compare.
    async fn tell(&self, node: &Connected) {
        if !self.book.was_set() {
            return;
        }
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
