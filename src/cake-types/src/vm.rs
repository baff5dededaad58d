//! A virtual machine: what was asked ([`VmSpec`]) and what is so ([`VmStatus`]).

use crate::engine::EngineStatus;
use crate::words::words;
use crate::{
    Accelerator, ByteSize, CdStatus, DiskSpec, DiskStatus, Generation, HardwareRecord, HostName, ImageId, Meta, Name,
    NicSpec, NicStatus, Sealed, Stamp, Tags, Usage, VmId,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A VM as the Store holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vm {
    pub meta: Meta<VmId>,
    pub spec: VmSpec,
}

/// What the user asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VmSpec {
    pub power: Power,
    pub restart: Restart,
    pub authority: Authority,
    /// Virtual processors, 1 to [`crate::limits::VCPUS_MAX`].
    pub cpus: u32,
    pub memory: ByteSize,
    pub firmware: Firmware,
    /// First is the one that boots. Empty with [`Firmware::Direct`].
    pub disks: Vec<DiskSpec>,
    /// Numbers of disks that were taken away, with everything on them. No number is given twice.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removed_disks: Vec<u32>,
    /// Numbers of disks that were taken out and kept: their files are volumes now, and not the VM's to remove.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub detached_disks: Vec<u32>,
    /// The PVH kernel that [`Firmware::Direct`] starts.
    pub kernel: Option<ImageId>,
    /// What lies in the CD drive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cd: Option<ImageId>,
    /// What lay in the drive before is taken out even if the guest holds it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cd_by_force: bool,
    /// What lies in the second CD drive, which is there only with it. It changes while the VM is off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drivers: Option<ImageId>,
    /// The network as versions before 0.2 say it; see [`VmSpec::nics`].
    pub network: Network,
    /// The network cards, where `network` can't say what they are; see [`VmSpec::nics`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nics: Vec<NicSpec>,
    pub cloud_init: Option<CloudInit>,
    /// Made when the VM is created; changes only by an explicit upgrade.
    pub hardware: HardwareRecord,
    /// The image it was made from, by name, for people.
    pub made_from: Option<Name>,
    /// Set by a delete that was acknowledged; the resource goes when the node has removed everything.
    pub deleting: bool,
    /// In the bin since then: off, without a name of its own, with everything that it has, until its time is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binned: Option<Timestamp>,
    /// Came out of a backup then, perhaps on another machine: it is left alone until a server says that it has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restored: Option<Timestamp>,
    /// Words to find it by. Records from before there were tags have none.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
    /// Whose server is slowed down first when power is short.
    #[serde(default, skip_serializing_if = "Priority::is_normal")]
    pub priority: Priority,
}

impl VmSpec {
    /// What the network cards are connected to, in the order of the hardware record's.
    ///
    /// Expand and contract: what the first versions could say, no card or one behind NAT, is still written as they wrote it, so
    /// that they read it. Anything else stands in `nics`, with `network: none` beside it: an older program finds a card in the
    /// hardware record that the spec does not have, refuses to start the VM, says so, and changes nothing.
    pub fn nics(&self) -> Vec<NicSpec> {
        match (self.nics.is_empty(), self.network) {
            (false, _) => self.nics.clone(),
            (true, Network::None) => Vec::new(),
            (true, Network::Nat) => vec![NicSpec::nat()],
        }
    }

    /// Asks for network cards; the hardware record has theirs already.
    pub fn set_nics(&mut self, nics: Vec<NicSpec>) {
        let built_in = self.hardware.nics.iter().all(|nic| !self.hardware.is_on_port(nic.address));
        (self.network, self.nics) = match nics.as_slice() {
            [] => (Network::None, nics),
            [NicSpec::Nat { forwards }] if forwards.is_empty() && built_in => (Network::Nat, Vec::new()),
            _ => (Network::None, nics),
        };
    }
}

/// Desired power: state, not an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Power {
    Running,
    Stopped,
    Paused,
}

/// What the node does when QEMU ends without having been asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Restart {
    Never,
    #[default]
    OnCrash,
    Always,
}

words! {
    /// How much it matters, beside others, that a VM runs at full speed. In order: what is slowed down first stands first.
    #[derive(Default, PartialOrd, Ord)]
    Priority {
        Low = "low",
        #[default]
        Normal = "normal",
        High = "high",
    }
}

impl Priority {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde wants it")]
    fn is_normal(&self) -> bool {
        *self == Self::Normal
    }
}

/// Who allows a node to run this VM (invariant 4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Authority {
    /// One server: the node starts it again by itself after a power cut.
    #[default]
    Local,
    /// Only while the node holds a lease of the current epoch.
    Rack,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Firmware {
    Bios,
    Uefi,
    /// No firmware: a PVH kernel is entered directly (Xen PVH boot ABI).
    Direct,
}

/// The network in one word, as the first versions had it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Network {
    /// No network card.
    None,
    /// A private address behind the node's own (QEMU user mode): the guest reaches out, nobody reaches in.
    #[default]
    Nat,
}

