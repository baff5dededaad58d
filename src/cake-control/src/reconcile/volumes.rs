//! Volumes: made, grown and removed on their node; let go of by the guests that had them. Poked by every change, by every VM that one
//! may be leaving, and at every connection.

use std::sync::Arc;

use crate::ledger::Ledger;
use crate::volumes::Volumes;

pub struct VolumeReconciler {
    pub ledger: Arc<Ledger>,
    pub volumes: Arc<Volumes>,
}

impl VolumeReconciler {
    pub async fn run(&self) {
        loop {
            for id in self.ledger.board.volumes_poke.next().await {
                self.volumes.settle(id).await;
            }
        }
    }
}
