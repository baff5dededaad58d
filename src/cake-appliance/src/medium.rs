//! What this server was started from.

use anyhow::{Context, Result};
use cake_install::disks::booted_from;
use cake_install::esps::part_name;
use cake_install::layout::Layout;
use std::fs;
use std::path::{Path, PathBuf};

use crate::program;

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
        let Some(uuid) = booted_from(Path::new("/sys"))? else { return Ok(None) };
        let link = format!("/dev/disk/by-partuuid/{uuid}");
        program::run("udevadm", &["wait", PATIENCE, &link])
            .context("the disk that this server was started from does not show")?;
        let device = fs::canonicalize(&link).with_context(|| format!("follow {link}"))?;
        let event = Path::new("/sys/class/block").join(device.file_name().unwrap_or_default()).join("uevent");
        let event = fs::read_to_string(&event).with_context(|| format!("read {}", event.display()))?;
        Ok(Some(Self { device, name: part_name(&event).unwrap_or_default().to_owned() }))
    }

    pub fn is_system_disk(&self) -> bool {
        self.name == Layout::embedded().esp.name
    }
}
