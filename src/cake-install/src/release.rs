//! Letting go of disks: what an installation that was broken off left behind, and what another system's udev rules made of them.

use crate::disks::{OWN_MOUNTS, Stacked, stacked_on};
use crate::mounts::{self, MountError};
use crate::tool::{ToolError, Tools};
use std::fs;
use std::path::Path;

/// Stopping one thing may make room for udev to put together another.
const ROUNDS: usize = 5;

#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    #[error(transparent)]
    Mount(#[from] MountError),
    #[error("{disk} is still used by {users}")]
    Held { disk: String, users: String },
    #[error(transparent)]
    Tool(#[from] ToolError),
}

/// Unmounts what this program mounts, and stops every array and mapping that is made of these disks. Nothing on a disk is changed.
pub fn release(tools: &Tools<'_>, disks: &[String]) -> Result<(), ReleaseError> {
    mounts::unmount_below(Path::new(OWN_MOUNTS))?;
    for disk in disks {
        for _ in 0..ROUNDS {
            let stacked = stacked_on(Path::new("/sys"), disk);
            for one in &stacked {
                stop(tools, one)?;
            }
            if stacked.is_empty() {
                break;
            }
        }
        let left: Vec<String> = stacked_on(Path::new("/sys"), disk).into_iter().map(|one| one.name).collect();
        if !left.is_empty() {
            return Err(ReleaseError::Held { disk: disk.clone(), users: left.join(", ") });
        }
    }
    Ok(())
}

fn stop(tools: &Tools<'_>, stacked: &Stacked) -> Result<(), ToolError> {
    let device = Path::new("/dev").join(&stacked.name);
    // Who fails here is seen as still holding the disk.
    match fs::read_to_string(Path::new("/sys/block").join(&stacked.name).join("dm/name")) {
        Ok(name) => tools.said("dmsetup", ["remove", "--retry", name.trim()])?,
        Err(_) => tools.said("mdadm", [Path::new("--stop"), &device])?,
    };
    Ok(())
}
