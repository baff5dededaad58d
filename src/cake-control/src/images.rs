//! What people ask of images that are there.

use cake_node_api::{ClientError, NodeError};
use cake_store::{Expect, Revision, Txn, TxnOutcome};
use cake_types::{Code, EventKind, Generation, Image, ImageId, Problem, Stamp, Subject, Tags, VmState};
use std::fs::File;
use std::sync::Arc;

use crate::board::{ImageEntry, VmEntry};
use crate::caller::{Caller, Keep};
use crate::ledger::Ledger;
use crate::nodes::Nodes;
use crate::{error, keys, record};

pub struct Images {
    ledger: Arc<Ledger>,
    nodes: Arc<Nodes>,
}

/// An image as the subject of an event or an audit record.
pub fn image_subject(image: &Image) -> Subject {
    Subject { kind: "image".into(), id: image.meta.id.0, name: image.meta.name.to_string() }
}

impl Images {
    pub fn new(ledger: Arc<Ledger>, nodes: Arc<Nodes>) -> Self {
        Self { ledger, nodes }
    }

    /// By id or name.
    pub fn find(&self, text: &str) -> Result<Arc<ImageEntry>, Problem> {
        self.ledger.board.find_image(text).ok_or_else(|| Problem::not_found("image", text))
    }

    /// Deletes an image. Disks that were made from it are copies and stay. The node first: killed in between, the image is shown
    /// as not there, and deleting it again finishes the work.
    pub async fn delete(
        &self,
        caller: &Caller,
        entry: Arc<ImageEntry>,
        check: impl Fn(&ImageEntry) -> Result<(), Problem>,
    ) -> Result<(), Problem> {
        check(&entry)?;
        let image = &entry.image;
        let id = image.meta.id;
        if image.spec.built_in {
            return Err(Problem::new(Code::IllegalNow).with("action", "delete").with("state", "built-in"));
        }
        if let Some(user) = self.user_of(id) {
            let problem = Problem::new(Code::ImageInUse).with("name", &image.meta.name);
            return Err(problem.with("by", &user.vm.meta.name));
        }
        let node = self.nodes.require()?;
        let stamp = Stamp { epoch: node.epoch, generation: image.meta.generation.next() };
        node.client.remove_image(id, stamp).await.map_err(refusal)?;
        let key = keys::image(id);
        let name = keys::name("image", &image.meta.project, &image.meta.name);
        let txn = Txn::new().guard(key.clone(), Expect::Any).delete(key);
        // One from the bin has no name that is its own.
        let txn = if image.binned.is_some() { txn } else { txn.delete(name) };
        let mut audit = self.ledger.audit(caller, Some(image_subject(image)));
        let txn = audit.write(txn);
        self.ledger.store.txn(txn).await.map_err(error::store)?.committed().map_err(error::store)?;
        self.ledger.board.forget_image(id);
        self.ledger.audited(audit).await?;
        self.ledger.event_info(EventKind::ImageDeleted, Some(image_subject(image))).await;
        Ok(())
    }

