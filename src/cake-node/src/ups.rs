//! The watch over the power supply: asks its NUT server, and ends guests and server when the power is about to.
//!
//! ```text
//!  cake_host::ups (what it says) ──► [`cake_planner::ups`] (what follows) ──► halt every VM ──► power off
//!            └──► board                        ▲                                   │
//!                                              └─ node.db: what was begun ◄────────┘  (before it is done)
//! ```
//!
//! It needs nobody: caked only says which power supply it is.

use crate::database::{DatabaseError, Ending};
use crate::guests::{self, Asked};
use crate::service::Node;
use cake_host::identity::boot_id;
use cake_host::power;
use cake_host::system_settings::SettingsError;
use cake_host::ups::{Login, Session, SessionError, Target, Told};
use cake_planner::leaving::BEYOND;
use cake_planner::ups::{self, Because, Reading, Resumed, Seen, Stage, Step};
use cake_types::{UpsProblem, UpsShutdown, UpsSpec, UpsStatus};
use jiff::Timestamp;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;
use zeroize::Zeroizing;

/// Between two questions: on the mains, on battery, and while guests shut down.
const SELDOM: Duration = Duration::from_secs(5);
const OFTEN: Duration = Duration::from_secs(2);
const CLOSELY: Duration = Duration::from_millis(500);

/// Watches what `spec` says, for as long as the node runs.
pub async fn run(node: Arc<Node>, mut spec: watch::Receiver<Option<UpsSpec>>) {
    loop {
        let now = spec.borrow_and_update().clone();
        let changed = tokio::select! {
            () = watch_over(&node, now) => spec.changed().await,
            changed = spec.changed() => changed,
        };
        if changed.is_err() {
            return;
        }
    }
}

/// Before VMs are taken up: those that ended because the power was about to, and was off since, are to run again.
pub async fn after_boot(node: &Node) -> Result<(), DatabaseError> {
    let database = &node.house.database;
    let Some(ending) = database.ending().await? else { return Ok(()) };
    let stage = stage_of(ending.stage);
    if ups::resumed(boot_id().is_ok_and(|boot| boot == ending.boot), stage, false) == Resumed::Release {
        tracing::info!("the power is back: VMs that were shut down for it start again");
        guests::release_after_boot(node, &ending.vms, ending.at).await?;
        database.set_ending(None).await?;
    }
    Ok(())
}

/// Returns when there is nothing to watch.
async fn watch_over(node: &Node, spec: Option<UpsSpec>) {
    let mut watch = Watch::resume(node, spec).await;
    loop {
        watch.look().await;
        if watch.spec.is_none() && watch.ending.is_none() {
            return;
        }
        tokio::time::sleep(watch.pause()).await;
    }
}

struct Watch<'a> {
    node: &'a Node,
    spec: Option<UpsSpec>,
    session: Option<Session>,
    status: UpsStatus,
    /// When the status was last heard.
    heard: Option<Instant>,
    on_battery_since: Option<Instant>,
    ending: Option<Ending>,
    /// Since when guests are waited for.
    waiting_since: Instant,
    /// Guests that came while the others went were asked too.
    asked_again: bool,
}

const fn stage_of(shutdown: UpsShutdown) -> Stage {
    match shutdown {
        UpsShutdown::Guests => Stage::Guests,
        UpsShutdown::Host => Stage::Host,
        UpsShutdown::Stays => Stage::Stays,
    }
}

impl<'a> Watch<'a> {
    /// Goes on with what was begun.
    async fn resume(node: &'a Node, spec: Option<UpsSpec>) -> Self {
        let mut watch = Self {
            node,
            spec,
            session: None,
            status: UpsStatus { problem: Some(UpsProblem::Unreachable), ..UpsStatus::default() },
            heard: None,
            on_battery_since: None,
            ending: None,
            waiting_since: Instant::now(),
            asked_again: false,
        };
        watch.ending = node.house.database.ending().await.unwrap_or_else(|error| {
            tracing::error!(error = crate::chain(&error), "whether an end was begun can't be read: {error}");
            None
        });
        if let Some(ending) = &mut watch.ending {
            let going_down = ending.stage == UpsShutdown::Host && power::is_going_down().await.unwrap_or(false);
            if ups::resumed(true, stage_of(ending.stage), going_down) == Resumed::GoOn(Stage::Guests) {
                ending.stage = UpsShutdown::Guests;
                let vms = ending.vms.clone();
                watch.halt(&vms).await;
            }
        }
        watch
    }

    fn pause(&self) -> Duration {
        match &self.ending {
            Some(Ending { stage: UpsShutdown::Guests, .. }) => CLOSELY,
            _ if self.on_battery_since.is_some() => OFTEN,
            _ => SELDOM,
        }
    }

    fn left(&self) -> Duration {
        Duration::from_secs(60 * u64::from(self.spec.as_ref().map_or(0, |spec| spec.minutes)))
    }

