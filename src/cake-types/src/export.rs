//! An export: a VM that is off, as one file that other products and other clouds can read.

use crate::{ByteSize, ExportId, Failure, Meta, PoolId, Stamp, TaskId, VmId, limits};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// Its name is the VM's as it was then: the export outlives the VM.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Export {
    pub meta: Meta<ExportId>,
    pub spec: ExportSpec,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportSpec {
    pub vm: VmId,
    pub format: ExportFormat,
    /// Where the file lies.
    pub pool: PoolId,
    /// The task that tells of it.
    pub task: TaskId,
    /// Set by a cancel or a delete that was acknowledged, and when its time is over; it goes when the node has let go of it.
    #[serde(default)]
    pub ending: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExportFormat {
    /// Open Virtualization Format 1.1 (DMTF DSP0243) with streamOptimized VMDK disks, in one tar.
    Ova,
    /// cake's own definition and a compressed qcow2 for each disk, in one tar.
    Qcow2,
}

impl ExportFormat {
    pub const ALL: [Self; 2] = [Self::Ova, Self::Qcow2];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ova => "ova",
            Self::Qcow2 => "qcow2",
        }
    }

    /// How the name of its file ends.
    pub const fn ending(self) -> &'static str {
        match self {
            Self::Ova => "ova",
            Self::Qcow2 => "qcow2.tar",
        }
    }
}

impl Export {
    /// The word for where it is; `status` is what the node has said of it, if it has.
    pub fn word(&self, status: Option<&ExportStatus>) -> &'static str {
        match status {
            _ if self.spec.ending => "ending",
            Some(status) => status.stage.as_str(),
            None => "pending",
        }
    }

    /// When it goes by itself.
    pub fn expires_at(&self) -> Timestamp {
        let kept = SignedDuration::from_hours(24 * limits::EXPORT_DAYS);
        self.meta.created_at.checked_add(kept).unwrap_or(Timestamp::MAX)
    }
}

/// How far an export is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportStatus {
    pub observed: Stamp,
    pub stage: ExportStage,
    /// Of this stage.
    pub done: ByteSize,
    pub total: ByteSize,
    /// Length of the file, once it is there.
    pub size: ByteSize,
    /// Why it came to nothing.
    pub failure: Option<Failure>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExportStage {
    /// Others are before it.
    Waiting,
    /// A confined worker makes disks that others read.
    Converting,
    /// They are put into one file.
    Packing,
    /// The file is there.
    Done,
    Failed,
}

impl ExportStage {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Converting => "converting",
            Self::Packing => "packing",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }

    pub const fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Failed)
    }
}
