//! What the first start finds in the state: keys of pools, answers for the wizard, what was installed.

use super::{ApplyError, Work, folder, io, own_mount, write_file};
use crate::luks;
use crate::mounts::{Kind, Mounted};
use crate::plan::{LOCAL, STATE, Unlock};
use crate::secret::Secret;
use cake_types::{SetupAnswers, UplinkSpec};
use serde::Serialize;
use std::fs::File;
use std::path::Path;

/// Of `setup/installed.json`; raised when a reader could misunderstand it.
const FORMAT: u32 = 1;

/// `setup/installed.json`
#[derive(Serialize)]
struct Installed<'a> {
    format: u32,
    version: &'a str,
    installed_at: jiff::Timestamp,
    unlock: Unlock,
    disks: Vec<Disk<'a>>,
    pools: Vec<Pool<'a>>,
}

#[derive(Serialize)]
struct Disk<'a> {
    serial: &'a str,
    /// Bytes.
    size: u64,
    system: bool,
}

#[derive(Serialize)]
struct Pool<'a> {
    name: &'a str,
    /// How many disks it lies on.
    disks: usize,
    /// md's; absent where it is on one disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<u8>,
}

/// Where a pool of an installed system is mounted.
fn pool_place(name: &str) -> String {
    format!("/pool/{name}")
}

impl Work<'_> {
    pub(super) fn settle(&mut self) -> Result<(), ApplyError> {
        let mounted = Mounted::new(&luks::opened(STATE)?, Kind::Xfs, &own_mount("state"))?;
        let root = mounted.place();
        for name in ["keys", "setup"] {
            folder(&root.join(name))?;
        }
        let (tools, recovery) = (self.asked.tools, self.asked.recovery);
        for pool in &self.asked.plan.pools {
            let key = Secret::key_file().map_err(ApplyError::Random)?;
            luks::add_key(tools, &self.device(pool), recovery, &key)?;
            let name = pool.pool_name().unwrap_or(&pool.name);
            write_file(&root.join(format!("keys/pool-{name}.key")), key.bytes())?;
        }
        // The same key is to open what cake seals: the first start hands it to caked, which forgets it when the wizard is done.
        write_file(&root.join("setup/recovery-key"), recovery.bytes())?;
        if let Some(setup) = &self.asked.answers.setup {
            write_file(&root.join("setup/answers.toml"), toml::to_string(&wizard(setup))?.as_bytes())?;
        }
        if let Some(network) = &self.asked.answers.install.network {
            write_file(&root.join("setup/network.toml"), toml::to_string::<UplinkSpec>(network)?.as_bytes())?;
        }
        write_file(&root.join("setup/installed.json"), &self.installed())?;
        for name in ["keys", "setup", "."] {
            let path = root.join(name);
            File::open(&path).and_then(|folder| folder.sync_all()).map_err(io(&path))?;
        }
        Ok(mounted.unmount()?)
    }

    pub(super) fn installed(&self) -> Vec<u8> {
        let plan = self.asked.plan;
        let installed = Installed {
            format: FORMAT,
            version: &self.asked.files.version,
            installed_at: self.asked.now,
            unlock: plan.unlock,
            disks: plan
                .disks
                .iter()
                .map(|disk| Disk { serial: &disk.serial, size: disk.size, system: disk.system })
                .collect(),
            pools: plan
                .pools
                .iter()
                .map(|pool| Pool { name: &pool.label, disks: pool.members.len(), level: pool.level })
                .collect(),
        };
        serde_json::to_vec_pretty(&installed).unwrap_or_default()
    }

    /// What was written there, as it can be read now.
    pub(super) fn check_state(&self, root: &Path) -> Result<(), ApplyError> {
        let path = root.join("setup/installed.json");
        if std::fs::read(&path).map_err(io(&path))? == self.installed() {
            return Ok(());
        }
        Err(ApplyError::Different { what: "the state".into() })
    }
}

/// The answers, with virtual machines on the pool that was made, unless they say another place.
fn wizard(answers: &SetupAnswers) -> SetupAnswers {
    let mut answers = answers.clone();
    answers.pool.path.get_or_insert_with(|| pool_place(LOCAL));
    answers
}
