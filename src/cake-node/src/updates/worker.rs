//! The confined worker that updates the firmware: it fetches, verifies and writes, without any right but to the slots.
//!
//! ```text
//!   cake-node ── order, stick ──► worker ── HTTP, stick ──► cake_update ──► EFI/Linux of every system disk
//!             ◄── progress, offer, slots ──┘
//! ```
//!
//! Without Secure Boot, whoever takes this worker over writes what starts next: that is what it is for. It becomes nobody else.

use super::cage::{self, CageError, Given, Stage};
use super::wire::{End, Order, Said};
use super::{next, sources, told};
use cake_node_api::frame::{self, FrameError, FrameReader};
use cake_types::{ByteSize, Failure, FailureCode, UpdateOrder, UpdateSource};
use cake_update::slots::SlotName;
use cake_update::{
    Anchor, Control, Esp, Memory, RepositoryError, SlotError, Source, Trust, UpdateError, Updater, Version,
};
use jiff::Timestamp;
use std::fs::File;
use std::io;
use std::os::fd::{FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream as StdStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::net::UnixStream;
use tokio::runtime::{Builder, Handle};
use tokio::sync::mpsc;

/// Between two words about how far it is.
const SELDOM: Duration = Duration::from_millis(500);

#[derive(Debug, thiserror::Error)]
pub enum UpdateWorkerError {
    #[error("the worker can't be confined")]
    Cage(#[from] CageError),
    #[error("the root of updates can't be used")]
    Anchor(#[from] RepositoryError),
    #[error("{path} can't be read")]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("the node's socket can't be used")]
    Io(#[from] io::Error),
    #[error("the node has said something else than was agreed")]
    Frame(#[from] FrameError),
    #[error("this version is none")]
    Version(#[from] cake_update::NoVersion),
}

/// `cake-node worker update`: root in, nobody before the first byte of a repository.
pub fn update_worker(anchor: &Path, given: &Given) -> Result<(), UpdateWorkerError> {
    // SAFETY: standard input is open and used nowhere else in this process.
    let socket = StdStream::from(unsafe { OwnedFd::from_raw_fd(0) });
    socket.set_nonblocking(true)?;
    let root = std::fs::read(anchor).map_err(|source| UpdateWorkerError::Read { path: anchor.to_owned(), source })?;
    let stage = cage::enter(given)?;
    // Another one may have been chosen by who uses this as a library.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(serve(socket, trusted(root)?, stage))
}

/// Test keys are believed by firmware that was built with test keys, and by no other.
fn trusted(root: Vec<u8>) -> Result<Anchor, RepositoryError> {
    match Anchor::new(root.clone(), Trust::Release) {
        Err(RepositoryError::TestKeys) => Anchor::new(root, Trust::Test { accept_release: false }),
        anchor => anchor,
    }
}

async fn serve(socket: StdStream, anchor: Anchor, stage: Stage) -> Result<(), UpdateWorkerError> {
    let stream = Arc::new(UnixStream::from_std(socket)?);
    let mut reader = FrameReader::default();
    let Order { order, running, stick } = reader.next(&stream).await?;
    let stick = match stick {
        Some(on) => Some((File::from(reader.take_descriptor()?), on)),
        None => None,
    };
    let running: Version = running.parse()?;
    let esps = stage.esps.iter().map(Esp::open).collect::<Result<_, SlotError>>();
    let control = Control::default();
    let (say, mut said) = mpsc::channel(4);
    let stop = control.clone();
    let listening = stream.clone();
    tokio::spawn(async move {
        // The node has nothing more to say: that it hangs up is the word.
        let _ = reader.next::<Order>(&listening).await;
        stop.cancel();
    });
    let watching = tokio::spawn(watch(control.clone(), say.clone()));
    let runtime = Handle::current();
    tokio::task::spawn_blocking(move || {
        let (disks, slots, next, end) = match esps {
            Ok(esps) => {
                let updater =
                    Updater { anchor, memory: Memory::new(stage.memory), esps, running: Some(running.clone()) };
                let work = Work { updater: &updater, running: &running, control: &control, say: &say };
                let end = order.map_or(Ok(()), |order| work.does(order, stick, runtime));
                let end = end.map_or_else(|error| told::end(&error), |()| End::Done);
                let (slots, looked) = look(&updater);
                let slots = told::slots(&slots, &running);
                let next = next::look(&updater.esps, &slots, &running);
                (updater.esps.len(), slots, next, if end == End::Done { looked } else { end })
            }
            Err(error) => (0, Vec::new(), None, told::end(&error.into())),
        };
        watching.abort();
        let _ = say.blocking_send(Said::Ended { disks: u32::try_from(disks).unwrap_or(u32::MAX), slots, next, end });
    });
    while let Some(said) = said.recv().await {
        let last = matches!(said, Said::Ended { .. });
        frame::send(&stream, &frame::encode(&said)?, None).await?;
        if last {
            break;
        }
    }
    Ok(())
}

/// The slots of every system disk, and whether they could be listed.
fn look(updater: &Updater) -> (Vec<Vec<SlotName>>, End) {
    let (mut all, mut end) = (Vec::new(), End::Done);
    for esp in &updater.esps {
        match esp.slots() {
            Ok(slots) => all.push(slots),
            Err(error) => end = told::end(&error.into()),
        }
    }
    (all, end)
}

/// Tells how far it is, for as long as it is at work.
async fn watch(control: Control, say: mpsc::Sender<Said>) {
    let mut progress = control.watch();
    while progress.changed().await.is_ok() {
        let cake_update::Progress { stage, done, total, fetched } = *progress.borrow_and_update();
        let (done, total, fetched) = (ByteSize(done), ByteSize(total), ByteSize(fetched));
        if say.send(Said::Progress { stage: told::stage(stage), done, total, fetched }).await.is_err() {
            return;
        }
        tokio::time::sleep(SELDOM).await;
    }
}

struct Work<'a> {
    updater: &'a Updater,
    running: &'a Version,
    control: &'a Control,
    say: &'a mpsc::Sender<Said>,
}

type OpenedStick = Option<(File, super::wire::OnStick)>;

impl Work<'_> {
    fn does(&self, order: UpdateOrder, stick: OpenedStick, runtime: Handle) -> Result<(), UpdateError> {
        match order {
            UpdateOrder::Check { source } => self.check(&source, &*open(&source, stick, runtime)?).map(drop),
            UpdateOrder::Apply { source, version } => {
                let version = wanted(&version)?;
                let opened = open(&source, stick, runtime)?;
                let offer = self.check(&source, &*opened)?;
                self.updater.apply(&*opened, &offer, &version, self.control).map(drop)
            }
            UpdateOrder::GoBack => self.go_back(),
            UpdateOrder::Remove { version } => self.remove(&wanted(&version)?),
        }
    }

    fn check(&self, source: &UpdateSource, opened: &dyn Source) -> Result<cake_update::Offer, UpdateError> {
        let offer = self.updater.check(opened, SystemTime::now(), self.control)?;
        let (slots, _) = look(self.updater);
        let bad = slots.iter().flatten().filter(|slot| slot.is_bad()).map(|slot| slot.version.clone());
        let bad: Vec<Version> = bad.collect();
        let told = told::offer(&offer, source.clone(), self.running, &bad, Timestamp::now());
        let _ = self.say.blocking_send(Said::Offer { offer: told });
        Ok(offer)
    }

    /// On every system disk, or on none: it is looked first whether all of them can.
    fn go_back(&self) -> Result<(), UpdateError> {
        let (policy, disks) = (self.updater.memory.policy()?, &self.updater.esps);
        for esp in disks {
            let slots = esp.slots()?;
            let others = slots.iter().filter(|slot| slot.version != *self.running && !slot.is_bad());
            match others.max_by(|a, b| a.version.cmp(&b.version)) {
                Some(next) => policy.allows(&next.version)?,
                None => return Err(SlotError::Needed { slot: SlotName::blessed(self.running) }.into()),
            }
        }
        if disks.is_empty() {
            return Err(UpdateError::NoDisk);
        }
        // A disk that was away during the update does not have it.
        for esp in disks {
            if esp.find(self.running)?.is_some() {
                esp.give_up(self.running)?;
            }
        }
        Ok(())
    }

    fn remove(&self, version: &Version) -> Result<(), UpdateError> {
        for esp in &self.updater.esps {
            if let Some(slot) = esp.find(version)? {
                esp.remove(&slot, Some(self.running))?;
            }
        }
        Ok(())
    }
}

fn wanted(version: &str) -> Result<Version, UpdateError> {
    // What is no version is offered by nobody.
    version.parse().map_err(|_| UpdateError::Tampered(version.chars().take(64).collect()))
}

fn open(source: &UpdateSource, stick: OpenedStick, runtime: Handle) -> Result<Box<dyn Source>, UpdateError> {
    Ok(match (source, stick) {
        (UpdateSource::Url { url }, _) => Box::new(sources::http(url, runtime)?),
        (UpdateSource::Stick { .. }, Some((file, on))) => Box::new(sources::Stick::new(file, on)?),
        (UpdateSource::Stick { called, .. }, None) => {
            return Err(cake_update::SourceError::Missing { path: called.clone() }.into());
        }
    })
}

/// A failure that no updater said.
pub(super) fn failure(code: FailureCode, detail: impl ToString) -> End {
    End::Failed(Failure { code, detail: detail.to_string() })
}
