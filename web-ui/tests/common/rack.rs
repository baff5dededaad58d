//! [`ConsoleData`] over plain lists.

use async_trait::async_trait;
use cake_i18n::Words;
use cake_planner::alert::{self, Alerts, Facts, VmSeen};
use cake_planner::cabling::Named;
use cake_planner::cause;
use cake_planner::query::{
    AuditItem, EventItem, Filter, ImageItem, Item, NodeItem, Now, PoolItem, TaskItem, VmItem, VolumeItem,
};
use cake_planner::week::{self, Tally};
use cake_types::{
    AccountId, Acknowledgement, Actor, Alert, AnnounceState, Announcement, ApiToken, AuditRecord, BiosSetting,
    BmcDrive, BmcFirmware, BmcMedium, CertificateInfo, CertificateSource, Event, Grouping, NodeId, Part, Permission,
    Problem, Role, SavedQuery, ServerId, Task, TaskId, UpsSpec, VmId, VmState, Week,
};
use cake_web::{
    About, AccountView, AnnouncementView, BackupView, BinView, BudgetView, CertificateView, Change, Changes,
    ChannelView, ConsoleData, DeviceView, EnergyView, EventQuery, ExportView, Found, ImageView, ImportView, NodeView,
    PageOf, PageQuery, PoolView, ScanView, ServerLogView, ServerView, SettingsView, SetupView, SupportView, UpdateView,
    Viewer, VmView, VolumeView,
};
use futures_util::stream;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tokio::sync::broadcast;
use uuid::Uuid;

pub struct Rack {
    pub about: About,
    pub setup: SetupView,
    pub settings: Option<SettingsView>,
    pub vms: Mutex<Vec<Arc<VmView>>>,
    pub images: Vec<Arc<ImageView>>,
    pub volumes: Vec<Arc<VolumeView>>,
    pub imports: Vec<Arc<ImportView>>,
    pub bin: Vec<BinView>,
    pub backups: Vec<BackupView>,
    pub exports: Vec<ExportView>,
    pub pools: Vec<Arc<PoolView>>,
    pub nodes: Vec<Arc<NodeView>>,
    pub servers: Mutex<Vec<Arc<ServerView>>>,
    pub devices: Vec<Arc<DeviceView>>,
    pub server_logs: BTreeMap<ServerId, ServerLogView>,
    pub server_parts: BTreeMap<ServerId, Vec<Part>>,
    pub server_drives: BTreeMap<ServerId, Result<Vec<BmcDrive>, Problem>>,
    pub tasks: Vec<Arc<Task>>,
    pub events: Vec<Event>,
    pub audit: Mutex<Vec<AuditRecord>>,
    pub accounts: Mutex<Vec<AccountView>>,
    pub roles: Vec<Role>,
    pub tokens: Vec<ApiToken>,
    pub queries: Vec<SavedQuery>,
    pub update: UpdateView,
    pub changed: broadcast::Sender<Change>,
}

/// A page of a list whose cursor is a number: how many come before.
fn page<T: Clone>(all: impl Iterator<Item = T>, query: &PageQuery) -> PageOf<T> {
    let all: Vec<T> = all.collect();
    let from = query.cursor.as_ref().and_then(|cursor| cursor.parse().ok()).unwrap_or(0);
    let limit = if query.limit == 0 { 50 } else { query.limit };
    let items: Vec<T> = all.iter().skip(from).take(limit).cloned().collect();
    let next = (from + items.len() < all.len()).then(|| (from + items.len()).to_string());
    PageOf { items, next }
}

fn is_about(query: &PageQuery, subject: Option<Uuid>) -> bool {
    query.subject.is_none() || query.subject == subject
}

#[async_trait]
impl ConsoleData for Rack {
    async fn about(&self) -> About {
        self.about.clone()
    }

    async fn setup(&self) -> SetupView {
        self.setup.clone()
    }

    async fn settings(&self) -> Option<SettingsView> {
        self.settings.clone()
    }

    async fn vms(&self) -> Vec<Arc<VmView>> {
        self.vms.lock().expect("no panic held it").clone()
    }

