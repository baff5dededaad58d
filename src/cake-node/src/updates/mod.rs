//! The firmware of this server: which versions its system disks hold, and bringing newer ones.
//!
//! ```text
//!   order ──► one at a time ──► [`worker`] (confined): fetches, verifies, writes ──► board: how far, what there is, how it ended
//!                 ▲                                                                        │
//!                 └── the same operation again is the same order ── node.db: how the last one ended
//! ```
//!
//! An order is not kept: who is killed is asked again, and the updater goes on with what lies on the disks already.

mod cage;
mod next;
mod sources;
mod told;
mod wire;
pub mod worker;

pub use cage::Given;

use crate::board::Board;
use crate::database::Database;
use crate::sticks::Sticks;
use cake_install::starts;
use cake_node_api::NodeError;
use cake_node_api::frame::{self, FrameError, FrameReader};
use cake_types::{
    ByteSize, Epoch, Failure, FailureCode, OperationId, StartFailure, StartReason, UPDATE_URL_MAX, UpdateEnd,
    UpdateEnded, UpdateOrder, UpdateSource, UpdateStage, UpdateStatus, UpdateWork,
};
use jiff::Timestamp;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::UnixStream;
use tokio::process::{Child, Command};
use tokio::sync::Notify;
use tokio::time::Instant;
use wire::{End, NextSeen, OnStick, Order, Said, SlotSeen};

/// The root that comes with the firmware, and what it calls itself (os-release(5)).
const ANCHOR: &str = "/usr/share/cake/root.json";
const OS_RELEASE: &str = "/usr/lib/os-release";
/// The system disks are looked at so often while nothing is done with them …
const LOOK: Duration = Duration::from_secs(600);
/// … and, at first, while it is not known yet whether the version that runs is good.
const LOOK_SOON: Duration = Duration::from_secs(15);
/// A disk that is not looked at within this does not answer.
const LOOK_PATIENCE: Duration = Duration::from_secs(120);
/// A worker that was told to stop has so long.
const PATIENCE: Duration = Duration::from_secs(60);
/// Versions that are told of.
const SLOTS_MAX: usize = 64;

/// Where things are.
#[derive(Clone, Debug)]
pub struct Places {
    /// The root that repositories are believed by.
    pub anchor: PathBuf,
    /// The version that runs.
    pub running: String,
    /// What is remembered of repositories.
    pub memory: PathBuf,
    /// The state, where starts that failed leave why.
    pub state: PathBuf,
}

impl Places {
    /// Those of the image; `None` where this root is another.
    pub fn of_appliance(node_state: &Path) -> Option<Self> {
        let anchor = PathBuf::from(ANCHOR);
        let release = std::fs::read_to_string(OS_RELEASE).ok()?;
        let running =
            release.lines().find_map(|line| line.strip_prefix("IMAGE_VERSION="))?.trim_matches('"').to_owned();
        let (memory, state) = (node_state.join("update"), node_state.parent()?.to_owned());
        anchor.exists().then_some(Self { anchor, running, memory, state })
    }
}

pub struct Updates {
    /// This very program.
    program: PathBuf,
    places: Places,
    board: Board,
    database: Database,
    sticks: Arc<Sticks>,
    /// Held while a worker is at work.
    working: tokio::sync::Mutex<()>,
    current: Mutex<Option<Current>>,
}

/// What a worker says last: the system disks, what is on them, how its order ended.
struct Seen {
    disks: u32,
    slots: Vec<SlotSeen>,
    next: Option<NextSeen>,
    end: End,
}

struct Current {
    operation: OperationId,
    stop: Arc<Notify>,
}

impl Updates {
    pub fn new(program: PathBuf, places: Places, board: Board, database: Database, sticks: Arc<Sticks>) -> Arc<Self> {
        let (working, current) = Default::default();
        Arc::new(Self { program, places, board, database, sticks, working, current })
    }

    fn current(&self) -> MutexGuard<'_, Option<Current>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins; the same operation again is the same order.
    pub async fn order(
        self: &Arc<Self>,
        epoch: Epoch,
        operation: OperationId,
        order: UpdateOrder,
    ) -> Result<(), NodeError> {
        admit(&order)?;
        self.database.is_led_by(epoch).await?;
        if self.database.ended_update().await?.is_some_and(|ended| ended.operation == operation) {
            return Ok(());
        }
        let stop = Arc::new(Notify::new());
        {
            let mut current = self.current();
            match &*current {
                Some(at_work) if at_work.operation == operation => return Ok(()),
                Some(_) => {
                    return Err(NodeError::Invalid { detail: "another order about the firmware is at work".into() });
                }
                None => *current = Some(Current { operation, stop: stop.clone() }),
            }
        }
        let (none, stage) = (ByteSize(0), UpdateStage::Checking);
        let work = UpdateWork { operation, stage, done: none, total: none, fetched: none };
        self.change(|update| update.work = Some(work));
        tokio::spawn(self.clone().see_through(operation, order, stop));
        Ok(())
    }

