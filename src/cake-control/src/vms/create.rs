//! A new VM.

use super::Vms;
use cake_planner::network::Asked;
use cake_planner::{admission, defaults, hardware};
use cake_types::limits::{GUEST_USERS_MAX, SSH_KEYS_MAX, USER_DATA_MAX};
use cake_types::{
    Authority, ByteSize, CloudInit, Code, DiskSpec, Firmware, Generation, GuestOs, GuestUser, HardwareRequest,
    HostName, Image, ImageFormat, Meta, Name, Network, NodeCapacity, OsRng, Power, Priority, Problem, ProjectName,
    PublicKey, Restart, Tags, Task, TaskGoal, TaskKind, Vm, VmId, VmSpec, seal,
};
use std::sync::Arc;

use crate::board::{ImageEntry, PoolEntry};
use crate::caller::{Caller, Keep};
use crate::{error, random};

/// What a person says about a new VM; the rest is decided here.
#[derive(Clone, Debug)]
pub struct NewVm {
    pub project: ProjectName,
    pub name: Name,
    /// By name or id.
    pub image: String,
    /// What the image's machine had says it when left out; the same of the memory.
    pub cpus: Option<u32>,
    pub memory: Option<ByteSize>,
    /// Of the first.
    pub disk: Option<ByteSize>,
    pub firmware: Option<Firmware>,
    /// What the image is for says it when left out.
    pub tpm: Option<bool>,
    pub secure_boot: Option<bool>,
    /// A CD with drivers for a second drive, by name or id.
    pub drivers: Option<String>,
    pub network: Asked,
    pub restart: Restart,
    pub priority: Priority,
    pub start: bool,
    pub tags: Tags,
    pub cloud_init: NewCloudInit,
}

#[derive(Clone, Default)]
pub struct NewCloudInit {
    pub hostname: Option<HostName>,
    pub users: Vec<GuestUser>,
    /// May hold passwords: sealed before it goes anywhere.
    pub user_data: Option<String>,
}

impl NewCloudInit {
    fn is_empty(&self) -> bool {
        self.users.is_empty() && self.user_data.is_none()
    }
}

impl std::fmt::Debug for NewCloudInit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewCloudInit").field("hostname", &self.hostname).finish_non_exhaustive()
    }
}

impl Vms {
    pub async fn create(&self, caller: &Caller, new: NewVm, keep: &Keep<Task>) -> Result<Arc<Task>, Problem> {
        let vm = self.design(new)?;
        let goal = TaskGoal::Power { generation: vm.meta.generation, power: vm.spec.power };
        let task = self.new_task(&vm, caller, TaskKind::VmCreate, goal);
        let (vm, task) = self.insert(vm, task, Vec::new(), caller, keep).await?;
        self.created(&vm).await;
        Ok(task)
    }

    /// Everything about the VM, if it fits.
    fn design(&self, new: NewVm) -> Result<Vm, Problem> {
        let node = self.nodes.require()?;
        let capacity = self.capacity()?;
        let image = self.image(&new.image)?;
        let (image_id, image_name, spec) = (image.image.meta.id, &image.image.meta.name, &image.image.spec);
        let cpus = admission::cpus(defaults::cpus(new.cpus, spec)?, capacity.cpus)?;
        let memory = admission::memory(defaults::memory(new.memory, spec)?, spec.min_memory, capacity.memory)?;
        let firmware = admission::firmware(new.firmware, spec, image_name.as_str())?;
        let trust = admission::trust(new.tpm, new.secure_boot, firmware, defaults::trust(spec, firmware))?;
        let kernel = (spec.format == ImageFormat::Kernel).then_some(image_id);
        let cd = (spec.format == ImageFormat::Iso).then_some(image_id);
        let disks = self.first_disks(new.disk, &image.image)?;
        // An installer reads a seed where somebody has written one for it; others would only be puzzled by a second disk. So would a
        // system that has long been set up, and comes with its machine.
        let unasked = (cd.is_some() || spec.machine.is_some()) && new.cloud_init.is_empty();
        let cloud_init = match kernel.is_some() || unasked {
            true => None,
            false => Some(self.cloud_init(new.cloud_init, &new.name, &node.key)?),
        };
        let nics = defaults::nics(&new.network, self.nic(&new.network)?, spec);
        let id = VmId::now();
        let hardware = hardware::plan(&HardwareRequest {
            id,
            firmware,
            disks: disks.len(),
            nics: nics.len(),
            seed: cloud_init.is_some(),
            machine: hardware::default_machine(),
            cpu: hardware::default_cpu(),
            random: random::bytes(),
            cd: cd.is_some(),
            drivers: hardware::drivers(spec),
            tpm: trust.tpm,
            secure_boot: trust.secure_boot,
            windows: spec.os == GuestOs::Windows,
        });
        let now = self.ledger.now();
        let meta = Meta {
            id,
            project: new.project,
            name: new.name,
            generation: Generation::FIRST,
            created_at: now,
            updated_at: now,
        };
        let mut spec = VmSpec {
            power: if new.start { Power::Running } else { Power::Stopped },
            restart: new.restart,
            authority: Authority::Local,
            cpus,
            memory,
            firmware,
            disks,
            kernel,
            cd,
            cd_by_force: false,
            drivers: None,
            removed_disks: Vec::new(),
            detached_disks: Vec::new(),
            network: Network::None,
            nics: Vec::new(),
            cloud_init,
            hardware,
            made_from: Some(image_name.clone()),
            deleting: false,
            binned: None,
            restored: None,
            tags: new.tags,
            priority: new.priority,
        };
        spec.set_nics(nics);
        if let Some(drivers) = &new.drivers {
            self.set_drivers(&mut spec, &meta.name, Some(drivers))?;
        }
        Ok(Vm { meta, spec })
    }