    async fn vm(&self, id: VmId) -> Option<Arc<VmView>> {
        self.vms.lock().expect("no panic held it").iter().find(|view| view.vm.meta.id == id).cloned()
    }

    async fn images(&self) -> Vec<Arc<ImageView>> {
        self.images.clone()
    }

    async fn volumes(&self) -> Vec<Arc<VolumeView>> {
        self.volumes.clone()
    }

    async fn bin(&self) -> Vec<BinView> {
        self.bin.clone()
    }

    async fn channels(&self) -> Vec<ChannelView> {
        let channel = serde_json::from_str(include_str!("../../../src/cake-types/tests/golden/channel-mail.json"));
        let channel: cake_types::Channel = channel.expect("a channel");
        let failing = cake_types::Failing {
            since: channel.meta.created_at,
            at: channel.meta.created_at,
            trouble: cake_types::SendTrouble::Login,
            detail: "535 5.7.8 <no>".into(),
        };
        let mut works = channel.clone();
        works.meta.id = cake_types::ChannelId(Uuid::from_u128(3));
        let answer = "250 2.0.0 OK".into();
        let arrived = cake_types::Arrived { at: channel.meta.created_at, answer };
        let state = cake_types::ChannelState { arrived: Some(arrived), ..Default::default() };
        let first = ChannelView { channel: works, state: state.clone(), etag: "\"g1\"".into() };
        let state = cake_types::ChannelState { failing: Some(failing), ..state };
        vec![first, ChannelView { channel, state, etag: "\"g1\"".into() }]
    }

    async fn backups(&self) -> (Vec<BackupView>, bool) {
        (self.backups.clone(), self.backups.is_empty())
    }

    async fn exports(&self, vm: VmId) -> Vec<ExportView> {
        self.exports.iter().filter(|view| view.export.spec.vm == vm).cloned().collect()
    }

    async fn support_bundles(&self) -> Vec<SupportView> {
        let of = |backup: &BackupView| SupportView {
            id: backup.id,
            made_at: backup.made_at,
            size: backup.size,
            files: vec![
                ("versions.json".into(), cake_types::ByteSize(412)),
                ("log/caked.log".into(), cake_types::ByteSize(52_000)),
            ],
            etag: backup.etag.clone(),
        };
        self.backups.iter().take(1).map(of).collect()
    }

    async fn imports(&self) -> Vec<Arc<ImportView>> {
        self.imports.clone()
    }

    async fn pools(&self) -> Vec<Arc<PoolView>> {
        self.pools.clone()
    }

    async fn nodes(&self) -> Vec<Arc<NodeView>> {
        self.nodes.clone()
    }

    async fn servers(&self) -> Vec<Arc<ServerView>> {
        self.servers.lock().expect("no panic held it").clone()
    }

    async fn server(&self, id: ServerId) -> Option<Arc<ServerView>> {
        self.servers.lock().expect("no panic held it").iter().find(|view| view.server.meta.id == id).cloned()
    }

    async fn bmc_scan(&self) -> ScanView {
        super::servers::scan(&self.servers.lock().expect("no panic held it"))
    }

    async fn devices(&self) -> Vec<Arc<DeviceView>> {
        self.devices.clone()
    }

    async fn server_log(&self, id: ServerId) -> Result<ServerLogView, Problem> {
        Ok(self.server_logs.get(&id).cloned().unwrap_or_default())
    }

    async fn server_firmware(&self, id: ServerId) -> Result<Vec<BmcFirmware>, Problem> {
        let text = self
            .server_drives
            .get(&id)
            .map(|_| "R 1.9")
            .ok_or(Problem::new(cake_types::Code::BmcCannot).with("name", "it"))?;
        let (id, name) = ("/redfish/v1/UpdateService/FirmwareInventory/BIOS".into(), "BIOS".into());
        Ok(vec![BmcFirmware { id, name, version: text.into(), updateable: true }])
    }

