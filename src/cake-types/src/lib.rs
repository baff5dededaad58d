//! The vocabulary of cake: ids, units, names, and every resource as spec (asked) and status (so).
//!
//! Start from [`Vm`]: it is the resource that all others serve. A resource is a [`Meta`] (who it is) and a spec (what the
//! user asked). What is so comes from a node as a status and is never stored with the spec.
//!
//! ```text
//!  Meta { id, project, name, generation } ─┐
//!  Spec  (asked; raised generation)       ─┼─► Store ──► node ──► Status { observed generation, … }
//! ```
//!
//! This crate does not know: HTTP, the Store, QEMU, the clock, languages. It has no I/O and passes randomness in.

mod account;
mod alert;
mod announcement;
mod authority;
mod cause;
mod certificate;
mod channel;
mod device;
mod disk_wear;
mod drive;
mod energy_price;
mod engine;
mod event;
mod export;
mod hardware;
mod host;
mod id;
mod image;
mod install;
mod letter;
mod meta;
pub mod modhex;
mod name;
mod network;
mod node;
mod pool;
mod power_cap;
mod problem;
mod scan;
mod sealed;
mod sensor;
mod sensor_history;
mod sensor_trend;
mod server;
mod server_ask;
mod server_console;
mod server_disk;
mod settings;
mod stick;
mod tag;
mod task;
mod unit;
mod update;
mod uplink;
mod ups;
mod usage;
mod vm;
mod volume;
mod week;
mod words;

pub use account::{Account, AccountSpec, ApiToken, Permission, Role, RoleName, SavedQuery, TokenHash, built_in_roles};
pub use alert::{Acknowledgement, Alert, AlertId, AlertKind, Silence};
pub use announcement::{AnnounceState, Announced, Announcement, local};
pub use authority::{authority, bracketed};
pub use cause::{
    CauseEvidence, CauseGuess, CauseKind, CauseReport, CauseSign, CauseThing, CauseVerdict, EvidenceKind, Grouping,
    Symptom, ThingKind,
};
pub use certificate::{CertificateChoice, CertificateInfo, CertificateSource};
pub use channel::{
    AlertTurn, Arrived, Channel, ChannelSpec, ChannelState, Failing, Flaps, Known, MailSecurity, MailSpec, Message,
    MessageItem, Outgoing, SYSLOG_PORT, SendTrouble, SnmpSpec, SyslogProtocol, SyslogSpec, TRAP_PORT, Told, Way,
    WebhookSpec, WebhookTemplate,
};
pub use device::{
    COMMUNITY_MAX, Device, DeviceAbout, DeviceKind, DeviceSpec, DeviceStatus, FEED_MAX, Neighbor, OUTLETS_MAX, Outlet,
    OutletUse, PduInput, PduReading, SNMP_PORT, SnmpProblem, SwitchPort, SwitchReading,
};
pub use disk_wear::{WearRecord, WearStep};
pub use drive::{CdStatus, DiskSpec, DiskStatus};
pub use energy_price::EnergyPrice;
pub use engine::{EngineHold, EngineStatus, EngineStep, EngineWay, EngineWork, Replaced};
pub use event::{Actor, AuditRecord, AuditResult, Event, EventKind, Origin, Severity, Subject};
pub use export::{Export, ExportFormat, ExportSpec, ExportStage, ExportStatus};
pub use hardware::{
    CpuModel, DiskBus, DiskDevice, Drivers, HARDWARE_VERSION, HardwareRecord, HardwareRequest, MacAddress, MachineType,
    NicDevice, NicModel, PciAddress, SpareSlots,
};
pub use host::{
    Departed, HOST_NAME_MAX, HandsOff, Host, HostRefused, HostSetting, HostSpec, HostStatus, LEAVING_SECONDS, Leaving,
    LeavingEnd, LeavingStage, LeavingWay,
};
pub use id::{
    AccountId, ChannelId, DeviceId, ExportId, ImageId, NodeId, OperationId, PoolId, ProjectId, QueryId, RequestId,
    ServerId, SessionId, TaskId, TokenId, VmId, VolumeId,
};
pub use image::{
    GuestOs, Image, ImageFormat, ImageMachine, ImageSpec, ImageStatus, Import, ImportSource, ImportSpec, ImportStage,
    ImportStatus, is_sha256,
};
pub use install::{
    INSTALL_DISKS_MAX, INSTALL_SERIAL_MAX, InstallChoice, InstallContent, InstallContentKind, InstallDisk,
    InstallDisks, InstallJudged, InstallLayout, InstallNews, InstallOrder, InstallPhase, InstallPlan, InstallPlanDisk,
    InstallPlanPool, InstallRefusal, InstallState, InstallWarning, InstallWhy, ShownKey,
};
pub use letter::{Letter, LetterBlock, LetterHead, LetterPart, Tone};
pub use meta::{Epoch, Generation, Meta, Stamp};
pub use name::{HostName, Name, NameError, ProjectName};
pub use network::{BridgeName, BridgeNameError, BridgeStatus, Forward, ForwardError, NicSpec, NicStatus, Protocol};
pub use node::{Accelerator, Node, NodeCapacity, NodeStatus, TcgReason};
pub use pool::{Pool, PoolSpec, PoolStatus};
pub use power_cap::{CAP_LEAST, CAP_MOST, CapStatus, CapTrouble, HeldBack, PowerCap};
pub use problem::{Code, Problem};
pub use scan::{
    FOUND_MAX, FoundBmc, FoundRedfish, HostNetwork, SCAN_MAX, ScanEnd, ScanRange, ScanStatus, WeakPassword,
};
pub use sealed::{KeyError, OpenError, OsRng, PublicKey, SealError, Sealed, SecretKey, seal};
pub use sensor::{Entity, Limits, Sensor, SensorFact, SensorGroup, SensorState, SensorUnit};
pub use sensor_history::{DRAW, Energy, MEMORY_ERRORS, SPARK_POINTS, SensorCurve, SensorHistory, ServerEnergy};
pub use sensor_trend::{SensorTrend, TrendKind};
pub use server::{
    BMC_PASSWORD_MAX, BMC_USER_MAX, BmcAccess, BmcDevice, BmcProblem, BmcSpec, BootDevice, ChassisStatus, ChassisVerb,
    IPMI_PORT, Part, PartFact, PartField, PartTrouble, PowerRestore, REDFISH_PORT, RackPlace, Server, ServerEvent,
    ServerSpec, ServerStatus, ServerVerb, is_same_machine,
};
pub use server_ask::{BiosSetting, BmcDrive, BmcFirmware, BmcMedium, ServerAnswer, ServerAsk};
pub use server_console::{CONSOLE_VIEWERS, ConsoleEnd, ConsoleTrouble};
pub use server_disk::{
    DiskHealth, DiskSilence, DiskVerdict, DiskWarning, DiskWear, ServerBus, ServerDisk, WEAR_CRITICAL, WEAR_WARNING,
};
pub use settings::{
    BUDGET_LEAST, BUDGET_MOST, Calendar, Language, SetupAdministrator, SetupAnswers, SetupError, SetupPool,
    SetupServer, SystemSettings, bin_days,
};
pub use stick::{STICK_PATH_MAX, Stick, StickFile, StickFormat, StickTrouble};
pub use tag::{Tag, TagError, Tags, tags};
pub use task::{Task, TaskEnd, TaskGoal, TaskKind, TaskProgress, TaskState};
pub use unit::{ByteSize, ByteSizeError};
pub use update::{
    RELEASES_MAX, ReleaseRefused, SlotStanding, SoftReboot, StartFailure, StartReason, UPDATE_URL_MAX, UpdateEnd,
    UpdateEnded, UpdateOffer, UpdateOrder, UpdateRelease, UpdateSettings, UpdateSlot, UpdateSource, UpdateStage,
    UpdateStatus, UpdateWork,
};
pub use uplink::{
    BondMode, NotPrefixed, PortNeighbor, Prefixed, Sourced, UPLINK_BOND, UPLINK_BRIDGE, UPLINK_SECONDS,
    UPLINK_SECONDS_RANGE, UPLINK_VLAN, UplinkEnd, UplinkEnded, UplinkMethod, UplinkPort, UplinkSource, UplinkSpec,
    UplinkStatus, UplinkTrial, UplinkWarning, VLAN_MAX, is_reachable,
};
pub use ups::{UPS_MINUTES, UPS_PORT, Ups, UpsFlag, UpsProblem, UpsShutdown, UpsSpec, UpsStatus};
pub use usage::{
    Column, Counters, CpuTimes, DiskCounters, HostCounters, InterfaceCounters, IoCounters, Measure, MemoryNow,
    NODE_MEASURES, PressureTimes, Span, TrafficCounters, Usage, UsageHistory, UsageOf, VM_MEASURES, VmCounters,
};
pub use vm::{
    Authority, CloudInit, ExitReason, Failure, FailureCode, Firmware, GuestUser, HaltedBy, Network, Power, Priority,
    ProvisionProgress, Restart, Vm, VmSpec, VmState, VmStatus,
};
pub use volume::{DiskFile, Left, Volume, VolumeSpec, VolumeState};
pub use week::{Week, WeekKind, WeekLine, WeekTodo};

