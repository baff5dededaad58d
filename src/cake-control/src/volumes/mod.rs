//! What people ask of volumes that is no VM's matter; in and out of VMs they go with [`crate::vms`].
//!
//! ```text
//!   create   new volume, name taken        update   name, tags, and larger while it is free
//!   bin      name free, back under it or another   delete   `deleting`, then its file, then its record
//!   settle   what the Store asks and what the node has are brought together, after each of these and by the reconciler
//! ```

pub(crate) mod change;
mod settle;

use cake_planner::volume::{self, Action};
use cake_planner::{admission, names};
use cake_store::{Expect, Key, Txn, TxnOutcome};
use cake_types::{
    ByteSize, Code, DiskFile, EventKind, Generation, Meta, Name, Problem, ProjectName, Subject, Tags, Volume, VolumeId,
    VolumeSpec,
};
use change::raised;
use std::fs::File;
use std::sync::Arc;

use crate::board::{Board, PoolEntry, VolumeEntry, VolumeView};
use crate::caller::{Caller, Keep};
use crate::ledger::Ledger;
use crate::nodes::Nodes;
use crate::{error, keys, record};

/// What a person says about a new volume.
#[derive(Clone, Debug)]
pub struct NewVolume {
    pub project: ProjectName,
    pub name: Name,
    pub size: ByteSize,
    /// By name or id; the first that is there when left out.
    pub pool: Option<String>,
    pub tags: Tags,
}

/// What shall be different; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct VolumePatch {
    pub name: Option<Name>,
    pub size: Option<ByteSize>,
    /// All of them.
    pub tags: Option<Tags>,
}

pub struct Volumes {
    ledger: Arc<Ledger>,
    nodes: Arc<Nodes>,
    /// One volume is settled at a time: what is removed is not made again by somebody who looked before.
    settling: tokio::sync::Mutex<()>,
}

/// A volume as the subject of an event or an audit record.
pub fn volume_subject(volume: &Volume) -> Subject {
    Subject { kind: "volume".into(), id: volume.meta.id.0, name: volume.meta.name.to_string() }
}

/// The pool of that name or id; without, the first that is there.
pub(crate) fn pool(board: &Board, asked: Option<&str>) -> Result<Arc<PoolEntry>, Problem> {
    let pools = board.pools();
    let found = match asked {
        Some(asked) => {
            let is = |pool: &&Arc<PoolEntry>| {
                pool.pool.meta.name.as_str() == asked || pool.pool.meta.id.to_string() == asked
            };
            pools.iter().find(is).cloned()
        }
        None => {
            let there = |pool: &&Arc<PoolEntry>| pool.status.as_ref().is_some_and(|status| status.available);
            pools.iter().find(there).or_else(|| pools.first()).cloned()
        }
    };
    found.ok_or_else(|| Problem::not_found("pool", asked.unwrap_or("local")).at("/pool"))
}

fn name_key(volume: &Volume) -> Key {
    keys::name("volume", &volume.meta.project, &volume.meta.name)
}

fn name_taken(name: &Name) -> Problem {
    Problem::new(Code::NameTaken).with("kind", "volume").with("name", name).at("/name")
}

impl Volumes {
    pub fn new(ledger: Arc<Ledger>, nodes: Arc<Nodes>) -> Self {
        Self { ledger, nodes, settling: tokio::sync::Mutex::default() }
    }

    /// By id or name.
    pub fn find(&self, text: &str) -> Result<VolumeView, Problem> {
        let board = &self.ledger.board;
        let entry = board.find_volume(text).ok_or_else(|| Problem::not_found("volume", text))?;
        Ok(board.volume_view(entry))
    }

    fn view(&self, id: VolumeId) -> Result<VolumeView, Problem> {
        let board = &self.ledger.board;
        Ok(board.volume_view(board.volume(id).ok_or_else(|| Problem::not_found("volume", id))?))
    }

    /// An empty volume.
    pub async fn create(&self, caller: &Caller, new: NewVolume, keep: &Keep<Volume>) -> Result<Volume, Problem> {
        self.nodes.require()?;
        let volume = self.design(new)?;
        let (id, name) = (volume.meta.id, name_key(&volume));
        let txn = Txn::new()
            .guard(name.clone(), Expect::Absent)
            .put(name, id.to_string())
            .put(keys::volume(id), record::encode(&volume));
        let mut audit = self.ledger.audit(caller, Some(volume_subject(&volume)));
        let txn = audit.write(keep.write(txn, &volume, self.ledger.now()));
        let TxnOutcome::Committed { revision } = self.ledger.store.txn(txn).await.map_err(error::store)? else {
            return Err(name_taken(&volume.meta.name));
        };
        self.ledger.board.put_volume(volume.clone(), revision);
        let ((), audited) = tokio::join!(self.settle(id), self.ledger.audited(audit));
        audited?;
        self.ledger.event_info(EventKind::VolumeCreated, Some(volume_subject(&volume))).await;
        Ok(volume)
    }

