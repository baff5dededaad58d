//! VMs on the wire: flat and stable.

use super::cd::{CdDrive, cd_drive};
use super::disks::{Disk, disks};
use super::nics::{Nic, nics};
use super::{Size, tags, word};
use bytes::Bytes;
use cake_control::board::{Render, VmEntry};
use cake_control::vms as control;
use cake_planner::names;
use cake_planner::network::Asked;
use cake_types::{
    self as domain, Accelerator, GuestUser, HaltedBy, HardwareRecord, Meta, Problem, ProjectName, VmSpec, VmStatus,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::ask::etag;

/// A virtual machine: asked and so, side by side.
#[derive(Serialize, ToSchema)]
pub struct Vm {
    pub id: Uuid,
    pub name: String,
    pub project: String,
    /// What is so: `pending`, `provisioning`, `stopped`, `starting`, `running`, `paused`, `shutting-down`, `stopping`, `failed`,
    /// `deleting`, `lost`.
    pub state: &'static str,
    /// What was asked: `running`, `stopped`, `paused`.
    pub power: String,
    /// `never`, `on-crash`, `always`.
    pub restart: String,
    /// Whose server is slowed down first when power is short: `low`, `normal`, `high`.
    pub priority: &'static str,
    /// `local`, `rack`.
    pub authority: String,
    pub cpus: u32,
    /// Bytes.
    pub memory: u64,
    pub disks: Vec<Disk>,
    /// `bios`, `uefi`, `direct`.
    pub firmware: String,
    /// What the first network card is connected to: `none`, `nat`, `bridged`.
    pub network: &'static str,
    pub nics: Vec<Nic>,
    /// The image it was made from, by name.
    pub image: Option<String>,
    /// The image in its CD drive, by id.
    pub cd: Option<Uuid>,
    /// Its CD drive, if it has one.
    pub cd_drive: Option<CdDrive>,
    /// The image with drivers in its second CD drive, by id.
    pub drivers: Option<Uuid>,
    pub hostname: Option<String>,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// QEMU's process on the node.
    pub pid: Option<u32>,
    /// `kvm`, `tcg`.
    pub accelerator: Option<&'static str>,
    #[schema(value_type = Option<String>, format = "date-time")]
    pub started_at: Option<Timestamp>,
    pub failure: Option<Failure>,
    pub halted_by: Option<Halted>,
    pub usage: Option<Usage>,
    /// How often the node started it again by itself since it was last changed.
    pub restarts: u32,
    /// QMP commands that the last start took.
    pub start_commands: Option<u32>,
    /// The engine (QEMU and its firmware) that it runs in, while it does.
    pub engine: Option<Engine>,
    /// A node runs it, the Store does not know it.
    pub orphaned: bool,
    /// In the bin since then.
    #[schema(value_type = Option<String>, format = "date-time")]
    pub binned_at: Option<Timestamp>,
    /// Came out of a backup then, and no server has said yet that it has it.
    #[schema(value_type = Option<String>, format = "date-time")]
    pub restored_at: Option<Timestamp>,
    pub generation: u64,
    #[schema(value_type = String, format = "date-time")]
    pub created_at: Timestamp,
    #[schema(value_type = String, format = "date-time")]
    pub updated_at: Timestamp,
    /// For If-Match.
    pub etag: String,
}

/// Why the last try failed. `detail` is for support, in English.
#[derive(Serialize, ToSchema)]
#[schema(as = VmFailure)]
pub struct Failure {
    pub code: &'static str,
    pub detail: String,
}

/// The engine that a VM runs in.
#[derive(Serialize, ToSchema)]
#[schema(as = VmEngine)]
pub struct Engine {
    /// Names it among the server's.
    pub root: String,
    /// QEMU's version.
    pub qemu: String,
    /// VMs that are started now get another one.
    pub outdated: bool,
    /// How the guest would get that without being stopped: `transfer` (its memory changes hands), `live` (it is copied).
    pub way: Option<&'static str>,
    /// Why it would not: `current`, `tpm`.
    pub hold: Option<&'static str>,
    pub replaced: Option<EngineReplaced>,
    /// Its QEMU is being replaced.
    pub work: Option<EngineWork>,
}

/// How far the replacement of a VM's QEMU is.
#[derive(Serialize, ToSchema)]
pub struct EngineWork {
    /// `start` (the new QEMU starts), `copy` (the guest's memory is copied), `change` (it changes hands), `finish` (it runs in the new
    /// one). The task can be cancelled until the guest has changed hands.
    pub step: &'static str,
    /// Bytes of the guest's memory, where it is copied.
    pub done: u64,
    pub total: u64,
}

/// Its QEMU was replaced while the guest ran.
#[derive(Serialize, ToSchema)]
pub struct EngineReplaced {
    #[schema(value_type = String, format = "date-time")]
    pub at: Timestamp,
    /// How long the guest stood still, in microseconds.
    pub pause_us: u64,
    /// `transfer`, `live`.
    pub way: &'static str,
}

fn engine(hardware: &HardwareRecord, status: &domain::EngineStatus) -> Engine {
    let domain::EngineStatus { root, qemu, outdated, replaced, work } = status;
    let verdict = cake_planner::engine::verdict(hardware, Some(status));
    Engine {
        root: root.clone(),
        qemu: qemu.clone(),
        outdated: *outdated,
        way: verdict.ok().map(domain::EngineWay::as_str),
        hold: verdict.err().map(domain::EngineHold::as_str),
        replaced: replaced.map(|domain::Replaced { operation: _, at, pause_us, way }| EngineReplaced {
            at,
            pause_us,
            way: way.as_str(),
        }),
        work: work.map(|domain::EngineWork { operation: _, step, done, total }| EngineWork {
            step: step.as_str(),
            done: done.bytes(),
            total: total.bytes(),
        }),
    }
}

/// It ended without having been asked.
#[derive(Serialize, ToSchema)]
#[schema(as = VmHalted)]
pub struct Halted {
    /// `guest`, `crash`, `killed`; `host`: its server shut it down, because it goes off itself.
    pub reason: String,
    #[schema(value_type = String, format = "date-time")]
    pub at: Timestamp,
}

#[derive(Serialize, ToSchema)]
#[schema(as = VmUsage)]
pub struct Usage {
    /// Processor time since the start, nanoseconds.
    pub cpu_ns: u64,
    /// Thousandths of one processor over the last sample.
    pub cpu_permille: u32,
    /// Resident bytes.
    pub memory: u64,
}

/// A VM with its virtual hardware.
#[derive(Serialize, ToSchema)]
pub struct VmDetail {
    #[serde(flatten)]
    pub vm: Vm,
    #[schema(value_type = Object)]
    pub hardware: HardwareRecord,
}

impl From<&VmEntry> for Vm {
    fn from(entry: &VmEntry) -> Self {
        let domain::Vm { meta, spec } = &*entry.vm;
        let Meta { id, project, name, generation, created_at, updated_at } = meta;
        let VmSpec {
            power,
            restart,
            authority,
            cpus,
            memory,
            firmware,
            disks: _,
            removed_disks: _,
            detached_disks: _,
            kernel: _,
            cd: _,
            cd_by_force: _,
            drivers: _,
            network: _,
            nics: _,
            cloud_init,
            hardware,
            made_from,
            deleting: _,
            binned,
            restored,
            tags,
            priority,
        } = spec;
        let so = entry.status.as_ref().map(So::from).unwrap_or_default();
        Self {
            id: id.0,
            name: name.to_string(),
            project: project.to_string(),
            state: entry.state().as_str(),
            power: word(power),
            restart: word(restart),
            priority: priority.as_str(),
            authority: word(authority),
            cpus: *cpus,
            memory: memory.bytes(),
            disks: disks(entry),
            firmware: word(firmware),
            network: spec.nics().first().map_or("none", domain::NicSpec::as_str),
            nics: nics(entry),
            image: made_from.as_ref().map(ToString::to_string),
            cd: spec.cd.map(|cd| cd.0),
            cd_drive: cd_drive(entry),
            drivers: spec.drivers.map(|image| image.0),
            hostname: cloud_init.as_ref().map(|seed| seed.hostname.to_string()),
            tags: tags.iter().map(ToString::to_string).collect(),
            pid: so.pid,
            accelerator: so.accelerator,
            started_at: so.started_at,
            failure: so.failure,
            halted_by: so.halted_by,
            usage: so.usage,
            restarts: so.restarts,
            start_commands: so.start_commands,
            engine: entry.status.as_ref().and_then(|status| status.engine.as_ref()).map(|of| engine(hardware, of)),
            orphaned: entry.orphaned(),
            binned_at: *binned,
            restored_at: *restored,
            generation: generation.0,
            created_at: *created_at,
            updated_at: *updated_at,
            etag: etag(*generation),
        }
    }
}

/// The fields that come from the node.
#[derive(Default)]
struct So {
    pid: Option<u32>,
    accelerator: Option<&'static str>,
    started_at: Option<Timestamp>,
    failure: Option<Failure>,
    halted_by: Option<Halted>,
    usage: Option<Usage>,
    restarts: u32,
    start_commands: Option<u32>,
}

impl From<&VmStatus> for So {
    fn from(status: &VmStatus) -> Self {
        let VmStatus {
            observed: _,
            state: _,
            pid,
            accelerator,
            started_at,
            progress: _,
            failure,
            halted_by,
            usage,
            restarts,
            start_commands,
            nics: _,
            cd: _,
            disks: _,
            engine: _,
        } = status;
        Self {
            pid: *pid,
            accelerator: accelerator.map(|accelerator| match accelerator {
                Accelerator::Kvm => "kvm",
                Accelerator::Tcg { because: _ } => "tcg",
            }),
            started_at: *started_at,
            failure: failure
                .as_ref()
                .map(|domain::Failure { code, detail }| Failure { code: code.as_str(), detail: detail.clone() }),
            halted_by: halted_by.map(|HaltedBy { reason, generation: _, at, by_host }| Halted {
                reason: if by_host { "host".into() } else { word(&reason) },
                at,
            }),
            usage: usage.map(|domain::Usage { cpu_ns, cpu_permille, memory }| Usage {
                cpu_ns,
                cpu_permille,
                memory: memory.bytes(),
            }),
            restarts: *restarts,
            start_commands: *start_commands,
        }
    }
}

/// Makes the ready JSON that the board keeps.
pub struct VmJson;

impl Render for VmJson {
    fn vm(&self, entry: &VmEntry) -> Bytes {
        serde_json::to_vec(&Vm::from(entry)).expect("a VM is JSON").into()
    }
}

/// Wanted firmware.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Firmware {
    Bios,
    Uefi,
    Direct,
}

