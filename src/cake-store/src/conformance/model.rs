//! The store as a few lines of code: what a random run is compared with.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::key::{Key, KeyPrefix};
use crate::model::{Cursor, Expect, Revision};

pub(super) type State = BTreeMap<Key, (Bytes, Revision)>;

/// One key that changed; `None` is a removal.
pub(super) type ModelChange = (Key, Option<Bytes>);

/// A moment after a commit.
pub(super) struct Moment {
    pub cursor: Cursor,
    pub changes: Vec<ModelChange>,
    pub state: State,
}

pub(super) struct Model {
    /// The first moment is the empty store.
    pub moments: Vec<Moment>,
    /// The earliest moment whose future is still known.
    pub compacted: usize,
    /// Every revision that a key ever had.
    pub seen: BTreeMap<Key, Vec<Revision>>,
}

impl Model {
    pub(super) fn new(cursor: Cursor) -> Self {
        let empty = Moment { cursor, changes: Vec::new(), state: State::new() };
        Self { moments: vec![empty], compacted: 0, seen: BTreeMap::new() }
    }

    pub(super) fn present(&self) -> &Moment {
        self.moments.last().expect("the first moment is never removed")
    }

    pub(super) fn revision(&self, key: &Key) -> Option<Revision> {
        self.present().state.get(key).map(|(_, revision)| *revision)
    }

    pub(super) fn holds(&self, key: &Key, expected: Expect) -> bool {
        match expected {
            Expect::Any => true,
            Expect::Absent => self.revision(key).is_none(),
            Expect::Revision(r) => self.revision(key) == Some(r),
        }
    }

    /// What of `writes` changes anything: removing what is not there does not.
    pub(super) fn effective(&self, writes: &[ModelChange]) -> Vec<ModelChange> {
        let there = |key: &Key| self.present().state.contains_key(key);
        writes.iter().filter(|(key, value)| value.is_some() || there(key)).cloned().collect()
    }

    pub(super) fn commit(&mut self, changes: Vec<ModelChange>, revision: Option<Revision>, cursor: Cursor) {
        let mut state = self.present().state.clone();
        for (key, value) in &changes {
            match (value, revision) {
                (Some(value), Some(revision)) => {
                    self.seen.entry(key.clone()).or_default().push(revision);
                    state.insert(key.clone(), (value.clone(), revision));
                }
                _ => drop(state.remove(key)),
            }
        }
        self.moments.push(Moment { cursor, changes, state });
    }

    /// The commits under `prefix` after a moment.
    pub(super) fn after(&self, moment: usize, prefix: &KeyPrefix) -> Vec<(Cursor, Vec<ModelChange>)> {
        let under = |m: &Moment| m.changes.iter().filter(|(k, _)| prefix.contains(k)).cloned().collect::<Vec<_>>();
        let commits = self.moments[moment + 1..].iter().map(|m| (m.cursor, under(m)));
        commits.filter(|(_, changes)| !changes.is_empty()).collect()
    }
}
