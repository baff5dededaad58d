//! What comes and goes over the wire, as far as this version understands it.
//!
//! Words that may grow (states, kinds, roles) are text here, so that a newer server's new word is shown, not refused.

mod channels;
mod installation;
mod network;
mod out;
mod pdus;
mod people;
mod rack;
mod server_disks;
mod server_redfish;
mod servers;
mod sticks;
mod switches;
mod updates;
mod week;

pub use channels::{
    Channel, ChannelChange, ChannelFailing, ChannelMail, ChannelSnmp, ChannelState, ChannelSyslog, ChannelTest,
    ChannelWebhook, MailChange, SnmpChange, SyslogChange, WebhookChange,
};
pub use installation::{
    InstallationChoice, InstallationContent, InstallationDisk, InstallationDisks, InstallationPlan,
    InstallationPlanDisk, InstallationPlanPool, InstallationRefusal, InstallationState, InstallationWarning,
    JudgedInstallation,
};
pub use network::{Network, NetworkAddress, NetworkEnded, NetworkNeighbor, NetworkPort, NetworkSettings, NetworkTrial};
pub use out::{Backup, Export, ReceivedBackup, Restored, SupportBundle, SupportFile};
pub use pdus::{OutletServer, Pdu, PduInput, PduOutlet};
pub use people::{Account, ApiToken, AuditActor, AuditOrigin, AuditRecord, AuditResult, Session};
pub use rack::{Announcement, Certificate, SigningRequest, Ups, UpsServer, UpsSettings};
pub use server_disks::{ServerDisk, ServerDiskHealth, ServerDisks};
pub use server_redfish::{
    ServerBios, ServerBiosSetting, ServerDrive, ServerDrives, ServerFirmware, ServerFirmwareList, ServerMedia,
    ServerMedium,
};
pub use servers::{
    AskedCap, Bmc, BmcDevice, BmcScan, BmcScans, EnergyPart, EnergyPrice, FoundBmc, HeldBackServer, PartField,
    PowerBudget, RackEnergy, RackPlace, Sensor, SensorCurve, SensorFact, SensorHistory, SensorLimits, Sensors, Server,
    ServerCap, ServerEnergy, ServerEvent, ServerEvents, ServerFeed, ServerNode, ServerPart, ServerParts, VmEnergy,
};
pub use sticks::{Stick, StickFile, Sticks};
pub use switches::{PortNeighbor, Switch, SwitchPort};
pub use updates::{
    Update, UpdateFailure, UpdateOffer, UpdatePlace, UpdateRelease, UpdateServer, UpdateVersion, UpdateWork,
};
pub use week::{Week, WeekLine, WeekTodo};

use cake_types::ByteSize;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use uuid::Uuid;

/// A virtual machine: asked and so, side by side.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Vm {
    pub id: Uuid,
    pub name: String,
    pub project: String,
    /// What is so: `running`, `stopped`, `provisioning`, …
    pub state: String,
    /// What was asked: `running`, `stopped`, `paused`.
    pub power: String,
    pub restart: String,
    pub priority: String,
    pub authority: String,
    pub cpus: u32,
    pub memory: ByteSize,
    pub disks: Vec<Disk>,
    pub firmware: String,
    pub network: String,
    pub nics: Vec<Nic>,
    pub image: Option<String>,
    pub cd_drive: Option<CdDrive>,
    /// The image with drivers in its second CD drive, by id.
    pub drivers: Option<Uuid>,
    pub hostname: Option<String>,
    pub tags: Vec<String>,
    /// QEMU's process on the node.
    pub pid: Option<u32>,
    /// `kvm`, `tcg`.
    pub accelerator: Option<String>,
    pub started_at: Option<Timestamp>,
    pub failure: Option<Failure>,
    pub halted_by: Option<serde_json::Value>,
    pub usage: Option<Usage>,
    /// QMP commands that the last start took.
    pub start_commands: Option<u32>,
    /// The engine that it runs in, while it does.
    pub engine: Option<Engine>,
    /// A node runs it, the Store does not know it.
    pub orphaned: bool,
    pub generation: u64,
    pub created_at: Option<Timestamp>,
    pub updated_at: Option<Timestamp>,
    pub etag: Option<String>,
}

