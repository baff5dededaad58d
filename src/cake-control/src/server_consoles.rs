//! Serial consoles of servers, through their BMCs: one-time tickets, and who looks.
//!
//! ```text
//!   ticket ──► node ──► BMC opens it ──► kept for 30 s, for who asked ──► open ──► a seat until it ends
//!     └── why it can't be had is said here, where a page can read it
//! ```

use cake_node_api::{ClientError, NodeError, StreamTicket};
use cake_types::{AccountId, BmcProblem, CONSOLE_VIEWERS, Code, ConsoleTrouble, Problem, ServerId};
use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

use crate::board::ServerEntry;
use crate::caller::Caller;
use crate::ledger::Ledger;
use crate::nodes::Nodes;
use crate::servers::{subject, unheard, with_bmc};
use crate::{error, random};

/// Streams that wait to be taken; beyond, the oldest go.
const WAITING_MAX: usize = 64;

pub struct ServerConsoles {
    ledger: Arc<Ledger>,
    nodes: Arc<Nodes>,
    /// By the digest of what the ticket says.
    waiting: Mutex<HashMap<String, Waiting>>,
    rooms: Mutex<HashMap<ServerId, Arc<watch::Sender<Vec<Looker>>>>>,
}

struct Waiting {
    account: AccountId,
    server: Arc<ServerEntry>,
    stream: OwnedFd,
    /// Milliseconds since 1970.
    until: i64,
}

/// One connection, not one person: the same person may look twice.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Looker {
    seat: u64,
    name: String,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ServerConsoles {
    pub fn new(ledger: Arc<Ledger>, nodes: Arc<Nodes>) -> Self {
        Self { ledger, nodes, waiting: Mutex::default(), rooms: Mutex::default() }
    }

    /// Has the BMC open the console, which takes as long as the BMC does, and gives a ticket for it. `take`: whoever else has it loses
    /// it.
    pub async fn ticket(
        self: &Arc<Self>,
        caller: &Caller,
        account: AccountId,
        entry: &Arc<ServerEntry>,
        take: bool,
    ) -> Result<String, Problem> {
        with_bmc(entry)?;
        let node = self.nodes.require()?;
        let refused = |refusal| no_console(entry, refusal);
        let ticket = node.client.server_ticket(entry.id(), take).await.map_err(refused)?;
        let stream = node.client.open(ticket).await.map_err(refused)?;
        let secret = random::secret();
        self.keep(random::digest(&secret), account, entry, stream);
        self.ledger.audited(self.ledger.audit(caller, Some(subject(&entry.server)))).await?;
        Ok(secret)
    }

    fn keep(self: &Arc<Self>, digest: String, account: AccountId, entry: &Arc<ServerEntry>, stream: OwnedFd) {
        let lifetime = Duration::from_secs(StreamTicket::LIFETIME_SECONDS);
        let until = self.ledger.clock.unix_ms() + StreamTicket::LIFETIME_SECONDS as i64 * 1000;
        let mut waiting = lock(&self.waiting);
        if waiting.len() >= WAITING_MAX {
            let oldest = waiting.iter().min_by_key(|(_, w)| w.until).map(|(key, _)| key.clone());
            oldest.map(|key| waiting.remove(&key));
        }
        waiting.insert(digest.clone(), Waiting { account, server: entry.clone(), stream, until });
        drop(waiting);
        // One that nobody takes must not hold the BMC's console.
        let consoles = Arc::downgrade(self);
        tokio::spawn(async move {
            tokio::time::sleep(lifetime).await;
            if let Some(consoles) = consoles.upgrade() {
                lock(&consoles.waiting).remove(&digest);
            }
        });
    }

    /// Trades a ticket for the console's stream ([`cake_node_api::line`]). Whatever comes of it, the ticket is used up by its owner.
    pub fn open(&self, account: AccountId, secret: &str) -> Result<(Arc<ServerEntry>, OwnedFd), Problem> {
        let bad = || Problem::new(Code::BadTicket);
        let mut waiting = lock(&self.waiting);
        let digest = random::digest(secret);
        // Somebody else's ticket is refused without using it up.
        if waiting.get(&digest).ok_or_else(bad)?.account != account {
            return Err(bad());
        }
        let Waiting { account: _, server, stream, until } = waiting.remove(&digest).ok_or_else(bad)?;
        if until <= self.ledger.clock.unix_ms() {
            return Err(bad());
        }
        Ok((server, stream))
    }

    /// One more who looks.
    pub fn join(self: &Arc<Self>, entry: &Arc<ServerEntry>, name: &str) -> Seat {
        let mut rooms = lock(&self.rooms);
        let room = rooms.entry(entry.id()).or_insert_with(|| Arc::new(watch::Sender::new(Vec::new()))).clone();
        let mut seat = 0;
        room.send_modify(|lookers| {
            seat = lookers.iter().map(|looker| looker.seat + 1).max().unwrap_or(0);
            lookers.push(Looker { seat, name: name.into() });
        });
        Seat { consoles: self.clone(), server: entry.clone(), room, seat }
    }

    /// Writes down that somebody's console ended.
    pub async fn left(&self, seat: Seat, caller: Caller) {
        let caller = Caller { action: "server_console_left", ..caller };
        let audit = self.ledger.audit(&caller, Some(subject(&seat.server.server)));
        drop(seat);
        if let Err(problem) = self.ledger.audited(audit).await {
            tracing::error!(%problem, "the end of a console could not be written to the audit journal");
        }
    }
}

