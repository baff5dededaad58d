//! Leadership and convergence: which epoch a new leader takes, and what to do about each object that a node reports.
//!
//! ```text
//!                     node has it                       node has it not     node removed it
//!  Store has it       same content → leave              apply               lost
//!                     other content → apply (newer)
//!  … from a backup    found                             lost                lost
//!  Store deletes it   remove                            forget              forget
//!  Store has it not   orphaned, never removed           –                   –
//! ```

use cake_types::{Epoch, Generation, Stamp};

/// The epoch that a new leader takes: above everything that the Store or any node has seen. A Store restored from an old copy
/// holds a lower epoch than its nodes; this is how it raises its own.
pub fn lead(store: Epoch, node: Epoch) -> Epoch {
    store.max(node).next()
}

/// An object as a node holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    Nothing,
    Tombstone,
    Object {
        stamp: Stamp,
        /// The node's content is the Store's.
        same: bool,
    },
}

/// An object as the Store holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    Nothing,
    Deleting(Generation),
    Object(Generation),
    /// Came out of a backup: the disks may be elsewhere, so nothing is made anew and nothing started.
    Restored,
}

/// What the reconciler does about one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Leave,
    /// Apply with this generation. When it is above the Store's, the Store takes it first, so that generations never go back.
    Apply(Generation),
    Remove(Generation),
    /// The node is done with it: the Store forgets it.
    Forget,
    /// Show it, touch it not.
    Orphaned,
    /// The node once removed this id, or a backup tells of it and no node has it; only a person can decide.
    Lost,
    /// What a backup told of is here: go on from how the node has it.
    Found,
}

pub fn converge(wanted: Wanted, held: Held) -> Step {
    match (wanted, held) {
        (Wanted::Nothing, Held::Object { .. }) => Step::Orphaned,
        (Wanted::Nothing, _) => Step::Leave,
        (Wanted::Deleting(_), Held::Nothing | Held::Tombstone) => Step::Forget,
        (Wanted::Deleting(generation), Held::Object { stamp, .. }) => Step::Remove(generation.max(stamp.generation)),
        (Wanted::Object(_), Held::Tombstone) => Step::Lost,
        (Wanted::Restored, Held::Nothing | Held::Tombstone) => Step::Lost,
        (Wanted::Restored, Held::Object { .. }) => Step::Found,
        (Wanted::Object(generation), Held::Nothing) => Step::Apply(generation),
        (Wanted::Object(generation), Held::Object { stamp, same: true }) if stamp.generation == generation => {
            Step::Leave
        }
        (Wanted::Object(generation), Held::Object { stamp, .. }) if stamp.generation < generation => {
            Step::Apply(generation)
        }
        (Wanted::Object(_), Held::Object { stamp, .. }) => Step::Apply(stamp.generation.next()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(epoch: u64, generation: u64, same: bool) -> Held {
        Held::Object { stamp: Stamp { epoch: Epoch(epoch), generation: Generation(generation) }, same }
    }

    #[test]
    fn every_case_has_its_step() {
        let g = Generation;
        for (wanted, held, step) in [
            (Wanted::Nothing, Held::Nothing, Step::Leave),
            (Wanted::Nothing, Held::Tombstone, Step::Leave),
            (Wanted::Nothing, at(1, 1, false), Step::Orphaned),
            (Wanted::Deleting(g(4)), Held::Nothing, Step::Forget),
            (Wanted::Deleting(g(4)), Held::Tombstone, Step::Forget),
            (Wanted::Deleting(g(4)), at(1, 3, false), Step::Remove(g(4))),
            (Wanted::Deleting(g(4)), at(1, 9, false), Step::Remove(g(9))),
            (Wanted::Object(g(2)), Held::Nothing, Step::Apply(g(2))),
            (Wanted::Object(g(2)), Held::Tombstone, Step::Lost),
            (Wanted::Object(g(2)), at(1, 2, true), Step::Leave),
            (Wanted::Object(g(3)), at(1, 2, false), Step::Apply(g(3))),
            (Wanted::Restored, Held::Nothing, Step::Lost),
            (Wanted::Restored, Held::Tombstone, Step::Lost),
            (Wanted::Restored, at(1, 2, false), Step::Found),
            // The Store was restored from an older copy.
            (Wanted::Object(g(2)), at(7, 5, false), Step::Apply(g(6))),
            (Wanted::Object(g(2)), at(7, 2, false), Step::Apply(g(3))),
        ] {
            assert_eq!(converge(wanted, held), step, "{wanted:?} {held:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_applied_is_newer_than_what_is_held(store in 0u64..9, node in 0u64..9, wanted in 1u64..9, held in 1u64..9) {
            let epoch = lead(Epoch(store), Epoch(node));
            prop_assert!(epoch > Epoch(store) && epoch > Epoch(node));
            let stamp = Stamp { epoch: Epoch(node), generation: Generation(held) };
            let object = Held::Object { stamp, same: false };
            let Step::Apply(generation) = converge(Wanted::Object(Generation(wanted)), object) else {
                return Err(TestCaseError::fail("content that differs is applied"));
            };
            let applied = Stamp { epoch, generation };
            prop_assert!(applied > stamp);
            prop_assert!(generation >= Generation(wanted) && generation > Generation(held));
        }

        #[test]
        fn what_the_store_does_not_know_is_never_removed(epoch in 0u64..9, generation in 0u64..9, same: bool) {
            let step = converge(Wanted::Nothing, at(epoch, generation, same));
            prop_assert_eq!(step, Step::Orphaned);
        }
    }
}
