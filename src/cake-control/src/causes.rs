//! What lies beneath the alerts that are open: asked when somebody looks, kept nowhere.
//!
//! board, alerts ──► [`cause::Facts`] ──► [`cause::group`] (pure)

use cake_planner::cause::{self, Facts};
use cake_types::Grouping;
use std::sync::Arc;

use crate::alerts::AlertBook;
use crate::ledger::Ledger;
use crate::reconcile::alerts::vm_seen;
use crate::search::{node_item, pool_item};

pub struct Causes {
    ledger: Arc<Ledger>,
    alerts: Arc<AlertBook>,
}

impl Causes {
    pub const fn new(ledger: Arc<Ledger>, alerts: Arc<AlertBook>) -> Self {
        Self { ledger, alerts }
    }

    /// Every alert that is open in exactly one group, those with a cause first.
    pub fn groups(&self) -> Vec<Grouping> {
        let board = &self.ledger.board;
        let open = self.alerts.open();
        if open.is_empty() {
            return Vec::new();
        }
        let mut facts = Facts::new(self.ledger.now());
        board.nodes().iter().for_each(|entry| facts.node(&node_item(entry)));
        board.pools().iter().for_each(|entry| facts.pool(&pool_item(entry)));
        board.vms().iter().for_each(|entry| facts.vm(&vm_seen(entry)));
        let servers = board.servers();
        servers.iter().for_each(|entry| facts.server(&entry.server, entry.status.as_ref(), &[]));
        let devices = board.devices();
        let devices: Vec<_> = devices.iter().map(|entry| entry.seen()).collect();
        devices.iter().for_each(|seen| facts.pdu(seen));
        servers.iter().for_each(|entry| facts.supplies(&entry.server, &devices));
        let servers: Vec<_> = servers.iter().map(|entry| &entry.server).collect();
        devices.iter().for_each(|seen| facts.switch(seen, &servers));
        open.values().for_each(|alert| facts.alert(alert));
        cause::group(&facts)
    }
}
