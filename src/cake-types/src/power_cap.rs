//! How much a server may draw: asked of its BMC (DCMI 1.5 §6.6, Redfish PowerLimit), and kept there.

use crate::words::words;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The lowest and the highest cap that is taken, in watts. What a BMC takes may be less.
pub const CAP_LEAST: u16 = 20;
pub const CAP_MOST: u16 = 20_000;

/// What somebody asked for. Without one the BMC is left as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PowerCap {
    /// Watts; absent: as much as it likes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watts: Option<u16>,
}

/// A server that the rack's power budget holds back, or did until a moment ago.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldBack {
    /// Watts that it may draw at most; absent: no longer held back, and its BMC has yet to forget the limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watts: Option<u16>,
    /// When that was last changed.
    pub since: Timestamp,
}

/// What is in force at the BMC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CapStatus {
    /// Watts; absent: as much as it likes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watts: Option<u16>,
    /// The lowest and the highest that the BMC takes, in watts, where it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub least: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub most: Option<u16>,
    /// Why what was asked is not in force, or nothing can be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<CapTrouble>,
}

words! {
    /// Why a cap is not in force. Its sentence is `cap-trouble-TROUBLE`.
    CapTrouble {
        /// The BMC can't limit power.
        Unsupported = "unsupported",
        /// The BMC takes no such limit (DCMI 1.5 table 6-19: 84h).
        OutOfRange = "out-of-range",
        /// The BMC's user may not set one.
        Forbidden = "forbidden",
        /// The BMC refuses, or says that it took it and has another one.
        Failed = "failed",
    }
}
