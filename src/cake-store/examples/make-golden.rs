//! Makes the golden files of the present format into a directory: run once, when a format is released.
//! What a released version wrote is never made again, so it refuses to replace a file.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use cake_store::{Expect, Journal, JournalOptions, Key, Record, RecordKind, SqliteOptions, SqliteStore, Store, Txn};
use rusqlite::Connection;
use serde_json::json;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let directory = std::env::args().nth(1).context("usage: make-golden DIRECTORY")?;
    let directory = Path::new(&directory);
    let store = directory.join("store-v1.sqlite");
    let journal = directory.join("journal-v1.sqlite");
    let (expanded, contracted) =
        (directory.join("store-v2-expanded.sqlite"), directory.join("store-v3-contracted.sqlite"));
    for file in [&store, &journal, &expanded, &contracted] {
        ensure!(!file.exists(), "{} exists: golden files are never made again", file.display());
    }
    make_store(&store).await?;
    make_journal(&journal).await?;
    // What a next version might leave behind: expanded for programs that know format 1 …
    change(
        &store,
        &expanded,
        "
        ALTER TABLE version ADD COLUMN author TEXT;
        ALTER TABLE lease ADD COLUMN note TEXT NOT NULL DEFAULT '';
        CREATE TABLE colour (colour TEXT NOT NULL) STRICT;
        INSERT INTO colour (colour) VALUES ('green');
        INSERT INTO counter (name, value) VALUES ('later', 42);
        INSERT INTO format (version, needs, made_by) VALUES (2, 1, 'a later version');",
    )?;
    // … and, later, contracted so that those cannot use it any more.
    change(
        &expanded,
        &contracted,
        "
        ALTER TABLE version DROP COLUMN lease;
        INSERT INTO format (version, needs, made_by) VALUES (3, 3, 'a still later version');",
    )
}

async fn make_store(path: &Path) -> Result<()> {
    let store = SqliteStore::open(path, SqliteOptions::default()).await?;
    let key = |text| Key::new(text);
    store.put_if(&key("/vms/a")?, "{\"generation\":1}".into(), Expect::Absent).await?;
    let lease = store.lease_grant(std::time::Duration::from_secs(366 * 86_400)).await?;
    let txn = Txn::new()
        .put(key("/vms/a")?, "{\"generation\":2}")
        .put(key("/vms/b")?, "{\"generation\":1}")
        .put_leased(key("/nodes/n1")?, "{\"name\":\"n1\"}", lease);
    store.txn(txn).await?.committed()?;
    store.put_if(&key("/vms/c")?, bytes::Bytes::new(), Expect::Absent).await?;
    store.delete_if(&key("/vms/b")?, Expect::Any).await?;
    store.close().await;
    // The lease of a golden file never ends: far in the future, and longer than any time that it can have left.
    let conn = Connection::open(path)?;
    conn.execute("UPDATE lease SET ttl_ms = 31622400000, deadline_ms = 253402300799000", [])?;
    conn.execute_batch("PRAGMA journal_mode=DELETE; VACUUM;")?;
    Ok(())
}

async fn make_journal(path: &Path) -> Result<()> {
    let journal = Journal::open(path, JournalOptions::default()).await?;
    let record = |kind, subject: &str, actor: &str, data| Record {
        kind,
        at: jiff::Timestamp::UNIX_EPOCH + std::time::Duration::from_secs(1_790_000_000),
        project: "default".into(),
        subject: subject.into(),
        actor: actor.into(),
        data,
    };
    let audit = json!({ "what": "create", "from": "192.0.2.7", "result": "ok" });
    journal.append(record(RecordKind::Audit, "/vms/a", "admin", audit)).await?;
    journal.append(record(RecordKind::Event, "/vms/a", "system", json!({ "event": "vm-started" }))).await?;
    journal.append(record(RecordKind::Task, "/tasks/1", "admin", json!({ "end": "done", "percent": 100 }))).await?;
    journal.close().await;
    Connection::open(path)?.execute_batch("PRAGMA journal_mode=DELETE; VACUUM;")?;
    Ok(())
}

fn change(from: &Path, to: &Path, sql: &str) -> Result<()> {
    std::fs::copy(from, to)?;
    Connection::open(to)?.execute_batch(sql)?;
    Ok(())
}
