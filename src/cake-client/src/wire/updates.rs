//! The firmware of the servers.

use cake_types::ByteSize;
use jiff::Timestamp;
use serde::Deserialize;
use uuid::Uuid;

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Update {
    pub source: Option<UpdatePlace>,
    pub servers: Vec<UpdateServer>,
}

/// An address, or a file system on a stick.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct UpdatePlace {
    pub url: Option<String>,
    pub stick: Option<String>,
    pub called: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct UpdateServer {
    pub node: String,
    pub running: String,
    /// System disks that work.
    pub disks: u32,
    pub versions: Vec<UpdateVersion>,
    pub offer: Option<UpdateOffer>,
    pub work: Option<UpdateWork>,
    pub trouble: Option<String>,
    /// `possible`, or why the next version can't start while VMs go on running.
    pub soft_reboot: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct UpdateVersion {
    pub version: String,
    /// `running`, `next`, `previous`, `bad`, `spare`.
    pub standing: String,
    pub good: bool,
    pub disks: u32,
    pub failure: Option<UpdateFailure>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct UpdateFailure {
    /// `console`, `node`, `network`, `vms`, `state`, `asked`, `silent`.
    pub reason: String,
    pub detail: Option<String>,
    pub at: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct UpdateOffer {
    pub at: Timestamp,
    pub expires: Timestamp,
    #[serde(default)]
    pub releases: Vec<UpdateRelease>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct UpdateRelease {
    pub version: String,
    pub kernel: String,
    pub size: ByteSize,
    /// `running`, `known-bad`, `too-old`, `failed-before`.
    pub refused: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct UpdateWork {
    pub task: Option<Uuid>,
    pub stage: String,
    pub done: ByteSize,
    pub total: ByteSize,
    pub fetched: ByteSize,
}

impl UpdateServer {
    /// The newest version that can be installed and does not lie on the disks already.
    pub fn newest(&self) -> Option<&UpdateRelease> {
        let there = |version: &str| self.versions.iter().any(|known| known.version == version);
        let releases = self.offer.iter().flat_map(|offer| &offer.releases);
        releases.into_iter().find(|release| release.refused.is_none() && !there(&release.version))
    }
}
