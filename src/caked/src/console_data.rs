//! What the console's pages read, from the board and the Journal: the same things that `/v1` shows.

use async_trait::async_trait;
use cake_api::{Said, etag};
use cake_control::Control;
use cake_control::accounts::Accounts;
use cake_control::alerts::AlertBook;
use cake_control::announce::Announcer;
use cake_control::backup::Backups;
use cake_control::board::{self, Board, What};
use cake_control::budget::{BudgetReport, HeldServer, PowerBudget};
use cake_control::causes::Causes;
use cake_control::certificate::Certificates;
use cake_control::channels::{self, Channels};
use cake_control::energy::{EnergyOfServer, EnergyReader};
use cake_control::error;
use cake_control::hosts::Hosts;
use cake_control::installation::Installation;
use cake_control::ledger::Ledger;
use cake_control::search::{self, Search};
use cake_control::servers::{self as control, Servers};
use cake_control::settings::{Settings, Versioned};
use cake_control::support::Support;
use cake_control::tasks::Tasks;
use cake_control::updates::Updates;
use cake_control::ups::UpsBook;
use cake_control::week::Weeks;
use cake_i18n::Words;
use cake_node_api::ServerLog;
use cake_planner::cabling::Named;
use cake_planner::query::Filter as QueryFilter;
use cake_store::{Filter, Query, RecordCursor, RecordKind};
use cake_types::{
    Account, AccountId, Alert, ApiToken, AuditRecord, BiosSetting, BmcDrive, BmcFirmware, BmcMedium, ByteSize, Code,
    Energy, Event, Generation, Grouping, Language, NodeId, Part, PoolStatus, Problem, Role, SavedQuery, ServerId, Task,
    TaskId, UpsSpec, VmId, Week,
};
use cake_web::{
    About, AccountView, AnnouncementView, BackupView, BinView, BudgetView, CertificateView, Change, Changes,
    ChannelView, ConsoleData, DeviceView, EnergyPart, EnergyView, EventQuery, ExportView, Found, ImageView, ImportView,
    NodeView, PageOf, PageQuery, PoolView, ScanView, ServerEnergyView, ServerLogView, ServerView, SettingsView,
    SetupView, SupportView, UpdateView, Viewer, VmView, VolumeView,
};
use futures_util::stream;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use std::num::NonZeroUsize;
use std::sync::Arc;
use tokio::sync::broadcast::error::RecvError;

/// Items of a page when the page does not say.
const LIMIT: usize = 50;

pub struct Data {
    ledger: Arc<Ledger>,
    board: Arc<Board>,
    tasks: Arc<Tasks>,
    search: Arc<Search>,
    alerts: Arc<AlertBook>,
    channels: Arc<Channels>,
    causes: Arc<Causes>,
    weeks: Arc<Weeks>,
    accounts: Arc<Accounts>,
    backups: Arc<Backups>,
    support: Arc<Support>,
    settings: Arc<Settings>,
    announcer: Arc<Announcer>,
    certificates: Arc<Certificates>,
    ups: Arc<UpsBook>,
    hosts: Arc<Hosts>,
    installation: Arc<Installation>,
    updates: Arc<Updates>,
    servers: Arc<Servers>,
    energy: Arc<EnergyReader>,
    budget: Arc<PowerBudget>,
    started_at: Timestamp,
}

impl Data {
    pub fn new(control: &Control) -> Self {
        Self {
            ledger: control.ledger.clone(),
            board: control.ledger.board.clone(),
            tasks: control.tasks.clone(),
            search: control.search.clone(),
            alerts: control.alerts.clone(),
            channels: control.channels.clone(),
            causes: control.causes.clone(),
            weeks: control.weeks.clone(),
            accounts: control.accounts.clone(),
            backups: control.backups.clone(),
            support: control.support.clone(),
            settings: control.settings.clone(),
            announcer: control.announcer.clone(),
            certificates: control.certificates.clone(),
            ups: control.ups.clone(),
            hosts: control.hosts.clone(),
            installation: control.installation.clone(),
            updates: control.updates.clone(),
            servers: control.servers.clone(),
            energy: control.energy.clone(),
            budget: control.budget.clone(),
            started_at: control.ledger.now(),
        }
    }

    fn server_view(&self, entry: &board::ServerEntry) -> Arc<ServerView> {
        let health = entry.health();
        let board::ServerEntry { server, revision: _, status, refused: _ } = entry.clone();
        let node = server.spec.node.and_then(|id| self.board.node(id));
        let node = node.map(|node| node.node.meta.name.clone());
        let etag = etag(server.meta.generation);
        Arc::new(ServerView { server, status, health, node, etag })
    }