    /// Stops an order. Nothing, where it is over or was never here.
    pub fn stop(&self, operation: OperationId) {
        if let Some(current) = self.current().as_ref().filter(|current| current.operation == operation) {
            current.stop.notify_one();
        }
    }

    async fn see_through(self: Arc<Self>, operation: OperationId, order: UpdateOrder, stop: Arc<Notify>) {
        let back = matches!(order, UpdateOrder::GoBack);
        let end = self.work(Some((operation, order)), &stop).await;
        if back && end == End::Done {
            self.note_asked().await;
        }
        let (end, failure) = match end {
            End::Done => (UpdateEnd::Done, None),
            End::Cancelled => (UpdateEnd::Cancelled, None),
            End::Failed(failure) => {
                tracing::warn!(code = failure.code.as_str(), "an order about the firmware failed: {}", failure.detail);
                (UpdateEnd::Failed, Some(failure))
            }
        };
        let ended = UpdateEnded { operation, end, failure };
        if let Err(error) = self.database.end_update(ended.clone()).await {
            tracing::error!(error = crate::chain(&error), "how an update ended can't be written down");
        }
        self.change(|update| (update.work, update.ended) = (None, Some(ended)));
        *self.current() = None;
    }

    /// The version that runs is given up because somebody asked for it: nothing is wrong with it.
    async fn note_asked(&self) {
        let Places { state, running, .. } = self.places.clone();
        let asked = StartFailure { reason: StartReason::Asked, detail: None, at: Some(Timestamp::now()) };
        let noted = tokio::task::spawn_blocking(move || starts::note(&state, &running, asked)).await;
        if let Err(error) = noted.map_err(io::Error::other).flatten() {
            tracing::warn!(%error, "why a version was given up can't be written: {error}");
        }
    }

    fn change(&self, change: impl FnOnce(&mut UpdateStatus)) {
        self.board.change_host(|host| change(host.update.get_or_insert_default()));
    }

    /// One worker, from its start to its end; without an order it only looks.
    async fn work(&self, order: Option<(OperationId, UpdateOrder)>, stop: &Notify) -> End {
        let _one = tokio::select! {
            one = self.working.lock() => one,
            () = stop.notified() => return End::Cancelled,
        };
        // Whoever only looks waits for nothing.
        let limit = if order.is_none() { LOOK_PATIENCE } else { Duration::MAX };
        match tokio::time::timeout(limit, self.converse(order, stop)).await {
            Ok(Ok(end)) => end,
            Ok(Err(error)) => worker::failure(FailureCode::Internal, error),
            Err(_) => worker::failure(FailureCode::Internal, "they do not answer"),
        }
    }

    async fn converse(&self, order: Option<(OperationId, UpdateOrder)>, stop: &Notify) -> io::Result<End> {
        let (operation, order) = order.unzip();
        let stick = match order.as_ref().and_then(stick_of) {
            None => None,
            Some(id) => match self.open(id).await {
                Ok(opened) => Some(opened),
                Err(failure) => return Ok(End::Failed(failure)),
            },
        };
        let (mut worker, stream) = self.start(order.as_ref().is_some_and(changes))?;
        let (on, descriptor) = stick.unzip();
        let first = Order { order, running: self.places.running.clone(), stick: on };
        let first = frame::encode(&first).map_err(io::Error::other)?;
        frame::send(&stream, &first, descriptor.as_ref()).await.map_err(io::Error::other)?;
        let mut reader = FrameReader::default();
        let heard = tokio::select! {
            heard = self.listen(operation, &mut reader, &stream) => {
                heard.map_err(|error| worker::failure(FailureCode::Interrupted, error))
            }
            () = stop.notified() => {
                // Hanging up our half is the word; what it still says is heard.
                let _ = nix::sys::socket::shutdown(fd(&stream), nix::sys::socket::Shutdown::Write);
                let last = tokio::time::timeout(PATIENCE, self.listen(operation, &mut reader, &stream)).await;
                last.ok().and_then(Result::ok).ok_or(End::Cancelled)
            }
        };
        let end = match heard {
            Ok(seen) => self.tell(seen).await,
            Err(end) => end,
        };
        let _ = tokio::time::timeout(PATIENCE, worker.wait()).await;
        worker.start_kill()?;
        worker.wait().await?;
        Ok(end)
    }

    /// What the worker says, to its last word.
    async fn listen(
        &self,
        operation: Option<OperationId>,
        reader: &mut FrameReader,
        stream: &UnixStream,
    ) -> Result<Seen, FrameError> {
        loop {
            match reader.next::<Said>(stream).await? {
                Said::Progress { stage, done, total, fetched } => {
                    let work = operation.map(|operation| UpdateWork { operation, stage, done, total, fetched });
                    self.change(|update| update.work = work);
                }
                Said::Offer { offer } => self.change(|update| update.offer = Some(offer)),
                Said::Ended { disks, slots, next, end } => return Ok(Seen { disks, slots, next, end }),
            }
        }
    }

