//! What may be done with a volume, and what is to be done about one.
//!
//! ```text
//!   pending ──► free ◄──► attached        detached from a guest that runs: leaving, until it has let it go
//!      │         ▲  │         │
//!      ▼         │  ▼         ▼
//!   failed     binned ──► deleting ──► –
//! ```
//!
//! Two VMs never have one volume: the Store writes it together with the VM that gets or loses it, and a guest that lost it is
//! believed to have it until its node has said otherwise.

use crate::epoch::Held;
use cake_types::{Code, Left, Problem, VmState, VmStatus, Volume, VolumeState};

/// A VM that a volume was in, as far as it is known.
#[derive(Clone, Copy, Debug, Default)]
pub struct Guest<'a> {
    /// What its node holds; `None` until the node has told all it has.
    pub held: Option<Held>,
    pub status: Option<&'a VmStatus>,
}

/// Whether a VM has really let a disk go; `guest` is `None` for a VM that nobody knows any more.
pub fn has_left(left: &Left, guest: Option<Guest<'_>>) -> bool {
    let Some(Guest { held, status }) = guest else { return true };
    if matches!(held, Some(Held::Nothing | Held::Tombstone)) {
        return true;
    }
    let Some(status) = status.filter(|status| status.observed.generation >= left.generation) else { return false };
    match status.state {
        VmState::Stopped | VmState::Failed => status.pid.is_none(),
        VmState::Running | VmState::Paused | VmState::ShuttingDown => {
            !status.disks.iter().any(|disk| disk.number == left.number)
        }
        // What it has is not known: it is made, started, ended, or was not looked at yet.
        _ => false,
    }
}

/// Whether a disk can be taken out now and kept: it exists, and its VM's node has heard of everything before.
pub fn detachable(vm: &cake_types::Vm, status: Option<&VmStatus>) -> Result<(), Problem> {
    let heard = status.filter(|status| status.observed.generation >= vm.meta.generation);
    match heard.map(|status| status.state) {
        Some(VmState::Stopped | VmState::Failed | VmState::Running | VmState::Paused) => Ok(()),
        other => {
            let state = other.unwrap_or(VmState::Pending).as_str();
            Err(Problem::new(Code::IllegalNow).with("action", "detach").with("state", state))
        }
    }
}

/// The state that a person sees. `leaving`: its former guest has not let it go; `failed`: its node could not do what is asked.
pub fn state(volume: &Volume, leaving: bool, failed: bool) -> VolumeState {
    let spec = &volume.spec;
    match () {
        () if spec.deleting => VolumeState::Deleting,
        () if spec.attached.is_some() => VolumeState::Attached,
        () if leaving => VolumeState::Leaving,
        () if spec.binned.is_some() => VolumeState::Binned,
        () if volume.is_made() => VolumeState::Free,
        () if failed => VolumeState::Failed,
        () => VolumeState::Pending,
    }
}

/// What a person wants to do with a volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    Attach,
    Grow,
    /// Its name and its tags.
    Rename,
    Download,
    Delete,
    Bin,
    Restore,
}

impl Action {
    pub const ALL: [Self; 7] =
        [Self::Attach, Self::Grow, Self::Rename, Self::Download, Self::Delete, Self::Bin, Self::Restore];

    /// The word in problems; its text in every language is `action-WORD`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Attach => "attach",
            Self::Grow => "grow",
            Self::Rename => "update",
            Self::Download => "download",
            Self::Delete => "delete",
            Self::Bin => "bin",
            Self::Restore => "restore",
        }
    }
}

/// Is `action` legal now? `vm` is the name of the VM that it is in, or that has not let it go.
pub fn legal(action: Action, volume: &Volume, state: VolumeState, vm: &str) -> Result<(), Problem> {
    use VolumeState::{Attached, Binned, Deleting, Failed, Free, Leaving, Pending};
    let allowed = match action {
        Action::Attach | Action::Grow | Action::Download => state == Free,
        Action::Rename => matches!(state, Pending | Failed | Free | Attached | Leaving),
        Action::Delete => matches!(state, Pending | Failed | Free | Binned),
        Action::Bin => matches!(state, Failed | Free),
        Action::Restore => state == Binned,
    };
    let about = |code| Problem::new(code).with("name", &volume.meta.name);
    match state {
        _ if allowed => Ok(()),
        Attached if action != Action::Restore => Err(about(Code::VolumeAttached).with("vm", vm)),
        Leaving if action != Action::Restore => Err(about(Code::VolumeLeaving).with("vm", vm)),
        Pending | Failed if action != Action::Restore => Err(about(Code::VolumeNotReady)),
        Pending | Failed | Free | Attached | Leaving | Binned | Deleting => {
            Err(Problem::new(Code::IllegalNow).with("action", action.as_str()).with("state", state.as_str()))
        }
    }
}

/// What the reconciler does about a volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Rest,
    /// Its former guest has let it go: forget where it was.
    Release,
    /// Make or grow it on its node.
    Make,
    /// Remove its file, then forget it.
    Remove,
}

pub fn step(volume: &Volume, leaving: bool) -> Step {
    let spec = &volume.spec;
    match () {
        () if spec.attached.is_some() || leaving => Step::Rest,
        () if spec.left.is_some() => Step::Release,
        () if spec.deleting => Step::Remove,
        () if volume.is_made() => Step::Rest,
        () => Step::Make,
    }
}

#[cfg(test)]
#[path = "volume_tests.rs"]
mod tests;
