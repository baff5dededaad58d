//! Disks.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::command::{Command, Empty};

/// Asks for the disks and whether they work.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct QueryBlock;

impl Command for QueryBlock {
    const NAME: &'static str = "query-block";
    type Answer = Vec<BlockDevice>;
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct BlockDevice {
    /// Empty for disks made by `-blockdev`.
    pub device: String,
    /// The guest's device, by its id or QOM path.
    pub qdev: Option<String>,
    /// Whether a CD drive's tray is open, and whether the guest holds it shut.
    #[serde(default, rename = "tray_open")]
    pub tray_open: Option<bool>,
    #[serde(default)]
    pub locked: bool,
    /// `ok`, `failed` or `nospace`; absent where the device does not tell.
    pub io_status: Option<String>,
    /// What lies in it, if anything does.
    pub inserted: Option<BlockMedium>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct BlockMedium {
    pub node_name: Option<String>,
    /// What is opened for it.
    #[serde(default)]
    pub file: String,
    /// Whether it is read-only.
    pub ro: bool,
    /// The driver of its format, such as `raw` or `qcow2`.
    pub drv: String,
    pub image: BlockImage,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct BlockImage {
    /// In bytes, as the guest sees it.
    pub virtual_size: u64,
}

/// Asks for all block nodes, whether or not a device has them.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct QueryNamedBlockNodes {
    /// Without those below.
    pub flat: bool,
}

impl Command for QueryNamedBlockNodes {
    const NAME: &'static str = "query-named-block-nodes";
    type Answer = Vec<BlockNode>;
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct BlockNode {
    pub node_name: Option<String>,
}

/// Makes a block node. The fields are those of its driver.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct BlockdevAdd(pub Value);

impl Command for BlockdevAdd {
    const NAME: &'static str = "blockdev-add";
    type Answer = Empty;
}

/// Takes a block node away that no device has.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct BlockdevDel {
    pub node_name: String,
}

impl Command for BlockdevDel {
    const NAME: &'static str = "blockdev-del";
    type Answer = Empty;
}

/// Changes the size of a disk, in bytes; its guest is told.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct BlockResize {
    pub node_name: String,
    pub size: u64,
}

impl Command for BlockResize {
    const NAME: &'static str = "block_resize";
    type Answer = Empty;
}

/// Opens the tray of a drive. One that the guest holds shut stays so, and the guest is asked; `force` opens it all the same.
#[derive(Clone, Debug, Serialize)]
pub struct OpenTray {
    pub id: String,
    pub force: bool,
}

impl Command for OpenTray {
    const NAME: &'static str = "blockdev-open-tray";
    type Answer = Empty;
}

#[derive(Clone, Debug, Serialize)]
pub struct CloseTray {
    pub id: String,
}

impl Command for CloseTray {
    const NAME: &'static str = "blockdev-close-tray";
    type Answer = Empty;
}

/// Takes out what lies in an open drive.
#[derive(Clone, Debug, Serialize)]
pub struct RemoveMedium {
    pub id: String,
}

impl Command for RemoveMedium {
    const NAME: &'static str = "blockdev-remove-medium";
    type Answer = Empty;
}

/// Puts a block node into an open, empty drive.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct InsertMedium {
    pub id: String,
    pub node_name: String,
}

impl Command for InsertMedium {
    const NAME: &'static str = "blockdev-insert-medium";
    type Answer = Empty;
}

/// Asks how much the guest has read and written, since QEMU was started.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct QueryBlockStats;

impl Command for QueryBlockStats {
    const NAME: &'static str = "query-blockstats";
    type Answer = Vec<BlockStats>;
}

/// One of the guest's disks.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct BlockStats {
    /// The guest's device, by its id or QOM path.
    pub qdev: Option<String>,
    pub stats: BlockCounters,
}

/// What the guest asked for, whether it came from the host's memory or from a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct BlockCounters {
    /// Bytes.
    pub rd_bytes: u64,
    pub wr_bytes: u64,
    pub rd_operations: u64,
    pub wr_operations: u64,
}
