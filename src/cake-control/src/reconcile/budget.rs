//! The power budget: whenever something changed that it follows from, what it wants of each server is written down with the server.
//! From there it goes the way of everything that is asked of a server.
//!
//! board ──► [`power_budget::plan`] (pure) ──► Store ──► reconcile::servers ──► node

use cake_planner::alert;
use cake_planner::event::Happened;
use cake_types::{EventKind, PowerCap, Severity};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::{Receiver, error::RecvError};

use crate::board::{Change, ServerEntry, What};
use crate::budget::PowerBudget;
use crate::ledger::Ledger;

/// Readings come by themselves; that one stays away comes with time alone.
const EVERY: Duration = Duration::from_secs(60);
/// Without a budget, and with nothing left of one.
const SELDOM: Duration = Duration::from_secs(600);
/// Changes come in flocks; this long they are gathered.
const SETTLE: Duration = Duration::from_millis(100);

pub struct BudgetReconciler {
    pub ledger: Arc<Ledger>,
    pub budget: Arc<PowerBudget>,
}

impl BudgetReconciler {
    pub async fn run(&self) {
        // Followed before the first look, so that no change falls between.
        let mut changes = self.ledger.board.changes.follow();
        loop {
            let pause = if self.look().await { EVERY } else { SELDOM };
            let _ = tokio::time::timeout(pause, matters(&mut changes)).await;
            tokio::time::sleep(SETTLE).await;
            while changes.try_recv().is_ok() {}
        }
    }

    /// Looks at everything; whether there is a budget, or something left of one.
    async fn look(&self) -> bool {
        let (servers, budget) = (self.ledger.board.servers(), self.budget.watts());
        if budget.is_none() && servers.iter().all(|entry| entry.server.spec.held.is_none()) {
            return false;
        }
        let plan = self.budget.plan(budget);
        let before = servers.iter().any(|entry| is_held(entry));
        for entry in &servers {
            // What came or went meanwhile is looked at again at once.
            let Some(wanted) = plan.wanted.get(&entry.id()).copied() else { continue };
            let asked = entry.server.spec.held.map(|held| PowerCap { watts: held.watts });
            if wanted != asked
                && let Err(problem) = self.budget.hold(entry, wanted).await
            {
                tracing::warn!(server = %entry.id(), %problem, "what the power budget wants of a server could not be written");
            }
        }
        self.tell(before, budget).await;
        true
    }

    /// That servers begin to be held back, or are no longer.
    async fn tell(&self, before: bool, budget: Option<u32>) {
        let servers = self.ledger.board.servers();
        let held: Vec<&str> =
            servers.iter().filter(|entry| is_held(entry)).map(|entry| entry.server.meta.name.as_str()).collect();
        let happened = match (before, held.is_empty(), budget) {
            (false, false, Some(budget)) => Happened::new(EventKind::PowerHeld, Severity::Warning)
                .with("budget", budget.to_string())
                .with("servers", held.join(", ")),
            (true, true, _) => Happened::new(EventKind::PowerFree, Severity::Info),
            _ => return,
        };
        self.ledger.event(happened, self.budget.rack().map(|name| alert::rack(&name))).await;
    }
}

fn is_held(entry: &ServerEntry) -> bool {
    entry.server.spec.held.is_some_and(|held| held.watts.is_some())
}

/// Returns when something changed that the plan can follow from.
async fn matters(changes: &mut Receiver<Change>) {
    loop {
        match changes.recv().await {
            Ok(Change {
                what:
                    What::Server(_) | What::ServerGone(_) | What::Vm(_) | What::VmGone(_) | What::Node(_) | What::Settings,
                ..
            })
            | Err(RecvError::Lagged(_)) => return,
            Ok(_) => {}
            // The board lives as long as the program.
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}
