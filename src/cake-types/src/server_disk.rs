//! The disks that a server is built of, and what they say of their own health (SMART, NVMe).

use crate::ByteSize;
use crate::words::words;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A disk of a server, not of a VM.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerDisk {
    /// What the kernel calls it now: `sda`, `nvme0n1`.
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
    pub size: ByteSize,
    pub bus: ServerBus,
    pub rotational: bool,
    /// It can be pulled out.
    pub removable: bool,
    #[serde(default)]
    pub health: DiskHealth,
}

impl ServerDisk {
    /// What it is known by for as long as it lives: its serial number, or its name where it has none.
    pub fn identity(&self) -> &str {
        self.serial.as_deref().unwrap_or(&self.name)
    }
}

/// What a disk says of itself. What it does not say is absent, never zero.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskHealth {
    /// Why nothing is known, or why what is known is from [`DiskHealth::read_at`] and not newer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silence: Option<DiskSilence>,
    /// When the rest was so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_at: Option<Timestamp>,
    /// Its own verdict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passed: Option<bool>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<DiskWarning>,
    /// Degrees Celsius.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub power_on_hours: Option<u64>,
    /// Sectors that were replaced by spare ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reallocated_sectors: Option<u64>,
    /// Sectors that could not be read and wait for a decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending_sectors: Option<u64>,
    /// Sectors that its own tests could not read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uncorrectable_sectors: Option<u64>,
    /// Times that data could not be read or written whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_errors: Option<u64>,
    /// Per cent of the life that its maker reckons with; may be more than 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent_used: Option<u32>,
    /// When all of that life is used up if it goes on as it did in the last two weeks, to the hour; only where that is soon. The disk
    /// does not say it: its server remembers how it wore.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worn_out_at: Option<Timestamp>,
    /// Per cent of the spare blocks that are left, and how few are too few.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spare: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spare_threshold: Option<u32>,
}

impl DiskHealth {
    pub fn silent(silence: DiskSilence) -> Self {
        Self { silence: Some(silence), ..Self::default() }
    }

    /// The disk itself says that it is about to fail, or that it no longer does what a disk does.
    pub fn is_failing(&self) -> bool {
        let grave = |warning: &DiskWarning| !matches!(warning, DiskWarning::Spare | DiskWarning::Temperature);
        // An NVMe disk's verdict is that it has no warning at all.
        self.warnings.iter().any(grave) || (self.passed == Some(false) && self.warnings.is_empty())
    }

    /// Too few spare blocks are left.
    pub fn is_short_of_spare(&self) -> bool {
        let below = matches!((self.spare, self.spare_threshold), (Some(spare), Some(least)) if spare < least);
        below || self.warnings.contains(&DiskWarning::Spare)
    }

    /// It says nothing now, and nothing is known of before.
    pub fn is_silent(&self) -> bool {
        self.silence.is_some() && self.read_at.is_none()
    }

    /// The one word for it: the worst of what is so.
    pub fn verdict(&self) -> DiskVerdict {
        if self.is_silent() {
            DiskVerdict::Unknown
        } else if self.is_failing() {
            DiskVerdict::Failing
        } else if self.is_short_of_spare() {
            DiskVerdict::Spare
        } else if self.wear() != DiskWear::Fine {
            DiskVerdict::Worn
        } else if self.worn_out_at.is_some() {
            DiskVerdict::Wearing
        } else if self.bad_sectors() > 0 {
            DiskVerdict::Sectors
        } else if self.warnings.contains(&DiskWarning::Temperature) {
            DiskVerdict::Hot
        } else {
            DiskVerdict::Well
        }
    }

    /// Sectors whose data are lost or may be.
    pub fn bad_sectors(&self) -> u64 {
        self.pending_sectors.unwrap_or(0).max(self.uncorrectable_sectors.unwrap_or(0))
    }

    /// How much of its life is used up, as a person is told.
    pub fn wear(&self) -> DiskWear {
        match self.percent_used {
            Some(percent) if percent >= WEAR_CRITICAL => DiskWear::Critical,
            Some(percent) if percent >= WEAR_WARNING => DiskWear::Warning,
            _ => DiskWear::Fine,
        }
    }
}

