//! Sticks that are plugged in: looked at when the kernel says that a disk came or went, read by a confined worker.
//!
//! ```text
//!   uevent ──► cake_host::disks::plugged ──► each new one, opened for reading: worker list-stick ──► board
//!                                            an import's: worker read-stick ──► its bytes (imports/stick.rs)
//! ```
//!
//! The kernel's own file systems never see a stick: nothing of it is mounted.

use crate::board::Board;
use crate::listen::listen;
use cake_host::disks::{self, Changes, Plugged, Used};
use cake_storage::stick::worker::{ANSWER_MAX, Answer};
use cake_storage::stick::{FoundFile, Volume, Wanted};
use cake_types::{ByteSize, Stick, StickFile, StickFormat, StickTrouble};
use jiff::Timestamp;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};

/// The kernel says it when a disk comes; when one is unmounted, nobody does.
const LOOK_AGAIN: Duration = Duration::from_secs(60);
/// A stick speaks of itself first, then of its partitions: all of that is one change.
const SETTLE: Duration = Duration::from_millis(200);
/// One that has not said by then what is on it does not say it.
const PATIENCE: Duration = Duration::from_secs(90);
/// Files, and bytes of their paths, that are told of from all sticks together: what is told fits into a frame.
const FILES_MAX: usize = 2000;
const PATHS_MAX: usize = 192 << 10;

pub struct Sticks {
    /// This very program.
    program: PathBuf,
    board: Board,
    known: Mutex<Vec<Known>>,
    /// Sticks that are read now, each open for us alone: one descriptor for all who read it.
    held: Mutex<Vec<(Plugged, Weak<File>)>>,
    /// Held while looking: one look at a time.
    looking: tokio::sync::Mutex<()>,
}

/// Somebody who reads a file, and the stick that is nobody else's as long as this lives.
pub struct Reader {
    pub worker: Child,
    _stick: Arc<File>,
}

/// A stick as it was when it was looked at.
#[derive(Clone)]
struct Known {
    plugged: Plugged,
    answer: Answer,
}

/// A file system that is here now, and on which disk.
#[derive(Clone, Debug)]
pub struct Here {
    pub plugged: Plugged,
    pub partition: u32,
    pub volume: String,
}

impl Sticks {
    pub fn new(program: PathBuf, board: Board) -> Arc<Self> {
        let (known, held) = (Mutex::default(), Mutex::default());
        Arc::new(Self { program, board, known, held, looking: tokio::sync::Mutex::default() })
    }

    /// What is plugged in may not be known yet.
    pub fn is_looking(&self) -> bool {
        self.looking.try_lock().is_err()
    }

    async fn open(&self, stick: &Plugged) -> io::Result<Arc<File>> {
        if let Some(file) = self.opened(stick) {
            return Ok(file);
        }
        let wanted = stick.clone();
        let opened = tokio::task::spawn_blocking(move || disks::open(&wanted)).await;
        match opened.unwrap_or_else(|ended| Err(io::Error::other(ended))) {
            Ok(file) => {
                let file = Arc::new(file);
                let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
                held.retain(|(_, file)| file.strong_count() > 0);
                held.push((stick.clone(), Arc::downgrade(&file)));
                Ok(file)
            }
            // Somebody else here was faster, and has it for both.
            Err(error) => self.opened(stick).ok_or(error),
        }
    }

    fn opened(&self, stick: &Plugged) -> Option<Arc<File>> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.iter().find(|(known, _)| is_same(known, stick)).and_then(|(_, file)| file.upgrade())
    }

    fn known(&self) -> Vec<Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads what is new, forgets what is gone, and tells.
    pub async fn look(&self) {
        let _one = self.looking.lock().await;
        let before = self.known();
        let mut now = Vec::new();
        for plugged in plugged().await {
            // Without a count nobody knows whether it is still the same; and what is busy may be free by now.
            let lasts = |old: &Known| old.plugged.turn.is_some() && old.answer != Err(StickTrouble::Busy);
            let same = |old: &&Known| old.plugged == plugged && lasts(old);
            let answer = match before.iter().find(same) {
                Some(old) => old.answer.clone(),
                None => self.read(&plugged).await,
            };
            now.push(Known { plugged, answer });
        }
        self.board.set_sticks(&told(&now));
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }

    async fn read(&self, plugged: &Plugged) -> Answer {
        let name = &plugged.disk.name;
        match tokio::time::timeout(PATIENCE, self.ask(plugged)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) if error.kind() == io::ErrorKind::ResourceBusy => Err(StickTrouble::Busy),
            Ok(Err(error)) => {
                tracing::warn!(stick = name, %error, "a stick could not be read: {error}");
                Err(StickTrouble::Unreadable)
            }
            Err(_) => {
                tracing::warn!(stick = name, "a stick does not say what is on it");
                Err(StickTrouble::Unreadable)
            }
        }
    }

    async fn ask(&self, plugged: &Plugged) -> io::Result<Answer> {
        if plugged.busy {
            return Ok(Err(StickTrouble::Busy));
        }
        let stick = self.open(plugged).await?;
        let mut worker = self.worker(&stick, &["list-stick".into()], Stdio::null())?;
        let output = worker.stdout.take().ok_or_else(|| io::Error::other("no pipe"))?;
        let mut text = Vec::new();
        // Hostile bytes were in there: no more is believed than an answer is long.
        output.take(ANSWER_MAX as u64).read_to_end(&mut text).await?;
        worker.start_kill()?;
        worker.wait().await?;
        Ok(serde_json::from_slice(&text)?)
    }

    fn worker(&self, stick: &File, words: &[String], complaints: Stdio) -> io::Result<Child> {
        let mut worker = Command::new(&self.program);
        worker.arg("worker").args(words).env_clear();
        worker.stdin(stick.try_clone()?).stdout(Stdio::piped()).stderr(complaints).kill_on_drop(true);
        worker.spawn()
    }

    /// Where the stick of this id is now.
    pub fn find(&self, id: &str) -> Option<Here> {
        self.known().into_iter().find_map(|Known { plugged, answer }| {
            let volumes = answer.ok()?;
            let volume = volumes.into_iter().find(|volume| identity(&plugged, volume) == id)?;
            Some(Here { partition: volume.partition, volume: volume.id, plugged })
        })
    }

    /// A stick for a worker of somebody else's, which reads it: nobody else's as long as the descriptor is open.
    pub async fn lend(&self, here: &Here) -> io::Result<OwnedFd> {
        Ok(self.open(&here.plugged).await?.try_clone()?.into())
    }

    /// A worker that writes the file's bytes from one of them on to its standard output.
    pub async fn reader(&self, here: &Here, wanted: &Wanted, from: u64) -> io::Result<Reader> {
        let Wanted { partition, volume, path, size, modified } = wanted;
        let mut words = vec!["read-stick".to_owned(), format!("--partition={partition}"), format!("--volume={volume}")];
        words.extend([format!("--path={path}"), format!("--size={size}"), format!("--from={from}")]);
        words.extend(modified.map(|modified| format!("--modified={modified}")));
        let stick = self.open(&here.plugged).await?;
        Ok(Reader { worker: self.worker(&stick, &words, Stdio::piped())?, _stick: stick })
    }
}

