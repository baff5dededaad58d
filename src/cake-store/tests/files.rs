//! What happens to the files: limits, locks, leases over restarts, copies.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cake_store::{
    Change, Expect, FileError, Filter, Journal, JournalError, JournalOptions, Key, KeyPrefix, ManualClock, Page, Query,
    Record, RecordKind, SqliteOptions, SqliteStore, Store, StoreError, Txn, restore_journal, restore_store,
    verify_journal, verify_store,
};

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

fn event(number: i64) -> Record {
    Record {
        kind: RecordKind::Event,
        at: jiff::Timestamp::UNIX_EPOCH,
        project: "default".into(),
        subject: "/vms/1".into(),
        actor: "system".into(),
        data: number.into(),
    }
}

async fn open(path: &std::path::Path) -> SqliteStore {
    SqliteStore::open(path, SqliteOptions::default()).await.unwrap()
}

/// Fills a store until it refuses; everything acknowledged stays, the refused write left nothing, reading goes on and
/// so does writing once there is room.
async fn fill_until_refused(store: &SqliteStore) {
    let value = Bytes::from(vec![1u8; 16 * 1024]);
    let mut kept = 0;
    let refused = loop {
        let pair = Txn::new().put(key(&format!("/fill/{kept}/a")), value.clone());
        match store.txn(pair.put(key(&format!("/fill/{kept}/b")), value.clone())).await {
            Ok(_) => kept += 1,
            Err(error) => break error,
        }
        assert!(kept < 10_000, "the disk never became full");
    };
    assert!(matches!(refused, StoreError::File(FileError::DiskFull { .. })), "{refused:?}");
    assert!(refused.to_string().contains("nothing was changed"));
    assert!(kept > 2);
    let entries = store.list(&KeyPrefix::new("/fill/").unwrap(), Page::default()).await.unwrap().entries;
    assert_eq!(entries.len(), kept * 2, "an acknowledged write is missing or half of a refused one is there");
    assert_eq!(store.get(&key(&format!("/fill/{kept}/a"))).await.unwrap(), None);
    // Several at once: each gets an answer of its own.
    let writes =
        (0..8).map(|i| store.put_if(Box::leak(Box::new(key(&format!("/more/{i}")))), value.clone(), Expect::Any));
    for answer in futures_util::future::join_all(writes).await {
        assert!(matches!(answer, Ok(_) | Err(StoreError::File(FileError::DiskFull { .. }))), "{answer:?}");
    }
}

#[tokio::test]
async fn a_store_at_its_own_limit_refuses_and_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let options = SqliteOptions { max_bytes: Some(1 << 20), ..SqliteOptions::default() };
    let store = SqliteStore::open(directory.path().join("store.sqlite"), options).await.unwrap();
    fill_until_refused(&store).await;
    let now = store.list(&KeyPrefix::all(), Page::first(1)).await.unwrap().cursor;
    store.compact(now).await.unwrap();
    store.close().await;
    assert!(verify_store(store.path()).is_ok());
}

#[tokio::test]
async fn a_journal_at_its_limit_refuses_and_counts_what_it_lost() {
    let directory = tempfile::tempdir().unwrap();
    let options = JournalOptions { max_bytes: Some(256 * 1024), ..JournalOptions::default() };
    let journal = Journal::open(directory.path().join("journal.sqlite"), options).await.unwrap();
    let mut large = event(0);
    large.data = "x".repeat(16_000).into();
    let mut kept = 0;
    let refused = loop {
        match journal.append(large.clone()).await {
            Ok(_) => kept += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, JournalError::File(FileError::DiskFull { .. })), "{refused:?}");
    journal.append_soon(large.clone()).await.unwrap();
    journal.close().await;
    assert_eq!(journal.lost(), 1);
    assert_eq!(verify_journal(journal.path()).unwrap().records, kept);
}

#[tokio::test]
async fn one_program_at_a_time() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.sqlite");
    let store = open(&path).await;
    let second = SqliteStore::open(&path, SqliteOptions::default()).await;
    assert!(matches!(second, Err(StoreError::File(FileError::InUse { .. }))));
    store.close().await;
    let names: Vec<_> = std::fs::read_dir(directory.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "a clean end leaves the file and its lock: {names:?}");
    let again = open(&path).await;
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "others can read the store");
    again.close().await;
}

#[tokio::test]
async fn history_stays_within_its_bounds() {
    let directory = tempfile::tempdir().unwrap();
    let options = SqliteOptions { retain_changes: 40, ..SqliteOptions::default() };
    let store = SqliteStore::open(directory.path().join("store.sqlite"), options).await.unwrap();
    let start = store.list(&KeyPrefix::all(), Page::first(1)).await.unwrap().cursor;
    store.put_if(&key("/once"), "kept".into(), Expect::Any).await.unwrap();
    let mut slow = store.watch(&KeyPrefix::all(), start).await.unwrap();
    for i in 0..100 {
        store.put_if(&key("/often"), i.to_string().into(), Expect::Any).await.unwrap();
    }
    assert!(matches!(store.watch(&KeyPrefix::all(), start).await, Err(StoreError::Compacted)));
    assert!(slow.next().await.is_ok(), "what was read already");
    assert!(matches!(slow.next().await, Err(StoreError::Compacted)));
    assert_eq!(store.get(&key("/once")).await.unwrap().unwrap().value, "kept");

    let large = Bytes::from(vec![0u8; 256 * 1024]);
    let options = SqliteOptions { retain_bytes: 1 << 20, ..SqliteOptions::default() };
    let path = directory.path().join("large.sqlite");
    let store = SqliteStore::open(&path, options).await.unwrap();
    for _ in 0..40 {
        store.put_if(&key("/often"), large.clone(), Expect::Any).await.unwrap();
    }
    store.close().await;
    let size = std::fs::metadata(&path).unwrap().len();
    assert!(size < 3 << 20, "{size} bytes for one value and a mebibyte of history");
}