/// The engine that a VM runs in.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Engine {
    pub root: String,
    /// QEMU's version.
    pub qemu: String,
    /// VMs that are started now get another one.
    pub outdated: bool,
    /// `transfer`, `live`: how the guest would get that without being stopped.
    pub way: Option<String>,
    /// `current`, `tpm`: why it would not.
    pub hold: Option<String>,
    pub replaced: Option<EngineReplaced>,
    /// Its QEMU is being replaced.
    pub work: Option<EngineWork>,
}

/// How far the replacement of a QEMU is.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct EngineWork {
    /// `start`, `copy`, `change`, `finish`.
    pub step: String,
    /// Bytes of the guest's memory, where it is copied.
    pub done: u64,
    pub total: u64,
}

/// Its QEMU was replaced while the guest ran.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct EngineReplaced {
    pub at: Option<Timestamp>,
    /// How long the guest stood still, in microseconds.
    pub pause_us: u64,
    pub way: String,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Disk {
    /// Names it among the VM's.
    pub number: u32,
    /// `off`, `in`, `coming`, `growing`, `leaving`, `failed`.
    pub state: String,
    pub size: ByteSize,
    /// The pool's name or id.
    pub pool: Option<String>,
    pub image: Option<String>,
    /// The volume that it is.
    pub volume: Option<Uuid>,
}

/// A network card: asked and so.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Nic {
    pub mac: String,
    /// `nat`, `bridged`.
    pub kind: String,
    pub bridge: Option<String>,
    /// Each as `tcp:8080:80`.
    pub forwards: Vec<String>,
    pub removable: bool,
    /// `off`, `in`, `coming`, `leaving`.
    pub state: String,
    pub addresses: Vec<String>,
    pub failure: Option<Failure>,
}

/// A network card that a VM shall have.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct NewNic {
    /// `nat`, `bridge:NAME`.
    pub network: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub forwards: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Failure {
    pub code: String,
    pub detail: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Usage {
    pub cpu_ns: u64,
    /// Thousandths of one processor over the last sample.
    pub cpu_permille: u32,
    pub memory: ByteSize,
}

/// A VM's CD drive.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct CdDrive {
    /// The image that shall lie in it.
    pub image: Option<Uuid>,
    /// `off`, `as-asked`, `changing`, `waiting`, `failed`.
    pub state: String,
    pub open: bool,
    pub failure: Option<Failure>,
}

/// A disk that a VM shall have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NewDisk {
    pub size: ByteSize,
    /// By name or id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pool: Option<String>,
}

/// What shall lie in a CD drive.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct NewCd {
    /// By name or id; nothing without.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    pub force: bool,
}

/// Something in the bin.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct BinItem {
    /// `vm`, `image`.
    pub kind: String,
    pub id: Uuid,
    pub name: String,
    pub binned_at: Option<Timestamp>,
    /// Then it is deleted for good.
    pub until: Option<Timestamp>,
    pub size: ByteSize,
    pub etag: Option<String>,
}

/// A file on its way in.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Import {
    pub id: Uuid,
    pub name: String,
    /// `upload`, `url`.
    pub source: String,
    pub size: ByteSize,
    /// `receiving`, `checking`, `converting`, …
    pub state: String,
    pub progress: Option<Progress>,
    /// The task that tells of it.
    pub task: Option<Uuid>,
    pub chunk_size: u64,
    pub chunks: u64,
    /// `[first, how many]`; only of a single import that is receiving.
    pub missing: Option<Vec<[u64; 2]>>,
    pub etag: Option<String>,
}

impl Import {
    /// Where a chunk begins and how long it is.
    pub fn chunk(&self, chunk: u64) -> (u64, u64) {
        let start = chunk.saturating_mul(self.chunk_size).min(self.size.bytes());
        (start, self.chunk_size.min(self.size.bytes() - start))
    }
}

/// A file to be brought.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct NewImport {
    pub name: String,
    /// Of a file that is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<ByteSize>,
    /// … that is fetched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// … that is on a stick in the server, by its id and its path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stick: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub os: Option<String>,
}

