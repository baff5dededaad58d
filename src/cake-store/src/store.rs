//! The seam: what every implementation of the store offers.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use crate::error::StoreError;
use crate::key::{Key, KeyPrefix};
use crate::model::{Commit, Cursor, Entry, Expect, LeaseId, Listing, Page, Revision, Txn, TxnOutcome};

/// Resources by key. Whatever a method acknowledges is durable; whatever it refuses has changed nothing.
/// Dropping the future of a write does not take the write back.
#[async_trait]
pub trait Store: Send + Sync {
    /// One entry as it is now.
    async fn get(&self, key: &Key) -> Result<Option<Entry>, StoreError>;

    /// The entries under `prefix`, sorted by key, page by page, all pages from one instant.
    /// A later page is refused with [`StoreError::Compacted`] when that instant is no longer kept.
    async fn list(&self, prefix: &KeyPrefix, page: Page) -> Result<Listing, StoreError>;

    /// Writes `key` if it is as `expected`, else [`StoreError::Conflict`]. A lease that it had is forgotten.
    async fn put_if(&self, key: &Key, value: Bytes, expected: Expect) -> Result<Revision, StoreError>;

    /// Removes `key` if it is as `expected`, else [`StoreError::Conflict`]. Says whether there was anything to remove.
    async fn delete_if(&self, key: &Key, expected: Expect) -> Result<bool, StoreError>;

    /// Guards, then writes: all or nothing, in one durable commit.
    async fn txn(&self, txn: Txn) -> Result<TxnOutcome, StoreError>;

    /// Every commit under `prefix` after `from`, live from then on.
    async fn watch(&self, prefix: &KeyPrefix, from: Cursor) -> Result<Watch, StoreError>;

    /// A new lease that ends after `ttl` unless it is kept alive. It goes on counting while the program is down.
    async fn lease_grant(&self, ttl: Duration) -> Result<LeaseId, StoreError>;

    /// Starts the lease's time anew; [`StoreError::LeaseGone`] if it is too late.
    async fn lease_keep_alive(&self, lease: LeaseId) -> Result<(), StoreError>;

    /// Ends the lease and removes its keys now.
    async fn lease_revoke(&self, lease: LeaseId) -> Result<(), StoreError>;

    /// Forgets the history before `upto`: watches and lists from before it answer [`StoreError::Compacted`].
    async fn compact(&self, upto: Cursor) -> Result<(), StoreError>;

    /// Takes no more requests, waits for those under way and lets go of everything.
    async fn close(&self);
}

/// Commits as they come, from [`Store::watch`].
///
/// Whoever reads too slowly for the history that is kept gets [`StoreError::Compacted`], which ends the watch:
/// list again and watch from there.
pub struct Watch(Box<dyn WatchSource>);

/// What an implementation puts behind a [`Watch`].
#[async_trait]
pub(crate) trait WatchSource: Send {
    async fn next(&mut self) -> Result<Commit, StoreError>;
}

impl Watch {
    pub(crate) fn new(source: impl WatchSource + 'static) -> Self {
        Self(Box::new(source))
    }

    /// Waits for the next commit. May be dropped at any point (as in `select!`) without losing one.
    pub async fn next(&mut self) -> Result<Commit, StoreError> {
        self.0.next().await
    }
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Watch")
    }
}
