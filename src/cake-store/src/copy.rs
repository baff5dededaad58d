//! Copying and checking whole files, for the store and the journal alike.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::backup::Backup;
use rusqlite::{Connection, OpenFlags};

use crate::error::FileError;
use crate::file::{Format, sync_directory};

/// Writes a consistent copy of the file `from`, live or closed, to `to` and lets `adjust` change the copy before it gets its name.
pub(crate) fn backup(
    from: &Path,
    to: &Path,
    adjust: impl FnOnce(&Connection) -> rusqlite::Result<()>,
) -> Result<(), FileError> {
    if to.exists() {
        return Err(FileError::Exists { path: to.to_path_buf() });
    }
    let partial = partial_name(to);
    let made = fill(from, &partial, adjust).and_then(|()| put_in_place(&partial, to));
    if made.is_err() {
        // What is left of a failed copy is of no use; the error that counts is the first one.
        drop(std::fs::remove_file(&partial));
    }
    made
}

fn partial_name(to: &Path) -> PathBuf {
    let mut name = to.as_os_str().to_owned();
    name.push(".partial");
    name.into()
}

fn fill(
    from: &Path,
    partial: &Path,
    adjust: impl FnOnce(&Connection) -> rusqlite::Result<()>,
) -> Result<(), FileError> {
    if partial.exists() {
        std::fs::remove_file(partial).map_err(|e| FileError::io(partial, e))?;
    }
    private_file(partial)?;
    let source_error = |e| FileError::from_sqlite(from, e);
    let error = |e| FileError::from_sqlite(partial, e);
    let source = Connection::open_with_flags(from, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(source_error)?;
    source.busy_timeout(std::time::Duration::from_secs(5)).map_err(source_error)?;
    let mut target = Connection::open_with_flags(partial, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(error)?;
    // All pages in one step: in WAL mode that holds up nobody, and a writer cannot make it start over.
    let copy = Backup::new(&source, &mut target).map_err(error)?;
    let step = copy.step(-1).map_err(error)?;
    drop(copy);
    if step != rusqlite::backup::StepResult::Done {
        return Err(FileError::Busy { path: from.to_path_buf() });
    }
    // One file, no log beside it.
    target.execute_batch("PRAGMA journal_mode=DELETE; PRAGMA synchronous=FULL;").map_err(error)?;
    let tx = target.unchecked_transaction().map_err(error)?;
    adjust(&tx).map_err(error)?;
    tx.commit().map_err(error)?;
    target.close().map_err(|(_, e)| error(e))
}

fn private_file(path: &Path) -> Result<(), FileError> {
    use std::os::unix::fs::OpenOptionsExt;
    let create = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    create.map(drop).map_err(|e| FileError::io(path, e))
}

fn put_in_place(partial: &Path, to: &Path) -> Result<(), FileError> {
    let io = |e| FileError::io(to, e);
    std::fs::File::open(partial).and_then(|f| f.sync_all()).map_err(io)?;
    // A hard link, unlike a rename, never replaces a file that came into being meanwhile.
    std::fs::hard_link(partial, to).map_err(io)?;
    std::fs::remove_file(partial).map_err(io)?;
    sync_directory(to)
}

/// Opens a closed file for reading, refuses what is not ours, and reads every page of it.
pub(crate) fn check(path: &Path, format: &Format) -> Result<(Connection, u32), FileError> {
    let sql = |e| FileError::from_sqlite(path, e);
    std::fs::metadata(path).map_err(|e| FileError::io(path, e))?;
    let conn = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(sql)?;
    let found = crate::file::identify(&conn, path, format)?;
    let verdict: String = conn.query_row("PRAGMA integrity_check(1)", [], |r| r.get(0)).map_err(sql)?;
    if verdict != "ok" {
        return Err(damaged(path, &verdict));
    }
    Ok((conn, found))
}

/// Damage that SQLite itself does not see, or tells as text.
pub(crate) fn damaged(path: &Path, what: &str) -> FileError {
    let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT);
    let source = Arc::new(rusqlite::Error::SqliteFailure(code, Some(what.to_owned())));
    FileError::Corrupt { path: path.to_path_buf(), source }
}
