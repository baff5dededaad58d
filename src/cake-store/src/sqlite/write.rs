//! The writing half: what each request does to the tables, inside the group's transaction.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension};
use tokio::sync::{mpsc, watch};

use super::lease::LeaseNews;
use super::schema::{PLACES, first_id, revision_of};
use crate::clock::Clock;
use crate::error::{FileError, StoreError};
use crate::group::{Engine, Halt};
use crate::key::Key;
use crate::model::{Cursor, Expect, LeaseId, Op, Revision, Txn, TxnOutcome};

/// What the writer can be asked.
pub(super) enum Request {
    Txn(Txn),
    DeleteIf(Key, Expect),
    Grant(Duration),
    KeepAlive(LeaseId),
    Revoke(LeaseId),
    /// The lease's time is up, unless it was renewed since: then its deadline is another one.
    Expire {
        lease: LeaseId,
        deadline_ms: i64,
    },
    Compact(Cursor),
}

/// What it answers.
pub(super) enum Answer {
    Txn(TxnOutcome),
    Deleted(bool),
    Granted(LeaseId),
    Done,
}

/// How much history is kept without being asked to forget it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Retention {
    pub changes: u64,
    pub bytes: u64,
}

/// The changes after `compacted`, oldest first: the revision of each and the size of its value.
#[derive(Debug, Default)]
pub(super) struct History {
    kept: VecDeque<(i64, u64)>,
    bytes: u64,
    /// How many of them are committed.
    durable: usize,
}

impl History {
    pub(super) fn push(&mut self, revision: i64, size: u64) {
        self.kept.push_back((revision, size));
        self.bytes += size;
    }

    pub(super) fn committed(&mut self, compacted: i64) {
        while let Some((revision, size)) = self.kept.front().copied()
            && revision <= compacted
        {
            self.kept.pop_front();
            self.bytes -= size;
        }
        self.durable = self.kept.len();
    }

    fn undone(&mut self) {
        for (_, size) in self.kept.drain(self.durable..) {
            self.bytes -= size;
        }
    }

    /// What to compact to when there is too much: down to three quarters at once, so that this is rare.
    fn excess(&self, allowed: Retention) -> Option<i64> {
        if self.kept.len() as u64 <= allowed.changes && self.bytes <= allowed.bytes {
            return None;
        }
        let (mut changes, mut bytes) = (0, 0);
        let newest_first = self.kept.iter().rev();
        newest_first.copied().find_map(|(revision, size)| {
            changes += 1;
            bytes += size;
            (changes > allowed.changes / 4 * 3 || bytes > allowed.bytes / 4 * 3).then_some(revision)
        })
    }
}

pub(super) struct Writer {
    pub path: PathBuf,
    pub clock: Arc<dyn Clock>,
    pub retention: Retention,
    /// As committed, and as it will be when this transaction is.
    pub durable: Counters,
    pub pending: Counters,
    pub history: History,
    pub news: Vec<LeaseNews>,
    pub published: watch::Sender<i64>,
    pub timer: mpsc::UnboundedSender<LeaseNews>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counters {
    pub revision: i64,
    pub compacted: i64,
}

type Step<T> = Result<T, Halt<StoreError>>;

fn refuse<T>(error: StoreError) -> Step<T> {
    Err(Halt::Refused(error))
}

impl Engine for Writer {
    type Request = Request;
    type Answer = Answer;
    type Error = StoreError;

    fn apply(&mut self, conn: &Connection, request: &Request) -> Step<Answer> {
        match request {
            Request::Txn(txn) => self.txn(conn, txn).map(Answer::Txn),
            Request::DeleteIf(key, expected) => self.delete_if(conn, key, *expected).map(Answer::Deleted),
            Request::Grant(ttl) => self.grant(conn, *ttl).map(Answer::Granted),
            Request::KeepAlive(lease) => self.keep_alive(conn, *lease),
            Request::Revoke(lease) => match deadline(conn, *lease)? {
                Some(_) => self.end_lease(conn, *lease),
                None => refuse(StoreError::LeaseGone),
            },
            Request::Expire { lease, deadline_ms } => match deadline(conn, *lease)? {
                Some((_, current)) if current == *deadline_ms => self.end_lease(conn, *lease),
                _ => Ok(Answer::Done),
            },
            Request::Compact(upto) => self.compact(conn, *upto),
        }
    }

