//! A cake-node as a child program, with a state directory of its own and the real engine.

use anyhow::{Context, Result, bail, ensure};
use cake_node_api::{NodeClient, Observation, Observed, OperationResult, VmRecord};
use cake_planner::hardware;
use cake_types::{
    Authority, ByteSize, CloudInit, DeviceId, DeviceStatus, DiskSpec, Drivers, Epoch, ExportId, ExportStatus, Firmware,
    Generation, HardwareRequest, ImageId, ImageSpec, ImportStatus, Meta, Network, NicSpec, NodeStatus, OperationId,
    PoolId, PoolSpec, Power, ProjectName, Restart, ScanStatus, ServerId, ServerStatus, Stamp, Stick, Usage, Vm, VmId,
    VmSpec, VmState, VmStatus,
};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::io::Read;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// Nothing in these tests takes so long unless it is broken.
pub const LIMIT: Duration = Duration::from_secs(60);

pub fn engine() -> Result<PathBuf> {
    built("CAKE_ENGINE", "current")
}

pub fn images() -> Result<PathBuf> {
    built("CAKE_IMAGES", "images")
}

fn built(variable: &str, name: &str) -> Result<PathBuf> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/engine");
    let path = std::env::var_os(variable).map_or_else(|| top.join(name), PathBuf::from);
    ensure!(path.exists(), "{} is missing: run `make engine`, or set {variable}", path.display());
    Ok(path.canonicalize()?)
}

/// `detached`, which every machine has; in the guest with systemd `systemd`.
pub fn launcher() -> String {
    std::env::var("CAKE_LAUNCHER").unwrap_or_else(|_| "detached".into())
}

/// `--appliance` in the guest, whose machine may be powered off; nowhere else.
fn whose_machine() -> Option<&'static str> {
    (launcher() == "systemd").then_some("--appliance")
}

/// The program, ended when dropped; its guests are ended by their pids.
pub struct NodeProcess {
    pub state: TempDir,
    engine: PathBuf,
    child: Option<Child>,
}

impl NodeProcess {
    pub fn start() -> Result<Self> {
        Self::with_engine(engine()?)
    }

    pub fn with_engine(engine: PathBuf) -> Result<Self> {
        let mut node = Self { state: tempfile::tempdir()?, engine, child: None };
        node.serve()?;
        Ok(node)
    }

    pub fn socket(&self) -> PathBuf {
        self.state.path().join("node.sock")
    }

    /// Where a file says that this server was started from a stick, if it was.
    pub fn run(&self) -> PathBuf {
        self.state.path().join("run")
    }

    /// What would install it then.
    pub fn installer(&self) -> PathBuf {
        self.run().join("installer.sh")
    }

    pub fn pid(&self) -> u32 {
        self.child.as_ref().map_or(0, Child::id)
    }

    /// Starts the program and waits until it says that it is ready.
    pub fn serve(&mut self) -> Result<()> {
        let mut ready = self.spawn()?;
        let mut word = String::new();
        ready.read_to_string(&mut word)?;
        ensure!(word == "ready\n", "cake-node is not ready: {word:?}");
        Ok(())
    }

    /// Starts the program; the pipe says when it is ready.
    pub fn spawn(&mut self) -> Result<std::fs::File> {
        let (read, write) = nix::unistd::pipe()?;
        nix::fcntl::fcntl(&read, nix::fcntl::FcntlArg::F_SETFD(nix::fcntl::FdFlag::FD_CLOEXEC))?;
        let child = Command::new(env!("CARGO_BIN_EXE_cake-node"))
            .args(["serve", "--accelerator", "tcg", "--launcher", &launcher()])
            .args(whose_machine())
            .arg("--installer")
            .arg(self.installer())
            .arg("--run")
            .arg(self.run())
            .arg("--state")
            .arg(self.state.path())
            .arg("--engine")
            .arg(&self.engine)
            .arg("--images")
            .arg(images()?)
            .arg("--socket")
            .arg(self.socket())
            .args(["--ready-fd", &write.as_raw_fd().to_string()])
            .env("CAKE_LOG", std::env::var("CAKE_LOG").unwrap_or_else(|_| "warn".into()))
            .stdin(Stdio::null())
            .spawn()
            .context("cake-node")?;
        self.child = Some(child);
        Ok(read.into())
    }

    /// kill -9.
    pub fn kill(&mut self) -> Result<()> {
        let mut child = self.child.take().context("it runs")?;
        child.kill()?;
        child.wait()?;
        Ok(())
    }