/// What a NoCloud seed tells the guest (cloud-init, NoCloud datasource).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CloudInit {
    pub hostname: HostName,
    pub users: Vec<GuestUser>,
    /// Verbatim user-data; may hold passwords, so only the node can read it. With user-data of one's own, `users` is empty.
    pub user_data: Option<Sealed<String>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuestUser {
    /// A POSIX user name: `[a-z_][a-z0-9_-]{0,31}`.
    pub name: String,
    /// Public keys in OpenSSH's one-line format.
    pub ssh_keys: Vec<String>,
    /// May become root by sudo without a password.
    pub administrator: bool,
}

/// What is so, as the node last saw it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VmStatus {
    /// The desired state that this status answers.
    pub observed: Stamp,
    pub state: VmState,
    /// QEMU's process on the node.
    pub pid: Option<u32>,
    pub accelerator: Option<Accelerator>,
    /// When QEMU was started.
    pub started_at: Option<Timestamp>,
    /// Present while disks are made.
    pub progress: Option<ProvisionProgress>,
    /// Why the last try failed; stays until the next success.
    pub failure: Option<Failure>,
    /// Set when it ended without cake's asking and the node will not start it again by itself.
    pub halted_by: Option<HaltedBy>,
    pub usage: Option<Usage>,
    /// How often the node started it again by itself since the spec last changed.
    pub restarts: u32,
    /// QMP commands that the last start took.
    pub start_commands: Option<u32>,
    /// The network cards that the running guest has, and what is wrong with one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nics: Vec<NicStatus>,
    /// The CD drive that the running guest has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cd: Option<CdStatus>,
    /// The disks that the running guest has, and what is wrong with one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub disks: Vec<DiskStatus>,
    /// The engine that its QEMU came from, while it is alive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<EngineStatus>,
}

impl VmStatus {
    /// Of a VM without a process and without a task, of which there is nothing more to say.
    pub const fn at_rest(observed: Stamp, state: VmState) -> Self {
        Self {
            observed,
            state,
            pid: None,
            accelerator: None,
            started_at: None,
            progress: None,
            failure: None,
            halted_by: None,
            usage: None,
            restarts: 0,
            start_commands: None,
            nics: Vec::new(),
            cd: None,
            disks: Vec::new(),
            engine: None,
        }
    }
}

/// The states of a VM on its node. The drawing with the legal ways between them is in `cake-vm`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VmState {
    /// Asked for; the node has not answered yet.
    Pending,
    /// Disks are being made.
    Provisioning,
    Stopped,
    Starting,
    Running,
    Paused,
    /// The guest was asked to shut down and has not done so yet.
    ShuttingDown,
    /// QEMU is being ended.
    Stopping,
    Failed,
    Deleting,
    /// The node once removed this id, or its node can't be reached for good: the Store knows it, no server has it.
    Lost,
}

impl VmState {
    /// QEMU's process exists.
    pub const fn is_alive(self) -> bool {
        matches!(self, Self::Starting | Self::Running | Self::Paused | Self::ShuttingDown | Self::Stopping)
    }

    /// The word in JSON, in `--json` and in the filter language.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Provisioning => "provisioning",
            Self::Stopped => "stopped",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::ShuttingDown => "shutting-down",
            Self::Stopping => "stopping",
            Self::Failed => "failed",
            Self::Deleting => "deleting",
            Self::Lost => "lost",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProvisionProgress {
    pub done: ByteSize,
    pub total: ByteSize,
}

/// Why QEMU ended without being asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HaltedBy {
    pub reason: ExitReason,
    /// The generation that was in force: a newer one that says `running` starts it again.
    pub generation: Generation,
    pub at: Timestamp,
    /// Its server asked for it, because it goes off itself: what is asked of the VM stays as it is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_host: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExitReason {
    /// The guest shut itself down.
    Guest,
    /// QEMU or the guest's kernel crashed.
    Crash,
    /// Someone ended QEMU from outside.
    Killed,
}

