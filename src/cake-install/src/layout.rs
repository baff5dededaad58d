//! `image/partitions.toml`: what partitions are called, of which type and how large they are.

use serde::Deserialize;
use std::sync::LazyLock;
use uuid::Uuid;

const TEXT: &str = include_str!("../../../image/partitions.toml");
const MIB: u64 = 1 << 20;

static LAYOUT: LazyLock<Layout> = LazyLock::new(|| toml::from_str(TEXT).expect("image/partitions.toml is well-formed"));

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layout {
    /// Partitions begin and end on multiples of this.
    pub align_mib: u64,
    /// The name of every partition until the installation is whole.
    pub unfinished: String,
    pub esp: Esp,
    pub state: State,
    pub pool: Pool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Esp {
    pub name: String,
    /// Of the FAT file system: at most 11 characters.
    pub label: String,
    pub r#type: Uuid,
    pub size_mib: u64,
    /// A smaller one holds at least so many files of the size of the firmware.
    pub firmware_files: u64,
    pub least_mib: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    pub name: String,
    pub r#type: Uuid,
    pub size_mib: u64,
    pub least_mib: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pool {
    pub name: String,
    pub r#type: Uuid,
    pub type_alone: Uuid,
    pub least_mib: u64,
}

/// The partitions of a system disk in MiB: boot partition, state, and from where the pool begins to where it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Division {
    pub esp_mib: u64,
    pub state_mib: u64,
    pub pool_mib: u64,
}

impl Layout {
    /// The one that this program was built with.
    pub fn embedded() -> &'static Self {
        &LAYOUT
    }

    /// What both copies of the partition table take away from a disk's ends (UEFI 2.10 §5.3.1), in MiB.
    const fn tables_mib(&self) -> u64 {
        2 * self.align_mib
    }

    /// Whole aligned units of a disk of `bytes` that partitions can use, in MiB.
    pub fn usable_mib(&self, bytes: u64) -> u64 {
        let whole = bytes / (self.align_mib * MIB) * self.align_mib;
        whole.saturating_sub(self.tables_mib())
    }

    /// The least boot partition for a firmware of `firmware` bytes, in MiB.
    fn least_esp_mib(&self, firmware: u64) -> u64 {
        // One MiB more for the boot loader and FAT's own tables.
        let files = (self.esp.firmware_files * firmware).div_ceil(MIB) + 1;
        files.max(self.esp.least_mib).next_multiple_of(self.align_mib)
    }

    /// The least size of a system disk for a firmware of `firmware` bytes, in bytes.
    pub fn least_system_disk(&self, firmware: u64) -> u64 {
        let parts = self.least_esp_mib(firmware) + self.state.least_mib + self.pool.least_mib;
        (parts + self.tables_mib()) * MIB
    }

    /// The least size of a further disk, in bytes.
    pub fn least_pool_disk(&self) -> u64 {
        (self.pool.least_mib + self.tables_mib()) * MIB
    }

    /// How a system disk of `bytes` is divided; `None` where it is too small. A disk on which boot partition and state would take
    /// more than half gets smaller ones.
    pub fn divide(&self, bytes: u64, firmware: u64) -> Option<Division> {
        let usable = self.usable_mib(bytes);
        let least_esp = self.least_esp_mib(firmware);
        let small = usable / 2 < self.esp.size_mib.max(least_esp) + self.state.size_mib;
        let (esp_mib, state_mib) = if small {
            let spare = usable.checked_sub(least_esp + self.state.least_mib + self.pool.least_mib)?;
            let more = (spare / 4).min(self.state.size_mib - self.state.least_mib);
            (least_esp, self.state.least_mib + more / self.align_mib * self.align_mib)
        } else {
            (self.esp.size_mib.max(least_esp), self.state.size_mib)
        };
        let pool_mib = usable.checked_sub(esp_mib + state_mib)?;
        (pool_mib >= self.pool.least_mib).then_some(Division { esp_mib, state_mib, pool_mib })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRMWARE: u64 = 280 << 20;

    #[test]
    fn the_file_is_what_firmware_and_kernel_know() {
        let layout = Layout::embedded();
        assert_eq!(layout.align_mib, 1);
        assert!(layout.esp.label.len() <= 11);
        for name in [&layout.unfinished, &layout.esp.name, &layout.state.name, &layout.pool.name] {
            assert!(name.len() <= 36 && name.starts_with("cake-"), "{name}");
        }
    }

    #[test]
    fn large_disks_get_what_the_file_says_and_small_ones_less() {
        let layout = Layout::embedded();
        let at = |gib: u64| layout.divide(gib << 30, FIRMWARE);
        assert_eq!(at(512), Some(Division { esp_mib: 2048, state_mib: 8192, pool_mib: 512 * 1024 - 2 - 10240 }));
        let small = at(16).unwrap();
        assert_eq!((small.esp_mib, small.state_mib), (841, 1024 + (16 * 1024 - 2 - 841 - 1024 - 2048) / 4));
        assert_eq!(at(3), None);
        let least = layout.least_system_disk(FIRMWARE);
        assert_eq!(layout.divide(least, FIRMWARE).unwrap().pool_mib, layout.pool.least_mib);
        assert_eq!(layout.divide(least - 1, FIRMWARE), None);
    }

    #[test]
    fn no_disk_is_divided_into_more_than_it_has() {
        let layout = Layout::embedded();
        for mib in (0..40_000).step_by(37) {
            for firmware in [0, 90 << 20, FIRMWARE, 3 << 30] {
                if let Some(division) = layout.divide((mib * MIB) + 511, firmware) {
                    let Division { esp_mib, state_mib, pool_mib } = division;
                    assert_eq!(esp_mib + state_mib + pool_mib, layout.usable_mib(mib * MIB), "{mib}");
                    assert!(esp_mib * MIB > 3 * firmware && pool_mib >= layout.pool.least_mib, "{mib} {division:?}");
                }
            }
        }
    }
}
