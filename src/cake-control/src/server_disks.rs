//! The disks of a server: they are asked again when somebody wants to know.
//!
//! What they last said is on the board ([`crate::board::NodeEntry::disks`]); alerts follow from that.

use cake_store::Txn;
use cake_types::{Problem, ServerDisk};
use std::sync::Arc;

use crate::board::NodeEntry;
use crate::caller::{Caller, Keep};
use crate::error;
use crate::ledger::Ledger;
use crate::nodes::{Nodes, subject};

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
        let connected = self.nodes.require_this(entry.node.meta.id)?;
        let disks = connected.client.read_disks().await.map_err(error::node)?;
        let audit = self.ledger.audit(caller, Some(subject(&entry.node)));
        self.ledger.commit(keep.write(Txn::new(), &disks, self.ledger.now()), audit).await?;
        Ok(disks)
    }
}
