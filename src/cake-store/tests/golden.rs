//! Golden files of released formats, opened both ways: this version reads what earlier ones wrote, writes what they
//! can read, and refuses what it must not touch.
//!
//! `v1` files were made by this test's `make` half when format 1 was released, and are never made again.
//! `store-v2-expanded.sqlite` is what a next version would leave: more columns and tables, still for programs that know
//! format 1. `store-v3-contracted.sqlite` needs a program that knows format 3.

use std::path::{Path, PathBuf};

use cake_store::{
    Expect, FileError, Journal, JournalOptions, Key, KeyPrefix, Page, Query, RecordKind, SqliteOptions, SqliteStore,
    Store, StoreError, Txn, verify_journal, verify_store,
};
use rusqlite::Connection;

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

/// Golden files stay as they are: a test works on a copy.
fn copy(name: &str, directory: &tempfile::TempDir) -> PathBuf {
    let to = directory.path().join(name);
    std::fs::copy(golden(name), &to).unwrap();
    to
}

async fn open(path: &Path) -> Result<SqliteStore, StoreError> {
    SqliteStore::open(path, SqliteOptions::default()).await
}

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

/// What the golden stores hold, in whatever format.
async fn check_content(store: &SqliteStore) {
    let entries = store.list(&KeyPrefix::all(), Page::default()).await.unwrap().entries;
    let plain: Vec<_> = entries.iter().map(|e| (e.key.as_str(), &e.value[..], e.lease.is_some())).collect();
    assert_eq!(
        plain,
        [
            ("/nodes/n1", &b"{\"name\":\"n1\"}"[..], true),
            ("/vms/a", b"{\"generation\":2}", false),
            ("/vms/c", b"", false),
        ]
    );
}

#[tokio::test]
async fn a_store_of_format_1_is_read_and_written() {
    let directory = tempfile::tempdir().unwrap();
    let path = copy("store-v1.sqlite", &directory);
    assert_eq!(verify_store(&path).unwrap().entries, 3);
    let store = open(&path).await.unwrap();
    check_content(&store).await;
    let leased = store.get(&key("/nodes/n1")).await.unwrap().unwrap();
    store.lease_keep_alive(leased.lease.unwrap()).await.unwrap();
    store.put_if(&key("/vms/d"), "new".into(), Expect::Absent).await.unwrap();
    assert_eq!(store.get(&key("/vms/d")).await.unwrap().unwrap().value, "new");
    store.close().await;
}

#[tokio::test]
async fn a_journal_of_format_1_is_read_and_written() {
    let directory = tempfile::tempdir().unwrap();
    let path = copy("journal-v1.sqlite", &directory);
    assert_eq!(verify_journal(&path).unwrap().records, 3);
    let journal = Journal::open(&path, JournalOptions::default()).await.unwrap();
    let records = journal.page(Query::default()).await.unwrap().records;
    let plain: Vec<_> = records.iter().map(|r| (r.record.kind, r.record.subject.as_str())).collect();
    assert_eq!(plain, [(RecordKind::Task, "/tasks/1"), (RecordKind::Event, "/vms/a"), (RecordKind::Audit, "/vms/a")]);
    assert_eq!(records[2].record.data["from"], "192.0.2.7");
    let again = records[0].record.clone();
    journal.append(again).await.unwrap();
    assert_eq!(journal.page(Query::default()).await.unwrap().records.len(), 4);
}

/// The way back: a store that a later version expanded is opened, read and written by this one.
#[tokio::test]
async fn an_expanded_store_of_the_next_version_works() {
    let directory = tempfile::tempdir().unwrap();
    let path = copy("store-v2-expanded.sqlite", &directory);
    let store = open(&path).await.unwrap();
    check_content(&store).await;
    let change = Txn::new().put(key("/vms/a"), "changed").delete(key("/vms/c"));
    store.txn(change).await.unwrap().committed().unwrap();
    store.close().await;
    let conn = Connection::open(&path).unwrap();
    let kept: (i64, String, i64) = conn
        .query_row(
            "SELECT (SELECT max(version) FROM format), (SELECT colour FROM colour),
                    (SELECT value FROM counter WHERE name = 'later')",
            [],
            |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)),
        )
        .unwrap();
    assert_eq!(kept, (2, "green".into(), 42), "what the next version added was touched");
}

#[tokio::test]
async fn a_store_that_needs_a_newer_program_is_refused_untouched() {
    let directory = tempfile::tempdir().unwrap();
    let path = copy("store-v3-contracted.sqlite", &directory);
    let before = std::fs::read(&path).unwrap();
    let refused = open(&path).await.err().expect("a refusal");
    assert!(matches!(refused, StoreError::File(FileError::Newer { found: 3, needs: 3, known: 1, .. })), "{refused:?}");
    assert!(refused.to_string().contains("newer version"));
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn files_of_another_kind_are_refused_untouched() {
    let directory = tempfile::tempdir().unwrap();
    let path = copy("journal-v1.sqlite", &directory);
    let before = std::fs::read(&path).unwrap();
    assert!(matches!(open(&path).await, Err(StoreError::File(FileError::NotOurs { .. }))));
    assert_eq!(std::fs::read(&path).unwrap(), before);
    let text = directory.path().join("text");
    std::fs::write(&text, "not a database at all, but a text that is longer than a header".repeat(40)).unwrap();
    assert!(matches!(open(&text).await, Err(StoreError::File(FileError::Corrupt { .. }))));
    let foreign = directory.path().join("foreign.sqlite");
    Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE theirs (x)").unwrap();
    assert!(matches!(open(&foreign).await, Err(StoreError::File(FileError::NotOurs { .. }))));
}

/// The other way: what this version makes has exactly the tables that the golden file has, so whoever reads that one
/// reads this one.
#[tokio::test]
async fn new_files_look_like_the_golden_ones() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&directory.path().join("store.sqlite")).await.unwrap();
    let journal = Journal::open(directory.path().join("journal.sqlite"), JournalOptions::default()).await.unwrap();
    store.close().await;
    journal.close().await;
    for (new, old) in [(store.path(), "store-v1.sqlite"), (journal.path(), "journal-v1.sqlite")] {
        assert_eq!(shape(new), shape(&golden(old)), "{old}");
    }
}

fn shape(path: &Path) -> (i64, Vec<(String, String)>) {
    let conn = Connection::open(path).unwrap();
    let mut statement =
        conn.prepare("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name").unwrap();
    let tables = statement.query_map([], |r| Ok((r.get(0)?, r.get(1)?))).unwrap().map(Result::unwrap).collect();
    (conn.pragma_query_value(None, "application_id", |r| r.get(0)).unwrap(), tables)
}
