//! Disks that come from elsewhere and go there: volumes, in and out of a VM. The Store writes both in one transaction, so no two VMs
//! can ever be given the same.

use super::disks::{place, planned};
use super::{Vms, raised};
use cake_planner::{hardware, volume};
use cake_types::{
    Code, DiskSpec, Generation, Meta, Name, Problem, Tags, Task, TaskKind, Vm, Volume, VolumeId, VolumeSpec,
};
use std::sync::Arc;

use crate::board::VmEntry;
use crate::caller::{Caller, Keep};
use crate::volumes::change::{self, VolumeChange};
use crate::volumes::name_for;

pub(super) fn name_taken(changes: &[VolumeChange]) -> Problem {
    let new = changes.iter().find(|change| change.before.is_none());
    let name = new.map(|change| change.volume.meta.name.to_string()).unwrap_or_default();
    Problem::new(Code::NameTaken).with("kind", "volume").with("name", name).at("/name")
}

impl Vms {
    /// Gives a VM a volume as its next disk; at once if it runs.
    pub async fn attach_volume(
        &self,
        caller: &Caller,
        entry: Arc<VmEntry>,
        id: VolumeId,
        keep: &Keep<Task>,
    ) -> Result<Arc<Task>, Problem> {
        self.nodes.require()?;
        let board = &self.ledger.board;
        let plan = |entry: &VmEntry| {
            self.may_change_disks(entry)?;
            let known = board.volume(id).ok_or_else(|| Problem::not_found("volume", id))?;
            let view = board.volume_view(known);
            volume::legal(volume::Action::Attach, &view.entry.volume, view.state, view.vm_name())?;
            let now = self.ledger.now();
            let mut vm = raised(&entry.vm, now);
            let number = vm.spec.next_disk_number();
            let device = hardware::added_disk(&vm.spec.hardware, number, !entry.state().is_alive());
            let device = device.ok_or_else(|| Problem::new(Code::NoDiskRoom).with("name", &vm.meta.name))?;
            vm.spec.hardware.disks.push(device);
            let mut volume = change::raised(&view.entry.volume, now);
            (volume.spec.attached, volume.spec.left) = (Some(vm.meta.id), None);
            let VolumeSpec { pool, size, file, .. } = volume.spec;
            let own = DiskSpec::own(size, pool, None, Some(number));
            vm.spec.disks.push(DiskSpec { volume: Some(id), file: Some(file), ..own });
            let change = VolumeChange { volume, before: Some(view.entry.revision) };
            Ok(planned(vm, TaskKind::VmDiskAttach, number, Some(size), vec![change]))
        };
        self.begin(entry, caller, Some(keep), plan).await
    }

    /// Takes a disk out and keeps what is on it: a volume is free again, the VM's own disk becomes one, under `name` or one that tells
    /// where it comes from. At once if the VM runs and its guest lets it go.
    pub async fn detach_disk(
        &self,
        caller: &Caller,
        entry: Arc<VmEntry>,
        number: u32,
        name: Option<Name>,
        keep: &Keep<Task>,
    ) -> Result<Arc<Task>, Problem> {
        let plan = |entry: &VmEntry| {
            let mut vm = raised(&entry.vm, self.ledger.now());
            let index = place(&vm, number)?;
            self.may_change_disks(entry)?;
            if vm.spec.boots_from(index) {
                return Err(Problem::new(Code::DiskBoots).with("name", &vm.meta.name));
            }
            volume::detachable(&entry.vm, entry.status.as_ref())?;
            let on_port = vm.spec.hardware.is_on_port(vm.spec.hardware.disks[index].address);
            if entry.state().is_alive() && !on_port {
                return Err(Problem::new(Code::DiskBuiltIn).with("name", &vm.meta.name));
            }
            let (number, disk) = vm.spec.detach_disk(index);
            let change = match disk.volume {
                Some(id) => self.let_go(&vm, number, &disk, id)?,
                None => VolumeChange { volume: self.volume_of(&vm, number, &disk, name.clone()), before: None },
            };
            Ok(planned(vm, TaskKind::VmDiskDetach, number, None, vec![change]))
        };
        self.begin(entry, caller, Some(keep), plan).await
    }

    /// A volume that is in no VM any more.
    fn let_go(&self, vm: &Vm, number: u32, disk: &DiskSpec, id: VolumeId) -> Result<VolumeChange, Problem> {
        let known = self.ledger.board.volume(id).ok_or_else(|| Problem::not_found("volume", id))?;
        let mut volume = change::raised(&known.volume, self.ledger.now());
        (volume.spec.size, volume.spec.attached) = (disk.size, None);
        volume.spec.left = change::left(vm.meta.id, number, vm.meta.generation);
        Ok(VolumeChange { volume, before: Some(known.revision) })
    }

    /// A VM's own disk as a volume: its file stays where it is, under the name that it has.
    fn volume_of(&self, vm: &Vm, number: u32, disk: &DiskSpec, name: Option<Name>) -> Volume {
        let now = self.ledger.now();
        let name = name.unwrap_or_else(|| name_for(&self.ledger.board, &vm.meta.name, number));
        let meta = Meta {
            id: VolumeId::now(),
            project: vm.meta.project.clone(),
            name,
            generation: Generation::FIRST,
            created_at: now,
            updated_at: now,
        };
        let spec = VolumeSpec {
            pool: disk.pool,
            size: disk.size,
            made: None,
            file: vm.disk_file(number, disk),
            attached: None,
            left: change::left(vm.meta.id, number, vm.meta.generation),
            deleting: false,
            binned: None,
            tags: Tags::default(),
        };
        Volume { meta, spec }
    }

    /// Why a disk can't be removed as if it were the VM's own.
    pub(super) fn is_volume(&self, vm: &Vm, id: VolumeId) -> Problem {
        let name = self.ledger.board.volume(id).map_or_else(|| id.to_string(), |v| v.volume.meta.name.to_string());
        Problem::new(Code::VolumeAttached).with("name", name).with("vm", &vm.meta.name)
    }

    /// The volumes of a VM that a node runs and the Store does not know: they are in it, so nobody else gets them.
    pub(super) fn adopted(&self, vm: &Vm) -> Result<Vec<VolumeChange>, Problem> {
        let disks = vm.spec.numbered_disks().filter_map(|(number, disk)| Some((number, disk, disk.volume?)));
        let mut changes = Vec::new();
        for (number, disk, id) in disks {
            match self.ledger.board.volume(id) {
                Some(known) if known.volume.spec.attached == Some(vm.meta.id) => {}
                Some(known) if known.volume.spec.attached.is_none() && !known.volume.spec.deleting => {
                    let mut volume = change::raised(&known.volume, self.ledger.now());
                    (volume.spec.attached, volume.spec.left) = (Some(vm.meta.id), None);
                    changes.push(VolumeChange { volume, before: Some(known.revision) });
                }
                Some(_) => return Err(self.is_volume(vm, id)),
                None => {
                    let mut volume = self.volume_of(vm, number, disk, None);
                    volume.meta.id = id;
                    (volume.spec.attached, volume.spec.left, volume.spec.made) =
                        (Some(vm.meta.id), None, Some(disk.size));
                    changes.push(VolumeChange { volume, before: None });
                }
            }
        }
        Ok(changes)
    }
}
