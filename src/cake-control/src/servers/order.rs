//! What is ordered of a server, once, through its BMC.
//!
//! ```text
//!   order ──► Store: task (with the audit record) ──► node, which writes it down ──► BMC ──► outcome ──► the task ends
//! ```

use cake_node_api::{ClientError, NodeError};
use cake_store::Txn;
use cake_types::{Failure, FailureCode, OperationId, Problem, ProjectName, ServerVerb, Stamp, Task, TaskGoal};
use std::sync::Arc;

use super::{Servers, subject, unheard, with_bmc};
use crate::board::ServerEntry;
use crate::caller::{Caller, Keep};
use crate::{error, keys, record};

impl Servers {
    pub async fn order(
        &self,
        caller: &Caller,
        entry: &ServerEntry,
        verb: ServerVerb,
        keep: &Keep<Task>,
    ) -> Result<Arc<Task>, Problem> {
        self.nodes.require()?;
        with_bmc(entry)?;
        if let Some(problem) = entry.status.as_ref().and_then(|status| status.problem).filter(|p| p.is_lasting()) {
            return Err(unheard(entry, problem));
        }
        let (kind, operation) = (verb.task_kind(), OperationId::now());
        let goal = TaskGoal::Ordered { operation, order: verb };
        let task = self.ledger.new_task(&ProjectName::default(), subject(&entry.server), caller, kind, goal);
        let txn = Txn::new().put(keys::task(task.id), record::encode(&task));
        let audit = self.ledger.audit(caller, Some(subject(&entry.server)));
        self.ledger.commit(keep.write(txn, &task, self.ledger.now()), audit).await?;
        let task = Arc::new(task);
        self.ledger.board.put_task(task.clone());
        self.hand_over(&task).await;
        Ok(task)
    }

    /// Hands an order to the node, which carries it out once. A refusal is its outcome.
    pub(crate) async fn hand_over(&self, task: &Task) {
        let TaskGoal::Ordered { operation, order } = task.goal else { return };
        let (server, Some(node)) = (cake_types::ServerId(task.subject.id), self.nodes.connected()) else { return };
        if order == ServerVerb::SetPassword
            && let Some(entry) = self.ledger.board.server(server)
        {
            // It has to know the new one before it is to set it; a newer desired state knows it as well.
            let stamp = Stamp { epoch: node.epoch, generation: entry.server.meta.generation };
            let _ = node.client.apply_server(stamp, entry.server.clone()).await;
        }
        match node.client.operate_server(node.epoch, operation, server, order).await {
            Ok(()) => {}
            Err(ClientError::Refused(refusal)) => {
                let code = match refusal {
                    NodeError::Bmc { .. } => FailureCode::BmcFailed,
                    _ => FailureCode::Internal,
                };
                let failure = Failure { code, detail: refusal.to_string() };
                self.ledger.board.operation_failed(task.subject.id, operation, failure);
            }
            Err(broken) => tracing::debug!(%server, error = %error::chain(&broken), "the node went away"),
        }
    }
}
