//! Watches: everything after a cursor, whole commits in order, or an honest "compacted".

use std::time::Duration;

use super::{PATIENCE, StoreFactory, key, next, now, prefix};
use crate::error::StoreError;
use crate::key::KeyPrefix;
use crate::model::{Change, Commit, Cursor, Expect, Page, Txn};
use crate::store::Store;

pub(super) async fn run(factory: &dyn StoreFactory) {
    live_and_past(factory.fresh().await.store().as_ref()).await;
    cancelled(factory.fresh().await.store().as_ref()).await;
    compacted_at_start(factory.fresh().await.store().as_ref()).await;
    compacted_in_the_middle(factory.fresh().await.store().as_ref()).await;
    restart(factory).await;
}

fn keys(commit: &Commit) -> Vec<String> {
    let sign = |change: &Change| match change {
        Change::Put(_) => '+',
        Change::Delete(_) => '-',
    };
    commit.changes.iter().map(|c| format!("{}{}", sign(c), c.key())).collect()
}

async fn live_and_past(store: &dyn Store) {
    let start = now(store).await;
    let mut live = store.watch(&prefix("/w/"), start).await.unwrap();
    let revision = store.put_if(&key("/w/1"), "a".into(), Expect::Absent).await.unwrap();
    store.put_if(&key("/other/1"), "a".into(), Expect::Absent).await.unwrap();
    store.put_if(&key("/w-old/1"), "a".into(), Expect::Absent).await.unwrap();
    let both = Txn::new().put(key("/w/2"), "b").put(key("/other/2"), "b").delete(key("/w/1")).delete(key("/w/none"));
    store.txn(both).await.unwrap().committed().unwrap();
    let first = next(&mut live).await;
    match &first.changes[..] {
        [Change::Put(entry)] => {
            assert_eq!((entry.key.as_str(), &entry.value[..], entry.revision), ("/w/1", &b"a"[..], revision));
            assert!(first.cursor.covers(revision) && !start.covers(revision));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(keys(&next(&mut live).await), ["+/w/2", "-/w/1"], "one transaction is one commit");

    let kept: Cursor = first.cursor.to_string().parse().unwrap();
    let mut later = store.watch(&prefix("/w/"), kept).await.unwrap();
    let second = next(&mut later).await;
    assert_eq!(keys(&second), ["+/w/2", "-/w/1"]);
    let mut past = store.watch(&KeyPrefix::all(), start).await.unwrap();
    for expected in [vec!["+/w/1"], vec!["+/other/1"], vec!["+/w-old/1"], vec!["+/w/2", "+/other/2", "-/w/1"]] {
        assert_eq!(keys(&next(&mut past).await), expected);
    }
    // All three go on live, and a removal that removed nothing is no event.
    store.delete_if(&key("/w/none"), Expect::Any).await.unwrap();
    store.put_if(&key("/w/3"), "c".into(), Expect::Absent).await.unwrap();
    for watch in [&mut live, &mut later, &mut past] {
        assert_eq!(keys(&next(watch).await), ["+/w/3"]);
    }
}

/// A reader that is interrupted again and again misses nothing.
async fn cancelled(store: &dyn Store) {
    let mut watch = store.watch(&prefix("/w/"), now(store).await).await.unwrap();
    for i in 0..50 {
        store.put_if(&key("/w/1"), i.to_string().into(), Expect::Any).await.unwrap();
    }
    let mut seen = 0;
    let read = async {
        while seen < 50 {
            tokio::select! {
                biased;
                commit = watch.next() => {
                    match &commit.expect("a commit").changes[..] {
                        [Change::Put(entry)] => assert_eq!(entry.value, seen.to_string()),
                        other => panic!("{other:?}"),
                    }
                    seen += 1;
                }
                () = tokio::task::yield_now() => {}
            }
        }
    };
    tokio::time::timeout(PATIENCE, read).await.expect("all fifty in time");
}

async fn compacted_at_start(store: &dyn Store) {
    let start = now(store).await;
    for i in 0..5 {
        store.put_if(&key("/w/1"), i.to_string().into(), Expect::Any).await.unwrap();
    }
    let upto = now(store).await;
    store.put_if(&key("/w/1"), "last".into(), Expect::Any).await.unwrap();
    store.compact(upto).await.unwrap();
    let mut watch = store.watch(&prefix("/w/"), upto).await.unwrap();
    assert_eq!(keys(&next(&mut watch).await), ["+/w/1"]);
    match store.watch(&prefix("/w/"), start).await {
        Err(StoreError::Compacted) => {}
        // An implementation may only find out when it reads.
        Ok(mut watch) => {
            let first = tokio::time::timeout(PATIENCE, watch.next()).await.expect("an answer in time");
            assert!(matches!(first, Err(StoreError::Compacted)), "{first:?}");
        }
        Err(other) => panic!("{other}"),
    }
}

/// Whoever reads so slowly that the history passes by is told, sooner or later, and can start over from a list.
async fn compacted_in_the_middle(store: &dyn Store) {
    let mut slow = store.watch(&prefix("/w/"), now(store).await).await.unwrap();
    let mut quick = store.watch(&prefix("/w/"), now(store).await).await.unwrap();
    let large = "x".repeat(64 * 1024);
    let mut written = 0usize;
    for round in 0..12 {
        for i in 0..8 {
            store.put_if(&key("/w/1"), format!("{round} {i} {large}").into(), Expect::Any).await.unwrap();
            written += 1;
            assert_eq!(next(&mut quick).await.changes.len(), 1);
        }
        store.compact(now(store).await).await.unwrap();
    }
    let mut read = 0;
    let end = loop {
        match tokio::time::timeout(Duration::from_secs(10), slow.next()).await {
            Ok(Ok(_)) => read += 1,
            Ok(Err(error)) => break Some(error),
            Err(_) => break None,
        }
        if read == written {
            break None;
        }
    };
    match end {
        Some(StoreError::Compacted) => {}
        None => assert_eq!(read, written, "the watch neither delivered everything nor said that it could not"),
        Some(other) => panic!("{other}"),
    }
    let listing = store.list(&prefix("/w/"), Page::default()).await.unwrap();
    let mut again = store.watch(&prefix("/w/"), listing.cursor).await.unwrap();
    store.put_if(&key("/w/2"), "on".into(), Expect::Absent).await.unwrap();
    assert_eq!(keys(&next(&mut again).await), ["+/w/2"]);
    assert_eq!(keys(&next(&mut quick).await), ["+/w/2"]);
}

async fn restart(factory: &dyn StoreFactory) {
    let mut home = factory.fresh().await;
    let store = home.store();
    let start = now(store.as_ref()).await;
    let mut watch = store.watch(&prefix("/w/"), start).await.unwrap();
    store.put_if(&key("/w/1"), "a".into(), Expect::Absent).await.unwrap();
    let seen = next(&mut watch).await.cursor;
    store.put_if(&key("/w/2"), "b".into(), Expect::Absent).await.unwrap();
    drop(store);
    home.restart().await;
    // What was not read yet may still come; then the watch ends.
    let end = async {
        loop {
            match watch.next().await {
                Ok(commit) => assert_eq!(keys(&commit), ["+/w/2"]),
                Err(error) => return error,
            }
        }
    };
    let end = tokio::time::timeout(PATIENCE, end).await.expect("an end in time");
    assert!(matches!(end, StoreError::Closed), "{end:?}");
    let mut watch = home.store().watch(&prefix("/w/"), seen).await.unwrap();
    assert_eq!(keys(&next(&mut watch).await), ["+/w/2"]);
}
