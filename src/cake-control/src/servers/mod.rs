//! Servers: physical machines, what people say of them and what their BMCs do.
//!
//! ```text
//!   create · update · delete ──► Store ──► reconcile::servers ──► node ──► BMC ──► board
//!   order                    ──► Store: task ──► node, once ──► BMC ──► board: the outcome
//!   scan                     ──► Store: task ──► node ──► whoever answers ──► board
//!   log · parts              ──► node ──► BMC: as it is now
//! ```

mod ask;
mod history;
pub(crate) mod journal;
mod order;
mod password;
mod scan;

pub use scan::{NewScan, ScanView};

use cake_node_api::{ClientError, NodeError, ServerLog};
use cake_planner::{bmc_password, names, power_cap, server};
use cake_store::{Expect, Key, Txn, TxnOutcome};
use cake_types::{
    BmcAccess, BmcProblem, BmcSpec, CapTrouble, Code, EventKind, Generation, IPMI_PORT, Meta, Name, Node, NodeId, Part,
    PowerCap, Problem, ProjectName, REDFISH_PORT, RackPlace, Server, ServerId, ServerSpec, Subject, WeakPassword,
};
use jiff::Timestamp;
use std::sync::Arc;
use zeroize::Zeroizing;

use crate::board::{Board, ServerEntry};
use crate::caller::{Caller, Keep};
use crate::ledger::Ledger;
use crate::nodes::Nodes;
use crate::settings::Settings;
use crate::{error, keys, record, secret};

/// What a person says about a BMC.
#[derive(Clone)]
pub struct NewBmc {
    pub access: Option<BmcAccess>,
    pub host: String,
    pub port: Option<u16>,
    pub user: String,
    /// Without it the one of before stays, where it is for the same user of the same BMC.
    pub password: Option<Zeroizing<String>>,
    /// K_g, as text of 20 characters or 40 hexadecimal digits.
    pub key: Option<Zeroizing<String>>,
}

/// What a person says about a new server.
pub struct NewServer {
    pub name: Name,
    pub bmc: Option<NewBmc>,
    pub place: Option<RackPlace>,
    pub note: String,
}

/// What shall be different; what is `None` stays.
#[derive(Default)]
pub struct ServerPatch {
    pub name: Option<Name>,
    /// `Some(None)`: it has none.
    pub bmc: Option<Option<NewBmc>>,
    pub place: Option<Option<RackPlace>>,
    pub note: Option<String>,
    /// `Some(None)`: its BMC is left as it is.
    pub cap: Option<Option<PowerCap>>,
}

pub struct Servers {
    ledger: Arc<Ledger>,
    nodes: Arc<Nodes>,
    settings: Arc<Settings>,
    /// Nodes are looked at one after the other, so that no machine is written down twice; scans begin one after the other.
    adding: tokio::sync::Mutex<()>,
}

/// A server as the subject of a task, an event or an audit record.
pub fn subject(server: &Server) -> Subject {
    Subject { kind: "server".into(), id: server.meta.id.0, name: server.meta.name.to_string() }
}

fn name_key(server: &Server) -> Key {
    keys::name("server", &server.meta.project, &server.meta.name)
}

fn name_taken(name: &Name) -> Problem {
    Problem::new(Code::NameTaken).with("kind", "server").with("name", name).at("/name")
}

/// Why its BMC can't be asked.
pub(crate) fn unheard(entry: &ServerEntry, problem: BmcProblem) -> Problem {
    Problem::new(Code::BmcUnheard).with("name", &entry.server.meta.name).with("problem", problem.as_str())
}

impl Servers {
    pub fn new(ledger: Arc<Ledger>, nodes: Arc<Nodes>, settings: Arc<Settings>) -> Self {
        Self { ledger, nodes, settings, adding: tokio::sync::Mutex::default() }
    }

    /// By id or name.
    pub fn find(&self, text: &str) -> Result<Arc<ServerEntry>, Problem> {
        self.ledger.board.find_server(text).ok_or_else(|| Problem::not_found("server", text))
    }

    pub async fn create(&self, caller: &Caller, new: NewServer, keep: &Keep<Server>) -> Result<Server, Problem> {
        let NewServer { name, bmc, place, note } = new;
        let bmc = bmc.map(|bmc| self.bmc(bmc, None)).transpose()?;
        let spec = ServerSpec { bmc, node: None, place, note: server::note(note)?, cap: None, held: None };
        server::fits(&spec, None, &specs(&self.ledger.board))?;
        let server = self.design(name, spec);
        self.insert(caller, server, Some(keep)).await
    }

