//! What the Store asks of a volume and what its node has, brought together.
//!
//! ```text
//!   left, and let go of ──► forget where it was     deleting ──► file away ──► record away
//!   made ≠ size ──► make_volume ──► made = what the node says
//! ```
//!
//! It can be killed anywhere and done again: nothing but the Store remembers.

use super::{Volumes, refresh, volume_subject};
use cake_node_api::{ClientError, NodeError, VolumeOrder, VolumePlace};
use cake_planner::volume::{self, Step};
use cake_store::{Expect, Txn, TxnOutcome};
use cake_types::{Code, EventKind, Failure, FailureCode, Problem, Volume, VolumeId};
use std::sync::Arc;
use std::time::Duration;

use crate::board::VolumeEntry;
use crate::nodes::Connected;
use crate::{error, keys, record};

/// How long a node that could not do something is left alone with it.
const ASK_AGAIN: Duration = Duration::from_secs(5);
/// Writes that may be overtaken before it is left to the next poke.
const TRIES: usize = 8;

pub(super) fn place(volume: &Volume) -> VolumePlace {
    VolumePlace { pool: volume.spec.pool, file: volume.spec.file }
}

impl Volumes {
    /// Does what is missing. What can't be done now is on the board, and tried again.
    pub async fn settle(&self, id: VolumeId) {
        let _alone = self.settling.lock().await;
        for _ in 0..TRIES {
            let Some(entry) = self.ledger.board.volume(id) else { return };
            match self.step(&entry).await {
                Ok(true) => {}
                Ok(false) => return,
                Err(problem) => {
                    tracing::warn!(volume = %id, %problem, "a volume could not be brought to what is asked");
                    return self.again(id);
                }
            }
        }
        self.ledger.board.volumes_poke.poke(id);
    }

    /// One step; whether there may be another.
    async fn step(&self, entry: &Arc<VolumeEntry>) -> Result<bool, Problem> {
        let volume = &entry.volume;
        match volume::step(volume, self.ledger.board.is_leaving(volume)) {
            Step::Rest => Ok(false),
            Step::Release => {
                let mut volume = volume.clone();
                volume.spec.left = None;
                self.write_down(entry, volume).await.map(|()| true)
            }
            // Both are poked again when the node is there.
            Step::Make => match self.nodes.connected() {
                Some(node) => self.make(&node, entry).await,
                None => Ok(false),
            },
            Step::Remove => match self.nodes.connected() {
                Some(node) => self.remove(&node, entry).await,
                None => Ok(false),
            },
        }
    }

    async fn make(&self, node: &Connected, entry: &Arc<VolumeEntry>) -> Result<bool, Problem> {
        let Volume { spec, .. } = &entry.volume;
        let made = entry.volume.was_made();
        let order = VolumeOrder { epoch: node.epoch, place: place(&entry.volume), size: spec.size, made };
        match node.client.make_volume(order).await {
            Ok(size) => {
                let mut volume = entry.volume.clone();
                (volume.spec.size, volume.spec.made) = (size, Some(size));
                self.write_down(entry, volume).await.map(|()| true)
            }
            Err(refusal) => self.failed(entry, refusal),
        }
    }

    async fn remove(&self, node: &Connected, entry: &Arc<VolumeEntry>) -> Result<bool, Problem> {
        if let Err(refusal) = node.client.remove_volume(node.epoch, place(&entry.volume)).await {
            return self.failed(entry, refusal);
        }
        let key = keys::volume(entry.id());
        let txn = Txn::new().guard(key.clone(), Expect::Revision(entry.revision)).delete(key);
        if let TxnOutcome::Refused { .. } = self.ledger.store.txn(txn).await.map_err(error::store)? {
            refresh(&self.ledger, entry.id()).await?;
            return Ok(true);
        }
        self.ledger.board.forget_volume(entry.id());
        self.ledger.event_info(EventKind::VolumeDeleted, Some(volume_subject(&entry.volume))).await;
        Ok(false)
    }

    /// What the node could not do is said, and asked again after a while.
    fn failed(&self, entry: &VolumeEntry, refusal: ClientError) -> Result<bool, Problem> {
        let code = match &refusal {
            ClientError::Refused(NodeError::NoSpace) => FailureCode::NoSpace,
            ClientError::Refused(_) => FailureCode::Disk,
            // It is poked when the node is back.
            _ => return Ok(false),
        };
        let detail = error::chain(&refusal);
        tracing::warn!(volume = %entry.id(), detail, "the node could not do what is asked of a volume");
        self.ledger.board.volume_failed(entry.id(), Failure { code, detail });
        self.again(entry.id());
        Ok(false)
    }

    fn again(&self, id: VolumeId) {
        let board = self.ledger.board.clone();
        tokio::spawn(async move {
            tokio::time::sleep(ASK_AGAIN).await;
            board.volumes_poke.poke(id);
        });
    }

    /// Something that nobody asked, so its generation stays; somebody who was faster is looked at next.
    async fn write_down(&self, entry: &VolumeEntry, volume: Volume) -> Result<(), Problem> {
        let (id, key) = (entry.id(), keys::volume(entry.id()));
        let txn = Txn::new().guard(key.clone(), Expect::Revision(entry.revision)).put(key, record::encode(&volume));
        match self.ledger.store.txn(txn).await.map_err(error::store)? {
            TxnOutcome::Committed { revision } => {
                self.ledger.board.put_volume(volume, revision);
                Ok(())
            }
            TxnOutcome::Refused { .. } => refresh(&self.ledger, id).await,
        }
    }
}

pub(super) fn refusal(volume: &Volume, refusal: ClientError) -> Problem {
    match refusal {
        ClientError::Refused(NodeError::Invalid { detail }) => {
            tracing::warn!(volume = %volume.meta.id, detail, "the node could not open a volume");
            Problem::new(Code::VolumeNotReady).with("name", &volume.meta.name)
        }
        refusal => error::node(refusal),
    }
}
