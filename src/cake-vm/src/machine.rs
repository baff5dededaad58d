//! The state machine of one VM: what happened goes in, what to do comes out. Pure: no clock, no I/O.
//!
//! ```text
//!              Make                Start                    QMP: it runs
//!   Unmade ──────────► Making ───► Off ──────────► Starting ─────────────► Running ◄── stop, cont ──► Paused
//!     ▲                  │ failed   ▲                 │                    ▲     │ power button         │
//!     │ newer spec       ▼          │ ended           │           too late │     ▼                      │
//!     └─────────────── Broken       ├──── Ending ◄────┤ Kill              ShuttingDown                  │
//!                                   │       ▲         │                          │ the guest is off     │
//!                                   │       └─────────┴──────── Kill ────────────┴──────────────────────┘
//!                                   │
//!   Starting, taking over a QEMU that can't be reached for a reason of ours: after a back-off, again
//!                                   │
//!                                   └──── anything else that ends QEMU: halted, or a back-off, then Start again
//!
//!   to be removed, from everywhere:  (Kill, ended) ──► Removing ──► Removed
//!                                                         ▲ │ failed: after a back-off, again
//!                                                         └─┘
//! ```
//!
//! [`Machine::handle`] notes what happened, then compares where the VM is with where it should be and says the next step. At
//! most one command is at QEMU at a time; killing waits for nothing.

mod settle;
#[cfg(test)]
mod tests;

use crate::request::{Denied, Edge, Operation, RequestQueue};
use cake_planner::vm_power::{AfterEnd, LOOP, STEADY, after_end, back_off};
use cake_types::{ExitReason, Failure, FailureCode, Generation, OperationId, Power, Restart, Stamp, VmState};
use std::time::Instant;

/// What the VM should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Desired {
    pub stamp: Stamp,
    pub power: Power,
    pub restart: Restart,
    pub removing: bool,
}

/// Commands for a QEMU that lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    Stop,
    Continue,
    Reset,
    PowerButton,
    /// Let another QEMU take the guest over. A failure leaves the guest where it was.
    Replace(OperationId),
}

/// What a QEMU says of itself once it can be spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    Running,
    Paused,
    /// The guest is off and QEMU waits, because nobody was there to see it.
    GuestOff,
    /// The guest's kernel, or QEMU's machine, is beyond going on.
    Crashed,
}

/// How an operation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Done,
    Failed(Failure),
    /// Something later made it pointless.
    Superseded,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    Desired(Desired),
    /// Whoever had it halted at this generation wants nothing of it any more.
    Released(Generation),
    Made(Result<(), Failure>),
    /// A start or an adoption has come to its end. After a failure no QEMU of this VM is alive.
    Started(Result<Found, Failure>),
    /// A QEMU lives and could not be taken over, for a reason that is ours.
    Unreached(Failure),
    /// QEMU lives and answers a command.
    Answered {
        command: Command,
        result: Result<(), Failure>,
    },
    /// The guest switched itself off; QEMU waits.
    GuestOff,
    /// The guest panicked, or QEMU stopped its machine for good.
    GuestCrashed,
    /// A disk error that is worth waiting for (no space): QEMU has stopped the guest.
    DiskTrouble(Failure),
    /// QEMU says that the guest does not run, and it was not heard why.
    FoundStopped,
    /// QEMU's process is gone.
    Ended(ExitReason),
    Removed(Result<(), Failure>),
    /// Time has passed; see [`Machine::wake_at`].
    Tick,
}

/// Something to do. Except for `Kill`, its end comes back as an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Make what is missing of disks and files.
    Make,
    /// Give up making: nobody wants it any more. Comes back as `Made`.
    CancelMake,
    Start {
        paused: bool,
    },
    /// Take over the QEMU that lives.
    Adopt,
    /// Durably, before anything that follows in the list: the operation is about to happen and must not happen again.
    Begin {
        operation: OperationId,
    },
    Tell(Command),
    /// Ends QEMU at once, or as soon as it exists.
    Kill,
    Finish {
        operation: OperationId,
        outcome: Outcome,
    },
    /// Durably, before anything that follows in the list.
    Halt {
        reason: ExitReason,
        generation: Generation,
        by_host: bool,
    },
    Remove,
}

/// Where a VM is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Unmade,
    Making,
    Broken,
    Off,
    Starting,
    Running,
    Paused,
    /// `ends`: it is ended when the time is over.
    ShuttingDown {
        operation: OperationId,
        deadline: Instant,
        ends: bool,
    },
    Ending,
    Removing,
    Removed,
}

#[derive(Debug)]
pub struct Machine {
    desired: Desired,
    phase: Phase,
    requests: RequestQueue,
    /// At QEMU, with the operation that it belongs to.
    telling: Option<(Command, Option<Operation>)>,
    failure: Option<Failure>,
    /// The generation at which it was halted.
    halted: Option<Generation>,
    /// QEMU stopped the guest by itself; not to be continued before `retry_at`.
    trouble: bool,
    restarts: u32,
    in_a_row: u32,
    started_at: Option<Instant>,
    retry_at: Option<Instant>,
    killing: bool,
    /// When a QEMU that could not be reached is tried again, and how often it was.
    adopt_at: Option<Instant>,
    unreached: u32,
    /// While it starts: ended then, because it is to be halted.
    halt_by: Option<Instant>,
    /// Asked for again while it is made: what was missing may be there now.
    make_again: bool,
}

