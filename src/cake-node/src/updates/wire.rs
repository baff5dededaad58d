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
        end: End,
    },
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
