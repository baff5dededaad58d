//! What is ordered of servers: each order happens once for its operation, whoever is killed.
//!
//! ```text
//!   accepted (node.db) ──► begun (node.db) ──► worker ──► outcome (node.db, board)
//!        │                    └─ killed here: done again if twice is once, else `interrupted`: somebody has to look
//!        └─ killed here: done
//! ```

use super::Servers;
use super::wire::{Order, Trouble};
use crate::database::PendingOrder;
use cake_node_api::{NodeError, Observed, OperationResult, ServerOutcome};
use cake_types::{BmcProblem, Epoch, Failure, FailureCode, OperationId, ServerId, ServerVerb};
use jiff::Timestamp;
use std::sync::Arc;

impl Servers {
    pub async fn operate(
        self: &Arc<Self>,
        epoch: Epoch,
        operation: OperationId,
        server: ServerId,
        verb: ServerVerb,
    ) -> Result<(), NodeError> {
        let order = PendingOrder { operation, server, verb, begun: false };
        // A machine that is not the one that is meant is not switched off.
        if self.is_another(server) {
            return Err(NodeError::Bmc { problem: BmcProblem::Another });
        }
        if self.database().accept_order(epoch, order).await? {
            self.hand_over(order).await;
        }
        Ok(())
    }

    /// What an earlier run of this program accepted. Those that have not begun wait for the worker.
    pub(super) async fn resume_orders(&self) -> Result<(), NodeError> {
        for order in self.database().pending_orders().await? {
            if order.begun && !order.verb.is_idempotent() {
                self.finish(&order, Err(interrupted())).await;
            }
        }
        Ok(())
    }

    /// To a worker that has just come and knows whom it watches.
    pub(super) async fn hand_over_orders(&self) {
        self.state().takes_orders = true;
        match self.database().pending_orders().await {
            Ok(orders) => {
                for order in orders {
                    self.hand_over(order).await;
                }
            }
            Err(error) => tracing::error!(error = crate::chain(&error), "orders to servers can't be read: {error}"),
        }
    }

    /// The worker has gone: what it had begun may have happened.
    pub(super) async fn interrupted(&self) {
        if let Err(error) = self.resume_orders().await {
            tracing::error!(%error, "orders to servers can't be read: {error}");
        }
    }

    async fn hand_over(&self, order: PendingOrder) {
        let PendingOrder { operation, server: id, verb, begun: _ } = order;
        let row = self.state().rows.get(&id).cloned();
        let refuse = |code, detail: &str| Err(Trouble { code, detail: detail.into() });
        let refused = match row {
            None => refuse(FailureCode::BmcSilent, "the server is not here any more"),
            Some(row) if row.server.spec.bmc.is_none() => refuse(FailureCode::BmcSilent, "the server has no BMC"),
            Some(row) if row.refused => refuse(FailureCode::BmcRefused, "the BMC refused the password before"),
            Some(_) => Ok(()),
        };
        if refused.is_err() {
            return self.finish(&order, refused).await;
        }
        if !self.state().takes_orders {
            // It is handed over when the worker is there.
            return self.wanted.notify_one();
        }
        match self.database().begin_order(operation).await {
            // Accepted just as a worker came: it was handed over already, and twice is not once.
            Ok(false) if !verb.is_idempotent() => return,
            Ok(_) => {}
            Err(error) => {
                tracing::error!(error = crate::chain(&error), "an order can't be written down: {error}");
                return;
            }
        }
        if !self.tell(Order::Do { id, operation, verb }) && !verb.is_idempotent() {
            self.finish(&order, Err(interrupted())).await;
        }
    }

    pub(super) async fn done(&self, operation: OperationId, result: Result<(), Trouble>) {
        let pending = self.database().pending_orders().await.unwrap_or_default();
        if let Some(order) = pending.iter().find(|order| order.operation == operation) {
            self.finish(order, result).await;
        }
    }

    async fn finish(&self, order: &PendingOrder, result: Result<(), Trouble>) {
        let result = match result {
            Ok(()) => OperationResult::Done,
            Err(Trouble { code, detail }) => OperationResult::Failed(Failure { code, detail }),
        };
        let PendingOrder { operation, server, .. } = *order;
        let outcome = ServerOutcome { operation, server, at: Timestamp::now(), result };
        if let Err(error) = self.database().finish_order(outcome.clone()).await {
            tracing::error!(error = crate::chain(&error), "the outcome of an order can't be written down: {error}");
        }
        self.board().tell(Observed::ServerOperation(outcome));
    }
}

fn interrupted() -> Trouble {
    Trouble { code: FailureCode::Interrupted, detail: "cake was interrupted while the BMC was asked".into() }
}
