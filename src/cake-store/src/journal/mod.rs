//! The journal: what happened, never changed afterwards. Audit, events and finished tasks in a file of their own, so
//! that a flood of them cannot crowd out resources.
//!
//! ```text
//!   append ───────► writer thread (group commit) ──► WAL; durable when it returns
//!   append_soon ──►        │ rings            durable within a quarter of a second or so
//!   page · feed ◄── reader thread
//! ```
//!
//! Every kind has bounds; the oldest records go first and are counted.

mod feed;
mod model;
mod read;
mod schema;
mod write;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub use feed::Feed;
pub use model::{
    Bounds, Filter, MAX_DATA_BYTES, MAX_FIELD_BYTES, MAX_RECORDS, Order, Query, Record, RecordCursor, RecordKind,
    RecordPage, StoredRecord, Usage,
};

use crate::copy;
use crate::error::{FileError, JournalError};
use crate::file::{self, FileOptions, Reader};
use crate::group::Group;
use schema::FORMAT;
use write::{Append, Writer};

/// How to open a [`Journal`].
#[derive(Debug, Clone, Copy)]
pub struct JournalOptions {
    /// How much audit is kept.
    pub audit: Bounds,
    /// How many events.
    pub events: Bounds,
    /// How many finished tasks.
    pub tasks: Bounds,
    /// The file never grows beyond this.
    pub max_bytes: Option<u64>,
}

impl Default for JournalOptions {
    fn default() -> Self {
        let mib = 1024 * 1024;
        Self {
            audit: Bounds { rows: 200_000, bytes: 128 * mib },
            events: Bounds { rows: 100_000, bytes: 64 * mib },
            tasks: Bounds { rows: 50_000, bytes: 64 * mib },
            max_bytes: None,
        }
    }
}

/// Append-only audit, events and finished tasks.
pub struct Journal {
    path: PathBuf,
    group: Group<Writer>,
    reader: Arc<Reader>,
    published: tokio::sync::watch::Receiver<i64>,
    lost: Arc<AtomicU64>,
}

impl Journal {
    /// Opens the file, or makes it.
    pub async fn open(path: impl Into<PathBuf>, options: JournalOptions) -> Result<Self, JournalError> {
        let path = path.into();
        let opening = path.clone();
        let task = tokio::task::spawn_blocking(move || prepare(&opening, options));
        let Prepared { opened, writer, published, lost } = task.await.map_err(|_| JournalError::Closed)??;
        let io = |e| FileError::io(&path, e);
        let reader = Arc::new(Reader::start("journal-read", &path, opened.reader).map_err(io)?);
        let group = Group::start("journal-write", opened.writer, writer, opened.lock).map_err(io)?;
        Ok(Self { path, group, reader, published, lost })
    }

    /// Appends a record; it is durable when this returns.
    pub async fn append(&self, record: Record) -> Result<RecordCursor, JournalError> {
        let data = record.check()?;
        self.group.submit(Append { record, data }).await.map_err(|_| JournalError::Closed)?
    }

    /// Appends a record that need not be durable at once: it is within a quarter of a second or so, and sooner when
    /// somebody else appends. Waits only when the queue is full. What could not be written is counted by [`Self::lost`].
    pub async fn append_soon(&self, record: Record) -> Result<(), JournalError> {
        let data = record.check()?;
        self.group.submit_lazy(Append { record, data }).await.map_err(|_| JournalError::Closed)
    }

    /// A page of records.
    pub async fn page(&self, query: Query) -> Result<RecordPage, JournalError> {
        let read = self.reader.read(move |conn| read::page(conn, &query)).await;
        Ok(read.ok_or(JournalError::Closed)??)
    }

    /// Records as they come, after `from`, or from now on.
    pub fn subscribe(&self, filter: Filter, from: Option<RecordCursor>) -> Feed {
        let place = from.map_or_else(|| *self.published.borrow(), |cursor| cursor.0);
        Feed::new(Arc::clone(&self.reader), filter, place, self.published.clone())
    }

    /// How much there is of each kind, and how much had to go.
    pub async fn usage(&self) -> Result<Vec<Usage>, JournalError> {
        let read = self.reader.read(|conn| {
            let state = write::state(conn)?;
            let usage = RecordKind::ALL.into_iter().map(|kind| {
                let tally = state.tallies[kind as usize];
                let (rows, bytes) = (tally.rows.unsigned_abs(), tally.bytes.unsigned_abs());
                Usage { kind, rows, bytes, dropped: tally.dropped.unsigned_abs() }
            });
            Ok(usage.collect())
        });
        Ok(read.await.ok_or(JournalError::Closed)??)
    }

    /// Records given to [`Self::append_soon`] that could not be written since the journal was opened.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a consistent copy to `to`, which must not exist, while work goes on.
    pub async fn backup_to(&self, to: impl Into<PathBuf>) -> Result<(), JournalError> {
        let (from, to) = (self.path.clone(), to.into());
        let task = tokio::task::spawn_blocking(move || copy::backup(&from, &to, |_| Ok(())));
        Ok(task.await.map_err(|_| JournalError::Closed)??)
    }

    /// Takes no more records, makes durable what is queued and lets go of the file.
    pub async fn close(&self) {
        self.reader.close().await;
        self.group.close().await;
    }
}

struct Prepared {
    opened: file::Opened,
    writer: Writer,
    published: tokio::sync::watch::Receiver<i64>,
    lost: Arc<AtomicU64>,
}

fn prepare(path: &Path, options: JournalOptions) -> Result<Prepared, FileError> {
    let JournalOptions { audit, events, tasks, max_bytes } = options;
    let opened = file::open(path, &FORMAT, FileOptions { max_bytes })?;
    let state = write::state(&opened.writer).map_err(|e| FileError::from_sqlite(path, e))?;
    let (bell, published) = tokio::sync::watch::channel(state.last);
    let lost = Arc::new(AtomicU64::new(0));
    let writer = Writer {
        path: path.to_path_buf(),
        bounds: RecordKind::ALL.map(|kind| match kind {
            RecordKind::Audit => audit,
            RecordKind::Event => events,
            RecordKind::Task => tasks,
        }),
        durable: state,
        pending: state,
        published: bell,
        lost: Arc::clone(&lost),
    };
    Ok(Prepared { opened, writer, published, lost })
}

/// What [`verify`] found in a journal's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalSummary {
    /// The format of the file.
    pub format: u32,
    /// How many records it holds.
    pub records: u64,
}

/// Reads all of a closed journal or a backup and says what is in it, or what is wrong with it.
pub fn verify(path: &Path) -> Result<JournalSummary, FileError> {
    let (conn, format) = copy::check(path, &FORMAT)?;
    let sql = |e| FileError::from_sqlite(path, e);
    let records: i64 = conn.query_row("SELECT count(*) FROM record", [], |r| r.get(0)).map_err(sql)?;
    let said = "SELECT coalesce(sum(rows), 0) FROM usage";
    let said: i64 = conn.query_row(said, [], |r| r.get(0)).map_err(sql)?;
    if records != said {
        return Err(copy::damaged(path, &format!("{records} records where {said} are counted")));
    }
    Ok(JournalSummary { format, records: records.unsigned_abs() })
}

/// Puts a verified backup in place of a journal that is not there (any more).
pub fn restore(backup: &Path, to: &Path) -> Result<JournalSummary, FileError> {
    let summary = verify(backup)?;
    copy::backup(backup, to, |_| Ok(()))?;
    Ok(summary)
}
