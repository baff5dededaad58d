//! What becomes of the servers' own networks, as events: ports whose cable comes or goes, networks that were confirmed or returned.
//!
//! board → [`event::of_uplink`] (pure) → Journal

use cake_planner::event;
use cake_types::{NodeId, UplinkStatus};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::broadcast::error::RecvError;

use crate::board::What;
use crate::ledger::Ledger;
use crate::nodes::subject;
use crate::uplinks;

pub struct UplinkReconciler {
    pub ledger: Arc<Ledger>,
}

impl UplinkReconciler {
    pub async fn run(&self) {
        let mut changes = self.ledger.board.changes.follow();
        let mut known = BTreeMap::new();
        loop {
            self.look(&mut known).await;
            loop {
                match changes.recv().await {
                    Ok(change) if matches!(change.what, What::Node(_)) => break,
                    Ok(_) => {}
                    Err(RecvError::Lagged(_)) => break,
                    Err(RecvError::Closed) => return,
                }
            }
        }
    }

    async fn look(&self, known: &mut BTreeMap<NodeId, UplinkStatus>) {
        for entry in self.ledger.board.nodes() {
            // What is not told yet is no network to compare with: how a trial ended is told again after every start.
            let (id, Some(now)) = (entry.node.meta.id, uplinks::said(&entry)) else { continue };
            if known.get(&id) == Some(now) {
                continue;
            }
            let before = known.insert(id, now.clone());
            for happened in before.iter().flat_map(|before| event::of_uplink(before, now)) {
                self.ledger.event(happened, Some(subject(&entry.node))).await;
            }
        }
    }
}