/// A disk is worn to so many per cent: a new one should be ordered …
pub const WEAR_WARNING: u32 = 80;
/// … and now be put in.
pub const WEAR_CRITICAL: u32 = 90;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskWear {
    Fine,
    Warning,
    Critical,
}

words! {
    /// How a disk is connected. Its word is `disk-bus-BUS`.
    ServerBus {
        Nvme = "nvme",
        /// SATA, or ATA behind anything that the kernel shows as SCSI.
        Ata = "ata",
        /// SAS and its kin, or a controller that shows its arrays as disks.
        Scsi = "scsi",
        Usb = "usb",
        /// A disk of the machine that this machine is a VM of.
        Virtio = "virtio",
        Other = "other",
    }

    /// How a disk is, in one word, the worst first: that nothing is known of one disk is no news beside another that is well. Its word
    /// is `disk-verdict-VERDICT`.
    #[derive(PartialOrd, Ord)]
    DiskVerdict {
        Failing = "failing",
        /// Too few spare blocks are left.
        Spare = "spare",
        Worn = "worn",
        /// It will be soon.
        Wearing = "wearing",
        /// Some sectors can't be read.
        Sectors = "sectors",
        /// Too hot, or too cold.
        Hot = "hot",
        Well = "well",
        Unknown = "unknown",
    }

    /// Why a disk's health is not known, or not known now. Its sentence is `disk-silence-SILENCE`.
    DiskSilence {
        /// It has no SMART, or nobody can ask for it through its controller.
        Unsupported = "unsupported",
        /// It has stopped turning, and is not woken for a question.
        Asleep = "asleep",
        /// It was asked and did not answer in time, or not as it should.
        NoAnswer = "no-answer",
        /// The program that asks is not there or could not be confined.
        NoProgram = "no-program",
    }

    /// What an NVMe disk calls a critical warning. Its sentence is `disk-warning-WARNING`.
    DiskWarning {
        /// The spare blocks are nearly used up.
        Spare = "spare",
        /// It is too hot or too cold.
        Temperature = "temperature",
        /// Errors have made it unreliable.
        Reliability = "reliability",
        /// It can only be read by now.
        ReadOnly = "read-only",
        /// What saves its cache when the power fails is broken.
        Backup = "backup",
        /// Its persistent memory can't be relied on.
        Memory = "memory",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_is_told_apart_from_its_reasons() {
        let with = |passed, warnings: &[DiskWarning]| DiskHealth {
            passed: Some(passed),
            warnings: warnings.to_vec(),
            ..DiskHealth::default()
        };
        assert!(!with(true, &[]).is_failing() && with(false, &[]).is_failing());
        assert!(!with(false, &[DiskWarning::Spare, DiskWarning::Temperature]).is_failing());
        assert!(with(false, &[DiskWarning::Spare, DiskWarning::ReadOnly]).is_failing());
        assert!(!DiskHealth::silent(DiskSilence::Unsupported).is_failing(), "who says nothing accuses nobody");
    }

    #[test]
    fn thresholds() {
        let spare =
            |spare, least| DiskHealth { spare: Some(spare), spare_threshold: Some(least), ..Default::default() };
        assert!(spare(9, 10).is_short_of_spare() && !spare(10, 10).is_short_of_spare());
        assert!(!spare(0, 0).is_short_of_spare(), "a disk without a threshold counts none");
        let worn = |percent| DiskHealth { percent_used: Some(percent), ..Default::default() }.wear();
        assert_eq!([79, 80, 89, 90, 255].map(worn), {
            use DiskWear::{Critical, Fine, Warning};
            [Fine, Warning, Warning, Critical, Critical]
        });
        let wearing = |percent| DiskHealth {
            percent_used: Some(percent),
            worn_out_at: Some(Timestamp::UNIX_EPOCH),
            pending_sectors: Some(1),
            ..Default::default()
        };
        assert_eq!([79, 80].map(|at| wearing(at).verdict()), [DiskVerdict::Wearing, DiskVerdict::Worn]);
        assert_eq!((spare(9, 10).verdict(), spare(10, 10).verdict()), (DiskVerdict::Spare, DiskVerdict::Well));
        assert_eq!(DiskHealth::silent(DiskSilence::Asleep).verdict(), DiskVerdict::Unknown);
        for silence in DiskSilence::ALL {
            assert_eq!(serde_json::to_value(silence).unwrap(), silence.as_str());
        }
    }
}