    pub async fn client(&self) -> Result<NodeClient> {
        Ok(NodeClient::connect(&self.socket()).await?)
    }

    /// Who holds the locks of this node's VMs.
    pub fn qemus(&self) -> Result<BTreeMap<VmId, u32>> {
        let vms = self.state.path().join("vms");
        let mut found = BTreeMap::new();
        for entry in std::fs::read_dir(&vms).into_iter().flatten() {
            let Ok(id) = entry?.file_name().to_string_lossy().parse::<VmId>() else { continue };
            if let cake_vm::Holder::Process(process) = cake_vm::Folder::of(&vms, id).holder()? {
                found.insert(id, process.pid());
            }
        }
        Ok(found)
    }
}

impl Drop for NodeProcess {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        for pid in self.qemus().unwrap_or_default().into_values() {
            let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid.cast_signed()), nix::sys::signal::SIGKILL);
        }
    }
}

/// A leader and what it has seen.
pub struct Leader {
    pub client: NodeClient,
    pub epoch: Epoch,
    pub pool: PoolId,
    observation: Observation,
    pub vms: BTreeMap<VmId, VmStatus>,
    pub images: BTreeMap<String, ImageId>,
    /// What was said of each.
    pub specs: BTreeMap<ImageId, ImageSpec>,
    pub removed: Vec<VmId>,
    pub outcomes: BTreeMap<OperationId, OperationResult>,
    pub imports: BTreeMap<ImageId, ImportStatus>,
    pub exports: BTreeMap<ExportId, ExportStatus>,
    pub sticks: Option<Vec<Stick>>,
    pub servers: BTreeMap<ServerId, ServerStatus>,
    pub scan: Option<ScanStatus>,
    pub devices: BTreeMap<DeviceId, DeviceStatus>,
    usage: BTreeMap<VmId, Usage>,
    node: Option<NodeStatus>,
}

impl Leader {
    pub async fn new(node: &NodeProcess, epoch: u64) -> Result<Self> {
        let client = node.client().await?;
        let epoch = Epoch(epoch);
        client.hello(Some(epoch)).await?;
        let pool = PoolId("6ab7d1f2-0000-7000-8000-000000000001".parse()?);
        client.apply_pool(pool, Stamp { epoch, generation: Generation(1) }, PoolSpec { path: None }).await?;
        let mut leader = Self::over(client, epoch, pool).await?;
        let described = |name: &&str| images().is_ok_and(|images| images.join(format!("{name}.toml")).exists());
        let wanted: Vec<_> = ["cake-pvh", "cake-tiny"].into_iter().filter(described).collect();
        while !wanted.iter().all(|name| leader.images.contains_key(*name)) {
            leader.see().await?;
        }
        Ok(leader)
    }

    /// Somebody who only looks.
    pub async fn watching(node: &NodeProcess) -> Result<Self> {
        Self::over(node.client().await?, Epoch(0), PoolId("6ab7d1f2-0000-7000-8000-000000000001".parse()?)).await
    }

    async fn over(client: NodeClient, epoch: Epoch, pool: PoolId) -> Result<Self> {
        let observation = client.observe().await?;
        let mut leader = Self {
            client,
            epoch,
            pool,
            observation,
            vms: BTreeMap::new(),
            images: BTreeMap::new(),
            specs: BTreeMap::new(),
            removed: Vec::new(),
            outcomes: BTreeMap::new(),
            imports: BTreeMap::new(),
            exports: BTreeMap::new(),
            sticks: None,
            servers: BTreeMap::new(),
            scan: None,
            devices: BTreeMap::new(),
            usage: BTreeMap::new(),
            node: None,
        };
        while !leader.see().await? {}
        Ok(leader)
    }

