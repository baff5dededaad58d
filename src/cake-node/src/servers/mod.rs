//! Servers whose BMCs this node watches, and devices that it asks by SNMP ([`devices`]): what is asked is written down, one confined
//! worker does it ([`life`]), what it says goes on the board.
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
mod life;
mod orders;
pub mod password;
mod questions;
mod records;
mod scan;
mod sockets;
mod sweep;
mod target;
mod watch;
mod wire;
pub mod worker;

use crate::board::Board;
use crate::database::{Database, DeviceRow, ServerRow};
use crate::house::House;
use crate::sensors::SensorHistories;
use cake_node_api::NodeError;
use cake_types::{BmcAccess, BmcProblem, DeviceId, Server, ServerId, ServerStatus, Stamp, is_same_machine};
use questions::Questions;
use records::Records;
use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, Semaphore, mpsc};
use wire::{Order, Said};

/// Who does not take a connection by then has no Redfish.
const DIAL: Duration = Duration::from_secs(4);

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
    questions: Questions,
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
        let known = |before: &ServerRow| {
            before.refused == row.refused
                && is_same_machine(before.server.spec.bmc.as_ref(), row.server.spec.bmc.as_ref())
        };
        let same = before.is_some_and(|before| known(&before));
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
            Said::Log { ask, log } => self.answered(|all| &mut all.logs, ask, log),
            Said::Parts { ask, parts } => self.answered(|all| &mut all.parts, ask, parts),
            Said::Answer { ask, answer } => self.answered(|all| &mut all.redfish, ask, answer),
            Said::Console { ask, result } => self.answered(|all| &mut all.consoles, ask, result),
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

    /// Connects the worker to the Redfish service of a server that it was told to watch, or to this machine's BMC, and to nothing else.
    async fn dial(self: Arc<Self>, ask: u64, id: ServerId) {
        let bmc = self.state().rows.get(&id).filter(|row| !row.refused).and_then(|row| row.server.spec.bmc.clone());
        let connection = match bmc {
            Some(bmc) if bmc.access == BmcAccess::Local => sockets::local_bmc().await,
            Some(bmc) => match target::redfish(&bmc).await {
                Ok(address) => sockets::connected(address, DIAL).await,
                Err(_) => None,
            },
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
}
