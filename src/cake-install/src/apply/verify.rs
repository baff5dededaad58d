//! Reads back what was written: everything is closed first, so that nothing is true only in memory.

use super::{ApplyError, Work, own_mount};
use crate::arrays;
use crate::disks::{KEY_FILE, read_from_esp};
use crate::luks::{self, LuksError};
use crate::mounts::{self, Kind, Mounted};
use crate::plan::{STATE, Unlock, Volume};
use crate::release::release;
use crate::secret::Secret;
use crate::tool::ToolError;
use std::path::{Path, PathBuf};

/// What the maker signed of this firmware's measurements; systemd's programs look for it there.
const SIGNATURE: &str = "/run/systemd/tpm2-pcr-signature.json";

impl Work<'_> {
    pub(super) fn verify(&mut self, within: &mut dyn FnMut(u64)) -> Result<(), ApplyError> {
        let (tools, plan) = (self.asked.tools, self.asked.plan);
        release(tools, &self.asked.disks())?;
        for disk in &plan.disks {
            self.check_table(&disk.name, false)?;
        }
        for (before, disk) in plan.system_disks().enumerate() {
            let firmware = std::fs::metadata(&self.asked.files.firmware).map_or(0, |file| file.len());
            self.check_firmware(&disk.parts[0].device, &mut |bytes| within(before as u64 * firmware + bytes))?;
        }
        let volumes = std::iter::once(&plan.state).chain(&plan.pools);
        for volume in volumes {
            let device = self.started(volume)?;
            self.devices.insert(volume.name.clone(), device.clone());
            if !luks::is_key(tools, &device, self.asked.recovery)? {
                return Err(closed(&volume.name));
            }
        }
        self.open_state()?;
        let state = Mounted::read_only(&luks::opened(STATE)?, Kind::Xfs, &own_mount("state"))?;
        self.check_state(state.place())?;
        for pool in &plan.pools {
            self.check_pool(pool, state.place())?;
        }
        state.unmount()?;
        Ok(release(tools, &self.asked.disks())?)
    }

    /// The device of a volume, its array found again by what is on the disks.
    fn started(&self, volume: &Volume) -> Result<PathBuf, ApplyError> {
        if volume.level.is_none() {
            return Ok(self.device(volume));
        }
        let found = arrays::arrays(&arrays::headers()?, |name| name == volume.name);
        let own = found.iter().find(|array| volume.members.iter().all(|member| array.members.contains(member)));
        Ok(arrays::start(self.asked.tools, own.ok_or_else(|| closed(&volume.name))?)?)
    }

    /// As the next start will do it, where that can be tried here.
    fn open_state(&self) -> Result<(), ApplyError> {
        let (tools, plan) = (self.asked.tools, self.asked.plan);
        let device = self.device(&plan.state);
        let name = &plan.state.name;
        match plan.unlock {
            // A signature that does not fit is no failure: this firmware may be another than the one that is installed.
            Unlock::Tpm if Path::new(SIGNATURE).exists() => match luks::open_by_tpm(tools, &device, name) {
                Ok(()) => return Ok(()),
                Err(LuksError::Tool(ToolError::Cancelled)) => return Err(ToolError::Cancelled.into()),
                Err(error) => eprintln!("cake-install: the TPM can't be tried here ({error})"),
            },
            Unlock::Tpm => {}
            Unlock::KeyFile => {
                for disk in plan.system_disks() {
                    let part = Path::new("/dev").join(&disk.parts[0].device);
                    let key = read_from_esp(&part, KEY_FILE).map_err(super::io(&part))?.ok_or_else(|| closed(name))?;
                    if !luks::is_key(tools, &device, &Secret::from_bytes(key))? {
                        return Err(closed(name));
                    }
                }
            }
        }
        if luks::open(tools, &device, name, self.asked.recovery)? { Ok(()) } else { Err(closed(name)) }
    }

    fn check_pool(&self, pool: &Volume, state: &Path) -> Result<(), ApplyError> {
        let tools = self.asked.tools;
        let path = state.join(format!("keys/pool-{}.key", pool.label));
        let key = Secret::from_bytes(std::fs::read(&path).map_err(super::io(&path))?);
        if !luks::open(tools, &self.device(pool), &pool.name, &key)? {
            return Err(closed(&pool.name));
        }
        let mapped = luks::opened(&pool.name)?;
        mounts::forget_cached(&mapped).map_err(super::io(&mapped))?;
        Mounted::read_only(&mapped, Kind::Xfs, &own_mount(&pool.name))?.unmount()?;
        Ok(luks::close(tools, &pool.name)?)
    }
}

fn closed(what: &str) -> ApplyError {
    ApplyError::Closed { what: what.into() }
}
