//! Serial consoles of servers: a stream whose one end the worker gets, and the other whoever asked.

use super::Servers;
use super::questions::refused;
use super::wire::Order;
use cake_node_api::NodeError;
use cake_types::{BmcProblem, ServerId};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

impl Servers {
    /// One end of a stream of a server's console ([`cake_node_api::line`]), once the BMC has opened it. `take`: whoever has it at the
    /// BMC loses it.
    pub async fn console(&self, id: ServerId, take: bool) -> Result<OwnedFd, NodeError> {
        // Nobody types into a machine that is not the one that is meant.
        if self.is_another(id) {
            return Err(refused(BmcProblem::Another));
        }
        let internal = |error: std::io::Error| NodeError::Internal { detail: error.to_string() };
        let (ours, theirs) = UnixStream::pair().map_err(internal)?;
        let order = |ask| Order::Console { id, ask, take };
        self.asked(id, |all| &mut all.consoles, order, Some(theirs.into())).await?.map_err(NodeError::from)?;
        Ok(ours.into())
    }
}
