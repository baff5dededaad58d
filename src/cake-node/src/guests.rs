//! Guests that go off because their server does, and come back.

use crate::database::{DatabaseError, VmRow};
use crate::service::{Node, assignment};
use cake_node_api::{NodeService, Verb};
use cake_types::{OperationId, Power, VmId};
use cake_vm::Surroundings;
use cake_vm::machine::Outcome;
use jiff::Timestamp;
use std::collections::HashSet;
use std::sync::Arc;

/// A guest, and the operation by which it is asked to shut down.
pub(crate) type Asked = (VmId, OperationId);

/// VMs that run, or would when they can.
pub(crate) async fn wanted(node: &Node) -> Vec<Asked> {
    const PAGE: u32 = 64;
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let rows = match node.house.database.vms_after(after, PAGE).await {
            Ok(rows) => rows,
            Err(error) => {
                tracing::error!(error = crate::chain(&error), "VMs can't be read: {error}");
                return found;
            }
        };
        let Some(last) = rows.last() else { return found };
        after = Some(last.vm.meta.id);
        let runs = |row: &VmRow| row.vm.spec.power != Power::Stopped && row.halted.is_none() && !row.removing;
        found.extend(rows.iter().filter(|row| runs(row)).map(|row| (row.vm.meta.id, OperationId::now())));
    }
}

/// All at once: the same operation again is nothing new.
pub(crate) async fn halt(node: &Node, vms: &[Asked], seconds: u32) {
    for (id, operation) in vms {
        if let Err(error) = node.operate(*operation, *id, Verb::Halt { seconds }).await {
            tracing::info!(vm = %id, %error, "VM {id} is not shut down: {error}");
        }
    }
}

/// How many that were asked have not ended yet.
pub(crate) async fn left(node: &Node, vms: &[Asked]) -> Result<usize, DatabaseError> {
    let asked: HashSet<OperationId> = vms.iter().map(|(_, operation)| *operation).collect();
    let pending = node.house.database.pending_operations().await?;
    Ok(pending.iter().filter(|operation| asked.contains(&operation.id)).count())
}

/// Those that went off since then start again; who goes off only now does so when this is done once more.
pub(crate) async fn release(node: &Node, vms: &[Asked], since: Timestamp) {
    for (id, _) in vms {
        match node.house.database.release(*id, since).await {
            Ok(Some(row)) => node.engine.release(Arc::new(assignment(row))).await,
            Ok(None) => {}
            Err(error) => tracing::error!(vm = %id, error = crate::chain(&error), "VM {id} stays off: {error}"),
        }
    }
}

/// The machine was off since they were asked, and no VM has been taken up yet: they are to run, and nobody has to end them any more.
pub(crate) async fn release_after_boot(node: &Node, vms: &[Asked], since: Timestamp) -> Result<(), DatabaseError> {
    let database = &node.house.database;
    let pending: HashSet<OperationId> = database.pending_operations().await?.into_iter().map(|one| one.id).collect();
    for (id, operation) in vms {
        if pending.contains(operation) {
            node.house.finished(*id, *operation, Outcome::Superseded).await;
        }
        database.release(*id, since).await?;
    }
    Ok(())
}
