//! How a disk has worn so far, as its server remembers it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What is kept of one disk. Its wear is a whole number of per cent that steps, so the moments of its steps are all there is to know.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WearRecord {
    /// The oldest first, each later and higher than the one before. The first is when it was looked at first, not when it stepped.
    pub steps: Vec<WearStep>,
    /// That it wears out soon was told when it was last looked at.
    #[serde(default)]
    pub told: bool,
}

/// When so much was first seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WearStep {
    pub at: Timestamp,
    /// Per cent of the life that the disk's maker reckons with.
    pub percent: u32,
}
