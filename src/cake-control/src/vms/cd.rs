//! CDs that are put in and taken out.

use super::{Planned, Vms, raised};
use cake_planner::admission::{self, Action};
use cake_planner::hardware;
use cake_store::Txn;
use cake_types::{Code, ImageFormat, ImageId, Problem, Task, TaskGoal, TaskKind};
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
            let image = image.map(|text| self.cd_image(text)).transpose()?;
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

    fn cd_image(&self, text: &str) -> Result<ImageId, Problem> {
        let image = self.image(text)?;
        if image.image.spec.format != ImageFormat::Iso {
            return Err(Problem::invalid("image", "image-no-cd").at("/image"));
        }
        Ok(image.image.meta.id)
    }
}
