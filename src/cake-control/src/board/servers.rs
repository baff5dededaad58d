//! Servers on the board: as the Store has them, and with what their BMCs say.

use super::{Board, What};
use cake_node_api::ServerOutcome;
use cake_planner::names::{self, Reference};
use cake_planner::server::{self, ServerHealth};
use cake_store::Revision;
use cake_types::{NodeId, Server, ServerId, ServerStatus, Stamp, TaskGoal, WeakPassword};
use std::sync::Arc;

#[derive(Clone, Debug)]
pub struct ServerEntry {
    pub server: Server,
    /// The Store's write it comes from.
    pub revision: Revision,
    /// `None`: no node watches it (yet).
    pub status: Option<ServerStatus>,
    /// The node does not take it, for this reason (for support, in English).
    pub refused: Option<Arc<str>>,
}

impl ServerEntry {
    pub fn id(&self) -> ServerId {
        self.server.meta.id
    }

    /// What is weak about the password that its BMC takes.
    pub fn weak_password(&self) -> Option<WeakPassword> {
        server::weak(&self.server.spec, self.status.as_ref())
    }

    pub fn health(&self) -> ServerHealth {
        server::health(&self.server.spec, self.status.as_ref())
    }
}

impl Board {
    /// All of them, oldest first.
    pub fn servers(&self) -> Vec<Arc<ServerEntry>> {
        self.read().servers.values().cloned().collect()
    }

    pub fn server(&self, id: ServerId) -> Option<Arc<ServerEntry>> {
        self.read().servers.get(&id).cloned()
    }

    /// By id or name.
    pub fn find_server(&self, text: &str) -> Option<Arc<ServerEntry>> {
        let inner = self.read();
        match Reference::parse(text)? {
            Reference::Id(id) => inner.servers.get(&ServerId(id)).cloned(),
            Reference::Name(name) => {
                let name = names::fold(&name);
                inner.servers.values().find(|entry| names::fold(&entry.server.meta.name) == name).cloned()
            }
        }
    }

    /// The machine that a node runs on.
    pub fn server_of(&self, node: NodeId) -> Option<Arc<ServerEntry>> {
        self.read().servers.values().find(|entry| entry.server.spec.node == Some(node)).cloned()
    }

    /// What a node watches though nobody asks for it.
    pub fn strange_server(&self, id: ServerId) -> Option<Stamp> {
        self.read().strange_servers.get(&id).copied()
    }

    /// As the Store has it. The latest write wins: each is guarded by the one before.
    pub fn put_server(&self, server: Server, revision: Revision) {
        let id = server.meta.id;
        let mut inner = self.write();
        let old = inner.servers.get(&id);
        if old.is_some_and(|old| old.server.meta.generation > server.meta.generation) {
            return;
        }
        let status = old.and_then(|old| old.status.clone());
        inner.servers.insert(id, Arc::new(ServerEntry { server, revision, status, refused: None }));
        drop(inner);
        self.server_touched(id);
    }

    /// The Store no longer holds it.
    pub fn forget_server(&self, id: ServerId) {
        let mut inner = self.write();
        if let Some(stamp) = inner.servers.remove(&id).and_then(|old| Some(old.status.as_ref()?.stamp)) {
            inner.strange_servers.insert(id, stamp);
        }
        drop(inner);
        self.changes.tell(What::ServerGone(id));
        self.servers_poke.poke(id);
        self.tasks_poke.poke(id.0);
    }

    /// The node does not take it in.
    pub fn server_refused(&self, id: ServerId, why: &str) {
        self.change_server(id, |entry| entry.refused = Some(why.into()));
        self.changes.tell(What::Server(id));
    }

    /// A connection began: what was refused may be taken now.
    pub(super) fn server_retry(&self, id: ServerId) {
        self.change_server(id, |entry| entry.refused = None);
        self.servers_poke.poke(id);
    }

    pub(super) fn server_status(&self, id: ServerId, status: ServerStatus) {
        let mut inner = self.write();
        if let Some(snapshot) = &mut inner.snapshot {
            snapshot.servers.insert(id);
        }
        if !inner.servers.contains_key(&id) {
            inner.strange_servers.insert(id, status.stamp);
            drop(inner);
            return self.servers_poke.poke(id);
        }
        drop(inner);
        self.change_server(id, |entry| entry.status = Some(status));
        self.server_touched(id);
    }

    /// The node does not have it.
    pub(super) fn server_gone(&self, id: ServerId) {
        self.write().strange_servers.remove(&id);
        self.change_server(id, |entry| entry.status = None);
        self.server_touched(id);
    }

    pub(super) fn server_operation(&self, outcome: ServerOutcome) {
        let ServerOutcome { operation, server, at: _, result } = outcome;
        let waits =
            |goal: &TaskGoal| matches!(goal, TaskGoal::Ordered { operation: waited, .. } if *waited == operation);
        self.outcome_told(server.0, operation, result, waits);
    }

    fn change_server(&self, id: ServerId, change: impl FnOnce(&mut ServerEntry)) {
        let mut inner = self.write();
        let Some(old) = inner.servers.get(&id) else { return };
        let mut entry = (**old).clone();
        change(&mut entry);
        inner.servers.insert(id, Arc::new(entry));
    }

    fn server_touched(&self, id: ServerId) {
        self.changes.tell(What::Server(id));
        self.servers_poke.poke(id);
    }
}
