//! The power budget of the rack: how the servers stand to it, and which are held back.
//!
//! ```text
//!   settings · servers · VMs (board) ──► power_budget::plan (pure) ──► reconcile::budget ──► Store: ServerSpec::held
//!                                                                 └──► alerts · API · pages
//! ```

use cake_planner::power_budget::{self, Plan, ServerSeen};
use cake_store::{Expect, Txn, TxnOutcome};
use cake_types::{Code, HeldBack, Name, NodeId, PowerCap, Priority, Problem, ServerId};
use jiff::Timestamp;
use std::sync::Arc;

use crate::board::{Board, ServerEntry};
use crate::ledger::Ledger;
use crate::settings::Settings;
use crate::{error, keys, record};

pub struct PowerBudget {
    ledger: Arc<Ledger>,
    settings: Arc<Settings>,
}

/// How the rack stands to its budget.
#[derive(Clone, Debug)]
pub struct BudgetReport {
    /// Watts that it may draw; `None`: as many as it likes.
    pub budget: Option<u32>,
    /// What its servers draw now, or drew when they last said so, in watts.
    pub drawn: u32,
    /// How many servers do not say what they draw.
    pub silent: usize,
    /// It draws more, and all that can be held back is.
    pub exceeded: bool,
    /// Servers that are held back, by name.
    pub held: Vec<HeldServer>,
}

#[derive(Clone, Debug)]
pub struct HeldServer {
    pub id: ServerId,
    pub name: Name,
    /// Watts that it may draw.
    pub watts: u16,
    /// The highest of the VMs that run on it; `None`: none does.
    pub priority: Option<Priority>,
}

impl PowerBudget {
    pub fn new(ledger: Arc<Ledger>, settings: Arc<Settings>) -> Self {
        Self { ledger, settings }
    }

    fn board(&self) -> &Board {
        &self.ledger.board
    }

    pub fn report(&self) -> BudgetReport {
        let budget = self.watts();
        let plan = self.plan(budget);
        let of = |entry: &Arc<ServerEntry>| {
            let watts = entry.server.spec.held.and_then(|held| held.watts)?;
            let (id, name) = (entry.id(), entry.server.meta.name.clone());
            Some(HeldServer { id, name, watts, priority: priority_on(self.board(), entry.server.spec.node) })
        };
        let mut held: Vec<HeldServer> = self.board().servers().iter().filter_map(of).collect();
        held.sort_by(|a, b| a.name.cmp(&b.name));
        let exceeded = budget.is_some_and(|budget| plan.exceeds(budget));
        BudgetReport { budget, drawn: plan.drawn, silent: plan.silent, exceeded, held }
    }

    /// What the rack may draw; `None`: as much as it likes.
    pub(crate) fn watts(&self) -> Option<u32> {
        self.settings.power_budget()
    }

    /// What such a budget wants of the servers now.
    pub(crate) fn plan(&self, budget: Option<u32>) -> Plan {
        let (servers, now) = (self.board().servers(), self.ledger.now());
        let seen: Vec<ServerSeen> = servers.iter().map(|entry| seen(self.board(), entry, now)).collect();
        power_budget::plan(budget, &seen)
    }

    /// What the rack is called.
    pub(crate) fn rack(&self) -> Option<Name> {
        self.settings.get().map(|versioned| versioned.settings.name)
    }

    /// Writes down what is wanted of a server, if nobody changed it since it was read. Nobody asked for that: it is not audited.
    pub(crate) async fn hold(&self, entry: &ServerEntry, wanted: Option<PowerCap>) -> Result<(), Problem> {
        let (mut server, now) = (entry.server.clone(), self.ledger.now());
        server.spec.held = wanted.map(|PowerCap { watts }| HeldBack { watts, since: now });
        (server.meta.generation, server.meta.updated_at) = (server.meta.generation.next(), now);
        let key = keys::server(entry.id());
        let txn = Txn::new().guard(key.clone(), Expect::Revision(entry.revision)).put(key, record::encode(&server));
        match self.ledger.store.txn(txn).await.map_err(error::store)? {
            TxnOutcome::Committed { revision } => self.board().put_server(server, revision),
            // Somebody was faster: it is looked at again.
            TxnOutcome::Refused { .. } => return Err(Problem::new(Code::Stale)),
        }
        Ok(())
    }
}

fn seen(board: &Board, entry: &ServerEntry, now: Timestamp) -> ServerSeen {
    let priority = priority_on(board, entry.server.spec.node);
    ServerSeen::of(&entry.server, entry.status.as_ref(), entry.refused.is_some(), priority, now)
}

/// The highest of the VMs that run on a server. Every VM runs on the one node that there is.
fn priority_on(board: &Board, node: Option<NodeId>) -> Option<Priority> {
    let node = node?;
    board.node(node)?;
    let vms = board.vms();
    vms.iter().filter(|entry| entry.state().is_alive()).map(|entry| entry.vm.spec.priority).max()
}
