//! A server's own network: another one is tried, and holds once somebody has reached the server by it.
//!
//! ```text
//!   try ─────► node (node.db, networkd) ──► board: the trial, its new addresses        ─┐ nobody confirms: the node returns
//!   confirm ─► has this connection come in over a new address? ──► node: it holds       │ to the one before by itself
//!   cancel ──► node: the one before returns                                            ─┘
//! ```
//!
//! The Store has nothing of it: a network belongs to its machine, and a configuration that is restored elsewhere must not bring its
//! addresses along.

use cake_node_api::ClientError;
use cake_planner::uplink;
use cake_store::Txn;
use cake_types::{
    BondMode, Code, OperationId, Prefixed, Problem, UPLINK_SECONDS, UplinkMethod, UplinkSpec, UplinkStatus,
};
use std::net::IpAddr;
use std::str::FromStr;

use crate::board::NodeEntry;
use crate::caller::{Caller, Keep};
use crate::hosts::{Hosts, ours, refusal};
use crate::nodes::subject;

/// What somebody asks for, as it was typed.
pub struct NewNetwork {
    pub method: String,
    pub addresses: Vec<String>,
    pub gateways: Vec<String>,
    pub dns: Vec<String>,
    pub search: Vec<String>,
    pub vlan: Option<u32>,
    pub links: Vec<String>,
    pub bond: Option<String>,
    pub mtu: Option<u32>,
    /// How long it has to be confirmed.
    pub seconds: Option<u32>,
}

impl NewNetwork {
    fn spec(self) -> Result<UplinkSpec, Problem> {
        let Self { method, addresses, gateways, dns, search, vlan, links, bond, mtu, seconds: _ } = self;
        let wrong = |field: &str| Problem::invalid(field, format!("uplink-{field}")).at(&format!("/{field}"));
        let narrow = |number: u32| u16::try_from(number).unwrap_or(u16::MAX);
        let trimmed = |words: Vec<String>| words.iter().map(|word| word.trim().to_owned()).collect();
        Ok(UplinkSpec {
            method: UplinkMethod::from_word(&method).ok_or_else(|| wrong("method"))?,
            addresses: each::<Prefixed>("addresses", "uplink-address", &addresses)?,
            gateways: each::<IpAddr>("gateways", "uplink-ip", &gateways)?,
            dns: each::<IpAddr>("dns", "uplink-ip", &dns)?,
            search: trimmed(search),
            vlan: vlan.map(narrow),
            links: trimmed(links),
            bond: match bond {
                None => BondMode::default(),
                Some(word) => BondMode::from_word(&word).ok_or_else(|| wrong("bond"))?,
            },
            mtu: mtu.map(narrow),
        })
    }
}

fn each<T: FromStr>(field: &str, reason: &str, texts: &[String]) -> Result<Vec<T>, Problem> {
    let one = |(index, text): (usize, &String)| {
        text.trim().parse().map_err(|_| Problem::invalid(field, reason).at(&format!("/{field}/{index}")))
    };
    texts.iter().enumerate().map(one).collect()
}

/// What a node last said of its network.
pub fn said(entry: &NodeEntry) -> Option<&UplinkStatus> {
    entry.status.as_ref()?.host.as_ref()?.uplink.as_deref()
}

/// The same; nothing, where it said nothing.
pub fn of(entry: &NodeEntry) -> UplinkStatus {
    said(entry).cloned().unwrap_or_default()
}

impl Hosts {
    /// Tries a network. It is under way when this returns; the same again is the same.
    pub async fn try_network(
        &self,
        caller: &Caller,
        entry: &NodeEntry,
        new: NewNetwork,
        check: impl Fn(u64) -> Result<(), Problem> + Send,
    ) -> Result<(), Problem> {
        let held = of(entry);
        check(held.generation)?;
        ours(entry)?;
        let seconds = uplink::seconds(new.seconds.unwrap_or(UPLINK_SECONDS))?;
        let spec = new.spec()?;
        uplink::check(&spec, Some(&held.ports))?;
        match held.trial {
            Some(trial) if trial.spec == spec => return Ok(()),
            Some(_) => return Err(Problem::new(Code::NetworkTried).with("name", &entry.node.meta.name)),
            None => {}
        }
        let node = self.nodes.require_this(entry.node.meta.id)?;
        let operation = OperationId::now();
        let tried = node.client.try_uplink(node.epoch, operation, spec, seconds).await;
        tried.map_err(|error| refusal(entry, error))?;
        self.saw(entry, |now| now.trial.as_ref().is_some_and(|trial| trial.operation == operation)).await;
        let audit = self.ledger.audit(caller, Some(subject(&entry.node)));
        self.ledger.commit(Txn::new(), audit).await
    }

    /// Ends the trial. It holds from then on only for whoever comes in over an address that it brought: `at` is the server's address
    /// of this connection.
    pub async fn settle_network(
        &self,
        caller: &Caller,
        entry: &NodeEntry,
        confirm: bool,
        at: Option<IpAddr>,
        keep: &Keep<()>,
    ) -> Result<(), Problem> {
        ours(entry)?;
        let held = of(entry);
        let name = &entry.node.meta.name;
        let Some(trial) = &held.trial else { return Err(Problem::new(Code::NoNetworkTried).with("name", name)) };
        if confirm && !trial.applied {
            return Err(Problem::new(Code::NetworkNotYet).with("name", name));
        }
        if confirm && !at.is_some_and(|at| uplink::is_reached(trial, &held, at)) {
            let places = uplink::places(trial, &held);
            let places: Vec<String> = places.iter().map(ToString::to_string).collect();
            let problem = Problem::new(Code::NetworkNotReached).with("name", name);
            return Err(problem.with("addresses", if places.is_empty() { "–".into() } else { places.join(" ") }));
        }
        let node = self.nodes.require_this(entry.node.meta.id)?;
        let operation = trial.operation;
        match node.client.settle_uplink(node.epoch, operation, confirm).await {
            Ok(()) => {}
            // It ended by itself a moment ago.
            Err(ClientError::Refused(_)) => return Err(Problem::new(Code::NoNetworkTried).with("name", name)),
            Err(broken) => return Err(refusal(entry, broken)),
        }
        self.saw(entry, |now| now.trial.as_ref().is_none_or(|trial| trial.operation != operation)).await;
        let audit = self.ledger.audit(caller, Some(subject(&entry.node)));
        self.ledger.commit(keep.write(Txn::new(), &(), self.ledger.now()), audit).await
    }

    /// Waits until the board has what the node has just taken; the node tells of it by another way than it answers.
    async fn saw(&self, entry: &NodeEntry, is_so: impl Fn(&UplinkStatus) -> bool) {
        const PATIENCE: std::time::Duration = std::time::Duration::from_secs(2);
        let board = &self.ledger.board;
        let mut changes = board.changes.follow();
        let told = async {
            loop {
                let now = board.node(entry.node.meta.id);
                if now.is_none_or(|now| is_so(&of(&now))) {
                    return;
                }
                // Behind is as good as new: all of it is looked at again.
                if let Err(tokio::sync::broadcast::error::RecvError::Closed) = changes.recv().await {
                    return;
                }
            }
        };
        let _ = tokio::time::timeout(PATIENCE, told).await;
    }
}
