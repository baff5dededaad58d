//! A watch is a position in the log and a bell: when the writer says that there is more, it reads on from where it
//! was. Nothing is queued for a slow reader; the log is bounded, and who falls out of it is told.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::watch;

use super::read::{self, Stretch};
use crate::error::StoreError;
use crate::file::Reader;
use crate::key::KeyPrefix;
use crate::model::Commit;
use crate::store::WatchSource;

type Filling = Pin<Box<dyn Future<Output = Result<Stretch, StoreError>> + Send>>;

pub(super) struct LogWatch {
    reader: Arc<Reader>,
    prefix: KeyPrefix,
    position: i64,
    ready: VecDeque<Commit>,
    published: watch::Receiver<i64>,
    /// A read under way. It outlives a caller that gives up waiting, so that an impatient one gets on too.
    filling: Option<Filling>,
}

impl LogWatch {
    /// A watch from `position`, if the log still has what comes after it.
    pub(super) async fn start(
        reader: Arc<Reader>,
        prefix: KeyPrefix,
        position: i64,
        published: watch::Receiver<i64>,
    ) -> Result<Self, StoreError> {
        let mut watch = Self { reader, prefix, position, ready: VecDeque::new(), published, filling: None };
        watch.fill().await?;
        Ok(watch)
    }

    /// Reads on.
    async fn fill(&mut self) -> Result<(), StoreError> {
        let filling = self.filling.get_or_insert_with(|| {
            let (reader, prefix, from) = (Arc::clone(&self.reader), self.prefix.clone(), self.position);
            Box::pin(async move {
                let read = reader.read(move |conn| read::commits_after(conn, &prefix, from)).await;
                read.ok_or(StoreError::Closed)??
            })
        });
        let stretch = filling.await;
        self.filling = None;
        let Stretch { commits, upto } = stretch?;
        self.position = upto;
        self.ready.extend(commits);
        Ok(())
    }
}

#[async_trait]
impl WatchSource for LogWatch {
    async fn next(&mut self) -> Result<Commit, StoreError> {
        loop {
            if let Some(commit) = self.ready.pop_front() {
                return Ok(commit);
            }
            if self.filling.is_some() || *self.published.borrow_and_update() > self.position {
                self.fill().await?;
            } else {
                self.published.changed().await.map_err(|_| StoreError::Closed)?;
            }
        }
    }
}
