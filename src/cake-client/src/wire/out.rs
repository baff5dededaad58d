//! What is taken away: VMs, the configuration, what a helper needs.

use cake_types::ByteSize;
use jiff::Timestamp;
use serde::Deserialize;
use uuid::Uuid;

/// A VM as one file.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Export {
    pub id: Uuid,
    pub vm: Uuid,
    /// The VM's, as it was then.
    pub name: String,
    /// `ova`, `qcow2`.
    pub format: String,
    /// `waiting`, `converting`, `packing`, `done`, …
    pub state: String,
    /// Of the file, once it is there.
    pub size: Option<ByteSize>,
    /// What it is best kept under.
    pub file_name: String,
    /// The task that tells of it.
    pub task: Uuid,
    pub created_at: Option<Timestamp>,
    /// When it goes by itself.
    pub expires_at: Option<Timestamp>,
    pub etag: Option<String>,
}

/// The configuration in one file.
#[derive(Clone, Debug, Deserialize)]
pub struct Backup {
    pub id: Uuid,
    pub made_at: Timestamp,
    /// The version of cake that made it.
    pub cake: String,
    pub size: ByteSize,
}

/// A backup that was sent, as its first lines tell.
#[derive(Clone, Debug, Deserialize)]
pub struct ReceivedBackup {
    pub name: String,
    pub made_at: Timestamp,
    pub cake: String,
}

/// What came back.
#[derive(Clone, Debug, Deserialize)]
pub struct Restored {
    pub name: String,
    pub made_at: Timestamp,
    pub vms: usize,
    pub sealed_elsewhere: usize,
}

/// For whoever helps.
#[derive(Clone, Debug, Deserialize)]
pub struct SupportBundle {
    pub id: Uuid,
    pub size: ByteSize,
    pub files: Vec<SupportFile>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct SupportFile {
    pub name: String,
    pub size: ByteSize,
}
