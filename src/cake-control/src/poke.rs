//! A set of things to look at and a bell: poking twice before the reconciler looks costs one look.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use tokio::sync::Notify;

pub struct Poke<T> {
    waiting: Mutex<BTreeSet<T>>,
    bell: Notify,
}

impl<T: Ord> Default for Poke<T> {
    fn default() -> Self {
        Self { waiting: Mutex::default(), bell: Notify::new() }
    }
}

impl<T: Ord> Poke<T> {
    pub fn poke(&self, what: T) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).insert(what);
        self.bell.notify_one();
    }

    /// Everything that is there, without waiting.
    pub fn take(&self) -> BTreeSet<T> {
        std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Everything that was poked since the last time; waits until there is something. For one reader.
    pub async fn next(&self) -> BTreeSet<T> {
        loop {
            let waiting = self.take();
            if !waiting.is_empty() {
                return waiting;
            }
            self.bell.notified().await;
        }
    }
}
