//! Imports that cake itself fetches: one job for each, which does what an uploading browser does.
//!
//! ```text
//!   chunks that are missing ──► a part of the file ([`super::source`]) ──► chunk by chunk into the import ──► none is missing
//!        ▲                                  │ breaks
//!        └── pauses that grow ◄─────────────┴─► it can't be had: the import has failed
//! ```
//!
//! A job keeps nothing: whoever is killed finds out again which chunks are missing.

use super::Imports;
use super::source::{Body, Found, SourceError};
use crate::board::ImportEntry;
use cake_node_api::staged::CHUNK;
use cake_types::{Code, Failure, FailureCode, ImageId, ImportSource, ImportStage, Problem};
use reqwest::Url;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::AbortHandle;

/// How often in a row nothing may come before it is given up, and the longest pause in between: half an hour without a line is
/// waited for.
const TRIES: u32 = 60;
const LAST_PAUSE: Duration = Duration::from_secs(30);

/// Jobs at work; they end with this.
#[derive(Debug, Default)]
pub struct Fetches(Mutex<HashMap<ImageId, AbortHandle>>);

impl Drop for Fetches {
    fn drop(&mut self) {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner).values().for_each(AbortHandle::abort);
    }
}

/// Why a job does not go on.
enum Stop {
    /// It is over, or somebody else's now.
    Over,
    Failed(Failure),
    /// Something came, or nothing, and then this.
    Again(bool, String),
}

impl Imports {
    /// Begins what is to be fetched and ends what is not.
    pub(crate) fn see_to_fetching(self: &Arc<Self>, entry: &ImportEntry) {
        let id = entry.import.meta.id;
        let mut jobs = self.fetches.0.lock().unwrap_or_else(PoisonError::into_inner);
        if wanted(entry).is_none() {
            jobs.remove(&id).inspect(AbortHandle::abort);
        } else if jobs.get(&id).is_none_or(AbortHandle::is_finished) {
            jobs.insert(id, tokio::spawn(self.clone().fetch(id)).abort_handle());
        }
    }

    async fn fetch(self: Arc<Self>, id: ImageId) {
        let (mut tries, mut pause) = (0, Duration::from_secs(1));
        loop {
            match self.fetch_on(id).await {
                Stop::Over => return,
                Stop::Failed(failure) => return self.ledger.board.import_failed(id, failure),
                Stop::Again(came, detail) => {
                    if came {
                        (tries, pause) = (0, Duration::from_secs(1));
                    }
                    tries += 1;
                    tracing::info!(import = %id, tries, "a file does not come: {detail}");
                    if tries >= TRIES {
                        let failure = Failure { code: FailureCode::FetchFailed, detail };
                        return self.ledger.board.import_failed(id, failure);
                    }
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LAST_PAUSE);
        }
    }

    /// One connection's worth of it.
    async fn fetch_on(&self, id: ImageId) -> Stop {
        let Some(entry) = self.ledger.board.import(id) else { return Stop::Over };
        let Some((url, found)) = wanted(&entry) else { return Stop::Over };
        let received = match self.received(&entry).await {
            Ok(received) => received,
            Err(problem) => return stopped_by(problem, false),
        };
        let Some(first) = received.iter().position(|here| !here) else { return Stop::Over };
        let after = received[first..].iter().position(|here| *here).map_or(received.len(), |length| first + length);
        let to = (after as u64 * CHUNK).min(found.size.bytes());
        let opened = self.source.open(&url, &found, first as u64 * CHUNK, to).await;
        let (start, mut body) = match opened {
            Ok(opened) => opened,
            Err(error) => return broken(&error, false),
        };
        if let Err(error) = body.skip(first as u64 * CHUNK - start).await {
            return broken(&error, false);
        }
        for chunk in first..after {
            if let Err(problem) = self.chunk(&entry, chunk as u64, piece(&mut body, &found, chunk as u64), None).await {
                return stopped_by(problem, chunk > first);
            }
        }
        if after == received.len() { Stop::Over } else { Stop::Again(true, "more parts are missing".into()) }
    }
}

fn piece<'a>(
    body: &'a mut Body,
    found: &Found,
    chunk: u64,
) -> impl futures_util::Stream<Item = Result<bytes::Bytes, SourceError>> + Send + 'a {
    body.piece(CHUNK.min(found.size.bytes() - chunk * CHUNK))
}

/// From where it is fetched, if it is at all.
fn wanted(entry: &ImportEntry) -> Option<(Url, Found)> {
    let spec = &entry.import.spec;
    let receives = entry.status.as_ref().is_some_and(|status| status.stage == ImportStage::Receiving);
    let ImportSource::Url { url, etag } = &spec.source else { return None };
    if !receives || spec.ending || entry.failed.is_some() {
        return None;
    }
    Some((url.parse().ok()?, Found { size: spec.size, etag: etag.clone() }))
}

fn broken(error: &SourceError, came: bool) -> Stop {
    if error.may_pass() { Stop::Again(came, error.to_string()) } else { Stop::Failed(error.failure()) }
}

/// By what the import says to a chunk.
fn stopped_by(problem: Problem, came: bool) -> Stop {
    match problem.code {
        Code::IllegalNow | Code::NotFound => Stop::Over,
        Code::PoolFull => Stop::Failed(Failure { code: FailureCode::NoSpace, detail: problem.to_string() }),
        _ => Stop::Again(came, problem.to_string()),
    }
}