/// A failure that a person can act on. `detail` is for support, in English.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    pub code: FailureCode,
    pub detail: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureCode {
    /// QEMU ended before it answered.
    QemuStart,
    /// QEMU did not speak QMP as it should.
    QmpProtocol,
    /// The disk could not be made or opened.
    Disk,
    NoSpace,
    ImageMissing,
    /// The pool is not on this node.
    PoolMissing,
    /// The hardware record needs what this server lacks.
    Hardware,
    /// Not enough free memory on the server.
    Memory,
    /// The guest did not answer the request to shut down in time.
    GuestIgnoredShutdown,
    /// The bridge is not on this node.
    BridgeMissing,
    /// Something else on the node listens at a port that is to lead to the guest.
    PortTaken,
    /// The node could not connect the guest.
    Network,
    /// The guest did not let a device go in time.
    GuestIgnoredUnplug,
    /// The guest holds its CD drive shut.
    CdLocked,
    /// The seal of a secret can't be opened with this node's key.
    Seal,
    /// It ended again and again; the node waits longer each time.
    CrashLoop,
    /// The file is nothing that VMs can be made from.
    ImageUnknown,
    /// It is cut short, or lies about itself.
    ImageBroken,
    /// It names other files, which could be anybody's.
    ImageNamesFiles,
    ImageEncrypted,
    /// A package with more than one VM.
    PackageSeveral,
    /// A package whose disks are compressed once more.
    PackageCompressed,
    /// It is not the file that its maker published.
    ChecksumDiffers,
    /// It does not come from the address that was given.
    FetchFailed,
    /// The address leads to where nothing is fetched from.
    FetchForbidden,
    /// It was replaced while it was fetched.
    FetchChanged,
    /// The stick is not plugged in, or was pulled out.
    StickGone,
    /// The stick, or its file system, does not hand the file out.
    StickUnreadable,
    /// The file on the stick is not there any more, or another one.
    StickChanged,
    /// The VM ran, or its disks were changed, while a file was made of it.
    VmChanged,
    /// The BMC of the server did not answer.
    BmcSilent,
    /// It takes neither the user nor the password, or the user may not do this.
    BmcRefused,
    /// It can't do what was asked.
    BmcUnsupported,
    /// It said that it failed, or broke its protocol.
    BmcFailed,
    /// The repository of updates was good until a day that is past, or the clock is wrong.
    UpdateExpired,
    /// It is older than one that this server has seen.
    UpdateOld,
    /// It is not signed by the maker of this server's cake.
    UpdateUnsigned,
    /// What came is not what was signed.
    UpdateTampered,
    /// There is no such repository, or something in it is missing.
    UpdateIncomplete,
    /// The version is not offered, may not be installed, or runs already.
    UpdateRefused,
    /// The version was tried here and given up.
    UpdateFailedBefore,
    /// The server was not started from a system disk.
    UpdateNoDisk,
    /// A system disk does not hold what is written to it.
    UpdateDisk,
    /// There is no version to go back to.
    UpdateNoWayBack,
    /// The QEMU of the current engine did not take the guest over: it goes on in the one that it had.
    EngineRefused,
    /// It was called off before anything came of it.
    CalledOff,
    /// cake was interrupted in the middle: it may have happened.
    Interrupted,
    Internal,
}

impl FailureCode {
    pub const ALL: [Self; 12] = [
        Self::QemuStart,
        Self::QmpProtocol,
        Self::Disk,
        Self::NoSpace,
        Self::ImageMissing,
        Self::PoolMissing,
        Self::Hardware,
        Self::Memory,
        Self::GuestIgnoredShutdown,
        Self::Seal,
        Self::CrashLoop,
        Self::Internal,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::QemuStart => "qemu-start",
            Self::QmpProtocol => "qmp-protocol",
            Self::Disk => "disk",
            Self::NoSpace => "no-space",
            Self::ImageMissing => "image-missing",
            Self::PoolMissing => "pool-missing",
            Self::Hardware => "hardware",
            Self::Memory => "memory",
            Self::GuestIgnoredShutdown => "guest-ignored-shutdown",
            Self::BridgeMissing => "bridge-missing",
            Self::PortTaken => "port-taken",
            Self::Network => "network",
            Self::GuestIgnoredUnplug => "guest-ignored-unplug",
            Self::CdLocked => "cd-locked",
            Self::Seal => "seal",
            Self::CrashLoop => "crash-loop",
            Self::ImageUnknown => "image-unknown",
            Self::ImageBroken => "image-broken",
            Self::ImageNamesFiles => "image-names-files",
            Self::ImageEncrypted => "image-encrypted",
            Self::PackageSeveral => "package-several",
            Self::PackageCompressed => "package-compressed",
            Self::ChecksumDiffers => "checksum-differs",
            Self::FetchFailed => "fetch-failed",
            Self::FetchForbidden => "fetch-forbidden",
            Self::FetchChanged => "fetch-changed",
            Self::StickGone => "stick-gone",
            Self::StickUnreadable => "stick-unreadable",
            Self::StickChanged => "stick-changed",
            Self::VmChanged => "vm-changed",
            Self::BmcSilent => "bmc-silent",
            Self::BmcRefused => "bmc-refused",
            Self::BmcUnsupported => "bmc-unsupported",
            Self::BmcFailed => "bmc-failed",
            Self::UpdateExpired => "update-expired",
            Self::UpdateOld => "update-old",
            Self::UpdateUnsigned => "update-unsigned",
            Self::UpdateTampered => "update-tampered",
            Self::UpdateIncomplete => "update-incomplete",
            Self::UpdateRefused => "update-refused",
            Self::UpdateFailedBefore => "update-failed-before",
            Self::UpdateNoDisk => "update-no-disk",
            Self::UpdateDisk => "update-disk",
            Self::UpdateNoWayBack => "update-no-way-back",
            Self::EngineRefused => "engine-refused",
            Self::CalledOff => "called-off",
            Self::Interrupted => "interrupted",
            Self::Internal => "internal",
        }
    }
}
