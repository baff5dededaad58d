//! Updates of a server's firmware: which versions its system disks hold, where newer ones come from, and how an update goes.

use crate::words::words;
use crate::{ByteSize, Failure, Generation, OperationId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Longest address of a repository, in bytes.
pub const UPDATE_URL_MAX: usize = 1024;

/// Where a repository of releases is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum UpdateSource {
    /// Below this address are `metadata` and `targets`.
    Url { url: String },
    /// On a stick in the server: the id of one of its file systems ([`crate::Stick`]).
    Stick {
        stick: String,
        /// What a person knows it by.
        called: String,
    },
}

/// Where updates come from, as it lies in the Store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateSettings {
    pub generation: Generation,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<UpdateSource>,
}

/// What a server is told to do about its firmware.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum UpdateOrder {
    /// Asks a repository what it has.
    Check { source: UpdateSource },
    /// Writes a version to every system disk; it is tried at the next start.
    Apply { source: UpdateSource, version: String },
    /// At the next start the version before this one runs, and this one is not tried again.
    GoBack,
    /// Takes a version off the system disks: one that failed can be tried again then.
    Remove { version: String },
}

/// A server's firmware.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateStatus {
    /// The version that runs.
    pub running: String,
    /// System disks that work. None: the server was started from a stick or over the network.
    pub disks: u32,
    /// The newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub slots: Vec<UpdateSlot>,
    /// What the repository had when it was last asked since the node was started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offer: Option<UpdateOffer>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work: Option<UpdateWork>,
    /// How the last order ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<UpdateEnded>,
    /// Why the system disks can't be looked at, in English.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
    /// Whether the version that is next can start without stopping a guest. Nothing, where none is next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub soft: Option<SoftReboot>,
}

/// A version on the system disks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateSlot {
    pub version: String,
    pub standing: SlotStanding,
    /// A start of it has been found good.
    pub good: bool,
    /// How many system disks have it.
    pub disks: u32,
    /// Why it was given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<StartFailure>,
}

/// Why a version was given up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartFailure {
    pub reason: StartReason,
    /// For support, in English.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
}

/// What a repository has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateOffer {
    pub at: Timestamp,
    pub source: UpdateSource,
    /// Until when the repository may be used.
    pub expires: Timestamp,
    /// The newest first, at most [`RELEASES_MAX`].
    pub releases: Vec<UpdateRelease>,
}

/// Releases of a repository that are told of.
pub const RELEASES_MAX: usize = 32;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateRelease {
    pub version: String,
    /// Of the Linux kernel in it.
    pub kernel: String,
    pub size: ByteSize,
    /// Why it can't be installed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<ReleaseRefused>,
}

/// An order that is being carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateWork {
    pub operation: OperationId,
    pub stage: UpdateStage,
    /// Bytes of this stage.
    pub done: ByteSize,
    /// Zero where it is not known.
    pub total: ByteSize,
    /// Bytes that came from the repository so far.
    pub fetched: ByteSize,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateEnded {
    pub operation: OperationId,
    pub end: UpdateEnd,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

words! {
    /// What a version on the system disks is to the one that runs. Its words are `slot-STANDING`.
    SlotStanding {
        Running = "running",
        /// It is tried at the next start.
        Next = "next",
        /// What the server goes back to.
        Previous = "previous",
        /// It used up its tries, or was given up.
        Bad = "bad",
        /// It is older than the previous one.
        Spare = "spare",
    }

    /// Why a version was given up. Its sentence is `start-REASON`.
    StartReason {
        /// The console did not answer.
        Console = "console",
        /// The server's agent did not answer.
        Node = "node",
        /// No network address, where there was one.
        Network = "network",
        /// VMs that should run did not.
        Vms = "vms",
        /// The state was not opened.
        State = "state",
        /// Somebody wanted the version of before.
        Asked = "asked",
        /// It did not come as far as saying why.
        Silent = "silent",
    }

    /// Why a release can't be installed. Its words are `release-REASON`.
    ReleaseRefused {
        Running = "running",
        KnownBad = "known-bad",
        TooOld = "too-old",
        /// It was tried here and given up.
        FailedBefore = "failed-before",
    }

    /// What an update is doing. Its words are `update-stage-STAGE`.
    UpdateStage {
        Checking = "checking",
        Indexing = "indexing",
        Assembling = "assembling",
        Mirroring = "mirroring",
        Verifying = "verifying",
    }

    /// Whether a version can follow the one that runs while the kernel and the guests go on. Its sentence is `soft-reboot-WORD`.
    SoftReboot {
        Possible = "possible",
        /// It has another kernel, other parameters of the kernel or other corrections of the processor.
        Kernel = "kernel",
        /// Its file, or that of the version that runs, can't be read or is damaged.
        Unreadable = "unreadable",
        /// The root of before stays in memory as long as guests run from it, and there is no room for one more.
        Memory = "memory",
    }

    UpdateEnd {
        Done = "done",
        Cancelled = "cancelled",
        Failed = "failed",
    }
}
