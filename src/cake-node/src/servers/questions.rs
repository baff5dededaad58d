//! Questions that the worker answers. Who asks of a server that can't be asked is told so at once.

use super::Servers;
use super::wire::{Answered, NoConsole, Order};
use cake_node_api::{NodeError, ServerLog};
use cake_types::{BmcProblem, Part, ServerId};
use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::sync::atomic::Ordering;
use tokio::sync::oneshot;

pub(super) type Waiting<T> = HashMap<u64, oneshot::Sender<T>>;

/// Those that wait, by the number of their question. They go with the worker.
#[derive(Default)]
pub(super) struct Questions {
    pub logs: Waiting<Result<ServerLog, BmcProblem>>,
    pub parts: Waiting<Result<Vec<Part>, BmcProblem>>,
    pub redfish: Waiting<Answered>,
    pub consoles: Waiting<Result<(), NoConsole>>,
}

pub(super) const fn refused(problem: BmcProblem) -> NodeError {
    NodeError::Bmc { problem }
}

impl Servers {
    pub async fn log(&self, id: ServerId, after: Option<String>) -> Result<ServerLog, NodeError> {
        self.asked(id, |all| &mut all.logs, |ask| Order::Log { id, ask, after }, None).await?.map_err(refused)
    }

    pub async fn parts(&self, id: ServerId) -> Result<Vec<Part>, NodeError> {
        self.asked(id, |all| &mut all.parts, |ask| Order::Parts { id, ask }, None).await?.map_err(refused)
    }

    /// Hands a question over and waits for its answer.
    pub(super) async fn asked<T>(
        &self,
        id: ServerId,
        waiting: fn(&mut Questions) -> &mut Waiting<T>,
        order: impl FnOnce(u64) -> Order,
        descriptor: Option<OwnedFd>,
    ) -> Result<T, NodeError> {
        let row = self.state().rows.get(&id).cloned().ok_or(NodeError::Unknown)?;
        if row.server.spec.bmc.is_none() {
            return Err(refused(BmcProblem::NoDevice));
        }
        if row.refused {
            return Err(refused(BmcProblem::Refused));
        }
        let (send, answer) = oneshot::channel();
        let ask = self.next_ask.fetch_add(1, Ordering::Relaxed);
        waiting(&mut self.state().questions).insert(ask, send);
        if !self.tell_with(order(ask), descriptor) {
            waiting(&mut self.state().questions).remove(&ask);
            return Err(refused(BmcProblem::Worker));
        }
        // The sender goes with the worker.
        answer.await.map_err(|_| refused(BmcProblem::Worker))
    }

    pub(super) fn answered<T>(&self, waiting: fn(&mut Questions) -> &mut Waiting<T>, ask: u64, answer: T) {
        let asked = waiting(&mut self.state().questions).remove(&ask);
        if let Some(asked) = asked {
            // Whoever asked may have gone.
            let _ = asked.send(answer);
        }
    }

    /// Another machine answers there than the one that is meant.
    pub(super) fn is_another(&self, id: ServerId) -> bool {
        self.board().server(id).is_some_and(|status| status.problem == Some(BmcProblem::Another))
    }
}
