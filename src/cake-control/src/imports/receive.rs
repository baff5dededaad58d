//! Chunks on their way into the file of an import.

use super::Imports;
use bytes::Bytes;
use cake_node_api::ClientError;
use cake_node_api::staged::{CHUNK, Staged};
use cake_types::{Code, ImageId, ImportSource, ImportStage, Problem};
use futures_util::{Stream, StreamExt};
use sha2::{Digest as _, Sha256};
use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::board::ImportEntry;
use crate::error;

/// Written at a time.
const STEP: usize = 512 * 1024;
/// A sender that says nothing for so long has gone.
const SILENCE: Duration = Duration::from_secs(60);

/// SHA-256 of a chunk, as its sender has it.
pub type Digest = [u8; 32];

/// The file of an import, as the node handed it over.
pub(super) struct Receiving {
    staged: Arc<Staged>,
    /// Chunks that somebody is sending.
    busy: Mutex<HashSet<u64>>,
}

/// Why a chunk was not taken. Nothing of it counts then.
#[derive(Debug, thiserror::Error)]
pub enum ChunkError {
    #[error("the chunk ended early, or its sender fell silent")]
    Interrupted,
    #[error("the chunk has another length than it must have")]
    Length { must: u64 },
    #[error("the chunk is not what its digest says")]
    Digest,
    #[error("the chunk can't be written")]
    Write(#[source] io::Error),
}

impl From<ChunkError> for Problem {
    fn from(error: ChunkError) -> Self {
        match error {
            ChunkError::Interrupted => Self::new(Code::ChunkInterrupted),
            ChunkError::Length { must } => Self::new(Code::ChunkLength).with("must", must),
            ChunkError::Digest => Self::new(Code::ChunkDamaged),
            ChunkError::Write(source) if source.kind() == io::ErrorKind::StorageFull => Self::new(Code::PoolFull),
            ChunkError::Write(source) => error::internal("a chunk can't be written", &source),
        }
    }
}

/// One sender of a chunk at a time.
struct Busy<'a> {
    receiving: &'a Receiving,
    chunk: u64,
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.receiving.busy.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.chunk);
    }
}

impl Receiving {
    fn begin(&self, chunk: u64) -> Result<Busy<'_>, Problem> {
        if self.busy.lock().unwrap_or_else(PoisonError::into_inner).insert(chunk) {
            Ok(Busy { receiving: self, chunk })
        } else {
            Err(Problem::new(Code::ChunkBusy))
        }
    }

    async fn received(&self) -> Result<Vec<bool>, Problem> {
        let staged = self.staged.clone();
        blocking(move || staged.received()).await.map_err(|e| error::internal("an import's file", &e))
    }
}

impl Imports {
    /// Of every chunk, whether it is here.
    pub async fn received(&self, entry: &ImportEntry) -> Result<Vec<bool>, Problem> {
        match entry.status.as_ref().map(|status| status.stage) {
            Some(ImportStage::Receiving) if !entry.import.spec.ending => self.receiving(entry).await?.received().await,
            _ => Ok(Vec::new()),
        }
    }

    /// Takes a chunk in. When it returns the chunk is on the disk. One that is here already is not written again.
    pub async fn chunk<E>(
        &self,
        entry: &ImportEntry,
        chunk: u64,
        body: impl Stream<Item = Result<Bytes, E>> + Send,
        digest: Option<Digest>,
    ) -> Result<(), Problem> {
        let id = entry.import.meta.id;
        // What is on a stick the node brings by itself.
        if let ImportSource::Stick { .. } = entry.import.spec.source {
            return Err(not_now(entry));
        }
        let receiving = self.receiving(entry).await?;
        let place = receiving.staged.place(chunk);
        let (offset, length) = place.ok_or_else(|| Problem::not_found("chunk", chunk))?;
        let busy = receiving.begin(chunk)?;
        if !receiving.received().await?.get(chunk as usize).is_some_and(|here| *here) {
            write(&receiving.staged, (offset, length), body, digest).await?;
            let staged = receiving.staged.clone();
            blocking(move || staged.here(chunk)).await.map_err(ChunkError::Write)?;
        }
        drop(busy);
        if receiving.received().await?.iter().all(|here| *here) {
            self.forget_receiving(id);
            let node = self.nodes.require()?;
            // It looks by itself soon, if it does not hear this.
            let _ = node.client.look_at_import(id).await;
        }
        Ok(())
    }

