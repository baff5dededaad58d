//! Devices that answer SNMP: the node that watches them is told what is asked, and what is switched is written down. Poked by every
//! change, by what devices say, and at every connection.
//!
//! read (board) → apply, remove, or tell what was switched

use cake_node_api::{ClientError, NodeError};
use cake_planner::event::Happened;
use cake_types::{Device, DeviceId, EventKind, Problem, Severity, Stamp};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::board::DeviceEntry;
use crate::devices::{Devices, subject};
use crate::error;
use crate::ledger::Ledger;
use crate::nodes::Nodes;

pub struct DeviceReconciler {
    pub ledger: Arc<Ledger>,
    pub nodes: Arc<Nodes>,
    pub devices: Arc<Devices>,
    /// Which outlets were on when they were last heard.
    pub on: Mutex<BTreeMap<(DeviceId, String), bool>>,
}

impl DeviceReconciler {
    pub async fn run(&self) {
        loop {
            for id in self.ledger.board.devices_poke.next().await {
                if let Err(problem) = self.reconcile(id).await {
                    tracing::warn!(device = %id, %problem, "a device could not be brought to what is asked");
                }
            }
        }
    }

    async fn reconcile(&self, id: DeviceId) -> Result<(), Problem> {
        let board = &self.ledger.board;
        let Some(entry) = board.device(id) else {
            if let Some(stamp) = board.strange_device(id) {
                self.remove(id, stamp).await;
            }
            return Ok(());
        };
        match &entry.status {
            Some(status) if status.stamp.generation == entry.device.meta.generation => {
                self.tell_switched(&entry).await;
                self.devices.learn_cabling(&entry).await?;
            }
            _ if entry.refused.is_some() => {}
            _ => self.apply(&entry.device).await,
        }
        Ok(())
    }

    async fn apply(&self, device: &Device) {
        let Some(node) = self.nodes.connected() else { return };
        let (id, generation) = (device.meta.id, device.meta.generation);
        match node.client.apply_device(Stamp { epoch: node.epoch, generation }, device.clone()).await {
            Ok(()) | Err(ClientError::Refused(NodeError::StaleStamp { .. })) => {}
            Err(ClientError::Refused(refusal)) => {
                tracing::warn!(device = %id, %refusal, "the node does not watch a device");
                self.ledger.board.device_refused(id, &refusal.to_string());
            }
            Err(broken) => tracing::debug!(device = %id, error = %error::chain(&broken), "the node went away"),
        }
    }

    /// `held` is how the node has it; a removal is no older than that.
    async fn remove(&self, id: DeviceId, held: Stamp) {
        self.on.lock().unwrap_or_else(PoisonError::into_inner).retain(|(of, _), _| *of != id);
        let Some(node) = self.nodes.connected() else { return };
        let stamp = Stamp { epoch: node.epoch, generation: held.generation };
        if let Err(refusal) = node.client.remove_device(id, stamp).await {
            tracing::warn!(device = %id, error = %error::chain(&refusal), "a device is still watched");
        }
    }

    /// Outlets that were switched since they were last heard, by whomever.
    async fn tell_switched(&self, entry: &DeviceEntry) {
        let Some(pdu) = entry.seen().pdu() else { return };
        let mut switched = Vec::new();
        {
            let mut known = self.on.lock().unwrap_or_else(PoisonError::into_inner);
            for (outlet, on) in pdu.outlets.iter().filter_map(|outlet| Some((outlet, outlet.on?))) {
                let before = known.insert((entry.id(), outlet.id.clone()), on);
                if before.is_some_and(|before| before != on) {
                    switched.push((outlet.id.clone(), on));
                }
            }
        }
        for (outlet, on) in switched {
            let (kind, severity) =
                if on { (EventKind::OutletOn, Severity::Info) } else { (EventKind::OutletOff, Severity::Warning) };
            let used = entry.device.spec.outlets.iter().find(|used| used.outlet == outlet);
            let server = used.and_then(|used| self.ledger.board.server(used.server));
            let name = server.map_or_else(|| "–".to_owned(), |server| server.server.meta.name.to_string());
            let happened = Happened::new(kind, severity).with("outlet", outlet).with("server", name);
            self.ledger.event(happened, Some(subject(&entry.device))).await;
        }
    }
}
