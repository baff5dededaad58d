//! The daemon, put together.

use crate::admin::SOCKET_NOTE;
use crate::board::Board;
use crate::database::Database;
use crate::exports::Exports;
use crate::history::{self, History};
use crate::house::House;
use crate::imports::Imports;
use crate::inspector::WorkerInspector;
use crate::installer::Installer;
pub use crate::installer::InstallerOptions;
use crate::library::Library;
use crate::sensors::{self, SensorHistories};
use crate::server_disks::{self, ServerDisks};
use crate::servers::Servers;
use crate::service::Node;
use crate::sticks::{self, Sticks};
use crate::updates::{self, Updates};
use crate::{accelerator, host, key, leaving, networks, uplink, ups, usage};
use anyhow::{Context, Result, bail};
use cake_daemon::{memory, ready};
use cake_host::launch::{Choice, choose};
use cake_types::{Accelerator, Epoch, HostStatus, NodeStatus, TcgReason};
use cake_vm::{Engine, Settings};
use jiff::Timestamp;
use nix::fcntl::{Flock, FlockArg};
use std::collections::HashSet;
use std::fs::{DirBuilder, File, Permissions};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UnixListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// How often pools are measured and the image directory is read again.
const LOOK_AGAIN: Duration = Duration::from_secs(30);
/// How often exports are removed that nobody removed.
const SWEEP: Duration = Duration::from_secs(3600);
/// How often pools are tried that could not be opened.
const TRY_AGAIN: Duration = Duration::from_secs(5);

/// What `cake-node serve` is told.
#[derive(Clone, Debug)]
pub struct Options {
    pub state: PathBuf,
    pub engine: PathBuf,
    pub images: PathBuf,
    pub socket: PathBuf,
    pub allow_user: Option<String>,
    pub ready_fd: Option<i32>,
    pub launcher: Choice,
    /// Never KVM.
    pub tcg: bool,
    /// The machine is cake's own: it may be powered off.
    pub appliance: bool,
    /// How cake is put on this server's own disks, where it may be.
    pub installer: Option<InstallerOptions>,
}

