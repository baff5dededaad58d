//! The connection to the node: kept, led, listened to.
//!
//! ```text
//!   connect ──► hello(none) ──► epoch = max(Store, node) + 1, into the Store ──► hello(epoch) ──► observe ──► board
//!      ▲                        once per start; again only if another leader has been there          │
//!      └──────────────────────────── back-off ◄──────────────────────────────────────────────────────┘ it closed
//! ```

use cake_node_api::{ClientError, Hello, NodeClient, NodeError, Observed, Verb};
use cake_planner::epoch;
use cake_planner::event::Happened;
use cake_store::{Expect, Txn};
use cake_types::{
    Epoch, EventKind, Generation, HostName, Meta, Name, Node, NodeId, OperationId, Problem, ProjectName, PublicKey,
    Severity, Stamp, Subject, Vm, VmId,
};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

use crate::board::Greeting;
use crate::ledger::Ledger;
use crate::record::{self, RecordError};
use crate::{error, keys};

/// Waiting before the first and the last of many tries.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LAST_PAUSE: Duration = Duration::from_secs(2);
/// How long a node that could not do something is left alone with it.
const ASK_AGAIN: Duration = Duration::from_secs(5);

/// A node that follows us.
#[derive(Clone)]
pub struct Connected {
    pub client: NodeClient,
    pub node: NodeId,
    /// Secrets for this node are sealed to this key.
    pub key: PublicKey,
    pub epoch: Epoch,
}

pub struct Nodes {
    ledger: Arc<Ledger>,
    connected: watch::Sender<Option<Arc<Connected>>>,
}

