//! What a node says, put on the board.

use super::model::{Greeting, ImageEntry, ImportEntry, PoolEntry, VmEntry, held};
use super::{Board, Snapshot, What};
use cake_node_api::{ImageRecord, ImportRecord, Observed, OperationOutcome, OperationResult, RemovedRecord, VmRecord};
use cake_planner::epoch::Held;
use cake_planner::task::Outcome;
use cake_types::{
    DeviceId, ExportId, Failure, Generation, ImageId, ImportStatus, NodeId, NodeStatus, OperationId, PoolId,
    PoolStatus, ScanStatus, ServerId, Stamp, TaskGoal, Usage, Vm, VmId, VmStatus,
};
use std::sync::Arc;
use uuid::Uuid;

impl Board {
    /// An apply or a removal of this generation is under way: the reconciler need not send the same.
    pub fn set_applying(&self, id: VmId, generation: Generation) {
        self.mark(id, |entry| entry.applying = Some(generation));
    }

    /// It is over, well or not.
    pub fn applying_ended(&self, id: VmId, generation: Generation) {
        self.mark(id, |entry| entry.applying = entry.applying.filter(|other| *other != generation));
    }

    /// A change that nobody outside sees.
    fn mark(&self, id: VmId, change: impl FnOnce(&mut VmEntry)) {
        let mut inner = self.write();
        if let Some(old) = inner.vms.get(&id) {
            let mut entry = (**old).clone();
            change(&mut entry);
            inner.vms.insert(id, Arc::new(entry));
        }
    }

    /// An operation that could not be handed to the node.
    pub fn operation_failed(&self, subject: Uuid, operation: OperationId, failure: Failure) {
        self.write().outcomes.insert(operation, Outcome::Failed(failure));
        self.tasks_poke.poke(subject);
    }

    /// The node has accepted this desired state.
    pub fn applied(&self, vm: &Vm, stamp: Stamp) {
        self.change(vm.meta.id, |entry| {
            let newer = matches!(entry.held, Some(Held::Object { stamp: there, .. }) if there > stamp);
            if newer {
                return false;
            }
            entry.held = Some(held(stamp, vm, Some(&entry.vm)));
            entry.refused = None;
            true
        });
    }

    pub fn refused(&self, id: VmId, generation: Generation, why: &str) {
        self.change(id, |entry| {
            entry.refused = Some((generation, why.into()));
            true
        });
    }

    pub fn greeted(&self, greeting: Greeting) {
        let Greeting { node, status } = greeting;
        self.change_node(node, |entry| {
            entry.connected = true;
            entry.status = Some(status);
        });
    }

    pub fn disconnected(&self, node: NodeId) {
        self.change_node(node, |entry| entry.connected = false);
    }

    /// Takes in one observation of `node`.
    pub fn observe(&self, node: NodeId, observed: Observed) {
        match observed {
            Observed::SnapshotBegin => self.write().snapshot = Some(Snapshot::default()),
            Observed::SnapshotEnd => self.snapshot_end(),
            Observed::Node(status) => self.node_status(node, *status),
            Observed::Vm(record) => self.vm_record(*record),
            Observed::VmStatus { id, status } => self.vm_status(id, *status),
            Observed::VmRemoved(RemovedRecord { id, .. }) => self.tombstone(id),
            Observed::Image(record) => self.image_record(*record),
            Observed::ImageGone { id } => self.image_gone(id),
            Observed::Import(record) => self.import_record(*record),
            Observed::ImportGone { id } => self.import_status(id, None),
            Observed::Export(record) => self.export_record(*record),
            Observed::ExportGone { id } => self.export_status(id, None),
            Observed::Pool { id, status } => self.pool_status(id, status),
            Observed::Operation(outcome) => self.operation(outcome),
            Observed::Disks { disks } => self.change_node(node, |entry| entry.disks = Some(disks.into())),
            Observed::Sticks { sticks } => self.change_node(node, |entry| entry.sticks = Some(sticks.into())),
            Observed::Scan { scan } => self.scan_status(node, scan.map(|scan| Arc::new(*scan))),
            Observed::Server { id, status } => self.server_status(id, *status),
            Observed::ServerGone { id } => self.server_gone(id),
            Observed::ServerOperation(outcome) => self.server_operation(outcome),
            Observed::Device { id, status } => self.device_status(id, *status),
            Observed::DeviceGone { id } => self.device_gone(id),
            Observed::Usage { samples } => self.usage(&samples),
        }
    }