    /// One more observation; whether it ended the snapshot.
    pub async fn see(&mut self) -> Result<bool> {
        let observed = tokio::time::timeout(LIMIT, self.observation.next()).await.context("nothing is observed")??;
        match observed {
            Observed::SnapshotEnd => return Ok(true),
            Observed::Node(status) => self.node = Some(*status),
            Observed::Vm(record) => {
                let VmRecord { vm, status, .. } = *record;
                self.vms.insert(vm.meta.id, status);
            }
            Observed::VmStatus { id, status } => {
                self.vms.insert(id, *status);
            }
            Observed::VmRemoved(removed) => {
                self.vms.remove(&removed.id);
                self.removed.push(removed.id);
            }
            Observed::Image(image) if image.status.available => {
                self.images.insert(image.name.to_string(), image.id);
                self.specs.insert(image.id, image.spec);
            }
            Observed::ImageGone { id } => self.images.retain(|_, known| *known != id),
            Observed::Import(import) => {
                self.imports.insert(import.id, import.status);
            }
            Observed::ImportGone { id } => {
                self.imports.remove(&id);
            }
            Observed::Export(export) => {
                self.exports.insert(export.id, export.status);
            }
            Observed::ExportGone { id } => {
                self.exports.remove(&id);
            }
            Observed::Operation(outcome) => {
                self.outcomes.insert(outcome.operation, outcome.result);
            }
            Observed::ServerOperation(outcome) => {
                self.outcomes.insert(outcome.operation, outcome.result);
            }
            Observed::Server { id, status } => {
                self.servers.insert(id, *status);
            }
            Observed::ServerGone { id } => {
                self.servers.remove(&id);
            }
            Observed::Scan { scan } => self.scan = scan.map(|scan| *scan),
            Observed::Device { id, status } => {
                self.devices.insert(id, *status);
            }
            Observed::DeviceGone { id } => {
                self.devices.remove(&id);
            }
            Observed::Sticks { sticks } => self.sticks = Some(sticks),
            Observed::Usage { samples } => self.usage.extend(samples),
            _ => {}
        }
        Ok(false)
    }

    pub async fn until(&mut self, id: VmId, wanted: impl Fn(&VmStatus) -> bool) -> Result<VmStatus> {
        let until = tokio::time::Instant::now() + LIMIT;
        loop {
            if let Some(status) = self.vms.get(&id)
                && wanted(status)
            {
                return Ok(status.clone());
            }
            if let Err(error) =
                tokio::time::timeout_at(until, self.see()).await.map_err(Into::into).and_then(|seen| seen)
            {
                bail!("{error:#}; VM {id} is {:?}", self.vms.get(&id));
            }
        }
    }

    /// What the node says of itself, once it is so.
    pub async fn until_node(&mut self, wanted: impl Fn(&NodeStatus) -> bool) -> Result<NodeStatus> {
        let until = tokio::time::Instant::now() + 2 * LIMIT;
        loop {
            if let Some(status) = self.node.as_ref().filter(|status| wanted(status)) {
                return Ok(status.clone());
            }
            let seen = tokio::time::timeout_at(until, self.see()).await;
            if let Err(error) = seen.map_err(Into::into).and_then(|seen| seen) {
                bail!("{error:#}; the node says {:?}", self.node);
            }
        }
    }

    pub async fn state(&mut self, vm: &Vm, state: VmState) -> Result<VmStatus> {
        let generation = vm.meta.generation;
        self.until(vm.meta.id, |status| status.state == state && status.observed.generation >= generation).await
    }

    pub async fn removed(&mut self, id: VmId) -> Result<()> {
        while !self.removed.contains(&id) {
            self.see().await?;
        }
        Ok(())
    }

    pub async fn usage(&mut self, id: VmId) -> Result<Usage> {
        loop {
            if let Some(usage) = self.usage.get(&id) {
                return Ok(*usage);
            }
            self.see().await?;
        }
    }

    pub async fn outcome(&mut self, id: OperationId) -> Result<OperationResult> {
        loop {
            if let Some(result) = self.outcomes.get(&id) {
                return Ok(result.clone());
            }
            self.see().await?;
        }
    }

    pub fn stamp(&self, vm: &Vm) -> Stamp {
        Stamp { epoch: self.epoch, generation: vm.meta.generation }
    }

    pub async fn apply(&self, vm: &Vm) -> Result<()> {
        Ok(self.client.apply_vm(self.stamp(vm), vm.clone()).await?)
    }

    /// Raises the generation and applies.
    pub async fn set_power(&self, vm: &mut Vm, power: Power) -> Result<()> {
        vm.spec.power = power;
        vm.meta.generation = vm.meta.generation.next();
        self.apply(vm).await
    }

    pub fn pvh(&self) -> Vm {
        let mut vm = self.vm(Firmware::Direct, Vec::new(), None);
        vm.spec.kernel = Some(self.images["cake-pvh"]);
        vm
    }

    /// The same VM with network cards, and the hardware for them.
    pub fn with_nics(&self, mut vm: Vm, nics: Vec<NicSpec>) -> Vm {
        vm.spec.hardware.nics = hardware::plan(&request(&vm, nics.len())).nics;
        vm.spec.set_nics(nics);
        vm
    }

    /// The same VM with disks, and the hardware for them.
    pub fn with_disks(&self, mut vm: Vm, disks: Vec<DiskSpec>) -> Vm {
        vm.spec.disks = disks;
        vm.spec.hardware = hardware::plan(&request(&vm, 0));
        vm
    }

