//! What the pages read. The composition root implements [`ConsoleData`]; the console itself knows neither the Store nor a node.

use async_trait::async_trait;
use cake_i18n::Words;
use cake_planner::cabling::{Cabling, Named};
use cake_planner::device::DeviceSeen;
use cake_planner::query::Filter;
use cake_planner::scan::Candidate;
use cake_planner::server::ServerHealth;
use cake_types::{
    AccountId, Alert, Announcement, ApiToken, AuditRecord, BiosSetting, BmcDrive, BmcFirmware, BmcMedium, ByteSize,
    Calendar, CertificateInfo, Channel, ChannelState, Device, DeviceId, DeviceStatus, EnergyPrice, Event, Export,
    ExportStatus, Failure, Grouping, Image, ImageStatus, Import, ImportStatus, Language, Name, Node, NodeId,
    NodeStatus, Part, Permission, Pool, PoolStatus, Priority, Problem, Role, RoleName, SavedQuery, ScanStatus, Server,
    ServerDisk, ServerEvent, ServerId, ServerStatus, SessionId, Severity, Stick, SystemSettings, Task, TaskId,
    UpdateSource, UpsSpec, Vm, VmId, VmStatus, Volume, VolumeState, Week,
};
use futures_util::Stream;
use jiff::Timestamp;
use std::pin::Pin;
use std::sync::Arc;
use uuid::Uuid;

/// Everything that pages read. All of it is what `/v1` shows too, for the same person.
///
/// What comes from memory can't fail; what comes from the Journal can.
#[async_trait]
pub trait ConsoleData: Send + Sync + 'static {
    /// About this program and the address it answers on.
    async fn about(&self) -> About;
    /// Whether the wizard was answered, and what it shows before that.
    async fn setup(&self) -> SetupView;
    /// `None` before set-up.
    async fn settings(&self) -> Option<SettingsView>;

    /// All VMs, those that are orphaned included, in any order.
    async fn vms(&self) -> Vec<Arc<VmView>>;
    async fn vm(&self, id: VmId) -> Option<Arc<VmView>>;
    async fn images(&self) -> Vec<Arc<ImageView>>;
    /// Disks that are resources of their own, in VMs or not; those in the bin are left out.
    async fn volumes(&self) -> Vec<Arc<VolumeView>>;
    /// What was deleted and can be brought back, oldest first.
    async fn bin(&self) -> Vec<BinView>;
    /// Backups that can be fetched, newest first, and whether the next needs the recovery key. Asked only for a viewer with
    /// [`Permission::Administer`].
    async fn backups(&self) -> (Vec<BackupView>, bool);
    /// Bundles for whoever helps, newest first. Asked only for a viewer with [`Permission::Administer`].
    async fn support_bundles(&self) -> Vec<SupportView>;
    /// Files that were made of VMs, or are being made: of one VM, newest first.
    async fn exports(&self, vm: VmId) -> Vec<ExportView>;
    /// Files on their way to become images.
    async fn imports(&self) -> Vec<Arc<ImportView>>;
    async fn pools(&self) -> Vec<Arc<PoolView>>;
    async fn nodes(&self) -> Vec<Arc<NodeView>>;
    /// Physical machines, in any order.
    async fn servers(&self) -> Vec<Arc<ServerView>>;
    async fn server(&self, id: ServerId) -> Option<Arc<ServerView>>;
    /// Ranges that are worth asking for BMCs, and what the last scan has found.
    async fn bmc_scan(&self) -> ScanView;
    /// Power distribution units and switches, in any order.
    async fn devices(&self) -> Vec<Arc<DeviceView>>;
    /// Servers by all names under which they may tell of themselves.
    async fn named_servers(&self) -> Vec<Named>;
    /// What its BMC has in its event log now. Takes as long as the BMC does.
    async fn server_log(&self, id: ServerId) -> Result<ServerLogView, Problem>;
    /// What its BMC says now that it is built of.
    async fn server_parts(&self, id: ServerId) -> Result<Vec<Part>, Problem>;
    /// Versions of its firmware.
    async fn server_firmware(&self, id: ServerId) -> Result<Vec<BmcFirmware>, Problem>;
    async fn server_bios(&self, id: ServerId) -> Result<Vec<BiosSetting>, Problem>;
    /// Slots for virtual media.
    async fn server_media(&self, id: ServerId) -> Result<Vec<BmcMedium>, Problem>;
    /// The drives that its BMC knows, each with its light.
    async fn server_drives(&self, id: ServerId) -> Result<Vec<BmcDrive>, Problem>;

    /// What servers draw, and their energy; nothing while the node that keeps it does not answer.
    async fn energy(&self) -> Option<EnergyView>;

    /// How the servers stand to the rack's power budget.
    async fn power_budget(&self) -> BudgetView;

    /// Tasks that have not ended, newest first.
    async fn active_tasks(&self) -> Vec<Arc<Task>>;
    /// Tasks that have ended, newest first.
    async fn finished_tasks(&self, query: &PageQuery) -> Result<PageOf<Arc<Task>>, Problem>;
    /// A task, at work or ended.
    async fn task(&self, id: TaskId) -> Result<Option<Arc<Task>>, Problem>;
    /// Newest first.
    async fn events(&self, query: &EventQuery) -> Result<PageOf<Event>, Problem>;
    /// Newest first. Asked only for a viewer with [`Permission::Audit`].
    async fn audit(&self, query: &PageQuery) -> Result<PageOf<AuditRecord>, Problem>;

    /// All accounts. Asked only for a viewer with [`Permission::Administer`].
    async fn accounts(&self) -> Vec<AccountView>;
    /// The roles that an account may have, a company's own included.
    async fn roles(&self) -> Vec<Role>;
    /// One account: a viewer's own.
    async fn account(&self, id: AccountId) -> Option<AccountView>;
    /// The API tokens of one account.
    async fn tokens(&self, account: AccountId) -> Vec<ApiToken>;

    /// Alerts that are open, in any order.
    async fn alerts(&self) -> Vec<Alert>;
    /// The same in groups, each with what lies beneath it: those with a cause first.
    async fn causes(&self) -> Vec<Grouping>;

    /// The last seven days.
    async fn week(&self) -> Result<Week, Problem>;

    /// What machines on the network are told of the console.
    async fn announcement(&self) -> AnnouncementView;

    /// The certificate that people are shown.
    async fn certificate(&self) -> CertificateView;

    /// The power supply that the servers watch, and what If-Match wants.
    async fn ups(&self) -> (Option<UpsSpec>, String);
    /// Where updates of the firmware come from; what there is says each node.
    async fn update(&self) -> UpdateView;

    /// Who is told of alerts, by name. Asked only for a viewer with [`Permission::Administer`].
    async fn channels(&self) -> Vec<ChannelView>;

    /// What If-Match wants for what is asked of a server's machine.
    async fn host_etag(&self, node: NodeId) -> String;

    /// What a search finds for this viewer, kind by kind, at most `each` of a kind; never more than their lists show.
    async fn search(
        &self,
        viewer: &Viewer,
        words: &'static Words,
        filter: &Filter,
        each: usize,
    ) -> Result<Vec<Found>, Problem>;
    /// The searches that an account keeps, by name, each with what If-Match wants.
    async fn saved_queries(&self, account: AccountId) -> Vec<(SavedQuery, String)>;

    /// What changes from now on. A stream that had to leave something out says [`Change::Everything`].
    fn changes(&self) -> Changes;
}

