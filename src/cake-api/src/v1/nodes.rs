//! `/v1/nodes`

use super::word;
use axum::extract::{Path, State};
use axum::response::Response;
use cake_control::board::NodeEntry;
use cake_types::{self as domain, Accelerator, BridgeStatus, Meta, NodeCapacity, NodeStatus, Problem};
use jiff::Timestamp;
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::ask::{Params, ready_json};
use crate::page::Paging;
use crate::problem::{ProblemBody, Refused};
use crate::state::Api;

/// A server running cake. What it last said of itself stays when it is not connected.
#[derive(Serialize, ToSchema)]
pub struct Node {
    pub id: Uuid,
    pub name: String,
    pub connected: bool,
    pub host_name: Option<String>,
    pub version: Option<String>,
    pub epoch: Option<u64>,
    /// `kvm`, `tcg`.
    pub accelerator: Option<&'static str>,
    /// Why guests are translated: `no-device`, `no-permission`, `guest-did-not-run`, `asked`.
    pub tcg_because: Option<String>,
    /// QEMU's version.
    pub qemu: Option<String>,
    /// `systemd`, `detached`.
    pub launcher: Option<String>,
    pub cpus: Option<u32>,
    /// Bytes.
    pub memory: Option<u64>,
    /// Bytes.
    pub memory_available: Option<u64>,
    #[schema(value_type = Option<String>, format = "date-time")]
    pub started_at: Option<Timestamp>,
    /// What VMs can be bridged to, by name.
    pub bridges: Vec<Bridge>,
}

/// A bridge of a server.
#[derive(Serialize, ToSchema)]
pub struct Bridge {
    pub name: String,
    /// It carries packets.
    pub up: bool,
    /// The server's own addresses on it.
    pub addresses: Vec<String>,
    /// Interfaces of the server that are its ports.
    pub members: Vec<String>,
}

impl From<&BridgeStatus> for Bridge {
    fn from(bridge: &BridgeStatus) -> Self {
        let BridgeStatus { name, up, addresses, members } = bridge;
        Self {
            name: name.to_string(),
            up: *up,
            addresses: addresses.iter().map(ToString::to_string).collect(),
            members: members.clone(),
        }
    }
}

#[derive(Serialize, ToSchema)]
pub struct NodeList {
    pub items: Vec<Node>,
    pub next: Option<String>,
}

impl From<&NodeEntry> for Node {
    fn from(entry: &NodeEntry) -> Self {
        let NodeEntry { node: domain::Node { meta, key: _ }, status, connected, disks: _, sticks: _, scan: _ } = entry;
        let Meta { id, project: _, name, generation: _, created_at: _, updated_at: _ } = meta;
        let mut node = Self {
            id: id.0,
            name: name.to_string(),
            connected: *connected,
            host_name: None,
            version: None,
            epoch: None,
            accelerator: None,
            tcg_because: None,
            qemu: None,
            launcher: None,
            cpus: None,
            memory: None,
            memory_available: None,
            started_at: None,
            bridges: Vec::new(),
        };
        if let Some(status) = status {
            node.fill(status);
        }
        node
    }
}

impl Node {
    fn fill(&mut self, status: &NodeStatus) {
        let NodeStatus {
            host_name,
            version,
            epoch,
            accelerator,
            qemu,
            launcher,
            capacity,
            started_at,
            bridges,
            ups: _,
            host: _,
        } = status;
        let NodeCapacity { cpus, memory, memory_available } = capacity;
        self.host_name = Some(host_name.clone());
        self.version = Some(version.clone());
        self.epoch = Some(epoch.0);
        (self.accelerator, self.tcg_because) = match accelerator {
            Accelerator::Kvm => (Some("kvm"), None),
            Accelerator::Tcg { because } => (Some("tcg"), Some(word(because))),
        };
        self.qemu = Some(qemu.clone());
        self.launcher = Some(launcher.clone());
        self.cpus = Some(*cpus);
        self.memory = Some(memory.bytes());
        self.memory_available = Some(memory_available.bytes());
        self.started_at = Some(*started_at);
        self.bridges = bridges.iter().map(Bridge::from).collect();
    }
}

/// All servers.
#[utoipa::path(get, path = "/v1/nodes", operation_id = "node_list", tag = "nodes",
    params(("limit" = Option<usize>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, body = NodeList), (status = "default", body = ProblemBody)))]
pub(crate) async fn list(State(api): State<Api>, Params(page): Params<Paging>) -> Result<Response, Refused> {
    let all = api.board.nodes();
    let (items, next) = page.part(all.iter().map(|entry| Node::from(&**entry)), |node| node.id)?;
    Ok(ready_json(serde_json::to_vec(&NodeList { items, next }).expect("nodes are JSON")))
}

/// One server, by id or name.
#[utoipa::path(get, path = "/v1/nodes/{node}", operation_id = "node_get", tag = "nodes", params(("node" = String, Path)),
    responses((status = 200, body = Node), (status = "default", body = ProblemBody)))]
pub(crate) async fn get(State(api): State<Api>, Path(node): Path<String>) -> Result<Response, Refused> {
    let entry = find(&api, &node)?;
    Ok(ready_json(serde_json::to_vec(&Node::from(&*entry)).expect("a node is JSON")))
}

pub(super) fn find(api: &Api, node: &str) -> Result<Arc<NodeEntry>, Problem> {
    let is = |entry: &Arc<NodeEntry>| entry.node.meta.id.to_string() == node || entry.node.meta.name.as_str() == node;
    api.board.nodes().into_iter().find(is).ok_or_else(|| Problem::not_found("node", node))
}