/// What is left of a lease after a restart is what the clock says, never more than it had.
#[tokio::test]
async fn leases_go_on_counting_while_the_program_is_down() {
    let directory = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::at(1_800_000_000_000));
    let options = SqliteOptions { clock: clock.clone(), ..SqliteOptions::default() };
    let path = directory.path().join("store.sqlite");
    let store = SqliteStore::open(&path, options.clone()).await.unwrap();
    let hour = Duration::from_secs(3600);
    let (over, left) = (store.lease_grant(hour).await.unwrap(), store.lease_grant(hour * 3).await.unwrap());
    let put = Txn::new().put_leased(key("/over"), "", over).put_leased(key("/left"), "", left);
    store.txn(put).await.unwrap().committed().unwrap();
    let cursor = store.list(&KeyPrefix::all(), Page::first(1)).await.unwrap().cursor;
    store.close().await;
    clock.advance(hour * 2);
    let store = SqliteStore::open(&path, options.clone()).await.unwrap();
    let mut watch = store.watch(&KeyPrefix::all(), cursor).await.unwrap();
    assert_eq!(watch.next().await.unwrap().changes, [Change::Delete(key("/over"))]);
    assert!(store.get(&key("/left")).await.unwrap().is_some());
    assert!(matches!(store.lease_keep_alive(over).await, Err(StoreError::LeaseGone)));
    store.lease_keep_alive(left).await.unwrap();
    store.close().await;
    // A machine whose clock lost its battery does not end (or lengthen) what has just been renewed.
    clock.set(0);
    let store = SqliteStore::open(&path, options).await.unwrap();
    assert!(store.get(&key("/left")).await.unwrap().is_some());
    store.lease_revoke(left).await.unwrap();
}

#[tokio::test]
async fn a_backup_under_load_is_consistent_and_starts_a_history_of_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.sqlite");
    let store = Arc::new(open(&path).await);
    let first = store.put_if(&key("/pair/a"), "0".into(), Expect::Absent).await.unwrap();
    let cursor = store.list(&KeyPrefix::all(), Page::first(1)).await.unwrap().cursor;
    let writing = Arc::clone(&store);
    let (stop, mut stopped) = tokio::sync::watch::channel(false);
    let writer = tokio::spawn(async move {
        let mut number = 0;
        while !*stopped.borrow_and_update() {
            number += 1;
            let value = number.to_string();
            let both = Txn::new().put(key("/pair/a"), value.clone()).put(key("/pair/b"), value);
            writing.txn(both).await.unwrap().committed().unwrap();
        }
    });
    for copy in 0..5 {
        let to = directory.path().join(format!("copy-{copy}.sqlite"));
        store.backup_to(&to).await.unwrap();
        assert!(verify_store(&to).is_ok());
        assert!(matches!(store.backup_to(&to).await, Err(StoreError::File(FileError::Exists { .. }))));
    }
    stop.send(true).unwrap();
    writer.await.unwrap();
    store.close().await;
    let copy = directory.path().join("copy-4.sqlite");
    let restored = directory.path().join("restored.sqlite");
    let summary = restore_store(&copy, &restored).unwrap();
    assert!(summary.format == 1 && summary.entries >= 1);
    assert!(matches!(restore_store(&copy, &restored), Err(FileError::Exists { .. })));
    for path in [&copy, &restored] {
        let store = open(path).await;
        let pair = store.list(&KeyPrefix::new("/pair/").unwrap(), Page::default()).await.unwrap();
        assert!(pair.entries.len() == 1 || pair.entries[0].value == pair.entries[1].value, "half a transaction");
        assert!(matches!(store.watch(&KeyPrefix::all(), cursor).await, Err(StoreError::Compacted)));
        let stale = store.put_if(&key("/pair/a"), "x".into(), Expect::Revision(first)).await;
        assert!(matches!(stale, Err(StoreError::Conflict { .. })));
        store.put_if(&key("/pair/a"), "x".into(), Expect::Any).await.unwrap();
        store.close().await;
    }
}

#[tokio::test]
async fn a_journal_is_copied_too() {
    let directory = tempfile::tempdir().unwrap();
    let journal = Journal::open(directory.path().join("journal.sqlite"), JournalOptions::default()).await.unwrap();
    for number in 0..10 {
        journal.append(event(number)).await.unwrap();
    }
    let copy = directory.path().join("copy.sqlite");
    journal.backup_to(&copy).await.unwrap();
    assert_eq!(verify_journal(&copy).unwrap().records, 10);
    assert!(matches!(verify_store(&copy), Err(FileError::NotOurs { .. })));
    let restored = directory.path().join("restored.sqlite");
    restore_journal(&copy, &restored).unwrap();
    let journal = Journal::open(&restored, JournalOptions::default()).await.unwrap();
    let query = Query { filter: Filter::kind(RecordKind::Event), ..Query::default() };
    assert_eq!(journal.page(query).await.unwrap().records.len(), 10);
}