/// Somebody who is told of alerts, and how that stands.
#[derive(Clone, Debug)]
pub struct ChannelView {
    pub channel: Channel,
    pub state: ChannelState,
    pub etag: String,
}

/// Something that a search found.
#[derive(Clone, Debug)]
pub enum Found {
    Vm(Arc<VmView>),
    Image(Arc<ImageView>),
    Volume(Arc<VolumeView>),
    Pool(Arc<PoolView>),
    Node(Arc<NodeView>),
    Task(Arc<Task>),
    Event(Box<Event>),
    Audit(Box<AuditRecord>),
    Account(AccountView),
}

/// A stream of changes; it never ends by itself.
pub type Changes = Pin<Box<dyn Stream<Item = Change> + Send>>;

/// Something that a page may show is no longer as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    Vm(VmId),
    Task(TaskId),
    /// An event or an audit record was written.
    Event,
    Image,
    Export,
    Volume,
    Pool,
    Node,
    Server(ServerId),
    /// A scan for BMCs has begun, gone on or ended.
    Scan,
    Device(DeviceId),
    Alerts,
    Settings,
    Account,
    /// Pages of this session are closed: logged out, password changed, account disabled.
    SessionEnded(SessionId),
    /// The reader was too slow: read everything again.
    Everything,
}

/// Who looks. The API's session middleware puts it into the request's extensions; without it pages lead to the login.
#[derive(Clone, Debug)]
pub struct Viewer {
    pub account: AccountId,
    pub name: Name,
    pub role: RoleName,
    pub permissions: Vec<Permission>,
    /// The language that the account chose.
    pub language: Option<Language>,
    /// How years are counted on their pages.
    pub calendar: Calendar,
    pub session: SessionId,
    /// Sent back by the page in `X-Cake-CSRF`.
    pub csrf: String,
}

impl Viewer {
    pub fn may(&self, permission: Permission) -> bool {
        self.permissions.contains(&permission)
    }
}