    fn seal(&mut self, conn: &Connection) -> rusqlite::Result<()> {
        if let Some(upto) = self.history.excess(self.retention) {
            self.compact_to(conn, upto)?;
        }
        if self.pending != self.durable {
            let mut set = conn.prepare_cached("UPDATE counter SET value = ?2 WHERE name = ?1")?;
            set.execute(("revision", self.pending.revision))?;
            set.execute(("compacted", self.pending.compacted))?;
        }
        Ok(())
    }

    fn committed(&mut self) {
        self.history.committed(self.pending.compacted);
        self.durable = self.pending;
        for news in self.news.drain(..) {
            // Nobody listens once the store is being closed; the file knows the deadline.
            let _ = self.timer.send(news);
        }
        self.published.send_if_modified(|revision| {
            let new = *revision != self.durable.revision;
            *revision = self.durable.revision;
            new
        });
    }

    fn undone(&mut self) {
        self.pending = self.durable;
        self.history.undone();
        self.news.clear();
    }

    fn failure(&self, error: rusqlite::Error) -> StoreError {
        tracing::error!(path = %self.path.display(), %error, "writing to the store failed");
        FileError::from_sqlite(&self.path, error).into()
    }

    fn lost(&mut self, error: &StoreError) {
        tracing::error!(path = %self.path.display(), %error, "a lease could not be ended");
    }
}

impl Writer {
    fn txn(&mut self, conn: &Connection, txn: &Txn) -> Step<TxnOutcome> {
        for (key, expected) in &txn.guards {
            let current = head(conn, key)?;
            if !holds(*expected, current) {
                return Ok(TxnOutcome::Refused { key: key.clone(), current: current.map(to_revision) });
            }
        }
        for op in &txn.ops {
            if let Op::Put { lease: Some(lease), .. } = op
                && deadline(conn, *lease)?.is_none()
            {
                return refuse(StoreError::LeaseGone);
            }
        }
        let mut batch = Batch::new(self.pending.revision + 1);
        for op in &txn.ops {
            match op {
                Op::Put { key, value, lease } => batch.put(conn, key, value, *lease)?,
                Op::Delete { key } => batch.delete(conn, key)?,
            }
        }
        self.take(batch);
        Ok(TxnOutcome::Committed { revision: Revision(self.pending.revision) })
    }

    fn delete_if(&mut self, conn: &Connection, key: &Key, expected: Expect) -> Step<bool> {
        let current = head(conn, key)?;
        if !holds(expected, current) {
            return refuse(StoreError::Conflict { key: key.clone(), current: current.map(to_revision) });
        }
        let mut batch = Batch::new(self.pending.revision + 1);
        batch.delete(conn, key)?;
        self.take(batch);
        Ok(current.is_some())
    }

    /// A transaction that changed nothing needs no revision.
    fn take(&mut self, batch: Batch) {
        if !batch.sizes.is_empty() {
            self.pending.revision = batch.revision;
            for size in batch.sizes {
                self.history.push(batch.revision, size);
            }
        }
    }

    fn grant(&mut self, conn: &Connection, ttl: Duration) -> Step<LeaseId> {
        let ttl_ms = i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX);
        let deadline_ms = self.clock.unix_ms().saturating_add(ttl_ms);
        let id = conn
            .prepare_cached("INSERT INTO lease (ttl_ms, deadline_ms) VALUES (?1, ?2)")?
            .insert((ttl_ms, deadline_ms))?;
        self.news.push(LeaseNews::Until { lease: LeaseId(id), left: ttl, deadline_ms });
        Ok(LeaseId(id))
    }

    fn keep_alive(&mut self, conn: &Connection, lease: LeaseId) -> Step<Answer> {
        let Some((ttl_ms, _)) = deadline(conn, lease)? else { return refuse(StoreError::LeaseGone) };
        let deadline_ms = self.clock.unix_ms().saturating_add(ttl_ms);
        conn.prepare_cached("UPDATE lease SET deadline_ms = ?2 WHERE id = ?1")?.execute((lease.0, deadline_ms))?;
        let left = Duration::from_millis(ttl_ms.unsigned_abs());
        self.news.push(LeaseNews::Until { lease, left, deadline_ms });
        Ok(Answer::Done)
    }

