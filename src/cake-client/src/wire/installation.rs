//! cake onto a server's own disks.

use super::ServerDiskHealth;
use cake_types::ByteSize;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Which disks become what, by their ids.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct InstallationChoice {
    pub disks: Vec<String>,
    pub pool_disks: Vec<String>,
    /// `mirrored`, `striped`, `separate`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pool_layout: Option<String>,
    pub erase: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct InstallationDisks {
    pub items: Vec<InstallationDisk>,
    pub proposal: InstallationChoice,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct InstallationDisk {
    /// Its serial number, or its name where it has none.
    pub id: String,
    pub name: String,
    pub model: Option<String>,
    pub size: ByteSize,
    pub health: ServerDiskHealth,
    pub content: InstallationContent,
    /// Why it can't be used, in the reader's language.
    pub unfit_text: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct InstallationContent {
    pub free: bool,
    /// In the reader's language.
    pub text: String,
}

/// A choice, judged: `plan` or refusals.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct JudgedInstallation {
    pub plan: Option<InstallationPlan>,
    pub refusals: Vec<InstallationRefusal>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct InstallationRefusal {
    pub id: String,
    /// `has-data`, `too-small`, …
    pub why: String,
    /// In the reader's language.
    pub text: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct InstallationPlan {
    pub disks: Vec<InstallationPlanDisk>,
    pub pools: Vec<InstallationPlanPool>,
    pub warnings: Vec<InstallationWarning>,
    pub steps: u32,
    pub tpm: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct InstallationPlanDisk {
    pub id: String,
    pub system: bool,
    pub size: ByteSize,
    /// What of it is for VMs.
    pub pool: ByteSize,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct InstallationPlanPool {
    pub name: String,
    pub level: Option<u8>,
    pub disks: Vec<String>,
    pub size: ByteSize,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct InstallationWarning {
    pub kind: String,
    /// In the reader's language.
    pub text: String,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct InstallationState {
    /// `none`, `running`, `cancelled`, `failed`, `done`
    pub phase: String,
    pub started_at: Option<Timestamp>,
    pub number: u32,
    pub of: u32,
    pub step: String,
    /// In the reader's language.
    pub step_text: String,
    /// From 0 to 1.
    pub fraction: f64,
    pub cancellable: bool,
    pub detail: Option<String>,
    pub recovery_key: Option<String>,
}
