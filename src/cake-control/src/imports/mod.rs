//! Files that people bring: to become images, chunk by chunk.
//!
//! ```text
//!   create   import, name taken, task ──► node makes the file; of an address, it is asked first what is there; what is on a stick
//!            the node brings by itself
//!   chunk    into the file that the node handed over ([`cake_node_api::staged`]); any order, several at a time, again at will
//!   end      cancelled, come to nothing, or over: the node lets go of it, then the Store forgets it; the image stays
//! ```

mod fetch;
mod receive;
mod source;

pub use receive::{ChunkError, Digest};

use cake_node_api::staged;
use cake_store::{Expect, Txn, TxnOutcome};
use cake_types::{
    ByteSize, Code, Generation, GuestOs, ImageId, Import, ImportSource, ImportSpec, Meta, Name, Problem, ProjectName,
    Stamp, Subject, Task, TaskGoal, TaskKind, is_sha256,
};
use fetch::Fetches;
use receive::Receiving;
use reqwest::Url;
use source::{Source, SourceError};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use crate::board::{ImportEntry, PoolEntry};
use crate::caller::{Caller, Keep};
use crate::ledger::Ledger;
use crate::nodes::Nodes;
use crate::{error, keys, record};

/// What a person says about a file that is brought.
#[derive(Clone, Debug)]
pub struct NewImport {
    pub project: ProjectName,
    pub name: Name,
    pub from: From,
    pub sha256: Option<String>,
    pub os: GuestOs,
}

/// Where the file is.
#[derive(Clone, Debug)]
pub enum From {
    /// With whoever asks, who knows how long it is.
    Upload(ByteSize),
    Url(String),
    /// On a stick in the server, by its id and path.
    Stick {
        stick: String,
        path: String,
    },
}

pub struct Imports {
    ledger: Arc<Ledger>,
    nodes: Arc<Nodes>,
    /// Files that are received now.
    receiving: Mutex<HashMap<ImageId, Arc<Receiving>>>,
    source: Source,
    fetches: Fetches,
}

/// An import as the subject of a task, an event or an audit record: it is the image already.
pub fn import_subject(import: &Import) -> Subject {
    Subject { kind: "image".into(), id: import.meta.id.0, name: import.meta.name.to_string() }
}

impl Imports {
    pub fn new(ledger: Arc<Ledger>, nodes: Arc<Nodes>) -> Self {
        Self { ledger, nodes, receiving: Mutex::default(), source: Source::default(), fetches: Fetches::default() }
    }

    pub fn find(&self, text: &str) -> Result<Arc<ImportEntry>, Problem> {
        self.ledger.board.find_import(text).ok_or_else(|| Problem::not_found("import", text))
    }

    pub async fn create(
        &self,
        caller: &Caller,
        new: NewImport,
        keep: &Keep<Import>,
    ) -> Result<Arc<ImportEntry>, Problem> {
        self.nodes.require()?;
        let import = self.design(new).await?;
        let id = import.meta.id;
        let task = self.ledger.new_task(
            &import.meta.project,
            import_subject(&import),
            caller,
            TaskKind::ImageImport,
            TaskGoal::Imported,
        );
        let name = keys::name("image", &import.meta.project, &import.meta.name);
        let txn = Txn::new()
            .guard(name.clone(), Expect::Absent)
            .put(name, id.to_string())
            .put(keys::import(id), record::encode(&import))
            .put(keys::task(task.id), record::encode(&task));
        let mut audit = self.ledger.audit(caller, Some(import_subject(&import)));
        let txn = audit.write(keep.write(txn, &import, self.ledger.now()));
        match self.ledger.store.txn(txn).await.map_err(error::store)? {
            TxnOutcome::Committed { revision } => {
                self.ledger.board.put_import(import.clone(), revision);
                self.ledger.board.put_task(Arc::new(task));
                let ((), audited) = tokio::join!(self.apply(&import), self.ledger.audited(audit));
                audited?;
                self.ledger.board.import(id).ok_or_else(|| Problem::not_found("import", id))
            }
            TxnOutcome::Refused { .. } => Err(name_taken(&import.meta.name)),
        }
    }

    async fn design(&self, new: NewImport) -> Result<Import, Problem> {
        let NewImport { project, name, from, sha256, os } = new;
        if self.ledger.board.find_image(name.as_str()).is_some() {
            return Err(name_taken(&name));
        }
        let (source, size) = match from {
            From::Upload(size) => (ImportSource::Upload, size),
            From::Url(url) => self.look(url).await?,
            From::Stick { stick, path } => self.on_stick(&stick, path)?,
        };
        if size.bytes() == 0 || size.bytes() > staged::LARGEST {
            let most = ByteSize(staged::LARGEST);
            let problem = Problem::new(Code::OutOfRange).with("field", "size").with("min", 1).with("max", most);
            return Err(problem.at("/size"));
        }
        if sha256.as_deref().is_some_and(|sum| !is_sha256(sum)) {
            return Err(Problem::invalid("sha256", "checksum").at("/sha256"));
        }
        let pool = self.pool(size)?;
        let now = self.ledger.now();
        let meta =
            Meta { id: ImageId::now(), project, name, generation: Generation::FIRST, created_at: now, updated_at: now };
        let sha256 = sha256.map(|sum| sum.to_ascii_lowercase());
        Ok(Import { meta, spec: ImportSpec { source, size, sha256, pool, os, ending: false } })
    }

