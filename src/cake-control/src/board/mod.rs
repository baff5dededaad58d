//! The board: every resource and its status in memory, so that reading never waits for the Store or a node.
//!
//! ```text
//!   Store ── load, then every commit of ours ──┐
//!                                              ├─► Board ──► lists (ready-made JSON), pages
//!   node ─── observe ──────────────────────────┘     ├────► Changes ──► server-sent events, pages
//!                                                    └────► pokes ──► reconcilers
//! ```
//!
//! One lock, held only to copy or to put: nothing waits while holding it.

mod changes;
mod devices;
mod exports;
mod model;
mod observe;
mod servers;
mod volumes;

pub use changes::{Change, Changes, Compacted, What};
pub use devices::DeviceEntry;
pub use model::{
    Binned, ExportEntry, Greeting, ImageEntry, ImportEntry, NodeEntry, PoolEntry, Render, Transition, VmEntry,
};
pub use servers::ServerEntry;
pub use volumes::{VolumeEntry, VolumeView};

use cake_node_api::ImageRecord;
use cake_planner::epoch::Held;
use cake_planner::names::{self, Reference};
use cake_planner::task::Outcome;
use cake_store::Revision;
use cake_types::{
    ByteSize, DeviceId, ExportId, Image, ImageId, Import, Node, NodeId, OperationId, Pool, PoolId, Problem,
    ProjectName, ServerId, Stamp, Task, TaskGoal, TaskId, Vm, VmId, VmStatus, VolumeId,
};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use uuid::Uuid;

use crate::poke::Poke;

pub struct Board {
    inner: RwLock<Inner>,
    pub changes: Changes,
    render: Arc<dyn Render>,
    /// VMs whose desired or observed state may differ now.
    pub vms_poke: Poke<VmId>,
    /// Subjects whose tasks may have ended.
    pub tasks_poke: Poke<Uuid>,
    /// Images that the Store may not know as the node does.
    pub images_poke: Poke<ImageId>,
    /// Imports whose desired or observed state may differ now.
    pub imports_poke: Poke<ImageId>,
    /// Exports whose desired or observed state may differ now.
    pub exports_poke: Poke<ExportId>,
    /// Volumes whose desired or observed state may differ now.
    pub volumes_poke: Poke<VolumeId>,
    /// Servers whose desired or observed state may differ now.
    pub servers_poke: Poke<ServerId>,
    /// Devices whose desired or observed state may differ now.
    pub devices_poke: Poke<DeviceId>,
    /// Pools that the node may not know as the Store does.
    pub pools_poke: Poke<PoolId>,
    transitions: tokio::sync::mpsc::UnboundedSender<Transition>,
}

#[derive(Default)]
struct Inner {
    vms: BTreeMap<VmId, Arc<VmEntry>>,
    /// Of VMs that are not being deleted, orphans left out.
    names: HashMap<(ProjectName, String), VmId>,
    tasks: BTreeMap<TaskId, Arc<Task>>,
    outcomes: HashMap<OperationId, Outcome>,
    images: BTreeMap<ImageId, Arc<ImageEntry>>,
    imports: BTreeMap<ImageId, Arc<ImportEntry>>,
    exports: BTreeMap<ExportId, Arc<ExportEntry>>,
    /// What the node says of images, until the Store has them.
    told_images: BTreeMap<ImageId, Arc<ImageRecord>>,
    volumes: BTreeMap<VolumeId, Arc<VolumeEntry>>,
    servers: BTreeMap<ServerId, Arc<ServerEntry>>,
    /// What a node watches and the Store does not know, as the node holds it.
    strange_servers: BTreeMap<ServerId, Stamp>,
    devices: BTreeMap<DeviceId, Arc<DeviceEntry>>,
    strange_devices: BTreeMap<DeviceId, Stamp>,
    pools: BTreeMap<PoolId, Arc<PoolEntry>>,
    nodes: BTreeMap<NodeId, Arc<NodeEntry>>,
    /// Ids that the snapshot under way has named.
    snapshot: Option<Snapshot>,
}

#[derive(Default)]
struct Snapshot {
    vms: HashSet<VmId>,
    images: HashSet<ImageId>,
    imports: HashSet<ImageId>,
    exports: HashSet<ExportId>,
    servers: HashSet<ServerId>,
    devices: HashSet<DeviceId>,
}

