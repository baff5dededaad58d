//! Events (something happened) and audit records (somebody changed something).

use crate::{AccountId, Name, ProjectName, RequestId, TokenId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::IpAddr;
use uuid::Uuid;

/// Something that happened. The sentence is made from `kind` and `params` in the reader's language (`event-KIND`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    pub at: Timestamp,
    pub project: ProjectName,
    pub severity: Severity,
    pub kind: EventKind,
    pub subject: Option<Subject>,
    pub params: BTreeMap<String, String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    Info,
    Warning,
    Error,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EventKind {
    SetupDone,
    ControlStarted,
    NodeConnected,
    NodeDisconnected,
    VmCreated,
    VmStarted,
    VmStopped,
    VmPaused,
    VmResumed,
    VmHaltedByGuest,
    VmCrashed,
    VmRestarted,
    VmFailed,
    VmDeleted,
    VmOrphaned,
    VmLost,
    VmBinned,
    VmRestored,
    ImageImported,
    ImageImportFailed,
    ImageDeleted,
    ImageBinned,
    ImageRestored,
    VolumeCreated,
    VolumeDeleted,
    VolumeBinned,
    VolumeRestored,
    LoginFailed,
    AlertBegan,
    AlertEnded,
    SystemRestored,
    VmExported,
    VmExportFailed,
    ServerAdded,
    ServerRemoved,
    ServerOn,
    ServerOff,
    HardwareEvent,
    DeviceAdded,
    DeviceRemoved,
    OutletOn,
    OutletOff,
    /// The rack's power budget begins to hold servers back; params: `budget`, `servers`, their names.
    PowerHeld,
    /// It holds none back any more.
    PowerFree,
    /// A cable of the server carries; params: `port`.
    PortUp,
    /// It does not any more; params: `port`.
    PortDown,
    /// Another network of the server was confirmed.
    NetworkConfirmed,
    /// A network that was tried is gone, the one before is back; params: `end`.
    NetworkReturned,
}

impl EventKind {
    pub const ALL: [Self; 48] = [
        Self::SetupDone,
        Self::ControlStarted,
        Self::NodeConnected,
        Self::NodeDisconnected,
        Self::VmCreated,
        Self::VmStarted,
        Self::VmStopped,
        Self::VmPaused,
        Self::VmResumed,
        Self::VmHaltedByGuest,
        Self::VmCrashed,
        Self::VmRestarted,
        Self::VmFailed,
        Self::VmDeleted,
        Self::VmOrphaned,
        Self::VmLost,
        Self::VmBinned,
        Self::VmRestored,
        Self::ImageImported,
        Self::ImageImportFailed,
        Self::ImageDeleted,
        Self::ImageBinned,
        Self::ImageRestored,
        Self::VolumeCreated,
        Self::VolumeDeleted,
        Self::VolumeBinned,
        Self::VolumeRestored,
        Self::LoginFailed,
        Self::AlertBegan,
        Self::AlertEnded,
        Self::SystemRestored,
        Self::VmExported,
        Self::VmExportFailed,
        Self::ServerAdded,
        Self::ServerRemoved,
        Self::ServerOn,
        Self::ServerOff,
        Self::HardwareEvent,
        Self::DeviceAdded,
        Self::DeviceRemoved,
        Self::OutletOn,
        Self::OutletOff,
        Self::PowerHeld,
        Self::PowerFree,
        Self::PortUp,
        Self::PortDown,
        Self::NetworkConfirmed,
        Self::NetworkReturned,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SetupDone => "setup-done",
            Self::ControlStarted => "control-started",
            Self::NodeConnected => "node-connected",
            Self::NodeDisconnected => "node-disconnected",
            Self::VmCreated => "vm-created",
            Self::VmStarted => "vm-started",
            Self::VmStopped => "vm-stopped",
            Self::VmPaused => "vm-paused",
            Self::VmResumed => "vm-resumed",
            Self::VmHaltedByGuest => "vm-halted-by-guest",
            Self::VmCrashed => "vm-crashed",
            Self::VmRestarted => "vm-restarted",
            Self::VmFailed => "vm-failed",
            Self::VmDeleted => "vm-deleted",
            Self::VmOrphaned => "vm-orphaned",
            Self::VmLost => "vm-lost",
            Self::VmBinned => "vm-binned",
            Self::VmRestored => "vm-restored",
            Self::ImageImported => "image-imported",
            Self::ImageImportFailed => "image-import-failed",
            Self::ImageDeleted => "image-deleted",
            Self::ImageBinned => "image-binned",
            Self::ImageRestored => "image-restored",
            Self::VolumeCreated => "volume-created",
            Self::VolumeDeleted => "volume-deleted",
            Self::VolumeBinned => "volume-binned",
            Self::VolumeRestored => "volume-restored",
            Self::LoginFailed => "login-failed",
            Self::AlertBegan => "alert-began",
            Self::AlertEnded => "alert-ended",
            Self::SystemRestored => "system-restored",
            Self::VmExported => "vm-exported",
            Self::VmExportFailed => "vm-export-failed",
            Self::ServerAdded => "server-added",
            Self::ServerRemoved => "server-removed",
            Self::ServerOn => "server-on",
            Self::ServerOff => "server-off",
            Self::HardwareEvent => "hardware-event",
            Self::DeviceAdded => "device-added",
            Self::DeviceRemoved => "device-removed",
            Self::OutletOn => "outlet-on",
            Self::OutletOff => "outlet-off",
            Self::PowerHeld => "power-held",
            Self::PowerFree => "power-free",
            Self::PortUp => "port-up",
            Self::PortDown => "port-down",
            Self::NetworkConfirmed => "network-confirmed",
            Self::NetworkReturned => "network-returned",
        }
    }
}

/// What an event, a task or an audit record is about. The name is as it was then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// `vm`, `image`, `volume`, `pool`, `node`, `account`, `token`, `query`, `settings`, `certificate`, `backup`,
    /// `support-bundle`, `ups`, `server`, `channel`, `pdu`, `switch`.
    pub kind: String,
    pub id: Uuid,
    pub name: String,
}

/// Who did it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Actor {
    Account {
        id: AccountId,
        name: Name,
        /// The API token used, if it was not a login.
        token: Option<TokenId>,
    },
    /// cake itself: a control loop.
    System,
    /// root on the server, by the command line.
    Root,
    /// The setup wizard, before there is an account.
    Setup,
    /// Nobody known: a failed login.
    Unknown { claimed: String },
}

/// From where a request came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    pub address: Option<IpAddr>,
    pub request: Option<RequestId>,
}

/// Who, from where, what, with what result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRecord {
    pub at: Timestamp,
    pub project: ProjectName,
    pub actor: Actor,
    pub origin: Origin,
    /// The operation's id in the OpenAPI document, for example `vm_create`.
    pub action: String,
    pub subject: Option<Subject>,
    pub result: AuditResult,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum AuditResult {
    Done,
    /// Refused with this problem code.
    Refused {
        code: String,
    },
}
