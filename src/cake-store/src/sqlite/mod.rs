//! The store in one SQLite file: for one server.
//!
//! ```text
//!   put · txn · lease ──► writer thread (group commit) ──► WAL, one fsync per group
//!                               │ rings                         │
//!   get · list · watch ◄── reader thread (own connection, snapshots)
//!   leases: a tokio timer asks the writer to end what is due
//! ```

mod backup;
mod lease;
mod read;
mod schema;
mod watch;
mod write;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use rusqlite::Connection;
use tokio::task::JoinHandle;

pub use backup::{StoreSummary, restore, verify};
pub(crate) use schema::FORMAT;

use crate::clock::{Clock, SystemClock};
use crate::error::{FileError, StoreError};
use crate::file::{self, FileOptions, Reader};
use crate::group::Group;
use crate::key::{Key, KeyPrefix};
use crate::model::{Cursor, Entry, Expect, LeaseId, Listing, Page, Revision, Txn, TxnOutcome, check_value};
use crate::store::{Store, Watch};
use lease::LeaseNews;
use watch::LogWatch;
use write::{Answer, Counters, History, Request, Retention, Writer};

/// How to open a [`SqliteStore`].
#[derive(Clone)]
pub struct SqliteOptions {
    /// The time of day, for leases that outlive a restart.
    pub clock: Arc<dyn Clock>,
    /// History is forgotten beyond so many changes …
    pub retain_changes: u64,
    /// … or so many bytes of values.
    pub retain_bytes: u64,
    /// The file never grows beyond this; a write that does not fit is refused as on a full disk.
    pub max_bytes: Option<u64>,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self { clock: Arc::new(SystemClock), retain_changes: 10_000, retain_bytes: 16 * 1024 * 1024, max_bytes: None }
    }
}

/// The store of one server.
pub struct SqliteStore {
    path: PathBuf,
    group: Arc<Group<Writer>>,
    reader: Arc<Reader>,
    published: tokio::sync::watch::Receiver<i64>,
    timer: JoinHandle<()>,
}

impl SqliteStore {
    /// Opens the file, or makes it. Must be called within a tokio runtime.
    pub async fn open(path: impl Into<PathBuf>, options: SqliteOptions) -> Result<Self, StoreError> {
        let path = path.into();
        let opening = path.clone();
        let task = tokio::task::spawn_blocking(move || prepare(&opening, options));
        let prepared = task.await.map_err(|_| StoreError::Closed)??;
        let Prepared { opened, writer, news, published } = prepared;
        let io = |e| FileError::io(&path, e);
        let reader = Arc::new(Reader::start("store-read", &path, opened.reader).map_err(io)?);
        let group = Arc::new(Group::start("store-write", opened.writer, writer, opened.lock).map_err(io)?);
        let timer = tokio::spawn(lease::run(Arc::clone(&group), news));
        Ok(Self { path, group, reader, published, timer })
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a consistent copy to `to`, which must not exist, while work goes on. Whoever opens the copy starts a
    /// history of its own: no cursor or revision of this store is mistaken for one of the copy's.
    pub async fn backup_to(&self, to: impl Into<PathBuf>) -> Result<(), StoreError> {
        let (from, to) = (self.path.clone(), to.into());
        let task = tokio::task::spawn_blocking(move || backup::backup(&from, &to));
        Ok(task.await.map_err(|_| StoreError::Closed)??)
    }

    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        Ok(self.reader.read(read).await.ok_or(StoreError::Closed)??)
    }

    async fn write(&self, request: Request) -> Result<Answer, StoreError> {
        self.group.submit(request).await.map_err(|_| StoreError::Closed)?
    }
}

struct Prepared {
    opened: file::Opened,
    writer: Writer,
    news: tokio::sync::mpsc::UnboundedReceiver<LeaseNews>,
    published: tokio::sync::watch::Receiver<i64>,
}

/// Opens the file and learns what the writer keeps in memory.
fn prepare(path: &Path, options: SqliteOptions) -> Result<Prepared, StoreError> {
    let opened = file::open(path, &FORMAT, FileOptions { max_bytes: options.max_bytes })?;
    let sql = |e| FileError::from_sqlite(path, e);
    let (revision, compacted) = schema::counters(&opened.writer).map_err(sql)?;
    let history = history(&opened.writer, compacted).map_err(sql)?;
    let (timer, news) = tokio::sync::mpsc::unbounded_channel();
    for lease in leases(&opened.writer, options.clock.unix_ms()).map_err(sql)? {
        timer.send(lease).map_err(|_| StoreError::Closed)?;
    }
    let (bell, published) = tokio::sync::watch::channel(revision);
    let counters = Counters { revision, compacted };
    let writer = Writer {
        path: path.to_path_buf(),
        clock: options.clock,
        retention: Retention { changes: options.retain_changes, bytes: options.retain_bytes },
        durable: counters,
        pending: counters,
        history,
        news: Vec::new(),
        published: bell,
        timer,
    };
    Ok(Prepared { opened, writer, news, published })
}