#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Restart {
    Never,
    OnCrash,
    Always,
}

#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Priority {
    Low,
    Normal,
    High,
}

impl From<Priority> for domain::Priority {
    fn from(priority: Priority) -> Self {
        match priority {
            Priority::Low => Self::Low,
            Priority::Normal => Self::Normal,
            Priority::High => Self::High,
        }
    }
}

impl From<Firmware> for domain::Firmware {
    fn from(firmware: Firmware) -> Self {
        match firmware {
            Firmware::Bios => Self::Bios,
            Firmware::Uefi => Self::Uefi,
            Firmware::Direct => Self::Direct,
        }
    }
}

impl From<Restart> for domain::Restart {
    fn from(restart: Restart) -> Self {
        match restart {
            Restart::Never => Self::Never,
            Restart::OnCrash => Self::OnCrash,
            Restart::Always => Self::Always,
        }
    }
}

/// What a new VM should be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewVm {
    pub name: String,
    /// By name or id.
    pub image: String,
    /// May be left out only where the image came with a machine: then that says it. The same of the memory.
    #[serde(default)]
    pub cpus: Option<u32>,
    #[serde(default)]
    pub memory: Option<Size>,
    /// Of the first disk; the image's own size when left out.
    #[serde(default)]
    pub disk: Option<Size>,
    /// The image's best when left out.
    #[serde(default)]
    pub firmware: Option<Firmware>,
    /// A TPM 2.0. When left out, as the image's machine; without one, Windows on UEFI has it.
    #[serde(default)]
    pub tpm: Option<bool>,
    /// Start only what is signed; needs UEFI. When left out, as the image's machine; without one, Windows on UEFI does so.
    #[serde(default)]
    pub secure_boot: Option<bool>,
    /// A CD image with drivers, by name or id, in a second drive from which nothing is started.
    #[serde(default)]
    pub drivers: Option<String>,
    /// `none`, `nat`, or `bridge:NAME` with the name of a bridge of the server; when left out, `bridge:uplink` on a
    /// server of cake's own, else `nat`. An image's
    /// machine with several cards has all of them there.
    #[serde(default)]
    pub network: Option<String>,
    /// Ports of the server that lead to the guest, each as `tcp:8080:80`; only with `nat`.
    #[serde(default)]
    pub forwards: Vec<String>,
    #[serde(default)]
    pub restart: Option<Restart>,
    /// `normal` when left out.
    #[serde(default)]
    pub priority: Option<Priority>,
    /// Start it when its disk is made; true when left out.
    #[serde(default)]
    pub start: Option<bool>,
    /// At most 16, each 1 to 63 of a–z, 0–9, `-`, `.` and `_`.
    #[serde(default)]
    pub tags: Vec<String>,
    #[serde(default)]
    pub cloud_init: Option<CloudInit>,
}