    /// How the disks are, on the board; how it ended.
    async fn tell(&self, Seen { disks, mut slots, next, end }: Seen) -> End {
        slots.truncate(SLOTS_MAX);
        // Disks that could not be looked at are not without versions.
        let all = disks > 0 && end == End::Done;
        let state = self.places.state.clone();
        let explained = tokio::task::spawn_blocking(move || {
            let explained = told::explained(slots, &starts::read(&state));
            let versions: Vec<&str> = explained.iter().map(|slot| slot.version.as_str()).collect();
            let kept = if all { starts::keep_only(&state, &versions) } else { Ok(()) };
            if let Err(error) = kept {
                tracing::warn!(%error, "why versions were given up can't be written: {error}");
            }
            explained
        });
        let slots = explained.await.unwrap_or_default();
        let (running, soft) = (self.places.running.clone(), next.map(next::judged));
        self.change(|update| {
            (update.running, update.disks, update.slots, update.soft) = (running, disks, slots, soft);
        });
        end
    }

    fn start(&self, write: bool) -> io::Result<(Child, UnixStream)> {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let mut worker = Command::new(&self.program);
        worker.args(["worker", "update"]).env_clear();
        worker.arg("--anchor").arg(&self.places.anchor).arg("--memory").arg(&self.places.memory);
        worker.args(write.then_some("--write"));
        worker.stdin(OwnedFd::from(theirs)).stdout(Stdio::null()).stderr(Stdio::inherit()).kill_on_drop(true);
        Ok((worker.spawn()?, UnixStream::from_std(ours)?))
    }

    async fn open(&self, id: &str) -> Result<(OnStick, OwnedFd), Failure> {
        let gone = |detail: &str| Failure { code: FailureCode::StickGone, detail: detail.into() };
        let here = self.sticks.find(id).ok_or_else(|| gone("the stick is not plugged in"))?;
        let opened = self.sticks.lend(&here).await;
        let opened =
            opened.map_err(|error| Failure { code: FailureCode::StickUnreadable, detail: error.to_string() })?;
        Ok((OnStick { partition: here.partition, volume: here.volume }, opened))
    }

    /// Looks at the system disks, for as long as the node runs.
    pub async fn run(self: Arc<Self>) {
        let ended = self.database.ended_update().await.ok().flatten();
        let running = self.places.running.clone();
        self.change(|update| (update.running, update.ended) = (running, ended));
        let began = Instant::now();
        loop {
            let trouble = match self.work(None, &Notify::new()).await {
                End::Failed(failure) => Some(failure.detail),
                End::Done | End::Cancelled => None,
            };
            if let Some(trouble) = &trouble {
                tracing::warn!("the system disks can't be looked at: {trouble}");
            }
            self.change(|update| update.trouble = trouble);
            let calm = self.is_decided() || began.elapsed() > LOOK;
            tokio::time::sleep(if calm { LOOK } else { LOOK_SOON }).await;
        }
    }

    /// Whether it is known that the version that runs is good.
    fn is_decided(&self) -> bool {
        let host = self.board.node().host.unwrap_or_default();
        let update = host.update.unwrap_or_default();
        update.disks == 0 || update.slots.iter().any(|slot| slot.version == update.running && slot.good)
    }
}

fn fd(stream: &UnixStream) -> std::os::fd::RawFd {
    std::os::fd::AsRawFd::as_raw_fd(stream)
}

fn stick_of(order: &UpdateOrder) -> Option<&str> {
    match order {
        UpdateOrder::Check { source: UpdateSource::Stick { stick, .. } }
        | UpdateOrder::Apply { source: UpdateSource::Stick { stick, .. }, .. } => Some(stick),
        _ => None,
    }
}

/// Whether an order changes something on the system disks.
fn changes(order: &UpdateOrder) -> bool {
    match order {
        UpdateOrder::Check { .. } => false,
        UpdateOrder::Apply { .. } | UpdateOrder::GoBack | UpdateOrder::Remove { .. } => true,
    }
}

/// Refuses what no updater takes.
fn admit(order: &UpdateOrder) -> Result<(), NodeError> {
    let invalid = |detail: &str| NodeError::Invalid { detail: detail.into() };
    let (source, version) = match order {
        UpdateOrder::Check { source } => (Some(source), None),
        UpdateOrder::Apply { source, version } => (Some(source), Some(version)),
        UpdateOrder::GoBack => (None, None),
        UpdateOrder::Remove { version } => (None, Some(version)),
    };
    if let Some(UpdateSource::Url { url }) = source
        && url.len() > UPDATE_URL_MAX
    {
        return Err(invalid("the address of a repository is too long"));
    }
    match version {
        Some(version) if version.parse::<cake_update::Version>().is_err() => Err(invalid("this is no version")),
        _ => Ok(()),
    }
}
