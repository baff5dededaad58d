//! Another QEMU takes a running guest over, on the same machine: that of the engine root that is the node's now.
//!
//! ```text
//!   the old QEMU                   we                                             the new one (in next/, -S)
//!   ────────────                   ──                                             ───────────
//!                                  launch from the current engine root ─────────► waits for what comes
//!   migrate ─► descriptors of the guest's memory ───── passed on ───────────────► has it; greets
//!   stops the guest ─► state of the devices ────────── passed on ───────────────► completed; stands still
//!                                  next/decided: the guest is its guest
//!                                  cont ────────────────────────────────────────► the guest goes on
//!   ended ◄─────────────────────── ports open again, next/ becomes the VM's folder
//! ```
//!
//! **One QEMU runs the guest, whoever is killed.** Until `decided` is there the new one has never run, because it was started
//! stopped: it is ended, and the old one goes on. From then on the old one, whose guest stands and whose disks are closed, is ended.
//! [`recover`] does either for a node that comes after.
//!
//! Where the guest's memory can't change hands it is copied while it runs: the same conversation without the first line. What the
//! guest's network cards are connected to is made anew beside what is there (a second tap on the same bridge).

mod channel;
mod launch;
mod recover;

use launch::unit_names;
use recover::end_next;
pub(crate) use recover::{come_to_rest, recover};

use crate::assignment::Assignment;
use crate::cards::{cards, host_forward, netdev_id};
use crate::engine::Shared;
use crate::folder::Folder;
use crate::start::{chain, ended, failure};
use cake_host::process::LiveProcess;
use cake_planner::engine;
use cake_qmp::commands::{Cont, GetFd, QueryStatus};
use cake_qmp::{Event, Events, Notice, Qmp, QmpError};
use cake_types::{EngineWay, Failure, FailureCode, NicSpec, OperationId, Replaced, VmSpec};
use channel::Channels;
use jiff::Timestamp;
use nix::sys::signal::Signal;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::fmt::Display;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UnixStream;
use tokio::sync::mpsc;

/// How long a guest may take to change hands, and to be copied.
const TRANSFER: Duration = Duration::from_secs(60);
const COPY: Duration = Duration::from_secs(900);
/// A copy goes as fast as the machine can (bytes a second), and stops the guest for its last part when that takes no longer (ms).
const BANDWIDTH: u64 = 64 << 30;
const DOWNTIME: u64 = 100;
/// The name under which a QEMU is given its end of the channel.
const MAIN: &str = "main";

/// A QEMU that has a guest, with our connection to it.
pub(crate) struct Old {
    pub process: Arc<LiveProcess>,
    pub qmp: Qmp,
    /// Its events from now on, as far as they are about this.
    pub news: mpsc::Receiver<Event>,
}

/// The QEMU that has taken the guest over.
pub(crate) struct Successor {
    pub process: Arc<LiveProcess>,
    pub qmp: Qmp,
    pub events: Events,
    pub serial: UnixStream,
}

/// What is kept of it in [`Folder::replaced`].
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Record {
    pub operation: OperationId,
    #[serde(flatten)]
    pub replaced: Replaced,
}

impl Record {
    pub(crate) fn read(folder: &Folder) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(folder.replaced()).ok()?).ok()
    }
}

/// What the old QEMU's events said.
#[derive(Default)]
struct Heard {
    /// When the guest stood still, in microseconds of the host's clock.
    stopped: Option<i64>,
}

pub(crate) fn refused(what: impl Display) -> Failure {
    failure(FailureCode::EngineRefused, what)
}

fn qmp(error: &QmpError) -> Failure {
    refused(chain(error))
}

/// One replacement of one VM's QEMU.
pub(crate) struct Replacement {
    pub shared: Arc<Shared>,
    pub assignment: Arc<Assignment>,
    pub folder: Folder,
    pub operation: OperationId,
}