/// Serves until it is told to end. Guests go on.
pub async fn serve(options: Options) -> Result<()> {
    let state = &options.state;
    DirBuilder::new().recursive(true).mode(0o711).create(state).context("the state directory")?;
    let _only = only_one(state).await?;
    let allowed = allowed_users(options.allow_user.as_deref())?;
    let database = Database::open(&state.join("node.db"))?;
    let key = key::load_or_create(&state.join("node.key"))?;
    let id = database.node_id().await?;
    let launcher = choose(options.launcher, &state.join("units")).await?;
    let accelerator = match options.tcg {
        true => Accelerator::Tcg { because: TcgReason::Asked },
        false => accelerator::find(state, &options.engine, &options.images).await,
    };
    let hands_off = host::hands_off(options.appliance);
    let board = Board::new(NodeStatus {
        host_name: host::name()?,
        version: env!("CARGO_PKG_VERSION").into(),
        epoch: database.highest_epoch().await.unwrap_or(Epoch(0)),
        accelerator,
        qemu: accelerator::qemu_version(&options.engine),
        launcher: launcher.name().into(),
        capacity: cake_host::usage::capacity()?.into(),
        started_at: Timestamp::now(),
        bridges: cake_net::bridges().unwrap_or_default(),
        ups: None,
        host: Some(HostStatus { hands_off, local_name: host::local_name(), ..HostStatus::default() }),
    });
    let program = std::env::current_exe()?;
    let this = program.clone();
    let inspector = Arc::new(WorkerInspector { program: program.clone(), database: database.clone() });
    let library = Library::new(options.images.clone(), inspector.clone(), board.clone());
    let history = Arc::new(History::new(id, cake_host::history::Folder::open(state.join("usage"))?));
    sweep(&history, &database).await?;
    let house = House::new(database, board.clone(), library, key, history.clone(), state, options.engine.clone());
    let house = Arc::new(house);
    let settings = Settings {
        vms: house.vms.clone(),
        engine: options.engine.clone(),
        helper: program.clone(),
        helper_arguments: vec!["exec-vm".into()],
        accelerator,
        limits: cake_qmp::Limits::default(),
    };
    let engine = Engine::new(settings, launcher.clone(), house.clone());
    let disks = ServerDisks::new(program.clone(), options.engine.clone(), board.clone(), house.database.clone());
    let installer = Installer::new(options.installer, launcher, disks.clone());
    let sticks = Sticks::new(program.clone(), board.clone());
    let imports = Imports::new(house.clone(), inspector, sticks.clone());
    let exports = Exports::new(house.clone(), program.clone());
    let (histories, heard) = SensorHistories::open(state.join("sensors"))?;
    let watched = house.database.servers().await?.iter().map(|row| row.server.meta.id).collect();
    histories.sweep(&watched).context("the folder of sensors' histories")?;
    let servers = Servers::new(program, house.clone(), state.join("servers"), histories.clone());
    let places = if options.appliance { updates::Places::of_appliance(state) } else { None };
    let updates =
        places.map(|places| Updates::new(this.clone(), places, board.clone(), house.database.clone(), sticks.clone()));
    let (power, supply) = watch::channel(None);
    let (orders, ordered) = watch::channel(());
    let (uplinks, uplinked) = watch::channel(());
    let node = Arc::new(Node {
        id,
        house: house.clone(),
        engine: engine.clone(),
        imports,
        exports,
        tickets: Default::default(),
        disks,
        installer,
        servers,
        updates: updates.clone(),
        hands_off,
        settling: Default::default(),
        orders,
        networks: uplinks,
        ups: power,
    });
    uplink::after_start(&node, &state.join("../setup")).await?;
    node.resume().await?;
    let listener = listen(&options.socket, &allowed)?;
    let socket = std::path::absolute(&options.socket)?;
    std::fs::write(state.join(SOCKET_NOTE), socket.as_os_str().as_encoded_bytes()).context("note the socket's path")?;
    tokio::spawn(usage::run(engine.clone(), board.clone()));
    tokio::spawn(history::run(history.clone(), engine.clone()));
    tokio::spawn(networks::run(board));
    tokio::spawn(look_again(node.clone()));
    tokio::spawn(server_disks::run(node.disks.clone()));
    tokio::spawn(sticks::run(sticks));
    tokio::spawn(sensors::run(histories.clone(), heard));
    tokio::spawn(node.servers.clone().run());
    tokio::spawn(sweep_exports(node.exports.clone()));
    tokio::spawn(try_again(node.clone()));
    tokio::spawn(ups::run(node.clone(), supply));
    tokio::spawn(leaving::run(node.clone(), ordered));
    tokio::spawn(settle(node.clone()));
    tokio::spawn(uplink::run(node.clone(), uplinked));
    if let Some(updates) = updates {
        tokio::spawn(updates.run());
    }
    ready::tell(options.ready_fd, "ready").context("say that we are ready")?;
    tokio::spawn(memory::stay_small());
    tracing::info!(node = %id, ?accelerator, "cake-node serves at {}", options.socket.display());
    let (mut end, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let ended = tokio::select! {
        served = cake_node_api::serve(listener, node, allowed) => served.context("the node API's socket"),
        _ = end.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
    };
    history.close();
    histories.close();
    ended
}

/// Histories of VMs that were removed while the node was being killed.
async fn sweep(history: &History, database: &Database) -> Result<()> {
    const PAGE: u32 = 256;
    let (mut known, mut after) = (HashSet::new(), None);
    loop {
        let rows = database.vms_after(after, PAGE).await?;
        let Some(last) = rows.last() else { break };
        after = Some(last.vm.meta.id);
        known.extend(rows.iter().map(|row| row.vm.meta.id));
    }
    history.sweep(&known).context("the folder of histories")
}

/// Two daemons on one state directory would both start every VM. A daemon that was killed in the middle of a start leaves a child
/// that holds its lock until it has executed its program: that is waited for.
async fn only_one(state: &Path) -> Result<Flock<File>> {
    const PATIENCE: Duration = Duration::from_secs(10);
    let mut file = File::options().write(true).create(true).truncate(false).open(state.join("node.lock"))?;
    let until = tokio::time::Instant::now() + PATIENCE;
    loop {
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => return Ok(lock),
            Err((again, nix::Error::EWOULDBLOCK)) if tokio::time::Instant::now() < until => file = again,
            Err((_, nix::Error::EWOULDBLOCK)) => bail!("another cake-node serves {}", state.display()),
            Err((_, error)) => return Err(error).context("lock the state directory"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// root and one other.
fn allowed_users(name: Option<&str>) -> Result<Vec<u32>> {
    let mut allowed = vec![0];
    if let Some(name) = name {
        let user = nix::unistd::User::from_name(name)?.with_context(|| format!("there is no user {name}"))?;
        allowed.push(user.uid.as_raw());
    }
    Ok(allowed)
}

fn listen(path: &Path, allowed: &[u32]) -> Result<UnixListener> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error).context("the old socket"),
        _ => {}
    }
    let listener = UnixListener::bind(path).with_context(|| format!("listen at {}", path.display()))?;
    std::fs::set_permissions(path, Permissions::from_mode(0o600))?;
    std::os::unix::fs::chown(path, allowed.last().copied(), None)?;
    Ok(listener)
}

async fn try_again(node: Arc<Node>) {
    let mut timer = tokio::time::interval(TRY_AGAIN);
    loop {
        timer.tick().await;
        node.reopen_pools().await;
    }
}

/// What is kept for days is looked at seldom: whoever rests shall not be woken for it.
async fn sweep_exports(exports: Arc<Exports>) {
    let mut timer = tokio::time::interval(SWEEP);
    loop {
        timer.tick().await;
        if let Err(error) = exports.sweep(Timestamp::now()).await {
            tracing::warn!(%error, "old exports are not removed: {error}");
        }
    }
}

/// The machine is brought to what is asked while guests start already.
async fn settle(node: Arc<Node>) {
    if let Err(error) = host::settle(&node).await {
        tracing::error!(error = crate::chain(&error), "the machine's settings can't be read: {error}");
    }
}

async fn look_again(node: Arc<Node>) {
    let mut timer = tokio::time::interval(LOOK_AGAIN);
    loop {
        timer.tick().await;
        node.house.refresh_images().await;
        node.house.measure_pools().await;
        node.engine.trim_logs();
        host::look(&node);
        if let Ok(capacity) = cake_host::usage::capacity() {
            node.house.board.change_node(|node| node.capacity = capacity.into());
        }
    }
}