/// Limits that a request is checked against, in one place so that the API, the CLI and the pages say the same.
pub mod limits {
    use crate::ByteSize;

    /// Longest user-data accepted, in bytes (a NoCloud seed of cloud-init holds far more; clouds allow 16 KiB).
    pub const USER_DATA_MAX: usize = 64 * 1024;
    /// Most virtual processors of one VM.
    pub const VCPUS_MAX: u32 = 255;
    /// Least guest memory that any firmware boots with.
    pub const MEMORY_MIN: ByteSize = ByteSize::mib(16);
    /// Most users that cloud-init is asked to make in one VM.
    pub const GUEST_USERS_MAX: usize = 32;
    /// Most SSH keys of one guest user.
    pub const SSH_KEYS_MAX: usize = 64;
    /// Most network cards of one VM: so many slots are kept for them.
    pub const NICS_MAX: usize = 7;
    /// Most ports that lead to one network card.
    pub const FORWARDS_MAX: usize = 32;
    /// Ports below are for the system's own services.
    pub const FORWARD_PORT_MIN: u16 = 1024;
    /// Longest name, in characters.
    pub const NAME_MAX: usize = 63;
    /// Longest tag, in bytes.
    pub const TAG_MAX: usize = 63;
    /// Most tags of one resource.
    pub const TAGS_MAX: usize = 16;
    /// Longest note of an acknowledgement, in characters.
    pub const NOTE_MAX: usize = 500;
    /// How long a finished export is kept, in days.
    pub const EXPORT_DAYS: i64 = 7;
    /// Most saved queries of one account.
    pub const SAVED_QUERIES_MAX: usize = 64;
}