    async fn server_bios(&self, id: ServerId) -> Result<Vec<BiosSetting>, Problem> {
        let value = self
            .server_drives
            .get(&id)
            .map(|_| "Uefi")
            .ok_or(Problem::new(cake_types::Code::BmcCannot).with("name", "it"))?;
        Ok(vec![BiosSetting { name: "BootMode".into(), value: value.into(), pending: Some("LegacyBios".into()) }])
    }

    async fn server_media(&self, id: ServerId) -> Result<Vec<BmcMedium>, Problem> {
        self.server_drives.get(&id).ok_or(Problem::new(cake_types::Code::BmcCannot).with("name", "it"))?;
        let slot = |name: &str, image: Option<&str>| BmcMedium {
            id: format!("/redfish/v1/Managers/1/VirtualMedia/{name}"),
            name: name.into(),
            kinds: vec!["CD".into()],
            image: image.map(str::to_owned),
        };
        Ok(vec![slot("Cd", Some("https://mirror.example/installer.iso")), slot("Cd2", None)])
    }

    async fn server_drives(&self, id: ServerId) -> Result<Vec<BmcDrive>, Problem> {
        self.server_drives
            .get(&id)
            .cloned()
            .unwrap_or(Err(Problem::new(cake_types::Code::BmcCannot).with("name", "it")))
    }

    async fn server_parts(&self, id: ServerId) -> Result<Vec<Part>, Problem> {
        Ok(self.server_parts.get(&id).cloned().unwrap_or_default())
    }

    async fn named_servers(&self) -> Vec<Named> {
        let servers = self.servers.lock().expect("no panic held it").clone();
        let named = |view: &Arc<ServerView>| {
            let names = [Some(view.server.meta.name.as_str()), view.node.as_ref().map(|node| node.as_str())];
            Named::new(view.server.meta.id, names)
        };
        servers.iter().map(named).collect()
    }

    async fn energy(&self) -> Option<EnergyView> {
        let servers = self.servers.lock().expect("no panic held it");
        let vms = self.vms.lock().expect("no panic held it");
        Some(super::servers::energy(&servers, &vms))
    }

    async fn power_budget(&self) -> BudgetView {
        let budget = self.settings.as_ref().and_then(|view| view.settings.power_budget);
        let servers = self.servers.lock().expect("no panic held it");
        super::servers::budget(&servers, budget)
    }

    async fn active_tasks(&self) -> Vec<Arc<Task>> {
        self.tasks.iter().filter(|task| task.end.is_none()).cloned().collect()
    }

    async fn finished_tasks(&self, query: &PageQuery) -> Result<PageOf<Arc<Task>>, Problem> {
        let ended = self.tasks.iter().filter(|task| task.end.is_some());
        Ok(page(ended.filter(|task| is_about(query, Some(task.subject.id))).cloned(), query))
    }

    async fn task(&self, id: TaskId) -> Result<Option<Arc<Task>>, Problem> {
        Ok(self.tasks.iter().find(|task| task.id == id).cloned())
    }

    async fn events(&self, query: &EventQuery) -> Result<PageOf<Event>, Problem> {
        let severe = self.events.iter().filter(|event| query.least.is_none_or(|least| event.severity >= least));
        let about = severe.filter(|event| is_about(&query.page, event.subject.as_ref().map(|subject| subject.id)));
        Ok(page(about.cloned(), &query.page))
    }

    async fn audit(&self, query: &PageQuery) -> Result<PageOf<AuditRecord>, Problem> {
        let audit = self.audit.lock().expect("no panic held it").clone();
        Ok(page(audit.into_iter(), query))
    }

    async fn accounts(&self) -> Vec<AccountView> {
        self.accounts.lock().expect("no panic held it").clone()
    }

    async fn roles(&self) -> Vec<Role> {
        self.roles.clone()
    }

    async fn account(&self, id: AccountId) -> Option<AccountView> {
        self.accounts.lock().expect("no panic held it").iter().find(|account| account.id == id).cloned()
    }

    async fn tokens(&self, account: AccountId) -> Vec<ApiToken> {
        self.tokens.iter().filter(|token| token.account == account).cloned().collect()
    }