    fn design(&self, new: NewVolume) -> Result<Volume, Problem> {
        let NewVolume { project, name, size, pool: asked, tags } = new;
        let pool = pool(&self.ledger.board, asked.as_deref())?;
        let free = pool.status.as_ref().map(|status| status.free);
        let size = admission::disk_size(size, ByteSize(0), pool.pool.meta.name.as_str(), free)?;
        let (id, now) = (VolumeId::now(), self.ledger.now());
        let meta = Meta { id, project, name, generation: Generation::FIRST, created_at: now, updated_at: now };
        let spec = VolumeSpec {
            pool: pool.pool.meta.id,
            size,
            made: None,
            file: DiskFile::of_volume(id),
            attached: None,
            left: None,
            deleting: false,
            binned: None,
            tags,
        };
        Ok(Volume { meta, spec })
    }

    /// Changes the volume if `check` still holds when it is written.
    pub async fn update(
        &self,
        caller: &Caller,
        id: VolumeId,
        patch: VolumePatch,
        check: impl Fn(&VolumeEntry) -> Result<(), Problem> + Send + Sync,
    ) -> Result<VolumeView, Problem> {
        let view = self.refresh(id).await?;
        check(&view.entry)?;
        let volume = self.patched(&view, patch)?;
        if volume.meta.name == view.entry.volume.meta.name && volume.spec == view.entry.volume.spec {
            return Ok(view);
        }
        let (old, new) = (name_key(&view.entry.volume), name_key(&volume));
        let txn = match old == new {
            true => Txn::new(),
            false => Txn::new().guard(new.clone(), Expect::Absent).put(new, id.to_string()).delete(old),
        };
        self.commit(caller, &view.entry, volume, txn, None).await?;
        self.settle(id).await;
        self.view(id)
    }

    fn patched(&self, view: &VolumeView, patch: VolumePatch) -> Result<Volume, Problem> {
        let VolumePatch { name, size, tags } = patch;
        let known = &view.entry.volume;
        let legal = |action| volume::legal(action, known, view.state, view.vm_name());
        legal(Action::Rename)?;
        let mut volume = raised(known, self.ledger.now());
        volume.meta.name = name.unwrap_or(volume.meta.name);
        volume.spec.tags = tags.unwrap_or(volume.spec.tags);
        if let Some(size) = size.filter(|size| *size != view.size) {
            legal(Action::Grow)?;
            let pool = self.ledger.board.pool(volume.spec.pool);
            let free = pool.as_ref().and_then(|pool| pool.status.as_ref()).map(|status| status.free);
            let name = self.ledger.board.pool_name(volume.spec.pool);
            volume.spec.size = admission::disk_size(size, volume.spec.size, &name, free)?;
        }
        Ok(volume)
    }

    /// Deletes a volume for good: its file goes first, then its record. Whoever is killed in between goes on with it.
    pub async fn delete(
        &self,
        caller: &Caller,
        id: VolumeId,
        check: impl Fn(&VolumeEntry) -> Result<(), Problem> + Send + Sync,
    ) -> Result<(), Problem> {
        let view = self.refresh(id).await?;
        check(&view.entry)?;
        volume::legal(Action::Delete, &view.entry.volume, view.state, view.vm_name())?;
        let mut volume = raised(&view.entry.volume, self.ledger.now());
        volume.spec.deleting = true;
        // One from the bin has no name that is its own.
        let txn = match volume.spec.binned {
            Some(_) => Txn::new(),
            None => Txn::new().delete(name_key(&volume)),
        };
        self.commit(caller, &view.entry, volume, txn, None).await?;
        self.settle(id).await;
        Ok(())
    }

    /// Puts a volume into the bin. Its file stays where it is.
    pub async fn bin(&self, caller: &Caller, id: VolumeId, keep: &Keep<Volume>) -> Result<Volume, Problem> {
        let view = self.refresh(id).await?;
        volume::legal(Action::Bin, &view.entry.volume, view.state, view.vm_name())?;
        let now = self.ledger.now();
        let mut volume = raised(&view.entry.volume, now);
        volume.spec.binned = Some(now);
        let txn = Txn::new().delete(name_key(&volume));
        let volume = self.commit(caller, &view.entry, volume, txn, Some(keep)).await?;
        self.ledger.event_info(EventKind::VolumeBinned, Some(volume_subject(&volume))).await;
        Ok(volume)
    }

