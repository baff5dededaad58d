//! Servers whose BMCs this node watches, and devices that it asks by SNMP ([`devices`]): what is asked is written down, one confined worker does it, what it says goes on the board.
//!
//! ```text
//!   node API ──► node.db (durable first) ──► [`Servers::run`] ── orders ──► worker bmc ◄── datagrams ──► BMCs
//!                                                 │    ▲                       │
//!                                              board ◄─┴──── what it says ─────┘
//! ```
//!
//! The worker ends with the node and is started again when it ends by itself; without anything to watch there is none.

mod ask;
mod bounds;
mod cap;
pub mod confine;
mod connect;
mod console;
mod consoles;
mod device_watch;
mod devices;
mod dial;
mod orders;
pub mod password;
mod records;
mod scan;
mod sweep;
mod target;
mod watch;
mod wire;
pub mod worker;

use crate::board::Board;
use crate::database::{Database, DeviceRow, ServerRow};
use crate::house::House;
use crate::sensors::SensorHistories;
use cake_node_api::frame::{self, FrameReader};
use cake_node_api::{NodeError, ServerLog};
use cake_types::{BmcProblem, BmcSpec, DeviceId, Part, Server, ServerId, ServerStatus, Stamp};
use records::Records;
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::UnixStream;
use tokio::process::{Child, Command};
use tokio::sync::{Notify, Semaphore, mpsc, oneshot};
use wire::{Answered, NoConsole, Order, Said};

/// Before a worker that ended by itself is started again: 1 s, then longer, up to a minute.
const AGAIN: Duration = Duration::from_secs(1);
const SELDOM: Duration = Duration::from_secs(60);
/// One that lived so long is started again soon.
const STEADY: Duration = Duration::from_secs(300);
/// UDP sockets for each family: a BMC that floods one of them disturbs only its neighbours on it.
const SOCKETS: usize = 2;
/// Those of SNMP are others, so that a BMC can't answer for a device.
const SNMP_SOCKETS: usize = 1;
/// Who does not take a connection by then has no Redfish.
const DIAL: Duration = Duration::from_secs(4);
/// Names that mean no address are looked up again, and those of BMCs that are silent.
const RESOLVE: Duration = Duration::from_secs(60);

pub struct Servers {
    /// This very program.
    program: PathBuf,
    house: Arc<House>,
    records: Records,
    histories: Arc<SensorHistories>,
    state: Mutex<State>,
    next_ask: AtomicU64,
    /// There is a BMC to watch now.
    wanted: Notify,
    /// Connections that a scan may make now.
    dials: Semaphore,
}

#[derive(Default)]
struct State {
    rows: BTreeMap<ServerId, ServerRow>,
    devices: BTreeMap<DeviceId, DeviceRow>,
    /// To the worker, while it runs.
    orders: Option<mpsc::UnboundedSender<(Order, Option<OwnedFd>)>>,
    /// It knows whom it watches: what is ordered of them can be handed over.
    takes_orders: bool,
    logs: HashMap<u64, oneshot::Sender<Result<ServerLog, BmcProblem>>>,
    parts: HashMap<u64, oneshot::Sender<Result<Vec<Part>, BmcProblem>>>,
    consoles: HashMap<u64, oneshot::Sender<Result<(), NoConsole>>>,
    answers: HashMap<u64, oneshot::Sender<Answered>>,
    scan: Option<scan::Running>,
}

impl State {
    fn needs_a_worker(&self) -> bool {
        self.scan.is_some() || !self.devices.is_empty() || self.rows.values().any(|row| row.server.spec.bmc.is_some())
    }
}

impl Servers {
    /// `folder`: where sensor records are kept.
    pub fn new(program: PathBuf, house: Arc<House>, folder: PathBuf, histories: Arc<SensorHistories>) -> Arc<Self> {
        let (state, next_ask, wanted) = (Mutex::default(), AtomicU64::default(), Notify::new());
        let records = Records::new(folder);
        let dials = Semaphore::new(scan::DIALS);
        Arc::new(Self { program, house, records, histories, state, next_ask, wanted, dials })
    }

    pub fn histories(&self) -> &Arc<SensorHistories> {
        &self.histories
    }

    fn database(&self) -> &Database {
        &self.house.database
    }

