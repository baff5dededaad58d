//! A program to be killed. It writes to a store and a journal under load and says on its standard output what was
//! acknowledged; run again with `--check` it says whether all of that is still there, and nothing in half.
//!
//! ```text
//! cake-store-writer DIRECTORY                 writes "ack TASK NUMBER" lines until it is killed
//! cake-store-writer --limit N DIRECTORY       … or until every task has written N times
//! cake-store-writer --check DIRECTORY ACKED   ACKED: a file with such lines ("-" for standard input)
//! ```
//!
//! Every task counts up. Its *n*th transaction sets `last` to *n*, one of eight slots to something made from *n*, and
//! makes or removes one key now and then; so the whole state of a task follows from its `last`.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use cake_store::{
    Entry, Expect, Filter, Journal, JournalOptions, Key, KeyPrefix, Order, Page, Query, Record, RecordKind, Revision,
    SqliteOptions, SqliteStore, Store, Txn, verify_journal, verify_store,
};

const STORE_TASKS: [&str; 4] = ["s0", "s1", "s2", "s3"];
const JOURNAL_TASKS: [&str; 2] = ["j0", "j1"];
const SLOTS: u64 = 8;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["--check", directory, acked] => check(Path::new(directory), &read_acks(acked)?).await,
        ["--limit", limit, directory] => write(Path::new(directory), limit.parse()?).await,
        [directory] if !directory.starts_with('-') => write(Path::new(directory), u64::MAX).await,
        _ => bail!("usage: cake-store-writer [--limit N] DIRECTORY | --check DIRECTORY ACKED"),
    }
}

fn files(directory: &Path) -> (PathBuf, PathBuf) {
    (directory.join("store.sqlite"), directory.join("journal.sqlite"))
}

async fn open(directory: &Path) -> Result<(Arc<SqliteStore>, Arc<Journal>)> {
    let (store, journal) = files(directory);
    let store = SqliteStore::open(store, SqliteOptions::default()).await?;
    let journal = Journal::open(journal, JournalOptions::default()).await?;
    Ok((Arc::new(store), Arc::new(journal)))
}

/// One line, one write: whoever reads sees whole lines even when this program dies.
fn acknowledge(task: &str, number: u64) -> Result<()> {
    let line = format!("ack {task} {number}\n");
    Ok(std::io::stdout().lock().write_all(line.as_bytes())?)
}

async fn write(directory: &Path, limit: u64) -> Result<()> {
    let (store, journal) = open(directory).await?;
    let mut tasks = tokio::task::JoinSet::new();
    for task in STORE_TASKS {
        tasks.spawn(write_store(Arc::clone(&store), task, limit));
    }
    for task in JOURNAL_TASKS {
        tasks.spawn(write_journal(Arc::clone(&journal), task, limit));
    }
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    store.close().await;
    journal.close().await;
    Ok(())
}

fn key(task: &str, name: &str) -> Result<Key> {
    Ok(Key::new(&format!("/load/{task}/{name}"))?)
}

/// What the slot of `number` holds: more or less a page, so that transactions are of many sizes.
fn content(number: u64) -> Bytes {
    let mut text = format!("{number} ");
    text.extend((0..number * 331 % 5000).map(|i| char::from(b'a' + (i % 26) as u8)));
    text.into()
}

/// Does the odd key exist after the *n*th transaction? It is made by every seventh and removed two later.
fn odd_exists(number: u64) -> bool {
    number >= 3 && matches!(number % 7, 3 | 4)
}

async fn write_store(store: Arc<SqliteStore>, task: &'static str, limit: u64) -> Result<()> {
    let last = key(task, "last")?;
    let (mut number, mut expected) = match store.get(&last).await? {
        Some(entry) => (parse(&entry.value)?, Expect::Revision(entry.revision)),
        None => (0, Expect::Absent),
    };
    while number < limit {
        number += 1;
        let slot = key(task, &format!("slot/{}", number % SLOTS))?;
        let mut txn = Txn::new().guard(last.clone(), expected);
        txn = txn.put(slot, content(number)).put(last.clone(), number.to_string());
        txn = match number % 7 {
            3 => txn.put(key(task, "odd")?, "odd"),
            5 => txn.delete(key(task, "odd")?),
            _ => txn,
        };
        let revision: Revision = store.txn(txn).await?.committed()?;
        expected = Expect::Revision(revision);
        acknowledge(task, number)?;
    }
    Ok(())
}

fn parse(value: &[u8]) -> Result<u64> {
    let text = std::str::from_utf8(value)?;
    text.split(' ').next().unwrap_or_default().parse().with_context(|| format!("not a number: {text:?}"))
}