    /// The disks that a VM begins with: those of its image, or an empty one for what is installed from a CD.
    fn first_disks(&self, asked: Option<ByteSize>, image: &Image) -> Result<Vec<DiskSpec>, Problem> {
        let Image { meta: Meta { id, name, .. }, spec, .. } = image;
        let pool = self.pool()?;
        let (here, called) = (pool.pool.meta.id, pool.pool.meta.name.as_str());
        let free = pool.status.as_ref().map(|status| status.free);
        let Some(size) = admission::disk(asked, spec, called, free)? else { return Ok(Vec::new()) };
        let begins_as = (spec.format != ImageFormat::Iso).then_some(*id);
        let further = defaults::further_disks(spec, name.as_str(), size, called, free)?;
        let further = (1..)
            .zip(further)
            .map(|(part, size)| DiskSpec { part: Some(part), ..DiskSpec::own(size, here, begins_as, None) });
        Ok(std::iter::once(DiskSpec::own(size, here, begins_as, None)).chain(further).collect())
    }

    pub(super) fn capacity(&self) -> Result<NodeCapacity, Problem> {
        let nodes = self.ledger.board.nodes();
        let known = nodes.iter().filter(|node| node.connected).find_map(|node| node.status.as_ref());
        known.map(|status| status.capacity).ok_or_else(|| Problem::new(Code::NodeUnreachable))
    }

    pub(super) fn image(&self, text: &str) -> Result<Arc<ImageEntry>, Problem> {
        let image = self.ledger.board.find_image(text);
        let image = image.ok_or_else(|| Problem::not_found("image", text).at("/image"))?;
        match &image.status {
            Some(status) if status.available && image.image.binned.is_none() => Ok(image),
            _ => Err(Problem::invalid("image", "image-unavailable").at("/image")),
        }
    }

    /// Where the disks go: the first pool that is there.
    pub(super) fn pool(&self) -> Result<Arc<PoolEntry>, Problem> {
        crate::volumes::pool(&self.ledger.board, None)
    }

    fn cloud_init(&self, new: NewCloudInit, name: &Name, node: &PublicKey) -> Result<CloudInit, Problem> {
        let NewCloudInit { hostname, users, user_data } = new;
        check_users(&users)?;
        if user_data.is_some() && !users.is_empty() {
            return Err(Problem::invalid("user_data", "users-or-user-data").at("/cloud_init/user_data"));
        }
        let user_data = user_data.map(|text| self.seal(text, node)).transpose()?;
        Ok(CloudInit { hostname: hostname.unwrap_or_else(|| HostName::from_name(name)), users, user_data })
    }

    /// Only the node and whoever holds the recovery key can read it from here on.
    fn seal(&self, text: String, node: &PublicKey) -> Result<cake_types::Sealed<String>, Problem> {
        if text.len() > USER_DATA_MAX {
            let limit = ByteSize(USER_DATA_MAX as u64);
            return Err(Problem::new(Code::UserDataTooLarge).with("limit", limit).at("/cloud_init/user_data"));
        }
        let text = zeroize::Zeroizing::new(text);
        let recipients: Vec<PublicKey> = std::iter::once(node.clone()).chain(self.settings.recovery_key()).collect();
        seal(&*text, &recipients, &mut OsRng).map_err(|e| error::internal("user-data could not be sealed", &e))
    }
}

fn check_users(users: &[GuestUser]) -> Result<(), Problem> {
    if users.len() > GUEST_USERS_MAX {
        return Err(Problem::invalid("users", "too-many").at("/cloud_init/users"));
    }
    for (index, user) in users.iter().enumerate() {
        let at = |field: &str| format!("/cloud_init/users/{index}/{field}");
        if !is_user_name(&user.name) {
            return Err(Problem::invalid("users", "user-name").at(&at("name")));
        }
        let good = |key: &String| key.len() <= 16 * 1024 && !key.contains(char::is_control) && key.contains(' ');
        if user.ssh_keys.len() > SSH_KEYS_MAX || !user.ssh_keys.iter().all(good) {
            return Err(Problem::invalid("ssh_keys", "ssh-key").at(&at("ssh_keys")));
        }
    }
    Ok(())
}

/// POSIX: `[a-z_][a-z0-9_-]{0,31}`.
fn is_user_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    let first = bytes.next().is_some_and(|b| b.is_ascii_lowercase() || b == b'_');
    first && name.len() <= 32 && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_names_are_posix() {
        for (name, good) in
            [("cake", true), ("_a-1", true), ("", false), ("1a", false), ("root:x", false), ("A", false)]
        {
            assert_eq!(is_user_name(name), good, "{name}");
        }
        assert!(!is_user_name(&"a".repeat(33)));
    }

    #[test]
    fn a_key_of_two_lines_is_refused() {
        let user = |key: &str| GuestUser { name: "cake".into(), ssh_keys: vec![key.into()], administrator: true };
        assert!(check_users(&[user("ssh-ed25519 AAAA me")]).is_ok());
        let problem = check_users(&[user("ssh-ed25519 AAAA\nruncmd: [x]")]).unwrap_err();
        assert_eq!(problem.pointer.as_deref(), Some("/cloud_init/users/0/ssh_keys"));
    }
}