    pub fn tiny(&self, firmware: Firmware, host_name: &str) -> Result<Vm> {
        let disk = DiskSpec::own(ByteSize::mib(80), self.pool, Some(self.images["cake-tiny"]), None);
        let cloud_init = CloudInit { hostname: host_name.parse()?, users: Vec::new(), user_data: None };
        let mut vm = self.vm(firmware, vec![disk], Some(cloud_init));
        vm.spec.memory = ByteSize::mib(192);
        Ok(vm)
    }

    /// A VM with an empty disk and a CD.
    pub fn with_cd(&self, cd: ImageId, drivers: Drivers) -> Vm {
        let disk = DiskSpec::own(ByteSize::mib(8), self.pool, None, None);
        let mut vm = self.vm(Firmware::Bios, vec![disk], None);
        vm.spec.cd = Some(cd);
        vm.spec.network = Network::Nat;
        vm.spec.hardware = hardware::plan(&HardwareRequest { cd: true, drivers, ..request(&vm, 1) });
        vm
    }

    fn vm(&self, firmware: Firmware, disks: Vec<DiskSpec>, cloud_init: Option<CloudInit>) -> Vm {
        let id = VmId::now();
        let hardware = hardware::plan(&HardwareRequest {
            id,
            firmware,
            disks: disks.len(),
            nics: 0,
            seed: cloud_init.is_some(),
            machine: hardware::default_machine(),
            cpu: hardware::default_cpu(),
            random: *id.0.as_bytes(),
            cd: false,
            drivers: Drivers::Virtio,
            tpm: false,
            secure_boot: false,
            windows: false,
        });
        let now = Timestamp::now();
        Vm {
            meta: Meta {
                id,
                project: ProjectName::default_project(),
                name: "test".parse().expect("a name"),
                generation: Generation::FIRST,
                created_at: now,
                updated_at: now,
            },
            spec: VmSpec {
                power: Power::Running,
                restart: Restart::OnCrash,
                authority: Authority::Local,
                cpus: 1,
                memory: ByteSize::mib(32),
                firmware,
                disks,
                kernel: None,
                cd: None,
                cd_by_force: false,
                drivers: None,
                removed_disks: Vec::new(),
                detached_disks: Vec::new(),
                network: Network::None,
                nics: Vec::new(),
                cloud_init,
                hardware,
                made_from: None,
                deleting: false,
                binned: None,
                restored: None,
                tags: Default::default(),
                priority: Default::default(),
            },
        }
    }

    /// The serial port of a VM.
    pub async fn serial(&self, vm: VmId) -> Result<Console> {
        let ticket = self.client.ticket(cake_node_api::StreamKind::Serial, vm).await?;
        let descriptor = self.client.open(ticket).await?;
        let stream = std::os::unix::net::UnixStream::from(descriptor);
        stream.set_nonblocking(true)?;
        Ok(Console { stream: tokio::net::UnixStream::from_std(stream)?, seen: String::new() })
    }
}

fn request(vm: &Vm, nics: usize) -> HardwareRequest {
    HardwareRequest {
        id: vm.meta.id,
        firmware: vm.spec.firmware,
        disks: vm.spec.disks.len(),
        nics,
        seed: vm.spec.cloud_init.is_some(),
        machine: hardware::default_machine(),
        cpu: hardware::default_cpu(),
        random: *vm.meta.id.0.as_bytes(),
        cd: false,
        drivers: Drivers::Virtio,
        tpm: false,
        secure_boot: false,
        windows: false,
    }
}

/// What a guest says, and a keyboard.
pub struct Console {
    pub stream: tokio::net::UnixStream,
    pub seen: String,
}

impl Console {
    pub async fn until(&mut self, wanted: &str) -> Result<()> {
        use tokio::io::AsyncReadExt;
        let mut bytes = [0; 4096];
        while !self.seen.contains(wanted) {
            let read = tokio::time::timeout(LIMIT, self.stream.read(&mut bytes)).await;
            let count = read.with_context(|| format!("not {wanted:?} but {:?}", self.seen))??;
            ensure!(count > 0, "it ended before {wanted:?}: {:?}", self.seen);
            self.seen.push_str(&String::from_utf8_lossy(&bytes[..count]));
        }
        Ok(())
    }

    pub async fn type_line(&mut self, line: &str) -> Result<()> {
        use tokio::io::AsyncWriteExt;
        Ok(self.stream.write_all(format!("{line}\n").as_bytes()).await?)
    }
}