    /// What is behind an address: said at once if it is nothing.
    async fn look(&self, text: String) -> Result<(ImportSource, ByteSize), Problem> {
        let url: Url = text.parse().map_err(|error| Problem::invalid("url", error).at("/url"))?;
        let found = self.source.look(&url).await.map_err(|error| match error {
            SourceError::Forbidden(host) => Problem::new(Code::UrlForbidden).with("host", host).at("/url"),
            error => Problem::new(Code::UrlFails).with("detail", error).at("/url"),
        })?;
        Ok((ImportSource::Url { url: url.into(), etag: found.etag }, found.size))
    }

    /// A file that a stick in the server is known to have: the one that was seen, and no other.
    fn on_stick(&self, id: &str, path: String) -> Result<(ImportSource, ByteSize), Problem> {
        let missing = |pointer| Problem::new(Code::StickMissing).with("name", &path).at(pointer);
        let nodes = self.ledger.board.nodes();
        let mut sticks =
            nodes.iter().filter(|node| node.connected).flat_map(|node| node.sticks.iter().flat_map(|all| all.iter()));
        let stick = sticks.find(|stick| stick.id == id).ok_or_else(|| missing("/stick"))?;
        let file = stick.file(&path).ok_or_else(|| missing("/path"))?;
        let (size, modified) = (file.size, file.modified);
        let (stick, called) = (stick.id.clone(), stick.called().to_owned());
        Ok((ImportSource::Stick { stick, called, path, modified }, size))
    }

    /// The first pool that is there, if it has room.
    fn pool(&self, size: ByteSize) -> Result<cake_types::PoolId, Problem> {
        let available = |pool: &&Arc<PoolEntry>| pool.status.as_ref().is_some_and(|status| status.available);
        let pools = self.ledger.board.pools();
        let pool = pools.iter().find(available).ok_or_else(|| Problem::not_found("pool", "local"))?;
        let have = pool.status.as_ref().map_or(ByteSize(0), |status| status.free);
        if size > have {
            let problem = Problem::new(Code::DiskDoesNotFit).with("asked", size).with("have", have);
            return Err(problem.with("pool", &pool.pool.meta.name).at("/size"));
        }
        Ok(pool.pool.meta.id)
    }

    /// Hands it to the node. What goes wrong is on the board afterwards, or found by the reconciler.
    pub(crate) async fn apply(&self, import: &Import) {
        let Some(node) = self.nodes.connected() else { return };
        let stamp = Stamp { epoch: node.epoch, generation: import.meta.generation };
        if let Err(refusal) = node.client.apply_import(stamp, import.clone()).await {
            tracing::warn!(import = %import.meta.id, error = %error::chain(&refusal), "the node did not take an import");
            if let cake_node_api::ClientError::Refused(refusal) = refusal {
                self.ledger.board.import_refused(import.meta.id, &refusal.to_string());
            }
        }
    }

    /// Gives it up; what was received goes.
    pub async fn cancel(
        &self,
        caller: &Caller,
        entry: Arc<ImportEntry>,
        check: impl Fn(&ImportEntry) -> Result<(), Problem>,
        with: Option<(&Task, &Keep<Task>)>,
    ) -> Result<(), Problem> {
        check(&entry)?;
        let mut txn = Txn::new();
        if let Some((task, keep)) = with {
            txn = keep.write(txn.put(keys::task(task.id), record::encode(task)), task, self.ledger.now());
        }
        let mut audit = self.ledger.audit(caller, Some(import_subject(&entry.import)));
        self.end(&entry, true, audit.write(txn)).await?;
        if let Some((task, _)) = with {
            self.ledger.board.put_task(Arc::new(task.clone()));
        }
        self.ledger.audited(audit).await
    }

    /// From now on only the end is wanted. `name_free`: no image came of it.
    pub(crate) async fn end(&self, entry: &ImportEntry, name_free: bool, txn: Txn) -> Result<(), Problem> {
        let mut import = entry.import.clone();
        if import.spec.ending {
            return Err(Problem::new(Code::IllegalNow).with("action", "cancel").with("state", "ending"));
        }
        import.spec.ending = true;
        import.meta.generation = import.meta.generation.next();
        import.meta.updated_at = self.ledger.now();
        let key = keys::import(import.meta.id);
        let mut txn = txn.guard(key.clone(), Expect::Revision(entry.revision)).put(key, record::encode(&import));
        if name_free {
            txn = txn.delete(keys::name("image", &import.meta.project, &import.meta.name));
        }
        match self.ledger.store.txn(txn).await.map_err(error::store)? {
            TxnOutcome::Committed { revision } => {
                self.forget_receiving(import.meta.id);
                self.ledger.board.put_import(import, revision);
                Ok(())
            }
            TxnOutcome::Refused { .. } => Err(Problem::new(Code::Stale)),
        }
    }
}

fn name_taken(name: &Name) -> Problem {
    Problem::new(Code::NameTaken).with("kind", "image").with("name", name).at("/name")
}
