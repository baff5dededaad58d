//! Putting the parts together.

use cake_planner::event::Happened;
use cake_store::{Clock, Journal, JournalError, JournalOptions, SqliteOptions, SqliteStore, Store, StoreError};
use cake_types::{Device, EventKind, Export, Image, Import, Node, Pool, Server, Severity, Task, Vm, Volume};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use tokio::task::JoinSet;

use crate::accounts::Accounts;
use crate::alerts::AlertBook;
use crate::announce::Announcer;
use crate::backup::Backups;
use crate::backup::restore::{self, Restore};
use crate::board::{Board, Render, Transition};
use crate::budget::PowerBudget;
use crate::causes::Causes;
use crate::certificate::{CertificateError, Certificates};
use crate::channels::{self, Channels, KeyFileError, Speak};
use crate::consoles::Consoles;
use crate::devices::Devices;
use crate::energy::EnergyReader;
use crate::exports::Exports;
use crate::hosts::Hosts;
use crate::images::Images;
use crate::imports::Imports;
use crate::installation::Installation;
use crate::ledger::Ledger;
use crate::nodes::Nodes;
use crate::reconcile::alerts::AlertReconciler;
use crate::reconcile::announce::AnnounceReconciler;
use crate::reconcile::bin::BinSweeper;
use crate::reconcile::budget::BudgetReconciler;
use crate::reconcile::certificate::CertificateReconciler;
use crate::reconcile::devices::DeviceReconciler;
use crate::reconcile::events::EventReconciler;
use crate::reconcile::exports::ExportReconciler;
use crate::reconcile::hosts::HostReconciler;
use crate::reconcile::images::ImageReconciler;
use crate::reconcile::imports::ImportReconciler;
use crate::reconcile::notify::NotifyReconciler;
use crate::reconcile::pools::PoolReconciler;
use crate::reconcile::servers::ServerReconciler;
use crate::reconcile::sweep::Sweeper;
use crate::reconcile::tasks::TaskReconciler;
use crate::reconcile::uplinks::UplinkReconciler;
use crate::reconcile::ups::UpsReconciler;
use crate::reconcile::vms::VmReconciler;
use crate::reconcile::volumes::VolumeReconciler;
use crate::record::{self, RecordError, Stored};
use crate::screens::Screens;
use crate::search::Search;
use crate::server_consoles::ServerConsoles;
use crate::server_disks::DiskReader;
use crate::servers::Servers;
use crate::settings::Settings;
use crate::setup::{Setup, SetupFileError};
use crate::support::Support;
use crate::tasks::Tasks;
use crate::updates::Updates;
use crate::ups::UpsBook;
use crate::usage::UsageReader;
use crate::vms::Vms;
use crate::volumes::Volumes;
use crate::week::Weeks;
use crate::{audit, keys};

/// Where everything is.
#[derive(Clone, Debug)]
pub struct Place {
    /// caked's own directory: `store.sqlite`, `journal.sqlite`, the set-up token.
    pub state: PathBuf,
    /// The node's socket; the file `reset-admin` lies beside it.
    pub node_socket: PathBuf,
    /// Where this program listens: no guest may be reached at this port.
    pub listen: SocketAddr,
    /// A file that is there while this server runs from a stick, where it may.
    pub installer: Option<PathBuf>,
    /// The last lines of this program's log.
    pub log: fn() -> Vec<u8>,
}