/// What the guest is told by cloud-init.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CloudInit {
    /// Made from the VM's name when left out.
    #[serde(default)]
    pub hostname: Option<String>,
    #[serde(default)]
    pub users: Vec<User>,
    /// Instead of `users`: user-data of your own, at most 64 KiB. Nobody but the node can read it again.
    #[serde(default)]
    pub user_data: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[schema(as = GuestUser)]
#[serde(deny_unknown_fields)]
pub struct User {
    pub name: String,
    /// OpenSSH's one-line format.
    #[serde(default)]
    pub ssh_keys: Vec<String>,
    /// May become root without a password.
    #[serde(default)]
    pub administrator: bool,
}

impl NewVm {
    pub fn read(self, project: ProjectName) -> Result<control::NewVm, Problem> {
        let Self {
            name,
            image,
            cpus,
            memory,
            disk,
            firmware,
            tpm,
            secure_boot,
            drivers,
            network,
            forwards,
            restart,
            priority,
            start,
            tags: texts,
            cloud_init,
        } = self;
        Ok(control::NewVm {
            project,
            name: names::name(&name, "/name")?,
            image,
            cpus,
            memory: memory.map(|size| size.read("memory")).transpose()?,
            disk: disk.map(|size| size.read("disk")).transpose()?,
            firmware: firmware.map(Into::into),
            tpm,
            secure_boot,
            drivers,
            network: Asked { network, forwards },
            restart: restart.map(Into::into).unwrap_or_default(),
            priority: priority.map(Into::into).unwrap_or_default(),
            start: start.unwrap_or(true),
            tags: tags(&texts)?,
            cloud_init: cloud_init.unwrap_or_default().read()?,
        })
    }
}