    fn board(&self) -> &Board {
        &self.house.board
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes up what is written down.
    pub async fn resume(self: &Arc<Self>) -> Result<(), NodeError> {
        for row in self.database().servers().await? {
            self.show(&row, None);
            self.state().rows.insert(row.server.meta.id, row);
        }
        self.resume_devices().await?;
        self.resume_orders().await?;
        self.wanted.notify_one();
        Ok(())
    }

    pub async fn apply(self: &Arc<Self>, stamp: Stamp, server: Server) -> Result<(), NodeError> {
        let Some(row) = self.database().apply_server(stamp, server).await? else { return Ok(()) };
        let id = row.server.meta.id;
        let before = self.state().rows.insert(id, row.clone());
        let same = before.is_some_and(|before| before.server.spec.bmc == row.server.spec.bmc);
        match same {
            true => self.board().change_server(id, |status| status.stamp = stamp),
            false => {
                self.records.remove(id).await;
                self.show(&row, None);
            }
        }
        // Another stamp for the same BMC begins anew as well: what the worker says is believed only of the stamp that it has.
        self.watch(&row).await;
        self.wanted.notify_one();
        Ok(())
    }

    pub async fn remove(&self, id: ServerId, stamp: Stamp) -> Result<(), NodeError> {
        self.database().entomb_server(id, stamp).await?;
        self.state().rows.remove(&id);
        self.tell(Order::Forget { id });
        self.records.remove(id).await;
        self.forget_history(id).await;
        self.board().remove_server(id);
        // It may have been the last.
        self.wanted.notify_one();
        Ok(())
    }

    /// What is known of a server that the worker has said nothing of.
    fn show(&self, row: &ServerRow, problem: Option<BmcProblem>) {
        let refused = row.refused.then_some(BmcProblem::Refused);
        let status = ServerStatus { problem: problem.or(refused), ..ServerStatus::unheard(row.stamp) };
        self.board().set_server(row.server.meta.id, status);
    }

    /// `false`: there is no worker now.
    fn tell(&self, order: Order) -> bool {
        self.tell_with(order, None)
    }

    fn tell_with(&self, order: Order, descriptor: Option<OwnedFd>) -> bool {
        self.state().orders.as_ref().is_some_and(|orders| orders.send((order, descriptor)).is_ok())
    }

    /// Hands a BMC to the worker, if there is one to be heard and a worker to hear it.
    async fn watch(&self, row: &ServerRow) {
        let id = row.server.meta.id;
        let Some(bmc) = &row.server.spec.bmc else {
            self.tell(Order::Forget { id });
            return;
        };
        if row.refused {
            self.tell(Order::Forget { id });
            return;
        }
        match target::open(bmc, &self.house.key).await {
            Ok(target) => {
                let records = self.records.read(id).await;
                let cap = row.server.spec.cap;
                self.tell(Order::Watch { id, stamp: row.stamp, target, records, cap });
            }
            Err(problem) => {
                self.tell(Order::Forget { id });
                self.board().change_server(id, |status| status.problem = Some(problem));
            }
        }
    }

    pub async fn log(&self, id: ServerId, after: Option<String>) -> Result<ServerLog, NodeError> {
        let (send, receive) = oneshot::channel();
        let ask = self.next_ask.fetch_add(1, Ordering::Relaxed);
        self.state().logs.insert(ask, send);
        self.ask(id, Order::Log { id, ask, after }, receive).await
    }

    pub async fn parts(&self, id: ServerId) -> Result<Vec<Part>, NodeError> {
        let (send, receive) = oneshot::channel();
        let ask = self.next_ask.fetch_add(1, Ordering::Relaxed);
        self.state().parts.insert(ask, send);
        self.ask(id, Order::Parts { id, ask }, receive).await
    }

    async fn ask<T>(
        &self,
        id: ServerId,
        order: Order,
        answer: oneshot::Receiver<Result<T, BmcProblem>>,
    ) -> Result<T, NodeError> {
        let row = self.state().rows.get(&id).cloned().ok_or(NodeError::Unknown)?;
        let refuse = |problem| NodeError::Bmc { problem };
        if row.server.spec.bmc.is_none() {
            return Err(refuse(BmcProblem::NoDevice));
        }
        if row.refused {
            return Err(refuse(BmcProblem::Refused));
        }
        if !self.tell(order) {
            return Err(refuse(BmcProblem::Worker));
        }
        // The sender goes with the worker.
        answer.await.unwrap_or(Err(BmcProblem::Worker)).map_err(refuse)
    }

    /// Keeps a worker for as long as there is something to watch.
    pub async fn run(self: Arc<Self>) {
        let mut pause = AGAIN;
        loop {
            while !self.is_needed() {
                self.wanted.notified().await;
            }
            let began = tokio::time::Instant::now();
            let ended = self.serve().await;
            self.abandon().await;
            match ended {
                Ok(Ended::NotNeeded) => continue,
                Ok(Ended::ByItself) => tracing::warn!("the BMC worker ended; it is started again"),
                Err(error) => {
                    tracing::error!(%error, "the BMC worker failed: {error}");
                    self.scan_impossible();
                }
            }
            pause = if began.elapsed() > STEADY { AGAIN } else { (pause * 2).min(SELDOM) };
            tokio::time::sleep(pause).await;
        }
    }

    fn is_needed(&self) -> bool {
        self.state().needs_a_worker()
    }

    /// Whether the worker has nothing to do. From then on nobody hands it anything: what comes now is the next one's.
    fn let_go(&self) -> bool {
        let mut state = self.state();
        let over = !state.needs_a_worker();
        if over {
            (state.orders, state.takes_orders) = (None, false);
        }
        over
    }

    /// One worker, from its start to its end.
    async fn serve(self: &Arc<Self>) -> io::Result<Ended> {
        let (mut worker, stream) = self.start()?;
        let stream = Arc::new(stream);
        for socket in sockets(SOCKETS)? {
            send(&stream, &Order::Socket, Some(&socket)).await?;
        }
        for socket in sockets(SNMP_SOCKETS)? {
            send(&stream, &Order::SnmpSocket, Some(&socket)).await?;
        }
        let (orders, mut ordered) = mpsc::unbounded_channel::<(Order, Option<OwnedFd>)>();
        self.state().orders = Some(orders);
        let writer = stream.clone();
        let writing = tokio::spawn(async move {
            while let Some((order, descriptor)) = ordered.recv().await {
                if send(&writer, &order, descriptor.as_ref()).await.is_err() {
                    return;
                }
            }
        });
        let rows: Vec<ServerRow> = self.state().rows.values().cloned().collect();
        for row in rows {
            self.watch(&row).await;
        }
        self.watch_devices().await;
        self.hand_over_orders().await;
        self.hand_over_scan();
        let ended = self.listen(&stream).await;
        writing.abort();
        worker.start_kill()?;
        worker.wait().await?;
        Ok(ended)
    }

    async fn listen(self: &Arc<Self>, stream: &UnixStream) -> Ended {
        let mut reader = FrameReader::default();
        let mut resolve = tokio::time::interval(RESOLVE);
        resolve.tick().await;
        loop {
            tokio::select! {
                said = reader.next::<Said>(stream) => match said {
                    Ok(said) => self.said(said).await,
                    Err(error) => {
                        tracing::warn!(%error, "the BMC worker: {error}");
                        return Ended::ByItself;
                    }
                },
                _ = resolve.tick() => {
                    self.resolve_again().await;
                    self.resolve_devices_again().await;
                }
                () = self.wanted.notified() => {
                    if self.let_go() {
                        return Ended::NotNeeded;
                    }
                }
            }
        }
    }

    /// A name may mean another address by now.
    async fn resolve_again(&self) {
        let rows: Vec<ServerRow> = self.state().rows.values().cloned().collect();
        for row in rows.iter().filter(|row| row.server.spec.bmc.as_ref().is_some_and(target::is_named)) {
            let problem = self.board().server(row.server.meta.id).and_then(|status| status.problem);
            if matches!(problem, Some(BmcProblem::NoAddress | BmcProblem::Silent)) {
                self.watch(row).await;
            }
        }
    }

    fn start(&self) -> io::Result<(Child, UnixStream)> {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let mut worker = Command::new(&self.program);
        worker.args(["worker", "bmc"]).env_clear();
        worker.stdin(OwnedFd::from(theirs)).stdout(Stdio::null()).stderr(Stdio::inherit()).kill_on_drop(true);
        Ok((worker.spawn()?, UnixStream::from_std(ours)?))
    }

    async fn said(self: &Arc<Self>, said: Said) {
        match said {
            Said::Status { id, status } => self.status(id, *status).await,
            Said::Device { id, status } => self.device_status(id, *status),
            Said::Keep { id, records } if self.state().rows.contains_key(&id) => self.records.write(id, records).await,
            Said::Keep { .. } => {}
            Said::Dial { ask, id } => {
                tokio::spawn(self.clone().dial(ask, id));
            }
            Said::DialFound { ask, operation, address } => {
                tokio::spawn(self.clone().dial_found(ask, operation, address));
            }
            Said::Scanned { operation, asked, found } => self.scanned(operation, asked, found),
            Said::ScanOver { operation } => self.scan_over(operation),
            Said::Done { operation, result } => self.done(operation, result).await,
            Said::Log { ask, log } => {
                if let Some(waiting) = self.state().logs.remove(&ask) {
                    // Whoever asked may have gone.
                    let _ = waiting.send(log);
                }
            }
            Said::Parts { ask, parts } => {
                if let Some(waiting) = self.state().parts.remove(&ask) {
                    let _ = waiting.send(parts);
                }
            }
            Said::Answer { ask, answer } => {
                if let Some(waiting) = self.state().answers.remove(&ask) {
                    let _ = waiting.send(answer);
                }
            }
            Said::Console { ask, result } => {
                if let Some(waiting) = self.state().consoles.remove(&ask) {
                    let _ = waiting.send(result);
                }
            }
        }
    }

    async fn status(&self, id: ServerId, mut status: ServerStatus) {
        let Some(row) = self.state().rows.get(&id).cloned().filter(|row| row.stamp == status.stamp) else { return };
        if status.problem == Some(BmcProblem::Refused) {
            if let Some(row) = self.state().rows.get_mut(&id) {
                row.refused = true;
            }
            self.written(self.database().set_refused(id, row.stamp).await);
        }
        let said = status.device.as_ref().and_then(|device| device.guid);
        match (said, row.guid) {
            (Some(said), Some(known)) if said != known => {
                // What another machine says is not what this one says.
                status = ServerStatus { problem: Some(BmcProblem::Another), ..ServerStatus::unheard(row.stamp) };
            }
            (Some(said), None) => {
                if let Some(row) = self.state().rows.get_mut(&id) {
                    row.guid = Some(said);
                }
                self.written(self.database().set_guid(id, said).await);
            }
            _ => {}
        }
        self.histories.hear(id, &status);
        // The worker has no histories.
        status.trends = self.histories.trends(id);
        self.board().set_server(id, status);
    }

    async fn forget_history(&self, id: ServerId) {
        let histories = self.histories.clone();
        let forgotten = tokio::task::spawn_blocking(move || histories.forget(id)).await;
        if let Ok(Err(error)) = forgotten {
            tracing::warn!(server = %id, %error, "the history of a server's sensors stays: {error}");
        }
    }

    /// Connects the worker to the Redfish service of a server that it was told to watch, and to nothing else.
    async fn dial(self: Arc<Self>, ask: u64, id: ServerId) {
        let bmc = self.state().rows.get(&id).filter(|row| !row.refused).and_then(|row| row.server.spec.bmc.clone());
        let connection = match bmc {
            Some(bmc) => connected(&bmc).await,
            None => None,
        };
        self.dialed(ask, connection);
    }

    fn dialed(&self, ask: u64, connection: Option<OwnedFd>) {
        let order = Order::Dialed { ask, connected: connection.is_some() };
        if let Some(orders) = &self.state().orders {
            // The worker may have gone meanwhile.
            let _ = orders.send((order, connection));
        }
    }

    fn written(&self, result: Result<(), crate::database::DatabaseError>) {
        if let Err(error) = result {
            tracing::error!(error = crate::chain(&error), "what a BMC said can't be written down: {error}");
        }
    }

    /// The worker is gone: nobody is answered any more, and what is known is old.
    async fn abandon(&self) {
        let rows: Vec<ServerId> = {
            let mut state = self.state();
            (state.orders, state.takes_orders, state.logs, state.parts) = Default::default();
            state.consoles.clear();
            state.answers.clear();
            state
                .rows
                .values()
                .filter(|row| row.server.spec.bmc.is_some() && !row.refused)
                .map(|row| row.server.meta.id)
                .collect()
        };
        for id in rows {
            self.board().change_server(id, |status| status.problem = Some(BmcProblem::Worker));
        }
        self.scan_interrupted();
        self.abandon_devices();
        self.interrupted().await;
    }
}

/// A connection, if somebody listens there in time.
async fn connected(bmc: &BmcSpec) -> Option<OwnedFd> {
    let address = target::redfish(bmc).await.ok()?;
    let stream = tokio::time::timeout(DIAL, tokio::net::TcpStream::connect(address)).await.ok()?.ok()?;
    stream.set_nodelay(true).ok()?;
    stream.into_std().ok().map(OwnedFd::from)
}

enum Ended {
    /// There is nothing to watch any more.
    NotNeeded,
    ByItself,
}

async fn send(stream: &UnixStream, order: &Order, descriptor: Option<&OwnedFd>) -> io::Result<()> {
    let frame = frame::encode(order).map_err(io::Error::other)?;
    frame::send(stream, &frame, descriptor).await.map_err(io::Error::other)
}

/// Sockets to speak over. A machine without IPv6 has those of IPv4 only.
fn sockets(count: usize) -> io::Result<Vec<OwnedFd>> {
    let bind = |address: &str| {
        let socket = std::net::UdpSocket::bind(address)?;
        socket.set_nonblocking(true)?;
        Ok::<_, io::Error>(OwnedFd::from(socket))
    };
    let mut sockets = Vec::new();
    for _ in 0..count {
        sockets.push(bind("0.0.0.0:0")?);
        sockets.extend(bind("[::]:0").ok());
    }
    Ok(sockets)
}
