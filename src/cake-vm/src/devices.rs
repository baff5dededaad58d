//! Everything that comes and leaves while the guest runs, brought to what is asked: one change at a time, and again after it if
//! more was asked meanwhile.

use crate::assignment::{Assignment, Surroundings};
use crate::cd::{self, Cd};
use crate::disks::{self, Disks};
use crate::nics::{self, Nics};
use crate::start::{chain, failure};
use cake_qmp::commands::{AddFd, BlockdevAdd, RemoveFd};
use cake_qmp::{EventKind, Qmp, QmpError};
use cake_types::{Failure, FailureCode, VmStatus};
use serde_json::{Value, json};
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

/// What is known of a guest that runs.
#[derive(Debug, Default)]
pub(crate) struct Devices {
    nics: Nics,
    disks: Disks,
    cd: Cd,
    /// A change is at work.
    busy: bool,
    /// What is asked changed meanwhile.
    again: bool,
}

/// How the QEMU was started that is alive.
#[derive(Debug, Default)]
pub(crate) struct Started {
    /// It has the host's network.
    pub network: bool,
    /// What lay in its CD drive.
    pub cd: Option<PathBuf>,
}

/// What came of a change.
pub(crate) struct Changed {
    nics: nics::Changed,
    disks: disks::Changed,
    cd: cd::Changed,
}

/// What follows from an event.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Follows {
    Nothing,
    Settle,
    /// What the network card that left was connected to goes too, then the rest is settled.
    Disconnect(String),
}

/// Why a change of one device came to nothing.
pub(crate) enum Trouble {
    Failed(Failure),
    Qmp(QmpError),
}

impl From<QmpError> for Trouble {
    fn from(error: QmpError) -> Self {
        Self::Qmp(error)
    }
}

impl Trouble {
    /// What is said of the device, with this code where QEMU refused. That QEMU is gone is no matter of a device.
    pub(crate) fn failure(self, code: FailureCode) -> Result<Failure, QmpError> {
        match self {
            Self::Failed(why) => Ok(why),
            Self::Qmp(error @ QmpError::Closed(_)) => Err(error),
            Self::Qmp(error) => Ok(failure(code, chain(&error))),
        }
    }
}

impl Devices {
    /// A guest that has just been started has what its record says.
    pub(crate) fn started(assignment: &Assignment) -> Self {
        Self {
            nics: Nics::started(assignment),
            disks: Disks::started(assignment),
            cd: Cd::started(assignment),
            ..Self::default()
        }
    }

    /// One that lived before this program did has what it has: it is looked at next.
    pub(crate) fn adopted(assignment: &Assignment) -> Self {
        Self { disks: Disks::adopted(assignment), ..Self::default() }
    }

    pub(crate) fn is_as_asked(&self, assignment: &Assignment) -> bool {
        self.nics.is_as_asked(assignment) && self.disks.is_as_asked(assignment) && self.cd.is_as_asked(assignment)
    }

    /// Nothing comes, leaves, or has failed to.
    pub(crate) fn is_at_rest(&self, assignment: &Assignment) -> bool {
        let nics = self.nics.status().iter().all(|nic| !nic.leaving && nic.failure.is_none());
        let disks = self.disks.status().iter().all(|disk| !disk.leaving && disk.failure.is_none());
        let cd = self.cd.status().is_none_or(|cd| !cd.waiting && cd.failure.is_none());
        !self.busy && nics && disks && cd && self.is_as_asked(assignment)
    }

    pub(crate) fn is_busy(&self) -> bool {
        self.busy
    }

    /// Something else is asked now. What a change at work may still do for what was asked before is not forgotten.
    pub(crate) fn asked(&mut self, before: &Assignment, asked: &Assignment) {
        if self.busy {
            self.disks.doubt(before, asked);
        }
    }

    /// Whether a change may begin now; otherwise one begins when the one at work is over.
    pub(crate) fn begin(&mut self) -> bool {
        let busy = std::mem::replace(&mut self.busy, true);
        self.again |= busy;
        !busy
    }

    /// Whether another change must begin at once.
    pub(crate) fn note(&mut self, changed: Result<Changed, QmpError>, now: Instant) -> bool {
        self.busy = false;
        let again = std::mem::take(&mut self.again);
        if let Ok(Changed { nics, disks, cd }) = changed {
            self.nics.note(nics, now);
            self.disks.note(disks, now, !again);
            self.cd.note(cd, now);
        }
        again
    }

    pub(crate) fn happened(&mut self, event: &EventKind) -> Follows {
        match event {
            EventKind::DeviceDeleted { device } if self.nics.gone(device) => Follows::Disconnect(device.clone()),
            EventKind::DeviceDeleted { device } if self.disks.gone(device) => Follows::Settle,
            EventKind::UnplugRefused { device } => {
                self.nics.refused(device);
                self.disks.refused(device);
                Follows::Nothing
            }
            EventKind::TrayMoved { device, open } if device == cd::DEVICE && self.cd.moved(*open) => Follows::Settle,
            _ => Follows::Nothing,
        }
    }

    /// When the next guest is late; see [`Devices::late`].
    pub(crate) fn wake_at(&self) -> Option<Instant> {
        [self.nics.wake_at(), self.disks.wake_at(), self.cd.wake_at()].into_iter().flatten().min()
    }

    /// What the guest did not do in time is said.
    pub(crate) fn late(&mut self, now: Instant) {
        self.nics.late(now);
        self.disks.late(now);
        self.cd.late(now);
    }

    pub(crate) fn tell(&self, status: &mut VmStatus) {
        status.nics = self.nics.status();
        status.disks = self.disks.status();
        status.cd = self.cd.status();
    }
}

/// Brings a running guest to the devices that it should have.
pub(crate) async fn settle(
    qmp: Qmp,
    surroundings: Arc<dyn Surroundings>,
    assignment: Arc<Assignment>,
    started: Started,
) -> Result<Changed, QmpError> {
    let nics = nics::settle(&qmp, &*surroundings, &assignment, started.network).await?;
    let disks = disks::settle(&qmp, &*surroundings, &assignment).await?;
    let cd = cd::settle(&qmp, &*surroundings, &assignment, started.cd.as_deref()).await?;
    Ok(Changed { nics, disks, cd })
}

/// Gives QEMU a file as a raw block node of this name, with one more property.
pub(crate) async fn raw_node(
    qmp: &Qmp,
    name: &str,
    file: File,
    (property, value): (&str, Value),
) -> Result<(), QmpError> {
    let set = qmp.run_with_descriptors(&AddFd { fdset_id: None, opaque: None }, vec![file.into()]).await?.fdset_id;
    let node = json!({
        "driver": "raw", "node-name": name, (property): value,
        "file": { "driver": "file", "filename": format!("/dev/fdset/{set}") },
    });
    let added = qmp.run(&BlockdevAdd(node)).await;
    // The node has a descriptor of its own by now.
    let _ = qmp.run(&RemoveFd { fdset_id: set, fd: None }).await;
    added.map(|_| ())
}
