//! The control loops, one file for each kind of resource. Each can be killed at any instruction and run again: it looks at what is
//! asked and what is so, and does what is missing.

pub mod alerts;
pub mod announce;
pub mod bin;
pub mod budget;
pub mod certificate;
pub mod devices;
pub mod events;
pub mod exports;
pub mod hosts;
pub mod images;
pub mod imports;
pub mod notify;
pub mod pools;
pub mod servers;
pub mod sweep;
pub mod tasks;
pub mod uplinks;
pub mod ups;
pub mod vms;
pub mod volumes;

use std::sync::Arc;
use tokio::sync::watch;

use crate::nodes::{Connected, Nodes};

/// When a node is to be told what is asked: at once, at every connection and at every change.
struct Occasions {
    connected: watch::Receiver<Option<Arc<Connected>>>,
    changed: watch::Receiver<()>,
}

impl Occasions {
    fn new(nodes: &Nodes, changed: watch::Receiver<()>) -> Self {
        let mut connected = nodes.follow();
        connected.mark_changed();
        Self { connected, changed }
    }

    /// The node, on the next of them; what comes while it is told is one more. `None`: nobody can change anything any more.
    async fn next(&mut self) -> Option<Arc<Connected>> {
        loop {
            tokio::select! {
                moved = self.connected.changed() => moved,
                moved = self.changed.changed() => moved,
            }
            .ok()?;
            self.changed.mark_unchanged();
            let node = self.connected.borrow_and_update().clone();
            if node.is_some() {
                return node;
            }
        }
    }
}
