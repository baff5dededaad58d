//! What is so, as everybody may see it: the last status of every VM, pool and image, and the news for those who watch.

use cake_node_api::{ExportRecord, ImageRecord, ImportRecord, Observed};
use cake_types::{
    DeviceId, DeviceStatus, ExportId, ExportStatus, HostStatus, ImageId, ImportStatus, MacAddress, NodeStatus,
    OperationId, PoolId, PoolStatus, ScanStatus, ServerDisk, ServerId, ServerStatus, Stick, UpsStatus, Usage, VmId,
    VmStatus,
};
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::broadcast;

/// News that a watcher may be behind before it must begin again.
const NEWS: usize = 1024;

/// Clones share it.
#[derive(Clone)]
pub struct Board(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    news: broadcast::Sender<Arc<Observed>>,
}

struct State {
    node: NodeStatus,
    /// `None` until they have been looked at.
    disks: Option<Vec<ServerDisk>>,
    sticks: Option<Vec<Stick>>,
    // Boxed: most VMs rest, and the table is kept small.
    vms: HashMap<VmId, Box<VmStatus>>,
    pools: BTreeMap<PoolId, PoolStatus>,
    images: Vec<ImageRecord>,
    imports: BTreeMap<ImageId, ImportStatus>,
    exports: BTreeMap<ExportId, ExportStatus>,
    servers: BTreeMap<ServerId, ServerStatus>,
    scan: Option<ScanStatus>,
    devices: BTreeMap<DeviceId, DeviceStatus>,
}