/// Nothing of it is asked.
fn is_none<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// What a new VM should be.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct NewVm {
    pub name: String,
    pub image: String,
    /// None: as many as the machine that the image came with; the same of the memory.
    #[serde(skip_serializing_if = "is_none")]
    pub cpus: u32,
    #[serde(skip_serializing_if = "is_none")]
    pub memory: ByteSize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk: Option<ByteSize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub firmware: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tpm: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secure_boot: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drivers: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub forwards: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restart: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<bool>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cloud_init: Option<CloudInit>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct CloudInit {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<GuestUser>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_data: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct GuestUser {
    pub name: String,
    pub ssh_keys: Vec<String>,
    pub administrator: bool,
}

/// Long work.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Task {
    pub id: Uuid,
    pub kind: String,
    pub state: String,
    pub subject: Subject,
    pub progress: Option<Progress>,
    pub created_at: Option<Timestamp>,
    pub end: Option<TaskEnd>,
    /// The whole end in the reader's language, where the server writes one.
    pub message: Option<String>,
}

impl Task {
    pub fn has_ended(&self) -> bool {
        self.end.is_some() || matches!(self.state.as_str(), "done" | "failed" | "cancelled")
    }

    pub fn succeeded(&self) -> bool {
        self.state == "done"
    }
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Subject {
    pub kind: String,
    pub id: Uuid,
    pub name: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Progress {
    pub done: ByteSize,
    pub total: ByteSize,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct TaskEnd {
    pub state: String,
    pub at: Option<Timestamp>,
    pub code: String,
    pub detail: Option<String>,
    /// How long a guest stood still for it, in microseconds.
    pub pause_us: Option<u64>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Image {
    pub id: Uuid,
    pub name: String,
    /// By language tag.
    pub title: BTreeMap<String, String>,
    pub format: String,
    pub os: String,
    pub firmware: Vec<String>,
    pub min_memory: ByteSize,
    pub virtual_size: ByteSize,
    /// Sizes of the disks behind the first.
    pub more_disks: Vec<ByteSize>,
    pub machine: Option<ImageMachine>,
    pub built_in: bool,
    pub available: Option<bool>,
    pub tags: Vec<String>,
    pub etag: Option<String>,
}

impl Image {
    /// The sizes of its disks, as a guest sees them.
    pub fn disks(&self) -> impl Iterator<Item = ByteSize> {
        let first = Some(self.virtual_size).filter(|size| size.bytes() > 0);
        first.into_iter().chain(self.more_disks.iter().copied())
    }
}

/// The machine that an image came with.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct ImageMachine {
    pub name: Option<String>,
    pub cpus: u32,
    pub memory: ByteSize,
    pub firmware: String,
    pub secure_boot: bool,
    pub tpm: bool,
    pub everyday: bool,
    pub nics: u32,
}

/// A disk that is a resource of its own.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Volume {
    pub id: Uuid,
    pub name: String,
    /// `pending`, `failed`, `free`, `attached`, `leaving`, `binned`, `deleting`.
    pub state: String,
    pub size: ByteSize,
    /// The pool's id.
    pub pool: Option<Uuid>,
    pub vm: Option<VolumeVm>,
    pub tags: Vec<String>,
    pub failure: Option<Failure>,
    pub etag: Option<String>,
}

/// The VM that a volume is in, or whose guest has not let it go yet.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct VolumeVm {
    pub id: Uuid,
    pub name: String,
    /// The disk's number there.
    pub disk: u32,
}

#[derive(Clone, Debug, Serialize)]
pub struct NewVolume {
    pub name: String,
    pub size: ByteSize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pool: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Pool {
    pub id: Uuid,
    pub name: String,
    pub path: Option<String>,
    pub file_system: Option<String>,
    pub size: Option<ByteSize>,
    pub free: Option<ByteSize>,
    pub reflink: Option<bool>,
    pub available: Option<bool>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Node {
    pub id: Uuid,
    pub name: String,
    pub connected: Option<bool>,
    pub host_name: Option<String>,
    pub version: Option<String>,
    pub epoch: Option<u64>,
    /// `kvm`, `tcg`.
    pub accelerator: Option<String>,
    /// Why guests are translated.
    pub tcg_because: Option<String>,
    pub qemu: Option<String>,
    pub launcher: Option<String>,
    pub cpus: Option<u32>,
    pub memory: Option<ByteSize>,
    pub memory_available: Option<ByteSize>,
    pub bridges: Vec<Bridge>,
}

/// A bridge of a server.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Bridge {
    pub name: String,
    pub up: bool,
    pub addresses: Vec<String>,
    pub members: Vec<String>,
}

/// What a server or a VM used over time, column by column.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct UsageHistory {
    pub span: String,
    pub start: Option<Timestamp>,
    pub step_seconds: u32,
    pub mean: BTreeMap<String, Vec<Option<f64>>>,
    pub max: Option<BTreeMap<String, Vec<Option<f64>>>>,
    /// Part of it could not be read, and was set aside then.
    pub set_aside_at: Option<Timestamp>,
}

/// Something that happened.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Event {
    pub at: Option<Timestamp>,
    pub severity: String,
    pub kind: String,
    pub subject: Option<Subject>,
    pub params: BTreeMap<String, String>,
    pub message: Option<String>,
}

