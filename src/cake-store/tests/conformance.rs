//! The suite for every store, on the one in SQLite.

use std::sync::Arc;

use async_trait::async_trait;
use cake_store::conformance::{self, StoreFactory, StoreHome};
use cake_store::{SqliteOptions, SqliteStore, Store};
use tempfile::TempDir;

#[derive(Default)]
struct Factory {
    options: SqliteOptions,
}

struct Home {
    directory: TempDir,
    options: SqliteOptions,
    store: Arc<SqliteStore>,
}

async fn open(directory: &TempDir, options: &SqliteOptions) -> Arc<SqliteStore> {
    let store = SqliteStore::open(directory.path().join("store.sqlite"), options.clone()).await;
    Arc::new(store.expect("a store that opens"))
}

#[async_trait]
impl StoreFactory for Factory {
    async fn fresh(&self) -> Box<dyn StoreHome> {
        let directory = tempfile::tempdir().expect("a directory");
        let store = open(&directory, &self.options).await;
        Box::new(Home { directory, options: self.options.clone(), store })
    }
}

#[async_trait]
impl StoreHome for Home {
    fn store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.store) as Arc<dyn Store>
    }

    async fn restart(&mut self) {
        self.store.close().await;
        self.store = open(&self.directory, &self.options).await;
    }
}

#[tokio::test]
async fn sqlite_keeps_every_promise_of_the_store() {
    conformance::run_all(&Factory::default()).await;
}
