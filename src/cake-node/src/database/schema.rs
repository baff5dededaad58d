//! The layout on disk. It is only ever extended: the version before this one must be able to read what this one writes.

use super::DatabaseError;
use rusqlite::Connection;
use std::path::Path;

const VERSION: i64 = 1;

const TABLES: &str = "
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS vms (
    id BLOB PRIMARY KEY, epoch INTEGER NOT NULL, generation INTEGER NOT NULL, uid INTEGER NOT NULL UNIQUE,
    record TEXT NOT NULL, halted TEXT, removing INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE IF NOT EXISTS tombstones (
    id BLOB PRIMARY KEY, epoch INTEGER NOT NULL, generation INTEGER NOT NULL, at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS operations (
    number INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, vm BLOB NOT NULL, verb TEXT NOT NULL, outcome TEXT
) STRICT;
CREATE TABLE IF NOT EXISTS pools (
    id BLOB PRIMARY KEY, epoch INTEGER NOT NULL, generation INTEGER NOT NULL, path TEXT
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS images (
    path TEXT PRIMARY KEY, mark TEXT NOT NULL, sha256 TEXT NOT NULL, problem TEXT
) STRICT, WITHOUT ROWID;
";

pub(super) fn open(path: &Path) -> Result<Connection, DatabaseError> {
    let failed = |source| DatabaseError::Open { path: path.to_owned(), source };
    let connection = Connection::open(path).map_err(failed)?;
    let prepare = || {
        // FULL: a commit is on the disk. The caches are small, because the node's memory is.
        connection.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -256; PRAGMA temp_store = MEMORY;
             PRAGMA mmap_size = 0; PRAGMA journal_size_limit = 1048576;",
        )?;
        connection.query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0))
    };
    let found = prepare().map_err(failed)?;
    if found > VERSION {
        return Err(DatabaseError::Newer { path: path.to_owned(), found, known: VERSION });
    }
    if found < VERSION {
        connection
            .execute_batch(&format!("BEGIN; {TABLES} PRAGMA user_version = {VERSION}; COMMIT;"))
            .map_err(failed)?;
    }
    Ok(connection)
}
