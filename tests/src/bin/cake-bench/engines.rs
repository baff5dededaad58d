//! How long a guest stands still while its QEMU is replaced, beside a local migration of the same guest: one whose memory changes hands
//! and one whose memory is copied, on one cake-node, in turns. The node measures both, by the two QEMUs' own events.

use crate::STATE;
use anyhow::{Context, Result, ensure};
use cake_node_api::{NodeClient, Observation, Observed, OperationResult, StreamKind, Verb};
use cake_planner::hardware;
use cake_tests::table::{Goal, Samples, Table};
use cake_tests::{Daemon, Place, in_time};
use cake_types::{
    Authority, ByteSize, CloudInit, DiskSpec, Drivers, Epoch, Firmware, Generation, HardwareRequest, ImageId, Meta,
    Network, OperationId, PoolId, PoolSpec, Power, ProjectName, Restart, Stamp, Vm, VmId, VmSpec, VmState, VmStatus,
};
use std::collections::{BTreeMap, HashMap};
use std::os::unix::fs::symlink;
use std::process::Command;
use std::time::{Duration, Instant};
use tokio::io::AsyncReadExt;

const MEMORY: ByteSize = ByteSize::mib(512);
const STAMP: Stamp = Stamp { epoch: Epoch(1), generation: Generation::FIRST };

pub async fn measure(table: &mut Table, rounds: usize) -> Result<()> {
    let mut node = Node::start().await?;
    let ways = [node.guest("transfer", true).await?, node.guest("live", false).await?];
    let mut pauses = [Vec::new(), Vec::new()];
    let mut whole = [Vec::new(), Vec::new()];
    // Once for nothing: what is read from the disk the first time.
    for round in 0..=rounds {
        node.switch()?;
        // Each first every other time.
        for way in [round % 2, (round + 1) % 2] {
            let (pause, took) = node.replace(ways[way]).await?;
            if round > 0 {
                pauses[way].push(pause);
                whole[way].push(took);
            }
        }
    }
    let [own, floor] = pauses.map(|pauses| Samples::times(&pauses));
    let note = format!("an idle guest of {MEMORY} with a disk; floor: a local migration of such a guest");
    table.row("a guest's pause while its QEMU is replaced", own, Some(floor), Goal::Most(10.0), note);
    let [own, floor] = whole.map(|whole| Samples::times(&whole));
    table.row("… from the order to its end", own, Some(floor), Goal::None, "");
    node.end(ways).await
}

/// A cake-node whose engine root is one of two: the second is the first under another name.
struct Node {
    place: Place,
    folder: tempfile::TempDir,
    second: bool,
    daemon: Option<Daemon>,
    client: Option<(NodeClient, Observation)>,
    images: HashMap<String, ImageId>,
    vms: BTreeMap<VmId, VmStatus>,
    outcomes: HashMap<OperationId, OperationResult>,
}

impl Node {
    async fn start() -> Result<Self> {
        let (place, folder) = (Place::find()?, tempfile::Builder::new().prefix("cake-engines-").tempdir_in(STATE)?);
        let path = folder.path();
        for name in ["root-two", "state"] {
            std::fs::create_dir(path.join(name))?;
        }
        let root = place.engine.canonicalize()?;
        let mounted = Command::new("mount").arg("--bind").arg(&root).arg(path.join("root-two")).status()?;
        ensure!(mounted.success(), "the second engine root");
        symlink(root, path.join("engine"))?;
        let mut command = Command::new(place.program("cake-node"));
        command.args(["serve", "--accelerator", "auto", "--state"]).arg(path.join("state"));
        command.arg("--engine").arg(path.join("engine")).arg("--images").arg(&place.images);
        command.arg("--socket").arg(path.join("node.sock"));
        let daemon = Daemon::start(command, &path.join("node.log"))?;
        let client = NodeClient::connect(&path.join("node.sock")).await?;
        client.hello(Some(STAMP.epoch)).await?;
        client.apply_pool(pool(), STAMP, PoolSpec { path: None }).await?;
        let observation = client.observe().await?;
        let (vms, outcomes, images) = (BTreeMap::new(), HashMap::new(), HashMap::new());
        let client = Some((client, observation));
        Ok(Self { place, folder, second: false, daemon: Some(daemon), client, images, vms, outcomes })
    }

    fn client(&self) -> Result<&NodeClient> {
        self.client.as_ref().map(|(client, _)| client).context("a connection")
    }

    async fn see(&mut self) -> Result<()> {
        let (_, observation) = self.client.as_mut().context("a connection")?;
        match in_time("news of the node", async { Ok(observation.next().await?) }).await? {
            Observed::Image(image) if image.status.available => {
                self.images.insert(image.name.to_string(), image.id);
            }
            Observed::Vm(record) => {
                self.vms.insert(record.vm.meta.id, record.status);
            }
            Observed::VmStatus { id, status } => {
                self.vms.insert(id, *status);
            }
            Observed::VmRemoved(removed) => {
                self.vms.remove(&removed.id);
            }
            Observed::Operation(outcome) => {
                self.outcomes.insert(outcome.operation, outcome.result);
            }
            _ => {}
        }
        Ok(())
    }