    /// What follows from what this rack shows.
    async fn alerts(&self) -> Vec<Alert> {
        let vms = self.vms.lock().expect("no panic held it").clone();
        let state = |view: &VmView| view.status.as_ref().map_or(VmState::Pending, |status| status.state);
        let facts = Facts {
            devices: Vec::new(),
            now: jiff::Timestamp::now(),
            servers: Vec::new(),
            nodes: self
                .nodes
                .iter()
                .map(|v| NodeItem {
                    node: &v.node,
                    status: v.status.as_ref(),
                    connected: v.connected,
                    disks: v.disks.as_deref(),
                })
                .collect(),
            pools: self.pools.iter().map(|v| PoolItem { pool: &v.pool, status: v.status.as_ref() }).collect(),
            vms: vms
                .iter()
                .map(|v| VmSeen {
                    vm: &v.vm,
                    status: v.status.as_ref(),
                    state: state(v),
                    orphaned: v.orphaned,
                    binned: false,
                })
                .collect(),
            certificate: None,
            channels: Vec::new(),
            budget: None,
        };
        let mut open =
            alert::next(facts.now, alert::find(&facts, &Alerts::new()), &Alerts::new(), &BTreeMap::new()).open;
        // Somebody sees to the last of them.
        if let Some(mut last) = open.last_entry() {
            let by = Actor::Unknown { claimed: "mei".into() };
            let note = Some("New disk is ordered".to_owned());
            last.get_mut().acknowledged = Some(Acknowledgement { at: facts.now, by, note });
        }
        open.into_values().collect()
    }

    /// What lies beneath them, as the planner finds it.
    async fn causes(&self) -> Vec<Grouping> {
        let mut facts = cause::Facts::new(jiff::Timestamp::now());
        for v in &self.nodes {
            let (status, disks) = (v.status.as_ref(), v.disks.as_deref());
            facts.node(&NodeItem { node: &v.node, status, connected: v.connected, disks });
        }
        self.pools.iter().for_each(|v| facts.pool(&PoolItem { pool: &v.pool, status: v.status.as_ref() }));
        let vms = self.vms.lock().expect("no panic held it").clone();
        for v in &vms {
            let state = v.status.as_ref().map_or(VmState::Pending, |status| status.state);
            let (status, orphaned) = (v.status.as_ref(), v.orphaned);
            facts.vm(&VmSeen { vm: &v.vm, status, state, orphaned, binned: false });
        }
        self.alerts().await.iter().for_each(|alert| facts.alert(alert));
        cause::group(&facts)
    }

    /// As the planner counts it, of a week with a few events.
    async fn week(&self) -> Result<Week, Problem> {
        let mut tally = Tally::default();
        for event in &self.events {
            tally.event(event);
        }
        let open: Alerts = self.alerts().await.into_iter().map(|alert| (alert.id.clone(), alert)).collect();
        let vms = self.vms.lock().expect("no panic held it").len();
        let now =
            week::Now { vms, running: vms, servers: self.servers.lock().expect("no panic held it").len(), sensors: 60 };
        Ok(tally.week(jiff::Timestamp::now(), now, &open, self.causes().await))
    }

    async fn host_etag(&self, _: NodeId) -> String {
        "\"1\"".into()
    }

    async fn update(&self) -> UpdateView {
        self.update.clone()
    }

    async fn ups(&self) -> (Option<UpsSpec>, String) {
        let spec = UpsSpec {
            host: "nut.example.com".into(),
            port: 3493,
            name: "rack".into(),
            user: Some("cake".into()),
            password: None,
            minutes: 5,
        };
        (Some(spec), "\"g1\"".into())
    }

    async fn announcement(&self) -> AnnouncementView {
        let label = |label: &str| Some(label.to_owned());
        let (label, wanted) = (label("cake-7xkq2-2"), label("cake-7xkq2"));
        let addresses = vec!["192.0.2.7".parse().expect("an address"), "2001:db8::7".parse().expect("an address")];
        let now = Announcement { state: AnnounceState::Announced, label, wanted, addresses, because: None };
        AnnouncementView { url: now.url(8443), now }
    }

