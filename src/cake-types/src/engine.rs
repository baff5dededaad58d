//! The engine root (QEMU with its firmware) that a running VM came from, and how its QEMU was replaced by that of another root.

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
}

/// A QEMU that was replaced while its guest ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replaced {
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
