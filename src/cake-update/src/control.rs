//! How an update is watched and stopped.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// What an update is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Stage {
    /// Asks the repository.
    #[default]
    Checking,
    /// Reads the slot that is there, for what need not be fetched.
    Indexing,
    /// Puts the new file together.
    Assembling,
    /// Copies it to the other system disks.
    Mirroring,
    /// Reads back what is on a disk.
    Verifying,
    /// All is done.
    Finished,
}

/// How far an update is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    pub stage: Stage,
    /// Bytes of this stage that are done.
    pub done: u64,
    /// Bytes of this stage; 0 where that is not known.
    pub total: u64,
    /// Bytes that came from the repository so far.
    pub fetched: u64,
}

/// Somebody said stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("cancelled: start it again to go on where it stopped")]
pub struct Cancelled;

/// Goes with one update: tells how far it is, and is looked at before each step and each chunk. A clone is the same one.
#[derive(Debug, Clone)]
pub struct Control {
    cancel: CancellationToken,
    progress: watch::Sender<Progress>,
    looks: Option<Arc<AtomicUsize>>,
}

impl Default for Control {
    fn default() -> Self {
        Self { cancel: CancellationToken::new(), progress: watch::Sender::default(), looks: None }
    }
}

impl Control {
    /// Stops by itself at the look of this number, from 0: that is how tests cut an update at each of its steps.
    pub fn stopping_at(look: usize) -> Self {
        Self { looks: Some(Arc::new(AtomicUsize::new(look))), ..Self::default() }
    }

    /// Stops the update before its next step or chunk. What is on the disks stays; starting again goes on from it.
    pub fn cancel(&self) {
        self.cancel.cancel();
    }

    /// How far it is, now and from now on.
    pub fn watch(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    /// A look: says whether to go on.
    pub fn look(&self) -> Result<(), Cancelled> {
        let last = self.looks.as_ref().is_some_and(|looks| {
            looks.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_err()
        });
        if last {
            self.cancel.cancel();
        }
        if self.cancel.is_cancelled() { Err(Cancelled) } else { Ok(()) }
    }

    /// A look at the beginning of a stage of so many bytes.
    pub(crate) fn stage(&self, stage: Stage, total: u64) -> Result<(), Cancelled> {
        self.progress.send_modify(|progress| {
            *progress = Progress { stage, done: 0, total, fetched: progress.fetched };
        });
        self.look()
    }

    /// A look after so many more bytes of the stage.
    pub(crate) fn done(&self, bytes: u64) -> Result<(), Cancelled> {
        self.progress.send_modify(|progress| progress.done += bytes);
        self.look()
    }

    pub(crate) fn fetched(&self, bytes: u64) {
        self.progress.send_modify(|progress| progress.fetched += bytes);
    }

    /// Ends when somebody says stop: for what waits for the network.
    pub(crate) async fn cancelled(&self) {
        self.cancel.cancelled().await;
    }
}
