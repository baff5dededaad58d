//! CDs that are put in and taken out, and the second one with drivers.

use super::{Planned, Vms, raised};
use cake_planner::admission::{self, Action};
use cake_planner::hardware;
use cake_store::Txn;
use cake_types::{Code, ImageFormat, ImageId, Name, Problem, Task, TaskGoal, TaskKind, VmSpec};
use std::sync::Arc;

use crate::board::VmEntry;
use crate::caller::{Caller, Keep};

impl Vms {
    /// Puts the image into the drive, or takes out what lies there; at once if the VM runs and its guest opens the tray, or with
    /// `force` whether it does or not.
    pub async fn change_cd(
        &self,
        caller: &Caller,
        entry: Arc<VmEntry>,
        image: Option<&str>,
        force: bool,
        keep: &Keep<Task>,
    ) -> Result<Arc<Task>, Problem> {
        self.nodes.require()?;
        let plan = |entry: &VmEntry| {
            admission::legal(Action::Rewire, entry.situation())?;
            let image = image.map(|text| self.cd_image(text, "image")).transpose()?;
            let mut vm = raised(&entry.vm, self.ledger.now());
            if vm.spec.hardware.cd.is_none() {
                if entry.state().is_alive() || image.is_none() {
                    return Err(Problem::new(Code::NoCdDrive).with("name", &vm.meta.name));
                }
                vm.spec.hardware.cd = Some(hardware::cd_drive());
            }
            (vm.spec.cd, vm.spec.cd_by_force) = (image, force);
            let kind = if image.is_some() { TaskKind::VmCdInsert } else { TaskKind::VmCdEject };
            let goal = TaskGoal::Cd { generation: vm.meta.generation, image };
            Ok(Planned { vm, goal: Some((kind, goal)), txn: Txn::new(), volumes: Vec::new() })
        };
        self.begin(entry, caller, Some(keep), plan).await
    }

    /// Gives a VM that is off a second CD drive with this image, or takes drive and image away.
    pub(super) fn set_drivers(&self, vm: &mut VmSpec, name: &Name, image: Option<&str>) -> Result<(), Problem> {
        vm.drivers = image.map(|text| self.cd_image(text, "drivers")).transpose()?;
        if vm.drivers.is_none() {
            vm.hardware.drivers_cd = None;
        } else if vm.hardware.drivers_cd.is_none() {
            let drive = hardware::drivers_drive(&vm.hardware);
            vm.hardware.drivers_cd = Some(drive.ok_or_else(|| Problem::new(Code::NoDiskRoom).with("name", name))?);
        }
        Ok(())
    }

    /// `field`: where the request names it.
    fn cd_image(&self, text: &str, field: &str) -> Result<ImageId, Problem> {
        let at = format!("/{field}");
        let image = self.image(text).map_err(|problem| problem.at(&at))?;
        if image.image.spec.format != ImageFormat::Iso {
            return Err(Problem::invalid(field, "image-no-cd").at(&at));
        }
        Ok(image.image.meta.id)
    }
}