impl Replacement {
    /// The guest is the new QEMU's and runs; or it is the old one's as before, and the new one is gone.
    pub(crate) async fn run(&self, mut old: Old) -> Result<Successor, Failure> {
        let way = engine::way(&self.spec().hardware);
        let way = way.map_err(|hold| refused(format_args!("its QEMU can't be replaced: {}", hold.as_str())))?;
        let within = if way == EngineWay::Live { COPY } else { TRANSFER };
        let done = match tokio::time::timeout(within, self.attempt(way, &mut old)).await {
            Ok(done) => done,
            Err(_) => Err(refused(format_args!("not done within {} seconds", within.as_secs()))),
        };
        if let Err(why) = &done {
            tracing::warn!(vm = %self.assignment.id(), "the QEMU of VM {} stays: {}", self.assignment.id(), why.detail);
            self.undo(&old).await;
        }
        done
    }

    fn spec(&self) -> &VmSpec {
        &self.assignment.vm.spec
    }

    async fn attempt(&self, way: EngineWay, old: &mut Old) -> Result<Successor, Failure> {
        if way == EngineWay::Live {
            self.has_room()?;
        }
        let next = self.folder.next();
        end_next(&self.shared, self.assignment.id(), &self.folder, &old.process).await;
        let (process, qmp_stream, serial) = self.launch(way, &next).await?;
        let said = |failure: Failure| match next.log_tail() {
            log if log.is_empty() || process.is_alive() => failure,
            log => refused(log),
        };
        let mut channels = Channels::default();
        let moved = self.hand_over(way, old, &process, qmp_stream, &mut channels).await;
        let (qmp, events, pause_us) = moved.map_err(said)?;
        let replaced = Replaced { at: Timestamp::now(), pause_us, way };
        self.remember(replaced);
        tracing::info!(vm = %self.assignment.id(), pause_us, "VM {} goes on in another QEMU", self.assignment.id());
        Ok(Successor { process, qmp, events, serial })
    }

    /// From "the new one waits" to "the guest runs in it"; the length of the guest's pause, in microseconds.
    async fn hand_over(
        &self,
        way: EngineWay,
        old: &mut Old,
        process: &Arc<LiveProcess>,
        stream: UnixStream,
        channels: &mut Channels,
    ) -> Result<(Qmp, Events, u64), Failure> {
        tell_of_it(&old.qmp).await.map_err(|error| qmp(&error))?;
        set_way(&old.qmp, way).await.map_err(|error| qmp(&error))?;
        let limits = self.shared.settings.limits.clone();
        let (new, mut events) = match way {
            EngineWay::Transfer => {
                let io = |error: std::io::Error| refused(format_args!("the way between the two: {error}"));
                let next = self.folder.next();
                let channels_are =
                    channels.open(&old.process, self.assignment.uid, &next, process).await.map_err(io)?;
                let ours = channels.main.take().ok_or_else(|| refused("no channel"))?;
                // It speaks once it has the guest's memory.
                let asked = old.qmp.execute("migrate", &channels_are);
                let (_, (new, events)) =
                    tokio::try_join!(asked, Qmp::connect_with(stream, limits)).map_err(|error| qmp(&error))?;
                receive(&new, ours).await?;
                channels.arrived();
                (new, events)
            }
            EngineWay::Live => {
                let (new, events) = Qmp::connect_with(stream, limits).await.map_err(|error| qmp(&error))?;
                let (theirs, ours) = channel::pair().map_err(refused)?;
                receive(&new, ours).await?;
                let named = GetFd { fdname: MAIN.into() };
                old.qmp.run_with_descriptors(&named, vec![theirs]).await.map_err(|error| qmp(&error))?;
                let main = json!({"channels": [channel::named(MAIN)]});
                old.qmp.execute("migrate", &main).await.map_err(|error| qmp(&error))?;
                (new, events)
            }
        };
        let mut heard = Heard::default();
        tokio::select! {
            sent = sent(&mut old.news, &mut heard) => sent?,
            _ = ended(&old.process) => return Err(refused("the QEMU that runs is gone")),
        }
        arrived(&mut events).await?;
        let resumed = self.decide(old, &new, &mut events).await?;
        let pause = heard.stopped.map_or(0, |stopped| resumed.saturating_sub(stopped));
        Ok((new, events, u64::try_from(pause).unwrap_or(0)))
    }

