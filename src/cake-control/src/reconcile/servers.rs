//! Servers: every node is one; the node that watches their BMCs is told what is asked, and what is new in their event logs is written
//! down. Poked by every change, by what BMCs say, and at every connection.
//!
//! read (board) → apply, remove, or write down what is new

use cake_node_api::{ClientError, NodeError};
use cake_types::{EventKind, Problem, Server, ServerId, Stamp};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::board::{Change, ServerEntry, What};
use crate::error;
use crate::ledger::Ledger;
use crate::nodes::Nodes;
use crate::servers::{Servers, journal};
use tokio::sync::broadcast::error::RecvError;

/// What the node is told: the cap that holds, whoever asks for it.
fn as_told(server: &Server) -> Server {
    let mut told = server.clone();
    (told.spec.cap, told.spec.held) = (server.spec.effective_cap(), None);
    told
}

pub struct ServerReconciler {
    pub ledger: Arc<Ledger>,
    pub nodes: Arc<Nodes>,
    pub servers: Arc<Servers>,
    /// Which were on when they were last heard.
    pub on: Mutex<BTreeMap<ServerId, bool>>,
}

impl ServerReconciler {
    pub async fn run(&self) {
        // Followed before the first look, so that no change falls between.
        let mut changes = self.ledger.board.changes.follow();
        self.look_at_nodes().await;
        loop {
            tokio::select! {
                ids = self.ledger.board.servers_poke.next() => {
                    for id in ids {
                        self.look_at(id).await;
                    }
                }
                changed = changes.recv() => match changed {
                    Ok(Change { what: What::Node(_), .. }) | Err(RecvError::Lagged(_)) => self.look_at_nodes().await,
                    Ok(_) => {}
                    // The board lives as long as the program.
                    Err(RecvError::Closed) => return,
                },
            }
        }
    }

    /// A node runs on a machine, whether somebody has said so or not.
    async fn look_at_nodes(&self) {
        for entry in self.ledger.board.nodes() {
            if self.ledger.board.server_of(entry.node.meta.id).is_none()
                && let Err(problem) = self.servers.add_of_node(&entry.node).await
            {
                tracing::warn!(node = %entry.node.meta.id, %problem, "the server of a node could not be written down");
            }
        }
    }

    async fn look_at(&self, id: ServerId) {
        if let Err(problem) = self.reconcile(id).await {
            tracing::warn!(server = %id, %problem, "a server could not be brought to what is asked");
        }
    }

    async fn reconcile(&self, id: ServerId) -> Result<(), Problem> {
        let board = &self.ledger.board;
        let Some(entry) = board.server(id) else {
            return match board.strange_server(id) {
                Some(stamp) => self.remove(id, stamp).await,
                None => Ok(()),
            };
        };
        match &entry.status {
            Some(status) if status.stamp.generation == entry.server.meta.generation => {
                self.tell_power(&entry).await;
                self.journal(&entry).await
            }
            _ if entry.server.spec.bmc.is_none() && entry.status.is_none() => Ok(()),
            _ if entry.refused.is_some() => Ok(()),
            _ => self.apply(&entry.server).await,
        }
    }

    async fn apply(&self, server: &Server) -> Result<(), Problem> {
        let Some(node) = self.nodes.connected() else { return Ok(()) };
        let (id, generation) = (server.meta.id, server.meta.generation);
        match node.client.apply_server(Stamp { epoch: node.epoch, generation }, as_told(server)).await {
            Ok(()) | Err(ClientError::Refused(NodeError::StaleStamp { .. })) => {}
            Err(ClientError::Refused(refusal)) => {
                tracing::warn!(server = %id, %refusal, "the node does not watch a server");
                self.ledger.board.server_refused(id, &refusal.to_string());
            }
            Err(broken) => tracing::debug!(server = %id, error = %error::chain(&broken), "the node went away"),
        }
        Ok(())
    }

    /// `held` is how the node has it; a removal is no older than that.
    async fn remove(&self, id: ServerId, held: Stamp) -> Result<(), Problem> {
        let Some(node) = self.nodes.connected() else { return Ok(()) };
        let stamp = Stamp { epoch: node.epoch, generation: held.generation };
        if let Err(refusal) = node.client.remove_server(id, stamp).await {
            tracing::warn!(server = %id, error = %error::chain(&refusal), "a server is still watched");
        }
        Ok(())
    }

    /// A server that was switched on or off since it was last heard, by whomever.
    async fn tell_power(&self, entry: &ServerEntry) {
        let Some(on) = entry.status.as_ref().and_then(|status| status.chassis).map(|chassis| chassis.on) else {
            return;
        };
        let before = self.on.lock().unwrap_or_else(PoisonError::into_inner).insert(entry.id(), on);
        if before.is_some_and(|before| before != on) {
            let kind = if on { EventKind::ServerOn } else { EventKind::ServerOff };
            self.ledger.event_info(kind, Some(crate::servers::subject(&entry.server))).await;
        }
    }

    /// What is new in the event log since it was last looked at. What was there before cake was, is history.
    async fn journal(&self, entry: &ServerEntry) -> Result<(), Problem> {
        let Some(newest) = entry.status.as_ref().and_then(|status| status.newest_event.as_deref()) else {
            return Ok(());
        };
        let known = journal::place(&self.ledger, entry.id()).await?;
        match known {
            Some(known) if known.value == newest => Ok(()),
            None => journal::keep(&self.ledger, entry.id(), None, newest).await,
            Some(known) => {
                let log = match self.servers.log(entry, Some(known.value.clone())).await {
                    Ok(log) => log,
                    // It is asked again with the next reading.
                    Err(_) => return Ok(()),
                };
                for event in &log.events {
                    self.ledger.event(journal::happened(event), Some(crate::servers::subject(&entry.server))).await;
                }
                match log.events.last() {
                    Some(last) => journal::keep(&self.ledger, entry.id(), Some(known.revision), &last.id).await,
                    None => Ok(()),
                }
            }
        }
    }
}
