//! Leases. They end by themselves, so some of this takes a few seconds; nothing waits for a fixed time.

use std::time::{Duration, Instant};

use super::{StoreFactory, key, next, now, prefix};
use crate::error::StoreError;
use crate::model::{Change, Expect, Txn};
use crate::store::Store;

/// The shortest that every implementation can do.
const SHORT: Duration = Duration::from_secs(2);
const LONG: Duration = Duration::from_secs(3600);

pub(super) async fn run(factory: &dyn StoreFactory) {
    revoked(factory.fresh().await.store().as_ref()).await;
    let homes = (factory.fresh().await, factory.fresh().await, factory.fresh().await);
    let (expiring, renewed) = (homes.0.store(), homes.1.store());
    // Side by side: each of them waits for a lease to end.
    tokio::join!(expires(expiring.as_ref()), kept_alive(renewed.as_ref()), restarted(homes.2));
}

async fn revoked(store: &dyn Store) {
    for bad in [Duration::ZERO, Duration::from_secs(400 * 86_400)] {
        assert!(matches!(store.lease_grant(bad).await, Err(StoreError::BadTtl)));
    }
    let lease = store.lease_grant(LONG).await.unwrap();
    let other = store.lease_grant(LONG).await.unwrap();
    assert_ne!(lease, other);
    let put = Txn::new()
        .put_leased(key("/l/1"), "a", lease)
        .put_leased(key("/l/2"), "a", lease)
        .put_leased(key("/l/3"), "a", other)
        .put(key("/l/4"), "a");
    store.txn(put).await.unwrap().committed().unwrap();
    assert_eq!(store.get(&key("/l/1")).await.unwrap().expect("there").lease, Some(lease));
    // Written again without the lease, a key stays.
    store.put_if(&key("/l/2"), "b".into(), Expect::Any).await.unwrap();
    assert_eq!(store.get(&key("/l/2")).await.unwrap().expect("there").lease, None);
    let mut watch = store.watch(&prefix("/l/"), now(store).await).await.unwrap();
    store.lease_keep_alive(lease).await.unwrap();
    store.lease_revoke(lease).await.unwrap();
    assert_eq!(next(&mut watch).await.changes, [Change::Delete(key("/l/1"))]);
    for still in ["/l/2", "/l/3", "/l/4"] {
        assert!(store.get(&key(still)).await.unwrap().is_some(), "{still}");
    }
    assert!(matches!(store.lease_revoke(lease).await, Err(StoreError::LeaseGone)));
    assert!(matches!(store.lease_keep_alive(lease).await, Err(StoreError::LeaseGone)));
    let late = Txn::new().put(key("/l/5"), "a").put_leased(key("/l/6"), "a", lease);
    assert!(matches!(store.txn(late).await, Err(StoreError::LeaseGone)));
    assert_eq!(store.get(&key("/l/5")).await.unwrap(), None);
}

async fn expires(store: &dyn Store) {
    let lease = store.lease_grant(SHORT).await.unwrap();
    let since = Instant::now();
    store.txn(Txn::new().put_leased(key("/l/1"), "a", lease)).await.unwrap().committed().unwrap();
    let mut watch = store.watch(&prefix("/l/"), now(store).await).await.unwrap();
    assert_eq!(next(&mut watch).await.changes, [Change::Delete(key("/l/1"))]);
    assert!(since.elapsed() >= SHORT - Duration::from_millis(50), "a lease ended early");
    assert_eq!(store.get(&key("/l/1")).await.unwrap(), None);
    assert!(matches!(store.lease_keep_alive(lease).await, Err(StoreError::LeaseGone)));
}

/// Two leases of the same length, one of them renewed when a third, shorter-lived sign of time appears: the one that was
/// not renewed goes first.
async fn kept_alive(store: &dyn Store) {
    let kept = store.lease_grant(SHORT * 2).await.unwrap();
    let left = store.lease_grant(SHORT * 2).await.unwrap();
    let sign = store.lease_grant(SHORT).await.unwrap();
    let put = Txn::new().put_leased(key("/l/kept"), "a", kept).put_leased(key("/l/left"), "a", left).put_leased(
        key("/l/sign"),
        "a",
        sign,
    );
    store.txn(put).await.unwrap().committed().unwrap();
    let mut watch = store.watch(&prefix("/l/"), now(store).await).await.unwrap();
    assert_eq!(next(&mut watch).await.changes, [Change::Delete(key("/l/sign"))]);
    store.lease_keep_alive(kept).await.unwrap();
    assert_eq!(next(&mut watch).await.changes, [Change::Delete(key("/l/left"))]);
    assert!(store.get(&key("/l/kept")).await.unwrap().is_some());
    assert_eq!(next(&mut watch).await.changes, [Change::Delete(key("/l/kept"))]);
}

async fn restarted(mut home: Box<dyn super::StoreHome>) {
    let store = home.store();
    let short = store.lease_grant(SHORT).await.unwrap();
    let long = store.lease_grant(LONG).await.unwrap();
    let put = Txn::new().put_leased(key("/l/1"), "a", short).put_leased(key("/l/2"), "a", long);
    store.txn(put).await.unwrap().committed().unwrap();
    let cursor = now(store.as_ref()).await;
    drop(store);
    home.restart().await;
    let store = home.store();
    let mut watch = store.watch(&prefix("/l/"), cursor).await.unwrap();
    assert_eq!(next(&mut watch).await.changes, [Change::Delete(key("/l/1"))]);
    assert_eq!(store.get(&key("/l/2")).await.unwrap().expect("still leased").lease, Some(long));
    store.lease_revoke(long).await.unwrap();
    assert_eq!(next(&mut watch).await.changes, [Change::Delete(key("/l/2"))]);
}