/// Somebody who looks, until it is dropped.
pub struct Seat {
    consoles: Arc<ServerConsoles>,
    server: Arc<ServerEntry>,
    room: Arc<watch::Sender<Vec<Looker>>>,
    seat: u64,
}

impl Seat {
    /// Who looks, now and after every change.
    pub fn lookers(&self) -> Lookers {
        let mut room = self.room.subscribe();
        room.mark_changed();
        Lookers(room)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        // Nobody joins between the last leaving and the room's end.
        let mut rooms = lock(&self.consoles.rooms);
        self.room.send_modify(|lookers| lookers.retain(|looker| looker.seat != self.seat));
        if self.room.borrow().is_empty() {
            rooms.remove(&self.server.id());
        }
    }
}

pub struct Lookers(watch::Receiver<Vec<Looker>>);

impl Lookers {
    /// The names of those who look, once they are others than before. Never ends; may be dropped while it waits.
    pub async fn next(&mut self) -> Vec<String> {
        if self.0.changed().await.is_err() {
            // The room lives as long as the seat.
            std::future::pending::<()>().await;
        }
        self.0.borrow_and_update().iter().map(|looker| looker.name.clone()).collect()
    }
}

/// Why there is no console.
fn no_console(entry: &ServerEntry, refusal: ClientError) -> Problem {
    let code = match refusal {
        ClientError::Refused(NodeError::Console { trouble }) => match trouble {
            ConsoleTrouble::Held => Code::ConsoleHeld,
            ConsoleTrouble::Off => Code::ConsoleOff,
            ConsoleTrouble::Forbidden => Code::ConsoleForbidden,
            ConsoleTrouble::Unencrypted => Code::ConsoleUnencrypted,
            ConsoleTrouble::Unsupported => Code::ConsoleUnsupported,
            ConsoleTrouble::RedfishOnly => Code::ConsoleRedfishOnly,
            ConsoleTrouble::Local => Code::ConsoleLocal,
            ConsoleTrouble::Full => return Problem::new(Code::TooManyViewers).with("limit", CONSOLE_VIEWERS),
        },
        ClientError::Refused(NodeError::Bmc { problem }) => return unheard(entry, problem),
        // It was asked for a moment ago, and the node has not heard of it yet.
        ClientError::Refused(NodeError::Unknown) => return unheard(entry, BmcProblem::Worker),
        refusal => return error::node(refusal),
    };
    Problem::new(code).with("name", &entry.server.meta.name)
}
