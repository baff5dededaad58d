//! A database file: opening it safely, its format, its lock, reading it beside the writer.

use std::fs::File;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;

use rusqlite::{Connection, OpenFlags, OptionalExtension};
use tokio::sync::oneshot;

use crate::error::FileError;

/// What a kind of file looks like, from its first version on.
pub(crate) struct Format {
    /// For people.
    pub name: &'static str,
    /// Marks the file as ours (SQLite's `application_id`).
    pub application_id: i32,
    /// Step *n* makes format *n + 1* of format *n*. Steps only go forward and are never edited once released.
    pub steps: &'static [Step],
}

/// One step of the format.
pub(crate) struct Step {
    /// What to run.
    pub sql: &'static str,
    /// The oldest format that a program must know to use a file of this one. Expanding keeps the old number,
    /// so that the previous version of cake opens the file as if nothing had happened.
    pub needs: u32,
}

impl Format {
    fn known(&self) -> u32 {
        u32::try_from(self.steps.len()).unwrap_or(u32::MAX)
    }
}

/// Options that both kinds of file have.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct FileOptions {
    /// The file never grows beyond this.
    pub max_bytes: Option<u64>,
}

/// An open file: the connection that writes, one that reads, and the lock.
pub(crate) struct Opened {
    pub writer: Connection,
    pub reader: Connection,
    pub lock: File,
}

/// Opens `path`, making it if it is not there, and brings its format up to date.
pub(crate) fn open(path: &Path, format: &Format, options: FileOptions) -> Result<Opened, FileError> {
    let lock = lock(path)?;
    let fresh = !path.exists();
    if fresh {
        let create = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        create.and_then(|file| file.sync_all()).map_err(|e| FileError::io(path, e))?;
        sync_directory(path)?;
    }
    let sql = |e| FileError::from_sqlite(path, e);
    let writer = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(sql)?;
    check_identity(&writer, path, format)?;
    // synchronous=FULL syncs the log at every commit; a commit that returned is on the disk.
    writer
        .execute_batch("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA journal_size_limit=4194304;")
        .map_err(sql)?;
    migrate(&writer, path, format)?;
    if let Some(max) = options.max_bytes {
        let page: i64 = writer.pragma_query_value(None, "page_size", |r| r.get(0)).map_err(sql)?;
        let pages = i64::try_from(max).unwrap_or(i64::MAX) / page;
        writer.query_row(&format!("PRAGMA max_page_count={pages}"), [], |_| Ok(())).map_err(sql)?;
    }
    let reader = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(sql)?;
    reader.execute_batch("PRAGMA query_only=ON;").map_err(sql)?;
    Ok(Opened { writer, reader, lock })
}

/// One program at a time: two would not see each other's watchers, leases and revisions.
fn lock(path: &Path) -> Result<File, FileError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let name = PathBuf::from(name);
    let open = std::fs::OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&name);
    let file = open.map_err(|e| FileError::io(&name, e))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(FileError::InUse { path: path.to_path_buf() }),
        Err(std::fs::TryLockError::Error(e)) => Err(FileError::io(&name, e)),
    }
}