    fn end_lease(&mut self, conn: &Connection, lease: LeaseId) -> Step<Answer> {
        let keys: Vec<String> = conn
            .prepare_cached("SELECT key FROM head WHERE lease = ?1 ORDER BY key")?
            .query_map([lease.0], |r| r.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        // One revision has a limited number of places.
        for part in keys.chunks(PLACES as usize) {
            let mut batch = Batch::new(self.pending.revision + 1);
            for key in part {
                batch.delete_text(conn, key)?;
            }
            self.take(batch);
        }
        conn.prepare_cached("DELETE FROM lease WHERE id = ?1")?.execute([lease.0])?;
        self.news.push(LeaseNews::Gone { lease });
        Ok(Answer::Done)
    }

    fn compact(&mut self, conn: &Connection, upto: Cursor) -> Step<Answer> {
        if upto.0 > self.pending.revision {
            return refuse(StoreError::ForeignCursor);
        }
        self.compact_to(conn, upto.0)?;
        Ok(Answer::Done)
    }

    /// Removes what only snapshots before `upto` could see: versions replaced up to then, and the marks of removal.
    fn compact_to(&mut self, conn: &Connection, upto: i64) -> rusqlite::Result<()> {
        if upto <= self.pending.compacted {
            return Ok(());
        }
        let span = (first_id(self.pending.compacted + 1), first_id(upto + 1));
        conn.prepare_cached(
            "DELETE FROM version WHERE id IN
               (SELECT prev FROM version WHERE id >= ?1 AND id < ?2 AND prev IS NOT NULL)",
        )?
        .execute(span)?;
        conn.prepare_cached("DELETE FROM version WHERE id >= ?1 AND id < ?2 AND value IS NULL")?.execute(span)?;
        self.pending.compacted = upto;
        Ok(())
    }
}

/// The writes of one revision.
struct Batch {
    revision: i64,
    sizes: Vec<u64>,
}

impl Batch {
    fn new(revision: i64) -> Self {
        Self { revision, sizes: Vec::new() }
    }

    fn next_id(&self) -> i64 {
        first_id(self.revision) + self.sizes.len() as i64
    }

    fn put(&mut self, conn: &Connection, key: &Key, value: &[u8], lease: Option<LeaseId>) -> rusqlite::Result<()> {
        let (id, lease) = (self.next_id(), lease.map(|l| l.0));
        conn.prepare_cached("INSERT INTO version (id, key, prev, lease, value) VALUES (?1, ?2, ?3, ?4, ?5)")?
            .execute((id, key.as_str(), head(conn, key)?, lease, value))?;
        conn.prepare_cached(
            "INSERT INTO head (key, id, lease) VALUES (?1, ?2, ?3)
             ON CONFLICT (key) DO UPDATE SET id = excluded.id, lease = excluded.lease",
        )?
        .execute((key.as_str(), id, lease))?;
        self.sizes.push(value.len() as u64);
        Ok(())
    }

    fn delete(&mut self, conn: &Connection, key: &Key) -> rusqlite::Result<()> {
        self.delete_text(conn, key.as_str())
    }

    /// Removing what is not there leaves no trace.
    fn delete_text(&mut self, conn: &Connection, key: &str) -> rusqlite::Result<()> {
        let prev: Option<i64> = conn
            .prepare_cached("DELETE FROM head WHERE key = ?1 RETURNING id")?
            .query_row([key], |r| r.get(0))
            .optional()?;
        if let Some(prev) = prev {
            conn.prepare_cached("INSERT INTO version (id, key, prev) VALUES (?1, ?2, ?3)")?.execute((
                self.next_id(),
                key,
                prev,
            ))?;
            self.sizes.push(0);
        }
        Ok(())
    }
}

/// The id of a key's present version.
fn head(conn: &Connection, key: &Key) -> rusqlite::Result<Option<i64>> {
    conn.prepare_cached("SELECT id FROM head WHERE key = ?1")?.query_row([key.as_str()], |r| r.get(0)).optional()
}

/// A lease's time to live and its deadline.
fn deadline(conn: &Connection, lease: LeaseId) -> rusqlite::Result<Option<(i64, i64)>> {
    conn.prepare_cached("SELECT ttl_ms, deadline_ms FROM lease WHERE id = ?1")?
        .query_row([lease.0], |r| Ok((r.get(0)?, r.get(1)?)))
        .optional()
}

fn to_revision(id: i64) -> Revision {
    Revision(revision_of(id))
}

fn holds(expected: Expect, current: Option<i64>) -> bool {
    match expected {
        Expect::Any => true,
        Expect::Absent => current.is_none(),
        Expect::Revision(revision) => current.map(to_revision) == Some(revision),
    }
}
