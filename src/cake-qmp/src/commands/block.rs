//! Disks.

use serde::{Deserialize, Serialize};

use crate::command::Command;

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
    /// `ok`, `failed` or `nospace`; absent where the device does not tell.
    pub io_status: Option<String>,
    /// What lies in it, if anything does.
    pub inserted: Option<BlockMedium>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct BlockMedium {
    pub node_name: Option<String>,
    /// Whether it is read-only.
    pub ro: bool,
    /// The driver of its format, such as `raw` or `qcow2`.
    pub drv: String,
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