impl Board {
    pub fn new(node: NodeStatus) -> Self {
        let state = State {
            node,
            disks: None,
            sticks: None,
            vms: HashMap::new(),
            pools: BTreeMap::new(),
            images: Vec::new(),
            imports: BTreeMap::new(),
            exports: BTreeMap::new(),
            servers: BTreeMap::new(),
            scan: None,
            devices: BTreeMap::new(),
        };
        Self(Arc::new(Shared { state: Mutex::new(state), news: broadcast::Sender::new(NEWS) }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn watch(&self) -> broadcast::Receiver<Arc<Observed>> {
        self.0.news.subscribe()
    }

    pub fn tell(&self, observed: Observed) {
        // Nobody may be watching.
        let _ = self.0.news.send(Arc::new(observed));
    }

    pub fn node(&self) -> NodeStatus {
        self.state().node.clone()
    }

    /// What is as it was is not told again.
    pub fn change_node(&self, change: impl FnOnce(&mut NodeStatus)) {
        let changed = {
            let node = &mut self.state().node;
            let before = node.clone();
            change(node);
            (*node != before).then(|| node.clone())
        };
        if let Some(node) = changed {
            self.tell(Observed::Node(Box::new(node)));
        }
    }

    pub fn set_ups(&self, ups: Option<UpsStatus>) {
        self.change_node(|node| node.ups = ups);
    }

    /// A node that has not begun to tell of its machine does so from now on.
    pub fn change_host(&self, change: impl FnOnce(&mut HostStatus)) {
        self.change_node(|node| change(node.host.get_or_insert_default()));
    }

    pub fn disks(&self) -> Option<Vec<ServerDisk>> {
        self.state().disks.clone()
    }

    pub fn set_disks(&self, disks: &[ServerDisk]) {
        let before = self.state().disks.replace(disks.to_vec());
        if before.as_deref() != Some(disks) {
            self.tell(Observed::Disks { disks: disks.to_vec() });
        }
    }

    pub fn sticks(&self) -> Option<Vec<Stick>> {
        self.state().sticks.clone()
    }

    pub fn set_sticks(&self, sticks: &[Stick]) {
        let before = self.state().sticks.replace(sticks.to_vec());
        if before.as_deref() != Some(sticks) {
            self.tell(Observed::Sticks { sticks: sticks.to_vec() });
        }
    }

    pub fn vm(&self, id: VmId) -> Option<VmStatus> {
        self.state().vms.get(&id).map(|status| (**status).clone())
    }

    /// A status that nobody is told of: they get it with the record.
    pub fn place_vm(&self, id: VmId, status: VmStatus) {
        self.state().vms.insert(id, Box::new(status));
    }

    /// A VM's engine reports. What it can't know stays.
    pub fn set_vm(&self, id: VmId, mut status: VmStatus) {
        {
            let mut state = self.state();
            let Some(held) = state.vms.get_mut(&id) else { return };
            status.usage = held.usage.filter(|_| status.state.is_alive());
            for nic in &mut status.nics {
                nic.addresses = addresses_of(held, nic.mac).to_vec();
            }
            **held = status.clone();
        }
        self.tell(Observed::VmStatus { id, status: Box::new(status) });
    }

    pub fn remove_vm(&self, id: VmId) {
        self.state().vms.remove(&id);
    }

    pub fn set_usage(&self, samples: Vec<(VmId, Usage)>) {
        if samples.is_empty() {
            return;
        }
        {
            let mut state = self.state();
            for (id, usage) in &samples {
                if let Some(status) = state.vms.get_mut(id) {
                    status.usage = Some(*usage);
                }
            }
        }
        self.tell(Observed::Usage { samples });
    }

    /// The network cards that guests have.
    pub fn cards(&self) -> Vec<MacAddress> {
        self.state().vms.values().flat_map(|status| status.nics.iter().map(|nic| nic.mac)).collect()
    }

    /// The addresses that guests use; who is not named uses none.
    pub fn set_addresses(&self, seen: &BTreeMap<MacAddress, Vec<IpAddr>>) {
        let mut changed = Vec::new();
        for (id, status) in &mut self.state().vms {
            let before = status.nics.clone();
            for nic in &mut status.nics {
                nic.addresses = seen.get(&nic.mac).cloned().unwrap_or_default();
            }
            if status.nics != before {
                changed.push((*id, status.clone()));
            }
        }
        for (id, status) in changed {
            self.tell(Observed::VmStatus { id, status });
        }
    }

    pub fn pools(&self) -> BTreeMap<PoolId, PoolStatus> {
        self.state().pools.clone()
    }

    pub fn set_pool(&self, id: PoolId, status: PoolStatus) {
        let changed = self.state().pools.insert(id, status.clone()).as_ref() != Some(&status);
        if changed {
            self.tell(Observed::Pool { id, status });
        }
    }

    pub fn imports(&self) -> Vec<ImportRecord> {
        let record = |(id, status): (&ImageId, &ImportStatus)| ImportRecord { id: *id, status: status.clone() };
        self.state().imports.iter().map(record).collect()
    }

    pub fn set_import(&self, record: ImportRecord) {
        let ImportRecord { id, status } = &record;
        let changed = self.state().imports.insert(*id, status.clone()).as_ref() != Some(status);
        if changed {
            self.tell(Observed::Import(Box::new(record)));
        }
    }

    pub fn remove_import(&self, id: ImageId) {
        self.state().imports.remove(&id);
        self.tell(Observed::ImportGone { id });
    }

    pub fn exports(&self) -> Vec<ExportRecord> {
        let record = |(id, status): (&ExportId, &ExportStatus)| ExportRecord { id: *id, status: status.clone() };
        self.state().exports.iter().map(record).collect()
    }

    pub fn set_export(&self, record: ExportRecord) {
        let ExportRecord { id, status } = &record;
        let changed = self.state().exports.insert(*id, status.clone()).as_ref() != Some(status);
        if changed {
            self.tell(Observed::Export(Box::new(record)));
        }
    }

    pub fn remove_export(&self, id: ExportId) {
        self.state().exports.remove(&id);
        self.tell(Observed::ExportGone { id });
    }

    pub fn servers(&self) -> BTreeMap<ServerId, ServerStatus> {
        self.state().servers.clone()
    }

    pub fn server(&self, id: ServerId) -> Option<ServerStatus> {
        self.state().servers.get(&id).cloned()
    }

    pub fn set_server(&self, id: ServerId, status: ServerStatus) {
        let changed = self.state().servers.insert(id, status.clone()).as_ref() != Some(&status);
        if changed {
            self.tell(Observed::Server { id, status: Box::new(status) });
        }
    }

    /// Of one that is here.
    pub fn change_server(&self, id: ServerId, change: impl FnOnce(&mut ServerStatus)) {
        let Some(mut status) = self.server(id) else { return };
        change(&mut status);
        self.set_server(id, status);
    }

    pub fn remove_server(&self, id: ServerId) {
        self.state().servers.remove(&id);
        self.tell(Observed::ServerGone { id });
    }

    pub fn scan(&self) -> Option<ScanStatus> {
        self.state().scan.clone()
    }

    pub fn set_scan(&self, scan: ScanStatus) {
        self.state().scan = Some(scan.clone());
        self.tell(Observed::Scan { scan: Some(Box::new(scan)) });
    }

    /// Of the one that is meant, while it is at work. `None`: it is not.
    pub fn change_scan<T>(&self, operation: OperationId, change: impl FnOnce(&mut ScanStatus) -> T) -> Option<T> {
        let (scan, answer) = {
            let mut state = self.state();
            let scan = state.scan.as_mut().filter(|scan| scan.operation == operation && scan.end.is_none())?;
            let answer = change(scan);
            (scan.clone(), answer)
        };
        self.tell(Observed::Scan { scan: Some(Box::new(scan)) });
        Some(answer)
    }

    pub fn devices(&self) -> BTreeMap<DeviceId, DeviceStatus> {
        self.state().devices.clone()
    }

    pub fn device(&self, id: DeviceId) -> Option<DeviceStatus> {
        self.state().devices.get(&id).cloned()
    }

    pub fn set_device(&self, id: DeviceId, status: DeviceStatus) {
        let changed = self.state().devices.insert(id, status.clone()).as_ref() != Some(&status);
        if changed {
            self.tell(Observed::Device { id, status: Box::new(status) });
        }
    }

    /// Of one that is here.
    pub fn change_device(&self, id: DeviceId, change: impl FnOnce(&mut DeviceStatus)) {
        let Some(mut status) = self.device(id) else { return };
        change(&mut status);
        self.set_device(id, status);
    }

    pub fn remove_device(&self, id: DeviceId) {
        self.state().devices.remove(&id);
        self.tell(Observed::DeviceGone { id });
    }

    pub fn images(&self) -> Vec<ImageRecord> {
        self.state().images.clone()
    }

    /// All images that there are; tells what is new, what changed and what went.
    pub fn set_images(&self, images: Vec<ImageRecord>) {
        let before = std::mem::replace(&mut self.state().images, images.clone());
        for gone in before.iter().filter(|old| !images.iter().any(|image| image.id == old.id)) {
            self.tell(Observed::ImageGone { id: gone.id });
        }
        for image in images {
            if !before.contains(&image) {
                self.tell(Observed::Image(Box::new(image)));
            }
        }
    }
}

fn addresses_of(status: &VmStatus, mac: MacAddress) -> &[IpAddr] {
    status.nics.iter().find(|nic| nic.mac == mac).map_or(&[], |nic| &nic.addresses)
}