    /// The guest is the new one's, and goes on. When it did, in microseconds.
    async fn decide(&self, old: &Old, new: &Qmp, events: &mut Events) -> Result<i64, Failure> {
        let io = |error: std::io::Error| failure(FailureCode::Internal, format_args!("the VM's folder: {error}"));
        if self.spec().nics().iter().any(|nic| matches!(nic, NicSpec::Nat { forwards } if !forwards.is_empty())) {
            std::fs::File::create(self.folder.forwards_missing()).map_err(io)?;
        }
        let decided = self.folder.next().decided();
        std::fs::File::create(&decided).map_err(io)?;
        match new.run(&Cont).await {
            Ok(_) => {}
            Err(error @ QmpError::Refused { .. }) => {
                // It has not run: the old one can still have the guest.
                std::fs::remove_file(&decided).map_err(io)?;
                return Err(qmp(&error));
            }
            Err(error) => {
                // Nobody knows whether it ran. Nothing may run beside it or after it as if it had not.
                let _ = old.process.signal(Signal::SIGKILL);
                return Err(qmp(&error));
            }
        }
        loop {
            match events.next().await {
                Ok(Notice::Event(event)) if event.name == "RESUME" => return Ok(micros(&event)),
                Ok(Notice::Lost { .. }) => return Ok(now()),
                Ok(Notice::Event(_)) => {}
                // It ran, and is gone: that is the guest's end, which whoever watches the process tells.
                Err(_) => return Ok(now()),
            }
        }
    }

    /// The new one is ended; the old one lets its guest run.
    async fn undo(&self, old: &Old) {
        let lost = self.folder.next().decided().exists();
        end_next(&self.shared, self.assignment.id(), &self.folder, &old.process).await;
        let _ = std::fs::remove_file(self.folder.forwards_missing());
        if lost || !old.process.is_alive() {
            return;
        }
        come_to_rest(&old.qmp).await;
        let _ = old.qmp.execute("migrate-set-parameters", &json!({"mode": "normal"})).await;
        if old.qmp.run(&QueryStatus).await.is_ok_and(|status| !status.running) {
            // Stopped by us alone; one whose guest is off or has crashed refuses, and says so by itself.
            let _ = old.qmp.run(&Cont).await;
        }
    }

    /// What is shown of it, and that it need not be done again.
    fn remember(&self, replaced: Replaced) {
        let record = Record { operation: self.operation, replaced };
        let text = serde_json::to_vec(&record).unwrap_or_default();
        if let Err(error) = std::fs::write(self.folder.replaced(), text) {
            tracing::warn!(%error, "it can't be kept how long VM {} stood still: {error}", self.assignment.id());
        }
    }

    /// The old QEMU is ended, the ports that lead to the guest are open again, and the new one's folder becomes the VM's.
    pub(crate) async fn finish(&self, old: Arc<LiveProcess>, new: Qmp) -> Result<(), Failure> {
        let _ = old.signal(Signal::SIGKILL);
        ended(&old).await;
        open_forwards(&new, &self.folder, self.spec()).await;
        self.folder.promote().map_err(|error| failure(FailureCode::Internal, error))
    }
}

/// Opens the ports that lead to a guest which another QEMU took over. One that somebody else has taken in between is logged, and
/// opens at the VM's next start.
pub(crate) async fn open_forwards(qmp: &Qmp, folder: &Folder, spec: &VmSpec) {
    if !folder.forwards_missing().exists() {
        return;
    }
    for card in cards(spec) {
        let NicSpec::Nat { forwards } = &card.spec else { continue };
        for forward in forwards {
            let line = format!("hostfwd_add {} {}", netdev_id(&card.place), host_forward(*forward));
            let asked = json!({"command-line": line});
            match qmp.execute("human-monitor-command", &asked).await {
                Ok(said) if said.as_str().is_none_or(str::is_empty) => {}
                Ok(said) => tracing::warn!("a port does not lead to its guest any more: {said}"),
                Err(error) => tracing::warn!(%error, "a port does not lead to its guest any more: {error}"),
            }
        }
    }
    let _ = std::fs::remove_file(folder.forwards_missing());
}

