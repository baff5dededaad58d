//! A model of a node behind the real node API: it keeps what it is told as a node must, and runs nothing.

use async_trait::async_trait;
use cake_node_api::staged::Staged;
use cake_node_api::{
    ExportRecord, Hello, HostVerb, ImageRecord, ImportRecord, NodeError, NodeService, Observed, ObservedStream,
    OperationOutcome, OperationResult, RemovedRecord, StreamKind, StreamTicket, Verb, VmRecord, VolumeOrder,
    VolumePlace,
};
use cake_types::{
    Accelerator, BridgeStatus, ByteSize, CdStatus, Column, Counters, CpuTimes, DiskCounters, DiskFile, DiskStatus,
    Epoch, ExitReason, Export, ExportId, ExportStage, ExportStatus, Failure, FailureCode, Firmware, Generation,
    GuestOs, HaltedBy, HostCounters, HostSpec, HostStatus, ImageFormat, ImageId, ImageMachine, ImageSpec, ImageStatus,
    Import, ImportSpec, ImportStage, ImportStatus, InterfaceCounters, IoCounters, Leaving, LeavingStage, Measure,
    MemoryNow, NicStatus, NodeCapacity, NodeId, NodeStatus, OperationId, OsRng, PoolId, PoolSpec, PoolStatus, Power,
    PressureTimes, ProvisionProgress, SecretKey, ServerDisk, Span, Stamp, Stick, TcgReason, UpsSpec, UpsStatus,
    UsageHistory, UsageOf, Vm, VmCounters, VmId, VmState, VmStatus,
};
use futures_util::StreamExt;
use jiff::Timestamp;
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::runtime::Runtime;
use tokio::sync::broadcast;

pub struct SimNode {
    pub state: Mutex<State>,
    changes: broadcast::Sender<Observed>,
    key: SecretKey,
}

pub struct State {
    pub highest: Epoch,
    pub vms: BTreeMap<VmId, VmRecord>,
    pub removed: BTreeMap<VmId, RemovedRecord>,
    pub pools: BTreeMap<PoolId, PoolSpec>,
    imports: BTreeMap<ImageId, Receiving>,
    pub exports: BTreeMap<ExportId, (Export, ExportStatus)>,
    /// Exports stay at work.
    pub slow_exports: bool,
    /// The files of imports that became images.
    pub brought: BTreeMap<ImageId, File>,
    /// Those that came with it, and those that were brought in.
    pub images: Vec<ImageRecord>,
    outcomes: Vec<OperationOutcome>,
    tickets: HashMap<String, StreamKind>,
    /// New VMs stay in `provisioning`.
    pub slow_disks: bool,
    /// Guests hold their CD drives shut.
    pub drives_held: bool,
    /// Guests do not let go of disks.
    pub disks_held: bool,
    /// Files of disks that no VM has, by name, with their sizes.
    pub volumes: BTreeMap<DiskFile, ByteSize>,
    /// Volumes can't be made.
    pub no_volumes: bool,
    /// What every removal of a VM was to keep.
    pub kept: Vec<Vec<u32>>,
    /// Guests do not hear the power button.
    pub deaf_guests: bool,
    /// Desired states are refused.
    pub refuse: bool,
    pub applies: u32,
    /// Per cent of every pool.
    pool_used: u64,
    /// A screen says so many bytes before anything else.
    pub flood: u64,
    /// Its logs, by the name that they have in a support bundle.
    pub said: Vec<(String, String)>,
    next_pid: u32,
    /// The power supply that it was told to watch, and what that says.
    pub ups: Option<UpsSpec>,
    pub ups_status: Option<UpsStatus>,
    /// What it says of its machine, what it was told of it, and what was done to it.
    pub host: HostStatus,
    pub host_asked: Option<HostSpec>,
    pub host_verbs: Vec<(OperationId, HostVerb)>,
    /// Its own; `None` until it has looked, which it does when asked.
    pub disks: Option<Vec<ServerDisk>>,
    /// What is plugged into it; `None` until it has looked.
    pub sticks: Option<Vec<Stick>>,
}

/// An import and its file.
struct Receiving {
    import: Import,
    status: ImportStatus,
    file: File,
}

