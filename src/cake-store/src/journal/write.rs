//! Appending, and letting the oldest go.

use std::path::PathBuf;

use rusqlite::{Connection, OptionalExtension};
use tokio::sync::watch;

use super::model::{Bounds, Record, RecordCursor, RecordKind};
use crate::error::{FileError, JournalError};
use crate::group::{Engine, Halt};

/// A record whose limits were checked.
pub(super) struct Append {
    pub record: Record,
    pub data: String,
}

/// What is kept of one kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub rows: i64,
    pub bytes: i64,
    pub dropped: i64,
    pub trimmed: i64,
}

/// What the writer keeps in memory of the file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct State {
    pub last: i64,
    pub tallies: [Tally; RecordKind::ALL.len()],
}

pub(super) struct Writer {
    pub path: PathBuf,
    pub bounds: [Bounds; RecordKind::ALL.len()],
    pub durable: State,
    pub pending: State,
    pub published: watch::Sender<i64>,
    /// Records that nobody waited for and that could not be written.
    pub lost: std::sync::Arc<std::sync::atomic::AtomicU64>,
}

impl Engine for Writer {
    type Request = Append;
    type Answer = RecordCursor;
    type Error = JournalError;

    fn apply(&mut self, conn: &Connection, request: &Append) -> Result<RecordCursor, Halt<JournalError>> {
        let Append { record, data } = request;
        let Record { kind, at, project, subject, actor, data: _ } = record;
        let id = self.pending.last + 1;
        let size = (data.len() + project.len() + subject.len() + actor.len()) as i64;
        conn.prepare_cached(
            "INSERT INTO record (id, kind, at, project, subject, actor, size, data)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute((id, kind.as_str(), at.as_microsecond(), project, subject, actor, size, data))?;
        self.pending.last = id;
        let tally = &mut self.pending.tallies[*kind as usize];
        tally.rows += 1;
        tally.bytes += size;
        trim(conn, *kind, tally, self.bounds[*kind as usize])?;
        Ok(RecordCursor(id))
    }

    fn seal(&mut self, conn: &Connection) -> rusqlite::Result<()> {
        for kind in RecordKind::ALL {
            let tally = self.pending.tallies[kind as usize];
            if tally != self.durable.tallies[kind as usize] {
                let Tally { rows, bytes, dropped, trimmed } = tally;
                conn.prepare_cached(
                    "INSERT INTO usage (kind, rows, bytes, dropped, trimmed) VALUES (?1, ?2, ?3, ?4, ?5)
                     ON CONFLICT (kind) DO UPDATE SET rows = excluded.rows, bytes = excluded.bytes,
                       dropped = excluded.dropped, trimmed = excluded.trimmed",
                )?
                .execute((kind.as_str(), rows, bytes, dropped, trimmed))?;
            }
        }
        conn.prepare_cached("UPDATE counter SET value = ?1 WHERE name = 'last'")?.execute([self.pending.last])?;
        Ok(())
    }

    fn committed(&mut self) {
        self.durable = self.pending;
        self.published.send_replace(self.durable.last);
    }

    fn undone(&mut self) {
        self.pending = self.durable;
    }

    fn failure(&self, error: rusqlite::Error) -> JournalError {
        tracing::error!(path = %self.path.display(), %error, "writing to the journal failed");
        FileError::from_sqlite(&self.path, error).into()
    }

    fn lost(&mut self, error: &JournalError) {
        self.lost.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        tracing::error!(path = %self.path.display(), %error, "an event was not kept");
    }
}

/// Drops the oldest records of a kind until it is within its bounds. The newest one always stays.
fn trim(conn: &Connection, kind: RecordKind, tally: &mut Tally, bounds: Bounds) -> rusqlite::Result<()> {
    while tally.rows > 1 && (tally.rows.unsigned_abs() > bounds.rows || tally.bytes.unsigned_abs() > bounds.bytes) {
        let oldest: Option<(i64, i64)> = conn
            .prepare_cached(
                "DELETE FROM record WHERE id = (SELECT id FROM record WHERE kind = ?1 ORDER BY id LIMIT 1)
                 RETURNING id, size",
            )?
            .query_row([kind.as_str()], |r| Ok((r.get(0)?, r.get(1)?)))
            .optional()?;
        let Some((id, size)) = oldest else { break };
        tally.rows -= 1;
        tally.bytes -= size;
        tally.dropped += 1;
        tally.trimmed = id;
    }
    Ok(())
}

/// Reads the state as the file has it.
pub(super) fn state(conn: &Connection) -> rusqlite::Result<State> {
    let last = conn.query_row("SELECT value FROM counter WHERE name = 'last'", [], |r| r.get(0))?;
    let mut state = State { last, ..State::default() };
    for kind in RecordKind::ALL {
        if let Some(tally) = tally(conn, kind)? {
            state.tallies[kind as usize] = tally;
        }
    }
    Ok(state)
}

pub(super) fn tally(conn: &Connection, kind: RecordKind) -> rusqlite::Result<Option<Tally>> {
    conn.prepare_cached("SELECT rows, bytes, dropped, trimmed FROM usage WHERE kind = ?1")?
        .query_row([kind.as_str()], |r| {
            Ok(Tally { rows: r.get(0)?, bytes: r.get(1)?, dropped: r.get(2)?, trimmed: r.get(3)? })
        })
        .optional()
}
