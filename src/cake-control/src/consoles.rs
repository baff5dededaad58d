//! One-time tickets for consoles: bound to who asked, good for 30 seconds and one connection.

use cake_node_api::{StreamKind, StreamTicket};
use cake_types::{AccountId, Code, Problem, VmId};
use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};

use crate::caller::Caller;
use crate::ledger::{Ledger, subject_of};
use crate::nodes::Nodes;
use crate::{error, random};
use cake_planner::admission::{self, Action};

use crate::board::VmEntry;

/// Tickets that wait to be used; beyond, the oldest go.
const WAITING_MAX: usize = 256;

pub struct Consoles {
    ledger: Arc<Ledger>,
    nodes: Arc<Nodes>,
    waiting: Mutex<HashMap<String, Waiting>>,
}

struct Waiting {
    account: AccountId,
    kind: StreamKind,
    vm: VmId,
    ticket: StreamTicket,
    /// Milliseconds since 1970.
    until: i64,
}

impl Consoles {
    pub fn new(ledger: Arc<Ledger>, nodes: Arc<Nodes>) -> Self {
        Self { ledger, nodes, waiting: Mutex::default() }
    }

    /// A ticket for a console of a VM.
    pub async fn ticket(
        &self,
        caller: &Caller,
        account: AccountId,
        kind: StreamKind,
        entry: &VmEntry,
    ) -> Result<String, Problem> {
        admission::legal(Action::Console, entry.situation())?;
        let node = self.nodes.require()?;
        let ticket = node.client.ticket(kind, entry.id()).await.map_err(error::node)?;
        let secret = random::secret();
        let until = self.ledger.clock.unix_ms() + StreamTicket::LIFETIME_SECONDS as i64 * 1000;
        {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            let now = self.ledger.clock.unix_ms();
            waiting.retain(|_, ticket| ticket.until > now);
            if waiting.len() >= WAITING_MAX {
                let oldest = waiting.iter().min_by_key(|(_, w)| w.until).map(|(key, _)| key.clone());
                oldest.map(|key| waiting.remove(&key));
            }
            waiting.insert(random::digest(&secret), Waiting { account, kind, vm: entry.id(), ticket, until });
        }
        self.ledger.audited(self.ledger.audit(caller, Some(subject_of(&entry.vm)))).await?;
        Ok(secret)
    }

    /// Trades a ticket for the console's socket. Whatever comes of it, the ticket is used up by its owner.
    pub async fn open(&self, account: AccountId, kind: StreamKind, secret: &str) -> Result<(VmId, OwnedFd), Problem> {
        let bad = || Problem::new(Code::BadTicket);
        let ticket = {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            let digest = random::digest(secret);
            let held = waiting.get(&digest).ok_or_else(bad)?;
            // Somebody else's ticket, or one for something else, is refused without using it up.
            if held.account != account || held.kind != kind {
                return Err(bad());
            }
            waiting.remove(&digest).ok_or_else(bad)?
        };
        if ticket.until <= self.ledger.clock.unix_ms() {
            return Err(bad());
        }
        let node = self.nodes.require()?;
        let descriptor = node.client.open(ticket.ticket).await.map_err(error::node)?;
        Ok((ticket.vm, descriptor))
    }
}
