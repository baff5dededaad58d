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
mod course;
mod launch;
mod recover;
mod talk;

pub(crate) use course::{Course, called_off};
use launch::unit_names;
use recover::end_next;
pub(crate) use recover::{come_to_rest, recover};
use talk::{Heard, MAIN, arrived, micros, now, receive, sent, set_way, tell_copied, tell_of_it};

use crate::assignment::Assignment;
use crate::cards::{cards, host_forward, netdev_id};
use crate::engine::Shared;
use crate::folder::Folder;
use crate::start::{chain, ended, failure};
use cake_host::process::LiveProcess;
use cake_planner::engine;
use cake_qmp::commands::{Cont, GetFd, QueryStatus};
use cake_qmp::{Event, Events, Notice, Qmp, QmpError};
use cake_types::{EngineStep, EngineWay, Failure, FailureCode, NicSpec, Replaced, VmSpec};
use channel::Channels;
use jiff::Timestamp;
use nix::sys::signal::Signal;
use serde_json::json;
use std::fmt::Display;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UnixStream;
use tokio::sync::mpsc;

/// How long a guest may take to change hands, and to be copied.
const TRANSFER: Duration = Duration::from_secs(60);
const COPY: Duration = Duration::from_secs(900);

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

/// When, how and for which operation the QEMU of a VM came in the place of another one.
pub(crate) fn replaced(folder: &Folder) -> Option<Replaced> {
    serde_json::from_slice(&std::fs::read(folder.replaced()).ok()?).ok()
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
    pub course: Course,
}

impl Replacement {
    /// The guest is the new QEMU's and runs; or it is the old one's as before, and the new one is gone. Memory that does not change
    /// hands is copied.
    pub(crate) async fn run(&self, mut old: Old) -> Result<Successor, Failure> {
        let way = engine::way(&self.spec().hardware);
        let way = way.map_err(|hold| refused(format_args!("its QEMU can't be replaced: {}", hold.as_str())))?;
        if self.folder.next().decided().exists() {
            // The guest is in that one: what could not be put in order then comes first, or nothing is touched.
            self.folder.promote().map_err(|error| failure(FailureCode::Internal, error))?;
        }
        match self.go(way, &mut old).await {
            Err(why) if way == EngineWay::Transfer && why.code == FailureCode::EngineRefused && !self.is_lost(&old) => {
                self.go(EngineWay::Live, &mut old).await
            }
            done => done,
        }
    }

    /// One way, as long as it may take, unless it is called off.
    async fn go(&self, way: EngineWay, old: &mut Old) -> Result<Successor, Failure> {
        let within = if way == EngineWay::Live { COPY } else { TRANSFER };
        let done = {
            let (mut attempt, mut late) = (pin!(self.attempt(way, old)), pin!(tokio::time::sleep(within)));
            let mut on_time = true;
            loop {
                tokio::select! {
                    done = &mut attempt => break done,
                    why = self.course.called_off() => break Err(why),
                    () = &mut late, if on_time => {
                        on_time = false;
                        // What is decided comes to its end, however long it takes.
                        if !self.course.is_decided() {
                            break Err(refused(format_args!("not done within {} seconds", within.as_secs())));
                        }
                    }
                }
            }
        };
        if let Err(why) = &done {
            let (vm, way) = (self.assignment.id(), way.as_str());
            tracing::warn!(%vm, way, "the QEMU of VM {vm} stays ({way}): {}", why.detail);
            self.undo(old).await;
        }
        done
    }

    /// Nobody knows whether the guest has run in the new QEMU, or its own is gone.
    fn is_lost(&self, old: &Old) -> bool {
        self.course.is_decided() || !old.process.is_alive()
    }

    fn spec(&self) -> &VmSpec {
        &self.assignment.vm.spec
    }

    async fn attempt(&self, way: EngineWay, old: &mut Old) -> Result<Successor, Failure> {
        self.course.step(EngineStep::Start);
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
        let operation = self.course.work().operation;
        self.remember(&Replaced { operation, at: Timestamp::now(), pause_us, way });
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
        let copies = way == EngineWay::Live;
        let (new, mut events) = match way {
            EngineWay::Transfer => {
                let io = |error: std::io::Error| refused(format_args!("the way between the two: {error}"));
                let next = self.folder.next();
                let channels_are =
                    channels.open(&old.process, self.assignment.uid, &next, process).await.map_err(io)?;
                let ours = channels.main.take().ok_or_else(|| refused("no channel"))?;
                self.course.step(EngineStep::Change);
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
            () = tell_copied(&old.qmp, &self.course), if copies => {}
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
        self.course.step(EngineStep::Change);
        self.course.decide()?;
        let decided = self.folder.next().decided();
        if let Err(error) = self.write_decided(&decided) {
            self.course.reopen();
            return Err(io(error));
        }
        match new.run(&Cont).await {
            Ok(_) => {}
            Err(error @ QmpError::Refused { .. }) => {
                // It has not run: the old one can still have the guest.
                std::fs::remove_file(&decided).map_err(io)?;
                self.course.reopen();
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

    fn write_decided(&self, decided: &Path) -> std::io::Result<()> {
        if self.spec().nics().iter().any(|nic| matches!(nic, NicSpec::Nat { forwards } if !forwards.is_empty())) {
            std::fs::File::create(self.folder.forwards_missing())?;
        }
        std::fs::File::create(decided).map(drop)
    }

    /// The new one is ended; the old one lets its guest run.
    async fn undo(&self, old: &Old) {
        let lost = self.is_lost(old);
        end_next(&self.shared, self.assignment.id(), &self.folder, &old.process).await;
        let _ = std::fs::remove_file(self.folder.forwards_missing());
        if lost {
            // What may have run elsewhere must not go on here.
            let _ = old.process.signal(Signal::SIGKILL);
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
    fn remember(&self, replaced: &Replaced) {
        let text = serde_json::to_vec(replaced).unwrap_or_default();
        if let Err(error) = std::fs::write(self.folder.replaced(), text) {
            tracing::warn!(%error, "it can't be kept how long VM {} stood still: {error}", self.assignment.id());
        }
    }

    /// The old QEMU is ended, the ports that lead to the guest are open again, and the new one's folder becomes the VM's.
    pub(crate) async fn finish(&self, old: Arc<LiveProcess>, new: Qmp) -> Result<(), Failure> {
        self.course.step(EngineStep::Finish);
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
