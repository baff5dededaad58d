//! What servers and VMs used, asked of the node that keeps it.

use cake_node_api::{ClientError, NodeError};
use cake_types::{Counters, NodeId, Problem, Span, UsageHistory, UsageOf};
use std::sync::Arc;

use crate::board::VmEntry;
use crate::error;
use crate::nodes::Nodes;

pub struct UsageReader {
    nodes: Arc<Nodes>,
}

impl UsageReader {
    pub fn new(nodes: Arc<Nodes>) -> Self {
        Self { nodes }
    }

    /// `after`: only what is newer, in seconds since 1970.
    pub async fn of_node(&self, node: NodeId, span: Span, after: Option<i64>) -> Result<UsageHistory, Problem> {
        let connected = self.nodes.require_this(node)?;
        connected.client.history(UsageOf::Node, span, after).await.map_err(error::node)
    }

    /// As above. A VM that its node does not know yet has used nothing.
    pub async fn of_vm(&self, vm: &VmEntry, span: Span, after: Option<i64>) -> Result<UsageHistory, Problem> {
        let connected = self.nodes.require()?;
        match connected.client.history(UsageOf::Vm(vm.id()), span, after).await {
            Err(ClientError::Refused(NodeError::Unknown)) => {
                let first = after.unwrap_or_default();
                Ok(UsageHistory { span, first, columns: Vec::new(), set_aside: None })
            }
            other => other.map_err(error::node),
        }
    }

    /// What the node and its VMs have used since they were started; nothing while it does not answer.
    pub async fn counters(&self) -> Option<(NodeId, Counters)> {
        let connected = self.nodes.connected()?;
        match connected.client.counters().await {
            Ok(counters) => Some((connected.node, counters)),
            Err(refused) => {
                tracing::warn!(error = %error::chain(&refused), "the node gives no counters");
                None
            }
        }
    }
}
