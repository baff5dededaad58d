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