    async fn receiving(&self, entry: &ImportEntry) -> Result<Arc<Receiving>, Problem> {
        let id = entry.import.meta.id;
        let refuse = || not_now(entry);
        if entry.import.spec.ending {
            return Err(refuse());
        }
        if let Some(known) = self.receiving.lock().unwrap_or_else(PoisonError::into_inner).get(&id) {
            return Ok(known.clone());
        }
        let node = self.nodes.require()?;
        let descriptor = node.client.open_import(id).await.map_err(|error| match error {
            ClientError::Refused(_) => refuse(),
            broken => {
                tracing::debug!(error = %error::chain(&broken), "the node went away");
                Problem::new(Code::NodeUnreachable)
            }
        })?;
        let staged = Staged::new(File::from(descriptor), entry.import.spec.size.bytes());
        let receiving = Arc::new(Receiving { staged: Arc::new(staged), busy: Mutex::default() });
        let mut all = self.receiving.lock().unwrap_or_else(PoisonError::into_inner);
        // Somebody else may have been faster: then there is one set of busy chunks all the same.
        Ok(all.entry(id).or_insert(receiving).clone())
    }

    pub(super) fn forget_receiving(&self, id: ImageId) {
        self.receiving.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }
}

fn not_now(entry: &ImportEntry) -> Problem {
    let state = entry.import.word(entry.status.as_ref());
    Problem::new(Code::IllegalNow).with("action", "upload").with("state", state)
}

/// Where waiting for a disk stops nothing else.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(io::Error::other(error)))
}

async fn write<E>(
    staged: &Arc<Staged>,
    (mut offset, length): (u64, u64),
    body: impl Stream<Item = Result<Bytes, E>> + Send,
    digest: Option<Digest>,
) -> Result<(), ChunkError> {
    debug_assert!(length <= CHUNK);
    let (mut left, mut held, mut hash) = (length, Vec::with_capacity(STEP), Sha256::new());
    let mut body = pin!(body);
    loop {
        let part = tokio::time::timeout(SILENCE, body.next()).await.map_err(|_| ChunkError::Interrupted)?;
        let Some(part) = part else { break };
        let part = part.map_err(|_| ChunkError::Interrupted)?;
        left = left.checked_sub(part.len() as u64).ok_or(ChunkError::Length { must: length })?;
        held.extend_from_slice(&part);
        if held.len() >= STEP {
            (offset, held, hash) = put(staged, offset, held, hash, digest.is_some()).await?;
        }
    }
    if left > 0 {
        return Err(ChunkError::Length { must: length });
    }
    let (_, _, hash) = put(staged, offset, held, hash, digest.is_some()).await?;
    match digest {
        Some(digest) if digest != <Digest>::from(hash.finalize()) => Err(ChunkError::Digest),
        _ => Ok(()),
    }
}

async fn put(
    staged: &Arc<Staged>,
    offset: u64,
    mut held: Vec<u8>,
    mut hash: Sha256,
    hashed: bool,
) -> Result<(u64, Vec<u8>, Sha256), ChunkError> {
    let staged = staged.clone();
    let written = blocking(move || {
        if hashed {
            hash.update(&held);
        }
        staged.write(offset, &held)?;
        let next = offset + held.len() as u64;
        held.clear();
        Ok((next, held, hash))
    });
    written.await.map_err(ChunkError::Write)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::stream;

    async fn send(parts: &[&[u8]], digest: Option<Digest>) -> Result<(), ChunkError> {
        let staged = Arc::new(Staged::new(tempfile::tempfile().unwrap(), 6));
        staged.prepare().unwrap();
        let parts: Vec<Result<Bytes, ()>> = parts.iter().map(|part| Ok(Bytes::copy_from_slice(part))).collect();
        write(&staged, (0, 6), stream::iter(parts), digest).await
    }

    #[tokio::test]
    async fn a_chunk_has_its_length_and_its_digest() {
        let right: Digest = Sha256::digest(b"chunks").into();
        send(&[b"chu", b"nks"], Some(right)).await.unwrap();
        send(&[b"chu", b"nks"], None).await.unwrap();
        assert!(matches!(send(&[b"chu"], None).await, Err(ChunkError::Length { must: 6 })));
        assert!(matches!(send(&[b"chu", b"nks!"], None).await, Err(ChunkError::Length { must: 6 })));
        assert!(matches!(send(&[b"chUnks"], Some(right)).await, Err(ChunkError::Digest)));
        let broken: Vec<Result<Bytes, ()>> = vec![Ok(Bytes::from_static(b"chu")), Err(())];
        let staged = Arc::new(Staged::new(tempfile::tempfile().unwrap(), 6));
        let result = write(&staged, (0, 6), stream::iter(broken), None).await;
        assert!(matches!(result, Err(ChunkError::Interrupted)));
    }
}
