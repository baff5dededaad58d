//! What the board shows.

use bytes::Bytes;
use cake_node_api::Hello;
use cake_planner::admission::Situation;
use cake_planner::epoch::{Held, Wanted};
use cake_store::Revision;
use cake_types::{
    ByteSize, Export, ExportStatus, Failure, Generation, Image, ImageStatus, Import, ImportStatus, Name, Node, NodeId,
    NodeStatus, Pool, PoolStatus, ScanStatus, ServerDisk, Stamp, Stick, Vm, VmId, VmState, VmStatus,
};
use jiff::Timestamp;
use std::sync::Arc;
use uuid::Uuid;

/// A VM, asked and so. Never changed: a change puts a new entry in its place.
#[derive(Clone, Debug)]
pub struct VmEntry {
    /// What the Store holds, or, of an orphan, what the node was told.
    pub vm: Arc<Vm>,
    /// The Store's write it comes from; `None`: the Store does not know it.
    pub revision: Option<Revision>,
    /// What its node last said.
    pub status: Option<VmStatus>,
    /// What its node holds; `None` until the node has told all it has.
    pub held: Option<Held>,
    /// The node refused this generation, for this reason (for support, in English).
    pub refused: Option<(Generation, Arc<str>)>,
    /// An apply of this generation is on its way to the node.
    pub applying: Option<Generation>,
    /// Ready-made JSON, from [`Render`].
    pub fragment: Bytes,
}

/// Something in the bin.
#[derive(Clone, Debug)]
pub struct Binned {
    /// `vm`, `image`, `volume`.
    pub kind: &'static str,
    pub id: Uuid,
    /// As it was then.
    pub name: Name,
    pub at: Timestamp,
    /// What it keeps from others: bytes of disks, or of the image's file.
    pub size: ByteSize,
    pub generation: Generation,
}

impl VmEntry {
    pub fn id(&self) -> VmId {
        self.vm.meta.id
    }

    /// In the bin, and not on its way out of it.
    pub fn binned(&self) -> bool {
        self.vm.spec.binned.is_some() && !self.vm.spec.deleting
    }

    /// Runs on a node, unknown to the Store.
    pub fn orphaned(&self) -> bool {
        self.revision.is_none()
    }

    /// The node once removed this id and will not take it again; or it came out of a backup, and the node has it not.
    pub fn lost(&self) -> bool {
        let gone = match self.held {
            Some(Held::Tombstone) => true,
            Some(Held::Nothing) => self.vm.spec.restored.is_some(),
            _ => false,
        };
        gone && !self.vm.spec.deleting && !self.orphaned()
    }

    /// The state that a person sees.
    pub fn state(&self) -> VmState {
        if self.vm.spec.deleting {
            return VmState::Deleting;
        }
        if self.lost() {
            return VmState::Lost;
        }
        self.status.as_ref().map_or(VmState::Pending, |status| status.state)
    }

    pub fn situation(&self) -> Situation {
        Situation {
            state: self.state(),
            power: self.vm.spec.power,
            orphaned: self.orphaned(),
            deleting: self.vm.spec.deleting,
            binned: self.binned(),
        }
    }

    pub fn wanted(&self) -> Wanted {
        match (self.revision, self.vm.spec.deleting) {
            (None, _) => Wanted::Nothing,
            (Some(_), true) => Wanted::Deleting(self.vm.meta.generation),
            (Some(_), false) if self.vm.spec.restored.is_some() => Wanted::Restored,
            (Some(_), false) => Wanted::Object(self.vm.meta.generation),
        }
    }
}

#[derive(Clone, Debug)]
pub struct ImageEntry {
    pub image: Image,
    /// `None`: its node no longer has it.
    pub status: Option<ImageStatus>,
}

#[derive(Clone, Debug)]
pub struct ImportEntry {
    pub import: Import,
    /// The Store's write it comes from.
    pub revision: Revision,
    /// `None`: its node does not have it.
    pub status: Option<ImportStatus>,
    /// The node refused it, for this reason (for support, in English).
    pub refused: Option<Arc<str>>,
    /// It could not be fetched.
    pub failed: Option<Failure>,
}

#[derive(Clone, Debug)]
pub struct ExportEntry {
    pub export: Export,
    /// The Store's write it comes from.
    pub revision: Revision,
    /// `None`: its node does not have it.
    pub status: Option<ExportStatus>,
    /// The node refused it, for this reason (for support, in English).
    pub refused: Option<Arc<str>>,
}

impl ExportEntry {
    /// The VM's disks are read, or will be.
    pub fn is_at_work(&self) -> bool {
        let over = self.status.as_ref().is_some_and(|status| status.stage.is_over());
        !over && self.refused.is_none() && !self.export.spec.ending
    }
}

#[derive(Clone, Debug)]
pub struct PoolEntry {
    pub pool: Pool,
    pub status: Option<PoolStatus>,
}

#[derive(Clone, Debug)]
pub struct NodeEntry {
    pub node: Node,
    /// The last that was heard.
    pub status: Option<NodeStatus>,
    pub connected: bool,
    /// Its own, as it last said; `None` until then.
    pub disks: Option<Arc<[ServerDisk]>>,
    /// What is plugged into it and can be pulled out; `None` until it has said.
    pub sticks: Option<Arc<[Stick]>>,
    /// Its last scan for BMCs since it was started.
    pub scan: Option<Arc<ScanStatus>>,
}

/// Makes the JSON of a VM once for all its readers. The HTTP contract is cake-api's, so cake-api implements it.
pub trait Render: Send + Sync + 'static {
    fn vm(&self, entry: &VmEntry) -> Bytes;
}

/// What a node's report did to a VM: for the journal of events.
#[derive(Clone, Debug)]
pub struct Transition {
    pub vm: Arc<Vm>,
    pub before: Option<VmStatus>,
    pub after: VmStatus,
}

/// A node that has taken us as its leader.
#[derive(Clone, Debug)]
pub struct Greeting {
    pub node: NodeId,
    pub status: NodeStatus,
}

impl From<&Hello> for Greeting {
    fn from(hello: &Hello) -> Self {
        Self { node: hello.node, status: hello.status.clone() }
    }
}

/// What a node holds of a VM that it reports with its record.
pub fn held(stamp: Stamp, told: &Vm, ours: Option<&Vm>) -> Held {
    Held::Object { stamp, same: ours == Some(told) }
}