    async fn records<T: DeserializeOwned>(&self, kind: RecordKind, page: &PageQuery) -> Result<PageOf<T>, Problem> {
        let filter = Filter { subject: page.subject.map(|id| id.to_string()), ..Filter::kind(kind) };
        let query = Query { filter, limit: limit(page), after: cursor(page)?, ..Query::default() };
        let found = self.ledger.journal.page(query).await.map_err(error::journal)?;
        let read = |record: cake_store::StoredRecord| {
            serde_json::from_value(record.record.data).map_err(|e| error::internal("a record can't be read", &e))
        };
        let items = found.records.into_iter().map(read).collect::<Result<_, _>>()?;
        Ok(PageOf { items, next: found.next.map(|next| next.to_string()) })
    }
}

fn limit(page: &PageQuery) -> Option<NonZeroUsize> {
    NonZeroUsize::new(if page.limit == 0 { LIMIT } else { page.limit })
}

fn cursor(page: &PageQuery) -> Result<Option<RecordCursor>, Problem> {
    page.cursor.as_deref().map(|text| text.parse().map_err(|_| Problem::new(Code::BadCursor))).transpose()
}

fn vm_view(entry: &board::VmEntry) -> Arc<VmView> {
    let mut status = entry.status.clone();
    if let Some(status) = &mut status {
        status.state = entry.state();
    }
    Arc::new(VmView {
        vm: (*entry.vm).clone(),
        status,
        orphaned: entry.orphaned(),
        lost: entry.lost(),
        etag: etag(entry.vm.meta.generation),
    })
}

fn image_view(entry: &board::ImageEntry) -> Arc<ImageView> {
    let board::ImageEntry { image, status } = entry;
    let etag = etag(image.meta.generation);
    Arc::new(ImageView { image: image.clone(), status: status.clone(), etag })
}

fn volume_view(view: board::VolumeView) -> Arc<VolumeView> {
    let board::VolumeView { entry, state, size, vm } = view;
    let board::VolumeEntry { volume, revision: _, failed } = &*entry;
    let vm = vm.map(|(entry, number)| (entry.id(), entry.vm.meta.name.clone(), number));
    let etag = etag(volume.meta.generation);
    Arc::new(VolumeView { volume: volume.clone(), state, size, vm, failure: failed.clone(), etag })
}

fn device_view(entry: &board::DeviceEntry) -> Arc<DeviceView> {
    let health = entry.health();
    let board::DeviceEntry { device, revision: _, status, cabling, cabling_revision: _, refused: _ } = entry.clone();
    let etag = etag(device.meta.generation);
    Arc::new(DeviceView { device, status, health, cabling, etag })
}

fn pool_view(entry: &board::PoolEntry) -> Arc<PoolView> {
    let board::PoolEntry { pool, status } = entry;
    Arc::new(PoolView { pool: pool.clone(), status: status.clone() })
}

fn node_view(entry: &board::NodeEntry) -> Arc<NodeView> {
    let board::NodeEntry { node, status, connected, disks, sticks, scan: _ } = entry;
    let (disks, sticks) = (disks.clone(), sticks.clone());
    Arc::new(NodeView { node: node.clone(), status: status.clone(), connected: *connected, disks, sticks })
}

fn found(thing: search::Found) -> Found {
    match thing {
        search::Found::Vm(entry) => Found::Vm(vm_view(&entry)),
        search::Found::Image(entry) => Found::Image(image_view(&entry)),
        search::Found::Volume(view) => Found::Volume(volume_view(*view)),
        search::Found::Pool(entry) => Found::Pool(pool_view(&entry)),
        search::Found::Node(entry) => Found::Node(node_view(&entry)),
        search::Found::Task(task) => Found::Task(task),
        search::Found::Event(event) => Found::Event(event),
        search::Found::Audit(record) => Found::Audit(record),
        search::Found::Account(account) => Found::Account(account_view(&account)),
    }
}

fn account_view(account: &Account) -> AccountView {
    AccountView {
        id: account.meta.id,
        name: account.meta.name.clone(),
        role: account.spec.role.clone(),
        language: account.spec.language.as_deref().and_then(Language::from_tag),
        disabled: account.spec.disabled,
        created_at: account.meta.created_at,
        etag: etag(account.meta.generation),
    }
}

