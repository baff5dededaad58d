//! The journal: order, filters, pages, bounds, feeds.

use std::num::NonZeroUsize;
use std::time::Duration;

use cake_store::{
    Bounds, Filter, Journal, JournalError, JournalOptions, Order, Query, Record, RecordCursor, RecordKind, StoredRecord,
};
use jiff::Timestamp;
use serde_json::json;

fn record(kind: RecordKind, number: i64) -> Record {
    Record {
        kind,
        at: Timestamp::from_second(1_800_000_000 + number).unwrap(),
        project: if number % 3 == 0 { "default" } else { "lab" }.into(),
        subject: format!("/vms/{}", number % 5),
        actor: if number % 2 == 0 { "admin" } else { "operator" }.into(),
        data: json!({ "n": number }),
    }
}

fn numbers(records: &[StoredRecord]) -> Vec<i64> {
    records.iter().map(|r| r.record.data["n"].as_i64().unwrap()).collect()
}

async fn all(journal: &Journal, mut query: Query) -> Vec<i64> {
    let mut found = Vec::new();
    loop {
        let page = journal.page(query.clone()).await.unwrap();
        assert!(page.records.len() <= query.limit.map_or(1000, NonZeroUsize::get));
        found.extend(numbers(&page.records));
        match page.next {
            Some(next) => query.after = Some(next),
            None => return found,
        }
    }
}

async fn filled(directory: &tempfile::TempDir, count: i64) -> Journal {
    let journal = Journal::open(directory.path().join("journal.sqlite"), JournalOptions::default()).await.unwrap();
    for number in 0..count {
        let kind = RecordKind::ALL[number as usize % 3];
        journal.append_soon(record(kind, number)).await.unwrap();
    }
    // Everything queued before this is durable with it.
    journal.append(record(RecordKind::Audit, count)).await.unwrap();
    journal
}

#[tokio::test]
async fn pages_and_filters() {
    let directory = tempfile::tempdir().unwrap();
    let journal = filled(&directory, 60).await;
    for limit in [1, 7, 1000] {
        let query = Query { limit: NonZeroUsize::new(limit), ..Query::default() };
        let newest = all(&journal, query.clone()).await;
        assert_eq!(newest, (0..=60).rev().collect::<Vec<_>>());
        let oldest = all(&journal, Query { order: Order::OldestFirst, ..query }).await;
        assert_eq!(oldest, (0..=60).collect::<Vec<_>>());
    }
    let filtered = |filter: Filter| {
        let query = Query { filter, limit: NonZeroUsize::new(4), order: Order::OldestFirst, after: None };
        all(&journal, query)
    };
    let events = filtered(Filter::kind(RecordKind::Event)).await;
    assert_eq!(events, (0..60).filter(|n| n % 3 == 1).collect::<Vec<_>>());
    let narrow = Filter {
        kinds: vec![RecordKind::Audit, RecordKind::Task],
        project: Some("lab".into()),
        subject: Some("/vms/2".into()),
        actor: Some("operator".into()),
        since: Some(Timestamp::from_second(1_800_000_010).unwrap()),
    };
    let expected = (10..60).filter(|n| n % 3 == 2 && n % 5 == 2 && n % 2 == 1).collect::<Vec<_>>();
    assert!(!expected.is_empty());
    assert_eq!(filtered(narrow).await, expected);
    assert!(filtered(Filter { subject: Some("' OR 1=1 --".into()), ..Filter::default() }).await.is_empty());
}

#[tokio::test]
async fn survives_a_restart_and_cursors_are_text() {
    let directory = tempfile::tempdir().unwrap();
    let journal = filled(&directory, 10).await;
    let query = Query { limit: NonZeroUsize::new(3), ..Query::default() };
    let first = journal.page(query.clone()).await.unwrap();
    journal.append_soon(record(RecordKind::Event, 11)).await.unwrap();
    journal.close().await;
    assert!(matches!(journal.append(record(RecordKind::Event, 12)).await, Err(JournalError::Closed)));
    let journal = Journal::open(journal.path(), JournalOptions::default()).await.unwrap();
    let next: RecordCursor = first.next.unwrap().to_string().parse().unwrap();
    assert_eq!(all(&journal, Query { after: Some(next), ..query }).await, (0..=7).rev().collect::<Vec<_>>());
    assert_eq!(all(&journal, Query::default()).await[0], 11, "closing makes durable what was handed over");
}