/// It says by events how far it is.
async fn tell_of_it(qmp: &Qmp) -> Result<(), QmpError> {
    let events = json!({"capabilities": [{"capability": "events", "state": true}]});
    qmp.execute("migrate-set-capabilities", &events).await.map(drop)
}

async fn set_way(qmp: &Qmp, way: EngineWay) -> Result<(), QmpError> {
    let parameters = match way {
        EngineWay::Transfer => json!({"mode": "cpr-transfer"}),
        EngineWay::Live => json!({"mode": "normal", "max-bandwidth": BANDWIDTH, "downtime-limit": DOWNTIME}),
    };
    qmp.execute("migrate-set-parameters", &parameters).await.map(drop)
}

/// The new QEMU takes what comes through `channel`.
async fn receive(new: &Qmp, channel: OwnedFd) -> Result<(), Failure> {
    let all: Result<Value, QmpError> = async {
        tell_of_it(new).await?;
        new.run_with_descriptors(&GetFd { fdname: MAIN.into() }, vec![channel]).await?;
        new.execute("migrate-incoming", &json!({"channels": [channel::named(MAIN)]})).await
    }
    .await;
    all.map(drop).map_err(|error| qmp(&error))
}

/// Waits until the old QEMU has sent everything.
async fn sent(news: &mut mpsc::Receiver<Event>, heard: &mut Heard) -> Result<(), Failure> {
    while let Some(event) = news.recv().await {
        match (event.name.as_str(), event.data["status"].as_str()) {
            ("STOP", _) => heard.stopped = Some(micros(&event)),
            ("MIGRATION", Some("completed")) => return Ok(()),
            ("MIGRATION", Some(end @ ("failed" | "cancelled"))) => {
                return Err(refused(format_args!("the QEMU that runs could not hand its guest over: {end}")));
            }
            _ => {}
        }
    }
    Err(refused("the QEMU that runs is gone"))
}

/// Waits until the new QEMU has everything and stands still.
async fn arrived(events: &mut Events) -> Result<(), Failure> {
    loop {
        match events.next().await {
            Ok(Notice::Event(event)) if event.name == "MIGRATION" => match event.data["status"].as_str() {
                Some("completed") => return Ok(()),
                Some(end @ ("failed" | "cancelled")) => {
                    return Err(refused(format_args!("the new QEMU did not take the guest over: {end}")));
                }
                _ => {}
            },
            Ok(_) => {}
            Err(reason) => return Err(refused(format_args!("the new QEMU is gone: {reason}"))),
        }
    }
}

fn micros(event: &Event) -> i64 {
    event.timestamp.seconds.saturating_mul(1_000_000).saturating_add(event.timestamp.microseconds)
}

fn now() -> i64 {
    Timestamp::now().as_microsecond()
}

/// Where a QEMU came from, and whether VMs that are started now come from elsewhere.
pub(crate) fn is_outdated(plan: &Path, current: &Path, process: &LiveProcess) -> bool {
    use std::os::unix::fs::MetadataExt;
    let identity = |path: &Path| std::fs::metadata(path).map(|file| (file.dev(), file.ino())).ok();
    let Ok(current) = current.canonicalize() else { return false };
    let program = current.join(crate::argv::QEMU_PATH.trim_start_matches('/'));
    let runs = identity(Path::new(&format!("/proc/{}/exe", process.pid())));
    // The same path with another file system behind it is another engine.
    plan != current || (runs.is_some() && runs != identity(&program))
}
