//! Changing a VM.

use super::{Changed, Planned, Vms, raised};
use cake_planner::admission::{self, Action};
use cake_planner::names;
use cake_store::{Expect, Txn};
use cake_types::{ByteSize, Name, Priority, Problem, Restart, Tags, Vm, VmId};
use std::sync::Arc;

use crate::board::VmEntry;
use crate::caller::Caller;
use crate::keys;

/// What shall be different; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct VmPatch {
    pub name: Option<Name>,
    pub restart: Option<Restart>,
    pub priority: Option<Priority>,
    pub cpus: Option<u32>,
    pub memory: Option<ByteSize>,
    /// All of them.
    pub tags: Option<Tags>,
    /// The CD with drivers, by name or id; an empty text takes it and its drive away.
    pub drivers: Option<String>,
}

impl Vms {
    /// Changes the VM if `check` still holds when it is written.
    pub async fn update(
        &self,
        caller: &Caller,
        entry: Arc<VmEntry>,
        patch: &VmPatch,
        check: impl Fn(&VmEntry) -> Result<(), Problem> + Send + Sync,
    ) -> Result<Arc<VmEntry>, Problem> {
        let id: VmId = entry.id();
        check(&entry)?;
        if changes_nothing(&entry, patch) {
            return Ok(entry);
        }
        let plan = |entry: &VmEntry| {
            check(entry)?;
            self.patched(entry, patch)
        };
        let Changed { vm, task: _, audit } = self.change(entry, caller, None, plan).await?;
        self.carry_out(&vm, audit).await?;
        self.ledger.board.vm(id).ok_or_else(|| Problem::not_found("vm", id))
    }

    fn patched(&self, entry: &VmEntry, patch: &VmPatch) -> Result<Planned, Problem> {
        let VmPatch { name, restart, priority, cpus, memory, tags, drivers } = patch;
        admission::legal(Action::Rename, entry.situation())?;
        let mut vm = raised(&entry.vm, self.ledger.now());
        let mut txn = Txn::new();
        if let Some(name) = name {
            if names::fold(name) != names::fold(&vm.meta.name) {
                let (old, new) = (&vm.meta.name, name);
                let (old, new) = (keys::name("vm", &vm.meta.project, old), keys::name("vm", &vm.meta.project, new));
                txn = txn.guard(new.clone(), Expect::Absent).put(new, vm.meta.id.to_string()).delete(old);
            }
            vm.meta.name = name.clone();
        }
        vm.spec.restart = restart.unwrap_or(vm.spec.restart);
        vm.spec.priority = priority.unwrap_or(vm.spec.priority);
        vm.spec.tags = tags.clone().unwrap_or(vm.spec.tags);
        if let Some(drivers) = drivers {
            admission::legal(Action::Resize, entry.situation())?;
            self.set_drivers(&mut vm.spec, &vm.meta.name, Some(drivers.as_str()).filter(|text| !text.is_empty()))?;
        }
        if cpus.is_some() || memory.is_some() {
            admission::legal(Action::Resize, entry.situation())?;
            let capacity = self.capacity()?;
            if let Some(cpus) = cpus {
                vm.spec.cpus = admission::cpus(*cpus, capacity.cpus)?;
            }
            if let Some(memory) = memory {
                vm.spec.memory = admission::memory(*memory, self.least_memory(&vm), capacity.memory)?;
            }
        }
        Ok(Planned { vm, goal: None, txn, volumes: Vec::new() })
    }
}

impl Vms {
    /// What the image that it was made from needs, as far as it is still known.
    fn least_memory(&self, vm: &Vm) -> ByteSize {
        let image = vm.spec.disks.first().and_then(|disk| disk.image).or(vm.spec.kernel);
        let image = image.and_then(|id| self.ledger.board.image(id));
        image.map_or(ByteSize(0), |entry| entry.image.spec.min_memory)
    }
}

/// A form that was sent as it came.
fn changes_nothing(entry: &VmEntry, patch: &VmPatch) -> bool {
    let VmPatch { name, restart, priority, cpus, memory, tags, drivers } = patch;
    let (meta, spec) = (&entry.vm.meta, &entry.vm.spec);
    name.as_ref().is_none_or(|name| *name == meta.name)
        && restart.is_none_or(|restart| restart == spec.restart)
        && priority.is_none_or(|priority| priority == spec.priority)
        && cpus.is_none_or(|cpus| cpus == spec.cpus)
        && memory.is_none_or(|memory| memory == spec.memory)
        && tags.as_ref().is_none_or(|tags| *tags == spec.tags)
        && drivers.as_ref().is_none_or(|text| text.is_empty() && spec.drivers.is_none())
}
