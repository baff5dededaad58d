//! What may be asked of a VM in which state. Pure; the reasons are an enum, so that every one has a sentence.
//!
//! Desired power may always be set: it is state, and the engine goes there from wherever it is. Edges are legal only where they
//! mean something; a halt always means that it stays off:
//! The engine is replaced only of a guest that runs.
//!
//! ```text
//!                 reset             shut down            halt
//!  running        yes               yes                  yes
//!  shutting down  yes: the request  no: asked already    yes
//!                 is forgotten
//!  paused         yes               no: it would not     yes: ended at once
//!                                   notice
//!  starting       no: not running   no: not running      yes: asked once it runs, ended when the time is over
//!  removed, lost  no                no                   no
//!  all others     no: not running   no: not running      yes: noted
//! ```

use cake_types::{OperationId, VmState};
use std::collections::VecDeque;
use std::time::Duration;

/// Edges that wait for the one before them. A person's clicks; more is a mistake.
pub const MOST_WAITING: usize = 16;

/// Something that happens once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// The reset button.
    Reset,
    /// The power button: the guest is asked and has so long to do it.
    Shutdown { within: Duration },
    /// The same, and then the end: root stops it for good.
    Halt { within: Duration },
    /// Another QEMU, that of the current engine, takes the guest over.
    ReplaceEngine,
}

/// An edge with the id that makes it happen once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operation {
    pub id: OperationId,
    pub edge: Edge,
}

/// Why an edge is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    #[error("it is not running")]
    NotRunning,
    #[error("it is paused: the guest would not notice")]
    Paused,
    #[error("it has been asked to shut down already")]
    AlreadyAsked,
    #[error("it is being removed")]
    Removing,
    #[error("{MOST_WAITING} requests wait already")]
    TooMany,
}

/// Whether an edge means something in a state.
pub fn admit(state: VmState, edge: Edge) -> Result<(), Denied> {
    match (state, edge) {
        (VmState::Running, _) | (VmState::Paused | VmState::ShuttingDown, Edge::Reset | Edge::Halt { .. }) => Ok(()),
        (VmState::Paused, Edge::Shutdown { .. }) => Err(Denied::Paused),
        (VmState::Paused | VmState::ShuttingDown, Edge::ReplaceEngine) => Err(Denied::NotRunning),
        (VmState::ShuttingDown, Edge::Shutdown { .. }) => Err(Denied::AlreadyAsked),
        (VmState::Deleting, _) => Err(Denied::Removing),
        (VmState::Lost, Edge::Halt { .. }) => Err(Denied::NotRunning),
        (_, Edge::Halt { .. }) => Ok(()),
        (
            VmState::Pending
            | VmState::Provisioning
            | VmState::Stopped
            | VmState::Starting
            | VmState::Stopping
            | VmState::Failed
            | VmState::Lost,
            _,
        ) => Err(Denied::NotRunning),
    }
}

/// Admitted edges in the order in which they came.
#[derive(Clone, Debug, Default)]
pub struct RequestQueue {
    waiting: VecDeque<Operation>,
}

impl RequestQueue {
    /// Takes an edge in, if it is legal in `state`. The same operation twice waits once.
    pub fn ask(&mut self, state: VmState, operation: Operation) -> Result<(), Denied> {
        if self.waiting.iter().any(|known| known.id == operation.id) {
            return Ok(());
        }
        admit(state, operation.edge)?;
        let shutdown = |known: &Operation| matches!(known.edge, Edge::Shutdown { .. });
        if shutdown(&operation) && self.waiting.iter().any(shutdown) {
            return Err(Denied::AlreadyAsked);
        }
        if self.waiting.len() >= MOST_WAITING {
            return Err(Denied::TooMany);
        }
        self.waiting.push_back(operation);
        Ok(())
    }

    /// The one whose turn it is.
    pub fn take(&mut self) -> Option<Operation> {
        self.waiting.pop_front()
    }

    /// Whether one of those that wait is a halt.
    pub fn has_halt(&self) -> bool {
        self.waiting.iter().any(is_halt)
    }

    /// The halts among those that wait.
    pub fn take_halts(&mut self) -> Vec<Operation> {
        let (halts, others): (Vec<_>, Vec<_>) = self.waiting.drain(..).partition(is_halt);
        self.waiting = others.into();
        halts
    }

    /// The replacements among those that wait.
    pub fn take_replacements(&mut self) -> Vec<Operation> {
        let is_one = |operation: &Operation| operation.edge == Edge::ReplaceEngine;
        let (replacements, others): (Vec<_>, Vec<_>) = self.waiting.drain(..).partition(is_one);
        self.waiting = others.into();
        replacements
    }

    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// All that waits, because something made it pointless.
    pub fn clear(&mut self) -> impl Iterator<Item = Operation> + use<> {
        std::mem::take(&mut self.waiting).into_iter()
    }
}

fn is_halt(operation: &Operation) -> bool {
    matches!(operation.edge, Edge::Halt { .. })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use uuid::Uuid;

    const STATES: [VmState; 11] = [
        VmState::Pending,
        VmState::Provisioning,
        VmState::Stopped,
        VmState::Starting,
        VmState::Running,
        VmState::Paused,
        VmState::ShuttingDown,
        VmState::Stopping,
        VmState::Failed,
        VmState::Deleting,
        VmState::Lost,
    ];

    fn operation(number: u8, shutdown: bool) -> Operation {
        let within = Duration::from_secs(1);
        let edge = match (shutdown, number % 2) {
            (true, _) => Edge::Shutdown { within },
            (false, 0) => Edge::Reset,
            (false, _) => Edge::Halt { within },
        };
        Operation { id: OperationId(Uuid::from_u128(number.into())), edge }
    }

    proptest! {
        /// Against the simplest model: a list, and the table of the module's documentation.
        #[test]
        fn the_queue_is_a_list_with_a_table(steps in prop::collection::vec((0..11usize, 0..20u8, any::<bool>(), any::<bool>()), 0..80)) {
            let mut queue = RequestQueue::default();
            let mut model: Vec<Operation> = Vec::new();
            for (state, number, shutdown, take) in steps {
                let (state, operation) = (STATES[state], operation(number, shutdown));
                let legal = match state {
                    VmState::Running => true,
                    VmState::Paused | VmState::ShuttingDown => !shutdown,
                    VmState::Deleting | VmState::Lost => false,
                    _ => is_halt(&operation),
                };
                let known = model.iter().any(|other| other.id == operation.id);
                let second = shutdown && model.iter().any(|other| matches!(other.edge, Edge::Shutdown { .. }));
                let expected = known || (legal && !second && model.len() < MOST_WAITING);
                prop_assert_eq!(queue.ask(state, operation).is_ok(), expected);
                if expected && !known {
                    model.push(operation);
                }
                if take {
                    prop_assert_eq!(queue.take(), (!model.is_empty()).then(|| model.remove(0)));
                }
                prop_assert_eq!(queue.is_empty(), model.is_empty());
            }
            prop_assert_eq!(queue.clear().collect::<Vec<_>>(), model);
        }
    }

    #[test]
    fn every_refusal_has_its_reason() {
        let (reset, shutdown) = (operation(2, false).edge, operation(1, true).edge);
        assert_eq!(admit(VmState::Stopped, reset), Err(Denied::NotRunning));
        assert_eq!(admit(VmState::Paused, shutdown), Err(Denied::Paused));
        assert_eq!(admit(VmState::ShuttingDown, shutdown), Err(Denied::AlreadyAsked));
        assert_eq!(admit(VmState::Deleting, reset), Err(Denied::Removing));
    }
}
