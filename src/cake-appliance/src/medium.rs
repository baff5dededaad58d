//! What this server was started from, as the firmware's boot loader tells (UEFI; Boot Loader Interface, `LoaderDevicePartUUID`).

use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};

use crate::program;

/// The vendor GUID of the Boot Loader Interface.
const VARIABLE: &str = "/sys/firmware/efi/efivars/LoaderDevicePartUUID-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f";
/// The name of the partition that a system disk is started from, as the installer writes it.
const INSTALLED: &str = "cake-esp";
/// Seconds until a controller must have shown the disk that we come from.
const PATIENCE: &str = "--timeout=60";

/// The partition that the firmware's file was read from.
#[derive(Debug)]
pub struct Medium {
    /// `/dev/sda1`
    pub device: PathBuf,
    /// Its name in the partition table.
    pub name: String,
}

impl Medium {
    /// None after a start over the network.
    pub fn find() -> Result<Option<Self>> {
        let Ok(variable) = fs::read(VARIABLE) else { return Ok(None) };
        let uuid = uuid(&variable).context("the boot loader's variable is no UUID")?;
        let link = format!("/dev/disk/by-partuuid/{uuid}");
        program::run("udevadm", &["wait", PATIENCE, &link])
            .context("the disk that this server was started from does not show")?;
        let device = fs::canonicalize(&link).with_context(|| format!("follow {link}"))?;
        let event = Path::new("/sys/class/block").join(device.file_name().unwrap_or_default()).join("uevent");
        let event = fs::read_to_string(&event).with_context(|| format!("read {}", event.display()))?;
        Ok(Some(Self { device, name: part_name(&event).unwrap_or_default().to_owned() }))
    }

    pub fn is_system_disk(&self) -> bool {
        self.name == INSTALLED
    }
}

/// Four bytes of attributes, then UTF-16 with a zero at its end (efivarfs).
fn uuid(variable: &[u8]) -> Option<String> {
    let text: Vec<u16> = variable.get(4..)?.chunks_exact(2).map(|two| u16::from_le_bytes([two[0], two[1]])).collect();
    let text = String::from_utf16(&text).ok()?.trim_end_matches('\0').to_ascii_lowercase();
    (text.len() == 36 && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')).then_some(text)
}

fn part_name(event: &str) -> Option<&str> {
    event.lines().find_map(|line| line.strip_prefix("PARTNAME="))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loaders_variable_is_a_uuid_in_utf_16() {
        let mut variable = vec![6, 0, 0, 0];
        variable.extend("CA4E0000-0000-4000-8000-00000000000F\0".encode_utf16().flat_map(u16::to_le_bytes));
        assert_eq!(uuid(&variable).unwrap(), "ca4e0000-0000-4000-8000-00000000000f");
        assert_eq!(uuid(&variable[..60]), None);
        assert_eq!(uuid(b"\x06\0\0\0.\0.\0/\0"), None);
        assert_eq!(uuid(b""), None);
    }

    #[test]
    fn a_partition_may_have_no_name() {
        assert_eq!(part_name("MAJOR=8\nPARTN=1\nPARTNAME=cake-esp\n"), Some("cake-esp"));
        assert_eq!(part_name("MAJOR=8\nPARTN=1\n"), None);
    }
}