fn subject(task: &str) -> String {
    format!("/load/{task}")
}

async fn write_journal(journal: Arc<Journal>, task: &'static str, limit: u64) -> Result<()> {
    let query = Query { filter: Filter { subject: Some(subject(task)), ..Filter::default() }, ..Query::default() };
    let newest = journal.page(query).await?.records.into_iter().next();
    let mut number = newest.and_then(|r| r.record.data.as_u64()).unwrap_or(0);
    while number < limit {
        number += 1;
        let record = Record {
            kind: RecordKind::Audit,
            at: jiff::Timestamp::now(),
            project: "default".into(),
            subject: subject(task),
            actor: task.into(),
            data: number.into(),
        };
        journal.append(record).await?;
        acknowledge(task, number)?;
    }
    Ok(())
}

/// The highest number that was acknowledged of each task. A line that was cut in two was not.
fn read_acks(file: &str) -> Result<BTreeMap<String, u64>> {
    let mut text = String::new();
    match file {
        "-" => std::io::stdin().read_to_string(&mut text)?,
        path => std::fs::File::open(path).with_context(|| path.to_owned())?.read_to_string(&mut text)?,
    };
    let mut acks = BTreeMap::new();
    for line in text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')) {
        let Some((task, number)) = line.strip_prefix("ack ").and_then(|rest| rest.split_once(' ')) else { continue };
        let number: u64 = number.trim().parse().with_context(|| format!("a broken line: {line:?}"))?;
        let highest = acks.entry(task.to_owned()).or_insert(number);
        *highest = number.max(*highest);
    }
    Ok(acks)
}

async fn check(directory: &Path, acks: &BTreeMap<String, u64>) -> Result<()> {
    let (store, journal) = open(directory).await?;
    let mut report = String::new();
    for task in STORE_TASKS {
        let last = check_store(&store, task).await.with_context(|| format!("task {task}"))?;
        compare(task, last, acks, &mut report)?;
    }
    for task in JOURNAL_TASKS {
        let last = check_journal(&journal, task).await.with_context(|| format!("task {task}"))?;
        compare(task, last, acks, &mut report)?;
    }
    store.close().await;
    journal.close().await;
    let (store, journal) = files(directory);
    verify_store(&store)?;
    verify_journal(&journal)?;
    println!("ok{report}");
    Ok(())
}

fn compare(task: &str, last: u64, acks: &BTreeMap<String, u64>, report: &mut String) -> Result<()> {
    let acked = acks.get(task).copied().unwrap_or(0);
    ensure!(last >= acked, "task {task}: {acked} was acknowledged, the last one that is there is {last}");
    report.push_str(&format!(" {task}={last}/{acked}"));
    Ok(())
}

async fn check_store(store: &SqliteStore, task: &str) -> Result<u64> {
    let listing = store.list(&KeyPrefix::new(&format!("/load/{task}/"))?, Page::default()).await?;
    let found: BTreeMap<&str, &Entry> = listing.entries.iter().map(|e| (e.key.as_str(), e)).collect();
    let last = match found.get(key(task, "last")?.as_str()) {
        Some(entry) => parse(&entry.value)?,
        None => 0,
    };
    let mut expected = BTreeMap::new();
    if last > 0 {
        expected.insert(key(task, "last")?, Bytes::from(last.to_string()));
    }
    for number in last.saturating_sub(SLOTS - 1).max(1)..=last {
        expected.insert(key(task, &format!("slot/{}", number % SLOTS))?, content(number));
    }
    if odd_exists(last) {
        expected.insert(key(task, "odd")?, "odd".into());
    }
    ensure!(found.len() == expected.len(), "{} keys instead of {} after {last}", found.len(), expected.len());
    for (key, value) in expected {
        let there = found.get(key.as_str()).with_context(|| format!("{key} is missing after {last}"))?;
        ensure!(there.value == value, "{key} is not what transaction {last} left: half a transaction");
    }
    Ok(last)
}

async fn check_journal(journal: &Journal, task: &str) -> Result<u64> {
    let filter = Filter { subject: Some(subject(task)), ..Filter::default() };
    let mut query = Query { filter, order: Order::OldestFirst, ..Query::default() };
    let mut last = 0;
    loop {
        let page = journal.page(query.clone()).await?;
        for stored in &page.records {
            ensure!(stored.record.data == last + 1, "{} follows {last}", stored.record.data);
            last += 1;
        }
        match page.next {
            Some(next) => query.after = Some(next),
            None => return Ok(last),
        }
    }
}
