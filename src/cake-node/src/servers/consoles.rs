//! Serial consoles of servers: a stream whose one end the worker gets, and the other whoever asked.

use super::Servers;
use super::wire::Order;
use cake_node_api::NodeError;
use cake_types::{BmcProblem, ServerId};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::Ordering;
use tokio::sync::oneshot;

impl Servers {
    /// One end of a stream of a server's console ([`cake_node_api::line`]), once the BMC has opened it. `take`: whoever has it at the
    /// BMC loses it.
    pub async fn console(&self, id: ServerId, take: bool) -> Result<OwnedFd, NodeError> {
        let row = self.state().rows.get(&id).cloned().ok_or(NodeError::Unknown)?;
        let refuse = |problem| Err(NodeError::Bmc { problem });
        let another = self.board().server(id).is_some_and(|status| status.problem == Some(BmcProblem::Another));
        match row.server.spec.bmc {
            None => return refuse(BmcProblem::NoDevice),
            Some(_) if row.refused => return refuse(BmcProblem::Refused),
            // Nobody types into a machine that is not the one that is meant.
            Some(_) if another => return refuse(BmcProblem::Another),
            Some(_) => {}
        }
        let internal = |error: std::io::Error| NodeError::Internal { detail: error.to_string() };
        let (ours, theirs) = UnixStream::pair().map_err(internal)?;
        let (send, opened) = oneshot::channel();
        let ask = self.next_ask.fetch_add(1, Ordering::Relaxed);
        self.state().consoles.insert(ask, send);
        if !self.tell_with(Order::Console { id, ask, take }, Some(theirs.into())) {
            self.state().consoles.remove(&ask);
            return refuse(BmcProblem::Worker);
        }
        // The sender goes with the worker.
        match opened.await {
            Ok(Ok(())) => Ok(ours.into()),
            Ok(Err(no)) => Err(no.into()),
            Err(_) => refuse(BmcProblem::Worker),
        }
    }
}
