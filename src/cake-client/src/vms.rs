//! Virtual machines, by id or by name.

use crate::core::{NO_BODY, escape};
use crate::wire::{BinItem, BulkSummary, BulkVm, NewCd, NewDisk, NewNic, NewVm, Task, Ticket, Vm};
use crate::{Client, Error, ItemsSeen, Seen};
use cake_types::ByteSize;
use serde_json::json;
use uuid::Uuid;

/// What can be asked of a VM as one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VmAction {
    Start,
    /// Asks the guest to shut down (ACPI).
    Shutdown,
    /// Force off.
    Stop,
    Reset,
    Pause,
    Resume,
    /// The guest goes on in the QEMU of the server's current engine.
    ReplaceEngine,
    /// Takes a VM that a node runs and the Store does not know back into the Store.
    Adopt,
}

impl VmAction {
    /// The last segment of the route.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Shutdown => "shutdown",
            Self::Stop => "stop",
            Self::Reset => "reset",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::ReplaceEngine => "replace-engine",
            Self::Adopt => "adopt",
        }
    }
}

impl Client {
    pub async fn vms(&self) -> Result<ItemsSeen<Vm>, Error> {
        self.list("/v1/vms", None).await
    }

    pub async fn vm(&self, vm: &str) -> Result<Seen<Vm>, Error> {
        self.get(&vm_path(vm)).await
    }

    /// Creates a VM; the task ends when it runs, or when it is there if it was not to be started.
    pub async fn create_vm(&self, new: &NewVm) -> Result<Seen<Task>, Error> {
        self.post("/v1/vms", Some(new)).await
    }

    pub async fn act(&self, vm: &str, action: VmAction) -> Result<Seen<Task>, Error> {
        self.post(&format!("{}/{}", vm_path(vm), action.as_str()), NO_BODY).await
    }

    pub async fn rename_vm(&self, vm: &Seen<Vm>, name: &str) -> Result<Seen<serde_json::Value>, Error> {
        let id = vm.id.to_string();
        self.patch(&vm_path(&id), vm.etag()?, &json!({ "name": name })).await
    }

    /// Changes what is named in `change`, if nobody else changed the VM since it was read.
    pub async fn change_vm(&self, vm: &Seen<Vm>, change: &serde_json::Value) -> Result<Seen<Vm>, Error> {
        let id = vm.id.to_string();
        self.patch(&vm_path(&id), vm.etag()?, change).await
    }

    /// The CD with drivers in the second drive; an empty text takes both away. Only while the VM is off.
    pub async fn set_drivers(&self, vm: &Seen<Vm>, image: &str) -> Result<Seen<Vm>, Error> {
        let id = vm.id.to_string();
        self.patch(&vm_path(&id), vm.etag()?, &json!({ "drivers": image })).await
    }

    /// Changes the tags of a VM, if nobody else changed it since it was read.
    pub async fn tag_vm(&self, vm: &Seen<Vm>, tags: &[String]) -> Result<Seen<Vm>, Error> {
        let id = vm.id.to_string();
        self.patch(&vm_path(&id), vm.etag()?, &json!({ "tags": tags })).await
    }

    /// What an action would do to the VMs that a query finds. Nothing is done.
    pub async fn bulk_summary(&self, action: &str, query: &str) -> Result<Seen<BulkSummary>, Error> {
        self.get(&format!("/v1/bulk?action={action}&q={}", escape(query))).await
    }

    /// Deletes a VM of a summary, if nobody changed it since.
    pub async fn delete_summed(&self, vm: &BulkVm) -> Result<Seen<Task>, Error> {
        self.delete(&vm_path(&vm.id.to_string()), &vm.etag).await
    }

    /// Into the bin, from where it can be brought back.
    pub async fn bin_vm(&self, vm: &str) -> Result<Seen<Task>, Error> {
        self.post(&format!("/v1/vms/{}/bin", escape(vm)), NO_BODY).await
    }

    /// Back from the bin, by its id, under another name if one is given.
    pub async fn restore_vm(&self, id: Uuid, name: Option<&str>) -> Result<Seen<Task>, Error> {
        self.post(&format!("/v1/vms/{id}/restore"), Some(&json!({ "name": name }))).await
    }

    /// Everything in the bin, oldest first.
    pub async fn bin(&self) -> Result<ItemsSeen<BinItem>, Error> {
        self.list("/v1/bin", None).await
    }

    /// Deletes the VM and its disks for good.
    pub async fn delete_vm(&self, vm: &Seen<Vm>) -> Result<Seen<Task>, Error> {
        let id = vm.id.to_string();
        self.delete(&vm_path(&id), vm.etag()?).await
    }

    /// Gives the VM a network card; the task ends when a guest that runs has it.
    pub async fn add_nic(&self, vm: &str, new: &NewNic) -> Result<Seen<Task>, Error> {
        self.post(&format!("{}/nics", vm_path(vm)), Some(new)).await
    }

    /// Takes a network card away; the task ends when a guest that runs has let it go.
    pub async fn remove_nic(&self, vm: &Seen<Vm>, mac: &str) -> Result<Seen<Task>, Error> {
        let id = vm.id.to_string();
        self.delete(&format!("{}/nics/{}", vm_path(&id), escape(mac)), vm.etag()?).await
    }

    /// Puts a CD into the VM's drive, or takes it out; the task ends when a guest that runs has it, or has it no more.
    pub async fn change_cd(&self, vm: &str, new: &NewCd) -> Result<Seen<Task>, Error> {
        self.post(&format!("{}/cd", vm_path(vm)), Some(new)).await
    }

    /// Gives the VM an empty disk; the task ends when a guest that runs has it.
    pub async fn add_disk(&self, vm: &str, new: &NewDisk) -> Result<Seen<Task>, Error> {
        self.post(&format!("{}/disks", vm_path(vm)), Some(new)).await
    }

    /// Makes a disk larger; the task ends when a guest that runs sees it.
    pub async fn grow_disk(&self, vm: &Seen<Vm>, number: u32, size: ByteSize) -> Result<Seen<Task>, Error> {
        let id = vm.id.to_string();
        self.patch(&format!("{}/disks/{number}", vm_path(&id)), vm.etag()?, &json!({ "size": size })).await
    }

    /// Takes a disk away with everything on it; the task ends when a guest that runs has let it go.
    pub async fn remove_disk(&self, vm: &Seen<Vm>, number: u32) -> Result<Seen<Task>, Error> {
        let id = vm.id.to_string();
        self.delete(&format!("{}/disks/{number}", vm_path(&id)), vm.etag()?).await
    }

    pub async fn console_ticket(&self, vm: &str) -> Result<Seen<Ticket>, Error> {
        self.post(&format!("{}/console", vm_path(vm)), Some(&json!({ "kind": "serial" }))).await
    }
}

impl Seen<Vm> {
    fn etag(&self) -> Result<&str, Error> {
        (self.etag.as_deref().or(self.value.etag.as_deref()))
            .ok_or_else(|| Error::protocol(&vm_path(&self.name), "a VM without an ETag"))
    }
}

pub(crate) fn vm_path(vm: &str) -> String {
    format!("/v1/vms/{}", escape(vm))
}
