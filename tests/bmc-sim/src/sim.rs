//! The running BMC: a socket, a clock, random numbers, and the processes beside it.

use crate::control;
use crate::description::Description;
use crate::machine::Order;
use crate::sessions::{Around, Sent, Sessions};
use crate::{power, serial};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UdpSocket, UnixListener};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

/// How long a SOL packet waits for its acknowledgement.
const RETRY: Duration = Duration::from_millis(100);

/// A BMC that answers until it is dropped. Its server ends with it.
#[derive(Debug)]
pub struct Sim {
    address: SocketAddr,
    shared: Arc<Shared>,
    tasks: Vec<JoinHandle<()>>,
}

#[derive(Debug)]
pub struct Shared {
    socket: UdpSocket,
    state: Mutex<State>,
    orders: UnboundedSender<Order>,
    typed: UnboundedSender<Vec<u8>>,
}

#[derive(Debug)]
struct State {
    sessions: Sessions,
    pid: Option<u32>,
}

impl Sim {
    pub async fn start(description: Description) -> anyhow::Result<Self> {
        let socket = UdpSocket::bind(description.listen).await?;
        let address = socket.local_addr()?;
        let (orders, obeyed) = unbounded_channel();
        let (typed, heard) = unbounded_channel();
        let (command, place, on) = (description.command.clone(), description.serial.clone(), description.on);
        let mut sessions = Sessions::new(description)?;
        sessions.bound(address.port());
        let state = Mutex::new(State { sessions, pid: None });
        let shared = Arc::new(Shared { socket, state, orders, typed });
        if on {
            shared.orders.send(Order::On)?;
        }
        let mut tasks = vec![
            tokio::spawn(answer(Arc::clone(&shared))),
            tokio::spawn(retry(Arc::clone(&shared))),
            tokio::spawn(power::run(Arc::clone(&shared), command, obeyed)),
        ];
        if let Some(place) = place {
            tasks.push(tokio::spawn(serial::run(Arc::clone(&shared), place, heard)));
        }
        Ok(Self { address, shared, tasks })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A line of [`control`], and what is said to it.
    pub fn control(&self, line: &str) -> Result<String, String> {
        self.shared.control(line)
    }

    /// Obeys lines from a Unix socket; each is answered by one.
    pub fn listen(&mut self, path: &Path) -> std::io::Result<()> {
        let listener = UnixListener::bind(path)?;
        let shared = Arc::clone(&self.shared);
        self.tasks.push(tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(converse(Arc::clone(&shared), stream));
            }
        }));
        Ok(())
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

async fn converse(shared: Arc<Shared>, mut stream: tokio::net::UnixStream) {
    let (reading, mut writing) = stream.split();
    let mut lines = BufReader::new(reading).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let said = match shared.control(&line) {
            Ok(said) => format!("ok {said}\n"),
            Err(said) => format!("error {said}\n"),
        };
        if writing.write_all(said.as_bytes()).await.is_err() {
            return;
        }
    }
}

async fn answer(shared: Arc<Shared>) {
    let mut buffer = [0; 2048];
    loop {
        let Ok((length, peer)) = shared.socket.recv_from(&mut buffer).await else { continue };
        let (sent, delay) = shared.take(&buffer[..length], peer);
        if delay.is_zero() {
            shared.send(sent).await;
        } else {
            let shared = Arc::clone(&shared);
            tokio::spawn(async move {
                tokio::time::sleep(delay).await;
                shared.send(sent).await;
            });
        }
    }
}

async fn retry(shared: Arc<Shared>) {
    let mut ticks = tokio::time::interval(RETRY);
    loop {
        ticks.tick().await;
        let sent = shared.with(|state, around| state.sessions.tick(around));
        shared.send(sent).await;
    }
}

impl Shared {
    fn with<T>(&self, act: impl FnOnce(&mut State, &mut Around<'_>) -> T) -> T {
        let now = u32::try_from(jiff::Timestamp::now().as_second()).unwrap_or(u32::MAX);
        let mut random = rand::random::<[u8; 16]>;
        // Whoever panicked holding it was a test, and what it left is whole: every change is one call.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        act(&mut state, &mut Around { now, random: &mut random })
    }

    fn take(&self, datagram: &[u8], peer: SocketAddr) -> (Vec<Sent>, Duration) {
        self.with(|state, around| {
            let sessions = &mut state.sessions;
            if sessions.faults.loses() {
                return (Vec::new(), Duration::ZERO);
            }
            let answers = sessions.datagram(datagram, peer, around);
            self.pass_on(sessions);
            let answers = answers.into_iter().map(|answer| (peer, answer));
            (answers.chain(sessions.asides()).collect(), sessions.faults.delay)
        })
    }

    /// What a request was for, besides its answer. An error: the BMC is about to end.
    fn pass_on(&self, sessions: &mut Sessions) {
        for order in std::mem::take(&mut sessions.machine.chassis.orders) {
            let _ = self.orders.send(order);
        }
        if sessions.is_watched() {
            let _ = self.typed.send(std::mem::take(&mut sessions.typed));
        }
    }

    async fn send(&self, sent: Vec<Sent>) {
        for (peer, datagram) in sent {
            // As on a network: what can't be sent is lost.
            let _ = self.socket.send_to(&datagram, peer).await;
        }
    }

    fn control(&self, line: &str) -> Result<String, String> {
        self.with(|state, around| {
            let said = control::obey(&mut state.sessions, line, state.pid, around);
            self.pass_on(&mut state.sessions);
            for (peer, datagram) in state.sessions.asides() {
                // As on a network: what can't be sent is lost.
                let _ = self.socket.try_send_to(&datagram, peer);
            }
            said
        })
    }

    pub fn server_is(&self, on: bool, pid: Option<u32>) {
        self.with(|state, _| {
            state.sessions.machine.chassis.on = on;
            state.pid = pid;
        });
    }

    pub fn is_watched(&self) -> bool {
        self.with(|state, _| state.sessions.is_watched())
    }

    pub async fn say(&self, characters: &[u8]) {
        let sent = self.with(|state, around| state.sessions.serial(characters, around));
        self.send(sent).await;
    }
}