    /// Brings a volume back from the bin, under its old name or another.
    pub async fn restore(
        &self,
        caller: &Caller,
        id: VolumeId,
        name: Option<Name>,
        keep: &Keep<Volume>,
    ) -> Result<Volume, Problem> {
        let view = self.refresh(id).await?;
        volume::legal(Action::Restore, &view.entry.volume, view.state, view.vm_name())?;
        let mut volume = raised(&view.entry.volume, self.ledger.now());
        volume.spec.binned = None;
        volume.meta.name = name.unwrap_or(volume.meta.name);
        let taken = name_key(&volume);
        let txn = Txn::new().guard(taken.clone(), Expect::Absent).put(taken, id.to_string());
        let volume = self.commit(caller, &view.entry, volume, txn, Some(keep)).await?;
        self.ledger.event_info(EventKind::VolumeRestored, Some(volume_subject(&volume))).await;
        Ok(volume)
    }

    /// Writes a volume over what `entry` is, with its audit record and the answer.
    async fn commit(
        &self,
        caller: &Caller,
        entry: &VolumeEntry,
        volume: Volume,
        txn: Txn,
        keep: Option<&Keep<Volume>>,
    ) -> Result<Volume, Problem> {
        let key = keys::volume(volume.meta.id);
        let guard = Expect::Revision(entry.revision);
        let mut txn = txn.guard(key.clone(), guard).put(key.clone(), record::encode(&volume));
        if let Some(keep) = keep {
            txn = keep.write(txn, &volume, self.ledger.now());
        }
        let mut audit = self.ledger.audit(caller, Some(volume_subject(&volume)));
        match self.ledger.store.txn(audit.write(txn)).await.map_err(error::store)? {
            TxnOutcome::Committed { revision } => {
                self.ledger.board.put_volume(volume.clone(), revision);
                self.ledger.audited(audit).await?;
                Ok(volume)
            }
            TxnOutcome::Refused { key: refused, .. } if refused == key => Err(Problem::new(Code::Stale)),
            TxnOutcome::Refused { .. } => Err(name_taken(&volume.meta.name)),
        }
    }

    /// The volume as the Store has it now.
    pub(crate) async fn refresh(&self, id: VolumeId) -> Result<VolumeView, Problem> {
        refresh(&self.ledger, id).await?;
        self.view(id)
    }

    /// The file, for reading. While a VM that is off has it, nobody writes to it either.
    pub async fn open(&self, view: &VolumeView) -> Result<File, Problem> {
        let of_vm_that_is_off = view.entry.volume.spec.attached.is_some()
            && view.vm.as_ref().and_then(|(vm, _)| vm.status.as_ref()).is_some_and(|status| {
                matches!(status.state, cake_types::VmState::Stopped | cake_types::VmState::Failed)
                    && status.pid.is_none()
            });
        if !of_vm_that_is_off {
            volume::legal(Action::Download, &view.entry.volume, view.state, view.vm_name())?;
        }
        let node = self.nodes.require()?;
        let opened = node.client.open_volume(settle::place(&view.entry.volume)).await;
        opened.map(File::from).map_err(|refusal| settle::refusal(&view.entry.volume, refusal))
    }
}

/// Reads a volume anew: whoever changes it meanwhile must not be written over.
pub(crate) async fn refresh(ledger: &Ledger, id: VolumeId) -> Result<(), Problem> {
    let stored = record::get::<Volume>(&*ledger.store, &keys::volume(id)).await.map_err(error::record)?;
    match stored {
        Some(stored) => ledger.board.put_volume(stored.value, stored.revision),
        None => ledger.board.forget_volume(id),
    }
    Ok(())
}

/// A name for a disk that becomes a volume: its VM's, its number, and one more where that is taken.
pub(crate) fn name_for(board: &Board, vm: &Name, number: u32) -> Name {
    let stem: String = vm.as_str().chars().take(40).collect();
    let stem = stem.trim_end_matches(['-', '_', '.', ' ']);
    let candidates = (1u32..).map(|count| match count {
        1 => format!("{stem}-{number}"),
        count => format!("{stem}-{number}-{count}"),
    });
    let free = |text: &String| board.find_volume(text).is_none();
    let name = candidates.take(10_000).find(free).and_then(|text| names::name(&text, "/name").ok());
    name.unwrap_or_else(|| vm.clone())
}
