//! Operations of VMs.

use super::journal::{Journal, Pending};
use super::{Database, DatabaseError};
use cake_node_api::{OperationOutcome, Verb};
use cake_types::{OperationId, VmId};
use rusqlite::{Connection, OptionalExtension};

const JOURNAL: Journal = Journal { table: "operations", subject: "vm" };

/// Accepted, and without an outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PendingOperation {
    pub id: OperationId,
    pub vm: VmId,
    pub verb: Verb,
    /// It was about to happen when it was last heard of, and may have happened.
    pub begun: bool,
}

impl Database {
    /// Writes an operation down before it is done. `false`: it is known already.
    pub async fn accept(&self, operation: PendingOperation) -> Result<bool, DatabaseError> {
        let PendingOperation { id, vm, verb, begun: _ } = operation;
        self.write(move |connection| JOURNAL.accept(connection, id, vm.0, &verb)).await
    }

    pub async fn knows_operation(&self, id: OperationId) -> Result<bool, DatabaseError> {
        self.read(move |connection| {
            let found = connection
                .query_row("SELECT 1 FROM operations WHERE id = ?1", [id.0.into_bytes()], |_| Ok(()))
                .optional()?;
            Ok(found.is_some())
        })
        .await
    }

    /// It turned out not to be legal: as if it had never been asked.
    pub async fn withdraw(&self, id: OperationId) -> Result<(), DatabaseError> {
        self.write(move |connection| {
            connection.execute("DELETE FROM operations WHERE id = ?1 AND outcome IS NULL", [id.0.into_bytes()])?;
            Ok(())
        })
        .await
    }

    /// It is about to happen.
    pub async fn begin(&self, id: OperationId) -> Result<(), DatabaseError> {
        self.write(move |connection| JOURNAL.begin(connection, id).map(drop)).await
    }

    pub async fn finish(&self, outcome: OperationOutcome) -> Result<(), DatabaseError> {
        self.write(move |connection| JOURNAL.finish(connection, outcome.operation, &outcome)).await
    }

    pub async fn pending_operations(&self) -> Result<Vec<PendingOperation>, DatabaseError> {
        let pending = self.read(|connection| JOURNAL.pending(connection)).await?;
        let operation = |Pending { id, subject, verb, begun }| PendingOperation { id, vm: VmId(subject), verb, begun };
        Ok(pending.into_iter().map(operation).collect())
    }

    pub async fn outcomes(&self) -> Result<Vec<OperationOutcome>, DatabaseError> {
        self.read(|connection| JOURNAL.outcomes(connection)).await
    }
}

/// Whether its server has ordered it to end, and that is not over yet.
pub(super) fn is_being_halted(connection: &Connection, vm: VmId) -> Result<bool, DatabaseError> {
    let mut statement = connection.prepare("SELECT verb FROM operations WHERE vm = ?1 AND outcome IS NULL")?;
    let verbs = statement.query_and_then([vm.0.into_bytes()], |row| {
        let verb: String = row.get(0)?;
        Ok::<Verb, DatabaseError>(serde_json::from_str(&verb)?)
    })?;
    for verb in verbs {
        if let Verb::Halt { .. } = verb? {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use cake_node_api::OperationResult;
    use cake_types::{ExitReason, Generation, HaltedBy};
    use jiff::Timestamp;

    #[tokio::test]
    async fn who_ends_while_ordered_to_ends_by_that_order() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(&folder.path().join("node.db")).unwrap();
        let (vm, other, halt) = (VmId::now(), VmId::now(), OperationId::now());
        let at = Timestamp::UNIX_EPOCH;
        let halted = HaltedBy { reason: ExitReason::Guest, generation: Generation(1), at, by_host: false };
        let by_host = async |vm| database.set_halted(vm, halted).await.unwrap().by_host;
        let accept = async |id, verb| database.accept(PendingOperation { id, vm, verb, begun: false }).await.unwrap();
        accept(OperationId::now(), Verb::Shutdown { seconds: 60 }).await;
        assert!(!by_host(vm).await, "a person asked");
        accept(halt, Verb::Halt { seconds: 60 }).await;
        assert!(by_host(vm).await && !by_host(other).await);
        let result = OperationResult::Done;
        database.finish(OperationOutcome { operation: halt, vm, at, result }).await.unwrap();
        assert!(!by_host(vm).await, "that one is carried out");
    }
}