#[derive(Clone, Debug)]
pub struct About {
    pub version: String,
    /// SHA-256 of the certificate, hexadecimal with colons.
    pub tls_fingerprint: Option<String>,
    pub started_at: Timestamp,
    /// A debug switch: pages may be shown in the pseudo-language (`?lang=pseudo`).
    pub pseudo_language: bool,
}

#[derive(Clone, Debug)]
pub struct SetupView {
    pub done: bool,
    /// This server runs from a stick: the wizard puts cake on its disks.
    pub installer: bool,
    /// The server's own name for itself; proposed as the cloud's name.
    pub host_name: Option<String>,
    /// Where VMs would live if nothing else is chosen; `None` while the node does not answer.
    pub default_pool: Option<PoolStatus>,
}

#[derive(Clone, Debug)]
pub struct SettingsView {
    pub settings: SystemSettings,
    /// For If-Match, as the API's ETag header writes it.
    pub etag: String,
}

/// A VM as asked and as it is.
#[derive(Clone, Debug)]
pub struct VmView {
    pub vm: Vm,
    /// `None` until a node has answered for it the first time.
    pub status: Option<VmStatus>,
    /// It runs on the node but the Store does not know it; `vm` is what the node was told.
    pub orphaned: bool,
    /// The Store knows it, no node has it.
    pub lost: bool,
    /// For If-Match, as the API's ETag header writes it.
    pub etag: String,
}

#[derive(Clone, Debug)]
pub struct ImageView {
    pub image: Image,
    pub status: Option<ImageStatus>,
    /// For If-Match, as the API's ETag header writes it.
    pub etag: String,
}

/// A disk that is a resource of its own.
#[derive(Clone, Debug)]
pub struct VolumeView {
    pub volume: Volume,
    pub state: VolumeState,
    /// Of one that is in a VM, as that VM shall have it.
    pub size: ByteSize,
    /// The VM that it is in, or whose guest has not let it go, and the disk's number there.
    pub vm: Option<(VmId, Name, u32)>,
    /// Why its server could not do what is asked.
    pub failure: Option<Failure>,
    /// For If-Match, as the API's ETag header writes it.
    pub etag: String,
}

/// Something in the bin.
#[derive(Clone, Debug)]
pub struct BinView {
    /// `vm`, `image`, `volume`.
    pub kind: &'static str,
    pub id: Uuid,
    pub name: Name,
    pub binned_at: Timestamp,
    /// What it keeps from others.
    pub size: ByteSize,
    /// For If-Match, as the API's ETag header writes it.
    pub etag: String,
}

/// The configuration in one file.
#[derive(Clone, Debug)]
pub struct BackupView {
    pub id: Uuid,
    pub made_at: Timestamp,
    pub size: ByteSize,
    /// For If-Match, as the API's ETag header writes it.
    pub etag: String,
}

/// A bundle for whoever helps.
#[derive(Clone, Debug)]
pub struct SupportView {
    pub id: Uuid,
    pub made_at: Timestamp,
    pub size: ByteSize,
    /// Names of the files that it holds.
    pub files: Vec<(String, ByteSize)>,
    /// For If-Match, as the API's ETag header writes it.
    pub etag: String,
}

#[derive(Clone, Debug)]
pub struct ImportView {
    pub import: Import,
    /// `None` until the node has answered for it.
    pub status: Option<ImportStatus>,
    /// For If-Match, as the API's ETag header writes it.
    pub etag: String,
}

/// A VM as one file.
#[derive(Clone, Debug)]
pub struct ExportView {
    pub export: Export,
    /// `None` until the node has answered for it.
    pub status: Option<ExportStatus>,
    /// For If-Match, as the API's ETag header writes it.
    pub etag: String,
}

#[derive(Clone, Debug)]
pub struct PoolView {
    pub pool: Pool,
    pub status: Option<PoolStatus>,
}

#[derive(Clone, Debug)]
pub struct AnnouncementView {
    pub now: Announcement,
    /// Where a browser finds the console by its name.
    pub url: Option<String>,
}

#[derive(Clone, Debug)]
pub struct CertificateView {
    pub info: CertificateInfo,
    /// Words of `certificate-warning-*`.
    pub warnings: Vec<&'static str>,
    /// A signing request's key waits for its certificate.
    pub requested: bool,
    /// For If-Match, as the API's ETag header writes it.
    pub etag: String,
}

#[derive(Clone, Debug)]
pub struct NodeView {
    pub node: Node,
    /// The last that was heard.
    pub status: Option<NodeStatus>,
    pub connected: bool,
    /// Its own; `None` until it has looked at them.
    pub disks: Option<Arc<[ServerDisk]>>,
    /// What is plugged into it; `None` until it has said.
    pub sticks: Option<Arc<[Stick]>>,
}

