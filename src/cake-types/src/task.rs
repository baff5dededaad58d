//! A task: long work with progress. It is written in the same transaction as the change it belongs to and finished by looking
//! at what the node reports, so that no crash can lose or repeat it.

use crate::{
    Actor, ByteSize, ExportId, Generation, ImageId, MacAddress, OperationId, Power, ProjectName, ScanRange, ServerVerb,
    Subject, TaskId, UpdateOrder,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    pub id: TaskId,
    pub project: ProjectName,
    pub kind: TaskKind,
    pub subject: Subject,
    pub goal: TaskGoal,
    pub created_at: Timestamp,
    pub created_by: Actor,
    pub cancel_requested: bool,
    pub progress: Option<TaskProgress>,
    /// `None` while it runs.
    pub end: Option<TaskEnd>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaskKind {
    VmCreate,
    VmStart,
    VmShutdown,
    VmStop,
    VmReset,
    VmPause,
    VmResume,
    VmUpdate,
    VmDelete,
    VmAdopt,
    VmBin,
    VmRestore,
    ImageImport,
    VmNicAdd,
    VmNicRemove,
    VmCdInsert,
    VmCdEject,
    VmDiskAdd,
    VmDiskGrow,
    VmDiskRemove,
    VmDiskAttach,
    VmDiskDetach,
    VmExport,
    NodeReboot,
    NodePowerOff,
    NodeSoftReboot,
    ServerOn,
    ServerOff,
    ServerSoft,
    ServerCycle,
    ServerReset,
    ServerIdentify,
    ServerBoot,
    ServerRestore,
    ServerClearEvents,
    BmcScan,
    ServerPassword,
    UpdateCheck,
    UpdateApply,
    UpdateGoBack,
    UpdateRemove,
    VmReplaceEngine,
}

impl TaskKind {
    pub const ALL: [Self; 42] = [
        Self::VmCreate,
        Self::VmStart,
        Self::VmShutdown,
        Self::VmStop,
        Self::VmReset,
        Self::VmPause,
        Self::VmResume,
        Self::VmUpdate,
        Self::VmDelete,
        Self::VmAdopt,
        Self::VmBin,
        Self::VmRestore,
        Self::ImageImport,
        Self::VmNicAdd,
        Self::VmNicRemove,
        Self::VmCdInsert,
        Self::VmCdEject,
        Self::VmDiskAdd,
        Self::VmDiskGrow,
        Self::VmDiskRemove,
        Self::VmExport,
        Self::VmDiskAttach,
        Self::VmDiskDetach,
        Self::NodeReboot,
        Self::NodePowerOff,
        Self::NodeSoftReboot,
        Self::ServerOn,
        Self::ServerOff,
        Self::ServerSoft,
        Self::ServerCycle,
        Self::ServerReset,
        Self::ServerIdentify,
        Self::ServerBoot,
        Self::ServerRestore,
        Self::ServerClearEvents,
        Self::BmcScan,
        Self::ServerPassword,
        Self::UpdateCheck,
        Self::UpdateApply,
        Self::UpdateGoBack,
        Self::UpdateRemove,
        Self::VmReplaceEngine,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::VmCreate => "vm-create",
            Self::VmStart => "vm-start",
            Self::VmShutdown => "vm-shutdown",
            Self::VmStop => "vm-stop",
            Self::VmReset => "vm-reset",
            Self::VmPause => "vm-pause",
            Self::VmResume => "vm-resume",
            Self::VmUpdate => "vm-update",
            Self::VmDelete => "vm-delete",
            Self::VmAdopt => "vm-adopt",
            Self::VmBin => "vm-bin",
            Self::VmRestore => "vm-restore",
            Self::ImageImport => "image-import",
            Self::VmNicAdd => "vm-nic-add",
            Self::VmNicRemove => "vm-nic-remove",
            Self::VmCdInsert => "vm-cd-insert",
            Self::VmCdEject => "vm-cd-eject",
            Self::VmDiskAdd => "vm-disk-add",
            Self::VmDiskGrow => "vm-disk-grow",
            Self::VmDiskRemove => "vm-disk-remove",
            Self::VmExport => "vm-export",
            Self::VmDiskAttach => "vm-disk-attach",
            Self::VmDiskDetach => "vm-disk-detach",
            Self::NodeReboot => "node-reboot",
            Self::NodePowerOff => "node-power-off",
            Self::NodeSoftReboot => "node-soft-reboot",
            Self::ServerOn => "server-on",
            Self::ServerOff => "server-off",
            Self::ServerSoft => "server-soft",
            Self::ServerCycle => "server-cycle",
            Self::ServerReset => "server-reset",
            Self::ServerIdentify => "server-identify",
            Self::ServerBoot => "server-boot",
            Self::ServerRestore => "server-restore",
            Self::ServerClearEvents => "server-clear-events",
            Self::BmcScan => "bmc-scan",
            Self::ServerPassword => "server-password",
            Self::UpdateCheck => "update-check",
            Self::UpdateApply => "update-apply",
            Self::UpdateGoBack => "update-go-back",
            Self::UpdateRemove => "update-remove",
            Self::VmReplaceEngine => "vm-replace-engine",
        }
    }
}

