//! A node: a server running cake.

use crate::{BridgeStatus, ByteSize, Epoch, HostStatus, Meta, NodeId, PublicKey, UpsStatus};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    pub meta: Meta<NodeId>,
    /// Secrets for this node are sealed to this key.
    pub key: PublicKey,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeStatus {
    pub host_name: String,
    pub version: String,
    /// Highest epoch that it has seen.
    pub epoch: Epoch,
    pub accelerator: Accelerator,
    /// QEMU's version.
    pub qemu: String,
    /// `systemd` or `detached`.
    pub launcher: String,
    pub capacity: NodeCapacity,
    pub started_at: Timestamp,
    /// What VMs can be bridged to, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bridges: Vec<BridgeStatus>,
    /// The power supply that it was told to watch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ups: Option<UpsStatus>,
    /// Its clock, and whether it is about to go off. A node of an older version does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<HostStatus>,
}

/// How guests' code is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Accelerator {
    /// The processor's own virtualisation.
    Kvm,
    /// QEMU translates every instruction: correct and slow.
    Tcg { because: TcgReason },
}

/// Why a real probe of KVM did not succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TcgReason {
    /// /dev/kvm does not exist: switched off in firmware set-up, or a VM without nesting.
    NoDevice,
    /// /dev/kvm can't be opened.
    NoPermission,
    /// A guest was started and did not run.
    GuestDidNotRun,
    /// The administrator asked for it.
    Asked,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeCapacity {
    /// Logical processors.
    pub cpus: u32,
    pub memory: ByteSize,
    pub memory_available: ByteSize,
}
