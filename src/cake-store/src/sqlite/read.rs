//! The reading half: everything here runs inside one read transaction, so it sees one instant.

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, Row};

use super::schema::{counters, first_id, revision_of};
use crate::error::StoreError;
use crate::key::{Key, KeyPrefix};
use crate::model::{Change, Commit, Cursor, Entry, LeaseId, Listing, Page, PageToken, Revision};

/// A page of a list, or of a watch, ends early when it holds this much.
const PAGE_BYTES: usize = 4 * 1024 * 1024;
/// How many changes a watch takes at once.
const WATCH_ROWS: usize = 256;

/// A row `id, key, lease, value`.
fn entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    let id: i64 = row.get(0)?;
    let value = row.get_ref(3)?.as_blob()?;
    Ok(Entry {
        key: key(row, 1)?,
        value: Bytes::copy_from_slice(value),
        revision: Revision(revision_of(id)),
        lease: row.get::<_, Option<i64>>(2)?.map(LeaseId),
    })
}

/// A key that the file holds was checked when it was written; one that does not pass now is damage.
fn key(row: &Row<'_>, column: usize) -> rusqlite::Result<Key> {
    let text = row.get_ref(column)?.as_str()?;
    Key::new(text)
        .map_err(|e| rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(e)))
}

pub(super) fn get(conn: &Connection, key: &Key) -> rusqlite::Result<Option<Entry>> {
    conn.prepare_cached(
        "SELECT v.id, v.key, v.lease, v.value FROM head h JOIN version v ON v.id = h.id WHERE h.key = ?1",
    )?
    .query_row([key.as_str()], entry)
    .optional()
}

pub(super) fn list(
    conn: &Connection,
    prefix: &KeyPrefix,
    page: &Page,
) -> rusqlite::Result<Result<Listing, StoreError>> {
    let (revision, compacted) = counters(conn)?;
    let (snapshot, after) = match &page.after {
        None => (revision, prefix.as_str()),
        Some(token) if !token.belongs_to(prefix) || token.snapshot > revision => {
            return Ok(Err(StoreError::ForeignCursor));
        }
        Some(token) if token.snapshot < compacted => return Ok(Err(StoreError::Compacted)),
        Some(token) => (token.snapshot, token.after.as_str()),
    };
    let range = Range { after, end: &prefix.end(), limit: page.size() };
    let mut collected = Collected { entries: Vec::new(), bytes: 0, limit: page.size(), more: false };
    if snapshot == revision {
        newest(conn, &range, &mut collected)?;
    } else {
        at(conn, &range, snapshot, &mut collected)?;
    }
    let last = collected.entries.last().filter(|_| collected.more);
    let next = last.map(|e| PageToken { snapshot, after: e.key.clone() });
    Ok(Ok(Listing { entries: collected.entries, next, cursor: Cursor(snapshot) }))
}

struct Range<'a> {
    after: &'a str,
    end: &'a str,
    limit: usize,
}

struct Collected {
    entries: Vec<Entry>,
    bytes: usize,
    limit: usize,
    more: bool,
}

impl Collected {
    /// Is there room for one more? If not, remembers that there is one more.
    fn room(&mut self) -> bool {
        self.more = self.entries.len() >= self.limit || self.bytes >= PAGE_BYTES;
        !self.more
    }

    fn push(&mut self, entry: Entry) {
        self.bytes += entry.value.len();
        self.entries.push(entry);
    }
}

/// The list as it is now.
fn newest(conn: &Connection, range: &Range<'_>, out: &mut Collected) -> rusqlite::Result<()> {
    let mut statement = conn.prepare_cached(
        "SELECT v.id, v.key, v.lease, v.value FROM head h JOIN version v ON v.id = h.id
         WHERE h.key > ?1 AND h.key < ?2 ORDER BY h.key LIMIT ?3",
    )?;
    let mut rows = statement.query((range.after, range.end, range.limit as i64 + 1))?;
    while let Some(row) = rows.next()? {
        if !out.room() {
            break;
        }
        out.push(entry(row)?);
    }
    Ok(())
}

/// The list as it was: keys untouched since, and for the others what their first change since then replaced.
fn at(conn: &Connection, range: &Range<'_>, snapshot: i64, out: &mut Collected) -> rusqlite::Result<()> {
    let bound = first_id(snapshot + 1);
    let mut statement = conn.prepare_cached(
        "SELECT key, id FROM (
           SELECT key, id FROM head WHERE key > ?1 AND key < ?2 AND id < ?3
           UNION ALL
           SELECT key, prev AS id FROM
             (SELECT key, prev, min(id) FROM version WHERE id >= ?3 AND key > ?1 AND key < ?2 GROUP BY key)
           WHERE prev IS NOT NULL)
         ORDER BY key LIMIT ?4",
    )?;
    let ids: Vec<i64> = statement
        .query_map((range.after, range.end, bound, range.limit as i64 + 1), |r| r.get(1))?
        .collect::<rusqlite::Result<_>>()?;
    let mut one = conn.prepare_cached("SELECT id, key, lease, value FROM version WHERE id = ?1")?;
    for id in ids {
        if !out.room() {
            break;
        }
        out.push(one.query_row([id], entry)?);
    }
    Ok(())
}

/// What a watch learns at once.
pub(super) struct Stretch {
    pub commits: Vec<Commit>,
    /// Everything up to here has been looked at.
    pub upto: i64,
}

/// The commits under `prefix` after `from`, as many as are good to take at once.
pub(super) fn commits_after(
    conn: &Connection,
    prefix: &KeyPrefix,
    from: i64,
) -> rusqlite::Result<Result<Stretch, StoreError>> {
    let (revision, compacted) = counters(conn)?;
    if from > revision {
        return Ok(Err(StoreError::ForeignCursor));
    }
    if from < compacted {
        return Ok(Err(StoreError::Compacted));
    }
    let mut statement = conn.prepare_cached(
        "SELECT id, key, lease, value FROM version WHERE id >= ?1 AND key > ?2 AND key < ?3 ORDER BY id",
    )?;
    let mut rows = statement.query((first_id(from + 1), prefix.as_str(), prefix.end()))?;
    let mut commits: Vec<Commit> = Vec::new();
    let (mut taken, mut bytes) = (0, 0);
    while let Some(row) = rows.next()? {
        let cursor = Cursor(revision_of(row.get(0)?));
        let same = commits.last().is_some_and(|c| c.cursor == cursor);
        // A commit is never cut in two.
        if !same && (taken >= WATCH_ROWS || bytes >= PAGE_BYTES) {
            let upto = commits.last().map_or(from, |c| c.cursor.0);
            return Ok(Ok(Stretch { commits, upto }));
        }
        let change = change(row)?;
        taken += 1;
        bytes += match &change {
            Change::Put(entry) => entry.value.len(),
            Change::Delete(_) => 0,
        };
        match commits.last_mut() {
            Some(commit) if same => commit.changes.push(change),
            _ => commits.push(Commit { changes: vec![change], cursor }),
        }
    }
    Ok(Ok(Stretch { commits, upto: revision }))
}

fn change(row: &Row<'_>) -> rusqlite::Result<Change> {
    match row.get_ref(3)? {
        rusqlite::types::ValueRef::Null => Ok(Change::Delete(key(row, 1)?)),
        _ => Ok(Change::Put(entry(row)?)),
    }
}
