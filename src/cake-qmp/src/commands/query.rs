//! Questions that change nothing, and the negotiation.

use serde::{Deserialize, Serialize};

use crate::{
    command::{Command, Empty},
    message::{Version, WireVersion},
};

/// Leaves negotiation mode, with no capability enabled. [`Qmp::connect`](crate::Qmp::connect) runs it.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct QmpCapabilities;

impl Command for QmpCapabilities {
    const NAME: &'static str = "qmp_capabilities";
    type Answer = Empty;
}

/// Asks whether the vCPUs run, and if not, why.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct QueryStatus;

impl Command for QueryStatus {
    const NAME: &'static str = "query-status";
    type Answer = Status;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Status {
    /// Whether the vCPUs run.
    pub running: bool,
    pub status: RunState,
}

/// QEMU's run state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunState {
    Debug,
    Inmigrate,
    InternalError,
    IoError,
    Paused,
    Postmigrate,
    /// Started with `-S`, not continued yet.
    Prelaunch,
    FinishMigrate,
    RestoreVm,
    Running,
    SaveVm,
    Shutdown,
    Suspended,
    Watchdog,
    GuestPanicked,
    Colo,
    /// A state of a newer QEMU.
    #[serde(other)]
    Unknown,
}

/// Asks for the machine's UUID, by which a QEMU is recognised.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct QueryUuid;

impl Command for QueryUuid {
    const NAME: &'static str = "query-uuid";
    type Answer = Uuid;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Uuid {
    #[serde(rename = "UUID")]
    pub uuid: uuid::Uuid,
}

/// Asks for QEMU's version. The greeting says the same.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct QueryVersion;

impl Command for QueryVersion {
    const NAME: &'static str = "query-version";
    type Answer = Version;
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        WireVersion::deserialize(deserializer).map(Version::from)
    }
}

/// Asks for the vCPUs and their threads, without disturbing them.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct QueryCpusFast;

impl Command for QueryCpusFast {
    const NAME: &'static str = "query-cpus-fast";
    type Answer = Vec<Cpu>;
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Cpu {
    pub cpu_index: u32,
    pub qom_path: String,
    /// The host's thread.
    pub thread_id: i32,
    /// The architecture, such as `x86_64`.
    pub target: String,
}

/// Takes what stands in a ring buffer character device; what is read is gone from it.
#[derive(Clone, Debug, Serialize)]
pub struct RingbufRead {
    pub device: String,
    /// At most this many bytes.
    pub size: u32,
}

impl Command for RingbufRead {
    const NAME: &'static str = "ringbuf-read";
    /// Bytes that are not UTF-8 come as U+FFFD.
    type Answer = String;
}

/// Asks for the whole schema, about 200 KiB. Never part of a start.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct QueryQmpSchema;

impl Command for QueryQmpSchema {
    const NAME: &'static str = "query-qmp-schema";
    type Answer = serde_json::Value;
}
