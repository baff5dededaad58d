//! Images: what the node has found becomes a resource in the Store, under the node's stable id.

use cake_node_api::ImageRecord;
use cake_store::{Expect, Txn, TxnOutcome};
use cake_types::{Generation, Image, ImageId, Meta, Problem, ProjectName};
use std::sync::Arc;

use crate::ledger::Ledger;
use crate::{error, keys, record};

pub struct ImageReconciler {
    pub ledger: Arc<Ledger>,
}

impl ImageReconciler {
    pub async fn run(&self) {
        loop {
            for id in self.ledger.board.images_poke.next().await {
                if let Err(problem) = self.reconcile(id).await {
                    tracing::warn!(image = %id, %problem, "an image could not be taken in");
                }
            }
        }
    }

    async fn reconcile(&self, id: ImageId) -> Result<(), Problem> {
        let Some(told) = self.ledger.board.told_image(id) else { return Ok(()) };
        let key = keys::image(id);
        // From the Store, not from the board: whoever tags it meanwhile must not be written over.
        let stored = record::get::<Image>(&*self.ledger.store, &key).await.map_err(error::record)?;
        let (known, expect) = match stored {
            Some(stored) => (Some(stored.value), Expect::Revision(stored.revision)),
            None => (None, Expect::Absent),
        };
        let ImageRecord { id, name, spec, status: _ } = &*told;
        if known.as_ref().is_some_and(|known| known.meta.name == *name && known.spec == *spec) {
            return Ok(());
        }
        let now = self.ledger.now();
        let old = known.as_ref().map(|known| &known.meta);
        let meta = Meta {
            id: *id,
            project: ProjectName::default(),
            name: name.clone(),
            generation: old.map_or(Generation::FIRST, |old| old.generation.next()),
            created_at: old.map_or(now, |old| old.created_at),
            updated_at: now,
        };
        let binned = known.as_ref().and_then(|known| known.binned);
        let tags = known.as_ref().map(|known| known.tags.clone()).unwrap_or_default();
        let image = Image { meta, spec: spec.clone(), binned, tags };
        let txn = Txn::new().guard(key.clone(), expect).put(key, record::encode(&image));
        if let TxnOutcome::Refused { .. } = self.ledger.store.txn(txn).await.map_err(error::store)? {
            self.ledger.board.images_poke.poke(*id);
            return Ok(());
        }
        self.ledger.board.put_image(image);
        Ok(())
    }
}
