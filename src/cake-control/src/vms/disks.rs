//! Disks that come, grow and go.

use super::{Planned, Vms, raised};
use cake_planner::admission::{self, Action};
use cake_planner::hardware;
use cake_store::Txn;
use cake_types::{ByteSize, Code, DiskSpec, PoolId, Problem, Task, TaskGoal, TaskKind, Vm};
use std::sync::Arc;

use crate::board::{PoolEntry, VmEntry};
use crate::caller::{Caller, Keep};
use crate::exports;
use crate::volumes::{self, change::VolumeChange};

impl Vms {
    /// Gives a VM an empty disk; at once if it runs. In the pool of its first disk if none is named.
    pub async fn add_disk(
        &self,
        caller: &Caller,
        entry: Arc<VmEntry>,
        size: ByteSize,
        pool: Option<&str>,
        keep: &Keep<Task>,
    ) -> Result<Arc<Task>, Problem> {
        self.nodes.require()?;
        let plan = |entry: &VmEntry| {
            self.may_change_disks(entry)?;
            let mut vm = raised(&entry.vm, self.ledger.now());
            let pool = self.pool_for(&vm, pool)?;
            let size = admission::disk_size(size, ByteSize(0), pool.pool.meta.name.as_str(), free(&pool))?;
            let number = vm.spec.next_disk_number();
            let device = hardware::added_disk(&vm.spec.hardware, number, !entry.state().is_alive());
            let device = device.ok_or_else(|| Problem::new(Code::NoDiskRoom).with("name", &vm.meta.name))?;
            vm.spec.hardware.disks.push(device);
            vm.spec.disks.push(DiskSpec::own(size, pool.pool.meta.id, None, Some(number)));
            Ok(planned(vm, TaskKind::VmDiskAdd, number, Some(size), Vec::new()))
        };
        self.begin(entry, caller, Some(keep), plan).await
    }

    /// Makes a disk larger; at once if the VM runs.
    pub async fn grow_disk(
        &self,
        caller: &Caller,
        entry: Arc<VmEntry>,
        number: u32,
        size: ByteSize,
        check: impl Fn(&VmEntry) -> Result<(), Problem> + Send + Sync,
    ) -> Result<Arc<Task>, Problem> {
        self.nodes.require()?;
        let plan = |entry: &VmEntry| {
            let mut vm = raised(&entry.vm, self.ledger.now());
            let index = place(&vm, number)?;
            check(entry)?;
            self.may_change_disks(entry)?;
            let disk = &mut vm.spec.disks[index];
            let pool = self.pool_with(disk.pool);
            let name = pool.as_ref().map_or("–", |pool| pool.pool.meta.name.as_str());
            disk.size = admission::disk_size(size, disk.size, name, pool.as_ref().and_then(|pool| free(pool)))?;
            let size = disk.size;
            Ok(planned(vm, TaskKind::VmDiskGrow, number, Some(size), Vec::new()))
        };
        self.begin(entry, caller, None, plan).await
    }

    /// Takes a disk away, with everything on it; at once if the VM runs and its guest lets it go.
    pub async fn remove_disk(
        &self,
        caller: &Caller,
        entry: Arc<VmEntry>,
        number: u32,
        check: impl Fn(&VmEntry) -> Result<(), Problem> + Send + Sync,
    ) -> Result<Arc<Task>, Problem> {
        let plan = |entry: &VmEntry| {
            let mut vm = raised(&entry.vm, self.ledger.now());
            let index = place(&vm, number)?;
            check(entry)?;
            self.may_change_disks(entry)?;
            if vm.spec.boots_from(index) {
                return Err(Problem::new(Code::DiskBoots).with("name", &vm.meta.name));
            }
            let on_port = vm.spec.hardware.is_on_port(vm.spec.hardware.disks[index].address);
            if entry.state().is_alive() && !on_port {
                return Err(Problem::new(Code::DiskBuiltIn).with("name", &vm.meta.name));
            }
            if let Some(volume) = vm.spec.disks[index].volume {
                return Err(self.is_volume(&vm, volume));
            }
            vm.spec.remove_disk(index);
            Ok(planned(vm, TaskKind::VmDiskRemove, number, None, Vec::new()))
        };
        self.begin(entry, caller, None, plan).await
    }

    pub(super) fn may_change_disks(&self, entry: &VmEntry) -> Result<(), Problem> {
        admission::legal(Action::Rewire, entry.situation())?;
        exports::hindered(&self.ledger.board, &entry.vm)
    }

    fn pool_for(&self, vm: &Vm, asked: Option<&str>) -> Result<Arc<PoolEntry>, Problem> {
        match (asked, vm.spec.disks.first().and_then(|disk| self.pool_with(disk.pool))) {
            (None, Some(first)) => Ok(first),
            _ => volumes::pool(&self.ledger.board, asked),
        }
    }

    fn pool_with(&self, id: PoolId) -> Option<Arc<PoolEntry>> {
        self.ledger.board.pools().into_iter().find(|pool| pool.pool.meta.id == id)
    }
}

fn free(pool: &PoolEntry) -> Option<ByteSize> {
    pool.status.as_ref().map(|status| status.free)
}

pub(super) fn place(vm: &Vm, number: u32) -> Result<usize, Problem> {
    let place = vm.spec.numbered_disks().position(|(known, _)| known == number);
    place.ok_or_else(|| Problem::not_found("disk", number))
}

pub(super) fn planned(
    vm: Vm,
    kind: TaskKind,
    number: u32,
    size: Option<ByteSize>,
    volumes: Vec<VolumeChange>,
) -> Planned {
    let goal = TaskGoal::Disk { generation: vm.meta.generation, number, size };
    Planned { vm, goal: Some((kind, goal)), txn: Txn::new(), volumes }
}
