//! cake on this server's own disks, asked for in the wizard of a server that was started from a stick.
//!
//! ```text
//!  InstallDisks ─► InstallChoice ─► InstallPlan, or every InstallRefusal ─► InstallOrder ─► InstallState
//! ```

use crate::words::words;
use crate::{ByteSize, OperationId, ServerDisk, SetupAnswers, UplinkSpec};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

/// Most disks that an installation names.
pub const INSTALL_DISKS_MAX: usize = 128;
/// Longest serial number that is taken, in characters.
pub const INSTALL_SERIAL_MAX: usize = 128;

words! {
    /// What several disks for VMs become. Its sentence is `install-layout-WORD`.
    #[derive(Default)]
    InstallLayout {
        /// Everything lies on two disks: RAID 1 of two, RAID 10 of more.
        #[default]
        Mirrored = "mirrored",
        /// RAID 0: lost with its first disk.
        Striped = "striped",
        /// A pool of its own on each.
        Separate = "separate",
    }

    /// What is on a disk. Its sentence is `install-content-WORD`.
    InstallContentKind {
        Empty = "empty",
        /// A partition table with nothing in it.
        EmptyTable = "empty-table",
        /// An installation of cake that was broken off: it may be overwritten.
        Unfinished = "unfinished",
        /// A disk that an installed cake starts from.
        Cake = "cake",
        /// A disk of a pool of cake.
        CakePool = "cake-pool",
        Partitions = "partitions",
        /// A file system, or a member of something, without a partition table.
        Whole = "whole",
        Unknown = "unknown",
    }

    /// Why a disk can't be used, or not so. Its sentence is `reason-install-WORD`.
    InstallWhy {
        /// No disk has this serial number.
        Unknown = "unknown",
        /// Several disks have it.
        Ambiguous = "ambiguous",
        BootMedium = "boot-medium",
        ReadOnly = "read-only",
        /// It is mounted, or swap.
        Used = "used",
        TooSmall = "too-small",
        /// Something is on it, and nobody confirmed that it may be lost.
        HasData = "has-data",
        Twice = "twice",
    }

    /// What somebody should know before. Its sentence is `install-warning-WORD`.
    InstallWarning {
        NoTpm = "no-tpm",
        /// There is a TPM, but the firmware carries no key of its maker for it.
        NoMakersKey = "no-makers-key",
        OneSystemDisk = "one-system-disk",
        Striped = "striped",
    }

    /// How far an installation is. Its sentence is `install-phase-WORD`.
    #[derive(Default)]
    InstallPhase {
        /// Nobody has asked for one since this server was started.
        #[default]
        None = "none",
        Running = "running",
        Cancelled = "cancelled",
        Failed = "failed",
        Done = "done",
    }
}

/// Which disks become what. Disks are named by their serial numbers, or by the kernel's name where they have none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstallChoice {
    /// One system disk, or two that mirror each other.
    pub disks: Vec<String>,
    /// Further disks, for VMs.
    pub pool_disks: Vec<String>,
    pub pool_layout: InstallLayout,
    /// Disks whose content may be lost.
    pub erase: Vec<String>,
}

/// What is on a disk, without anything of it being mounted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstallContent {
    pub kind: InstallContentKind,
    /// Nothing is on it that anybody could miss.
    pub free: bool,
    /// What an installation of cake calls itself, and its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    pub parts: u32,
    /// Kinds of file systems, as libblkid calls them: `ntfs`, `ext4`, `LVM2_member`.
    pub systems: Vec<String>,
}

/// A disk that cake could be installed on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstallDisk {
    pub disk: ServerDisk,
    pub content: InstallContent,
    /// Why it can't be used for anything, whatever is on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unfit: Option<InstallWhy>,
    /// Where it is mounted, and `swap`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub used_as: Vec<String>,
    /// It is large enough for a system disk.
    pub fits_system: bool,
}

/// Every disk of this server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstallDisks {
    pub disks: Vec<InstallDisk>,
    /// Least size of a system disk.
    pub least_system: ByteSize,
    /// Least size of a disk for VMs.
    pub least_pool: ByteSize,
}

/// What an installation will do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstallPlan {
    pub disks: Vec<InstallPlanDisk>,
    pub pools: Vec<InstallPlanPool>,
    /// The TPM opens the disks at a start; else a key in the boot partition does.
    pub tpm: bool,
    pub warnings: Vec<InstallWarning>,
    /// How many steps it takes.
    pub steps: u32,
}

/// How a disk is divided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstallPlanDisk {
    pub serial: String,
    /// What the kernel calls it now.
    pub name: String,
    pub size: ByteSize,
    pub system: bool,
    /// Boot partition and state; nothing on a disk that is for VMs alone.
    pub boot: ByteSize,
    pub state: ByteSize,
    pub pool: ByteSize,
}

/// A pool that VMs' disks will lie on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstallPlanPool {
    pub name: String,
    /// RAID level; absent on one disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<u8>,
    /// Serial numbers.
    pub disks: Vec<String>,
    /// About what VMs can have of it.
    pub size: ByteSize,
}

/// What is against a disk that was chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstallRefusal {
    pub serial: String,
    pub why: InstallWhy,
    /// Names of disks with the same serial number, or where it is mounted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<String>,
    /// Of a disk that is too small: its size and the least.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<ByteSize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub least: Option<ByteSize>,
}

/// A choice, judged: nothing was touched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InstallJudged {
    Plan(InstallPlan),
    /// All reasons at once.
    Refused(Vec<InstallRefusal>),
}

/// Everything that an installation needs to know. The administrator's password has become its hash by now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstallOrder {
    /// The same order again is the same installation.
    pub operation: OperationId,
    pub answers: SetupAnswers,
    pub choice: InstallChoice,
    /// The network that somebody confirmed while the server ran from the stick: the node adds it, and the installed server keeps it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<UplinkSpec>,
}

/// A recovery key on its way to the person who keeps it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ShownKey(pub String);

impl std::fmt::Debug for ShownKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ShownKey(…)")
    }
}

impl Drop for ShownKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// What the program that installs tells, one line each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "news", rename_all = "kebab-case")]
pub enum InstallNews {
    Step {
        /// From 1.
        number: u32,
        of: u32,
        /// Its sentence is `install-step-WORD`.
        step: String,
        /// Of everything, in thousandths.
        thousandths: u32,
    },
    Key {
        key: ShownKey,
    },
    Done,
    Failed {
        /// In English, as programs said it.
        detail: String,
        /// Somebody wanted it so.
        cancelled: bool,
    },
}

/// How an installation stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstallState {
    pub phase: InstallPhase,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<OperationId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// The step that is under way, or was the last; from 1, zero before the first.
    pub number: u32,
    pub of: u32,
    /// Its id; empty before the first.
    pub step: String,
    pub thousandths: u32,
    /// It can still be called off without leaving a disk that boots half an installation.
    pub cancellable: bool,
    /// Why it failed, in English.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Opens the disks, whatever becomes of the TPM. Until this server is started anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery_key: Option<ShownKey>,
}
