//! Volumes on the board: as the Store has them, and with the VM that they are in.

use super::{Board, VmEntry, What};
use cake_planner::names::{self, Reference};
use cake_planner::volume::{self, Guest};
use cake_store::Revision;
use cake_types::{ByteSize, Failure, PoolId, VmId, Volume, VolumeId, VolumeState};
use std::sync::Arc;

#[derive(Clone, Debug)]
pub struct VolumeEntry {
    pub volume: Volume,
    /// The Store's write it comes from.
    pub revision: Revision,
    /// Why its node could not do what is asked, until it can.
    pub failed: Option<Failure>,
}

impl VolumeEntry {
    pub fn id(&self) -> VolumeId {
        self.volume.meta.id
    }
}

/// A volume with what follows from its VM.
#[derive(Clone, Debug)]
pub struct VolumeView {
    pub entry: Arc<VolumeEntry>,
    pub state: VolumeState,
    /// Bytes; of one that is in a VM, as that VM shall have it.
    pub size: ByteSize,
    /// The VM that it is in, or that has not let it go, and the disk that it is, or was, there.
    pub vm: Option<(Arc<VmEntry>, u32)>,
}

impl VolumeView {
    /// For problems that name it.
    pub fn vm_name(&self) -> &str {
        self.vm.as_ref().map_or("–", |(entry, _)| entry.vm.meta.name.as_str())
    }
}

impl Board {
    pub fn volumes(&self) -> Vec<Arc<VolumeEntry>> {
        self.read().volumes.values().cloned().collect()
    }

    pub fn volume(&self, id: VolumeId) -> Option<Arc<VolumeEntry>> {
        self.read().volumes.get(&id).cloned()
    }

    /// By id or name; those in the bin by id only.
    pub fn find_volume(&self, text: &str) -> Option<Arc<VolumeEntry>> {
        let inner = self.read();
        match Reference::parse(text)? {
            Reference::Id(id) => inner.volumes.get(&VolumeId(id)).cloned(),
            Reference::Name(name) => {
                let name = names::fold(&name);
                let named = |entry: &&Arc<VolumeEntry>| {
                    let Volume { meta, spec } = &entry.volume;
                    names::fold(&meta.name) == name && spec.binned.is_none() && !spec.deleting
                };
                inner.volumes.values().find(named).cloned()
            }
        }
    }

    pub fn volume_view(&self, entry: Arc<VolumeEntry>) -> VolumeView {
        let spec = &entry.volume.spec;
        let leaving = self.is_leaving(&entry.volume);
        let state = volume::state(&entry.volume, leaving, entry.failed.is_some());
        let attached = spec.attached.and_then(|vm| self.vm(vm));
        let disk = attached.as_ref().and_then(|vm| {
            let mut disks = vm.vm.spec.numbered_disks();
            disks.find(|(_, disk)| disk.volume == Some(entry.id())).map(|(number, disk)| (number, disk.size))
        });
        let left = spec.left.filter(|_| leaving).and_then(|left| Some((self.vm(left.vm)?, left.number)));
        let vm = attached.zip(disk.map(|(number, _)| number)).or(left);
        let size = disk.map_or(spec.size, |(_, size)| size);
        VolumeView { state, size, vm, entry }
    }

    /// Whether the VM that it was in may still have it.
    pub fn is_leaving(&self, volume: &Volume) -> bool {
        let Some(left) = &volume.spec.left else { return false };
        let entry = self.vm(left.vm);
        let guest = entry.as_ref().map(|entry| Guest { held: entry.held, status: entry.status.as_ref() });
        !volume::has_left(left, guest)
    }

    /// The name of a pool, for people.
    pub fn pool_name(&self, id: PoolId) -> String {
        self.pool(id).map_or_else(|| "–".into(), |entry| entry.pool.meta.name.to_string())
    }

    /// Puts a volume as the Store has it. The latest write wins: each is guarded by the one before.
    pub fn put_volume(&self, volume: Volume, revision: Revision) {
        let id = volume.meta.id;
        let mut inner = self.write();
        let old = inner.volumes.get(&id);
        if old.is_some_and(|old| old.volume.meta.generation > volume.meta.generation) {
            return;
        }
        let failed = old.and_then(|old| old.failed.clone()).filter(|_| !volume.is_made());
        inner.volumes.insert(id, Arc::new(VolumeEntry { volume, revision, failed }));
        drop(inner);
        self.volume_touched(id);
    }

    /// The Store no longer holds it.
    pub fn forget_volume(&self, id: VolumeId) {
        self.write().volumes.remove(&id);
        self.changes.tell(What::VolumeGone(id));
    }

    /// Its node could not do what is asked.
    pub fn volume_failed(&self, id: VolumeId, why: Failure) {
        let mut inner = self.write();
        let Some(old) = inner.volumes.get(&id) else { return };
        let entry = VolumeEntry { failed: Some(why), ..(**old).clone() };
        inner.volumes.insert(id, Arc::new(entry));
        drop(inner);
        self.changes.tell(What::Volume(id));
    }

    fn volume_touched(&self, id: VolumeId) {
        self.changes.tell(What::Volume(id));
        self.volumes_poke.poke(id);
    }

    /// Volumes that a VM may let go of now.
    pub(super) fn poke_volumes_of(&self, vm: VmId) {
        let inner = self.read();
        let left = inner.volumes.values().filter(|entry| entry.volume.spec.left.is_some_and(|left| left.vm == vm));
        let left: Vec<VolumeId> = left.map(|entry| entry.id()).collect();
        drop(inner);
        for id in left {
            self.volumes_poke.poke(id);
        }
    }
}
