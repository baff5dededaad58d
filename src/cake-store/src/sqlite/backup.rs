//! Copies of the store, and what is in them.

use std::path::Path;

use rusqlite::Connection;

use super::schema::FORMAT;
use crate::copy;
use crate::error::FileError;

/// How far a copy's history jumps, so that it never meets the original's: no store makes that many commits.
const JUMP: i64 = 1 << 32;

/// What [`verify`] found in a store's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreSummary {
    /// The format of the file.
    pub format: u32,
    /// How many resources it holds.
    pub entries: u64,
}

pub(super) fn backup(from: &Path, to: &Path) -> Result<(), FileError> {
    copy::backup(from, to, new_history)
}

/// Puts a verified backup in place of a store that is not there (any more).
pub fn restore(backup: &Path, to: &Path) -> Result<StoreSummary, FileError> {
    let summary = verify(backup)?;
    copy::backup(backup, to, new_history)?;
    Ok(summary)
}

/// Reads all of a closed store or a backup and says what is in it, or what is wrong with it.
pub fn verify(path: &Path) -> Result<StoreSummary, FileError> {
    let (conn, format) = copy::check(path, &FORMAT)?;
    let sql = |e| FileError::from_sqlite(path, e);
    // Every key must lead to a version that has a value.
    let lost = "SELECT count(*) FROM head h LEFT JOIN version v ON v.id = h.id AND v.key = h.key WHERE v.value IS NULL";
    let lost: i64 = conn.query_row(lost, [], |r| r.get(0)).map_err(sql)?;
    if lost > 0 {
        return Err(copy::damaged(path, &format!("{lost} keys without a value")));
    }
    let entries: i64 = conn.query_row("SELECT count(*) FROM head", [], |r| r.get(0)).map_err(sql)?;
    Ok(StoreSummary { format, entries: entries.unsigned_abs() })
}

/// Revisions jump by a random stretch and the past is marked as compacted: a cursor of the original answers
/// "compacted" here, and no write of one is taken for a write of the other.
fn new_history(conn: &Connection) -> rusqlite::Result<()> {
    let mut random = [0u8; 4];
    // Without randomness the jump alone still separates a copy from its original.
    if let Err(error) = getrandom::fill(&mut random) {
        tracing::warn!(%error, "no randomness for a copy's history");
    }
    let jump = JUMP + i64::from(u32::from_be_bytes(random));
    conn.execute("UPDATE counter SET value = value + ?1 WHERE name = 'revision'", [jump])?;
    // What is removed here is what compaction would have removed: nothing that a reader of the copy can ask for.
    conn.execute("DELETE FROM version WHERE id NOT IN (SELECT id FROM head)", [])?;
    conn.execute(
        "UPDATE counter SET value = (SELECT value FROM counter WHERE name = 'revision') WHERE name = 'compacted'",
        [],
    )?;
    Ok(())
}
