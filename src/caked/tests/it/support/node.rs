//! A model of a node behind the real node API: it keeps what it is told as a node must, and runs nothing.

#[path = "node/devices.rs"]
mod devices;
#[path = "node/install.rs"]
pub mod install;
#[path = "node/server_consoles.rs"]
pub mod server_consoles;
#[path = "node/servers.rs"]
pub mod servers;
#[path = "node/service.rs"]
mod service;

use cake_node_api::{
    ExportRecord, HostVerb, ImageRecord, ImportRecord, NodeError, Observed, OperationOutcome, OperationResult,
    RemovedRecord, StreamKind, Verb, VmRecord,
};
use cake_types::{
    Accelerator, BridgeStatus, ByteSize, CdStatus, Device, DeviceId, DeviceStatus, DiskFile, DiskStatus, EngineStep,
    EngineWay, EngineWork, Epoch, ExitReason, Export, ExportId, ExportStatus, Failure, FailureCode, Firmware,
    Generation, GuestOs, HaltedBy, HostSpec, HostStatus, ImageFormat, ImageId, ImageMachine, ImageSpec, ImageStatus,
    Import, ImportSpec, ImportStage, ImportStatus, NicStatus, NodeCapacity, NodeStatus, OperationId, OsRng, PoolId,
    PoolSpec, PoolStatus, Power, ProvisionProgress, Replaced, SecretKey, ServerDisk, Stamp, Stick, TcgReason,
    UpdateEnd, UpdateEnded, UpdateOrder, UpsSpec, UpsStatus, Vm, VmId, VmState, VmStatus,
};
use jiff::Timestamp;
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::path::Path;
use std::sync::{Arc, Mutex};
use tokio::net::UnixListener;
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
    pub bmcs: servers::Bmcs,
    pub server_consoles: server_consoles::ServerConsoles,
    pub devices: BTreeMap<DeviceId, (Device, DeviceStatus)>,
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
    /// Guests are copied into another QEMU until somebody asks the same of their VM once more.
    pub slow_engines: bool,
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
    pub updates: Vec<(OperationId, UpdateOrder)>,
    /// Its own; `None` until it has looked, which it does when asked.
    pub disks: Option<Vec<ServerDisk>>,
    /// What is plugged into it; `None` until it has looked.
    pub sticks: Option<Vec<Stick>>,
    pub installing: install::Installing,
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
                bmcs: Default::default(),
                server_consoles: Default::default(),
                devices: Default::default(),
                slow_disks: false,
                drives_held: false,
                disks_held: false,
                volumes: BTreeMap::new(),
                no_volumes: false,
                kept: Vec::new(),
                deaf_guests: false,
                slow_engines: false,
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
                updates: Vec::new(),
                disks: None,
                sticks: None,
                installing: Default::default(),
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

    /// An order about its firmware ends so, if it is the one at work.
    pub fn update_ends(&self, operation: OperationId, end: UpdateEnd, failure: Option<Failure>) {
        let mut host = self.with(|state| state.host.clone());
        let Some(update) = host.update.as_mut() else { return };
        if update.work.as_ref().is_some_and(|work| work.operation == operation) {
            (update.work, update.ended) = (None, Some(UpdateEnded { operation, end, failure }));
            self.host_is(host);
        }
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
        let at_work = status.engine.as_ref().and_then(|engine| engine.work);
        self.tell(Observed::Vm(Box::new(record)));
        self.tell(Observed::VmStatus { id, status: Box::new(status) });
        if let Some(work) = at_work {
            self.happens(id, |status| {
                if let Some(engine) = &mut status.engine {
                    engine.work = None;
                }
            });
            self.outcome(work.operation, id, OperationResult::Superseded);
        }
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
            Verb::ReplaceEngine if deaf => OperationResult::Failed(Failure {
                code: FailureCode::EngineRefused,
                detail: "the new QEMU did not take the guest over".into(),
            }),
            Verb::ReplaceEngine if self.with(|state| state.slow_engines) => {
                let (step, done, total) = (EngineStep::Copy, ByteSize(1), ByteSize(4));
                self.happens(id, |status| {
                    if let Some(engine) = &mut status.engine {
                        engine.work = Some(EngineWork { operation, step, done, total });
                    }
                });
                return Ok(());
            }
            Verb::ReplaceEngine => {
                let replaced = Replaced { operation, at: Timestamp::now(), pause_us: 2_345, way: EngineWay::Transfer };
                self.happens(id, |status| {
                    if let Some(engine) = &mut status.engine {
                        (engine.outdated, engine.replaced) = (false, Some(replaced));
                    }
                });
                OperationResult::Done
            }
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
