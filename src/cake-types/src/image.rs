//! An image: what VMs are made from; and an import: a file on its way to become one.

use crate::{ByteSize, Failure, Firmware, ImageId, Meta, Name, PoolId, Stamp, Tags};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    pub meta: Meta<ImageId>,
    pub spec: ImageSpec,
    /// In the bin since then: nothing can be made of it, until it is brought back or its time is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binned: Option<Timestamp>,
    /// Words to find it by; people's, so the node knows nothing of them. Records from before there were tags have none.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageSpec {
    /// What people read, by language tag; `en` is always there.
    pub title: BTreeMap<String, String>,
    pub format: ImageFormat,
    pub os: GuestOs,
    /// Firmware that it boots with, best first.
    pub firmware: Vec<Firmware>,
    /// Least memory that it boots with.
    pub min_memory: ByteSize,
    /// Size of the disk that a guest sees; 0 for a kernel.
    pub virtual_size: ByteSize,
    /// SHA-256 of the file that was brought, hexadecimal. Of a converted one it is not that of the file that is kept.
    pub sha256: String,
    /// Came with cake; can't be deleted.
    pub built_in: bool,
    /// Sizes of the disks behind the first, as a guest sees them; see [`crate::DiskSpec::part`]. Most images have one disk.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub more_disks: Vec<ByteSize>,
    /// The machine that it came with: a new VM is like it where nothing else is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<ImageMachine>,
}

impl ImageSpec {
    /// How many disks a VM made from it gets from it.
    pub fn disks(&self) -> usize {
        usize::from(self.virtual_size.bytes() > 0) + self.more_disks.len()
    }

    /// What a guest sees of all its disks together.
    pub fn all_disks(&self) -> ByteSize {
        let sizes = std::iter::once(self.virtual_size).chain(self.more_disks.iter().copied());
        ByteSize(sizes.fold(0, |sum, size| sum.saturating_add(size.bytes())))
    }
}

/// What a package says of the VM that it was made of. Nothing of it is promised to fit a server: that is looked at when a VM is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageMachine {
    /// What it was called, where that can be a name here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Name>,
    pub cpus: u32,
    pub memory: ByteSize,
    pub firmware: Firmware,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub secure_boot: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tpm: bool,
    /// Its disks and network cards must be what any system has drivers for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub everyday: bool,
    /// Network cards.
    pub nics: u32,
}

/// A file on its way in. When it has become an image under the same id, the import is over and goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Import {
    pub meta: Meta<ImageId>,
    pub spec: ImportSpec,
}

impl Import {
    /// The word for where it is; `status` is what the node has said of it, if it has.
    pub fn word(&self, status: Option<&ImportStatus>) -> &'static str {
        match status {
            _ if self.spec.ending => "ending",
            Some(status) => status.stage.as_str(),
            None => "pending",
        }
    }
}

/// Whether a text can be a SHA-256: 64 hexadecimal digits.
pub fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportSpec {
    pub source: ImportSource,
    /// Length of the file, in bytes.
    pub size: ByteSize,
    /// What its maker says it must be: SHA-256, lower-case hexadecimal.
    pub sha256: Option<String>,
    /// Where it is kept.
    pub pool: PoolId,
    /// What will run in VMs made from it.
    pub os: GuestOs,
    /// Set by a cancel that was acknowledged, and when it is over; it goes when the node has let go of it.
    #[serde(default)]
    pub ending: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum ImportSource {
    /// In chunks, by whoever has the file.
    Upload,
    /// Fetched by cake.
    Url {
        url: String,
        /// The file's strong entity tag when it was first looked at (RFC 9110 §8.8.3).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        etag: Option<String>,
    },
    /// From a stick in the server, by its node.
    Stick {
        /// [`crate::Stick::id`].
        stick: String,
        /// What the stick was called, for people.
        called: String,
        path: String,
        /// The file's when it was chosen: one that was changed since is another file.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        modified: Option<Timestamp>,
    },
}

/// How far an import is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportStatus {
    pub observed: Stamp,
    pub stage: ImportStage,
    /// Of this stage.
    pub done: ByteSize,
    pub total: ByteSize,
    /// Why it came to nothing.
    pub failure: Option<Failure>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ImportStage {
    /// Chunks are missing.
    Receiving,
    /// All of it is here; a confined worker reads it.
    Checking,
    /// It becomes a raw disk.
    Converting,
    /// It is an image now.
    Done,
    Failed,
}

impl ImportStage {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Receiving => "receiving",
            Self::Checking => "checking",
            Self::Converting => "converting",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }

    pub const fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Failed)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ImageFormat {
    Raw,
    Qcow2,
    /// An ELF file with a PVH entry note: started without firmware or disk.
    Kernel,
    /// A CD: put into the drive of a VM whose disk is empty (ISO 9660, ECMA-119).
    Iso,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GuestOs {
    Linux,
    Windows,
    Other,
}

/// What the node found when a confined worker looked into the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageStatus {
    /// Bytes that the file takes on the node.
    pub stored: ByteSize,
    /// The file is there and is what its description says.
    pub available: bool,
    /// Why it is not available, for support, in English.
    pub detail: Option<String>,
}
