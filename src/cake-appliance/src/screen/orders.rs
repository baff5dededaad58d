//! What is ordered at the menu, carried out: by the server's node, as its console would.
//!
//! The node takes orders of whoever is root or caked, at the epoch of whoever leads: the screen takes that epoch from the node and never
//! raises it, so caked goes on leading, and sees what was done as it sees everything.

use anyhow::{Context, Result, bail};
use cake_node_api::{HostVerb, NodeClient};
use cake_types::{Epoch, LEAVING_SECONDS, LeavingWay, OperationId, UPLINK_SECONDS, UpdateEnd, UpdateOrder};
use std::path::Path;
use std::time::Duration;

use super::gather::{NODE, Sight};
use super::word;
use crate::menu::{Done, Order};
use crate::program;

/// The node answers an order once it is written down.
const PATIENCE: Duration = Duration::from_secs(20);
/// Longer than every boot partition takes to be written.
const FIRMWARE: Duration = Duration::from_secs(300);

/// What destroys the keys: this program has no right to.
const RESET: &str = "cake-reset.service";
/// Seconds that guests have whose disks are lost anyway.
const LAST_SECONDS: u32 = 10;

/// What is said when it is done, or why it is not.
pub async fn carry_out(order: Order, sight: Sight) -> Result<Done, String> {
    let kind = format!("{order:?}");
    let done = match tokio::time::timeout(PATIENCE + FIRMWARE, order_at(order, sight)).await {
        Ok(done) => done,
        Err(_) => Err(anyhow::anyhow!("the agent of this server says nothing")),
    };
    match &done {
        Ok(_) => println!("ordered at the screen: {kind}"),
        Err(error) => eprintln!("ordered at the screen and not done: {kind}: {error:#}"),
    }
    done.map_err(|error| format!("{error:#}"))
}

async fn order_at(order: Order, sight: Sight) -> Result<Done> {
    match order {
        Order::MakeWord => Ok(Done::Word(word::make()?)),
        Order::ForgetWord => word::forget().map(|()| Done::Said("The word lets nobody in any more.".into())),
        Order::Reset => reset().await.map(Done::Said),
        order => tell_node(order, sight).await.map(Done::Said),
    }
}

/// The keys first: from then on a power cut ends it as well as a restart.
async fn reset() -> Result<String> {
    system(&["start", RESET]).await.context("the keys are not destroyed")?;
    let left = async {
        let (node, epoch) = tokio::time::timeout(PATIENCE, reach()).await??;
        let leave = HostVerb::Leave { way: LeavingWay::Reboot, seconds: LAST_SECONDS };
        anyhow::Ok(node.operate_host(epoch, OperationId::now(), leave).await?)
    };
    if left.await.is_err() {
        alone(LeavingWay::Reboot).await?;
    }
    Ok("The keys are destroyed. The server starts anew.".into())
}

async fn tell_node(order: Order, sight: Sight) -> Result<String> {
    if let Order::Leave(way) = order
        && sight.borrow().facts.node.is_none()
    {
        return alone(way).await;
    }
    let (node, epoch) =
        tokio::time::timeout(PATIENCE, reach()).await.context("the agent of this server says nothing")??;
    let operation = OperationId::now();
    match order {
        Order::Leave(way) => {
            leave(&node, epoch, way).await?;
            Ok("Ordered.".into())
        }
        Order::Stay(leaving) => {
            node.operate_host(epoch, leaving, HostVerb::Stay).await?;
            Ok("Called off.".into())
        }
        Order::TryNetwork(spec) => {
            node.try_uplink(epoch, operation, *spec, UPLINK_SECONDS).await?;
            Ok("It is being set up.".into())
        }
        Order::SettleNetwork { operation, keep } => {
            node.settle_uplink(epoch, operation, keep).await?;
            Ok(if keep { "It is kept." } else { "The network before returns." }.into())
        }
        Order::GoBack => {
            node.update(epoch, operation, UpdateOrder::GoBack).await?;
            went_back(operation, sight).await?;
            leave(&node, epoch, LeavingWay::Reboot).await?;
            Ok("The version before runs at the next start, which is now.".into())
        }
        Order::MakeWord | Order::ForgetWord | Order::Reset => bail!("that is no order for the agent"),
    }
}

/// The node, and the epoch of whoever leads it.
async fn reach() -> Result<(NodeClient, Epoch)> {
    let node = NodeClient::connect(Path::new(NODE)).await.context("the agent of this server does not answer")?;
    let epoch = node.hello(None).await?.highest_epoch;
    Ok((node, epoch))
}

async fn leave(node: &NodeClient, epoch: Epoch, way: LeavingWay) -> Result<()> {
    let leave = HostVerb::Leave { way, seconds: LEAVING_SECONDS };
    Ok(node.operate_host(epoch, OperationId::now(), leave).await?)
}

/// Where there is no node to ask VMs, which was said.
async fn alone(way: LeavingWay) -> Result<String> {
    system(match way {
        LeavingWay::PowerOff => &["--no-block", "poweroff"],
        LeavingWay::Reboot => &["--no-block", "reboot"],
        LeavingWay::SoftReboot => &["--no-block", "soft-reboot"],
    })
    .await?;
    Ok("The system ends.".into())
}

async fn system(words: &'static [&'static str]) -> Result<()> {
    tokio::task::spawn_blocking(move || program::run("systemctl", words)).await.context("systemctl")?.map(drop)
}

/// Waits until the order about the firmware is over.
async fn went_back(operation: OperationId, mut sight: Sight) -> Result<()> {
    let over = sight.wait_for(|seen| seen.facts.node.as_ref().is_some_and(|node| node.update_ended(operation)));
    let over = tokio::time::timeout(FIRMWARE, over).await.context("the disks are not written")?;
    let over = over.context("nobody looks any more")?;
    let ended = over.facts.node.as_ref().and_then(|node| node.update()?.ended.clone()).context("no end")?;
    match (ended.end, ended.failure) {
        (UpdateEnd::Done, _) => Ok(()),
        (_, Some(failure)) => bail!("the disks were not written: {}", failure.detail),
        (_, None) => bail!("the disks were not written"),
    }
}
