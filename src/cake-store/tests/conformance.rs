//! The suite for every store, on the one in SQLite.

mod common;

use cake_store::conformance;

#[tokio::test]
async fn sqlite_keeps_every_promise_of_the_store() {
    conformance::run_all(&common::Factory::default()).await;
}
