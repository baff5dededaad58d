//! What travels. Versioned as a whole: [`Hello::api`] says which.

use cake_types::{
    BmcProblem, ByteSize, ConsoleTrouble, Counters, Device, DeviceId, DeviceStatus, DiskFile, Epoch, Export, ExportId,
    ExportStatus, FailureCode, HostSpec, ImageId, ImageSpec, ImageStatus, Import, ImportStatus, LeavingWay, Name,
    NodeId, NodeStatus, OperationId, Part, PoolId, PoolStatus, PublicKey, ScanRange, ScanStatus, Sealed, SensorHistory,
    Server, ServerAnswer, ServerAsk, ServerDisk, ServerEnergy, ServerEvent, ServerId, ServerStatus, ServerVerb, Span,
    Stamp, Stick, UpdateOrder, UplinkSpec, UpsSpec, Usage, UsageHistory, UsageOf, Vm, VmId, VmState, VmStatus,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Version of this contract.
pub const API_VERSION: u32 = 1;

/// A node's answer to a leader.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hello {
    pub api: u32,
    pub node: NodeId,
    /// Secrets for this node are sealed to this key.
    pub key: PublicKey,
    /// The highest epoch that it had seen before this call.
    pub highest_epoch: Epoch,
    pub status: NodeStatus,
}

/// An edge: something that happens once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "verb")]
pub enum Verb {
    /// The reset button.
    Reset,
    /// The power button (ACPI): the guest is asked to shut itself down within so many seconds.
    Shutdown { seconds: u32 },
    /// root on the server stops it: as [`Verb::Shutdown`], and a guest that has not obeyed by then is ended. Either way the node
    /// does not start it again by itself; the desired state stays as it is.
    Halt { seconds: u32 },
    /// The guest goes on in a QEMU of the node's current engine; where that does not take it, in the one that it has.
    ReplaceEngine,
}

/// What is done to the server itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "verb")]
pub enum HostVerb {
    /// Guests are shut down, those that have not obeyed within so many seconds are ended, then the server goes.
    Leave { way: LeavingWay, seconds: u32 },
    /// The order of this operation is called off: guests that are down start again. Refused once the server itself goes.
    Stay,
    /// The clock is set. Refused while it follows servers in the network.
    SetClock { at: Timestamp },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperationOutcome {
    pub operation: OperationId,
    pub vm: VmId,
    pub at: Timestamp,
    pub result: OperationResult,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "result")]
pub enum OperationResult {
    Done,
    Failed(cake_types::Failure),
    /// A later request (force off, delete) made it pointless.
    Superseded,
}

/// How an order to a server ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerOutcome {
    pub operation: OperationId,
    pub server: ServerId,
    pub at: Timestamp,
    pub result: OperationResult,
}

/// A server's event log, as its BMC holds it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ServerLog {
    /// The oldest first.
    pub events: Vec<ServerEvent>,
    /// Records were lost because the log was full.
    pub overflowed: bool,
    /// Per cent of the log that is in use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full: Option<u8>,
}

/// One thing that the node has, or that happened to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "observed")]
pub enum Observed {
    /// Everything that follows until [`Observed::SnapshotEnd`] is the whole truth: what is not named is not there.
    SnapshotBegin,
    SnapshotEnd,
    Node(Box<NodeStatus>),
    /// A VM with the record that the node holds: in a snapshot and after every accepted `apply`.
    Vm(Box<VmRecord>),
    /// A change of status only.
    VmStatus {
        id: VmId,
        status: Box<VmStatus>,
    },
    VmRemoved(RemovedRecord),
    Image(Box<ImageRecord>),
    ImageGone {
        id: ImageId,
    },
    Import(Box<ImportRecord>),
    ImportGone {
        id: ImageId,
    },
    Export(Box<ExportRecord>),
    ExportGone {
        id: ExportId,
    },
    Pool {
        id: PoolId,
        status: PoolStatus,
    },
    Operation(OperationOutcome),
    /// The server's disks, all of them; seldom, so they are no part of [`NodeStatus`].
    Disks {
        disks: Vec<ServerDisk>,
    },
    /// What is plugged in and can be pulled out, all of it: when something came or went.
    Sticks {
        sticks: Vec<Stick>,
    },
    Server {
        id: ServerId,
        status: Box<ServerStatus>,
    },
    ServerGone {
        id: ServerId,
    },
    ServerOperation(ServerOutcome),
    /// The last scan for BMCs since the node was started, whole: it is told again as it goes on. In a snapshot always.
    Scan {
        scan: Option<Box<ScanStatus>>,
    },
    Device {
        id: DeviceId,
        status: Box<DeviceStatus>,
    },
    DeviceGone {
        id: DeviceId,
    },
    /// A sample of every running VM.
    Usage {
        samples: Vec<(VmId, Usage)>,
    },
}