impl Machine {
    /// `halted`: what is durably known of it. `alive`: a QEMU of this VM lives. Gives the first step.
    pub fn new(desired: Desired, halted: Option<Generation>, alive: bool, now: Instant) -> (Self, Vec<Effect>) {
        let mut machine = Self {
            desired,
            phase: if alive { Phase::Starting } else { Phase::Unmade },
            requests: RequestQueue::default(),
            telling: None,
            failure: None,
            halted: halted.filter(|generation| *generation >= desired.stamp.generation),
            trouble: false,
            restarts: 0,
            in_a_row: 0,
            started_at: None,
            retry_at: None,
            killing: false,
            adopt_at: None,
            unreached: 0,
            halt_by: None,
            make_again: false,
        };
        let mut effects = if alive { vec![Effect::Adopt] } else { Vec::new() };
        machine.settle(now, &mut effects);
        (machine, effects)
    }

    /// Notes what happened and says what to do, in this order.
    pub fn handle(&mut self, input: Input, now: Instant) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.note(input, now, &mut effects);
        self.settle(now, &mut effects);
        effects
    }

    /// Takes an operation in. Its outcome comes as [`Effect::Finish`], once.
    pub fn operate(&mut self, operation: Operation, now: Instant) -> Result<Vec<Effect>, Denied> {
        if self.is_doing(operation.id) {
            return Ok(Vec::new());
        }
        self.requests.ask(self.state(), operation)?;
        if let (Phase::Starting, Edge::Halt { within }) = (self.phase, operation.edge) {
            let due = now + within;
            self.halt_by = Some(self.halt_by.map_or(due, |before| before.min(due)));
        }
        let mut effects = Vec::new();
        self.settle(now, &mut effects);
        Ok(effects)
    }

    /// Replacements that wait for their turn are not wanted any more.
    pub fn call_off(&mut self) -> Vec<Effect> {
        let superseded =
            |operation: Operation| Effect::Finish { operation: operation.id, outcome: Outcome::Superseded };
        self.requests.take_replacements().into_iter().map(superseded).collect()
    }

    fn is_doing(&self, id: OperationId) -> bool {
        let telling = matches!(self.telling, Some((_, Some(operation))) if operation.id == id);
        telling || matches!(self.phase, Phase::ShuttingDown { operation, .. } if operation == id)
    }

    pub fn state(&self) -> VmState {
        match self.phase {
            Phase::Unmade => VmState::Pending,
            Phase::Making => VmState::Provisioning,
            Phase::Broken => VmState::Failed,
            // Waiting to be started again, or not to be started again after a failure.
            Phase::Off if self.failure.is_some() => VmState::Failed,
            Phase::Off => VmState::Stopped,
            Phase::Starting if self.killing => VmState::Stopping,
            Phase::Starting => VmState::Starting,
            // QEMU has not said yet that the button is pressed; the guest may know already.
            Phase::Running if matches!(self.telling, Some((Command::PowerButton, _))) => VmState::ShuttingDown,
            Phase::Running => VmState::Running,
            Phase::Paused => VmState::Paused,
            Phase::ShuttingDown { .. } => VmState::ShuttingDown,
            Phase::Ending => VmState::Stopping,
            Phase::Removing | Phase::Removed => VmState::Deleting,
        }
    }

    pub fn desired(&self) -> &Desired {
        &self.desired
    }

    pub fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }

    pub fn is_halted(&self) -> bool {
        self.halted.is_some()
    }

    /// How often it was started again since the spec last changed.
    pub fn restarts(&self) -> u32 {
        self.restarts
    }

    /// When [`Input::Tick`] is due.
    pub fn wake_at(&self) -> Option<Instant> {
        match self.phase {
            Phase::ShuttingDown { deadline, .. } => Some(deadline),
            Phase::Starting if self.killing => self.adopt_at,
            Phase::Starting => self.adopt_at.into_iter().chain(self.halt_by).min(),
            Phase::Off => self.retry_at,
            Phase::Broken if self.desired.removing => self.retry_at,
            Phase::Paused if self.desired.power == Power::Running => self.retry_at,
            _ => None,
        }
    }

    /// Nothing is at work and nothing will happen unless somebody asks.
    pub fn is_idle(&self) -> bool {
        match self.phase {
            Phase::Removed => true,
            // A removal that failed is tried again.
            Phase::Broken => !self.desired.removing,
            Phase::Off => self.retry_at.is_none() && self.requests.is_empty(),
            _ => false,
        }
    }

    pub fn is_removed(&self) -> bool {
        self.phase == Phase::Removed
    }
}