    /// What the snapshot did not name is not there.
    fn snapshot_end(&self) {
        let mut inner = self.write();
        let Some(seen) = inner.snapshot.take() else { return };
        let missing: Vec<VmId> = inner.vms.keys().filter(|id| !seen.vms.contains(id)).copied().collect();
        let gone: Vec<ImageId> = inner.told_images.keys().filter(|id| !seen.images.contains(id)).copied().collect();
        let ended: Vec<ImageId> = inner.imports.keys().filter(|id| !seen.imports.contains(id)).copied().collect();
        let over: Vec<ExportId> = inner.exports.keys().filter(|id| !seen.exports.contains(id)).copied().collect();
        let all: Vec<VmId> = inner.vms.keys().copied().collect();
        let unseen: Vec<ServerId> = inner.servers.keys().filter(|id| !seen.servers.contains(id)).copied().collect();
        let servers: Vec<ServerId> = inner.servers.keys().chain(inner.strange_servers.keys()).copied().collect();
        let unheard: Vec<DeviceId> = inner.devices.keys().filter(|id| !seen.devices.contains(id)).copied().collect();
        let devices: Vec<DeviceId> = inner.devices.keys().chain(inner.strange_devices.keys()).copied().collect();
        drop(inner);
        for id in missing {
            self.vm_not_there(id);
        }
        for id in gone {
            self.image_gone(id);
        }
        for id in ended {
            self.import_status(id, None);
        }
        for id in over {
            self.export_status(id, None);
        }
        for id in unseen {
            self.server_gone(id);
        }
        for id in servers {
            self.server_retry(id);
        }
        for id in unheard {
            self.device_gone(id);
        }
        for id in devices {
            self.device_retry(id);
        }
        for id in all {
            // What was under way when the last connection broke has ended, and what was refused may be tried again.
            self.mark(id, |entry| (entry.applying, entry.refused) = (None, None));
            self.vms_poke.poke(id);
            self.tasks_poke.poke(id.0);
        }
        for import in self.imports() {
            self.imports_poke.poke(import.import.meta.id);
        }
        for export in self.exports() {
            self.exports_poke.poke(export.export.meta.id);
        }
        for volume in self.volumes() {
            self.volumes_poke.poke(volume.id());
        }
        for pool in self.pools() {
            self.pools_poke.poke(pool.pool.meta.id);
        }
    }

    fn node_status(&self, node: NodeId, status: NodeStatus) {
        self.change_node(node, |entry| entry.status = Some(status));
        // It may have told how an order to go off stands.
        self.tasks_poke.poke(node.0);
    }

    fn scan_status(&self, node: NodeId, scan: Option<Arc<ScanStatus>>) {
        let known = self.change_entry(node, |entry| std::mem::replace(&mut entry.scan, scan.clone()));
        if known.is_some_and(|known| known != scan) {
            self.changes.tell(What::Scan);
            self.tasks_poke.poke(node.0);
        }
    }

    fn vm_record(&self, record: VmRecord) {
        let VmRecord { vm, stamp, status } = record;
        let id = vm.meta.id;
        let mut inner = self.write();
        if let Some(snapshot) = &mut inner.snapshot {
            snapshot.vms.insert(id);
        }
        let old = inner.vms.get(&id).cloned();
        let entry = match &old {
            Some(old) if !old.orphaned() => VmEntry {
                held: Some(held(stamp, &vm, Some(&old.vm))),
                status: Some(status.clone()),
                refused: old.refused.clone().filter(|(generation, _)| *generation > stamp.generation),
                ..(**old).clone()
            },
            _ => VmEntry {
                vm: Arc::new(vm),
                revision: None,
                status: Some(status.clone()),
                held: Some(Held::Object { stamp, same: false }),
                refused: None,
                applying: None,
                fragment: bytes::Bytes::new(),
            },
        };
        let vm = entry.vm.clone();
        self.place(&mut inner, entry);
        drop(inner);
        self.report(vm, old.and_then(|old| old.status.clone()), status);
        self.touched(id);
    }

    fn vm_status(&self, id: VmId, status: VmStatus) {
        let mut before = None;
        let after = status.clone();
        self.change(id, |entry| {
            before = Some((entry.vm.clone(), entry.status.replace(status)));
            true
        });
        if let Some((vm, before)) = before {
            self.report(vm, before, after);
        }
    }