/// What every export's file is.
pub const EXPORT: &[u8] = b"the bytes of a VM";
pub const IMAGE: &str = "cake-tiny";
pub const KERNEL: &str = "cake-pvh";

fn image(number: u128, name: &str, format: ImageFormat, firmware: &[Firmware], size: u64) -> ImageRecord {
    ImageRecord {
        id: ImageId(uuid::Uuid::from_u128(number)),
        name: name.parse().unwrap(),
        spec: ImageSpec {
            title: BTreeMap::from([("en".into(), name.into())]),
            format,
            os: GuestOs::Linux,
            firmware: firmware.to_vec(),
            min_memory: ByteSize::mib(64),
            virtual_size: ByteSize(size),
            sha256: "00".into(),
            built_in: true,
            more_disks: Vec::new(),
            machine: None,
        },
        status: ImageStatus { stored: ByteSize(size), available: true, detail: None },
    }
}

fn images() -> Vec<ImageRecord> {
    vec![
        image(1, IMAGE, ImageFormat::Raw, &[Firmware::Bios, Firmware::Uefi], 32 << 20),
        image(2, KERNEL, ImageFormat::Kernel, &[Firmware::Direct], 0),
    ]
}

impl SimNode {
    pub fn new() -> Arc<Self> {
        let (changes, _) = broadcast::channel(4096);
        Arc::new(Self {
            state: Mutex::new(State {
                highest: Epoch(0),
                vms: BTreeMap::new(),
                removed: BTreeMap::new(),
                pools: BTreeMap::new(),
                imports: BTreeMap::new(),
                exports: BTreeMap::new(),
                slow_exports: false,
                brought: BTreeMap::new(),
                images: images(),
                outcomes: Vec::new(),
                tickets: HashMap::new(),
                slow_disks: false,
                drives_held: false,
                disks_held: false,
                volumes: BTreeMap::new(),
                no_volumes: false,
                kept: Vec::new(),
                deaf_guests: false,
                refuse: false,
                applies: 0,
                pool_used: 50,
                flood: 0,
                said: Vec::new(),
                next_pid: 1000,
                ups: None,
                ups_status: None,
                host: HostStatus::default(),
                host_asked: None,
                host_verbs: Vec::new(),
                disks: None,
                sticks: None,
            }),
            changes,
            key: SecretKey::generate(&mut OsRng),
        })
    }

    /// Answers at `socket` as long as the runtime lives: with it end all connections, as with a process.
    pub fn serve(self: &Arc<Self>, socket: &Path) -> Runtime {
        let _ = std::fs::remove_file(socket);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = {
            let _context = runtime.enter();
            UnixListener::bind(socket).unwrap()
        };
        let (service, uid) = (self.clone(), nix::unistd::getuid().as_raw());
        runtime.spawn(async move {
            let _ = cake_node_api::serve(listener, service, vec![uid]).await;
        });
        runtime
    }