#[derive(Debug, thiserror::Error)]
enum SessionError {
    #[error("the node can't be used")]
    Node(#[from] ClientError),
    #[error("leadership can't be written down")]
    Record(#[from] RecordError),
    #[error("leadership can't be written down")]
    Store(#[from] cake_store::StoreError),
}

/// A server as the subject of a task, an event or an audit record.
pub(crate) fn subject(node: &Node) -> Subject {
    Subject { kind: "node".into(), id: node.meta.id.0, name: node.meta.name.to_string() }
}

impl Nodes {
    pub fn new(ledger: Arc<Ledger>) -> Self {
        Self { ledger, connected: watch::Sender::new(None) }
    }

    pub fn connected(&self) -> Option<Arc<Connected>> {
        self.connected.borrow().clone()
    }

    pub fn require(&self) -> Result<Arc<Connected>, Problem> {
        self.connected().ok_or_else(|| Problem::new(cake_types::Code::NodeUnreachable))
    }

    /// This one, not whichever follows us.
    pub fn require_this(&self, node: NodeId) -> Result<Arc<Connected>, Problem> {
        let here = self.connected().filter(|connected| connected.node == node);
        here.ok_or_else(|| Problem::new(cake_types::Code::NodeUnreachable))
    }

    /// Returns when a node follows us, or has stopped to.
    pub fn follow(&self) -> watch::Receiver<Option<Arc<Connected>>> {
        self.connected.subscribe()
    }

    /// Hands a VM's desired state to the node. Whatever goes wrong is on the board afterwards, or found by the reconciler when
    /// the node is back: the desired state is in the Store already.
    pub async fn apply(&self, vm: &Arc<Vm>) {
        let board = &self.ledger.board;
        let (id, generation) = (vm.meta.id, vm.meta.generation);
        // What came out of a backup is not made anew where it is not.
        let Some(node) = self.connected().filter(|_| vm.spec.restored.is_none()) else {
            return board.applying_ended(id, generation);
        };
        board.set_applying(id, generation);
        let stamp = Stamp { epoch: node.epoch, generation };
        let result = node.client.apply_vm(stamp, (**vm).clone()).await;
        board.applying_ended(id, generation);
        match result {
            Ok(()) => board.applied(vm, stamp),
            Err(ClientError::Refused(NodeError::Tombstoned)) => board.tombstone(id),
            // A newer request was faster; its own answer tells the rest.
            Err(ClientError::Refused(NodeError::StaleStamp { .. })) => {}
            Err(ClientError::Refused(refusal)) if passes(&refusal) => self.again(id, &refusal),
            Err(ClientError::Refused(refusal)) => {
                tracing::warn!(vm = %id, %refusal, "the node refused a VM's desired state");
                board.refused(id, generation, &refusal.to_string());
            }
            Err(broken) => tracing::debug!(vm = %id, error = %error::chain(&broken), "the node went away"),
        }
    }

    /// Asks the node to remove a VM, and to keep what was its disk once and is a volume now: it may not have heard of that.
    pub async fn remove(&self, vm: &Vm, generation: Generation) {
        let (id, kept) = (vm.meta.id, vm.spec.detached_disks.clone());
        let board = &self.ledger.board;
        let Some(node) = self.connected() else { return };
        board.set_applying(id, generation);
        let stamp = Stamp { epoch: node.epoch, generation };
        match node.client.remove_vm(id, stamp, kept).await {
            // It stays marked: the node works on it and will say when it is gone.
            Ok(()) => {}
            Err(ClientError::Refused(NodeError::Unknown)) => board.vm_not_there(id),
            Err(ClientError::Refused(NodeError::Tombstoned)) => board.tombstone(id),
            Err(refusal) => {
                board.applying_ended(id, generation);
                match refusal {
                    ClientError::Refused(refusal) => self.again(id, &refusal),
                    broken => tracing::debug!(vm = %id, error = %error::chain(&broken), "the node went away"),
                }
            }
        }
    }

    /// What the node could not do now is asked again after a while.
    fn again(&self, id: VmId, refusal: &NodeError) {
        tracing::warn!(vm = %id, %refusal, "the node could not take a VM's desired state now: it is asked again");
        let board = self.ledger.board.clone();
        tokio::spawn(async move {
            tokio::time::sleep(ASK_AGAIN).await;
            board.vms_poke.poke(id);
        });
    }

    /// Hands an operation to the node; a refusal is its outcome.
    pub async fn operate(&self, operation: OperationId, vm: VmId, verb: Verb) {
        let Some(node) = self.connected() else { return };
        let handed = node.client.operate(operation, vm, verb).await;
        self.ledger.handed(vm.0, operation, handed);
    }

    /// Keeps the connection to the node behind `socket`; never returns.
    pub async fn run(&self, socket: &Path) {
        let mut pause = FIRST_PAUSE;
        let mut lead: Option<Epoch> = None;
        loop {
            let followed = match self.session(socket, &mut lead).await {
                Ok(never) => match never {},
                Err((followed, error)) => {
                    if followed {
                        tracing::warn!(error = %error::chain(&error), "the node is gone");
                    } else {
                        tracing::debug!(error = %error::chain(&error), "no node yet");
                    }
                    followed
                }
            };
            self.gone().await;
            pause = if followed { FIRST_PAUSE } else { (pause * 2).min(LAST_PAUSE) };
            tokio::time::sleep(pause).await;
        }
    }

    async fn gone(&self) {
        if let Some(node) = self.connected.send_replace(None) {
            self.ledger.board.disconnected(node.node);
            let happened = Happened::new(EventKind::NodeDisconnected, Severity::Warning);
            self.ledger.event(happened, self.subject(node.node)).await;
        }
    }

    /// One connection from beginning to end. The error says whether the node had followed us.
    async fn session(
        &self,
        socket: &Path,
        lead: &mut Option<Epoch>,
    ) -> Result<std::convert::Infallible, (bool, SessionError)> {
        let begun = async {
            let client = NodeClient::connect(socket).await?;
            let hello = client.hello(None).await?;
            let epoch = self.take_lead(lead, hello.highest_epoch).await?;
            let hello = client.hello(Some(epoch)).await?;
            self.remember(&hello).await?;
            let observation = client.observe().await?;
            Ok::<_, SessionError>((client, hello, epoch, observation))
        };
        let (client, hello, epoch, mut observation) = begun.await.map_err(|error| (false, error))?;
        loop {
            let observed = observation.next().await.map_err(|error| (true, error.into()))?;
            if observed == Observed::SnapshotEnd {
                // Only who has told all it has can be asked for something; what the end sets going finds it connected.
                self.lead_begins(client.clone(), &hello, epoch).await;
            }
            self.ledger.board.observe(hello.node, observed);
        }
    }

    async fn lead_begins(&self, client: NodeClient, hello: &Hello, epoch: Epoch) {
        self.ledger.board.greeted(Greeting::from(hello));
        let subject = self.subject(hello.node);
        let connected = Connected { client, node: hello.node, key: hello.key.clone(), epoch };
        tracing::info!(node = %connected.node, epoch = epoch.0, "leading the node");
        self.connected.send_replace(Some(Arc::new(connected)));
        self.ledger.event_info(EventKind::NodeConnected, subject).await;
    }

    fn subject(&self, node: NodeId) -> Option<Subject> {
        Some(subject(&self.ledger.board.node(node)?.node))
    }

    /// The epoch of this start of the program; a higher one if another leader has been there since.
    async fn take_lead(&self, lead: &mut Option<Epoch>, node: Epoch) -> Result<Epoch, SessionError> {
        if let Some(epoch) = *lead
            && epoch >= node
        {
            return Ok(epoch);
        }
        let store = &*self.ledger.store;
        let stored = record::get::<Epoch>(store, &keys::epoch()).await?;
        let (held, expect) = match stored {
            Some(stored) => (stored.value, Expect::Revision(stored.revision)),
            None => (Epoch(0), Expect::Absent),
        };
        let epoch = epoch::lead(held, node);
        store.put_if(&keys::epoch(), record::encode(&epoch), expect).await?;
        *lead = Some(epoch);
        Ok(epoch)
    }

    /// Writes the node into the Store when it is new or has another key.
    async fn remember(&self, hello: &Hello) -> Result<(), SessionError> {
        let key = keys::node(hello.node);
        let known = record::get::<Node>(&*self.ledger.store, &key).await?;
        if let Some(known) = known
            && known.value.key == hello.key
        {
            self.ledger.board.put_node(known.value);
            return Ok(());
        }
        let now = self.ledger.now();
        let meta = Meta {
            id: hello.node,
            project: ProjectName::default(),
            name: node_name(&hello.status.host_name),
            generation: Generation::FIRST,
            created_at: now,
            updated_at: now,
        };
        let node = Node { meta, key: hello.key.clone() };
        self.ledger.store.txn(Txn::new().put(key, record::encode(&node))).await?.committed()?;
        self.ledger.board.put_node(node);
        Ok(())
    }
}

/// A refusal that says nothing about what was asked: the node's disk is full, or something broke there.
fn passes(refusal: &NodeError) -> bool {
    matches!(refusal, NodeError::NoSpace | NodeError::Internal { .. })
}

/// A host name is nearly always a name as it is.
pub(crate) fn node_name(host: &str) -> Name {
    let fallback = || HostName::from_name(&"node".parse().expect("a valid name")).to_string();
    host.parse().or_else(|_| fallback().parse()).expect("a host name of letters is a name")
}