impl Board {
    /// An empty board, and the transitions of VMs as nodes report them.
    pub fn new(render: Arc<dyn Render>) -> (Self, tokio::sync::mpsc::UnboundedReceiver<Transition>) {
        let (transitions, receiver) = tokio::sync::mpsc::unbounded_channel();
        let board = Self {
            inner: RwLock::default(),
            changes: Changes::default(),
            render,
            vms_poke: Poke::default(),
            tasks_poke: Poke::default(),
            images_poke: Poke::default(),
            imports_poke: Poke::default(),
            exports_poke: Poke::default(),
            volumes_poke: Poke::default(),
            servers_poke: Poke::default(),
            devices_poke: Poke::default(),
            pools_poke: Poke::default(),
            transitions,
        };
        (board, receiver)
    }

    fn read(&self) -> RwLockReadGuard<'_, Inner> {
        self.inner.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Inner> {
        self.inner.write().unwrap_or_else(PoisonError::into_inner)
    }

    // ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────────────

    pub fn vm(&self, id: VmId) -> Option<Arc<VmEntry>> {
        self.read().vms.get(&id).cloned()
    }

    /// By id or name; orphans by id only.
    pub fn find_vm(&self, project: &ProjectName, text: &str) -> Result<Arc<VmEntry>, Problem> {
        let missing = || Problem::not_found("vm", text);
        let inner = self.read();
        let id = match Reference::parse(text).ok_or_else(missing)? {
            Reference::Id(id) => VmId(id),
            Reference::Name(name) => *inner.names.get(&(project.clone(), names::fold(&name))).ok_or_else(missing)?,
        };
        inner.vms.get(&id).cloned().ok_or_else(missing)
    }

    /// Looks at the VMs after `after` in the order of their ids, until `look` says stop.
    pub fn each_vm(&self, after: Option<VmId>, mut look: impl FnMut(&Arc<VmEntry>) -> bool) {
        use std::ops::Bound::{Excluded, Unbounded};
        let inner = self.read();
        let start = after.map_or(Unbounded, Excluded);
        for entry in inner.vms.range((start, Unbounded)).map(|(_, entry)| entry) {
            if !look(entry) {
                return;
            }
        }
    }

    pub fn vms(&self) -> Vec<Arc<VmEntry>> {
        self.read().vms.values().cloned().collect()
    }

    pub fn images(&self) -> Vec<Arc<ImageEntry>> {
        self.read().images.values().cloned().collect()
    }

    pub fn image(&self, id: ImageId) -> Option<Arc<ImageEntry>> {
        self.read().images.get(&id).cloned()
    }

    pub fn find_image(&self, text: &str) -> Option<Arc<ImageEntry>> {
        let inner = self.read();
        match Reference::parse(text)? {
            Reference::Id(id) => inner.images.get(&ImageId(id)).cloned(),
            Reference::Name(name) => {
                inner.images.values().find(|e| e.image.meta.name == name && e.image.binned.is_none()).cloned()
            }
        }
    }

    /// Everything in the bin, oldest first.
    pub fn bin(&self) -> Vec<Binned> {
        let inner = self.read();
        let vms = inner.vms.values().filter(|entry| entry.binned()).filter_map(|entry| {
            let (meta, spec) = (&entry.vm.meta, &entry.vm.spec);
            let size = ByteSize(spec.disks.iter().map(|disk| disk.size.bytes()).sum());
            let (id, name, generation) = (meta.id.0, meta.name.clone(), meta.generation);
            Some(Binned { kind: "vm", id, name, at: spec.binned?, size, generation })
        });
        let images = inner.images.values().filter_map(|entry| {
            let meta = &entry.image.meta;
            let size = entry.status.as_ref().map_or(ByteSize(0), |status| status.stored);
            let (id, name, generation) = (meta.id.0, meta.name.clone(), meta.generation);
            Some(Binned { kind: "image", id, name, at: entry.image.binned?, size, generation })
        });
        let volumes = inner.volumes.values().filter_map(|entry| {
            let (meta, spec) = (&entry.volume.meta, &entry.volume.spec);
            let (id, name, generation) = (meta.id.0, meta.name.clone(), meta.generation);
            let at = spec.binned.filter(|_| !spec.deleting)?;
            Some(Binned { kind: "volume", id, name, at, size: spec.size, generation })
        });
        let mut all: Vec<Binned> = vms.chain(images).chain(volumes).collect();
        all.sort_by_key(|binned| (binned.at, binned.id));
        all
    }

    pub fn imports(&self) -> Vec<Arc<ImportEntry>> {
        self.read().imports.values().cloned().collect()
    }

    pub fn import(&self, id: ImageId) -> Option<Arc<ImportEntry>> {
        self.read().imports.get(&id).cloned()
    }

    /// By id or name.
    pub fn find_import(&self, text: &str) -> Option<Arc<ImportEntry>> {
        let inner = self.read();
        match Reference::parse(text)? {
            Reference::Id(id) => inner.imports.get(&ImageId(id)).cloned(),
            Reference::Name(name) => {
                let name = names::fold(&name);
                inner.imports.values().find(|e| names::fold(&e.import.meta.name) == name).cloned()
            }
        }
    }

