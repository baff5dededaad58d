//! Single writes and transactions.

use std::sync::Arc;

use bytes::Bytes;

use super::{StoreFactory, key, now};
use crate::error::StoreError;
use crate::model::{Expect, MAX_TXN_OPS, MAX_VALUE_BYTES, Txn, TxnOutcome};
use crate::store::Store;

pub(super) async fn run(factory: &dyn StoreFactory) {
    conditions(factory.fresh().await.store().as_ref()).await;
    limits(factory.fresh().await.store().as_ref()).await;
    transactions(factory.fresh().await.store().as_ref()).await;
    races(factory.fresh().await.store()).await;
    restart(factory).await;
}

async fn conditions(store: &dyn Store) {
    let (a, b) = (key("/t/a"), key("/t/b"));
    assert_eq!(store.get(&a).await.unwrap(), None);
    let first = store.put_if(&a, "1".into(), Expect::Absent).await.unwrap();
    let entry = store.get(&a).await.unwrap().expect("what was put");
    assert_eq!((entry.value, entry.revision, entry.lease), (Bytes::from("1"), first, None));

    let again = store.put_if(&a, "2".into(), Expect::Absent).await;
    assert!(
        matches!(&again, Err(StoreError::Conflict { key, current }) if *key == a && *current == Some(first)),
        "{again:?}"
    );
    let second = store.put_if(&a, "2".into(), Expect::Revision(first)).await.unwrap();
    assert_ne!(first, second);
    let stale = store.put_if(&a, "3".into(), Expect::Revision(first)).await;
    assert!(matches!(stale, Err(StoreError::Conflict { current: Some(c), .. }) if c == second));
    let missing = store.put_if(&b, "3".into(), Expect::Revision(first)).await;
    assert!(matches!(missing, Err(StoreError::Conflict { current: None, .. })));
    assert_eq!(store.get(&b).await.unwrap(), None);

    assert!(matches!(store.delete_if(&a, Expect::Revision(first)).await, Err(StoreError::Conflict { .. })));
    assert!(matches!(store.delete_if(&a, Expect::Absent).await, Err(StoreError::Conflict { .. })));
    assert!(store.delete_if(&a, Expect::Revision(second)).await.unwrap());
    assert!(!store.delete_if(&a, Expect::Any).await.unwrap());
    assert_eq!(store.get(&a).await.unwrap(), None);
    let third = store.put_if(&a, "4".into(), Expect::Absent).await.unwrap();
    assert!(third != first && third != second, "a new entry looks like an old one");
    store.put_if(&a, Bytes::new(), Expect::Any).await.unwrap();
    assert_eq!(store.get(&a).await.unwrap().expect("an empty value is a value").value, Bytes::new());
}

async fn limits(store: &dyn Store) {
    let k = key("/t/large");
    let largest = Bytes::from(vec![7u8; MAX_VALUE_BYTES]);
    store.put_if(&k, largest.clone(), Expect::Absent).await.unwrap();
    assert_eq!(store.get(&k).await.unwrap().expect("the largest value").value, largest);
    let before = now(store).await;
    let too_large = Bytes::from(vec![7u8; MAX_VALUE_BYTES + 1]);
    let refused = store.put_if(&k, too_large.clone(), Expect::Any).await;
    assert!(matches!(refused, Err(StoreError::ValueTooLarge { size, .. }) if size == MAX_VALUE_BYTES + 1));
    let refused = store.txn(Txn::new().put(key("/t/x"), "1").put(k.clone(), too_large)).await;
    assert!(matches!(refused, Err(StoreError::ValueTooLarge { .. })));
    let refused = store.txn(Txn::new().put(k.clone(), "1").delete(k.clone())).await;
    assert!(matches!(refused, Err(StoreError::DuplicateKey { key }) if key == k));
    let many = (0..=MAX_TXN_OPS).fold(Txn::new(), |t, i| t.put(key(&format!("/t/{i}")), "1"));
    assert!(matches!(store.txn(many).await, Err(StoreError::TxnTooLarge { .. })));
    assert_eq!(now(store).await, before, "a refused write left a trace");
    let most = (0..MAX_TXN_OPS).fold(Txn::new(), |t, i| t.put(key(&format!("/t/{i}")), "1"));
    assert!(matches!(store.txn(most).await, Ok(TxnOutcome::Committed { .. })));
}

