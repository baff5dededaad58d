//! What is said between the node and the worker that updates the firmware: frames of JSON on a socket pair
//! ([`cake_node_api::frame`]).
//!
//! The worker reads hostile bytes: what it says is shown, and bounded; nothing that root does follows from it.

use cake_types::{ByteSize, Failure, SlotStanding, UpdateOffer, UpdateOrder, UpdateStage};
use serde::{Deserialize, Serialize};

/// What the worker is started for. That the node hangs up means: stop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Without one it only looks at the system disks.
    pub order: Option<UpdateOrder>,
    /// The version that runs.
    pub running: String,
    /// The file system on the stick whose descriptor comes with this.
    pub stick: Option<OnStick>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnStick {
    pub partition: u32,
    pub volume: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "said")]
pub enum Said {
    Progress {
        stage: UpdateStage,
        done: ByteSize,
        total: ByteSize,
        fetched: ByteSize,
    },
    /// What a repository has.
    Offer {
        offer: UpdateOffer,
    },
    /// What the system disks hold now. The last thing that is said.
    Ended {
        disks: u32,
        slots: Vec<SlotSeen>,
        /// The version that is next beside the one that runs; nothing, where none is next.
        next: Option<NextSeen>,
        end: End,
    },
}

/// What the files seem to hold. Nothing is started because of it: it is read again, with its signature, by who starts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextSeen {
    /// Whether both have the same kernel, parameters and corrections of the processor; not known, where a file can't be read.
    pub same_below: Option<bool>,
    /// What the next root takes in memory.
    pub root: ByteSize,
}

/// A version on the system disks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlotSeen {
    pub version: String,
    pub standing: SlotStanding,
    pub good: bool,
    pub disks: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "end")]
pub enum End {
    Done,
    Cancelled,
    Failed(Failure),
}