    /// Puts an image into the bin, or brings it back. Its file stays where it is.
    pub async fn set_binned(
        &self,
        caller: &Caller,
        id: ImageId,
        binned: bool,
        keep: &Keep<Image>,
    ) -> Result<Image, Problem> {
        let (mut image, revision) = self.stored(id).await?;
        let name = keys::name("image", &image.meta.project, &image.meta.name);
        let (action, state) = if binned { ("bin", "binned") } else { ("restore", "available") };
        if image.binned.is_some() == binned || image.spec.built_in {
            let state = if image.spec.built_in { "built-in" } else { state };
            return Err(Problem::new(Code::IllegalNow).with("action", action).with("state", state));
        }
        if let Some(user) = self.user_of(id).filter(|_| binned) {
            let problem = Problem::new(Code::ImageInUse).with("name", &image.meta.name);
            return Err(problem.with("by", &user.vm.meta.name));
        }
        let now = self.ledger.now();
        (image.binned, image.meta.updated_at) = (binned.then_some(now), now);
        image.meta.generation = image.meta.generation.next();
        let txn =
            Txn::new().guard(keys::image(id), Expect::Revision(revision)).put(keys::image(id), record::encode(&image));
        let txn = match binned {
            true => txn.delete(name.clone()),
            false => txn.guard(name.clone(), Expect::Absent).put(name.clone(), id.to_string()),
        };
        let mut audit = self.ledger.audit(caller, Some(image_subject(&image)));
        let txn = audit.write(keep.write(txn, &image, now));
        match self.ledger.store.txn(txn).await.map_err(error::store)? {
            TxnOutcome::Committed { .. } => {}
            TxnOutcome::Refused { key, .. } if key != name => return Err(Problem::new(Code::Stale)),
            TxnOutcome::Refused { .. } => {
                return Err(Problem::new(Code::NameTaken).with("kind", "image").with("name", &image.meta.name));
            }
        }
        self.ledger.board.put_image(image.clone());
        self.ledger.audited(audit).await?;
        let kind = if binned { EventKind::ImageBinned } else { EventKind::ImageRestored };
        self.ledger.event_info(kind, Some(image_subject(&image))).await;
        Ok(image)
    }

    /// Changes the image if `check` still holds when it is written.
    pub async fn set_tags(
        &self,
        caller: &Caller,
        id: ImageId,
        tags: Tags,
        check: impl Fn(Generation) -> Result<(), Problem> + Send,
    ) -> Result<Arc<ImageEntry>, Problem> {
        let (mut image, revision) = self.stored(id).await?;
        check(image.meta.generation)?;
        if image.tags != tags {
            image.tags = tags;
            image.meta.generation = image.meta.generation.next();
            image.meta.updated_at = self.ledger.now();
            let key = keys::image(id);
            let txn = Txn::new().guard(key.clone(), Expect::Revision(revision));
            let mut audit = self.ledger.audit(caller, Some(image_subject(&image)));
            let txn = audit.write(txn.put(key, record::encode(&image)));
            if let TxnOutcome::Refused { .. } = self.ledger.store.txn(txn).await.map_err(error::store)? {
                return Err(Problem::new(Code::Stale));
            }
            self.ledger.board.put_image(image);
            self.ledger.audited(audit).await?;
        }
        self.ledger.board.image(id).ok_or_else(|| Problem::not_found("image", id))
    }

    /// From the Store, not from the board: whoever changes it meanwhile must not be written over.
    async fn stored(&self, id: ImageId) -> Result<(Image, Revision), Problem> {
        let stored = record::get::<Image>(&*self.ledger.store, &keys::image(id)).await.map_err(error::record)?;
        let stored = stored.ok_or_else(|| Problem::not_found("image", id))?;
        Ok((stored.value, stored.revision))
    }

    /// A VM that needs the image itself, not only the disk that was made from it.
    fn user_of(&self, id: ImageId) -> Option<Arc<VmEntry>> {
        let needs = |entry: &Arc<VmEntry>| {
            let spec = &entry.vm.spec;
            let made = !matches!(entry.state(), VmState::Pending | VmState::Provisioning);
            let makes = !made && spec.disks.iter().any(|disk| disk.image == Some(id));
            !spec.deleting && ([spec.kernel, spec.cd, spec.drivers].contains(&Some(id)) || makes)
        };
        self.ledger.board.vms().into_iter().find(needs)
    }

    /// The image's file, for reading.
    pub async fn open(&self, entry: &ImageEntry) -> Result<File, Problem> {
        let node = self.nodes.require()?;
        node.client.open_image(entry.image.meta.id).await.map(File::from).map_err(refusal)
    }
}

fn refusal(refusal: ClientError) -> Problem {
    match refusal {
        ClientError::Refused(NodeError::Invalid { detail }) => {
            tracing::warn!(detail, "the node refused what was asked of an image");
            Problem::invalid("image", "image-unavailable")
        }
        ClientError::Refused(refusal) => error::internal("the node refused what was asked of an image", &refusal),
        broken => {
            tracing::debug!(error = %error::chain(&broken), "the node went away");
            Problem::new(Code::NodeUnreachable)
        }
    }
}