    /// The machine that a node runs on, called as the node is where that name is free.
    pub(crate) async fn add_of_node(&self, node: &Node) -> Result<(), Problem> {
        let _one = self.adding.lock().await;
        if self.ledger.board.server_of(node.meta.id).is_some() {
            return Ok(());
        }
        let spec = ServerSpec { node: Some(node.meta.id), ..ServerSpec::default() };
        let caller = Caller::system("server_found");
        for name in names::numbered(&node.meta.name) {
            let server = self.design(name, spec.clone());
            match self.insert(&caller, server, None).await {
                Ok(_) => return Ok(()),
                Err(problem) if problem.code == Code::NameTaken => {}
                Err(problem) => return Err(problem),
            }
        }
        Ok(())
    }

    fn design(&self, name: Name, spec: ServerSpec) -> Server {
        design(name, spec, self.ledger.now())
    }

    async fn insert(&self, caller: &Caller, server: Server, keep: Option<&Keep<Server>>) -> Result<Server, Problem> {
        let mut txn = insertion(Txn::new(), &server);
        if let Some(keep) = keep {
            txn = keep.write(txn, &server, self.ledger.now());
        }
        let mut audit = self.ledger.audit(caller, Some(subject(&server)));
        let txn = audit.write(txn);
        let TxnOutcome::Committed { revision } = self.ledger.store.txn(txn).await.map_err(error::store)? else {
            return Err(name_taken(&server.meta.name));
        };
        self.ledger.board.put_server(server.clone(), revision);
        self.ledger.audited(audit).await?;
        self.ledger.event_info(EventKind::ServerAdded, Some(subject(&server))).await;
        Ok(server)
    }

    /// Changes the server if `check` still holds when it is written.
    pub async fn update(
        &self,
        caller: &Caller,
        id: ServerId,
        patch: ServerPatch,
        check: impl Fn(&ServerEntry) -> Result<(), Problem> + Send + Sync,
    ) -> Result<Arc<ServerEntry>, Problem> {
        let entry = self.entry(id)?;
        check(&entry)?;
        let server = self.patched(&entry, patch)?;
        if server.meta.name == entry.server.meta.name && server.spec == entry.server.spec {
            return Ok(entry);
        }
        let (old, new) = (name_key(&entry.server), name_key(&server));
        let txn = match old == new {
            true => Txn::new(),
            false => Txn::new().guard(new.clone(), Expect::Absent).put(new, id.to_string()).delete(old),
        };
        let key = keys::server(id);
        let txn = txn.guard(key.clone(), Expect::Revision(entry.revision)).put(key.clone(), record::encode(&server));
        let mut audit = self.ledger.audit(caller, Some(subject(&server)));
        match self.ledger.store.txn(audit.write(txn)).await.map_err(error::store)? {
            TxnOutcome::Committed { revision } => {
                self.ledger.board.put_server(server, revision);
                self.ledger.audited(audit).await?;
                self.entry(id)
            }
            TxnOutcome::Refused { key: refused, .. } if refused == key => Err(Problem::new(Code::Stale)),
            TxnOutcome::Refused { .. } => Err(name_taken(&server.meta.name)),
        }
    }

    fn patched(&self, entry: &ServerEntry, patch: ServerPatch) -> Result<Server, Problem> {
        let ServerPatch { name, bmc, place, note, cap } = patch;
        let known = &entry.server;
        let mut server = known.clone();
        server.meta.generation = server.meta.generation.next();
        server.meta.updated_at = self.ledger.now();
        server.meta.name = name.unwrap_or(server.meta.name);
        if let Some(bmc) = bmc {
            server.spec.bmc = bmc.map(|bmc| self.bmc(bmc, known.spec.bmc.as_ref())).transpose()?;
        }
        server.spec.place = place.unwrap_or(server.spec.place);
        if let Some(note) = note {
            server.spec.note = server::note(note)?;
        }
        if let Some(cap) = cap {
            server.spec.cap = cap.map(|cap| asked_cap(entry, cap)).transpose()?;
        }
        server::fits(&server.spec, Some(known.meta.id), &specs(&self.ledger.board))?;
        Ok(server)
    }

    /// Forgets a server. Nothing happens to the machine.
    pub async fn delete(
        &self,
        caller: &Caller,
        id: ServerId,
        check: impl Fn(&ServerEntry) -> Result<(), Problem> + Send + Sync,
    ) -> Result<(), Problem> {
        let entry = self.entry(id)?;
        check(&entry)?;
        if entry.server.spec.node.is_some_and(|node| self.has_node(node)) {
            return Err(Problem::new(Code::ServerIsNode).with("name", &entry.server.meta.name));
        }
        let key = keys::server(id);
        let txn = Txn::new()
            .guard(key.clone(), Expect::Revision(entry.revision))
            .delete(key)
            .delete(name_key(&entry.server))
            .delete(keys::server_log(id));
        let audit = self.ledger.audit(caller, Some(subject(&entry.server)));
        self.ledger.commit(txn, audit).await?;
        self.ledger.board.forget_server(id);
        self.ledger.event_info(EventKind::ServerRemoved, Some(subject(&entry.server))).await;
        Ok(())
    }

    fn has_node(&self, node: NodeId) -> bool {
        self.ledger.board.node(node).is_some()
    }

