//! This server, powered off or started anew because somebody asked: guests first, then itself. A soft reboot leaves the guests alone.
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
use cake_install::next_root;
use cake_node_api::NodeError;
use cake_planner::leaving::{self, PATIENCE, Seen, Step};
use cake_planner::update;
use cake_types::{Departed, Leaving, LeavingEnd, LeavingStage, LeavingWay};
use std::io;
use std::path::Path;
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
        && !same_start(&departure).await
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

/// Whether the machine has not started anew since the order began. A soft reboot is told by how many there were: the boot is the same.
async fn same_start(departure: &Departure) -> bool {
    let same_boot = boot_id().is_ok_and(|boot| boot == departure.boot);
    match departure.soft_reboots {
        // Who can't be asked has not told of one.
        Some(before) if same_boot => !power::soft_reboots().await.is_ok_and(|now| now != before),
        _ => same_boot,
    }
}

/// What a soft reboot begins with: how many there were, and the version that it brings. Refused where it can't bring one.
pub async fn soft(node: &Node) -> Result<(u32, String), NodeError> {
    let host = node.house.board.node().host.unwrap_or_default();
    let update = host.update.unwrap_or_default();
    let version =
        update::may_soft_reboot(&update).map_err(|problem| NodeError::Invalid { detail: format!("{problem:?}") })?;
    let before = power::soft_reboots().await.map_err(|error| NodeError::Internal { detail: crate::chain(&error) })?;
    Ok((before, version.to_owned()))
}

/// Why the next root is not ready.
#[derive(Debug, thiserror::Error)]
enum NotReady {
    #[error(transparent)]
    Bus(#[from] SettingsError),
    #[error("the order to make the next root ready can't be written")]
    Io(#[from] io::Error),
    #[error("{0}")]
    Refused(String),
}

/// Has the root of a version made ready, or that of an order before taken away.
async fn make_ready(version: Option<&str>) -> Result<(), NotReady> {
    let room = Path::new(next_root::ROOM);
    next_root::want(room, version)?;
    if power::run_unit(next_root::UNIT).await? {
        return Ok(());
    }
    let silent = || "the next root was not made ready; the log of cake-next-root says why".to_owned();
    Err(NotReady::Refused(next_root::refused(room).unwrap_or_else(silent)))
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
        let Departure { way, stage, seconds, asked_again, .. } = self.departure;
        Ok(Seen {
            way,
            same_start: same_start(&self.departure).await,
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
            LeavingWay::SoftReboot => match make_ready(self.departure.version.as_deref()).await {
                Ok(()) => power::soft_reboot().await,
                Err(NotReady::Bus(error)) => Err(error),
                Err(error) => return self.fail(crate::chain(&error)).await,
            },
        };
        match told {
            Ok(()) if self.departure.way == LeavingWay::SoftReboot => {
                tracing::warn!("the next root is ready: all programs start anew, guests go on");
                Ok(false)
            }
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
            Err(error) => self.fail(crate::chain(&error)).await,
        }
    }

    /// The server stays.
    async fn fail(&mut self, detail: String) -> Result<bool, DatabaseError> {
        tracing::error!("this server does not go: {detail}");
        if self.departure.way == LeavingWay::SoftReboot
            && let Err(error) = make_ready(None).await
        {
            tracing::warn!("the root that was made ready stays: {}", crate::chain(&error));
        }
        self.end(LeavingEnd::Failed, Some(detail)).await?;
        Ok(true)
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