/// The disks that can be pulled out, as they are now.
async fn plugged() -> Vec<Plugged> {
    let look = || {
        let (mounts, swaps) = (read("/proc/self/mountinfo")?, read("/proc/swaps").unwrap_or_default());
        disks::plugged(Path::new("/sys"), Used { mounts: &mounts, swaps: &swaps })
    };
    let looked = tokio::task::spawn_blocking(look).await.unwrap_or_else(|ended| Err(io::Error::other(ended)));
    looked.unwrap_or_else(|error| {
        tracing::warn!(%error, "what is plugged in can't be listed: {error}");
        Vec::new()
    })
}

fn read(path: &str) -> io::Result<String> {
    Ok(String::from_utf8_lossy(&std::fs::read(path)?).into_owned())
}

/// Whether this very stick is still plugged in.
pub async fn is_here(stick: &Plugged) -> bool {
    plugged().await.iter().any(|now| is_same(now, stick))
}

/// Whether it is used meanwhile does not matter.
fn is_same(one: &Plugged, other: &Plugged) -> bool {
    one.number == other.number && one.turn == other.turn && one.disk == other.disk
}

fn identity(plugged: &Plugged, volume: &Volume) -> String {
    let disk = &plugged.disk;
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    volume.identity(&[&text(&disk.model), &text(&disk.serial), &disk.size.0.to_string()])
}

/// What people are told. What would not fit into a frame is left out, and that is said.
fn told(known: &[Known]) -> Vec<Stick> {
    let (mut sticks, mut files, mut paths) = (Vec::new(), FILES_MAX, PATHS_MAX);
    for Known { plugged, answer } in known {
        match answer {
            Err(trouble) => sticks.push(stick(plugged, None, Some(*trouble))),
            Ok(volumes) => sticks.extend(volumes.iter().map(|volume| stick(plugged, Some(volume), None))),
        }
    }
    for stick in &mut sticks {
        let mut kept = 0;
        for file in &stick.files {
            if files == 0 || file.path.len() > paths {
                stick.incomplete = true;
                break;
            }
            (kept, files, paths) = (kept + 1, files - 1, paths - file.path.len());
        }
        stick.files.truncate(kept);
    }
    sticks
}

fn stick(plugged: &Plugged, volume: Option<&Volume>, trouble: Option<StickTrouble>) -> Stick {
    let disk = &plugged.disk;
    let found = volume.and_then(|volume| volume.found.as_ref().ok());
    let file = |FoundFile { path, size, modified }: &FoundFile| StickFile {
        path: path.clone(),
        size: ByteSize(*size),
        modified: modified.and_then(|seconds| Timestamp::from_second(seconds).ok()),
    };
    Stick {
        id: volume.map_or_else(|| disk.name.clone(), |volume| identity(plugged, volume)),
        device: disk.name.clone(),
        model: disk.model.clone(),
        serial: disk.serial.clone(),
        partition: volume.map_or(0, |volume| volume.partition),
        size: volume.map_or(disk.size, |volume| ByteSize(volume.size)),
        label: volume.and_then(|volume| volume.label.clone()),
        format: volume.map_or(StickFormat::Unknown, |volume| volume.format),
        trouble: trouble.or_else(|| volume.and_then(|volume| volume.found.as_ref().err().copied())),
        files: found.map_or_else(Vec::new, |found| found.files.iter().map(file).collect()),
        incomplete: found.is_some_and(|found| found.incomplete),
    }
}

/// Looks for as long as the node runs.
pub async fn run(sticks: Arc<Sticks>) {
    let listening = Changes::new().and_then(|changes| listen("sticks", move || changes.wait()));
    let changed = listening.unwrap_or_else(|error| {
        tracing::warn!(%error, "the kernel does not say when disks come: {error}");
        Arc::default()
    });
    loop {
        sticks.look().await;
        let _ = tokio::time::timeout(LOOK_AGAIN, changed.notified()).await;
        tokio::time::sleep(SETTLE).await;
    }
}
