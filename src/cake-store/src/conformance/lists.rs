//! Lists: sorted, in pages, all from one instant.

use bytes::Bytes;

use super::{StoreFactory, all, key, now, prefix};
use crate::error::StoreError;
use crate::key::KeyPrefix;
use crate::model::{Entry, Expect, MAX_VALUE_BYTES, Page, Txn};
use crate::store::Store;

pub(super) async fn run(factory: &dyn StoreFactory) {
    order(factory.fresh().await.store().as_ref()).await;
    snapshot(factory.fresh().await.store().as_ref()).await;
    compacted(factory.fresh().await.store().as_ref()).await;
    large(factory.fresh().await.store().as_ref()).await;
}

fn names(entries: &[Entry]) -> Vec<&str> {
    entries.iter().map(|e| e.key.as_str()).collect()
}

async fn order(store: &dyn Store) {
    let empty = store.list(&KeyPrefix::all(), Page::default()).await.unwrap();
    assert!(empty.entries.is_empty() && empty.next.is_none());
    for k in ["/b/2", "/a/1", "/b-old/1", "/b/10", "/b/1/x", "/b/1", "/B/1", "/b0", "/c/1"] {
        store.put_if(&key(k), "v".into(), Expect::Absent).await.unwrap();
    }
    for limit in [1, 2, 3, 100] {
        let entries = all(store, &prefix("/b/"), limit).await;
        assert_eq!(names(&entries), ["/b/1", "/b/1/x", "/b/10", "/b/2"], "pages of {limit}");
        let entries = all(store, &KeyPrefix::all(), limit).await;
        let sorted = ["/B/1", "/a/1", "/b-old/1", "/b/1", "/b/1/x", "/b/10", "/b/2", "/b0", "/c/1"];
        assert_eq!(names(&entries), sorted, "pages of {limit}");
    }
    assert!(all(store, &prefix("/nothing/"), 10).await.is_empty());
    let listing = store.list(&prefix("/b/"), Page::first(1)).await.unwrap();
    let foreign = Page { after: listing.next.clone(), ..Page::default() };
    assert!(matches!(store.list(&prefix("/a/"), foreign).await, Err(StoreError::ForeignCursor)));
    let kept: crate::PageToken = listing.next.expect("more").to_string().parse().unwrap();
    let rest = store.list(&prefix("/b/"), Page { after: Some(kept), ..Page::default() }).await.unwrap();
    assert_eq!(names(&rest.entries), ["/b/1/x", "/b/10", "/b/2"]);
}

/// What happens after the first page is not in the later ones, and a watch from the list's cursor tells it.
async fn snapshot(store: &dyn Store) {
    for i in 0..9 {
        store.put_if(&key(&format!("/s/{i}")), "old".into(), Expect::Absent).await.unwrap();
    }
    let before = all(store, &prefix("/s/"), 100).await;
    let mut page = Page::first(2);
    let first = store.list(&prefix("/s/"), page.clone()).await.unwrap();
    let change =
        Txn::new().delete(key("/s/3")).put(key("/s/5"), "new").put(key("/s/4x"), "new").put(key("/s/9"), "new");
    store.txn(change).await.unwrap().committed().unwrap();
    store.put_if(&key("/s/3"), "made again".into(), Expect::Absent).await.unwrap();
    store.put_if(&key("/s/5"), "newer".into(), Expect::Any).await.unwrap();
    store.delete_if(&key("/s/8"), Expect::Any).await.unwrap();
    store.delete_if(&key("/s/9"), Expect::Any).await.unwrap();
    let mut seen = first.entries.clone();
    let mut listing = first.clone();
    while let Some(following) = page.following(&listing) {
        page = following;
        listing = store.list(&prefix("/s/"), page.clone()).await.unwrap();
        assert_eq!(listing.cursor, first.cursor, "a later page is from another instant");
        seen.extend(listing.entries.clone());
    }
    assert_eq!(seen, before);
    let present = all(store, &prefix("/s/"), 3).await;
    assert_eq!(names(&present), ["/s/0", "/s/1", "/s/2", "/s/3", "/s/4", "/s/4x", "/s/5", "/s/6", "/s/7"]);
    let mut watch = store.watch(&prefix("/s/"), first.cursor).await.unwrap();
    assert_eq!(super::next(&mut watch).await.changes.len(), 4);
}

async fn compacted(store: &dyn Store) {
    for i in 0..4 {
        store.put_if(&key(&format!("/s/{i}")), "v".into(), Expect::Absent).await.unwrap();
    }
    let page = Page::first(2);
    let listing = store.list(&prefix("/s/"), page.clone()).await.unwrap();
    for i in 0..4 {
        store.put_if(&key("/s/3"), i.to_string().into(), Expect::Any).await.unwrap();
    }
    store.delete_if(&key("/s/2"), Expect::Any).await.unwrap();
    let upto = now(store).await;
    store.compact(upto).await.unwrap();
    store.compact(upto).await.unwrap();
    let following = page.following(&listing).expect("a second page");
    assert!(matches!(store.list(&prefix("/s/"), following).await, Err(StoreError::Compacted)));
    let entries = all(store, &prefix("/s/"), 2).await;
    assert_eq!(names(&entries), ["/s/0", "/s/1", "/s/3"]);
    assert_eq!(entries[2].value, Bytes::from("3"));
    assert_eq!(now(store).await, upto, "compaction is no change");
}

/// Large values: pages may be shorter than asked, and still nothing is missing.
async fn large(store: &dyn Store) {
    for i in 0..24u8 {
        let value = Bytes::from(vec![i; MAX_VALUE_BYTES]);
        store.put_if(&key(&format!("/large/{i:02}")), value, Expect::Absent).await.unwrap();
    }
    let entries = all(store, &prefix("/large/"), 1000).await;
    assert_eq!(entries.len(), 24);
    for (i, entry) in entries.iter().enumerate() {
        assert!(entry.value.len() == MAX_VALUE_BYTES && entry.value.iter().all(|b| usize::from(*b) == i));
    }
}