    async fn certificate(&self) -> CertificateView {
        let info = CertificateInfo {
            source: CertificateSource::Own,
            subject: "CN=console.example.com".into(),
            issuer: "CN=Example Issuing CA 3, O=Example Trust".into(),
            names: vec!["console.example.com".into(), "192.0.2.7".into()],
            not_before: jiff::Timestamp::UNIX_EPOCH,
            not_after: jiff::Timestamp::from_second(1_830_000_000).expect("a time"),
            fingerprint: ["AB:01"; 16].join(":"),
        };
        CertificateView { info, warnings: vec!["not-named"], requested: true, etag: "\"g1\"".into() }
    }

    async fn search(
        &self,
        viewer: &Viewer,
        words: &'static Words,
        filter: &Filter,
        each: usize,
    ) -> Result<Vec<Found>, Problem> {
        let now = Now { at: jiff::Timestamp::now(), zone: &jiff::tz::TimeZone::UTC };
        let is = |item: &dyn Item| filter.matches(item, &now);
        let mut found = Vec::new();
        let vms = self.vms.lock().expect("no panic held it").clone();
        let state = |view: &VmView| view.status.as_ref().map_or(VmState::Pending, |status| status.state);
        let outdated = |view: &VmView| Some(view.status.as_ref()?.engine.as_ref()?.outdated);
        let item = |v: &VmView| is(&VmItem { vm: &v.vm, state: state(v), orphaned: v.orphaned, outdated: outdated(v) });
        let vms = vms.into_iter().filter(|v| item(v));
        found.extend(vms.take(each).map(Found::Vm));
        let images = self.images.iter().filter(|v| is(&ImageItem { image: &v.image, available: true }));
        found.extend(images.take(each).cloned().map(Found::Image));
        let item = |v: &&Arc<VolumeView>| {
            let vm = v.vm.as_ref().map(|(_, name, _)| name.as_str());
            is(&VolumeItem { volume: &v.volume, state: v.state, size: v.size, pool: "local", vm })
        };
        found.extend(self.volumes.iter().filter(item).take(each).cloned().map(Found::Volume));
        let pools = self.pools.iter().filter(|v| is(&PoolItem { pool: &v.pool, status: v.status.as_ref() }));
        found.extend(pools.take(each).cloned().map(Found::Pool));
        let node = |v: &&Arc<NodeView>| {
            is(&NodeItem {
                node: &v.node,
                status: v.status.as_ref(),
                connected: v.connected,
                disks: v.disks.as_deref(),
            })
        };
        found.extend(self.nodes.iter().filter(node).take(each).cloned().map(Found::Node));
        let tasks = self.tasks.iter().filter(|task| is(&TaskItem { task, said: &words.task_title(task) }));
        found.extend(tasks.take(each).cloned().map(Found::Task));
        let events = self.events.iter().filter(|event| is(&EventItem { event, said: &words.event(event) }));
        found.extend(events.take(each).cloned().map(|event| Found::Event(Box::new(event))));
        if viewer.may(Permission::Audit) {
            let audit = self.audit.lock().expect("no panic held it").clone();
            let audit = audit.into_iter().filter(|record| is(&AuditItem { record, said: "" }));
            found.extend(audit.take(each).map(|record| Found::Audit(Box::new(record))));
        }
        Ok(found)
    }

    async fn saved_queries(&self, _: AccountId) -> Vec<(SavedQuery, String)> {
        self.queries.iter().map(|query| (query.clone(), "\"g1\"".to_owned())).collect()
    }

    fn changes(&self) -> Changes {
        Box::pin(stream::unfold(self.changed.subscribe(), |mut changes| async move {
            match changes.recv().await {
                Ok(change) => Some((change, changes)),
                Err(broadcast::error::RecvError::Lagged(_)) => Some((Change::Everything, changes)),
                Err(broadcast::error::RecvError::Closed) => None,
            }
        }))
    }
}
