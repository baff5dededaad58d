//! An image: what VMs are made from.

use crate::{ByteSize, Firmware, ImageId, Meta, Tags};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    pub meta: Meta<ImageId>,
    pub spec: ImageSpec,
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
    /// SHA-256 of the file, hexadecimal.
    pub sha256: String,
    /// Came with cake; can't be deleted.
    pub built_in: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ImageFormat {
    Raw,
    Qcow2,
    /// An ELF file with a PVH entry note: started without firmware or disk.
    Kernel,
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