#[async_trait]
impl ConsoleData for Data {
    async fn about(&self) -> About {
        About {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            tls_fingerprint: Some(self.certificates.fingerprint()),
            started_at: self.started_at,
            pseudo_language: std::env::var_os("CAKE_PSEUDO_LANGUAGE").is_some(),
        }
    }

    async fn setup(&self) -> SetupView {
        let nodes = self.board.nodes();
        let node = nodes.iter().find(|node| node.connected).and_then(|node| node.status.as_ref());
        let default_pool: Option<PoolStatus> = self.board.pools().first().and_then(|pool| pool.status.clone());
        SetupView {
            done: self.settings.is_set_up(),
            installer: self.installation.is_installer(),
            host_name: node.map(|status| status.host_name.clone()),
            default_pool,
        }
    }

    async fn settings(&self) -> Option<SettingsView> {
        let Versioned { generation, settings } = self.settings.get()?;
        Some(SettingsView { settings, etag: etag(generation) })
    }

    async fn vms(&self) -> Vec<Arc<VmView>> {
        self.board.vms().iter().filter(|entry| !entry.binned()).map(|entry| vm_view(entry)).collect()
    }

    async fn vm(&self, id: VmId) -> Option<Arc<VmView>> {
        self.board.vm(id).map(|entry| vm_view(&entry))
    }

    async fn images(&self) -> Vec<Arc<ImageView>> {
        let images = self.board.images();
        images.iter().filter(|entry| entry.image.binned.is_none()).map(|entry| image_view(entry)).collect()
    }

    async fn volumes(&self) -> Vec<Arc<VolumeView>> {
        let shown = self.board.volumes().into_iter().filter(|entry| entry.volume.spec.binned.is_none());
        shown.map(|entry| volume_view(self.board.volume_view(entry))).collect()
    }

    async fn bin(&self) -> Vec<BinView> {
        let view = |binned| {
            let board::Binned { kind, id, name, at, size, generation } = binned;
            BinView { kind, id, name, binned_at: at, size, etag: etag(generation) }
        };
        self.board.bin().into_iter().map(view).collect()
    }

    async fn backups(&self) -> (Vec<BackupView>, bool) {
        let view = |backup: cake_control::backup::Backup| BackupView {
            id: backup.id,
            made_at: backup.header.made_at,
            size: ByteSize(backup.size),
            etag: etag(Generation::FIRST),
        };
        let all = self.backups.list().into_iter().rev().map(view).collect();
        (all, !self.backups.has_key().await)
    }

    async fn support_bundles(&self) -> Vec<SupportView> {
        let view = |bundle: cake_control::support::Bundle| SupportView {
            id: bundle.id,
            made_at: bundle.made_at,
            size: ByteSize(bundle.size),
            files: bundle.files.into_iter().map(|held| (held.name, ByteSize(held.size))).collect(),
            etag: etag(Generation::FIRST),
        };
        self.support.list().into_iter().rev().map(view).collect()
    }

    async fn exports(&self, vm: VmId) -> Vec<ExportView> {
        let view = |entry: &Arc<board::ExportEntry>| {
            let board::ExportEntry { export, status, .. } = &**entry;
            ExportView { export: export.clone(), status: status.clone(), etag: etag(export.meta.generation) }
        };
        let of = |entry: &&Arc<board::ExportEntry>| entry.export.spec.vm == vm;
        self.board.exports().iter().rev().filter(of).map(view).collect()
    }

    async fn imports(&self) -> Vec<Arc<ImportView>> {
        let view = |entry: &Arc<board::ImportEntry>| {
            let board::ImportEntry { import, status, .. } = &**entry;
            let etag = etag(import.meta.generation);
            Arc::new(ImportView { import: import.clone(), status: status.clone(), etag })
        };
        self.board.imports().iter().map(view).collect()
    }

    async fn pools(&self) -> Vec<Arc<PoolView>> {
        self.board.pools().iter().map(|entry| pool_view(entry)).collect()
    }

    async fn nodes(&self) -> Vec<Arc<NodeView>> {
        self.board.nodes().iter().map(|entry| node_view(entry)).collect()
    }

    async fn servers(&self) -> Vec<Arc<ServerView>> {
        self.board.servers().iter().map(|entry| self.server_view(entry)).collect()
    }

    async fn server(&self, id: ServerId) -> Option<Arc<ServerView>> {
        self.board.server(id).map(|entry| self.server_view(&entry))
    }

