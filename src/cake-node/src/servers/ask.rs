//! What only Redfish knows or does, asked of a BMC between its readings.

use super::Servers;
use super::watch;
use super::wire::{Order, Trouble};
use cake_bmc::{Bmc, BmcError};
use cake_node_api::NodeError;
use cake_types::{BmcProblem, ServerAnswer, ServerAsk, ServerId};
use std::sync::atomic::Ordering;
use tokio::sync::oneshot;

impl Servers {
    pub async fn ask_redfish(&self, id: ServerId, what: ServerAsk) -> Result<ServerAnswer, NodeError> {
        let another = self.board().server(id).is_some_and(|status| status.problem == Some(BmcProblem::Another));
        if another && what.is_order() {
            return Err(NodeError::Bmc { problem: BmcProblem::Another });
        }
        let (send, receive) = oneshot::channel();
        let ask = self.next_ask.fetch_add(1, Ordering::Relaxed);
        self.state().answers.insert(ask, send);
        let answer = self.ask(id, Order::Ask { id, ask, what }, receive).await?;
        answer.map_err(|Trouble { code, detail }| NodeError::BmcRefused { code, detail })
    }
}

/// In the worker. The inner error is what the BMC says, the outer why it can't be asked.
pub async fn answer(bmc: &mut dyn Bmc, what: ServerAsk) -> Result<Result<ServerAnswer, Trouble>, BmcProblem> {
    match asked(bmc, what).await {
        Ok(answer) => Ok(Ok(super::bounds::answer(answer))),
        Err(BmcError::Transport(error)) => Err(error.problem()),
        Err(error) => Ok(Err(watch::trouble(&error))),
    }
}

async fn asked(bmc: &mut dyn Bmc, what: ServerAsk) -> Result<ServerAnswer, BmcError> {
    let redfish = bmc.redfish().ok_or(BmcError::Unsupported)?;
    match what {
        ServerAsk::Drives => redfish.bmc_drives().await.map(ServerAnswer::Drives),
        ServerAsk::LightDrive { drive, on } => redfish.light_drive(&drive, on).await.map(|()| ServerAnswer::Done),
    }
}
