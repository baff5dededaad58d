//! A volume: a disk that is nobody's part. It is made on its own, or was once a VM's; it can be in one VM at a time.

use crate::{ByteSize, Generation, Meta, PoolId, Tags, VmId, VolumeId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;
use uuid::Uuid;

/// A volume as the Store holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    pub meta: Meta<VolumeId>,
    pub spec: VolumeSpec,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeSpec {
    pub pool: PoolId,
    /// Bytes. While it is in a VM, that VM's spec says how large it is.
    pub size: ByteSize,
    /// The size that its node has confirmed; nothing until the file was seen for the first time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made: Option<ByteSize>,
    /// What it is called in the pool, for ever.
    pub file: DiskFile,
    /// The VM that it is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attached: Option<VmId>,
    /// Where it was before, until that guest has really let it go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<Left>,
    /// Set by a delete that was acknowledged; the resource goes when the node has removed the file.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deleting: bool,
    /// In the bin since then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binned: Option<Timestamp>,
    /// Words to find it by.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

/// The disk of a VM that a volume was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Left {
    pub vm: VmId,
    /// See [`crate::VmSpec::disk_number`].
    pub number: u32,
    /// The first generation of the VM that no longer asks for it.
    pub generation: Generation,
}

/// The name of a disk's file in its pool, without the ending: who it was made for, and which of theirs it was. A file is never
/// renamed, wherever the disk goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DiskFile(pub Uuid, pub u32);

impl DiskFile {
    /// The file of a disk that a VM was given as its own.
    pub const fn of_vm(vm: VmId, number: u32) -> Self {
        Self(vm.0, number)
    }

    /// The file of a volume that was made on its own.
    pub const fn of_volume(volume: VolumeId) -> Self {
        Self(volume.0, 0)
    }
}

impl fmt::Display for DiskFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.0, self.1)
    }
}

impl Volume {
    /// Whether its file has existed: then it is never made again, because an empty one would look like the old one to everybody but
    /// its owner. What was a VM's disk was made with that VM.
    pub fn was_made(&self) -> bool {
        self.spec.made.is_some() || self.spec.file.0 != self.meta.id.0
    }

    /// The node has what is asked.
    pub fn is_made(&self) -> bool {
        self.spec.made == Some(self.spec.size)
    }
}

/// Where a volume is between being asked for and being gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VolumeState {
    /// Its node has not said yet that it is there in its size.
    Pending,
    /// The node could not do what is asked.
    Failed,
    /// Can be attached, grown, downloaded, deleted.
    Free,
    Attached,
    /// The guest that had it has not let it go yet.
    Leaving,
    Binned,
    Deleting,
}

impl VolumeState {
    pub const ALL: [Self; 7] =
        [Self::Pending, Self::Failed, Self::Free, Self::Attached, Self::Leaving, Self::Binned, Self::Deleting];

    /// The word in JSON and in the filter language.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Failed => "failed",
            Self::Free => "free",
            Self::Attached => "attached",
            Self::Leaving => "leaving",
            Self::Binned => "binned",
            Self::Deleting => "deleting",
        }
    }
}
