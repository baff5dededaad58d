//! This server, powered off or started anew because somebody asked: guests first, then itself.
//!
//! ```text
//!  order ──► node.db (before anything is done) ──► [`cake_planner::leaving`] ──► halt guests ──► systemd
//!                 ▲                                         │
//!                 └── called off · another boot · killed ───┴──► guests start again, how it ended is told
//! ```

use crate::database::{DatabaseError, Departure};
use crate::guests;
use crate::service::Node;
use cake_host::identity::boot_id;
use cake_host::power;
use cake_host::system_settings::SettingsError;
use cake_planner::leaving::{self, PATIENCE, Seen, Step};
use cake_types::{Departed, Leaving, LeavingEnd, LeavingStage, LeavingWay};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// Between two looks at guests that shut down.
const CLOSELY: Duration = Duration::from_millis(500);

/// Carries out orders, for as long as the node runs; `orders` says that there may be one.
pub async fn run(node: Arc<Node>, mut orders: watch::Receiver<()>) {
    loop {
        orders.mark_unchanged();
        match node.house.database.departure().await {
            Ok(Some(departure)) => Watch::new(&node, departure).see_through(&mut orders).await,
            Ok(None) => {}
            Err(error) => tracing::error!(error = crate::chain(&error), "orders to go off can't be read: {error}"),
        }
        if orders.changed().await.is_err() {
            return;
        }
    }
}

/// Before VMs are taken up: an order that the machine has carried out since is over, and its guests are to run again.
pub async fn after_boot(node: &Node) -> Result<(), DatabaseError> {
    let database = &node.house.database;
    if let Some(departure) = database.departure().await?
        && !same_boot(&departure)
    {
        tracing::info!("this server has started again: VMs that were shut down for it do too");
        guests::release_after_boot(node, &departure.vms, departure.at).await?;
        let called_off = departure.stage == LeavingStage::Back;
        let end = if called_off { LeavingEnd::Cancelled } else { LeavingEnd::Done };
        database.end_departure(Departed { operation: departure.operation, end, detail: None }).await?;
    }
    let left = database.left().await?;
    node.house.board.change_host(|host| host.left = left);
    Ok(())
}

fn same_boot(departure: &Departure) -> bool {
    boot_id().is_ok_and(|boot| boot == departure.boot)
}

struct Watch<'a> {
    node: &'a Node,
    departure: Departure,
    /// Since when guests are waited for.
    waiting_since: Instant,
    /// Since when systemd can't be reached.
    unheard_since: Option<Instant>,
}

impl<'a> Watch<'a> {
    fn new(node: &'a Node, departure: Departure) -> Self {
        Self { node, departure, waiting_since: Instant::now(), unheard_since: None }
    }

    async fn see_through(mut self, orders: &mut watch::Receiver<()>) {
        if self.departure.stage == LeavingStage::Guests {
            tracing::warn!(way = self.departure.way.as_str(), "this server is to go: its guests are shut down first");
            guests::halt(self.node, &self.departure.vms, self.departure.seconds).await;
        }
        loop {
            match self.look().await {
                Ok(true) => return,
                Ok(false) => {}
                Err(error) => tracing::error!(error = crate::chain(&error), "an order to go off waits: {error}"),
            }
            // Who calls it off does not wait for the next look.
            let _ = tokio::time::timeout(CLOSELY, orders.changed()).await;
        }
    }

    /// Does the one step that follows, and tells. `true`: it is over.
    async fn look(&mut self) -> Result<bool, DatabaseError> {
        match self.node.house.database.departure().await? {
            Some(now) => self.departure = now,
            None => return Ok(true),
        }
        let left = guests::left(self.node, &self.departure.vms).await?;
        self.tell(left);
        match leaving::step(&self.seen(left).await?) {
            Step::Wait => {}
            Step::AskLate => self.ask_late().await?,
            Step::Release => self.release().await,
            Step::Go => return self.go().await,
            Step::End(end) => {
                self.end(end, None).await?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn seen(&self, left: usize) -> Result<Seen, DatabaseError> {
        let Departure { stage, seconds, asked_again, .. } = self.departure;
        Ok(Seen {
            same_boot: same_boot(&self.departure),
            stage,
            left,
            waited: self.waiting_since.elapsed(),
            grace: Duration::from_secs(seconds.into()),
            asked_again,
            power_ends: self.node.house.database.ending().await?.is_some(),
            going_down: stage == LeavingStage::Host && power::is_going_down().await.unwrap_or(false),
        })
    }

    fn tell(&self, left: usize) {
        let Departure { operation, way, stage, ref vms, .. } = self.departure;
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let leaving = Leaving { operation, way, stage, guests: count(vms.len()), left: count(left) };
        self.node.house.board.change_host(|host| host.leaving = Some(leaving));
    }

    async fn release(&self) {
        guests::release(self.node, &self.departure.vms, self.departure.at).await;
    }

    /// Somebody may have started a guest meanwhile. Asked once: who can't be ended must not keep the server on.
    async fn ask_late(&mut self) -> Result<(), DatabaseError> {
        let late = guests::wanted(self.node).await;
        self.node.house.database.ask_late(self.departure.operation, late.clone()).await?;
        self.waiting_since = Instant::now();
        guests::halt(self.node, &late, self.departure.seconds).await;
        Ok(())
    }

    /// Tells systemd. From then on this program waits to be ended, unless systemd does not take the order.
    async fn go(&mut self) -> Result<bool, DatabaseError> {
        if !self.node.house.database.go(self.departure.operation).await? {
            return Ok(false);
        }
        self.departure.stage = LeavingStage::Host;
        self.tell(0);
        let told = match self.departure.way {
            LeavingWay::PowerOff => power::power_off().await,
            LeavingWay::Reboot => power::reboot().await,
        };
        match told {
            Ok(()) => {
                tracing::warn!(way = self.departure.way.as_str(), "all guests are off: this server goes");
                Ok(false)
            }
            Err(SettingsError::Bus(error))
                if self.unheard_since.get_or_insert_with(Instant::now).elapsed() < PATIENCE =>
            {
                tracing::warn!(error = crate::chain(&error), "systemd can't be told: it is tried again");
                Ok(false)
            }
            Err(error) => {
                tracing::error!(error = crate::chain(&error), "this server does not go: {error}");
                self.end(LeavingEnd::Failed, Some(crate::chain(&error))).await?;
                Ok(true)
            }
        }
    }

    /// Its guests are let go first: killed in between, it is done again.
    async fn end(&self, end: LeavingEnd, detail: Option<String>) -> Result<(), DatabaseError> {
        self.release().await;
        let left = Departed { operation: self.departure.operation, end, detail };
        self.node.house.database.end_departure(left.clone()).await?;
        self.node.house.board.change_host(|host| (host.leaving, host.left) = (None, Some(left)));
        Ok(())
    }
}
