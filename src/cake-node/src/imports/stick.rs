//! A file that comes from a stick in this server: a confined worker reads it, and its bytes are put where an upload's would be.
//!
//! ```text
//!   the first chunk that is missing ──► worker read-stick, from there on ──► chunk by chunk into the file ──► none is missing
//! ```
//!
//! Nothing but the file itself is kept: a node that was killed goes on with the chunk that is missing, if the stick is still there.

use super::{Imports, Work};
use crate::converter::{failure, file_failure, run_blocking};
use crate::database::ImportRow;
use crate::sticks::{self, Here};
use cake_node_api::staged::{CHUNK, Staged};
use cake_storage::stick::Wanted;
use cake_storage::stick::worker::Stopped;
use cake_types::{ByteSize, Failure, FailureCode, ImportSource};
use jiff::Timestamp;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Child;

/// After a power cut the kernel finds a stick later than we begin.
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(500);
/// A stick that gives nothing for so long gives nothing more.
const SILENCE: Duration = Duration::from_secs(60);
/// Read and written at a time.
const STEP: usize = 1 << 20;
/// The last words of a worker that are read.
const SAID_MAX: u64 = 4096;

/// The file that is asked for; `None`: it comes some other way.
pub(super) struct Chosen<'a> {
    stick: &'a str,
    path: &'a str,
    modified: Option<Timestamp>,
}

impl<'a> Chosen<'a> {
    pub fn of(source: &'a ImportSource) -> Option<Self> {
        match source {
            ImportSource::Stick { stick, called: _, path, modified } => Some(Self { stick, path, modified: *modified }),
            ImportSource::Upload | ImportSource::Url { .. } => None,
        }
    }
}

impl Imports {
    /// Brings what is missing.
    pub(super) async fn bring(
        &self,
        row: &ImportRow,
        work: &Work,
        staged: &Arc<Staged>,
        chosen: Chosen<'_>,
    ) -> Result<(), Failure> {
        let looked = staged.clone();
        let received =
            run_blocking(move || looked.received().map_err(file_failure("look at what was received"))).await?;
        let Some(first) = received.iter().position(|here| !here) else { return Ok(()) };
        let here = self.wait_for(chosen.stick).await?;
        let size = work.import.spec.size.bytes();
        let wanted = Wanted {
            partition: here.partition,
            volume: here.volume.clone(),
            path: chosen.path.to_owned(),
            size,
            modified: chosen.modified.map(Timestamp::as_second),
        };
        let from = first as u64 * CHUNK;
        let mut reader = match self.sticks.reader(&here, &wanted, from).await {
            Ok(reader) => reader,
            Err(error) => return Err(stopped(&here, &error.to_string()).await),
        };
        let mut output = reader.worker.stdout.take().ok_or_else(|| failure(FailureCode::Internal, "no pipe"))?;
        for chunk in first as u64..received.len() as u64 {
            if let Err(stop) = take(staged, chunk, &mut output).await {
                drop(output);
                return Err(stop.into_failure(&here, &mut reader.worker).await);
            }
            self.tell(row, ByteSize((chunk + 1).saturating_mul(CHUNK).min(size)), ByteSize(size));
        }
        Ok(())
    }

    async fn wait_for(&self, stick: &str) -> Result<Here, Failure> {
        let until = tokio::time::Instant::now() + PATIENCE;
        loop {
            if let Some(here) = self.sticks.find(stick) {
                return Ok(here);
            }
            if tokio::time::Instant::now() > until && !self.sticks.is_looking() {
                return Err(failure(FailureCode::StickGone, "the stick is not plugged in"));
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// Why a chunk did not come.
enum Stop {
    /// The worker ended, or says nothing more.
    Ended(&'static str),
    Failed(Failure),
}

/// One chunk into its place; it counts once all of it is on the disk.
async fn take(staged: &Arc<Staged>, chunk: u64, output: &mut (impl AsyncRead + Unpin)) -> Result<(), Stop> {
    let place = staged.place(chunk).ok_or_else(|| failure(FailureCode::Internal, "no such chunk"));
    let (mut offset, length) = place.map_err(Stop::Failed)?;
    let end = offset + length;
    while offset < end {
        let mut bytes = vec![0; STEP.min((end - offset) as usize)];
        match tokio::time::timeout(SILENCE, output.read_exact(&mut bytes)).await {
            Ok(Ok(_)) => {}
            Ok(Err(_)) => return Err(Stop::Ended("its bytes end early")),
            Err(_) => return Err(Stop::Ended("it gives no bytes any more")),
        }
        let (staged, at) = (staged.clone(), offset);
        offset += bytes.len() as u64;
        run_blocking(move || staged.write(at, &bytes).map_err(file_failure("write a chunk")))
            .await
            .map_err(Stop::Failed)?;
    }
    let staged = staged.clone();
    run_blocking(move || staged.here(chunk).map_err(file_failure("keep a chunk"))).await.map_err(Stop::Failed)
}

impl Stop {
    async fn into_failure(self, here: &Here, worker: &mut Child) -> Failure {
        let ended = match self {
            Self::Failed(failure) => return failure,
            Self::Ended(how) => how,
        };
        match last_words(worker).await {
            Ok(Stopped { code: FailureCode::StickChanged, detail }) => failure(FailureCode::StickChanged, detail),
            Ok(Stopped { code: _, detail }) => stopped(here, &detail).await,
            Err(_) => stopped(here, ended).await,
        }
    }
}

/// What the worker says of it; one that hangs is ended without a word.
async fn last_words(worker: &mut Child) -> io::Result<Stopped> {
    let _ = tokio::time::timeout(SILENCE / 30, worker.wait()).await;
    worker.start_kill()?;
    let mut text = Vec::new();
    if let Some(pipe) = worker.stderr.take() {
        pipe.take(SAID_MAX).read_to_end(&mut text).await?;
    }
    Ok(serde_json::from_slice(&text)?)
}

/// A stick that was pulled out is told from one that is broken.
async fn stopped(here: &Here, detail: &str) -> Failure {
    let code = if sticks::is_here(&here.plugged).await { FailureCode::StickUnreadable } else { FailureCode::StickGone };
    failure(code, detail)
}