    /// Asks, does the one step that follows, and tells.
    async fn look(&mut self) {
        self.listen().await;
        let reading = Reading::of(&self.status);
        let since = |at: Option<Instant>| at.map_or(Duration::ZERO, |at| at.elapsed());
        let seen = Seen { reading, age: since(self.heard), on_battery_for: since(self.on_battery_since) };
        // Who watches nothing any more has no reason to keep guests off.
        let well = self.spec.is_none() || (self.status.is_heard() && reading.is_well());
        let due = self.heard.and_then(|_| ups::due(self.left(), &seen));
        let stage = self.ending.as_ref().map_or(Stage::Watching, |ending| stage_of(ending.stage));
        let left = stage == Stage::Guests && self.guests_left().await;
        match ups::step(stage, due, well, left) {
            Step::Nothing => {}
            Step::EndGuests(because) => self.end_guests(because).await,
            Step::PowerOff if self.ask_late_guests().await => {}
            Step::PowerOff => self.power_off().await,
            Step::Release => self.release().await,
        }
        self.status.shutdown = self.ending.as_ref().map(|ending| ending.stage);
        self.node.house.board.set_ups(self.spec.is_some().then(|| self.status.clone()));
    }

    async fn listen(&mut self) {
        let Some(spec) = self.spec.clone() else { return };
        match self.ask(&spec).await {
            Ok(Told { model, flags, charge, runtime, load }) => {
                let refused = self.session.as_ref().is_some_and(|session| session.refused);
                let problem = refused.then_some(UpsProblem::Login);
                let (offered, shutdown) = (Vec::new(), None);
                self.status = UpsStatus { model, flags, charge, runtime, load, problem, offered, shutdown };
                let now = Instant::now();
                self.heard = Some(now);
                let on_battery = Reading::of(&self.status).on_battery;
                self.on_battery_since = on_battery.then(|| self.on_battery_since.unwrap_or(now));
            }
            Err(error) => {
                if self.status.problem != Some(error.problem()) {
                    tracing::warn!(error = crate::chain(&error), "UPS {}: {error}", spec.name);
                }
                // What is only not known any more is kept: it may matter how long the battery lasted.
                self.status.problem = Some(error.problem());
                self.status.offered = error.offered().to_vec();
                self.session = None;
            }
        }
    }

    async fn ask(&mut self, spec: &UpsSpec) -> Result<Told, SessionError> {
        if let Some(session) = &mut self.session {
            return session.read().await;
        }
        let target = Target { host: &spec.host, port: spec.port, ups: &spec.name };
        let password = spec.password.as_ref().and_then(|sealed| sealed.open(&self.node.house.key).ok());
        let password = Zeroizing::new(password.unwrap_or_default());
        let login = spec.user.as_deref().map(|user| Login { user, password: &password });
        let session = self.session.insert(Session::open(&target, login.as_ref()).await?);
        session.read().await
    }

    /// Whether a guest that was asked has not ended yet, within the time that it has.
    async fn guests_left(&self) -> bool {
        let Some(ending) = &self.ending else { return false };
        let patience = Duration::from_secs(ups::grace(self.left()).into()) + BEYOND;
        if self.waiting_since.elapsed() > patience {
            return false;
        }
        match guests::left(self.node, &ending.vms).await {
            Ok(left) => left > 0,
            Err(error) => {
                tracing::error!(error = crate::chain(&error), "which guests are left can't be read: {error}");
                false
            }
        }
    }

    async fn end_guests(&mut self, because: Because) {
        tracing::warn!(?because, "the power is about to end: guests are shut down, then this server");
        let vms = guests::wanted(self.node).await;
        let (boot, at) = (boot_id().unwrap_or_default(), Timestamp::now());
        self.keep(Some(Ending { boot, at, stage: UpsShutdown::Guests, vms })).await;
        (self.waiting_since, self.asked_again) = (Instant::now(), false);
        let vms = self.ending.as_ref().map(|ending| ending.vms.clone()).unwrap_or_default();
        self.halt(&vms).await;
    }

    async fn halt(&self, vms: &[Asked]) {
        guests::halt(self.node, vms, ups::grace(self.left())).await;
    }

    /// Somebody may have started a guest meanwhile. Asked once: who can't be ended must not keep the server on.
    async fn ask_late_guests(&mut self) -> bool {
        if std::mem::replace(&mut self.asked_again, true) {
            return false;
        }
        let late = guests::wanted(self.node).await;
        let Some(mut ending) = self.ending.clone().filter(|_| !late.is_empty()) else { return false };
        ending.vms.extend_from_slice(&late);
        self.keep(Some(ending)).await;
        self.waiting_since = Instant::now();
        self.halt(&late).await;
        true
    }

    async fn power_off(&mut self) {
        self.advance(UpsShutdown::Host).await;
        let off = match self.node.hands_off {
            None => power::power_off().await,
            Some(_) => Err(SettingsError::NotAvailable),
        };
        match off {
            Ok(()) => tracing::warn!("all guests are off: this server powers itself off"),
            Err(error) => {
                tracing::error!(error = crate::chain(&error), "this server is not powered off: {error}");
                self.advance(UpsShutdown::Stays).await;
            }
        }
    }

    /// The power is back.
    async fn release(&mut self) {
        let Some(ending) = self.ending.take() else { return };
        tracing::info!("the power is back: guests that were shut down for it start again");
        guests::release(self.node, &ending.vms, ending.at).await;
        self.keep(None).await;
    }

    async fn advance(&mut self, stage: UpsShutdown) {
        if let Some(ending) = self.ending.clone() {
            self.keep(Some(Ending { stage, ..ending })).await;
        }
    }

    /// Durable when it returns. A disk that is full is no reason to let guests die.
    async fn keep(&mut self, ending: Option<Ending>) {
        if let Err(error) = self.node.house.database.set_ending(ending.clone()).await {
            tracing::error!(error = crate::chain(&error), "what was begun can't be written down: {error}");
        }
        self.ending = ending;
    }
}