    pub fn told_image(&self, id: ImageId) -> Option<Arc<ImageRecord>> {
        self.read().told_images.get(&id).cloned()
    }

    pub fn pools(&self) -> Vec<Arc<PoolEntry>> {
        self.read().pools.values().cloned().collect()
    }

    pub fn pool(&self, id: PoolId) -> Option<Arc<PoolEntry>> {
        self.read().pools.get(&id).cloned()
    }

    pub fn nodes(&self) -> Vec<Arc<NodeEntry>> {
        self.read().nodes.values().cloned().collect()
    }

    pub fn node(&self, id: NodeId) -> Option<Arc<NodeEntry>> {
        self.read().nodes.get(&id).cloned()
    }

    /// Tasks that have not ended, oldest first.
    pub fn tasks(&self) -> Vec<Arc<Task>> {
        self.read().tasks.values().cloned().collect()
    }

    pub fn task(&self, id: TaskId) -> Option<Arc<Task>> {
        self.read().tasks.get(&id).cloned()
    }

    pub fn tasks_of(&self, subject: Uuid) -> Vec<Arc<Task>> {
        self.read().tasks.values().filter(|task| task.subject.id == subject).cloned().collect()
    }

    pub fn outcome(&self, operation: OperationId) -> Option<Outcome> {
        self.read().outcomes.get(&operation).cloned()
    }

    // ── what the Store holds ─────────────────────────────────────────────────────────────────────────────────────────────

    /// Puts a VM as the Store has it, unless a newer one is already here. `applying`: whoever puts it is about to send it to the
    /// node, so the reconciler need not.
    pub fn put_vm(&self, vm: Arc<Vm>, revision: Revision, applying: bool) {
        let id = vm.meta.id;
        let mut inner = self.write();
        let old = inner.vms.get(&id).cloned();
        if old.as_ref().is_some_and(|old| !old.orphaned() && old.vm.meta.generation > vm.meta.generation) {
            return;
        }
        let same = old.as_ref().is_some_and(|old| *old.vm == *vm);
        let held = old.as_ref().and_then(|old| old.held).map(|held| match held {
            Held::Object { stamp, same: was } => Held::Object { stamp, same: was && same },
            other => other,
        });
        if let Some(old) = &old {
            inner.forget_name(old);
        }
        if !vm.spec.deleting && vm.spec.binned.is_none() {
            inner.names.insert((vm.meta.project.clone(), names::fold(&vm.meta.name)), id);
        }
        let entry = VmEntry {
            revision: Some(revision),
            held,
            status: old.as_ref().and_then(|old| old.status.clone()),
            refused: old.as_ref().and_then(|old| old.refused.clone()),
            applying: applying.then_some(vm.meta.generation).or(old.as_ref().and_then(|old| old.applying)),
            vm,
            fragment: bytes::Bytes::new(),
        };
        self.place(&mut inner, entry);
        drop(inner);
        self.touched(id);
    }

    /// The Store no longer holds it.
    pub fn forget_vm(&self, id: VmId) {
        let mut inner = self.write();
        if let Some(old) = inner.vms.remove(&id) {
            inner.forget_name(&old);
        }
        drop(inner);
        self.changes.tell(What::VmGone(id));
        self.poke_volumes_of(id);
        self.tasks_poke.poke(id.0);
    }

    pub fn put_task(&self, task: Arc<Task>) {
        let subject = task.subject.id;
        self.write().tasks.insert(task.id, task.clone());
        self.changes.tell(What::Task(task));
        self.tasks_poke.poke(subject);
    }

    /// Its progress, unless it ended or was cancelled meanwhile.
    pub fn move_task(&self, task: Arc<Task>) {
        let mut inner = self.write();
        let known = inner.tasks.get(&task.id).is_some_and(|known| known.cancel_requested == task.cancel_requested);
        if known {
            inner.tasks.insert(task.id, task.clone());
            drop(inner);
            self.changes.tell(What::Task(task));
        }
    }

    /// It has ended: `task` is as the Journal has it.
    pub fn end_task(&self, task: Arc<Task>) {
        let mut inner = self.write();
        inner.tasks.remove(&task.id);
        if let Some(operation) = task.goal.operation() {
            inner.outcomes.remove(&operation);
        }
        drop(inner);
        if task.goal == TaskGoal::Imported {
            self.imports_poke.poke(ImageId(task.subject.id));
        }
        if let TaskGoal::Exported { export } = task.goal {
            self.exports_poke.poke(export);
        }
        self.changes.tell(What::Task(task));
    }