#[tokio::test]
async fn bounds_hold_and_what_goes_is_counted() {
    let directory = tempfile::tempdir().unwrap();
    let bounds = Bounds { rows: 10, bytes: 1 << 20 };
    let options = JournalOptions { events: bounds, tasks: Bounds { rows: 1000, bytes: 2000 }, ..Default::default() };
    let journal = Journal::open(directory.path().join("journal.sqlite"), options).await.unwrap();
    journal.append(record(RecordKind::Audit, 0)).await.unwrap();
    for number in 0..100 {
        journal.append_soon(record(RecordKind::Event, number)).await.unwrap();
        let mut task = record(RecordKind::Task, number);
        task.data = json!({ "n": number, "log": "x".repeat(400) });
        journal.append_soon(task).await.unwrap();
    }
    journal.append(record(RecordKind::Event, 100)).await.unwrap();
    let usage = journal.usage().await.unwrap();
    let of = |kind| usage.iter().find(|u| u.kind == kind).copied().unwrap();
    assert_eq!((of(RecordKind::Audit).rows, of(RecordKind::Audit).dropped), (1, 0));
    assert_eq!((of(RecordKind::Event).rows, of(RecordKind::Event).dropped), (10, 91));
    let tasks = of(RecordKind::Task);
    assert!(tasks.bytes <= 2000 && tasks.rows == 4 && tasks.dropped == 96, "{tasks:?}");
    let query = |kind| Query { filter: Filter::kind(kind), ..Query::default() };
    assert_eq!(all(&journal, query(RecordKind::Event)).await, (91..=100).rev().collect::<Vec<_>>());
    assert_eq!(all(&journal, query(RecordKind::Task)).await, (96..100).rev().collect::<Vec<_>>());
    journal.close().await;
    let journal = Journal::open(journal.path(), options).await.unwrap();
    assert_eq!(journal.usage().await.unwrap(), usage);
}

#[tokio::test]
async fn too_large_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let journal = filled(&directory, 0).await;
    let mut large = record(RecordKind::Audit, 1);
    large.data = json!("x".repeat(cake_store::MAX_DATA_BYTES));
    assert!(matches!(journal.append(large).await, Err(JournalError::TooLarge { field: "data", .. })));
    let mut large = record(RecordKind::Audit, 1);
    large.subject = "x".repeat(cake_store::MAX_FIELD_BYTES + 1);
    assert!(matches!(journal.append_soon(large).await, Err(JournalError::TooLarge { field: "subject", .. })));
    assert_eq!(all(&journal, Query::default()).await, [0]);
}

#[tokio::test]
async fn feeds_miss_nothing_and_say_when_they_must() {
    let directory = tempfile::tempdir().unwrap();
    let options = JournalOptions { events: Bounds { rows: 300, bytes: 1 << 20 }, ..Default::default() };
    let journal = Journal::open(directory.path().join("journal.sqlite"), options).await.unwrap();
    let mut live = journal.subscribe(Filter::kind(RecordKind::Event), None);
    let mut slow = journal.subscribe(Filter::default(), None);
    for number in 0..150 {
        journal.append_soon(record(RecordKind::Event, number)).await.unwrap();
        journal.append_soon(record(RecordKind::Audit, number)).await.unwrap();
    }
    let mut seen = Vec::new();
    while seen.len() < 150 {
        let next = tokio::time::timeout(Duration::from_secs(20), live.next()).await.expect("in time");
        seen.push(next.unwrap());
    }
    assert_eq!(numbers(&seen), (0..150).collect::<Vec<_>>());
    let mut again = journal.subscribe(Filter::kind(RecordKind::Event), Some(seen[99].cursor));
    assert_eq!(numbers(&[again.next().await.unwrap()]), [100]);

    // Events overtake the slow one: it is told once, then gets what is left of them and all of the rest.
    for number in 150..700 {
        journal.append_soon(record(RecordKind::Event, number)).await.unwrap();
    }
    journal.append(record(RecordKind::Audit, 700)).await.unwrap();
    assert!(matches!(slow.next().await, Err(JournalError::Trimmed)));
    let mut left = Vec::new();
    while left.last().is_none_or(|r: &StoredRecord| r.record.data["n"] != 700) {
        left.push(slow.next().await.unwrap());
    }
    let (events, audit): (Vec<_>, Vec<_>) = left.into_iter().partition(|r| r.record.kind == RecordKind::Event);
    assert_eq!(numbers(&events), (400..700).collect::<Vec<_>>());
    assert_eq!(numbers(&audit), (0..150).chain([700]).collect::<Vec<_>>());
    journal.close().await;
    assert!(matches!(live.next().await, Err(JournalError::Closed)));
}