/// What must be seen for the task to be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum TaskGoal {
    /// The node answers this generation or a later one, and the VM is in the state that `power` asks.
    Power { generation: Generation, power: Power },
    /// The node answers this generation or a later one, whatever the power.
    Applied { generation: Generation },
    /// The node reports the outcome of this operation.
    Operation { operation: OperationId },
    /// The node answers this generation or a later one, and a guest that runs has the network card, or has it no more.
    Nic { generation: Generation, mac: MacAddress, plugged: bool },
    /// The node answers this generation or a later one, and this lies in the CD drive of a guest that runs.
    Cd { generation: Generation, image: Option<ImageId> },
    /// The node answers this generation or a later one, and a guest that runs has the disk in this size, or has it no more.
    Disk { generation: Generation, number: u32, size: Option<ByteSize> },
    /// The node has removed it.
    Removed,
    /// The import is over and the image is there.
    Imported,
    /// The file of this export of the VM is there.
    Exported { export: ExportId },
    /// The server reports how this order to go off ended; guests have so many seconds to shut down.
    Left { operation: OperationId, seconds: u32 },
    /// The node reports that the server's BMC has taken this order.
    Ordered { operation: OperationId, order: ServerVerb },
    /// The node reports that it has asked this range for BMCs.
    Scanned { operation: OperationId, range: ScanRange },
    /// The server reports how this order about its firmware ended.
    Updated { operation: OperationId, order: UpdateOrder },
}

impl TaskGoal {
    /// What the node is asked to do, where it is asked for once.
    pub fn operation(&self) -> Option<OperationId> {
        match self {
            Self::Operation { operation }
            | Self::Left { operation, .. }
            | Self::Ordered { operation, .. }
            | Self::Scanned { operation, .. }
            | Self::Updated { operation, .. } => Some(*operation),
            Self::Power { .. }
            | Self::Applied { .. }
            | Self::Nic { .. }
            | Self::Cd { .. }
            | Self::Disk { .. }
            | Self::Removed
            | Self::Imported
            | Self::Exported { .. } => None,
        }
    }
}

/// Where a task stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaskState {
    Running,
    Done,
    Failed,
    Cancelled,
}

impl TaskState {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskProgress {
    pub done: ByteSize,
    pub total: ByteSize,
}

/// How a task ended. `code` names a sentence in every language (`task-end-CODE`); `detail` is for support, in English.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskEnd {
    pub state: TaskState,
    pub at: Timestamp,
    pub code: String,
    pub detail: Option<String>,
    /// How long a guest stood still for it, in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause_us: Option<u64>,
}

impl Task {
    pub fn state(&self) -> TaskState {
        self.end.as_ref().map_or(TaskState::Running, |end| end.state)
    }
}
