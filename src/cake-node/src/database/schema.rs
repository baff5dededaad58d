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

/// Tables that came later; the version before does not look at them.
const LATER_TABLES: &str = "
CREATE TABLE IF NOT EXISTS imports (
    id BLOB PRIMARY KEY, epoch INTEGER NOT NULL, generation INTEGER NOT NULL, record TEXT NOT NULL, stage TEXT NOT NULL,
    failure TEXT, gone INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS exports (
    id BLOB PRIMARY KEY, epoch INTEGER NOT NULL, generation INTEGER NOT NULL, record TEXT NOT NULL, stage TEXT NOT NULL,
    size INTEGER NOT NULL DEFAULT 0, failure TEXT, gone INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS servers (
    id BLOB PRIMARY KEY, epoch INTEGER NOT NULL, generation INTEGER NOT NULL, record TEXT NOT NULL, guid BLOB, refused TEXT,
    gone INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS server_operations (
    number INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, server BLOB NOT NULL, verb TEXT NOT NULL, begun INTEGER NOT NULL DEFAULT 0,
    outcome TEXT
) STRICT;
CREATE TABLE IF NOT EXISTS devices (
    id BLOB PRIMARY KEY, epoch INTEGER NOT NULL, generation INTEGER NOT NULL, record TEXT NOT NULL, gone INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS wear (disk TEXT PRIMARY KEY, number INTEGER NOT NULL, record TEXT NOT NULL) STRICT, WITHOUT ROWID;
";

/// Columns that came later. The version before names the columns it uses and so does not notice them; the number of the
/// layout stays, because that version refuses a higher one.
const LATER: [(&str, &str, &str); 3] = [
    ("vms", "made", "INTEGER NOT NULL DEFAULT 0"),
    ("pools", "marked", "TEXT"),
    ("operations", "begun", "INTEGER NOT NULL DEFAULT 0"),
];

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
    extend(&connection).map_err(failed)?;
    Ok(connection)
}

fn extend(connection: &Connection) -> rusqlite::Result<()> {
    let missing = || -> rusqlite::Result<String> {
        let there = "SELECT count(*) FROM pragma_table_info(?1) WHERE name = ?2";
        let mut missing = Vec::new();
        for (table, column, kind) in LATER {
            if connection.query_row(there, [table, column], |row| row.get::<_, i64>(0))? == 0 {
                missing.push(format!("ALTER TABLE {table} ADD COLUMN {column} {kind};"));
            }
        }
        Ok(missing.concat())
    };
    let there = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name IN ('imports', 'exports', 'servers', 'server_operations', 'devices', 'wear')";
    if missing()?.is_empty() && connection.query_row(there, [], |row| row.get::<_, i64>(0))? == 6 {
        return Ok(());
    }
    // The daemon and root's tools may come at the same time: who is second finds nothing to do.
    connection.execute_batch("BEGIN IMMEDIATE")?;
    connection.execute_batch(&format!("{} {LATER_TABLES} COMMIT", missing()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Both ways: this version reads what the one before wrote, and the one before goes on writing afterwards.
    #[test]
    fn the_version_before_is_read_and_can_go_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("node.db");
        let before = Connection::open(&path).unwrap();
        before.execute_batch(&format!("{TABLES} PRAGMA user_version = 1;")).unwrap();
        let write = |connection: &Connection, number: u8| {
            connection
                .execute(
                    "INSERT INTO vms (id, epoch, generation, uid, record) VALUES (?1, 1, 1, ?2, '{}')",
                    rusqlite::params![vec![number; 16], number],
                )
                .unwrap();
            connection
                .execute(
                    "INSERT OR REPLACE INTO pools (id, epoch, generation, path) VALUES (?1, 1, 1, NULL)",
                    [vec![7; 16]],
                )
                .unwrap();
        };
        write(&before, 1);
        let now = open(&path).unwrap();
        let made = "SELECT sum(made), count(*) FROM vms";
        let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?));
        assert_eq!(now.query_row(made, [], read).unwrap(), (0, 1));
        drop(now);
        write(&before, 2);
        let version: i64 = before.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
        assert_eq!(version, 1);
        assert_eq!(open(&path).unwrap().query_row(made, [], read).unwrap(), (0, 2));
    }
}
