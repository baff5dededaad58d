//! Starting the QEMU that is to take a guest over.

use super::{Replacement, channel, refused};
use crate::argv::argv;
use crate::cards::cards;
use crate::folder::Folder;
use crate::plan::{LaunchPlan, MEET};
use crate::start::{chain, ended_at_start, failure, listener, not_launched, write_plan};
use cake_host::cage::FOLDER;
use cake_host::launch::{Descriptor, LaunchRequest};
use cake_host::process::LiveProcess;
use cake_planner::engine;
use cake_types::{EngineWay, Failure, FailureCode, NicSpec, VmId, VmSpec};
use nix::unistd::{Gid, Uid, chown};
use serde_json::json;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use tokio::net::UnixStream;

impl Replacement {
    pub(super) fn has_room(&self) -> Result<(), Failure> {
        let memory = self.spec().memory.bytes();
        match cake_host::usage::capacity() {
            Ok(has) if engine::room(memory, has.memory_available) => Ok(()),
            Ok(has) => {
                let what = format!("{memory} bytes are needed for a while, {} are free", has.memory_available);
                Err(failure(FailureCode::Memory, what))
            }
            Err(error) => Err(failure(FailureCode::Internal, error)),
        }
    }

    /// Starts the new QEMU, which waits. Our connections to it are there before it is.
    pub(super) async fn launch(
        &self,
        way: EngineWay,
        next: &Folder,
    ) -> Result<(Arc<LiveProcess>, UnixStream, UnixStream), Failure> {
        let io = |error: std::io::Error| failure(FailureCode::Internal, format_args!("the VM's folder: {error}"));
        let plan = self.plan(way, next).await?;
        write_plan(next, &plan).map_err(io)?;
        make_meet(next, self.assignment.uid).map_err(io)?;
        let mut descriptors = vec![listener(next, "qmp").map_err(io)?, listener(next, "serial").map_err(io)?];
        for card in cards(&plan_spec(self.spec())) {
            if let Some(descriptor) = self.shared.surroundings.connect_beside(&card).await? {
                descriptors.push(Descriptor { name: format!("tap-{}", card.place), descriptor });
            }
        }
        let (qmp, serial) = tokio::try_join!(next.connect("qmp"), next.connect("serial")).map_err(io)?;
        let mut arguments = self.shared.settings.helper_arguments.clone();
        arguments.push(next.plan().to_string_lossy().into_owned());
        let request = LaunchRequest {
            unit_name: self.free_unit().await?,
            description: format!("cake: VM {}", self.assignment.vm.meta.name),
            program: self.shared.settings.helper.clone(),
            arguments,
            environment: Vec::new(),
            descriptors,
            output: Some(OwnedFd::from(next.new_log().map_err(io)?)),
            memory_max: None,
        };
        let launched = self.shared.launcher.launch(request).await;
        let identity = launched.map_err(|error| refused(not_launched(next, &error).detail))?;
        let process = LiveProcess::open(&identity).map_err(|_| refused(ended_at_start(next).detail))?;
        Ok((Arc::new(process), qmp, serial))
    }

    async fn plan(&self, way: EngineWay, next: &Folder) -> Result<LaunchPlan, Failure> {
        let settings = &self.shared.settings;
        let files = self.shared.surroundings.files(&self.assignment).await?;
        let spec = plan_spec(self.spec());
        let mut argv =
            argv(&spec, settings.accelerator, true).map_err(|error| failure(FailureCode::Hardware, error))?;
        argv.args.extend(["-incoming".into(), "defer".into()]);
        if way == EngineWay::Transfer {
            let path = format!("{FOLDER}/{MEET}/{}", channel::MEMORY);
            let address = json!({"transport": "socket", "type": "unix", "path": path});
            argv.args.extend(["-incoming".into(), json!({"channel-type": "cpr", "addr": address}).to_string()]);
        }
        let engine = std::fs::canonicalize(&settings.engine).map_err(refused)?;
        let uid = self.assignment.uid;
        let plan = LaunchPlan::new(&spec, argv, &files, &self.folder, uid, engine, settings.accelerator)
            .ok_or_else(|| failure(FailureCode::Disk, "a disk of the spec has no file"))?;
        Ok(LaunchPlan { meet: Some(next.meet()), ..plan })
    }

    /// The old QEMU has one of the two names.
    async fn free_unit(&self) -> Result<String, Failure> {
        for name in unit_names(self.assignment.id()) {
            let found = self.shared.launcher.find(&name, None).await;
            if found.map_err(|error| failure(FailureCode::Internal, chain(&error)))?.is_none() {
                return Ok(name);
            }
        }
        Err(failure(FailureCode::Internal, "two QEMUs of this VM run"))
    }
}

/// The names of a VM's units: a QEMU that takes a guest over has the one that is free.
pub(crate) fn unit_names(vm: VmId) -> [String; 2] {
    let name = crate::start::unit_name(vm);
    [name.clone(), format!("{name}-b")]
}

/// What the new QEMU is started for: the ports that lead to the guest are still the old one's.
fn plan_spec(spec: &VmSpec) -> VmSpec {
    let mut spec = spec.clone();
    let nics = spec.nics().into_iter().map(|nic| match nic {
        NicSpec::Nat { .. } => NicSpec::nat(),
        bridged => bridged,
    });
    let nics = nics.collect::<Vec<_>>();
    if !nics.is_empty() {
        spec.set_nics(nics);
    }
    spec
}

fn make_meet(next: &Folder, uid: u32) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    let meet = next.meet();
    std::fs::DirBuilder::new().mode(0o700).create(&meet)?;
    chown(&meet, Some(Uid::from_raw(uid)), Some(Gid::from_raw(uid)))?;
    Ok(())
}