impl CloudInit {
    fn read(self) -> Result<control::NewCloudInit, Problem> {
        let Self { hostname, users, user_data } = self;
        let hostname = hostname.map(|text| names::host_name(&text, "/cloud_init/hostname")).transpose()?;
        let users = users
            .into_iter()
            .map(|User { name, ssh_keys, administrator }| GuestUser { name, ssh_keys, administrator })
            .collect();
        Ok(control::NewCloudInit { hostname, users, user_data })
    }
}

/// What shall be different.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VmPatch {
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub restart: Option<Restart>,
    #[serde(default)]
    pub priority: Option<Priority>,
    /// Only while it is off.
    #[serde(default)]
    pub cpus: Option<u32>,
    /// Only while it is off.
    #[serde(default)]
    pub memory: Option<Size>,
    /// All of them: at most 16, each 1 to 63 of a–z, 0–9, `-`, `.` and `_`.
    #[serde(default)]
    pub tags: Option<Vec<String>>,
    /// The CD image with drivers in the second drive, by name or id; an empty text takes it and the drive away. Only while it is off.
    #[serde(default)]
    pub drivers: Option<String>,
}

impl VmPatch {
    pub fn read(self) -> Result<control::VmPatch, Problem> {
        let Self { name, restart, priority, cpus, memory, tags: texts, drivers } = self;
        Ok(control::VmPatch {
            name: name.map(|name| names::name(&name, "/name")).transpose()?,
            restart: restart.map(Into::into),
            priority: priority.map(Into::into),
            cpus,
            memory: memory.map(|size| size.read("memory")).transpose()?,
            tags: texts.map(|texts| tags(&texts)).transpose()?,
            drivers,
        })
    }
}