    fn entry(&self, id: ServerId) -> Result<Arc<ServerEntry>, Problem> {
        self.ledger.board.server(id).ok_or_else(|| Problem::not_found("server", id))
    }

    /// Checked, and with its secrets sealed. `before` is what was said of the same server.
    fn bmc(&self, new: NewBmc, before: Option<&BmcSpec>) -> Result<BmcSpec, Problem> {
        let NewBmc { access, host, port, user, password, key } = new;
        let access = access.unwrap_or(BmcAccess::Auto);
        let default_port = if access == BmcAccess::Redfish { REDFISH_PORT } else { IPMI_PORT };
        let (host, port) = (server::host(access, &host)?, port.unwrap_or(default_port));
        if port == 0 {
            let problem = Problem::new(Code::OutOfRange).with("field", "port").with("min", 1).with("max", u16::MAX);
            return Err(problem.at("/bmc/port"));
        }
        let user = server::user(access, &user)?;
        let same = before.filter(|before| before.host == host && before.port == port && before.user == user);
        // One that is being set is the same user's of the same BMC.
        let next = same.filter(|_| password.as_ref().is_none_or(|password| password.is_empty()));
        let next = next.and_then(|before| before.next.clone());
        let (password, weak) = match password.filter(|password| !password.is_empty()) {
            Some(password) => {
                server::password(access, &password)?;
                let weak = bmc_password::weakness(&user, &password);
                (Some(secret::sealed(&self.ledger, self.settings.recovery_key(), &password)?), weak)
            }
            None => match same.filter(|before| before.password.is_some()) {
                Some(before) => (before.password.clone(), before.weak),
                None => (None, Some(WeakPassword::Empty)),
            },
        };
        let weak = weak.filter(|_| access != BmcAccess::Local);
        let key = match key.filter(|key| !key.is_empty()) {
            Some(key) => {
                let key = Zeroizing::new(server::key(&key)?);
                Some(secret::sealed(&self.ledger, self.settings.recovery_key(), &key)?)
            }
            None => same.and_then(|before| before.key.clone()),
        };
        Ok(BmcSpec { access, host, port, user, password, key, weak, next })
    }

    /// The event log as the BMC has it now.
    pub async fn log(&self, entry: &ServerEntry, after: Option<String>) -> Result<ServerLog, Problem> {
        with_bmc(entry)?;
        let node = self.nodes.require()?;
        node.client.server_log(entry.id(), after).await.map_err(|refusal| asked(entry, refusal))
    }

    /// What the server is built of, as the BMC says now.
    pub async fn parts(&self, entry: &ServerEntry) -> Result<Vec<Part>, Problem> {
        with_bmc(entry)?;
        let node = self.nodes.require()?;
        node.client.server_parts(entry.id()).await.map_err(|refusal| asked(entry, refusal))
    }
}

/// There is nobody to be asked where there is no BMC.
pub(crate) fn with_bmc(entry: &ServerEntry) -> Result<(), Problem> {
    match entry.server.spec.bmc {
        Some(_) => Ok(()),
        None => Err(Problem::new(Code::NoBmc).with("name", &entry.server.meta.name)),
    }
}

/// A cap that the server's BMC can keep, as far as is known.
fn asked_cap(entry: &ServerEntry, cap: PowerCap) -> Result<PowerCap, Problem> {
    with_bmc(entry)?;
    let known = entry.status.as_ref().and_then(|status| status.cap.as_ref());
    if known.is_some_and(|known| known.trouble == Some(CapTrouble::Unsupported)) {
        return Err(Problem::new(Code::CapUnsupported).with("name", &entry.server.meta.name));
    }
    power_cap::checked(cap, known)
}

pub(crate) fn design(name: Name, spec: ServerSpec, now: Timestamp) -> Server {
    let (id, project) = (ServerId::now(), ProjectName::default());
    let meta = Meta { id, project, name, generation: Generation::FIRST, created_at: now, updated_at: now };
    Server { meta, spec }
}

/// What writes a new one down, unless its name is taken.
pub(crate) fn insertion(txn: Txn, server: &Server) -> Txn {
    let (id, name) = (server.meta.id, name_key(server));
    txn.guard(name.clone(), Expect::Absent).put(name, id.to_string()).put(keys::server(id), record::encode(server))
}

pub(crate) fn specs(board: &Board) -> Vec<(ServerId, Name, ServerSpec)> {
    let servers = board.servers();
    servers.iter().map(|entry| (entry.id(), entry.server.meta.name.clone(), entry.server.spec.clone())).collect()
}

fn asked(entry: &ServerEntry, refusal: ClientError) -> Problem {
    match refusal {
        ClientError::Refused(NodeError::Bmc { problem }) => unheard(entry, problem),
        // It was asked for a moment ago.
        ClientError::Refused(NodeError::Unknown) => unheard(entry, BmcProblem::Worker),
        refusal => error::node(refusal),
    }
}
