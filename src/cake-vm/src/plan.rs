//! What the helper `cake-node exec-vm PLAN` does: everything that needs root between "start it" and QEMU's first instruction.
//! The plan is a file that only root writes, because a command line is too short and everybody can read it.

use crate::argv::{Argv, FileRole};
use crate::folder::Folder;
use cake_types::{Accelerator, NicSpec, VmId, VmSpec};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// How the argument of what lies in the CD drive is known.
const CD_STARTED: &str = "node-name=cd,";
/// The folder in which a QEMU listens that takes a guest over.
pub(crate) const MEET: &str = "meet";

/// One start of one VM.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LaunchPlan {
    pub vm: VmId,
    /// User and group that QEMU becomes.
    pub uid: u32,
    /// The tree that becomes QEMU's root, read-only.
    pub engine: PathBuf,
    /// QEMU's path in the engine root, and its arguments.
    pub argv: Vec<String>,
    /// Become descriptors from [`crate::argv::FIRST_FILE_FD`] on.
    pub files: Vec<PlannedFile>,
    /// So many taps follow the two sockets that the helper is started with. They become the descriptors after the files.
    #[serde(default)]
    pub taps: usize,
    /// What its TPM remembers: a swtpm is started beside it, as the same user, in a cage of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tpm: Option<PathBuf>,
    /// The time zone of a guest whose clock shows local time (POSIX `TZ`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// Of a QEMU that takes a guest over: the folder in which it listens, seen by it under the name [`MEET`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meet: Option<PathBuf>,
    /// Seen by QEMU under the name [`crate::argv::KERNEL_NAME`].
    pub kernel: Option<PathBuf>,
    pub kvm: bool,
    /// The host's network (user-mode NAT needs it); otherwise an empty one.
    pub network: bool,
}

/// The machine's time zone as it is now. QEMU has no zone files to look into, and needs none for a number.
fn local_zone() -> String {
    posix_zone(jiff::Zoned::now().offset().seconds())
}

/// POSIX counts west of Greenwich.
fn posix_zone(east: i32) -> String {
    let (sign, seconds) = if east > 0 { ("-", east) } else { ("", -east) };
    format!("LOCAL{sign}{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedFile {
    pub path: PathBuf,
    pub writable: bool,
}

/// Where a VM's files are; whoever owns disks and images says so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files {
    /// In the order of the spec's disks.
    pub disks: Vec<PathBuf>,
    pub seed: Option<PathBuf>,
    pub cd: Option<PathBuf>,
    pub drivers: Option<PathBuf>,
    pub kernel: Option<PathBuf>,
}

impl LaunchPlan {
    /// What a QEMU was started from, if that can still be read.
    pub fn read(path: &Path) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(path).ok()?).ok()
    }

    /// What lay in the CD drive when the QEMU was started.
    pub fn cd(&self) -> Option<&Path> {
        let node = self.argv.iter().find(|arg| arg.contains(CD_STARTED))?;
        let (_, set) = node.rsplit_once('/')?;
        let place = set.parse::<usize>().ok()?.checked_sub(1)?;
        self.files.get(place).map(|file| file.path.as_path())
    }

    /// `argv` must be made from `spec`.
    pub fn new(
        spec: &VmSpec,
        argv: Argv,
        files: &Files,
        folder: &Folder,
        uid: u32,
        engine: PathBuf,
        accelerator: Accelerator,
    ) -> Option<Self> {
        let read_only = |path: &Option<PathBuf>| Some(PlannedFile { path: path.clone()?, writable: false });
        let planned = |role: &FileRole| match role {
            FileRole::UefiVariables => Some(PlannedFile { path: folder.uefi_variables(), writable: true }),
            FileRole::Disk(index) => {
                files.disks.get(*index).map(|path| PlannedFile { path: path.clone(), writable: true })
            }
            FileRole::Seed => read_only(&files.seed),
            FileRole::Cd => read_only(&files.cd),
            FileRole::DriversCd => read_only(&files.drivers),
        };
        Some(Self {
            vm: spec.hardware.uuid,
            uid,
            engine,
            files: argv.files.iter().map(planned).collect::<Option<_>>()?,
            argv: argv.args,
            taps: argv.taps,
            tpm: argv.tpm.then(|| folder.tpm()),
            zone: spec.hardware.windows.then(local_zone),
            meet: None,
            kernel: files.kernel.clone(),
            kvm: accelerator == Accelerator::Kvm,
            network: spec.nics().iter().any(|nic| matches!(nic, NicSpec::Nat { .. })),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_are_what_posix_says() {
        for (east, zone) in [(8 * 3600, "LOCAL-08:00:00"), (0, "LOCAL00:00:00"), (-16200, "LOCAL04:30:00")] {
            assert_eq!(posix_zone(east), zone);
        }
    }
}
