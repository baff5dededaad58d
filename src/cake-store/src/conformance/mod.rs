//! The suite that every [`Store`] passes, written against the trait alone: it compares revisions, never computes with
//! them; it accepts pages shorter than asked; it waits for events, never for time.
//!
//! An implementation gives a [`StoreFactory`] and calls [`run_all`]. A broken promise is a panic that says which.

mod basics;
mod leases;
mod lists;
mod model;
mod random;
mod watches;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::key::{Key, KeyPrefix};
use crate::model::{Commit, Cursor, Entry, Page};
use crate::store::{Store, Watch};

/// Makes empty stores.
#[async_trait]
pub trait StoreFactory: Send + Sync {
    /// An empty store of its own.
    async fn fresh(&self) -> Box<dyn StoreHome>;
}

/// Where a store lives while it is opened and closed.
#[async_trait]
pub trait StoreHome: Send + Sync {
    /// The store as it is open now.
    fn store(&self) -> Arc<dyn Store>;
    /// Closes it and opens the same state again, as a program that was restarted does.
    async fn restart(&mut self);
}

/// How hard [`run_all_with`] tries.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// Random sequences of requests.
    pub sequences: u64,
    /// Requests in each.
    pub steps: usize,
    /// Where the random numbers start.
    pub seed: u64,
}

impl Default for Effort {
    fn default() -> Self {
        Self { sequences: 48, steps: 60, seed: 1 }
    }
}

/// Everything, as hard as a test run can afford.
pub async fn run_all(factory: &dyn StoreFactory) {
    run_all_with(factory, Effort::default()).await;
}

/// Everything, as hard as asked.
pub async fn run_all_with(factory: &dyn StoreFactory, effort: Effort) {
    basics::run(factory).await;
    lists::run(factory).await;
    watches::run(factory).await;
    // Leases mostly wait, random runs mostly wait for the disk: side by side.
    tokio::join!(leases::run(factory), random::run(factory, effort));
}

/// Long enough for any machine, short enough to end a run that hangs.
const PATIENCE: Duration = Duration::from_secs(30);

fn key(text: &str) -> Key {
    Key::new(text).unwrap_or_else(|e| panic!("{text}: {e}"))
}

fn prefix(text: &str) -> KeyPrefix {
    KeyPrefix::new(text).unwrap_or_else(|e| panic!("{text}: {e}"))
}

/// Where the store is now.
async fn now(store: &dyn Store) -> Cursor {
    store.list(&KeyPrefix::all(), Page::first(1)).await.expect("a list").cursor
}

/// All entries under a prefix, in pages of `limit`.
async fn all(store: &dyn Store, under: &KeyPrefix, limit: usize) -> Vec<Entry> {
    let mut page = Page::first(limit);
    let mut entries = Vec::new();
    loop {
        let listing = store.list(under, page.clone()).await.expect("a page");
        assert!(listing.entries.len() <= limit, "a page is longer than asked");
        entries.extend(listing.entries.clone());
        match page.following(&listing) {
            Some(following) => page = following,
            None => return entries,
        }
    }
}

async fn next(watch: &mut Watch) -> Commit {
    let commit = tokio::time::timeout(PATIENCE, watch.next()).await.expect("a commit in time").expect("a commit");
    assert!(!commit.changes.is_empty(), "a commit without changes was delivered");
    commit
}
