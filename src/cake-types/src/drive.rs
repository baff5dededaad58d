//! What a running guest has in its drives, as the node sees it.

use crate::{ByteSize, Failure, ImageId};
use serde::{Deserialize, Serialize};

/// The CD drive of a guest that runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CdStatus {
    /// What lies in it: nothing, or nothing that is known any more, without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageId>,
    /// The tray is open: the guest's doing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub open: bool,
    /// The guest was asked to open the tray and has not done so yet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub waiting: bool,
    /// Why something else lies in it than what is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

/// A disk of a guest that runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskStatus {
    /// See [`crate::VmSpec::disk_number`].
    pub number: u32,
    /// As the guest sees it; nothing if it is not there.
    pub size: ByteSize,
    /// The guest was asked to let it go and has not done so yet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub leaving: bool,
    /// Why it is not there, still there or not so large, against what is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}
