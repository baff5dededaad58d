//! When guests and server are to end because the power has, and how far that is.
//!
//! ```text
//!            the power is about to end        all guests are off          it can be powered off
//!  Watching ───────────────────────► Guests ────────────────────► Host ─────────────────────────► (gone)
//!     ▲                                │ all off, and power is back │ it can't
//!     │                                │                            ▼
//!     └────────── guests start ────────┴──────── power is back ── Stays
//! ```
//!
//! What was begun is written down by whoever does it: after a restart in the same boot it goes on from there, after another boot
//! the power was off, and the guests start again ([`resumed`]).

use cake_types::{UpsFlag, UpsStatus};
use std::time::Duration;

/// A UPS that does not say how long it lasts, and is not heard any more while it feeds us from its battery, is taken to be empty
/// after this time.
pub const SILENCE: Duration = Duration::from_secs(15);
/// So long guests have at most to shut down by themselves.
pub const GRACE: Duration = Duration::from_secs(60);
/// In its first moments on battery many a UPS says nonsense about how long it lasts.
pub const SETTLE: Duration = Duration::from_secs(3);

/// What a UPS last said, as far as it matters here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    pub on_line: bool,
    pub on_battery: bool,
    pub low: bool,
    pub forced: bool,
    /// It uses its battery to try it: that is no power cut.
    pub calibrating: bool,
    /// How long it lasts.
    pub runtime: Option<Duration>,
}

impl Reading {
    pub fn of(status: &UpsStatus) -> Self {
        Self {
            on_line: status.is(UpsFlag::OnLine),
            on_battery: status.is(UpsFlag::OnBattery),
            low: status.is(UpsFlag::LowBattery),
            forced: status.is(UpsFlag::Forced),
            calibrating: status.is(UpsFlag::Calibrating),
            runtime: status.runtime.map(|seconds| Duration::from_secs(seconds.into())),
        }
    }

    /// The power is there, and stays as far as anybody knows. A UPS that says neither is no reason to start anything.
    pub const fn is_well(&self) -> bool {
        self.on_line && !self.on_battery && !self.forced
    }
}

/// What is known of the power.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    pub reading: Reading,
    /// How long ago that was said.
    pub age: Duration,
    /// How long the battery has been in use, as far as it was heard.
    pub on_battery_for: Duration,
}

/// Why the end begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Because {
    /// The UPS says that its battery is nearly empty.
    LowBattery,
    /// Its NUT server is about to cut the power.
    Forced,
    /// The battery lasts no longer than was asked for.
    TimeLeft,
    /// It fed us from its battery when it was last heard, and does not say how long that lasts.
    Silent,
}

/// Whether the power is about to end; `left` is how much run time has to be left for guests and server.
pub fn due(left: Duration, seen: &Seen) -> Option<Because> {
    let Seen { reading, age, on_battery_for } = *seen;
    if reading.forced {
        return Some(Because::Forced);
    }
    if !reading.on_battery || reading.calibrating {
        return None;
    }
    if reading.low {
        return Some(Because::LowBattery);
    }
    match reading.runtime {
        // What was said a while ago has been used up since.
        Some(runtime) => (on_battery_for >= SETTLE && runtime.saturating_sub(age) <= left).then_some(Because::TimeLeft),
        None => (age >= SILENCE).then_some(Because::Silent),
    }
}

/// Seconds that guests have: half of the time that there is, so that the server has the other half.
pub fn grace(left: Duration) -> u32 {
    (left / 2).min(GRACE).as_secs() as u32
}

/// How far the end has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stage {
    #[default]
    Watching,
    Guests,
    Host,
    Stays,
}

/// What to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Nothing,
    /// Shut the guests down; those that do not obey in time are ended.
    EndGuests(Because),
    PowerOff,
    /// The power is back and the server still there: guests that were shut down start again.
    Release,
}

/// The one step that follows from what is so. `guests_left`: some that were asked have not ended yet.
pub fn step(stage: Stage, due: Option<Because>, well: bool, guests_left: bool) -> Step {
    match stage {
        Stage::Watching => due.map_or(Step::Nothing, Step::EndGuests),
        // Who was asked to shut down can't be asked not to.
        Stage::Guests if guests_left => Step::Nothing,
        Stage::Guests if well => Step::Release,
        Stage::Guests => Step::PowerOff,
        // There is no way back from that.
        Stage::Host => Step::Nothing,
        Stage::Stays if well => Step::Release,
        Stage::Stays => Step::Nothing,
    }
}

/// What a node finds that begins anew and had begun the end before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resumed {
    /// The machine was off since: the guests are to run.
    Release,
    GoOn(Stage),
}

/// `going_down`: the machine is shutting down, so nobody has to ask for it again.
pub const fn resumed(same_boot: bool, stage: Stage, going_down: bool) -> Resumed {
    match (same_boot, stage) {
        (false, _) => Resumed::Release,
        // It was about to ask, and may have been ended before it did: the guests are off, so it asks next.
        (true, Stage::Host) if !going_down => Resumed::GoOn(Stage::Guests),
        (true, stage) => Resumed::GoOn(stage),
    }
}

#[cfg(test)]
#[path = "ups_tests.rs"]
mod tests;