/// A server's own machine.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Host {
    pub node: String,
    pub host_name: Option<String>,
    pub time_zone: Option<String>,
    pub ntp: Option<bool>,
    pub synchronized: bool,
    pub hands_off: Option<String>,
    pub refused: Option<HostRefused>,
    pub leaving: Option<Leaving>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct HostRefused {
    pub setting: String,
    pub because: String,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Leaving {
    pub way: String,
    pub stage: String,
    pub guests: u32,
    pub left: u32,
}

/// Something that somebody must act on.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Alert {
    pub id: String,
    pub kind: String,
    pub severity: String,
    pub subject: Subject,
    pub params: BTreeMap<String, String>,
    pub since: Option<Timestamp>,
    pub acknowledged: Option<Acknowledgement>,
    pub silenced: Option<Silence>,
    pub message: Option<String>,
    pub next: Option<String>,
}

/// Alerts that belong together, and what lies beneath them.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Cause {
    pub id: String,
    pub cause: Option<CauseGuess>,
    pub between: Vec<CauseGuess>,
    pub tell: Vec<CauseSign>,
    pub since: Option<Timestamp>,
    pub evidence: Vec<CauseEvidence>,
    pub alerts: Vec<String>,
    pub message: Option<String>,
    pub next: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct CauseGuess {
    pub kind: String,
    pub confidence: u8,
    pub message: String,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct CauseSign {
    pub symptom: String,
    pub message: String,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct CauseEvidence {
    pub how: String,
    pub at: Option<Timestamp>,
    pub sign: CauseSign,
}

/// Who knows of an alert.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Acknowledgement {
    pub at: Option<Timestamp>,
    pub by: AuditActor,
    pub note: Option<String>,
}

/// Nobody is told of an alert until then.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Silence {
    pub until: Option<Timestamp>,
    pub by: AuditActor,
    pub note: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct SetupState {
    pub done: bool,
    /// The server runs from a stick: cake is installed first.
    pub installer: bool,
}

/// What set-up answers once and never again.
#[derive(Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct SetupDone {
    pub recovery_key: String,
}

/// A one-time ticket for a console.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Ticket {
    pub ticket: String,
    pub url: String,
}

/// Who is in control of a screen.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Control {
    /// This connection is.
    pub yours: bool,
    /// This connection may be.
    pub may: bool,
    pub by: Option<String>,
    pub viewers: usize,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Version {
    pub version: String,
}

/// A search that is kept under a name.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct SavedQuery {
    pub id: Uuid,
    pub name: String,
    pub text: String,
    pub etag: Option<String>,
}

/// What an action would do to many VMs.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct BulkSummary {
    pub will: Vec<BulkVm>,
    pub refused: Vec<BulkRefusal>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct BulkVm {
    pub id: Uuid,
    pub name: String,
    pub state: String,
    pub tags: Vec<String>,
    pub etag: String,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct BulkRefusal {
    pub vm: BulkVm,
    pub code: String,
    /// By language tag.
    pub messages: BTreeMap<String, crate::error::Message>,
}
