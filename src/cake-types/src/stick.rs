//! USB sticks, and other disks that are plugged in and pulled out: what is on them that could become an image.

use crate::ByteSize;
use crate::words::words;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Bytes of the longest path of a file on a stick that is told of.
pub const STICK_PATH_MAX: usize = 1024;

/// A file system on something that can be pulled out. What carries several is several of these.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stick {
    /// Of this file system on this stick, wherever it is plugged in: another stick at the same place has another.
    pub id: String,
    /// What the kernel calls the disk now: `sdb`.
    pub device: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
    /// Its number in the partition table; 0 where there is none.
    pub partition: u32,
    pub size: ByteSize,
    /// What its owner called it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    pub format: StickFormat,
    /// Why its files are not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<StickTrouble>,
    /// Those that are called as images are, by path.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<StickFile>,
    /// There may be more files than these: too many, too deep, or in a folder that can't be read.
    #[serde(default)]
    pub incomplete: bool,
}

impl Stick {
    pub fn file(&self, path: &str) -> Option<&StickFile> {
        self.files.iter().find(|file| file.path == path)
    }

    /// What people call it: its label, else who made it, else what the kernel calls it.
    pub fn called(&self) -> &str {
        self.label.as_deref().or(self.model.as_deref()).unwrap_or(&self.device)
    }
}

/// A file on a stick.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StickFile {
    /// From the top of the file system, with `/` between folders and none at the beginning.
    pub path: String,
    pub size: ByteSize,
    /// FAT knows no time zone: its times are taken for UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modified: Option<Timestamp>,
}

words! {
    /// How a stick is formatted. Its word is `stick-format-FORMAT`.
    StickFormat {
        Fat = "fat",
        Exfat = "exfat",
        Ntfs = "ntfs",
        /// ext2, ext3 or ext4.
        Ext = "ext",
        Xfs = "xfs",
        Btrfs = "btrfs",
        /// Apple's older one, HFS+.
        Hfs = "hfs",
        Apfs = "apfs",
        /// A CD's, as sticks have it that were made from an ISO file as a whole.
        Iso9660 = "iso9660",
        /// Encrypted by Linux.
        Luks = "luks",
        /// Encrypted by Windows.
        Bitlocker = "bitlocker",
        /// Nothing that is known, or nothing at all.
        Unknown = "unknown",
    }

    /// Why the files of a stick are not known. Its sentence is `stick-trouble-TROUBLE`.
    StickTrouble {
        /// It is formatted with what cake does not read.
        Unsupported = "unsupported",
        /// Its file system contradicts itself.
        Broken = "broken",
        /// It was pulled out before everything was written to it.
        Unclean = "unclean",
        /// The stick does not hand its bytes out.
        Unreadable = "unreadable",
        /// This server uses it for something else.
        Busy = "busy",
    }
}
