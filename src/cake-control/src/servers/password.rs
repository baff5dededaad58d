//! A new password for a BMC. The one of before and the new one are in the Store until one of them is proven, so that nobody is ever
//! locked out, whoever is killed.
//!
//! ```text
//!   node: a strong one, sealed ──► Store: kept beside (with the task) ──► node: the same, written down ──► BMC: set, then a session
//!   with it ──► outcome ──► Store: it is the password ──► the task ends
//! ```
//! One that could not be proven stays beside the other: the node uses whichever the BMC takes, and whoever asks again goes on with it.

use cake_store::{Expect, Txn, TxnOutcome};
use cake_types::{
    BmcAccess, BmcProblem, Code, OperationId, Problem, ProjectName, Server, ServerId, ServerVerb, Task, TaskGoal,
    TaskKind,
};
use std::sync::Arc;

use super::{Servers, subject, unheard, with_bmc};
use crate::board::ServerEntry;
use crate::caller::{Caller, Keep};
use crate::secret;
use crate::{error, keys, record};

impl Servers {
    /// Gives the BMC's user a strong password that nobody has to know.
    pub async fn new_password(
        &self,
        caller: &Caller,
        entry: &ServerEntry,
        keep: &Keep<Task>,
    ) -> Result<Arc<Task>, Problem> {
        let _one = self.adding.lock().await;
        let node = self.nodes.require()?;
        with_bmc(entry)?;
        let Some(bmc) = entry.server.spec.bmc.as_ref().filter(|bmc| bmc.access != BmcAccess::Local) else {
            return Err(Problem::new(Code::NoBmc).with("name", &entry.server.meta.name));
        };
        // What is not heard can't be told anything, and what is set can't be proven.
        let status = entry.status.as_ref().filter(|status| status.read_at.is_some());
        if let Some(problem) = status.map_or(Some(BmcProblem::Silent), |status| status.problem) {
            return Err(unheard(entry, problem));
        }
        let at_it = |task: &Arc<Task>| task.kind == TaskKind::ServerPassword;
        if self.ledger.board.tasks_of(entry.id().0).iter().any(at_it) {
            return Err(Problem::new(Code::IllegalNow).with("action", "update").with("state", "running"));
        }
        let mut server = entry.server.clone();
        let next = match &bmc.next {
            Some(next) => next.clone(),
            None => {
                let readers = secret::readers(&self.ledger, self.settings.recovery_key())?;
                node.client.new_password(readers).await.map_err(error::node)?
            }
        };
        if let Some(bmc) = &mut server.spec.bmc {
            bmc.next = Some(next);
        }
        (server.meta.generation, server.meta.updated_at) = (server.meta.generation.next(), self.ledger.now());
        let (kind, order) = (TaskKind::ServerPassword, ServerVerb::SetPassword);
        let goal = TaskGoal::Ordered { operation: OperationId::now(), order };
        let task = self.ledger.new_task(&ProjectName::default(), subject(&server), caller, kind, goal);
        let key = keys::server(entry.id());
        let txn = Txn::new()
            .guard(key.clone(), Expect::Revision(entry.revision))
            .put(key, record::encode(&server))
            .put(keys::task(task.id), record::encode(&task));
        let mut audit = self.ledger.audit(caller, Some(subject(&server)));
        let txn = audit.write(keep.write(txn, &task, self.ledger.now()));
        let TxnOutcome::Committed { revision } = self.ledger.store.txn(txn).await.map_err(error::store)? else {
            return Err(Problem::new(Code::Stale));
        };
        let task = Arc::new(task);
        self.ledger.board.put_task(task.clone());
        self.ledger.board.put_server(server, revision);
        self.ledger.audited(audit).await?;
        self.hand_over(&task).await;
        Ok(task)
    }

    /// The BMC takes the new one: it is the password. Again, it changes nothing.
    pub(crate) async fn password_proven(&self, id: ServerId) -> Result<(), Problem> {
        let Some(entry) = self.ledger.board.server(id) else { return Ok(()) };
        let mut server: Server = entry.server.clone();
        let Some(bmc) = server.spec.bmc.as_mut().filter(|bmc| bmc.next.is_some()) else { return Ok(()) };
        (bmc.password, bmc.weak) = (bmc.next.take(), None);
        (server.meta.generation, server.meta.updated_at) = (server.meta.generation.next(), self.ledger.now());
        let key = keys::server(id);
        let txn = Txn::new().guard(key.clone(), Expect::Revision(entry.revision)).put(key, record::encode(&server));
        match self.ledger.store.txn(txn).await.map_err(error::store)? {
            TxnOutcome::Committed { revision } => self.ledger.board.put_server(server, revision),
            // Somebody was faster: it is looked at again.
            TxnOutcome::Refused { .. } => return Err(Problem::new(Code::Stale)),
        }
        Ok(())
    }
}
