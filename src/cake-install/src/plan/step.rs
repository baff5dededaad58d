//! The steps, in their order.
//!
//! Until [`Step::Boot`] nothing boots: what firmware starts is put in place when everything else was written, read back and found
//! right. Partitions are called `cake-unfinished` until then, so that the same answers can be given again after a power cut; a disk
//! that can boot, or that belongs to one that can, is never taken for unfinished.

use super::{PlannedDisk, Unlock, Volume};
use cake_types::ByteSize;

/// Bytes that making a file system or a LUKS header writes, for the progress only: measured on XFS and LUKS2 with mkfs' defaults.
const SMALL: u64 = 24 << 20;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Lets go of what an installation that was broken off, or another system, made of these disks.
    Release { disks: Vec<String> },
    /// Takes away every signature.
    Wipe { disk: String },
    /// Writes the partition table, with names that say it is unfinished.
    Divide { disk: String },
    /// A FAT file system.
    FormatBoot { part: String },
    /// An array of md.
    Array { volume: Volume },
    /// A LUKS2 header, opened by the recovery key alone.
    Encrypt { volume: Volume },
    /// XFS with reflink.
    Format { volume: Volume },
    /// What opens the state at the next start.
    Enrol { unlock: Unlock },
    /// A key for each pool, kept in the state; the answers, and what is installed.
    Settle { pools: Vec<String> },
    /// Everything in the boot partition that does not make it boot.
    Firmware { part: String, bytes: u64 },
    /// Closes all, and looks whether it can be opened and read again.
    Verify { bytes: u64 },
    /// The file that firmware starts.
    Boot { part: String },
    /// Gives the partitions their names.
    Name { disk: String },
    /// The firmware's own list of what it starts, where it has one.
    Entries { disks: Vec<String> },
}

impl Step {
    /// Names it for translations and for who watches.
    pub const fn id(&self) -> &'static str {
        match self {
            Self::Release { .. } => "release",
            Self::Wipe { .. } => "wipe",
            Self::Divide { .. } => "divide",
            Self::FormatBoot { .. } => "format-boot",
            Self::Array { .. } => "array",
            Self::Encrypt { .. } => "encrypt",
            Self::Format { .. } => "format",
            Self::Enrol { .. } => "enrol",
            Self::Settle { .. } => "settle",
            Self::Firmware { .. } => "firmware",
            Self::Verify { .. } => "verify",
            Self::Name { .. } => "name",
            Self::Boot { .. } => "boot",
            Self::Entries { .. } => "entries",
        }
    }

    /// What it does, for a person.
    pub fn words(&self) -> String {
        match self {
            Self::Release { disks } => format!("let go of whatever is made of {}", disks.join(", ")),
            Self::Wipe { disk } => format!("erase what marks the content of {disk}"),
            Self::Divide { disk } => format!("divide {disk} into partitions"),
            Self::FormatBoot { part } => format!("make the boot partition {part}"),
            Self::Array { volume } => match volume.level {
                Some(1) if volume.members.len() == 1 => {
                    format!("make a mirror of {}, which another disk can join", volume.members[0])
                }
                Some(1) => format!("mirror {}", volume.members.join(" and ")),
                Some(level) => format!("make RAID {level} of {}", volume.members.join(", ")),
                None => String::new(),
            },
            Self::Encrypt { volume } => format!("encrypt {}", volume.name),
            Self::Format { volume } => format!("make the file system of {}", volume.name),
            Self::Enrol { unlock: Unlock::Tpm } => "let this server's TPM open the state".into(),
            Self::Enrol { unlock: Unlock::KeyFile } => "put a key into the boot partition that opens the state".into(),
            Self::Settle { pools } => format!("write settings and the keys of {}", pools.join(", ")),
            Self::Firmware { part, bytes } => format!("copy the firmware ({}) to {part}", ByteSize(*bytes)),
            Self::Verify { .. } => "read everything back".into(),
            Self::Name { disk } => format!("name the partitions of {disk}"),
            Self::Boot { part } => format!("make {part} bootable"),
            Self::Entries { disks } => format!("tell the server's firmware to start from {}", disks.join(", then ")),
        }
    }

    /// How many bytes it writes or reads, roughly: what its part of the progress follows from.
    pub const fn bytes(&self) -> u64 {
        match self {
            Self::Firmware { bytes, .. } | Self::Verify { bytes } => SMALL + *bytes,
            Self::Format { .. } | Self::Encrypt { .. } | Self::Enrol { .. } => SMALL,
            _ => SMALL / 8,
        }
    }
}

/// Everything, in order.
pub fn all(disks: &[PlannedDisk], state: &Volume, pools: &[Volume], unlock: Unlock, firmware: u64) -> Vec<Step> {
    let names: Vec<String> = disks.iter().map(|disk| disk.name.clone()).collect();
    let system = || disks.iter().filter(|disk| disk.system);
    let boot_parts: Vec<String> = system().map(|disk| disk.parts[0].device.clone()).collect();
    let mut steps = vec![Step::Release { disks: names.clone() }];
    steps.extend(names.iter().map(|disk| Step::Wipe { disk: disk.clone() }));
    steps.extend(names.iter().map(|disk| Step::Divide { disk: disk.clone() }));
    steps.extend(boot_parts.iter().map(|part| Step::FormatBoot { part: part.clone() }));
    for volume in std::iter::once(state).chain(pools) {
        if volume.level.is_some() {
            steps.push(Step::Array { volume: volume.clone() });
        }
        steps.push(Step::Encrypt { volume: volume.clone() });
        steps.push(Step::Format { volume: volume.clone() });
    }
    steps.push(Step::Enrol { unlock });
    let named = pools.iter().filter_map(Volume::pool_name).map(ToOwned::to_owned);
    steps.push(Step::Settle { pools: named.collect() });
    steps.extend(boot_parts.iter().map(|part| Step::Firmware { part: part.clone(), bytes: firmware }));
    steps.push(Step::Verify { bytes: firmware * boot_parts.len() as u64 });
    steps.extend(boot_parts.iter().map(|part| Step::Boot { part: part.clone() }));
    steps.extend(names.iter().map(|disk| Step::Name { disk: disk.clone() }));
    steps.push(Step::Entries { disks: system().map(|disk| disk.name.clone()).collect() });
    steps
}
