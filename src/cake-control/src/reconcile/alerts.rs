//! Alerts: what is so, looked at whenever it may have changed.
//!
//! board ──► [`alert::find`] · [`alert::next`] (pure) ──► [`AlertBook`] ──► Journal (began, ended)

use cake_planner::alert::{BudgetSeen, ChannelSeen, Facts, ServerSeen, Turn, VmSeen};
use cake_planner::event;
use jiff::Timestamp;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::{Receiver, error::RecvError};

use crate::alerts::AlertBook;
use crate::board::{Change, ServerEntry, VmEntry, What};
use crate::budget::PowerBudget;
use crate::certificate::Certificates;
use crate::channels::Channels;
use crate::ledger::Ledger;
use crate::search::{node_item, pool_item};

/// Some alerts come or go with time alone, by the day; what is due sooner says when. Looking wakes a program that rests.
const EVERY: Duration = Duration::from_secs(600);
/// Changes come in flocks; this long they are gathered.
const SETTLE: Duration = Duration::from_millis(100);

pub struct AlertReconciler {
    pub ledger: Arc<Ledger>,
    pub book: Arc<AlertBook>,
    pub certificates: Arc<Certificates>,
    pub channels: Arc<Channels>,
    pub budget: Arc<PowerBudget>,
}

impl AlertReconciler {
    pub async fn run(&self) {
        // Followed before the first look, so that no change falls between.
        let mut changes = self.ledger.board.changes.follow();
        loop {
            let look_at = self.look().await;
            let _ = tokio::time::timeout(self.pause(look_at), matters(&mut changes)).await;
            tokio::time::sleep(SETTLE).await;
            while changes.try_recv().is_ok() {}
        }
    }

    fn pause(&self, look_at: Option<Timestamp>) -> Duration {
        let due = look_at.map(|at| at.duration_since(self.ledger.now()).max(jiff::SignedDuration::ZERO).unsigned_abs());
        due.map_or(EVERY, |due| due.min(EVERY))
    }

    /// Looks at everything; when it has to be looked again.
    async fn look(&self) -> Option<Timestamp> {
        let board = &self.ledger.board;
        let (nodes, pools, vms) = (board.nodes(), board.pools(), board.vms());
        let (servers, devices) = (board.servers(), board.devices());
        let certificate = self.certificates.info();
        let channels = self.channels.list();
        let rack = self.budget.rack();
        let budget = self.budget.watts().map(|watts| (watts, self.budget.plan(Some(watts))));
        let facts = Facts {
            now: self.ledger.now(),
            nodes: nodes.iter().map(|entry| node_item(entry)).collect(),
            pools: pools.iter().map(|entry| pool_item(entry)).collect(),
            vms: vms.iter().map(|entry| vm_seen(entry)).collect(),
            servers: servers.iter().map(|entry| server_seen(entry)).collect(),
            devices: devices.iter().map(|entry| entry.seen()).collect(),
            certificate: Some(&certificate),
            channels: channels.iter().map(|view| ChannelSeen { channel: &view.channel, state: &view.state }).collect(),
            budget: rack.as_ref().zip(budget.as_ref()).map(|(name, (budget, plan))| BudgetSeen {
                name,
                budget: *budget,
                plan,
            }),
        };
        let looked = self.book.look(&facts).await;
        for turn in &looked.turns {
            let (Turn::Began(alert) | Turn::Ended(alert)) = turn;
            self.ledger.event(event::of_alert(turn), Some(alert.subject.clone())).await;
        }
        looked.look_at
    }
}

pub(crate) fn server_seen(entry: &ServerEntry) -> ServerSeen<'_> {
    ServerSeen { server: &entry.server, status: entry.status.as_ref() }
}

pub(crate) fn vm_seen(entry: &VmEntry) -> VmSeen<'_> {
    VmSeen {
        vm: &entry.vm,
        status: entry.status.as_ref(),
        state: entry.state(),
        orphaned: entry.orphaned(),
        binned: entry.binned(),
    }
}

/// Returns when something changed that an alert can follow from.
async fn matters(changes: &mut Receiver<Change>) {
    loop {
        match changes.recv().await {
            Ok(Change {
                what:
                    What::Vm(_)
                    | What::VmGone(_)
                    | What::Pool(_)
                    | What::Node(_)
                    | What::Server(_)
                    | What::ServerGone(_)
                    | What::Device(_)
                    | What::DeviceGone(_)
                    | What::Settings,
                ..
            })
            | Err(RecvError::Lagged(_)) => return,
            Ok(_) => {}
            // The board lives as long as the program.
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}
