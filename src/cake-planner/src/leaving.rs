//! A server that somebody powers off or starts anew: guests first, then itself.
//!
//! ```text
//!            all guests are off            systemd takes the order
//!  Guests ────────────────────► Host ───────────────────────────────► (gone) ── another boot ──► Done
//!    │ called off                 │ it does not
//!    ▼                            ▼
//!  Back ── all are off, or up ─► Cancelled    Failed        guests that went off for it start again in all three
//! ```
//!
//! A soft reboot stops no guest: all programs are started anew, in another version, and nobody is waited for.
//!
//! What was begun is written down before it is done, with the start in which it began. So a node that was killed goes on where it
//! was, and a machine that has started again since was off: nothing is done twice.

use cake_types::{LeavingEnd, LeavingStage, LeavingWay};
use std::time::Duration;

/// What is granted to guests beyond the time that they have: who has not ended by then was ended and does not go.
pub const BEYOND: Duration = Duration::from_secs(60);
/// How long systemd is asked again where it can't be reached.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// What is so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    pub way: LeavingWay,
    /// The machine has not started anew since; after a soft reboot it has, though its kernel runs on.
    pub same_start: bool,
    pub stage: LeavingStage,
    /// Guests that were asked and have not ended.
    pub left: usize,
    /// Since when they are waited for.
    pub waited: Duration,
    /// What they have.
    pub grace: Duration,
    /// Who was started meanwhile was asked too.
    pub asked_again: bool,
    /// The power supply runs out, and that goes first.
    pub power_ends: bool,
    /// systemd is at it.
    pub going_down: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Wait,
    /// Ask guests that were started meanwhile.
    AskLate,
    /// Tell systemd.
    Go,
    /// Let guests that are down start again, and wait for the others.
    Release,
    /// Let guests start again; it is over.
    End(LeavingEnd),
}

/// The one step that follows.
pub fn step(seen: &Seen) -> Step {
    if !seen.same_start {
        let called_off = seen.stage == LeavingStage::Back;
        return Step::End(if called_off { LeavingEnd::Cancelled } else { LeavingEnd::Done });
    }
    let out_of_time = seen.waited > seen.grace + BEYOND;
    match seen.stage {
        // Who was asked to shut down can't be asked not to.
        LeavingStage::Back if seen.left > 0 && !out_of_time => Step::Release,
        LeavingStage::Back => Step::End(LeavingEnd::Cancelled),
        LeavingStage::Guests if seen.left > 0 && !out_of_time => Step::Wait,
        LeavingStage::Guests if seen.power_ends => Step::Wait,
        LeavingStage::Guests if seen.way == LeavingWay::SoftReboot => Step::Go,
        LeavingStage::Guests if !seen.asked_again => Step::AskLate,
        LeavingStage::Guests => Step::Go,
        // It was about to tell systemd, and may have been ended before it did.
        LeavingStage::Host if seen.going_down => Step::Wait,
        LeavingStage::Host => Step::Go,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use LeavingStage::{Back, Guests, Host};

    const SEEN: Seen = Seen {
        way: LeavingWay::Reboot,
        same_start: true,
        stage: Guests,
        left: 0,
        waited: Duration::ZERO,
        grace: Duration::from_secs(30),
        asked_again: true,
        power_ends: false,
        going_down: false,
    };

    #[test]
    fn guests_go_first_and_nothing_is_done_twice() {
        let long = Duration::from_secs(91);
        for (seen, wanted) in [
            (Seen { left: 2, ..SEEN }, Step::Wait),
            (Seen { left: 2, waited: Duration::from_secs(89), ..SEEN }, Step::Wait),
            (Seen { left: 2, waited: long, ..SEEN }, Step::Go),
            (Seen { asked_again: false, ..SEEN }, Step::AskLate),
            (Seen { power_ends: true, ..SEEN }, Step::Wait),
            (SEEN, Step::Go),
            (Seen { stage: Host, ..SEEN }, Step::Go),
            (Seen { stage: Host, going_down: true, ..SEEN }, Step::Wait),
            (Seen { stage: Host, same_start: false, ..SEEN }, Step::End(LeavingEnd::Done)),
            // A power cut in the middle: the guests were off, and so was the server.
            (Seen { left: 2, same_start: false, ..SEEN }, Step::End(LeavingEnd::Done)),
            (Seen { stage: Back, left: 1, ..SEEN }, Step::Release),
            (Seen { stage: Back, left: 1, waited: long, ..SEEN }, Step::End(LeavingEnd::Cancelled)),
            (Seen { stage: Back, ..SEEN }, Step::End(LeavingEnd::Cancelled)),
            (Seen { stage: Back, left: 1, same_start: false, ..SEEN }, Step::End(LeavingEnd::Cancelled)),
        ] {
            assert_eq!(step(&seen), wanted, "{seen:?}");
        }
    }

    #[test]
    fn a_soft_reboot_asks_no_guest_and_waits_for_none() {
        let soft = Seen { way: LeavingWay::SoftReboot, asked_again: false, ..SEEN };
        for (seen, wanted) in [
            (soft, Step::Go),
            (Seen { power_ends: true, ..soft }, Step::Wait),
            (Seen { stage: Host, ..soft }, Step::Go),
            (Seen { stage: Host, going_down: true, ..soft }, Step::Wait),
            (Seen { stage: Back, ..soft }, Step::End(LeavingEnd::Cancelled)),
            (Seen { stage: Host, same_start: false, ..soft }, Step::End(LeavingEnd::Done)),
        ] {
            assert_eq!(step(&seen), wanted, "{seen:?}");
        }
    }
}
