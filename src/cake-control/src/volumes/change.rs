//! Volumes that are written in one transaction with something else: the VM that gets or loses them, or goes.

use cake_store::{Expect, Key, Revision, Txn};
use cake_types::{Generation, Left, Vm, VmId, Volume, VolumeId};
use jiff::Timestamp;

use crate::board::Board;
use crate::{keys, record};

/// A volume as it shall be.
pub(crate) struct VolumeChange {
    pub volume: Volume,
    /// The write that it was read from; without, it is new and takes its name.
    pub before: Option<Revision>,
}

/// What stood against it.
pub(crate) enum Refused {
    /// Somebody else was faster.
    Changed(VolumeId),
    NameTaken,
}

impl VolumeChange {
    fn key(&self) -> Key {
        keys::volume(self.volume.meta.id)
    }

    fn name(&self) -> Key {
        keys::name("volume", &self.volume.meta.project, &self.volume.meta.name)
    }

    fn write(&self, txn: Txn) -> Txn {
        let txn = match self.before {
            Some(revision) => txn.guard(self.key(), Expect::Revision(revision)),
            None => txn
                .guard(self.key(), Expect::Absent)
                .guard(self.name(), Expect::Absent)
                .put(self.name(), self.volume.meta.id.to_string()),
        };
        txn.put(self.key(), record::encode(&self.volume))
    }
}

pub(crate) fn write(txn: Txn, changes: &[VolumeChange]) -> Txn {
    changes.iter().fold(txn, |txn, change| change.write(txn))
}

/// Whether it was one of the volumes that a transaction was refused for.
pub(crate) fn refused(key: &Key, changes: &[VolumeChange]) -> Option<Refused> {
    changes.iter().find_map(|change| match change.before {
        Some(_) if *key == change.key() => Some(Refused::Changed(change.volume.meta.id)),
        None if *key == change.name() => Some(Refused::NameTaken),
        _ => None,
    })
}

/// Puts on the board what was committed.
pub(crate) fn show(board: &Board, changes: Vec<VolumeChange>, revision: Revision) {
    for change in changes {
        board.put_volume(change.volume, revision);
    }
}

/// The volume, one generation on.
pub(crate) fn raised(volume: &Volume, now: Timestamp) -> Volume {
    let mut volume = volume.clone();
    volume.meta.generation = volume.meta.generation.next();
    volume.meta.updated_at = now;
    volume
}

/// The volumes of a VM whose last trace goes: they are free with it.
pub(crate) fn freed(board: &Board, vm: &Vm, now: Timestamp) -> Vec<VolumeChange> {
    let own = board.volumes().into_iter().filter(|entry| entry.volume.spec.attached == Some(vm.meta.id));
    own.map(|entry| {
        let mut volume = raised(&entry.volume, now);
        let disk = vm.spec.disks.iter().find(|disk| disk.volume == Some(entry.id()));
        volume.spec.size = disk.map_or(volume.spec.size, |disk| disk.size);
        volume.spec.attached = None;
        VolumeChange { volume, before: Some(entry.revision) }
    })
    .collect()
}

/// Where a volume is not any more from `generation` of its VM on.
pub(crate) fn left(vm: VmId, number: u32, generation: Generation) -> Option<Left> {
    Some(Left { vm, number, generation })
}