    /// The other root is current.
    fn switch(&mut self) -> Result<()> {
        self.second = !self.second;
        let path = self.folder.path();
        let root = if self.second { path.join("root-two") } else { self.place.engine.canonicalize()? };
        symlink(root, path.join("next"))?;
        Ok(std::fs::rename(path.join("next"), path.join("engine"))?)
    }

    /// A guest that has started and rests.
    async fn guest(&mut self, name: &str, shared: bool) -> Result<VmId> {
        while !self.images.contains_key("cake-tiny") {
            self.see().await?;
        }
        let vm = vm(name, self.images["cake-tiny"], shared)?;
        let id = vm.meta.id;
        self.client()?.apply_vm(STAMP, vm).await?;
        while !self.vms.get(&id).is_some_and(|status| status.state == VmState::Running && status.engine.is_some()) {
            self.see().await?;
        }
        let client = self.client()?;
        let descriptor = client.open(client.ticket(StreamKind::Serial, id).await?).await?;
        let stream = std::os::unix::net::UnixStream::from(descriptor);
        stream.set_nonblocking(true)?;
        let mut stream = tokio::net::UnixStream::from_std(stream)?;
        let (mut said, ready) = (Vec::new(), format!("cake-tiny: ready on {name}"));
        in_time("a guest", async {
            while !String::from_utf8_lossy(&said).contains(&ready) {
                ensure!(stream.read_buf(&mut said).await? > 0, "the guest has ended");
            }
            Ok(id)
        })
        .await
    }

    /// The pause, and the time from the order to its outcome.
    async fn replace(&mut self, vm: VmId) -> Result<(Duration, Duration)> {
        let (operation, begun) = (OperationId::now(), Instant::now());
        self.client()?.operate(operation, vm, Verb::ReplaceEngine).await?;
        let outcome = loop {
            match self.outcomes.remove(&operation) {
                Some(outcome) => break outcome,
                None => self.see().await?,
            }
        };
        let took = begun.elapsed();
        ensure!(outcome == OperationResult::Done, "{outcome:?}");
        loop {
            let engine = self.vms.get(&vm).and_then(|status| status.engine.as_ref());
            match engine.and_then(|engine| engine.replaced).filter(|replaced| replaced.operation == operation) {
                Some(replaced) => return Ok((Duration::from_micros(replaced.pause_us), took)),
                None => self.see().await?,
            }
        }
    }

    /// Its guests are removed with their QEMUs.
    async fn end(mut self, vms: [VmId; 2]) -> Result<()> {
        let removed = Stamp { generation: STAMP.generation.next(), ..STAMP };
        for id in vms {
            self.client()?.remove_vm(id, removed, Vec::new()).await?;
        }
        while !self.vms.is_empty() {
            self.see().await?;
        }
        Ok(())
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            daemon.kill();
        }
        let _ = Command::new("umount").arg("-l").arg(self.folder.path().join("root-two")).status();
    }
}

fn pool() -> PoolId {
    PoolId(uuid::Uuid::from_u128(0x6ab7_d1f2_0000_7000_8000_0000_0000_0001))
}

/// `shared`: its memory can change hands.
fn vm(name: &str, image: ImageId, shared: bool) -> Result<Vm> {
    let (id, now) = (VmId::now(), jiff::Timestamp::now());
    let mut hardware = hardware::plan(&HardwareRequest {
        id,
        firmware: Firmware::Bios,
        disks: 1,
        nics: 0,
        seed: true,
        machine: hardware::default_machine(),
        cpu: hardware::default_cpu(),
        random: *id.0.as_bytes(),
        cd: false,
        drivers: Drivers::Virtio,
        tpm: false,
        secure_boot: false,
        windows: false,
    });
    hardware.shared_memory = shared;
    let meta = Meta {
        id,
        project: ProjectName::default_project(),
        name: name.parse()?,
        generation: Generation::FIRST,
        created_at: now,
        updated_at: now,
    };
    let spec = VmSpec {
        power: Power::Running,
        restart: Restart::Never,
        authority: Authority::Local,
        cpus: 1,
        memory: MEMORY,
        firmware: Firmware::Bios,
        disks: vec![DiskSpec::own(ByteSize::mib(80), pool(), Some(image), None)],
        kernel: None,
        cd: None,
        cd_by_force: false,
        drivers: None,
        removed_disks: Vec::new(),
        detached_disks: Vec::new(),
        network: Network::None,
        nics: Vec::new(),
        cloud_init: Some(CloudInit { hostname: name.parse()?, users: Vec::new(), user_data: None }),
        hardware,
        made_from: None,
        deleting: false,
        binned: None,
        restored: None,
        tags: Default::default(),
        priority: Default::default(),
    };
    Ok(Vm { meta, spec })
}
