//! What the first start finds in the state: keys of pools, answers for the wizard, what was installed.

use super::{ApplyError, Work, folder, io, own_mount, write_file};
use crate::luks;
use crate::mounts::{Kind, Mounted};
use crate::plan::{LOCAL, STATE, Unlock, Volume};
use crate::secret::Secret;
use cake_types::{Name, SetupAnswers, SetupPool, UplinkSpec};
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
            write_file(
                &root.join("setup/answers.toml"),
                toml::to_string(&wizard(setup, &self.asked.plan.pools))?.as_bytes(),
            )?;
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

/// The answers, with virtual machines on the pools that were made, unless they say another place: on disks that are theirs alone first, and
/// on the rest of the system disks then.
fn wizard(answers: &SetupAnswers, pools: &[Volume]) -> SetupAnswers {
    let mut answers = answers.clone();
    if answers.pool.path.is_some() {
        return answers;
    }
    let named = |volume: &Volume| {
        let name = volume.pool_name()?;
        Some(SetupPool { name: name.parse().ok()?, path: Some(pool_place(name)) })
    };
    let mut made: Vec<SetupPool> = pools.iter().filter_map(named).collect();
    made.sort_by_key(|pool| pool.name.as_str() == LOCAL);
    let mut made = made.into_iter();
    if let Some(first) = made.next() {
        let is_named = answers.pool.name != SetupPool::default().name;
        let name = if is_named { answers.pool.name } else { first.name };
        answers.pool = SetupPool { name, path: first.path };
    }
    let known: Vec<Name> =
        [&answers.pool].into_iter().chain(&answers.more_pools).map(|pool| pool.name.clone()).collect();
    answers.more_pools.extend(made.filter(|pool| !known.contains(&pool.name)));
    answers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vms_are_on_disks_of_their_own_first() {
        let text = "name = \"a\"\ntime_zone = \"Etc/UTC\"\nadministrator = { name = \"admin\", password = \"correct horse\" }\n[install]\ndisks = [\"A\"]\n";
        let answers = crate::answers::parse(text).unwrap().setup.unwrap();
        let volume = |name: &str| Volume { name: name.into(), label: String::new(), members: Vec::new(), level: None };
        let told = |answers: &SetupAnswers, names: &[&str]| {
            let volumes: Vec<Volume> = names.iter().map(|name| volume(name)).collect();
            let SetupAnswers { pool, more_pools, .. } = wizard(answers, &volumes);
            let all = [pool].into_iter().chain(more_pools);
            all.map(|pool| format!("{} {}", pool.name, pool.path.unwrap_or_default())).collect::<Vec<_>>()
        };
        assert_eq!(told(&answers, &["cake-pool-local"]), ["local /pool/local"]);
        let two = ["cake-pool-local", "cake-pool-data-1", "cake-pool-data-2"];
        let all = ["data-1 /pool/data-1", "data-2 /pool/data-2", "local /pool/local"];
        assert_eq!(told(&answers, &two), all);
        let mut own = answers;
        own.pool.name = "fast".parse().unwrap();
        assert_eq!(told(&own, &two), ["fast /pool/data-1", "data-2 /pool/data-2", "local /pool/local"]);
        own.pool.name = "local".parse().unwrap();
        own.pool.path = Some("/srv".into());
        assert_eq!(told(&own, &two), ["local /srv"]);
    }
}
