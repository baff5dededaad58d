//! What is ordered of a server, once, through its BMC.
//!
//! ```text
//!   order ──► Store: task (with the audit record) ──► node, which writes it down ──► BMC ──► outcome ──► the task ends
//! ```

use cake_types::{OperationId, Problem, ProjectName, ServerVerb, Stamp, Task, TaskGoal};
use std::sync::Arc;

use super::{Servers, subject, unheard, with_bmc};
use crate::board::ServerEntry;
use crate::caller::{Caller, Keep};

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
        self.ledger.task_asked(caller, subject(&entry.server), task.clone(), keep).await?;
        self.hand_over(&task).await;
        Ok(Arc::new(task))
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
        let handed = node.client.operate_server(node.epoch, operation, server, order).await;
        self.ledger.handed(task.subject.id, operation, handed);
    }
}