    pub fn tombstone(&self, id: VmId) {
        if self.vm(id).is_some_and(|entry| entry.orphaned()) {
            return self.forget_vm(id);
        }
        self.change(id, |entry| {
            entry.held = Some(Held::Tombstone);
            entry.status = None;
            true
        });
        let mut inner = self.write();
        if let Some(snapshot) = &mut inner.snapshot {
            snapshot.vms.insert(id);
        }
    }

    /// The node has never heard of it.
    pub fn vm_not_there(&self, id: VmId) {
        if self.vm(id).is_some_and(|entry| entry.orphaned()) {
            return self.forget_vm(id);
        }
        self.change(id, |entry| {
            entry.held = Some(Held::Nothing);
            entry.status = None;
            true
        });
    }

    fn image_record(&self, record: ImageRecord) {
        let id = record.id;
        let mut inner = self.write();
        if let Some(snapshot) = &mut inner.snapshot {
            snapshot.images.insert(id);
        }
        if let Some(old) = inner.images.get(&id) {
            let entry = ImageEntry { image: old.image.clone(), status: Some(record.status.clone()) };
            inner.images.insert(id, Arc::new(entry));
        }
        inner.told_images.insert(id, Arc::new(record));
        drop(inner);
        self.changes.tell(What::Image(id));
        self.images_poke.poke(id);
        self.tasks_poke.poke(id.0);
    }

    fn image_gone(&self, id: ImageId) {
        let mut inner = self.write();
        inner.told_images.remove(&id);
        if let Some(old) = inner.images.get(&id) {
            let entry = ImageEntry { image: old.image.clone(), status: None };
            inner.images.insert(id, Arc::new(entry));
        }
        drop(inner);
        self.changes.tell(What::ImageGone(id));
    }

    fn import_record(&self, record: ImportRecord) {
        let ImportRecord { id, status } = record;
        if let Some(snapshot) = &mut self.write().snapshot {
            snapshot.imports.insert(id);
        }
        self.import_status(id, Some(status));
    }

    fn import_status(&self, id: ImageId, status: Option<ImportStatus>) {
        self.mark_import(id, |entry| {
            if status.is_some() {
                entry.refused = None;
            }
            entry.status = status;
        });
    }

    /// The node does not take it in.
    pub fn import_refused(&self, id: ImageId, why: &str) {
        self.mark_import(id, |entry| entry.refused = Some(why.into()));
    }

    /// It could not be fetched.
    pub fn import_failed(&self, id: ImageId, why: Failure) {
        self.mark_import(id, |entry| entry.failed = Some(why));
    }

    fn mark_import(&self, id: ImageId, change: impl FnOnce(&mut ImportEntry)) {
        let mut inner = self.write();
        let Some(old) = inner.imports.get(&id) else { return };
        let mut entry = (**old).clone();
        change(&mut entry);
        inner.imports.insert(id, Arc::new(entry));
        drop(inner);
        self.import_touched(id);
    }

    fn pool_status(&self, id: PoolId, status: PoolStatus) {
        let mut inner = self.write();
        let Some(old) = inner.pools.get(&id) else { return };
        let entry = PoolEntry { pool: old.pool.clone(), status: Some(status) };
        inner.pools.insert(id, Arc::new(entry));
        drop(inner);
        self.changes.tell(What::Pool(id));
    }

    fn operation(&self, outcome: OperationOutcome) {
        let OperationOutcome { operation, vm, at: _, result } = outcome;
        self.outcome_told(vm.0, operation, result, |goal| *goal == TaskGoal::Operation { operation });
    }

    /// A node tells old outcomes again in each snapshot; only those that a task waits for are kept.
    pub(super) fn outcome_told(
        &self,
        subject: Uuid,
        operation: OperationId,
        result: OperationResult,
        waits: impl Fn(&TaskGoal) -> bool,
    ) {
        let result = match result {
            OperationResult::Done => Outcome::Done,
            OperationResult::Failed(failure) => Outcome::Failed(failure),
            OperationResult::Superseded => Outcome::Superseded,
        };
        let mut inner = self.write();
        if !inner.tasks.values().any(|task| waits(&task.goal)) {
            return;
        }
        inner.outcomes.insert(operation, result);
        drop(inner);
        self.tasks_poke.poke(subject);
    }

    fn usage(&self, samples: &[(VmId, Usage)]) {
        for (id, usage) in samples {
            let mut inner = self.write();
            let Some(old) = inner.vms.get(id) else { continue };
            let mut entry = (**old).clone();
            let Some(status) = &mut entry.status else { continue };
            status.usage = Some(*usage);
            self.place(&mut inner, entry);
            drop(inner);
            self.changes.tell(What::Vm(*id));
        }
    }
}