async fn transactions(store: &dyn Store) {
    let (a, b, c) = (key("/t/a"), key("/t/b"), key("/t/c"));
    let made = Txn::new().guard(a.clone(), Expect::Absent).put(a.clone(), "1").put(b.clone(), "1");
    let first = store.txn(made.clone()).await.unwrap().committed().unwrap();
    for k in [&a, &b] {
        assert_eq!(store.get(k).await.unwrap().expect("both").revision, first, "one commit, one revision");
    }
    let before = now(store).await;
    assert!(before.covers(first));
    let refused = store.txn(made).await.unwrap();
    assert_eq!(refused, TxnOutcome::Refused { key: a.clone(), current: Some(first) });
    let half = Txn::new()
        .guard(a.clone(), Expect::Revision(first))
        .guard(c.clone(), Expect::Revision(first))
        .put(a.clone(), "2")
        .delete(b.clone());
    assert_eq!(store.txn(half).await.unwrap(), TxnOutcome::Refused { key: c.clone(), current: None });
    assert_eq!(now(store).await, before, "a refused transaction left a trace");
    let moved = Txn::new()
        .guard(a.clone(), Expect::Revision(first))
        .guard(c.clone(), Expect::Absent)
        .delete(a.clone())
        .put(c.clone(), "2")
        .delete(key("/t/never"));
    let second = store.txn(moved).await.unwrap().committed().unwrap();
    assert!(!before.covers(second) && now(store).await.covers(second));
    assert_eq!(store.get(&a).await.unwrap(), None);
    assert_eq!(store.get(&b).await.unwrap().expect("untouched").revision, first);
    assert_eq!(store.get(&c).await.unwrap().expect("moved").revision, second);
    // A transaction may only look.
    let look = Txn::new().guard(c.clone(), Expect::Revision(second));
    assert!(matches!(store.txn(look).await, Ok(TxnOutcome::Committed { .. })));
}

/// Of many that want the same, one gets it; and no increment is lost.
async fn races(store: Arc<dyn Store>) {
    let mut tasks = tokio::task::JoinSet::new();
    for i in 0..16 {
        let store = Arc::clone(&store);
        tasks.spawn(async move { store.put_if(&key("/race"), i.to_string().into(), Expect::Absent).await.is_ok() });
    }
    let winners = tasks.join_all().await.into_iter().filter(|won| *won).count();
    assert_eq!(winners, 1, "two made the same key");

    let counter = key("/count");
    store.put_if(&counter, "0".into(), Expect::Absent).await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (store, counter) = (Arc::clone(&store), counter.clone());
        tasks.spawn(async move {
            for _ in 0..10 {
                increment(store.as_ref(), &counter).await;
            }
        });
    }
    tasks.join_all().await;
    assert_eq!(store.get(&counter).await.unwrap().expect("the counter").value, Bytes::from("80"));
}

async fn increment(store: &dyn Store, counter: &crate::Key) {
    loop {
        let entry = store.get(counter).await.unwrap().expect("the counter");
        let number: u32 = std::str::from_utf8(&entry.value).unwrap().parse().unwrap();
        let new = (number + 1).to_string().into();
        match store.put_if(counter, new, Expect::Revision(entry.revision)).await {
            Ok(_) => return,
            Err(StoreError::Conflict { .. }) => {}
            Err(other) => panic!("{other}"),
        }
    }
}

async fn restart(factory: &dyn StoreFactory) {
    let mut home = factory.fresh().await;
    let (a, b) = (key("/t/a"), key("/t/b"));
    let old = home.store();
    let revision = old.put_if(&a, "1".into(), Expect::Absent).await.unwrap();
    old.put_if(&b, "1".into(), Expect::Absent).await.unwrap();
    old.delete_if(&b, Expect::Any).await.unwrap();
    let before = now(old.as_ref()).await;
    home.restart().await;
    assert!(matches!(old.get(&a).await, Err(StoreError::Closed)));
    assert!(matches!(old.put_if(&a, "2".into(), Expect::Any).await, Err(StoreError::Closed)));
    let store = home.store();
    assert_eq!(store.get(&a).await.unwrap().expect("kept").revision, revision);
    assert_eq!(store.get(&b).await.unwrap(), None);
    assert_eq!(now(store.as_ref()).await, before);
    store.put_if(&a, "2".into(), Expect::Revision(revision)).await.unwrap();
}