/// A VM as the node holds it: enough to adopt it into a Store that does not know it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VmRecord {
    pub vm: Vm,
    pub stamp: Stamp,
    pub status: VmStatus,
}

/// A tombstone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemovedRecord {
    pub id: VmId,
    pub stamp: Stamp,
    pub at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageRecord {
    pub id: ImageId,
    pub name: Name,
    pub spec: ImageSpec,
    pub status: ImageStatus,
}

/// An import as the node holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportRecord {
    pub id: ImageId,
    pub status: ImportStatus,
}

/// An export as the node holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportRecord {
    pub id: ExportId,
    pub status: ExportStatus,
}

/// Where a volume is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumePlace {
    pub pool: PoolId,
    pub file: DiskFile,
}

/// A volume as it shall be: no table of the node's holds it, so whoever leads says all of it each time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeOrder {
    pub epoch: Epoch,
    pub place: VolumePlace,
    /// Bytes, in whole sectors of 512.
    pub size: ByteSize,
    /// It has been there before: one that is missing is not made again.
    pub made: bool,
}

/// A byte stream that a person may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StreamKind {
    /// The guest's first serial port: first the kept output, then both ways.
    Serial,
    /// The guest's screen: RFB 3.8 (RFC 6143) without authentication, input included. Whoever opens it keeps out what may not
    /// come in.
    Screen,
    /// Not a stream but a file: the screen as it was at most ten seconds ago, as a binary portable pixmap.
    Picture,
}

/// Good for one [`NodeService::open`] within [`StreamTicket::LIFETIME_SECONDS`]. 256 random bits in Base64 (URL alphabet).
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StreamTicket(pub String);

impl StreamTicket {
    pub const LIFETIME_SECONDS: u64 = 30;
}

impl std::fmt::Debug for StreamTicket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StreamTicket(…)")
    }
}

/// Why a node refuses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "error")]
pub enum NodeError {
    #[error("a leader of epoch {highest:?} has been here; this one is of an older epoch")]
    StaleEpoch { highest: Epoch },
    #[error("say hello first")]
    NoHello,
    #[error("a newer desired state is already here: {held:?}")]
    StaleStamp { held: Stamp },
    #[error("this id was removed and can't come back")]
    Tombstoned,
    #[error("no such object here")]
    Unknown,
    #[error("not possible while it is {state:?}")]
    Illegal { state: VmState },
    #[error("the ticket is unknown, used or expired")]
    BadTicket,
    #[error("the machine has no screen")]
    NoScreen,
    #[error("the node's disk is full")]
    NoSpace,
    #[error("the server's BMC can't be asked: {problem:?}")]
    Bmc { problem: BmcProblem },
    #[error("the server's console can't be had: {trouble:?}")]
    Console { trouble: ConsoleTrouble },
    #[error("the server's BMC does not do it: {detail}")]
    BmcRefused { code: FailureCode, detail: String },
    #[error("this server was not started from an installer")]
    NotInstaller,
    #[error("refused: {detail}")]
    Invalid { detail: String },
    #[error("the node failed: {detail}")]
    Internal { detail: String },
}

/// A request with its number; the answer carries the same number.
#[derive(Debug, Serialize, Deserialize)]
pub struct Call {
    pub id: u64,
    pub request: Request,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "call")]
