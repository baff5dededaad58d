//! What people change about images. What an image is comes from its node; only its tags are people's.

use cake_store::{Expect, Txn, TxnOutcome};
use cake_types::{Code, Generation, Image, ImageId, Problem, Subject, Tags};
use std::sync::Arc;

use crate::board::ImageEntry;
use crate::caller::Caller;
use crate::ledger::Ledger;
use crate::{error, keys, record};

pub struct Images {
    ledger: Arc<Ledger>,
}

impl Images {
    pub fn new(ledger: Arc<Ledger>) -> Self {
        Self { ledger }
    }

    /// By id or name.
    pub fn find(&self, text: &str) -> Result<Arc<ImageEntry>, Problem> {
        self.ledger.board.find_image(text).ok_or_else(|| Problem::not_found("image", text))
    }

    /// Changes the image if `check` still holds when it is written.
    pub async fn set_tags(
        &self,
        caller: &Caller,
        id: ImageId,
        tags: Tags,
        check: impl Fn(Generation) -> Result<(), Problem> + Send,
    ) -> Result<Arc<ImageEntry>, Problem> {
        let key = keys::image(id);
        let missing = || Problem::not_found("image", id);
        let stored = record::get::<Image>(&*self.ledger.store, &key).await.map_err(error::record)?;
        let stored = stored.ok_or_else(missing)?;
        check(stored.value.meta.generation)?;
        let mut image = stored.value;
        if image.tags != tags {
            image.tags = tags;
            image.meta.generation = image.meta.generation.next();
            image.meta.updated_at = self.ledger.now();
            let txn = Txn::new().guard(key.clone(), Expect::Revision(stored.revision));
            let mut audit = self.ledger.audit(caller, Some(subject(&image)));
            let txn = audit.write(txn.put(key, record::encode(&image)));
            if let TxnOutcome::Refused { .. } = self.ledger.store.txn(txn).await.map_err(error::store)? {
                return Err(Problem::new(Code::Stale));
            }
            self.ledger.board.put_image(image);
            self.ledger.audited(audit).await?;
        }
        self.ledger.board.image(id).ok_or_else(missing)
    }
}

/// An image as the subject of an audit record.
pub fn subject(image: &Image) -> Subject {
    Subject { kind: "image".into(), id: image.meta.id.0, name: image.meta.name.to_string() }
}