fn history(conn: &Connection, compacted: i64) -> rusqlite::Result<History> {
    let mut statement =
        conn.prepare("SELECT id, coalesce(length(value), 0) FROM version WHERE id >= ?1 ORDER BY id")?;
    let mut rows = statement.query([schema::first_id(compacted + 1)])?;
    let mut history = History::default();
    while let Some(row) = rows.next()? {
        let size: i64 = row.get(1)?;
        history.push(schema::revision_of(row.get(0)?), size.unsigned_abs());
    }
    history.committed(compacted);
    Ok(history)
}

/// What is left of each lease. A clock that went back cannot make one longer than it was.
fn leases(conn: &Connection, now_ms: i64) -> rusqlite::Result<Vec<LeaseNews>> {
    conn.prepare("SELECT id, ttl_ms, deadline_ms FROM lease")?
        .query_map([], |r| {
            let (ttl_ms, deadline_ms): (i64, i64) = (r.get(1)?, r.get(2)?);
            let left = deadline_ms.saturating_sub(now_ms).clamp(0, ttl_ms.max(0));
            let left = Duration::from_millis(left.unsigned_abs());
            Ok(LeaseNews::Until { lease: LeaseId(r.get(0)?), left, deadline_ms })
        })?
        .collect()
}

#[async_trait]
impl Store for SqliteStore {
    async fn get(&self, key: &Key) -> Result<Option<Entry>, StoreError> {
        let key = key.clone();
        self.read(move |conn| read::get(conn, &key)).await
    }

    async fn list(&self, prefix: &KeyPrefix, page: Page) -> Result<Listing, StoreError> {
        let prefix = prefix.clone();
        self.read(move |conn| read::list(conn, &prefix, &page)).await?
    }

    async fn put_if(&self, key: &Key, value: Bytes, expected: Expect) -> Result<Revision, StoreError> {
        check_value(key, &value)?;
        self.txn(Txn::new().guard(key.clone(), expected).put(key.clone(), value)).await?.committed()
    }

    async fn delete_if(&self, key: &Key, expected: Expect) -> Result<bool, StoreError> {
        match self.write(Request::DeleteIf(key.clone(), expected)).await? {
            Answer::Deleted(there) => Ok(there),
            _ => Err(StoreError::Closed),
        }
    }

    async fn txn(&self, txn: Txn) -> Result<TxnOutcome, StoreError> {
        txn.check()?;
        match self.write(Request::Txn(txn)).await? {
            Answer::Txn(outcome) => Ok(outcome),
            _ => Err(StoreError::Closed),
        }
    }

    async fn watch(&self, prefix: &KeyPrefix, from: Cursor) -> Result<Watch, StoreError> {
        let (reader, published) = (Arc::clone(&self.reader), self.published.clone());
        let watch = LogWatch::start(reader, prefix.clone(), from.0, published).await?;
        Ok(Watch::new(watch))
    }

    async fn lease_grant(&self, ttl: Duration) -> Result<LeaseId, StoreError> {
        if ttl.as_millis() == 0 || ttl > Duration::from_secs(366 * 86_400) {
            return Err(StoreError::BadTtl);
        }
        match self.write(Request::Grant(ttl)).await? {
            Answer::Granted(lease) => Ok(lease),
            _ => Err(StoreError::Closed),
        }
    }

    async fn lease_keep_alive(&self, lease: LeaseId) -> Result<(), StoreError> {
        self.write(Request::KeepAlive(lease)).await.map(drop)
    }

    async fn lease_revoke(&self, lease: LeaseId) -> Result<(), StoreError> {
        self.write(Request::Revoke(lease)).await.map(drop)
    }

    async fn compact(&self, upto: Cursor) -> Result<(), StoreError> {
        self.write(Request::Compact(upto)).await.map(drop)
    }

    async fn close(&self) {
        self.timer.abort();
        self.reader.close().await;
        self.group.close().await;
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        self.timer.abort();
    }
}