pub enum Request {
    Hello {
        epoch: Option<Epoch>,
    },
    ApplyVm {
        stamp: Stamp,
        vm: Box<Vm>,
    },
    /// `kept`: numbers of disks whose files are volumes by now. They are named here because the node may not have heard of the
    /// change that made them so.
    RemoveVm {
        id: VmId,
        stamp: Stamp,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        kept: Vec<u32>,
    },
    MakeVolume(VolumeOrder),
    RemoveVolume {
        epoch: Epoch,
        place: VolumePlace,
    },
    OpenVolume {
        place: VolumePlace,
    },
    ApplyPool {
        id: PoolId,
        stamp: Stamp,
        spec: cake_types::PoolSpec,
    },
    ApplyImport {
        stamp: Stamp,
        import: Box<Import>,
    },
    RemoveImport {
        id: ImageId,
        stamp: Stamp,
    },
    RemoveImage {
        id: ImageId,
        stamp: Stamp,
    },
    ApplyUps {
        stamp: Stamp,
        spec: Option<Box<UpsSpec>>,
    },
    ApplyHost {
        stamp: Stamp,
        spec: Box<HostSpec>,
    },
    DoHost {
        epoch: Epoch,
        operation: OperationId,
        host_verb: HostVerb,
    },
    TryUplink {
        epoch: Epoch,
        operation: OperationId,
        spec: Box<UplinkSpec>,
        seconds: u32,
    },
    SettleUplink {
        epoch: Epoch,
        operation: OperationId,
        keep: bool,
    },
    LookAtImport {
        id: ImageId,
    },
    OpenImport {
        id: ImageId,
    },
    OpenImage {
        id: ImageId,
    },
    ApplyExport {
        stamp: Stamp,
        export: Box<Export>,
    },
    RemoveExport {
        id: ExportId,
        stamp: Stamp,
    },
    OpenExport {
        id: ExportId,
    },
    Do {
        operation: OperationId,
        vm: VmId,
        verb: Verb,
    },
    ApplyServer {
        stamp: Stamp,
        server: Box<Server>,
    },
    RemoveServer {
        id: ServerId,
        stamp: Stamp,
    },
    ApplyDevice {
        stamp: Stamp,
        device: Box<Device>,
    },
    RemoveDevice {
        id: DeviceId,
        stamp: Stamp,
    },
    DoServer {
        epoch: Epoch,
        operation: OperationId,
        server: ServerId,
        order: ServerVerb,
    },
    ServerLog {
        id: ServerId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<String>,
    },
    ServerParts {
        id: ServerId,
    },
    AskServer {
        server: ServerId,
        what: ServerAsk,
    },
    /// `take`: whoever has it at the BMC loses it.
    ServerTicket {
        server: ServerId,
        #[serde(default)]
        take: bool,
    },
    DoUpdate {
        epoch: Epoch,
        operation: OperationId,
        order: UpdateOrder,
    },
    StopUpdate {
        operation: OperationId,
    },
    Scan {
        operation: OperationId,
        range: ScanRange,
    },
    StopScan {
        operation: OperationId,
    },
    NewPassword {
        keys: Vec<PublicKey>,
    },
    Observe,
    Ticket {
        kind: StreamKind,
        vm: VmId,
    },
    Open {
        ticket: StreamTicket,
    },
    /// `after`: only what is newer, in seconds since 1970.
    History {
        of: UsageOf,
        span: Span,
        after: Option<i64>,
    },
    Counters,
    /// Without `sensor` all of a server's, with few points each.
    SensorHistory {
        id: ServerId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sensor: Option<String>,
        span: Span,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<i64>,
    },
    /// From and to, in seconds since 1970.
    Energy {
        periods: Vec<(i64, i64)>,
    },
    ReadDisks,
    Support,
    Install(crate::install::InstallAsk),
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Reply {
    pub id: u64,
    pub answer: Result<Answer, NodeError>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "answer", content = "with")]
pub enum Answer {
    Hello(Box<Hello>),
    Accepted,
    Observed(Box<Observed>),
    /// The observation is over: the reader was too slow and must begin again.
    Overrun,
    Ticket(StreamTicket),
    /// A descriptor travels with this frame.
    Descriptor,
    Size(ByteSize),
    History(Box<UsageHistory>),
    Counters(Box<Counters>),
    SensorHistory(Box<SensorHistory>),
    Energy(Vec<ServerEnergy>),
    Disks(Vec<ServerDisk>),
    ServerLog(Box<ServerLog>),
    ServerParts(Vec<Part>),
    Server(Box<ServerAnswer>),
    Sealed(Sealed<String>),
    Install(Box<crate::install::InstallAnswer>),
}
