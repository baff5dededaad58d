//! Many agents over few sockets.

use crate::agent::Agent;
use crate::error::SnmpError;
use crate::machine::{Machine, Pace};
use crate::message::DATAGRAM_MAX;
use socket2::SockRef;
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use zeroize::Zeroizing;

/// Datagrams that wait for one agent: what is more than that is a flood.
const INBOX: usize = 8;
/// Not at once again after an error of the socket, so that one that stays does not keep the processor busy.
const AFTER_ERROR: Duration = Duration::from_millis(50);

/// A few sockets, each with a task of its own. Agents that it made keep their socket when the hub is dropped.
pub struct Hub {
    ports: Vec<Arc<Port>>,
}

impl Hub {
    /// The sockets are bound, and not connected. To be called within a runtime.
    pub fn new(sockets: Vec<std::net::UdpSocket>) -> io::Result<Self> {
        Ok(Self { ports: sockets.into_iter().map(Port::open).collect::<io::Result<_>>()? })
    }

    /// An agent that is asked when somebody wants to know.
    pub fn agent(&self, peer: SocketAddr, community: Zeroizing<Vec<u8>>, pace: Pace) -> Result<Agent, SnmpError> {
        let port = self
            .ports
            .iter()
            .filter(|port| port.shared.ipv6 == peer.is_ipv6())
            .min_by_key(|port| port.shared.table().len())
            .ok_or_else(|| io::Error::from(io::ErrorKind::AddrNotAvailable))?;
        let inbox = port.shared.add(peer);
        Ok(Agent::new(port.clone(), peer, inbox, Machine::new(community, pace, rand::random())))
    }
}

/// A socket and its task, which ends with it.
pub(crate) struct Port {
    pub shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl Port {
    fn open(socket: std::net::UdpSocket) -> io::Result<Arc<Self>> {
        socket.set_nonblocking(true)?;
        let ipv6 = socket.local_addr()?.is_ipv6();
        let shared = Arc::new(Shared { socket: UdpSocket::from_std(socket)?, ipv6, table: Mutex::default() });
        let task = tokio::spawn(serve(shared.clone()));
        Ok(Arc::new(Self { shared, task }))
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Who waits for what comes from an address.
type Table = HashMap<(IpAddr, u16), Vec<mpsc::Sender<Vec<u8>>>>;

pub(crate) struct Shared {
    socket: UdpSocket,
    ipv6: bool,
    /// Two may ask the same agent.
    table: Mutex<Table>,
}

/// Flow labels and scopes differ between what is asked and what comes.
fn key(peer: SocketAddr) -> (IpAddr, u16) {
    (peer.ip().to_canonical(), peer.port())
}

impl Shared {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, peer: SocketAddr) -> mpsc::Receiver<Vec<u8>> {
        let (send, receive) = mpsc::channel(INBOX);
        self.table().entry(key(peer)).or_default().push(send);
        receive
    }

    /// Those whose agents have gone.
    pub fn sweep(&self, peer: SocketAddr) {
        let mut table = self.table();
        if let Some(waiting) = table.get_mut(&key(peer)) {
            waiting.retain(|send| !send.is_closed());
            if waiting.is_empty() {
                table.remove(&key(peer));
            }
        }
    }

    pub fn send(&self, datagram: &[u8], peer: SocketAddr) {
        // Not by tokio's `try_send_to`, which sends nothing as long as the runtime was not told that the socket is ready. A datagram
        // that can't be sent is as one that was lost on its way: it is sent again.
        let _ = SockRef::from(&self.socket).send_to(datagram, &peer.into());
    }

    fn dispatch(&self, datagram: &[u8], from: SocketAddr) {
        for send in self.table().get(&key(from)).into_iter().flatten() {
            // One too many is lost, as on any wire.
            let _ = send.try_send(datagram.to_vec());
        }
    }
}

async fn serve(shared: Arc<Shared>) {
    let mut buffer = vec![0; DATAGRAM_MAX + 1];
    loop {
        match shared.socket.recv_from(&mut buffer).await {
            Ok((length, from)) => shared.dispatch(&buffer[..length], from),
            Err(error) => {
                tracing::debug!(%error, "a socket for SNMP agents failed");
                tokio::time::sleep(AFTER_ERROR).await;
            }
        }
    }
}