    async fn bmc_scan(&self) -> ScanView {
        let ranges = self.servers.scan_ranges();
        match self.servers.last_scan() {
            Some(control::ScanView { status, task, found }) => ScanView { ranges, scan: Some(status), task, found },
            None => ScanView { ranges, ..ScanView::default() },
        }
    }

    async fn devices(&self) -> Vec<Arc<DeviceView>> {
        self.board.devices().iter().map(|entry| device_view(entry)).collect()
    }

    async fn server_log(&self, id: ServerId) -> Result<ServerLogView, Problem> {
        let entry = self.servers.find(&id.to_string())?;
        let ServerLog { mut events, overflowed, full } = self.servers.log(&entry, None).await?;
        events.reverse();
        Ok(ServerLogView { events, overflowed, full })
    }

    async fn server_parts(&self, id: ServerId) -> Result<Vec<Part>, Problem> {
        let entry = self.servers.find(&id.to_string())?;
        self.servers.parts(&entry).await
    }

    async fn server_firmware(&self, id: ServerId) -> Result<Vec<BmcFirmware>, Problem> {
        self.servers.firmware(&*self.servers.find(&id.to_string())?).await
    }

    async fn server_bios(&self, id: ServerId) -> Result<Vec<BiosSetting>, Problem> {
        self.servers.bios(&*self.servers.find(&id.to_string())?).await
    }

    async fn server_media(&self, id: ServerId) -> Result<Vec<BmcMedium>, Problem> {
        self.servers.media(&*self.servers.find(&id.to_string())?).await
    }

    async fn server_drives(&self, id: ServerId) -> Result<Vec<BmcDrive>, Problem> {
        let entry = self.servers.find(&id.to_string())?;
        self.servers.drives(&entry).await
    }

    async fn named_servers(&self) -> Vec<Named> {
        self.board.named_servers()
    }

    async fn energy(&self) -> Option<EnergyView> {
        let report = self.energy.report().await.ok()?;
        let part = |energy: Energy, this| EnergyPart {
            kilowatt_hours: energy.kilowatt_hours(),
            known: report.known(energy, this),
        };
        let server = |of: &EnergyOfServer| ServerEnergyView {
            id: of.id,
            name: of.name.clone(),
            watts: of.watts,
            this_month: part(of.this_month, true),
            last_month: part(of.last_month, false),
        };
        let servers = report.servers.iter().map(server).collect();
        let vms = report.vms.iter().map(|vm| (vm.id, vm.name.clone(), vm.watts)).collect();
        let (this_month, last_month) = (part(report.total(true), true), part(report.total(false), false));
        let (watts, price) = (report.watts(), report.price);
        Some(EnergyView { servers, watts, price, this_month, last_month, vms })
    }

    async fn power_budget(&self) -> BudgetView {
        let BudgetReport { budget, drawn, silent, exceeded, held } = self.budget.report();
        let of = |HeldServer { id, name, watts, priority }| (id, name, watts, priority);
        BudgetView { budget, drawn, silent, exceeded, held: held.into_iter().map(of).collect() }
    }

    async fn active_tasks(&self) -> Vec<Arc<Task>> {
        self.tasks.active()
    }

    async fn finished_tasks(&self, page: &PageQuery) -> Result<PageOf<Arc<Task>>, Problem> {
        let limit = limit(page).map_or(LIMIT, NonZeroUsize::get);
        let found = self.tasks.finished(page.subject, limit, cursor(page)?).await?;
        Ok(PageOf { items: found.tasks, next: found.next.map(|next| next.to_string()) })
    }

    async fn task(&self, id: TaskId) -> Result<Option<Arc<Task>>, Problem> {
        match self.tasks.get(id).await {
            Ok(task) => Ok(Some(task)),
            Err(problem) if problem.code == Code::NotFound => Ok(None),
            Err(problem) => Err(problem),
        }
    }

    async fn events(&self, query: &EventQuery) -> Result<PageOf<Event>, Problem> {
        let mut page = query.page.clone();
        let wanted = limit(&page).map_or(LIMIT, NonZeroUsize::get);
        let mut items: Vec<Event> = Vec::new();
        loop {
            page.limit = wanted - items.len();
            let found = self.records::<Event>(RecordKind::Event, &page).await?;
            items.extend(found.items.into_iter().filter(|e| query.least.is_none_or(|least| e.severity >= least)));
            if found.next.is_none() || items.len() >= wanted {
                return Ok(PageOf { items, next: found.next });
            }
            page.cursor = found.next;
        }
    }

