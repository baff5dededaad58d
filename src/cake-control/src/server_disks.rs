//! The disks of a server: they are asked again when somebody wants to know.
//!
//! What they last said is on the board ([`crate::board::NodeEntry::disks`]); alerts follow from that.

use cake_store::Txn;
use cake_types::{Code, Problem, ServerDisk, Subject};
use std::sync::Arc;

use crate::board::NodeEntry;
use crate::caller::{Caller, Keep};
use crate::error;
use crate::ledger::Ledger;
use crate::nodes::Nodes;

pub struct DiskReader {
    ledger: Arc<Ledger>,
    nodes: Arc<Nodes>,
}

impl DiskReader {
    pub fn new(ledger: Arc<Ledger>, nodes: Arc<Nodes>) -> Self {
        Self { ledger, nodes }
    }

    /// Has the server ask each of its disks how it is.
    pub async fn read(
        &self,
        caller: &Caller,
        entry: &NodeEntry,
        keep: &Keep<Vec<ServerDisk>>,
    ) -> Result<Vec<ServerDisk>, Problem> {
        let meta = &entry.node.meta;
        let connected = self.nodes.require()?;
        if connected.node != meta.id {
            return Err(Problem::new(Code::NodeUnreachable));
        }
        let disks = connected.client.read_disks().await.map_err(error::node)?;
        let subject = Subject { kind: "node".into(), id: meta.id.0, name: meta.name.to_string() };
        let audit = self.ledger.audit(caller, Some(subject));
        self.ledger.commit(keep.write(Txn::new(), &disks, self.ledger.now()), audit).await?;
        Ok(disks)
    }
}
