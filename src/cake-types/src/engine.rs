//! The engine root (QEMU with its firmware) that a running VM came from, and how its QEMU was replaced by that of another root.

use crate::{ByteSize, OperationId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What a node says of the engine of a VM that is alive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineStatus {
    /// The last part of the engine root's path.
    pub root: String,
    /// QEMU's version, as it says it: `10.0.13`.
    pub qemu: String,
    /// VMs that are started now get another one.
    pub outdated: bool,
    /// The last time that its QEMU was replaced while the guest ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced: Option<Replaced>,
    /// Its QEMU is being replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work: Option<EngineWork>,
}

/// How far the replacement of a QEMU is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineWork {
    pub operation: OperationId,
    pub step: EngineStep,
    /// Of the guest's memory, where it is copied; otherwise both are 0.
    pub done: ByteSize,
    pub total: ByteSize,
}

/// In this order. Until the guest changes hands it can be called off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EngineStep {
    /// The new QEMU starts, and waits for the guest.
    Start,
    /// The guest's memory is copied while it runs.
    Copy,
    /// The guest stands still and changes hands.
    Change,
    /// It runs in the new one; the old one is put away.
    Finish,
}

impl EngineStep {
    pub const ALL: [Self; 4] = [Self::Start, Self::Copy, Self::Change, Self::Finish];

    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Copy => "copy",
            Self::Change => "change",
            Self::Finish => "finish",
        }
    }
}

/// A QEMU that was replaced while its guest ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replaced {
    /// What asked for it.
    pub operation: OperationId,
    pub at: Timestamp,
    /// How long the guest's processors stood still, in microseconds, by the two QEMUs' own clocks.
    pub pause_us: u64,
    pub way: EngineWay,
}

/// How a guest comes from one QEMU into another one on the same server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EngineWay {
    /// Its memory stays where it is and only changes hands (QEMU's `cpr-transfer`).
    Transfer,
    /// Its memory is copied while it runs: for that time it is there twice.
    Live,
}

impl EngineWay {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Transfer => "transfer",
            Self::Live => "live",
        }
    }
}

/// Why the QEMU of a running VM is not replaced: the guest gets the new engine when it is started the next time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EngineHold {
    /// It runs in the engine that new VMs get.
    Current,
    /// What its TPM remembers is locked by the TPM of the QEMU that runs.
    Tpm,
}

impl EngineHold {
    /// The word on the wire, and the reason in a problem.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Tpm => "tpm",
        }
    }
}
