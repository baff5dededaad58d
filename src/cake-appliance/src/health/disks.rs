//! The slots of the system disks, mounted for as long as they are needed.

use anyhow::{Context, Result};
use cake_install::esps;
use cake_install::mounts::{Kind, Mounted};
use cake_update::slots::Tries;
use cake_update::{Esp, Version};
use nix::fcntl::Flock;
use std::fs::File;
use std::path::Path;

const PLACE: &str = "/run/cake-health";

pub struct SystemDisks {
    esps: Vec<Esp>,
    /// Unmounted before somebody else may mount.
    _mounted: Vec<Mounted>,
    _only: Flock<File>,
}

impl SystemDisks {
    pub fn open() -> Result<Self> {
        let only = esps::only_one().context("wait for the boot partitions")?;
        let (mut found, mut mounted) = (Vec::new(), Vec::new());
        for (index, device) in esps::of_this_installation()?.iter().enumerate() {
            let place = Path::new(PLACE).join(index.to_string());
            match Mounted::new(device, Kind::Fat, &place) {
                Ok(one) => {
                    found.push(Esp::open(one.place())?);
                    mounted.push(one);
                }
                // Another disk may be failing; the one that we came from is not.
                Err(error) if index > 0 => eprintln!("{error}"),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Self { esps: found, _mounted: mounted, _only: only })
    }

    pub fn esps(&self) -> &[Esp] {
        &self.esps
    }

    /// Whether the boot loader counts the starts of this version, on the disk that it came from.
    pub fn on_trial(&self, version: &Version) -> Result<bool> {
        let Some(booted) = self.esps.first() else { return Ok(false) };
        Ok(booted.find(version)?.is_some_and(|slot| slot.tries != Tries::Blessed))
    }
}