    pub fn put_image(&self, image: Image) {
        let id = image.meta.id;
        let mut inner = self.write();
        let status = inner.told_images.get(&id).map(|told| told.status.clone());
        inner.images.insert(id, Arc::new(ImageEntry { image, status }));
        drop(inner);
        self.changes.tell(What::Image(id));
        self.tasks_poke.poke(id.0);
    }

    /// The Store no longer holds it.
    pub fn forget_image(&self, id: ImageId) {
        self.write().images.remove(&id);
        self.changes.tell(What::ImageGone(id));
        self.tasks_poke.poke(id.0);
    }

    pub fn put_import(&self, import: Import, revision: Revision) {
        let id = import.meta.id;
        let mut inner = self.write();
        let old = inner.imports.get(&id);
        let entry = match old {
            Some(old) => ImportEntry { import, revision, ..(**old).clone() },
            None => ImportEntry { import, revision, status: None, refused: None, failed: None },
        };
        inner.imports.insert(id, Arc::new(entry));
        drop(inner);
        self.import_touched(id);
    }

    /// The Store no longer holds it.
    pub fn forget_import(&self, id: ImageId) {
        self.write().imports.remove(&id);
        self.changes.tell(What::ImportGone(id));
        self.tasks_poke.poke(id.0);
    }

    pub fn put_pool(&self, pool: Pool) {
        let id = pool.meta.id;
        let mut inner = self.write();
        let status = inner.pools.get(&id).and_then(|old| old.status.clone());
        inner.pools.insert(id, Arc::new(PoolEntry { pool, status }));
        drop(inner);
        self.changes.tell(What::Pool(id));
        self.pools_poke.poke(id);
    }

    pub fn put_node(&self, node: Node) {
        let id = node.meta.id;
        let mut inner = self.write();
        let old = inner.nodes.get(&id).cloned();
        let status = old.as_ref().and_then(|old| old.status.clone());
        let connected = old.as_ref().is_some_and(|old| old.connected);
        let disks = old.as_ref().and_then(|old| old.disks.clone());
        let scan = old.as_ref().and_then(|old| old.scan.clone());
        let sticks = old.and_then(|old| old.sticks.clone());
        inner.nodes.insert(id, Arc::new(NodeEntry { node, status, connected, disks, sticks, scan }));
        drop(inner);
        self.changes.tell(What::Node(id));
    }

    // ── within ───────────────────────────────────────────────────────────────────────────────────────────────────────────

    fn place(&self, inner: &mut Inner, mut entry: VmEntry) {
        entry.fragment = self.render.vm(&entry);
        inner.vms.insert(entry.id(), Arc::new(entry));
    }

    fn change(&self, id: VmId, change: impl FnOnce(&mut VmEntry) -> bool) {
        let mut inner = self.write();
        let Some(old) = inner.vms.get(&id) else { return };
        let mut entry = (**old).clone();
        if !change(&mut entry) {
            return;
        }
        self.place(&mut inner, entry);
        drop(inner);
        self.touched(id);
    }

    fn change_node(&self, id: NodeId, change: impl FnOnce(&mut NodeEntry)) {
        if self.change_entry(id, change).is_some() {
            self.changes.tell(What::Node(id));
        }
    }

    /// Without a word to anybody. `None`: there is no such node.
    fn change_entry<T>(&self, id: NodeId, change: impl FnOnce(&mut NodeEntry) -> T) -> Option<T> {
        let mut inner = self.write();
        let mut entry = (**inner.nodes.get(&id)?).clone();
        let answer = change(&mut entry);
        inner.nodes.insert(id, Arc::new(entry));
        Some(answer)
    }

    fn import_touched(&self, id: ImageId) {
        self.changes.tell(What::Import(id));
        self.imports_poke.poke(id);
        self.tasks_poke.poke(id.0);
    }

    fn touched(&self, id: VmId) {
        self.changes.tell(What::Vm(id));
        self.vms_poke.poke(id);
        self.poke_volumes_of(id);
        self.tasks_poke.poke(id.0);
    }

    fn report(&self, vm: Arc<Vm>, before: Option<VmStatus>, after: VmStatus) {
        // The receiver lives as long as the program; while it ends there is nobody left to tell.
        let _ = self.transitions.send(Transition { vm, before, after });
    }
}

impl Inner {
    fn forget_name(&mut self, old: &VmEntry) {
        let key = (old.vm.meta.project.clone(), names::fold(&old.vm.meta.name));
        if self.names.get(&key) == Some(&old.id()) {
            self.names.remove(&key);
        }
    }
}