    pub fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().unwrap())
    }

    pub fn key(&self) -> &SecretKey {
        &self.key
    }

    fn tell(&self, observed: Observed) {
        let _ = self.changes.send(observed);
    }

    /// An image that came with a machine: a VM in one file that was brought in.
    pub fn has_package(&self, number: u128, name: &str, machine: ImageMachine, more: &[u64]) -> ImageId {
        let mut record = image(number, name, ImageFormat::Raw, &[machine.firmware, Firmware::Bios], 64 << 20);
        record.spec.built_in = false;
        record.spec.more_disks = more.iter().copied().map(ByteSize).collect();
        record.spec.machine = Some(machine);
        let id = record.id;
        self.with(|state| state.images.push(record.clone()));
        self.tell(Observed::Image(Box::new(record)));
        id
    }

    /// A CD that was brought in.
    pub fn has_cd(&self, number: u128, name: &str) -> ImageId {
        let mut record = image(number, name, ImageFormat::Iso, &[Firmware::Bios, Firmware::Uefi], 1 << 20);
        record.spec.built_in = false;
        let id = record.id;
        self.with(|state| state.images.push(record.clone()));
        self.tell(Observed::Image(Box::new(record)));
        id
    }

    /// Says again what an image is.
    pub fn tell_image(&self, name: &str) {
        let record = self.with(|state| state.images.iter().find(|image| image.name.as_str() == name).unwrap().clone());
        self.tell(Observed::Image(Box::new(record)));
    }

    /// Changes what is so, as a real machine would.
    pub fn happens(&self, id: VmId, change: impl FnOnce(&mut VmStatus)) {
        let status = self.with(|state| {
            let record = state.vms.get_mut(&id).unwrap();
            change(&mut record.status);
            record.status.clone()
        });
        self.tell(Observed::VmStatus { id, status: Box::new(status) });
    }

    /// So many per cent of every pool are used now.
    pub fn pools_fill(&self, percent: u64) {
        let pools: Vec<PoolId> = self.with(|state| {
            state.pool_used = percent;
            state.pools.keys().copied().collect()
        });
        pools.into_iter().for_each(|id| self.tell(Observed::Pool { id, status: pool_status(percent) }));
    }

    fn node_status(&self, highest: Epoch) -> NodeStatus {
        NodeStatus {
            host_name: "sim-1".into(),
            version: "0.1.0".into(),
            epoch: highest,
            accelerator: Accelerator::Tcg { because: TcgReason::Asked },
            qemu: "10.0.0".into(),
            launcher: "detached".into(),
            capacity: NodeCapacity { cpus: 4, memory: ByteSize::gib(8), memory_available: ByteSize::gib(6) },
            started_at: Timestamp::UNIX_EPOCH,
            ups: self.with(|state| state.ups_status.clone()),
            host: Some(self.with(|state| state.host.clone())),
            bridges: vec![BridgeStatus {
                name: "br0".parse().unwrap(),
                up: true,
                addresses: vec!["192.0.2.10".parse().unwrap()],
                members: vec!["eth0".into()],
            }],
        }
    }

    /// Its power supply says so now.
    pub fn power_is(&self, status: UpsStatus) {
        let highest = self.with(|state| {
            state.ups_status = Some(status);
            state.highest
        });
        self.tell(Observed::Node(Box::new(self.node_status(highest))));
    }

    /// It says so of its machine now.
    pub fn host_is(&self, host: HostStatus) {
        let highest = self.with(|state| {
            state.host = host;
            state.highest
        });
        self.tell(Observed::Node(Box::new(self.node_status(highest))));
    }

    /// Waits until it was told to watch the power supply of that name.
    pub async fn until_told(&self, name: &str) {
        for _ in 0..500 {
            if self.with(|state| state.ups.as_ref().is_some_and(|ups| ups.name == name)) {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        panic!("the node was never told of {name}: {:?}", self.with(|state| state.ups.clone()));
    }

    /// The guest shuts itself down.
    pub fn guest_halts(&self, id: VmId) {
        let generation = self.with(|state| state.vms[&id].vm.meta.generation);
        self.happens(id, |status| halt(status, generation));
    }

    fn accept(&self, stamp: Stamp, vm: Vm) -> Result<(), NodeError> {
        let id = vm.meta.id;
        let record = self.with(|state| {
            if state.refuse {
                return Err(NodeError::Invalid { detail: "refused by the test".into() });
            }
            if stamp.epoch < state.highest {
                return Err(NodeError::StaleEpoch { highest: state.highest });
            }
            if state.removed.contains_key(&id) {
                return Err(NodeError::Tombstoned);
            }
            let old = state.vms.get(&id);
            if let Some(old) = old
                && (old.stamp > stamp || (old.stamp == stamp && old.vm != vm))
            {
                return Err(NodeError::StaleStamp { held: old.stamp });
            }
            state.applies += 1;
            let mut status = old.map_or_else(|| fresh(stamp), |old| old.status.clone());
            status.observed = stamp;
            status.failure = None;
            if state.slow_disks && status.state == VmState::Pending {
                status.state = VmState::Provisioning;
                status.progress = Some(ProvisionProgress { done: ByteSize(1), total: ByteSize(4) });
            } else {
                state.next_pid += 1;
                let before = status.cd.take().filter(|_| state.drives_held && !vm.spec.cd_by_force);
                let disks = std::mem::take(&mut status.disks);
                settle(&mut status, &vm, state.next_pid);
                let gone = |disk: &DiskStatus| vm.spec.gone_disks().any(|number| number == disk.number);
                if state.disks_held && status.state.is_alive() {
                    let held = disks.into_iter().filter(gone).map(|disk| DiskStatus { leaving: true, ..disk });
                    status.disks.extend(held);
                }
                if let Some(held) = before.filter(|held| held.image != vm.spec.cd) {
                    status.cd = Some(CdStatus { waiting: true, ..held });
                }
            }
            let record = VmRecord { vm, stamp, status };
            state.vms.insert(id, record.clone());
            Ok(record)
        })?;
        let status = record.status.clone();
        self.tell(Observed::Vm(Box::new(record)));
        self.tell(Observed::VmStatus { id, status: Box::new(status) });
        Ok(())
    }

    /// These are plugged in now, and no others.
    pub fn plug(&self, sticks: Vec<Stick>) {
        self.with(|state| state.sticks = Some(sticks.clone()));
        self.tell(Observed::Sticks { sticks });
    }

    /// What it was told of an import.
    pub fn import_spec(&self, id: ImageId) -> ImportSpec {
        self.with(|state| state.imports[&id].import.spec.clone())
    }

    /// An import comes to nothing.
    pub fn import_fails(&self, id: ImageId, code: FailureCode) {
        let told = self.with(|state| {
            let held = state.imports.get_mut(&id).unwrap();
            held.status.stage = ImportStage::Failed;
            held.status.failure = Some(Failure { code, detail: "so it is".into() });
            ImportRecord { id, status: held.status.clone() }
        });
        self.tell(Observed::Import(Box::new(told)));
    }

    /// Lets disks that were held up be done.
    pub fn disks_are_done(&self) {
        let waiting: Vec<VmId> = self.with(|state| {
            state.slow_disks = false;
            let waiting = state.vms.values().filter(|r| r.status.state == VmState::Provisioning);
            waiting.map(|record| record.vm.meta.id).collect()
        });
        for id in waiting {
            let vm = self.with(|state| state.vms[&id].vm.clone());
            self.happens(id, |status| {
                status.progress = None;
                settle(status, &vm, 4242);
            });
        }
    }

    fn press(&self, operation: OperationId, id: VmId, verb: Verb) -> Result<(), NodeError> {
        if self.with(|state| state.outcomes.iter().any(|o| o.operation == operation)) {
            return Ok(());
        }
        let (deaf, generation) = self.with(|state| {
            let record = state.vms.get(&id).ok_or(NodeError::Unknown)?;
            Ok((state.deaf_guests, record.vm.meta.generation))
        })?;
        let result = match verb {
            Verb::Reset => OperationResult::Done,
            Verb::Shutdown { .. } | Verb::Halt { .. } if deaf => {
                self.happens(id, |status| status.state = VmState::ShuttingDown);
                return Ok(());
            }
            Verb::Shutdown { .. } | Verb::Halt { .. } => {
                self.happens(id, |status| halt(status, generation));
                OperationResult::Done
            }
        };
        self.outcome(operation, id, result);
        Ok(())
    }

    /// The guest did not hear the power button in time.
    pub fn shutdown_fails(&self, operation: OperationId, id: VmId) {
        self.happens(id, |status| status.state = VmState::Running);
        let failure = Failure { code: FailureCode::GuestIgnoredShutdown, detail: String::new() };
        self.outcome(operation, id, OperationResult::Failed(failure));
    }

    /// What is made of an export now.
    pub fn export_is(&self, id: ExportId, change: impl FnOnce(&mut ExportStatus)) {
        let status = self.with(|state| {
            let (_, status) = state.exports.get_mut(&id).unwrap();
            change(status);
            status.clone()
        });
        self.tell(Observed::Export(Box::new(ExportRecord { id, status })));
    }

    fn outcome(&self, operation: OperationId, vm: VmId, result: OperationResult) {
        let outcome = OperationOutcome { operation, vm, at: Timestamp::now(), result };
        self.with(|state| state.outcomes.push(outcome.clone()));
        self.tell(Observed::Operation(outcome));
    }
}

fn fresh(stamp: Stamp) -> VmStatus {
    VmStatus::at_rest(stamp, VmState::Pending)
}

fn halt(status: &mut VmStatus, generation: Generation) {
    status.state = VmState::Stopped;
    status.pid = None;
    status.halted_by = Some(HaltedBy { reason: ExitReason::Guest, generation, at: Timestamp::now(), by_host: false });
}

fn settle(status: &mut VmStatus, vm: &Vm, pid: u32) {
    let halted = status.halted_by.is_some_and(|halted| halted.generation >= vm.meta.generation);
    status.state = match vm.spec.power {
        Power::Running if halted => VmState::Stopped,
        Power::Running => VmState::Running,
        Power::Paused => VmState::Paused,
        Power::Stopped => VmState::Stopped,
    };
    let plugged = vm.spec.hardware.nics.iter().filter(|_| status.state.is_alive());
    let so =
        |nic: &cake_types::NicDevice| NicStatus { mac: nic.mac, addresses: Vec::new(), leaving: false, failure: None };
    status.nics = plugged.map(so).collect();
    let disk = |(number, disk): (u32, &cake_types::DiskSpec)| DiskStatus {
        number,
        size: disk.size,
        leaving: false,
        failure: None,
    };
    status.disks = vm.spec.numbered_disks().filter(|_| status.state.is_alive()).map(disk).collect();
    let drive = vm.spec.hardware.cd.as_ref().filter(|_| status.state.is_alive());
    status.cd = drive.map(|_| CdStatus { image: vm.spec.cd, ..CdStatus::default() });
    if status.state == VmState::Stopped {
        status.pid = None;
    } else {
        status.halted_by = None;
        status.pid = status.pid.or(Some(pid));
        status.accelerator = Some(Accelerator::Tcg { because: TcgReason::Asked });
    }
}

#[async_trait]
impl NodeService for SimNode {
    async fn hello(&self, epoch: Option<Epoch>) -> Result<Hello, NodeError> {
        let highest = self.with(|state| {
            let before = state.highest;
            if let Some(epoch) = epoch {
                if epoch < before {
                    return Err(NodeError::StaleEpoch { highest: before });
                }
                state.highest = epoch;
            }
            Ok(before)
        })?;
        Ok(Hello {
            api: 1,
            node: NodeId(uuid::Uuid::from_u128(7)),
            key: self.key.public(),
            highest_epoch: highest,
            status: self.node_status(highest),
        })
    }

    async fn apply_vm(&self, stamp: Stamp, vm: Vm) -> Result<(), NodeError> {
        self.accept(stamp, vm)
    }

    async fn make_volume(&self, order: VolumeOrder) -> Result<ByteSize, NodeError> {
        self.with(|state| {
            let VolumeOrder { place, size, made, .. } = order;
            let there = state.volumes.get(&place.file).copied();
            let own = state.vms.values().any(|record| record.vm.disk_files().any(|file| file == place.file));
            if state.no_volumes || own {
                return Err(NodeError::Invalid { detail: "refused by the test".into() });
            }
            if there.is_none() && made && place.file.1 == 0 {
                return Err(NodeError::Invalid { detail: "it is gone".into() });
            }
            let size = there.map_or(size, |is| is.max(size));
            state.volumes.insert(place.file, size);
            Ok(size)
        })
    }

    async fn remove_volume(&self, _: Epoch, place: VolumePlace) -> Result<(), NodeError> {
        self.with(|state| {
            let own = state.vms.values().any(|record| record.vm.disk_files().any(|file| file == place.file));
            if own {
                return Err(NodeError::Invalid { detail: "a VM has it".into() });
            }
            state.volumes.remove(&place.file);
            Ok(())
        })
    }

    async fn open_volume(&self, place: VolumePlace) -> Result<OwnedFd, NodeError> {
        let mut file = tempfile::tempfile().unwrap();
        write!(file, "the bytes of {}", place.file).unwrap();
        Ok(file.into())
    }

    async fn remove_vm(&self, id: VmId, stamp: Stamp, kept: Vec<u32>) -> Result<(), NodeError> {
        self.with(|state| state.kept.push(kept));
        let record = RemovedRecord { id, stamp, at: Timestamp::now() };
        self.with(|state| {
            state.vms.remove(&id).ok_or(NodeError::Unknown)?;
            state.removed.insert(id, record);
            Ok::<_, NodeError>(())
        })?;
        self.tell(Observed::VmRemoved(record));
        Ok(())
    }

    async fn apply_pool(&self, id: PoolId, _: Stamp, spec: PoolSpec) -> Result<(), NodeError> {
        if spec.path.as_deref().is_some_and(|path| path.starts_with("/missing")) {
            return Err(NodeError::Invalid { detail: "no such directory".into() });
        }
        self.with(|state| state.pools.insert(id, spec));
        let percent = self.with(|state| state.pool_used);
        self.tell(Observed::Pool { id, status: pool_status(percent) });
        Ok(())
    }

    async fn apply_import(&self, stamp: Stamp, import: Import) -> Result<(), NodeError> {
        let id = import.meta.id;
        let total = import.spec.size;
        let status =
            ImportStatus { observed: stamp, stage: ImportStage::Receiving, done: ByteSize(0), total, failure: None };
        let file = tempfile::tempfile().unwrap();
        Staged::new(file.try_clone().unwrap(), total.bytes()).prepare().unwrap();
        let told = self.with(|state| {
            let held = state.imports.entry(id).or_insert(Receiving { import, status, file });
            held.status.observed = stamp;
            ImportRecord { id, status: held.status.clone() }
        });
        self.tell(Observed::Import(Box::new(told)));
        Ok(())
    }

    async fn remove_import(&self, id: ImageId, _: Stamp) -> Result<(), NodeError> {
        self.with(|state| state.imports.remove(&id));
        self.tell(Observed::ImportGone { id });
        Ok(())
    }

    async fn apply_host(&self, _: Stamp, spec: HostSpec) -> Result<(), NodeError> {
        self.with(|state| state.host_asked = Some(spec));
        Ok(())
    }

    /// An order to go off stays under way until the test says how it ends.
    async fn operate_host(&self, _: Epoch, operation: OperationId, verb: HostVerb) -> Result<(), NodeError> {
        let (known, host) = self.with(|state| {
            let known = state.host_verbs.contains(&(operation, verb));
            if !known {
                state.host_verbs.push((operation, verb));
            }
            (known, state.host.clone())
        });
        match verb {
            _ if known => Ok(()),
            HostVerb::Leave { way, .. } => {
                let leaving = Leaving { operation, way, stage: LeavingStage::Guests, guests: 2, left: 1 };
                self.host_is(HostStatus { leaving: Some(leaving), ..host });
                Ok(())
            }
            HostVerb::Stay if host.leaving.as_ref().is_some_and(|leaving| leaving.stage == LeavingStage::Host) => {
                Err(NodeError::Invalid { detail: "the server is going off already".into() })
            }
            HostVerb::Stay => {
                let leaving = host.leaving.map(|leaving| Leaving { stage: LeavingStage::Back, ..leaving });
                self.host_is(HostStatus { leaving, ..host });
                Ok(())
            }
            HostVerb::SetClock { .. } => Ok(()),
        }
    }

    async fn apply_ups(&self, _: Stamp, spec: Option<UpsSpec>) -> Result<(), NodeError> {
        self.with(|state| state.ups = spec);
        Ok(())
    }

    async fn remove_image(&self, id: ImageId, _: Stamp) -> Result<(), NodeError> {
        self.with(|state| state.images.retain(|image| image.id != id));
        self.tell(Observed::ImageGone { id });
        Ok(())
    }

    /// What is whole is an image, unless it begins with `bad`.
    async fn look_at_import(&self, id: ImageId) -> Result<(), NodeError> {
        let news = self.with(|state| {
            let held = state.imports.get_mut(&id).ok_or(NodeError::Unknown)?;
            let size = held.import.spec.size;
            let staged = Staged::new(held.file.try_clone().unwrap(), size.bytes());
            if !staged.received().unwrap().iter().all(|here| *here) {
                return Ok(Vec::new());
            }
            let mut begin = [0; 3];
            std::os::unix::fs::FileExt::read_exact_at(&held.file, &mut begin, 0).unwrap();
            let mut news = Vec::new();
            if &begin == b"bad" {
                let failure = Failure { code: FailureCode::ImageUnknown, detail: "a test".into() };
                (held.status.stage, held.status.failure) = (ImportStage::Failed, Some(failure));
            } else {
                held.status.stage = ImportStage::Done;
                state.brought.insert(id, held.file.try_clone().unwrap());
                let name = held.import.meta.name.as_str();
                let mut made = image(0, name, ImageFormat::Raw, &[Firmware::Bios], size.bytes());
                (made.id, made.spec.built_in) = (id, false);
                state.images.push(made.clone());
                news.push(Observed::Image(Box::new(made)));
            }
            let status = state.imports[&id].status.clone();
            news.push(Observed::Import(Box::new(ImportRecord { id, status })));
            Ok::<_, NodeError>(news)
        })?;
        news.into_iter().for_each(|observed| self.tell(observed));
        Ok(())
    }

    async fn open_import(&self, id: ImageId) -> Result<OwnedFd, NodeError> {
        let file = self.with(|state| state.imports.get(&id).map(|held| held.file.try_clone().unwrap()));
        file.map(OwnedFd::from).ok_or(NodeError::Unknown)
    }

    async fn open_image(&self, _: ImageId) -> Result<OwnedFd, NodeError> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"the bytes of an image").unwrap();
        Ok(file.into())
    }

    /// Made at once, unless they are to be slow.
    async fn apply_export(&self, stamp: Stamp, export: Export) -> Result<(), NodeError> {
        let id = export.meta.id;
        let status = self.with(|state| {
            let slow = state.slow_exports;
            let fresh = ExportStatus {
                observed: stamp,
                stage: if slow { ExportStage::Converting } else { ExportStage::Done },
                done: ByteSize(u64::from(slow)),
                total: ByteSize(if slow { 4 } else { 0 }),
                size: ByteSize(if slow { 0 } else { EXPORT.len() as u64 }),
                failure: None,
            };
            let held = state.exports.entry(id).or_insert((export, fresh));
            held.1.observed = stamp;
            held.1.clone()
        });
        self.tell(Observed::Export(Box::new(ExportRecord { id, status })));
        Ok(())
    }

    async fn remove_export(&self, id: ExportId, _: Stamp) -> Result<(), NodeError> {
        self.with(|state| state.exports.remove(&id));
        self.tell(Observed::ExportGone { id });
        Ok(())
    }

    async fn open_export(&self, id: ExportId) -> Result<OwnedFd, NodeError> {
        self.with(|state| state.exports.contains_key(&id).then_some(()).ok_or(NodeError::Unknown))?;
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(EXPORT).unwrap();
        Ok(file.into())
    }

    async fn operate(&self, operation: OperationId, vm: VmId, verb: Verb) -> Result<(), NodeError> {
        self.press(operation, vm, verb)
    }

    async fn observe(&self) -> Result<ObservedStream, NodeError> {
        let live = self.changes.subscribe();
        let mut first = vec![Observed::SnapshotBegin];
        self.with(|state| {
            first.extend(state.disks.clone().map(|disks| Observed::Disks { disks }));
            first.extend(state.sticks.clone().map(|sticks| Observed::Sticks { sticks }));
            first.extend(state.images.iter().cloned().map(|image| Observed::Image(Box::new(image))));
            let record = |(id, held): (&ImageId, &Receiving)| ImportRecord { id: *id, status: held.status.clone() };
            first.extend(state.imports.iter().map(record).map(|import| Observed::Import(Box::new(import))));
            let export = |(id, (_, status)): (&ExportId, &(Export, ExportStatus))| ExportRecord {
                id: *id,
                status: status.clone(),
            };
            first.extend(state.exports.iter().map(export).map(|export| Observed::Export(Box::new(export))));
            let pool = |id: &PoolId| Observed::Pool { id: *id, status: pool_status(state.pool_used) };
            first.extend(state.pools.keys().map(pool));
            first.extend(state.vms.values().map(|record| Observed::Vm(Box::new(record.clone()))));
            first.extend(state.removed.values().map(|record| Observed::VmRemoved(*record)));
            first.extend(state.outcomes.iter().cloned().map(Observed::Operation));
        });
        first.push(Observed::SnapshotEnd);
        let live = futures_util::stream::unfold(live, |mut live| async move {
            live.recv().await.ok().map(|observed| (observed, live))
        });
        Ok(futures_util::stream::iter(first).chain(live).boxed())
    }

    /// A server that has read a counter twice; its VMs have counted the same.
    async fn history(&self, of: UsageOf, span: Span, after: Option<i64>) -> Result<UsageHistory, NodeError> {
        if let UsageOf::Vm(vm) = of {
            self.with(|state| state.vms.contains_key(&vm).then_some(()).ok_or(NodeError::Unknown))?;
        }
        let first = after.map_or(1_790_000_000, |after| after + i64::from(span.step()));
        let column = |measure: &Measure| {
            let private = matches!(of, UsageOf::Vm(_)) && measure.as_str().starts_with("network_");
            let mean = if private { vec![None, None] } else { vec![None, Some(1.5)] };
            let most = if span.has_most() { mean.clone() } else { Vec::new() };
            Column { measure: *measure, mean, most }
        };
        let columns = of.measures().iter().map(column).collect();
        Ok(UsageHistory { span, first, columns, set_aside: None })
    }

    async fn support(&self) -> Result<OwnedFd, NodeError> {
        let said = self.with(|node| node.said.clone());
        let mut archive = tar::Builder::new(tempfile::tempfile().unwrap());
        for (name, text) in &said {
            let mut head = tar::Header::new_ustar();
            head.set_size(text.len() as u64);
            archive.append_data(&mut head, name, text.as_bytes()).unwrap();
        }
        let mut file = archive.into_inner().unwrap();
        std::io::Seek::rewind(&mut file).unwrap();
        Ok(file.into())
    }

    async fn read_disks(&self) -> Result<Vec<ServerDisk>, NodeError> {
        let disks = self.with(|state| state.disks.get_or_insert_default().clone());
        self.tell(Observed::Disks { disks: disks.clone() });
        Ok(disks)
    }

    async fn counters(&self) -> Result<Counters, NodeError> {
        let memory = MemoryNow { total: ByteSize::gib(8), available: ByteSize::gib(6), ..MemoryNow::default() };
        let io = IoCounters { read: ByteSize(4096), written: ByteSize(0), reads: 1, writes: 0 };
        let host = HostCounters {
            cpu: CpuTimes { user: 1500, ..CpuTimes::default() },
            memory,
            disks: vec![DiskCounters { name: "vda".into(), io, busy: 20 }],
            interfaces: vec![InterfaceCounters { name: "eth0".into(), ..InterfaceCounters::default() }],
            pressure: Some(PressureTimes { io_some: 7, ..PressureTimes::default() }),
        };
        let alive = self.with(|state| {
            let alive = state.vms.iter().filter(|(_, record)| record.status.state.is_alive());
            alive.map(|(id, _)| *id).collect::<Vec<_>>()
        });
        let counters = VmCounters { cpu_ns: 2_000_000_007, memory: ByteSize(99), disks: Some(io), network: None };
        Ok(Counters { host, vms: alive.into_iter().map(|id| (id, counters)).collect() })
    }

    async fn ticket(&self, kind: StreamKind, _: VmId) -> Result<StreamTicket, NodeError> {
        let ticket = uuid::Uuid::new_v4().to_string();
        self.with(|state| state.tickets.insert(ticket.clone(), kind));
        Ok(StreamTicket(ticket))
    }

    /// A serial console that says `boot` and then what it is told; a screen that only says what it is told; a picture of two
    /// pixels.
    async fn open(&self, ticket: StreamTicket) -> Result<OwnedFd, NodeError> {
        let kind = self.with(|state| state.tickets.remove(&ticket.0)).ok_or(NodeError::BadTicket)?;
        if kind == StreamKind::Picture {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(b"P6\n2 1\n255\n\x01\x02\x03\x04\x05\x06").unwrap();
            return Ok(file.into());
        }
        let (ours, theirs) = UnixStream::pair().unwrap();
        let flood = self.with(|state| state.flood);
        tokio::spawn(async move {
            let mut ours = ours;
            if kind == StreamKind::Serial {
                let _ = ours.write_all(b"boot\n").await;
            } else {
                let _ = tokio::io::copy(&mut tokio::io::repeat(0x5a).take(flood), &mut ours).await;
            }
            let mut buffer = [0; 4096];
            while let Ok(read @ 1..) = ours.read(&mut buffer).await {
                if ours.write_all(&buffer[..read]).await.is_err() {
                    return;
                }
            }
        });
        Ok(theirs.into_std().unwrap().into())
    }
}

/// So many per cent of it are used.
fn pool_status(used: u64) -> PoolStatus {
    PoolStatus {
        path: "/srv/pool".into(),
        file_system: "xfs".into(),
        size: ByteSize::gib(100),
        free: ByteSize::gib(100 - used),
        reflink: true,
        available: true,
        detail: None,
    }
}
