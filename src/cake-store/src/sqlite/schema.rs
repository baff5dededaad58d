//! The format of the store's file.
//!
//! ```text
//!   counter   revision · compacted
//!   version   id = revision·1024 + place in its transaction │ key │ prev │ lease │ value (NULL: removed)
//!   head      key → id of its version; removed keys are not here
//!   lease     id · ttl · deadline (time of day, for restarts)
//! ```
//!
//! `version` is the log that watchers read and the place where values lie, so a value is written once.
//! `prev` is the version that this one replaced: the way back to an older snapshot, and what compaction removes.

use crate::file::{Format, Step};

/// Ids per revision.
pub(super) const PLACES: i64 = 1024;

/// The first id of a revision.
pub(super) fn first_id(revision: i64) -> i64 {
    revision * PLACES
}

/// The revision of an id.
pub(super) fn revision_of(id: i64) -> i64 {
    id / PLACES
}

pub(crate) static FORMAT: Format = Format {
    name: "cake store",
    application_id: 0x6361_6b53,
    steps: &[Step {
        needs: 1,
        sql: "
CREATE TABLE counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO counter (name, value) VALUES ('revision', 0), ('compacted', 0);
CREATE TABLE version (
  id INTEGER PRIMARY KEY,
  key TEXT NOT NULL,
  prev INTEGER,
  lease INTEGER,
  value BLOB
) STRICT;
CREATE TABLE head (key TEXT PRIMARY KEY, id INTEGER NOT NULL, lease INTEGER) STRICT, WITHOUT ROWID;
CREATE INDEX head_lease ON head (lease) WHERE lease IS NOT NULL;
CREATE TABLE lease (id INTEGER PRIMARY KEY AUTOINCREMENT, ttl_ms INTEGER NOT NULL, deadline_ms INTEGER NOT NULL) STRICT;
",
    }],
};

/// The two counters, from wherever the connection's snapshot is.
pub(super) fn counters(conn: &rusqlite::Connection) -> rusqlite::Result<(i64, i64)> {
    conn.prepare_cached(
        "SELECT (SELECT value FROM counter WHERE name = 'revision'), (SELECT value FROM counter WHERE name = 'compacted')",
    )?
    .query_row([], |r| Ok((r.get(0)?, r.get(1)?)))
}