    async fn audit(&self, page: &PageQuery) -> Result<PageOf<AuditRecord>, Problem> {
        self.records(RecordKind::Audit, page).await
    }

    async fn accounts(&self) -> Vec<AccountView> {
        self.accounts.list().iter().map(|account| account_view(account)).collect()
    }

    async fn roles(&self) -> Vec<Role> {
        self.accounts.roles()
    }

    async fn account(&self, id: AccountId) -> Option<AccountView> {
        self.accounts.get(id).map(|account| account_view(&account))
    }

    async fn tokens(&self, account: AccountId) -> Vec<ApiToken> {
        self.accounts.tokens(account).iter().map(|token| (**token).clone()).collect()
    }

    async fn alerts(&self) -> Vec<Alert> {
        self.alerts.open().values().cloned().collect()
    }

    async fn causes(&self) -> Vec<Grouping> {
        self.causes.groups()
    }

    async fn week(&self) -> Result<Week, Problem> {
        self.weeks.week().await
    }

    async fn announcement(&self) -> AnnouncementView {
        AnnouncementView { now: self.announcer.get(), url: self.announcer.url() }
    }

    async fn certificate(&self) -> CertificateView {
        let view = self.certificates.view();
        let warnings = view.warnings.iter().map(|warning| warning.as_str()).collect();
        CertificateView { info: view.info, warnings, requested: view.requested, etag: etag(view.generation) }
    }

    async fn host_etag(&self, node: NodeId) -> String {
        etag(self.hosts.get(node).generation)
    }

    async fn ups(&self) -> (Option<UpsSpec>, String) {
        let ups = self.ups.get();
        (ups.spec, etag(ups.generation))
    }

    async fn update(&self) -> UpdateView {
        let settings = self.updates.get();
        UpdateView { source: settings.source, etag: etag(settings.generation) }
    }

    async fn channels(&self) -> Vec<ChannelView> {
        let view = |view: channels::ChannelView| {
            let channels::ChannelView { channel, state } = view;
            let etag = etag(channel.meta.generation);
            ChannelView { channel, state, etag }
        };
        self.channels.list().into_iter().map(view).collect()
    }

    async fn search(
        &self,
        viewer: &Viewer,
        words: &'static Words,
        filter: &QueryFilter,
        each: usize,
    ) -> Result<Vec<Found>, Problem> {
        let (sentences, permissions) = (Said(words), &viewer.permissions);
        let wanted = search::Wanted { filter, permissions, sentences: &sentences, each, all: usize::MAX };
        Ok(self.search.find(&wanted).await?.into_iter().map(found).collect())
    }

    async fn saved_queries(&self, account: AccountId) -> Vec<(SavedQuery, String)> {
        let tagged = |query: SavedQuery| {
            let etag = etag(query.generation);
            (query, etag)
        };
        self.accounts.queries(account).into_iter().map(tagged).collect()
    }

    fn changes(&self) -> Changes {
        let live = self.board.changes.follow();
        Box::pin(stream::unfold(live, |mut live| async move {
            match live.recv().await {
                Ok(change) => change_of(&change.what).map(|change| (change, live)),
                Err(RecvError::Lagged(_)) => Some((Change::Everything, live)),
                // The board lives as long as the program.
                Err(RecvError::Closed) => std::future::pending().await,
            }
        }))
    }
}

/// `None`: the program ends.
fn change_of(what: &What) -> Option<Change> {
    Some(match what {
        What::Vm(id) | What::VmGone(id) => Change::Vm(*id),
        What::Task(task) => Change::Task(task.id),
        What::Event(_) | What::Audit => Change::Event,
        What::Image(_) | What::ImageGone(_) | What::Import(_) | What::ImportGone(_) => Change::Image,
        What::Export(_) | What::ExportGone(_) => Change::Export,
        What::Volume(_) | What::VolumeGone(_) => Change::Volume,
        What::Pool(_) => Change::Pool,
        What::Node(_) => Change::Node,
        What::Scan => Change::Scan,
        What::Server(id) | What::ServerGone(id) => Change::Server(*id),
        What::Device(id) | What::DeviceGone(id) => Change::Device(*id),
        What::Alerts => Change::Alerts,
        What::Settings => Change::Settings,
        What::Account => Change::Account,
        What::SessionEnded(id) => Change::SessionEnded(*id),
        What::Ending => return None,
    })
}
