//! The slots of the system disks, mounted for as long as they are needed.

use anyhow::{Context, Result};
use cake_install::esps;
use cake_install::mounts::{Kind, MountError, Mounted};
use cake_update::slots::Tries;
use cake_update::{Esp, Version};
use nix::fcntl::Flock;
use std::fs::File;
use std::path::Path;

const PLACE: &str = "/run/cake-health";

pub struct SystemDisks {
    /// Unmounted before somebody else may mount.
    esps: Vec<(Esp, Mounted)>,
    _only: Flock<File>,
}

impl SystemDisks {
    pub fn open() -> Result<Self> {
        Self::mounted(Mounted::new)
    }

    /// For who changes nothing: not even the mark of a mount.
    pub fn read_only() -> Result<Self> {
        Self::mounted(Mounted::read_only)
    }

    fn mounted(mount: fn(&Path, Kind, &Path) -> Result<Mounted, MountError>) -> Result<Self> {
        let only = esps::only_one().context("wait for the boot partitions")?;
        let esps = esps::each(|device, name| {
            let mounted = mount(device, Kind::Fat, &Path::new(PLACE).join(name))?;
            anyhow::Ok((Esp::open(mounted.place())?, mounted))
        })?;
        Ok(Self { esps, _only: only })
    }

    pub fn esps(&self) -> impl Iterator<Item = &Esp> {
        self.esps.iter().map(|(esp, _)| esp)
    }

    /// Whether the boot loader counts the starts of this version, on the disk that it came from.
    pub fn on_trial(&self, version: &Version) -> Result<bool> {
        let Some(booted) = self.esps().next() else { return Ok(false) };
        Ok(booted.find(version)?.is_some_and(|slot| slot.tries != Tries::Blessed))
    }
}
