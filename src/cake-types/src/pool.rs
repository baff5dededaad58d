//! A pool: a place where disks live.

use crate::{ByteSize, Meta, PoolId};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    pub meta: Meta<PoolId>,
    pub spec: PoolSpec,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolSpec {
    /// A directory on the node; `None` is the directory `pool` in the node's own state.
    pub path: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolStatus {
    /// Where it really is, for people.
    pub path: String,
    pub file_system: String,
    pub size: ByteSize,
    pub free: ByteSize,
    /// Disks are made from images without copying (FICLONE).
    pub reflink: bool,
    pub available: bool,
    /// Why it is not available, for support, in English.
    pub detail: Option<String>,
}
