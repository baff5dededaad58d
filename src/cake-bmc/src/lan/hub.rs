//! Many sessions over few sockets.

use super::machine::{Login, Machine};
use super::pace::Pace;
use super::session::{Link, Session};
use crate::message::TransportError;
use crate::rmcp::{DATAGRAM_MAX, console_session};
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

/// How often sessions that nobody waits for are looked after: kept awake, or given up.
const ROUND: Duration = Duration::from_secs(1);
/// Not at once again after an error of the socket, so that one that stays does not keep the processor busy.
const AFTER_ERROR: Duration = Duration::from_millis(50);

/// A few sockets, each with a task of its own. Sessions that it made keep their socket when the hub is dropped.
pub struct Hub {
    ports: Vec<Arc<Port>>,
}

impl Hub {
    /// The sockets are bound, and not connected. To be called within a runtime.
    pub fn new(sockets: Vec<std::net::UdpSocket>) -> io::Result<Self> {
        Ok(Self { ports: sockets.into_iter().map(Port::open).collect::<io::Result<_>>()? })
    }

    /// A session that logs in when it is first used.
    pub fn session(&self, peer: SocketAddr, login: Login, pace: Pace) -> Result<Session, TransportError> {
        let port = self
            .ports
            .iter()
            .filter(|port| port.shared.ipv6 == peer.is_ipv6())
            .min_by_key(|port| port.shared.sessions())
            .ok_or_else(|| io::Error::from(io::ErrorKind::AddrNotAvailable))?;
        let link = port.shared.add(peer, |slot| Machine::new(login, pace, slot, rand::random()))?;
        Ok(Session::new(Arc::clone(port), link))
    }

    /// Datagrams that came from where no session is, or that claimed another's session.
    pub fn strangers(&self) -> u64 {
        self.ports.iter().map(|port| port.shared.strangers.load(Ordering::Relaxed)).sum()
    }
}

/// A socket and its task, which ends with it.
pub(super) struct Port {
    pub shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl Port {
    fn open(socket: std::net::UdpSocket) -> io::Result<Arc<Self>> {
        socket.set_nonblocking(true)?;
        let ipv6 = socket.local_addr()?.is_ipv6();
        let socket = UdpSocket::from_std(socket)?;
        let shared = Arc::new(Shared { socket, ipv6, table: Mutex::default(), strangers: AtomicU64::new(0) });
        let task = tokio::spawn(serve(Arc::clone(&shared)));
        Ok(Arc::new(Self { shared, task }))
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(super) struct Shared {
    socket: UdpSocket,
    ipv6: bool,
    table: Mutex<Table>,
    strangers: AtomicU64,
}

#[derive(Default)]
struct Table {
    /// By the lower half of our session ids, less one.
    slots: Vec<Option<Arc<Link>>>,
    /// Which slots talk with this peer: what comes without a session says no more.
    peers: HashMap<(IpAddr, u16), Vec<u16>>,
}

/// Flow labels and scopes differ between what is asked and what comes.
fn key(peer: SocketAddr) -> (IpAddr, u16) {
    (peer.ip().to_canonical(), peer.port())
}

impl Shared {
    pub fn send(&self, datagram: &[u8], peer: SocketAddr) {
        // A datagram that can't be sent is as one that was lost on its way: it is sent again.
        let _ = self.socket.try_send_to(datagram, peer);
    }

    fn table(&self) -> std::sync::MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sessions(&self) -> usize {
        self.table().peers.values().map(Vec::len).sum()
    }

    fn add(&self, peer: SocketAddr, machine: impl FnOnce(u16) -> Machine) -> Result<Arc<Link>, TransportError> {
        let mut table = self.table();
        let index = table.slots.iter().position(Option::is_none).unwrap_or(table.slots.len());
        let slot = u16::try_from(index + 1).map_err(|_| TransportError::Busy)?;
        let link = Arc::new(Link::new(slot, peer, machine(slot)));
        if index == table.slots.len() {
            table.slots.push(None);
        }
        table.slots[index] = Some(Arc::clone(&link));
        table.peers.entry(key(peer)).or_default().push(slot);
        Ok(link)
    }

    pub fn remove(&self, link: &Link) {
        let mut table = self.table();
        table.slots[usize::from(link.slot) - 1] = None;
        if let Some(slots) = table.peers.get_mut(&key(link.peer)) {
            slots.retain(|slot| *slot != link.slot);
            if slots.is_empty() {
                table.peers.remove(&key(link.peer));
            }
        }
    }

    fn dispatch(&self, datagram: &[u8], from: SocketAddr) {
        let links = self.links_for(datagram, from);
        if links.is_empty() {
            self.strangers.fetch_add(1, Ordering::Relaxed);
        }
        let now = Instant::now();
        for link in links {
            link.act(self, |machine, output| machine.receive(datagram, now, output));
        }
    }

    fn links_for(&self, datagram: &[u8], from: SocketAddr) -> Vec<Arc<Link>> {
        let table = self.table();
        let of_slot = |slot: u16| table.slots.get(usize::from(slot).checked_sub(1)?)?.clone();
        match console_session(datagram) {
            // The lower half.
            Some(session) => of_slot(session as u16).filter(|link| key(link.peer) == key(from)).into_iter().collect(),
            None => table.peers.get(&key(from)).into_iter().flatten().filter_map(|slot| of_slot(*slot)).collect(),
        }
    }

    fn round(&self) {
        let links: Vec<_> = self.table().slots.iter().flatten().cloned().collect();
        let now = Instant::now();
        for link in links {
            link.act(self, |machine, output| machine.tick(now, output));
        }
    }
}

async fn serve(shared: Arc<Shared>) {
    let mut buffer = vec![0; DATAGRAM_MAX + 1];
    let mut rounds = tokio::time::interval(ROUND);
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            received = shared.socket.recv_from(&mut buffer) => match received {
                Ok((length, from)) => shared.dispatch(&buffer[..length], from),
                Err(error) => {
                    tracing::debug!(%error, "a socket for BMCs failed");
                    tokio::time::sleep(AFTER_ERROR).await;
                }
            },
            _ = rounds.tick() => shared.round(),
        }
    }
}
