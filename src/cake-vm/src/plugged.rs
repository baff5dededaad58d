//! What is known of the devices of one kind that a guest has: those that are there, those that it was asked to let go, and what is
//! wrong with one.

use crate::start::failure;
use cake_types::{Failure, FailureCode};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Linux blinks for five seconds before it lets a device go; nobody should take longer than this.
const PATIENCE: Duration = Duration::from_secs(60);

/// `P` is where a device sits, `I` is who it is.
#[derive(Debug)]
pub(crate) struct Plugged<P, I> {
    pub there: BTreeMap<P, I>,
    /// Places of devices that the guest was asked to let go, with when it is late.
    leaving: BTreeMap<P, Instant>,
    failures: BTreeMap<I, Failure>,
}

impl<P, I> Default for Plugged<P, I> {
    fn default() -> Self {
        Self { there: BTreeMap::new(), leaving: BTreeMap::new(), failures: BTreeMap::new() }
    }
}

/// What came of a change.
pub(crate) struct Changed<P, I> {
    pub there: BTreeMap<P, I>,
    pub asked_to_leave: Vec<P>,
    pub failures: BTreeMap<I, Failure>,
}

impl<P: Ord + Clone, I: Ord + Copy> Plugged<P, I> {
    pub(crate) fn new(there: BTreeMap<P, I>) -> Self {
        Self { there, ..Self::default() }
    }

    pub(crate) fn note(&mut self, changed: Changed<P, I>, now: Instant) {
        let Changed { there, asked_to_leave, failures } = changed;
        (self.there, self.failures) = (there, failures);
        self.leaving.retain(|place, _| self.there.contains_key(place));
        for place in asked_to_leave.into_iter().filter(|place| self.there.contains_key(place)) {
            self.leaving.entry(place).or_insert(now + PATIENCE);
        }
    }

    /// The guest let a device go.
    pub(crate) fn gone(&mut self, place: &P) {
        self.leaving.remove(place);
        if let Some(who) = self.there.remove(place) {
            self.failures.remove(&who);
        }
    }

    pub(crate) fn is_leaving(&self, place: &P) -> bool {
        self.leaving.contains_key(place)
    }

    pub(crate) fn failure(&self, who: &I) -> Option<&Failure> {
        self.failures.get(who)
    }

    /// What should be there and is not, with the reason.
    pub(crate) fn missing(&self) -> impl Iterator<Item = (&I, &Failure)> {
        self.failures.iter().filter(|(who, _)| !self.there.values().any(|there| there == *who))
    }

    /// When the next guest is late; see [`Plugged::late`].
    pub(crate) fn wake_at(&self) -> Option<Instant> {
        self.leaving.values().min().copied()
    }

    /// Devices that did not leave in time stay, and that is said; the guest is asked again with the next change.
    pub(crate) fn late(&mut self, now: Instant) {
        let late: Vec<P> =
            self.leaving.iter().filter(|(_, due)| **due <= now).map(|(place, _)| place.clone()).collect();
        late.iter().for_each(|place| self.refused(place));
    }

    /// The guest says that it does not let a device go.
    pub(crate) fn refused(&mut self, place: &P) {
        if self.leaving.remove(place).is_some()
            && let Some(who) = self.there.get(place)
        {
            let why = failure(FailureCode::GuestIgnoredUnplug, "the guest did not let the device go in time");
            self.failures.insert(*who, why);
        }
    }
}
