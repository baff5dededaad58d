//! What every resource has.

use crate::{Name, ProjectName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A counter inside a resource, raised by the API at every change of its spec. Starts at 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Generation(pub u64);

impl Generation {
    pub const FIRST: Self = Self(1);

    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// Rises at every change of leader, migration of the Store and restore from a backup. A node refuses lower ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Epoch(pub u64);

impl Epoch {
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// Orders two desired states of one object: first by epoch, then by generation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Stamp {
    pub epoch: Epoch,
    pub generation: Generation,
}

/// Who a resource is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meta<Id> {
    pub id: Id,
    pub project: ProjectName,
    /// Unique among its kind within the project.
    pub name: Name,
    pub generation: Generation,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}