fn connect(path: &Path, mode: OpenFlags) -> rusqlite::Result<Connection> {
    let conn = Connection::open_with_flags(path, mode | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    conn.busy_timeout(std::time::Duration::from_secs(5))?;
    // Memory: the file is small and the kernel caches it; a quarter of a mebibyte each is enough.
    conn.execute_batch("PRAGMA cache_size=-256; PRAGMA temp_store=MEMORY; PRAGMA trusted_schema=OFF;")?;
    conn.set_prepared_statement_cache_capacity(32);
    Ok(conn)
}

/// Refuses a file of another kind or of a version that this program must not touch, before anything is written.
fn check_identity(conn: &Connection, path: &Path, format: &Format) -> Result<(), FileError> {
    let sql = |e| FileError::from_sqlite(path, e);
    let id: i32 = conn.pragma_query_value(None, "application_id", |r| r.get(0)).map_err(sql)?;
    let objects: i64 = conn.query_row("SELECT count(*) FROM sqlite_schema", [], |r| r.get(0)).map_err(sql)?;
    if objects == 0 && id == 0 {
        return Ok(());
    }
    identify(conn, path, format).map(drop)
}

/// The format of a file of this kind that this program may use.
pub(crate) fn identify(conn: &Connection, path: &Path, format: &Format) -> Result<u32, FileError> {
    let sql = |e| FileError::from_sqlite(path, e);
    let id: i32 = conn.pragma_query_value(None, "application_id", |r| r.get(0)).map_err(sql)?;
    if id != format.application_id {
        return Err(FileError::NotOurs { path: path.to_path_buf(), expected: format.name });
    }
    let (found, needs) = version(conn).map_err(sql)?;
    if needs > format.known() {
        return Err(FileError::Newer { path: path.to_path_buf(), found, needs, known: format.known() });
    }
    Ok(found)
}

/// The format of the file and the oldest one that a program must know; zeros for an empty file.
fn version(conn: &Connection) -> rusqlite::Result<(u32, u32)> {
    let found = conn
        .query_row("SELECT version, needs FROM format ORDER BY version DESC LIMIT 1", [], |r| {
            Ok((r.get(0)?, r.get(1)?))
        })
        .optional()?;
    Ok(found.unwrap_or((0, 0)))
}

/// Each step is one transaction: a power cut leaves the file before or after it.
fn migrate(conn: &Connection, path: &Path, format: &Format) -> Result<(), FileError> {
    let sql = |e| FileError::from_sqlite(path, e);
    let has_table = "SELECT count(*) FROM sqlite_schema WHERE name = 'format'";
    let tables: i64 = conn.query_row(has_table, [], |r| r.get(0)).map_err(sql)?;
    let found = if tables == 0 { 0 } else { version(conn).map_err(sql)?.0 };
    for (number, step) in (1u32..).zip(format.steps).filter(|(number, _)| *number > found) {
        let tx = conn.unchecked_transaction().map_err(sql)?;
        if number == 1 {
            tx.pragma_update(None, "application_id", format.application_id).map_err(sql)?;
            tx.execute_batch(
                "CREATE TABLE format (version INTEGER PRIMARY KEY, needs INTEGER NOT NULL, made_by TEXT NOT NULL) STRICT;",
            )
            .map_err(sql)?;
        }
        tx.execute_batch(step.sql).map_err(sql)?;
        let made_by = env!("CARGO_PKG_VERSION");
        tx.execute("INSERT INTO format (version, needs, made_by) VALUES (?1, ?2, ?3)", (number, step.needs, made_by))
            .map_err(sql)?;
        tx.commit().map_err(sql)?;
    }
    Ok(())
}

/// Makes a new name in a directory durable.
pub(crate) fn sync_directory(path: &Path) -> Result<(), FileError> {
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(parent).and_then(|d| d.sync_all()).map_err(|e| FileError::io(parent, e))
}

type ReadJob = Box<dyn FnOnce(&Connection) + Send>;

/// A thread with a connection of its own for reading; in WAL mode it never waits for the writer.
pub(crate) struct Reader {
    path: PathBuf,
    queue: Mutex<Option<Sender<ReadJob>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Reader {
    pub(crate) fn start(name: &str, path: &Path, conn: Connection) -> std::io::Result<Self> {
        let (queue, jobs) = channel::<ReadJob>();
        let thread = std::thread::Builder::new().name(name.into()).stack_size(512 * 1024).spawn(move || {
            for job in jobs {
                job(&conn);
            }
        })?;
        Ok(Self { path: path.to_path_buf(), queue: Mutex::new(Some(queue)), thread: Mutex::new(Some(thread)) })
    }

    /// Runs `read` in one read transaction; `None` when the file was closed.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Option<Result<T, FileError>> {
        let (reply, answer) = oneshot::channel();
        let path = self.path.clone();
        let job: ReadJob = Box::new(move |conn| {
            let result = snapshot(conn, read).map_err(|e| FileError::from_sqlite(&path, e));
            // Nobody may be waiting any more.
            drop(reply.send(result));
        });
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).as_ref()?.send(job).ok()?;
        answer.await.ok()
    }

    /// Closes the connection: the writer can only fold its log into the file when nobody else has it open.
    pub(crate) async fn close(&self) {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).take();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread
            && !matches!(tokio::task::spawn_blocking(|| thread.join()).await, Ok(Ok(())))
        {
            tracing::error!(path = %self.path.display(), "a reading thread panicked");
        }
    }
}

fn snapshot<T>(conn: &Connection, read: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
    let tx = conn.unchecked_transaction()?;
    let value = read(&tx)?;
    tx.commit()?;
    Ok(value)
}
