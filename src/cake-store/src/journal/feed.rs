//! Records as they come. Like a watch of the store, a feed is a place and a bell; nothing is queued for it.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::Arc;

use rusqlite::Connection;
use tokio::sync::watch;

use super::model::{Filter, Order, Query, RecordCursor, RecordKind, RecordPage, StoredRecord};
use super::{read, write};
use crate::error::JournalError;
use crate::file::Reader;

/// How many records a feed takes at once.
const BATCH: usize = 64;

/// What a read brings: records and how far it looked, or the place up to which records are gone.
type Found = Result<(RecordPage, i64), i64>;
type Filling = Pin<Box<dyn Future<Output = Result<Found, JournalError>> + Send>>;

/// Records in the order they were written, from [`Journal::subscribe`](crate::Journal::subscribe).
pub struct Feed {
    reader: Arc<Reader>,
    filter: Filter,
    /// Everything up to here was looked at.
    place: i64,
    /// Up to here it was told that records are missing.
    gap: i64,
    ready: VecDeque<StoredRecord>,
    published: watch::Receiver<i64>,
    /// A read under way. It outlives a caller that gives up waiting, so that an impatient one gets on too.
    filling: Option<Filling>,
}

impl Feed {
    pub(super) fn new(reader: Arc<Reader>, filter: Filter, place: i64, published: watch::Receiver<i64>) -> Self {
        Self { reader, filter, place, gap: 0, ready: VecDeque::new(), published, filling: None }
    }

    /// Waits for the next record. May be dropped at any point without losing one.
    /// [`JournalError::Trimmed`] says that some were dropped unread; the call after it goes on with what is left.
    pub async fn next(&mut self) -> Result<StoredRecord, JournalError> {
        loop {
            if let Some(record) = self.ready.pop_front() {
                return Ok(record);
            }
            if self.filling.is_some() || *self.published.borrow_and_update() > self.place {
                self.fill().await?;
            } else {
                self.published.changed().await.map_err(|_| JournalError::Closed)?;
            }
        }
    }

    async fn fill(&mut self) -> Result<(), JournalError> {
        let filling = self.filling.get_or_insert_with(|| {
            let (reader, filter) = (Arc::clone(&self.reader), self.filter.clone());
            let (place, known) = (self.place, self.place.max(self.gap));
            Box::pin(async move {
                let read = reader.read(move |conn| after(conn, filter, place, known)).await;
                Ok(read.ok_or(JournalError::Closed)??)
            })
        });
        let found = filling.await;
        self.filling = None;
        match found? {
            Ok((page, last)) => {
                self.place = page.next.map_or(last, |next| next.0);
                self.ready.extend(page.records);
                Ok(())
            }
            Err(trimmed) => {
                self.gap = trimmed;
                Err(JournalError::Trimmed)
            }
        }
    }
}

/// The records after `place`, unless some beyond `known` are gone.
fn after(conn: &Connection, filter: Filter, place: i64, known: i64) -> rusqlite::Result<Found> {
    let state = write::state(conn)?;
    let wanted = RecordKind::ALL.into_iter().filter(|kind| filter.lets(*kind));
    let trimmed = wanted.map(|kind| state.tallies[kind as usize].trimmed).max().unwrap_or(0);
    if trimmed > known {
        return Ok(Err(trimmed));
    }
    let (limit, after) = (NonZeroUsize::new(BATCH), Some(RecordCursor(place)));
    let page = read::page(conn, &Query { filter, order: Order::OldestFirst, limit, after })?;
    Ok(Ok((page, state.last)))
}
