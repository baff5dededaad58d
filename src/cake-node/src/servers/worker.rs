//! The confined worker that speaks to BMCs, and to devices that answer SNMP: one process for all of them, one task for each.
//!
//! ```text
//!   cake-node ── socket pair (standard input): orders and sockets ──► task per BMC ◄── datagrams ──► BMC
//!             ◄── what they say ──────────────────────────────────────┘
//! ```

use super::confine::{ConfineError, confine, shut};
use super::connect::Connector;
use super::console::{Consoles, Viewer};
use super::device_watch;
use super::dial::Dials;
use super::sweep;
use super::watch::{Ask, Connect, Listener, Watch};
use super::wire::{DeviceTarget, NoConsole, Order, Said, Target, Trouble};
use async_trait::async_trait;
use cake_node_api::frame::{self, FrameError, FrameReader};
use cake_snmp::Hub;
use cake_types::{BmcProblem, DeviceId, FailureCode, OperationId, PowerCap, ScanRange, ServerId, Stamp};
use std::cell::Cell;
use std::collections::HashMap;
use std::io;
use std::net::UdpSocket;
use std::os::fd::{FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream as StdStream;
use std::rc::Rc;
use std::sync::Arc;
use tokio::net::UnixStream;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::task::{AbortHandle, LocalSet};

/// Orders and questions that may wait for one BMC: who is slower than that has its say later.
const ASKS: usize = 32;

#[derive(Debug, thiserror::Error)]
pub enum BmcWorkerError {
    #[error("the worker can't be confined")]
    Confine(#[from] ConfineError),
    #[error("the node's socket can't be used")]
    Io(#[from] io::Error),
    #[error("the node has said something else than was agreed")]
    Frame(#[from] FrameError),
}

/// `cake-node worker bmc`: root in, nobody before the first datagram.
pub fn bmc_worker() -> Result<(), BmcWorkerError> {
    // SAFETY: standard input is open and used nowhere else in this process.
    let socket = StdStream::from(unsafe { OwnedFd::from_raw_fd(0) });
    socket.set_nonblocking(true)?;
    confine(3)?;
    // Made before the cage is shut: it makes a socket pair of its own, and no thread.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    shut()?;
    LocalSet::new().block_on(&runtime, serve(socket))
}

async fn serve(socket: StdStream) -> Result<(), BmcWorkerError> {
    let stream = Arc::new(UnixStream::from_std(socket)?);
    let (say, mut said) = mpsc::channel::<Said>(64);
    let writer = stream.clone();
    tokio::task::spawn_local(async move {
        while let Some(said) = said.recv().await {
            // The node has gone: reading ends as well.
            let Ok(frame) = frame::encode(&said) else { continue };
            if frame::send(&writer, &frame, None).await.is_err() {
                return;
            }
        }
    });
    let mut reader = FrameReader::default();
    let (mut sockets, mut snmp) = (Vec::new(), Vec::new());
    let first = loop {
        match reader.next::<Order>(&stream).await? {
            Order::Socket => sockets.push(reader.take_descriptor()?),
            Order::SnmpSocket => snmp.push(reader.take_descriptor()?),
            order => break order,
        }
    };
    let dials = Dials::new(say.clone());
    let connector = Rc::new(Connector::new(sockets, dials.clone())?);
    let consoles = Consoles::new(connector.clone(), say.clone());
    let snmp = Rc::new(Hub::new(snmp.into_iter().map(UdpSocket::from).collect())?);
    let mut house = House {
        watched: HashMap::new(),
        targets: HashMap::new(),
        consoles,
        devices: HashMap::new(),
        snmp,
        connect: connector,
        say,
        dials: dials.clone(),
        sweep: None,
    };
    let mut next = Ok(first);
    loop {
        match next {
            Ok(Order::Dialed { ask, connected: true }) => dials.dialed(ask, Some(reader.take_descriptor()?)),
            Ok(Order::Dialed { ask, connected: false }) => dials.dialed(ask, None),
            Ok(Order::Console { id, ask, take }) => {
                let stream = StdStream::from(reader.take_descriptor()?);
                stream.set_nonblocking(true)?;
                house.console(id, Viewer { ask, stream: UnixStream::from_std(stream)?, take }).await;
            }
            Ok(Order::Scan { operation, range }) => house.scan(operation, range, reader.take_descriptor()?),
            Ok(order) => house.order(order).await,
            // The node is gone, and with it the reason to ask.
            Err(FrameError::Closed) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        next = reader.next(&stream).await;
    }
}

struct House {
    watched: HashMap<ServerId, mpsc::Sender<Ask>>,
    targets: HashMap<ServerId, Target>,
    consoles: Consoles,
    devices: HashMap<DeviceId, DeviceWatched>,
    connect: Rc<dyn Connect>,
    snmp: Rc<Hub>,
    say: mpsc::Sender<Said>,
    dials: Arc<Dials>,
    /// The scan that is at work.
    sweep: Option<AbortHandle>,
}

struct DeviceWatched {
    target: DeviceTarget,
    /// What is wished for now.
    stamp: Rc<Cell<Stamp>>,
    watch: AbortHandle,
}

struct Say(mpsc::Sender<Said>);

#[async_trait]
impl Listener for Say {
    async fn hear(&self, said: Said) {
        // Nobody listens when the worker is about to end.
        let _ = self.0.send(said).await;
    }
}

impl House {
    async fn order(&mut self, order: Order) {
        match order {
            // They come with a descriptor, and were taken with it; of sockets one more changes nothing.
            Order::Socket | Order::SnmpSocket | Order::Dialed { .. } | Order::Console { .. } | Order::Scan { .. } => {}
            Order::StopScan => self.stop_scan(),
            Order::Watch { id, stamp, target, records, cap } => {
                self.consoles.target(id, Some(&target));
                // One that is reached as before goes on with what it knows: only what is wished for is newer.
                if self.targets.get(&id) == Some(&target) && self.wish(id, stamp, cap) {
                    return;
                }
                self.targets.insert(id, target.clone());
                let (asks, received) = mpsc::channel(ASKS);
                // The one of before ends when its asks do.
                self.watched.insert(id, asks);
                let (watch, connect) = (
                    Watch::new(id, stamp, (target, cap), records.as_deref(), Say(self.say.clone())),
                    self.connect.clone(),
                );
                tokio::task::spawn_local(async move { watch.run(&*connect, received).await });
            }
            Order::WatchDevice { id, stamp, target } => self.watch_device(id, stamp, target),
            Order::ForgetDevice { id } => self.forget_device(id),
            Order::Forget { id } => {
                self.watched.remove(&id);
                self.targets.remove(&id);
                self.consoles.target(id, None);
            }
            Order::Do { id, operation, verb } => self.ask(id, Ask::Do { operation, verb }).await,
            Order::Log { id, ask, after } => self.ask(id, Ask::Log { ask, after }).await,
            Order::Ask { id, ask, what } => self.ask(id, Ask::Redfish { ask, what }).await,
            Order::Parts { id, ask } => self.ask(id, Ask::Parts { ask }).await,
        }
    }

    async fn console(&mut self, id: ServerId, viewer: Viewer) {
        match self.targets.get(&id) {
            Some(target) => self.consoles.join(id, target, viewer).await,
            None => {
                let result = Err(NoConsole::Bmc { problem: BmcProblem::NoAddress });
                let _ = self.say.send(Said::Console { ask: viewer.ask, result }).await;
            }
        }
    }

    /// One that is reached as before goes on with what it knows: only what is wished for is newer.
    fn watch_device(&mut self, id: DeviceId, stamp: Stamp, target: DeviceTarget) {
        if let Some(watched) = self.devices.get(&id).filter(|watched| watched.target == target) {
            return watched.stamp.set(stamp);
        }
        self.forget_device(id);
        let stamp = Rc::new(Cell::new(stamp));
        let watch = device_watch::watch(id, stamp.clone(), target.clone(), self.snmp.clone(), self.say.clone());
        let watch = tokio::task::spawn_local(watch).abort_handle();
        self.devices.insert(id, DeviceWatched { target, stamp, watch });
    }

    fn forget_device(&mut self, id: DeviceId) {
        if let Some(watched) = self.devices.remove(&id) {
            watched.watch.abort();
        }
    }

    fn scan(&mut self, operation: OperationId, range: ScanRange, socket: OwnedFd) {
        self.stop_scan();
        let sweep = sweep::sweep(operation, range, socket, self.dials.clone(), self.say.clone());
        self.sweep = Some(tokio::task::spawn_local(sweep).abort_handle());
    }

    fn stop_scan(&mut self) {
        if let Some(sweep) = self.sweep.take() {
            sweep.abort();
        }
    }

    /// `false`: nobody watches it, or too much is asked there already.
    fn wish(&self, id: ServerId, stamp: Stamp, cap: Option<PowerCap>) -> bool {
        self.watched.get(&id).is_some_and(|asks| asks.try_send(Ask::Wish { stamp, cap }).is_ok())
    }

    /// One that waits for a slow BMC keeps nobody else waiting; one too many is refused at once.
    async fn ask(&self, id: ServerId, ask: Ask) {
        let refused = match self.watched.get(&id) {
            Some(asks) => asks.try_send(ask).map_err(TrySendError::into_inner).err(),
            None => Some(ask),
        };
        let Some(ask) = refused else { return };
        let busy = BmcProblem::Busy;
        let said = match ask {
            // It goes its own way.
            Ask::Wish { .. } => return,
            Ask::Do { operation, .. } => {
                let detail = "too many orders wait for this BMC".into();
                Said::Done { operation, result: Err(Trouble { code: FailureCode::BmcSilent, detail }) }
            }
            Ask::Log { ask, .. } => Said::Log { ask, log: Err(busy) },
            Ask::Parts { ask } => Said::Parts { ask, parts: Err(busy) },
            Ask::Redfish { ask, .. } => Said::Answer { ask, answer: Err(busy) },
        };
        let _ = self.say.send(said).await;
    }
}