/// A physical machine.
#[derive(Clone, Debug)]
pub struct ServerView {
    pub server: Server,
    /// What its BMC last said.
    pub status: Option<ServerStatus>,
    pub health: ServerHealth,
    /// The node that runs on it.
    pub node: Option<Name>,
    /// For If-Match, as the API's ETag header writes it.
    pub etag: String,
}

/// BMCs in a range of addresses.
#[derive(Clone, Debug, Default)]
pub struct ScanView {
    /// Those that cake's own machines have addresses in.
    pub ranges: Vec<String>,
    /// The last one; `None`: nobody has asked since the node was started.
    pub scan: Option<Arc<ScanStatus>>,
    /// While it is at work.
    pub task: Option<TaskId>,
    pub found: Vec<Candidate>,
}

/// Where updates of the firmware come from.
#[derive(Clone, Debug, Default)]
pub struct UpdateView {
    pub source: Option<UpdateSource>,
    /// For If-Match, as the API's ETag header writes it.
    pub etag: String,
}

/// A device that answers SNMP.
#[derive(Clone, Debug)]
pub struct DeviceView {
    pub device: Device,
    /// What it last said.
    pub status: Option<DeviceStatus>,
    pub health: ServerHealth,
    /// Of a switch: where its cables led when somebody last said that it is right so.
    pub cabling: Arc<Cabling>,
    /// For If-Match, as the API's ETag header writes it.
    pub etag: String,
}

impl DeviceView {
    pub fn seen(&self) -> DeviceSeen<'_> {
        DeviceSeen { device: &self.device, status: self.status.as_ref(), cabling: Some(&self.cabling) }
    }
}

/// What servers draw, and the energy of this month and the last.
#[derive(Clone, Debug, Default)]
pub struct EnergyView {
    /// Those that say what they draw, or said so in these months.
    pub servers: Vec<ServerEnergyView>,
    /// What all of them draw now.
    pub watts: Option<f64>,
    /// What a kilowatt-hour costs, where the settings say so.
    pub price: Option<EnergyPrice>,
    /// Of all of them: what is not known of one is not known of a part of them.
    pub this_month: EnergyPart,
    pub last_month: EnergyPart,
    /// The parts of VMs in what their server draws now, in watts, the largest first.
    pub vms: Vec<(VmId, Name, f64)>,
}

/// The power budget of the rack, in watts.
#[derive(Clone, Debug, Default)]
pub struct BudgetView {
    /// What all servers together may draw; `None`: as much as they like.
    pub budget: Option<u32>,
    /// What they draw now, or drew when they last said so.
    pub drawn: u32,
    /// Servers that do not say what they draw.
    pub silent: usize,
    /// More is drawn than may be, and all that can be held back is.
    pub exceeded: bool,
    /// Servers that are held back, by name: at how many watts, and the highest of the VMs that run there.
    pub held: Vec<(ServerId, Name, u16, Option<Priority>)>,
}

#[derive(Clone, Debug)]
pub struct ServerEnergyView {
    pub id: ServerId,
    pub name: Name,
    /// What it draws now.
    pub watts: Option<f64>,
    pub this_month: EnergyPart,
    pub last_month: EnergyPart,
}

/// What was drawn in some time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct EnergyPart {
    pub kilowatt_hours: f64,
    /// What part of the time that has passed is known, from 0 to 1.
    pub known: f64,
}

/// A server's event log.
#[derive(Clone, Debug, Default)]
pub struct ServerLogView {
    /// The newest first.
    pub events: Vec<ServerEvent>,
    /// Entries were lost because the log was full.
    pub overflowed: bool,
    /// Per cent of the log that is in use.
    pub full: Option<u8>,
}

#[derive(Clone, Debug)]
pub struct AccountView {
    pub id: AccountId,
    pub name: Name,
    pub role: RoleName,
    pub language: Option<Language>,
    pub disabled: bool,
    pub created_at: Timestamp,
    /// For If-Match, as the API's ETag header writes it.
    pub etag: String,
}

/// Which part of a long list.
#[derive(Clone, Debug, Default)]
pub struct PageQuery {
    /// From the `next` of the page before.
    pub cursor: Option<String>,
    /// At most this many; 0 is the default of the data's own choice.
    pub limit: usize,
    /// Only what is about this.
    pub subject: Option<Uuid>,
}

#[derive(Clone, Debug, Default)]
pub struct EventQuery {
    pub page: PageQuery,
    /// Only events at least this severe.
    pub least: Option<Severity>,
}

#[derive(Clone, Debug)]
pub struct PageOf<T> {
    pub items: Vec<T>,
    /// Where the next page begins, if there is one.
    pub next: Option<String>,
}