/// The services, each an `Arc` of its own: whoever needs one takes that one.
pub struct Control {
    pub ledger: Arc<Ledger>,
    pub nodes: Arc<Nodes>,
    pub vms: Arc<Vms>,
    pub tasks: Arc<Tasks>,
    pub images: Arc<Images>,
    pub imports: Arc<Imports>,
    pub exports: Arc<Exports>,
    pub volumes: Arc<Volumes>,
    pub search: Arc<Search>,
    pub accounts: Arc<Accounts>,
    pub settings: Arc<Settings>,
    pub setup: Arc<Setup>,
    pub installation: Arc<Installation>,
    pub backups: Arc<Backups>,
    pub restore: Arc<Restore>,
    pub support: Arc<Support>,
    pub consoles: Arc<Consoles>,
    pub server_consoles: Arc<ServerConsoles>,
    pub screens: Arc<Screens>,
    pub bin: Arc<BinSweeper>,
    pub usage: Arc<UsageReader>,
    pub energy: Arc<EnergyReader>,
    pub budget: Arc<PowerBudget>,
    pub disks: Arc<DiskReader>,
    pub alerts: Arc<AlertBook>,
    pub channels: Arc<Channels>,
    pub causes: Arc<Causes>,
    pub weeks: Arc<Weeks>,
    pub announcer: Arc<Announcer>,
    pub certificates: Arc<Certificates>,
    pub ups: Arc<UpsBook>,
    pub updates: Arc<Updates>,
    pub hosts: Arc<Hosts>,
    pub servers: Arc<Servers>,
    pub devices: Arc<Devices>,
    loops: JoinSet<()>,
}

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("what was restored can't be put in its place")]
    Restore(#[source] std::io::Error),
    #[error("the Store can't be opened")]
    Store(#[from] StoreError),
    #[error("the Journal can't be opened")]
    Journal(#[from] JournalError),
    #[error("the Store can't be read")]
    Record(#[from] RecordError),
    #[error("there is no certificate")]
    Certificate(#[from] CertificateError),
    #[error("there is no key for the secrets of channels")]
    ChannelKey(#[from] KeyFileError),
    #[error("set-up can't be prepared")]
    Setup(#[from] SetupFileError),
}

impl Control {
    /// Opens the Store and the Journal, reads what there is and starts the loops.
    pub async fn start(
        place: &Place,
        render: Arc<dyn Render>,
        speak: Arc<dyn Speak>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StartError> {
        restore::settle(&place.state).map_err(StartError::Restore)?;
        let options = SqliteOptions { clock: clock.clone(), ..SqliteOptions::default() };
        let store = SqliteStore::open(place.state.join("store.sqlite"), options).await?;
        let journal = Journal::open(place.state.join("journal.sqlite"), JournalOptions::default()).await?;
        let (board, transitions) = Board::new(render);
        let (sqlite, journal, board) = (Arc::new(store), Arc::new(journal), Arc::new(board));
        let store: Arc<dyn Store> = sqlite.clone();
        let ledger = Arc::new(Ledger { store, journal, board, clock, journaled: Default::default() });
        audit::drain(&ledger).await?;
        fill(&ledger).await?;
        let nodes = Arc::new(Nodes::new(ledger.clone()));
        let settings = Arc::new(Settings::load(ledger.clone()).await?);
        let reset = place.node_socket.parent().map(|directory| directory.join("reset-admin"));
        let accounts = Arc::new(Accounts::load(ledger.clone(), reset).await?);
        let vms = Arc::new(Vms::new(ledger.clone(), nodes.clone(), settings.clone(), vec![place.listen.port()]));
        let images = Arc::new(Images::new(ledger.clone(), nodes.clone()));
        let imports = Arc::new(Imports::new(ledger.clone(), nodes.clone()));
        let exports = Arc::new(Exports::new(ledger.clone(), nodes.clone()));
        let volumes = Arc::new(Volumes::new(ledger.clone(), nodes.clone()));
        let hosts = Arc::new(Hosts::load(ledger.clone(), nodes.clone()).await?);
        let servers = Arc::new(Servers::new(ledger.clone(), nodes.clone(), settings.clone()));
        let updates = Arc::new(Updates::load(ledger.clone(), nodes.clone()).await?);
        let tasks = Tasks {
            ledger: ledger.clone(),
            vms: vms.clone(),
            imports: imports.clone(),
            exports: exports.clone(),
            hosts: hosts.clone(),
            servers: servers.clone(),
            updates: updates.clone(),
        };
        let devices = Arc::new(Devices::new(ledger.clone(), settings.clone()));
        let tasks = Arc::new(tasks);
        let bin = Arc::new(BinSweeper {
            ledger: ledger.clone(),
            settings: settings.clone(),
            vms: vms.clone(),
            images: images.clone(),
            volumes: volumes.clone(),
        });
        let consoles = Arc::new(Consoles::new(ledger.clone(), nodes.clone()));
        let server_consoles = Arc::new(ServerConsoles::new(ledger.clone(), nodes.clone()));
        let screens = Arc::new(Screens::new(nodes.clone()));
        let announcer = Arc::new(Announcer::load(ledger.clone(), settings.clone(), place.listen).await?);
        let certificates =
            Certificates::open(ledger.clone(), settings.clone(), announcer.clone(), place.state.clone()).await?;
        let alerts = Arc::new(AlertBook::load(ledger.clone()).await?);
        let key = channels::key(&place.state)?;
        let sealed_to = key.public();
        let channels = Channels::load(ledger.clone(), settings.clone(), announcer.clone(), speak, key).await?;
        let causes = Arc::new(Causes::new(ledger.clone(), alerts.clone()));
        let weeks = Arc::new(Weeks::new(ledger.clone(), alerts.clone(), causes.clone()));
        let ups = Arc::new(UpsBook::load(ledger.clone(), settings.clone()).await?);
        let usage = Arc::new(UsageReader::new(nodes.clone()));
        let energy = Arc::new(EnergyReader::new(ledger.clone(), nodes.clone(), settings.clone()));
        let budget = Arc::new(PowerBudget::new(ledger.clone(), settings.clone()));
        let disks = Arc::new(DiskReader::new(ledger.clone(), nodes.clone()));
        let search = Search::new(ledger.clone(), tasks.clone(), accounts.clone(), settings.clone());
        let setup = Setup::new(ledger.clone(), accounts.clone(), settings.clone(), nodes.clone(), place.state.clone());
        setup.prepare().await?;
        let mark = place.installer.clone();
        let installation = Installation::new(ledger.clone(), accounts.clone(), nodes.clone(), mark);
        let backups = Backups::new(ledger.clone(), sqlite, settings.clone(), &place.state);
        let restore = Restore::new(ledger.clone(), settings.clone(), nodes.clone(), sealed_to, &place.state);
        let support =
            Support::new(ledger.clone(), nodes.clone(), settings.clone(), accounts.clone(), &place.state, place.log);
        let started = Happened::new(EventKind::ControlStarted, Severity::Info);
        ledger.event(started.with("version", env!("CARGO_PKG_VERSION")), None).await;
        let mut control = Self {
            ledger,
            nodes,
            vms,
            tasks,
            images,
            imports,
            exports,
            volumes,
            search: Arc::new(search),
            accounts,
            settings,
            setup: Arc::new(setup),
            installation: Arc::new(installation),
            backups: Arc::new(backups),
            restore: Arc::new(restore),
            support: Arc::new(support),
            consoles,
            server_consoles,
            screens,
            bin,
            usage,
            energy,
            budget,
            disks,
            alerts,
            channels: Arc::new(channels),
            causes,
            weeks,
            announcer,
            certificates: Arc::new(certificates),
            ups,
            updates,
            hosts,
            servers,
            devices,
            loops: JoinSet::new(),
        };
        control.start_loops(place, transitions);
        Ok(control)
    }

    fn start_loops(&mut self, place: &Place, transitions: tokio::sync::mpsc::UnboundedReceiver<Transition>) {
        let (ledger, nodes) = (&self.ledger, &self.nodes);
        let vms = VmReconciler {
            ledger: ledger.clone(),
            nodes: nodes.clone(),
            vms: self.vms.clone(),
            told: Mutex::default(),
        };
        let (hosts, ordered) = (self.hosts.clone(), self.servers.clone());
        let updates = self.updates.clone();
        let tasks = TaskReconciler { ledger: ledger.clone(), nodes: nodes.clone(), hosts, servers: ordered, updates };
        let servers = ServerReconciler {
            ledger: ledger.clone(),
            nodes: nodes.clone(),
            servers: self.servers.clone(),
            on: Mutex::default(),
        };
        let devices = DeviceReconciler {
            ledger: ledger.clone(),
            nodes: nodes.clone(),
            devices: self.devices.clone(),
            on: Mutex::default(),
        };
        let events = EventReconciler { ledger: ledger.clone() };
        let images = ImageReconciler { ledger: ledger.clone() };
        let imports = ImportReconciler { ledger: ledger.clone(), nodes: nodes.clone(), imports: self.imports.clone() };
        let exports = ExportReconciler { ledger: ledger.clone(), nodes: nodes.clone(), exports: self.exports.clone() };
        let volumes = VolumeReconciler { ledger: ledger.clone(), volumes: self.volumes.clone() };
        let pools = PoolReconciler { ledger: ledger.clone(), nodes: nodes.clone() };
        let sweeper = Sweeper { ledger: ledger.clone(), accounts: self.accounts.clone() };
        let bin = self.bin.clone();
        let alerts = AlertReconciler {
            ledger: ledger.clone(),
            book: self.alerts.clone(),
            certificates: self.certificates.clone(),
            channels: self.channels.clone(),
            budget: self.budget.clone(),
        };
        let budget = BudgetReconciler { ledger: ledger.clone(), budget: self.budget.clone() };
        let notify = NotifyReconciler {
            ledger: ledger.clone(),
            alerts: self.alerts.clone(),
            causes: self.causes.clone(),
            weeks: self.weeks.clone(),
            channels: self.channels.clone(),
        };
        let announce = AnnounceReconciler { ledger: ledger.clone(), announcer: self.announcer.clone() };
        let certificate = CertificateReconciler { ledger: ledger.clone(), certificates: self.certificates.clone() };
        let ups = UpsReconciler { nodes: nodes.clone(), book: self.ups.clone() };
        let hosts = HostReconciler { ledger: ledger.clone(), nodes: nodes.clone(), hosts: self.hosts.clone() };
        let uplinks = UplinkReconciler { ledger: ledger.clone() };
        let (link, socket) = (nodes.clone(), place.node_socket.clone());
        self.loops.spawn(async move { link.run(&socket).await });
        self.loops.spawn(async move { vms.run().await });
        self.loops.spawn(async move { tasks.run().await });
        self.loops.spawn(async move { events.run(transitions).await });
        self.loops.spawn(async move { images.run().await });
        self.loops.spawn(async move { imports.run().await });
        self.loops.spawn(async move { exports.run().await });
        self.loops.spawn(async move { volumes.run().await });
        self.loops.spawn(async move { pools.run().await });
        self.loops.spawn(async move { servers.run().await });
        self.loops.spawn(async move { budget.run().await });
        self.loops.spawn(async move { devices.run().await });
        self.loops.spawn(async move { sweeper.run().await });
        self.loops.spawn(async move { bin.run().await });
        self.loops.spawn(async move { alerts.run().await });
        self.loops.spawn(async move { notify.run().await });
        self.loops.spawn(async move { announce.run().await });
        self.loops.spawn(async move { certificate.run().await });
        self.loops.spawn(async move { ups.run().await });
        self.loops.spawn(async move { hosts.run().await });
        self.loops.spawn(async move { uplinks.run().await });
        let ledger = ledger.clone();
        self.loops.spawn(async move { audit::forget(&ledger).await });
    }

    /// Ends the loops and lets go of the files. What was acknowledged is on the disk already.
    pub async fn stop(mut self) {
        self.loops.shutdown().await;
        self.ledger.store.close().await;
        self.ledger.journal.close().await;
    }
}

/// Puts on the board what the Store has.
async fn fill(ledger: &Ledger) -> Result<(), RecordError> {
    let (store, board) = (&*ledger.store, &ledger.board);
    for Stored { value, revision } in record::all::<Vm>(store, &keys::vms()).await? {
        board.put_vm(Arc::new(value), revision, false);
    }
    for task in record::all::<Task>(store, &keys::tasks()).await? {
        board.put_task(Arc::new(task.value));
    }
    for image in record::all::<Image>(store, &keys::images()).await? {
        board.put_image(image.value);
    }
    for Stored { value, revision } in record::all::<Import>(store, &keys::imports()).await? {
        board.put_import(value, revision);
    }
    for Stored { value, revision } in record::all::<Export>(store, &keys::exports()).await? {
        board.put_export(value, revision);
    }
    for Stored { value, revision } in record::all::<Volume>(store, &keys::volumes()).await? {
        board.put_volume(value, revision);
    }
    for Stored { value, revision } in record::all::<Server>(store, &keys::servers()).await? {
        board.put_server(value, revision);
    }
    for Stored { value, revision } in record::all::<Device>(store, &keys::devices()).await? {
        let id = value.meta.id;
        board.put_device(value, revision);
        if let Some(Stored { value, revision }) = record::get(store, &keys::cabling(id)).await? {
            board.put_cabling(id, value, revision);
        }
    }
    for pool in record::all::<Pool>(store, &keys::pools()).await? {
        board.put_pool(pool.value);
    }
    for node in record::all::<Node>(store, &keys::nodes()).await? {
        board.put_node(node.value);
    }
    Ok(())
}
