//! One VM's task: it alone changes the VM. It feeds the [`Machine`] with what happens and does what it says.

mod replace;

use crate::assignment::{Assignment, Making};
use crate::devices::{self, Devices, Follows, Started};
use crate::engine::{Running, Shared};
use crate::folder::{Folder, Holder};
use crate::machine::{Command, Effect, Found, Input, Machine};
use crate::nics;
use crate::plan::LaunchPlan;
use crate::request::{Denied, Edge, Operation};
use crate::screen::Screen;
use crate::serial::Serial;
use crate::start::{self, Launched, Missed, Session, chain, failure};
use crate::successor::{self, Successor};
use cake_host::process::{ExitStatus, LiveProcess};
use cake_qmp::commands::{Cont, QueryStatus, Stop, SystemPowerdown, SystemReset};
use cake_qmp::{CloseReason, EventKind, Events, Notice, Qmp, QmpError};
use cake_types::{
    EngineStatus, ExitReason, Failure, FailureCode, HaltedBy, OperationId, ProvisionProgress, VmId, VmStatus,
};
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use jiff::Timestamp;
use nix::sys::signal::Signal;
use replace::Replacing;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use tokio::sync::{Notify, mpsc, oneshot};

pub(crate) enum Message {
    Assign(Arc<Assignment>),
    /// The same, and what it was halted for is over.
    Release(Arc<Assignment>),
    Operate(Operation, oneshot::Sender<Result<(), Denied>>),
}

/// Something that was begun has come to its end.
enum Done {
    Input(Input),
    Launched(Result<Launched, Missed>),
    Greeted(Result<Session, Missed>),
    /// That of the process with this pid.
    Ended(u32, Option<ExitStatus>),
    /// Another QEMU has taken the guest over, or has not.
    Replaced(Box<Result<Successor, Failure>>),
    /// What the QEMU before left is put in order.
    Promoted(OperationId, Result<(), Failure>),
    /// What QEMU is doing, asked because events were lost.
    Looked(Result<Found, QmpError>),
    /// What comes and leaves while the guest runs was brought to what is asked.
    Devices(Result<devices::Changed, QmpError>),
    /// What a network card that left was connected to is gone.
    Disconnected,
}

pub(crate) struct Actor {
    shared: Arc<Shared>,
    number: u64,
    id: VmId,
    folder: Folder,
    assignment: Arc<Assignment>,
    machine: Machine,
    work: FuturesUnordered<BoxFuture<'static, Done>>,
    process: Option<Arc<LiveProcess>>,
    monitor: Option<(Qmp, Events)>,
    devices: Devices,
    replacing: Replacing,
    serial: Option<Serial>,
    /// QEMU's version, and where it came from.
    version: String,
    engine: Option<EngineStatus>,
    /// An earlier node may have been about to replace the QEMU that is taken over.
    unsettled: bool,
    /// What the last start was made from.
    launched_with: Option<Arc<Assignment>>,
    /// The end was asked for before there was a process.
    kill_at_once: bool,
    /// QEMU said that somebody on this machine ended it.
    ended_by_host: bool,
    making: Arc<Progress>,
    cancelled: Arc<AtomicBool>,
    halted: Option<HaltedBy>,
    started_at: Option<Timestamp>,
    start_commands: Option<u32>,
    reported: Option<VmStatus>,
}

/// How far the disks are; the thread that makes them writes, the task reads.
#[derive(Default)]
struct Progress {
    now: Mutex<Option<ProvisionProgress>>,
    changed: Notify,
}

impl Actor {
    pub(crate) async fn run(
        shared: Arc<Shared>,
        number: u64,
        assignment: Arc<Assignment>,
        mut mailbox: mpsc::Receiver<Message>,
    ) {
        let id = assignment.id();
        let folder = Folder::of(&shared.settings.vms, id);
        let unsettled = successor::recover(&shared, id, &folder).await;
        let alive = is_alive(&shared, id, &folder).await;
        let halted = assignment.halted.map(|halted| halted.generation);
        let (machine, effects) = Machine::new(assignment.desired(), halted, alive, Instant::now());
        let mut actor = Self {
            number,
            id,
            folder,
            halted: assignment.halted,
            assignment,
            machine,
            work: FuturesUnordered::new(),
            process: None,
            monitor: None,
            devices: Devices::default(),
            replacing: Replacing::default(),
            serial: None,
            version: String::new(),
            engine: None,
            unsettled,
            launched_with: None,
            kill_at_once: false,
            ended_by_host: false,
            making: Arc::default(),
            cancelled: Arc::default(),
            started_at: None,
            start_commands: None,
            reported: None,
            shared,
        };
        actor.obey(effects).await;
        loop {
            actor.report();
            let message = if actor.machine.is_idle() && actor.work.is_empty() {
                match actor.shared.leave(id, number, &mut mailbox) {
                    Some(message) => message,
                    None => return,
                }
            } else {
                match actor.next(&mut mailbox).await {
                    Some(message) => message,
                    None => continue,
                }
            };
            actor.receive(message).await;
        }
    }

    /// Waits for whatever happens first; a message is handed back.
    async fn next(&mut self, mailbox: &mut mpsc::Receiver<Message>) -> Option<Message> {
        let wake_at = self.machine.wake_at().into_iter().chain(self.devices.wake_at()).min();
        let timer = async {
            match wake_at {
                Some(at) => tokio::time::sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        let notice = async {
            match &mut self.monitor {
                Some((_, events)) => events.next().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            // The end of a process before the end of its connection, and both before new requests.
            biased;
            Some(done) = self.work.next(), if !self.work.is_empty() => self.done(done).await,
            notice = notice => self.notice(notice).await,
            message = mailbox.recv() => return message,
            () = self.making.changed.notified() => {}
            () = Self::further(self.replacing.work.clone()) => {}
            () = timer => {
                self.devices.late(Instant::now());
                self.input(Input::Tick).await;
            }
        }
        None
    }

    async fn receive(&mut self, message: Message) {
        match message {
            Message::Assign(assignment) => self.assign(assignment).await,
            Message::Release(assignment) => {
                let generation = assignment.stamp.generation;
                self.assign(assignment).await;
                self.input(Input::Released(generation)).await;
            }
            Message::Operate(operation, answer) => {
                let admitted = self.machine.operate(operation, Instant::now());
                if admitted.is_ok() && operation.edge != Edge::ReplaceEngine {
                    self.replacing.give_way();
                }
                // Whoever asked may have gone; the operation is admitted all the same.
                let _ = answer.send(admitted.as_ref().map(|_| ()).map_err(|denied| *denied));
                self.obey(admitted.unwrap_or_default()).await;
            }
        }
    }

    async fn assign(&mut self, assignment: Arc<Assignment>) {
        // The same once more, newer: nobody waits any more for what is at work.
        let called_off = assignment.repeats(&self.assignment);
        self.devices.asked(&self.assignment, &assignment);
        self.assignment = assignment.clone();
        self.input(Input::Desired(assignment.desired())).await;
        if called_off {
            self.call_off().await;
        }
        if !self.devices.is_as_asked(&self.assignment) {
            self.settle_devices();
        }
    }

    async fn input(&mut self, input: Input) {
        tracing::debug!(vm = %self.id, ?input, "VM {}", self.id);
        let effects = self.machine.handle(input, Instant::now());
        self.obey(effects).await;
    }

    async fn done(&mut self, done: Done) {
        match done {
            Done::Input(input) => self.input(input).await,
            Done::Launched(Ok(launched)) => self.launched(launched),
            Done::Launched(Err(missed)) | Done::Greeted(Err(missed)) => self.missed(missed).await,
            Done::Greeted(Ok(session)) => self.greeted(session).await,
            // One that another QEMU has taken over from: nobody waits for it.
            Done::Ended(pid, _) if self.process.as_ref().is_some_and(|process| process.pid() != pid) => {}
            Done::Ended(pid, status) if self.replacing.work.is_some() => self.replacing.ended = Some((pid, status)),
            Done::Ended(_, status) => {
                let reason = match status {
                    Some(ExitStatus::Signal(libc::SIGKILL | libc::SIGTERM | libc::SIGINT | libc::SIGHUP)) => {
                        ExitReason::Killed
                    }
                    _ if self.ended_by_host => ExitReason::Killed,
                    _ => ExitReason::Crash,
                };
                self.forget_process();
                self.input(Input::Ended(reason)).await;
            }
            Done::Looked(Ok(Found::GuestOff)) => self.input(Input::GuestOff).await,
            Done::Looked(Ok(Found::Crashed)) => self.input(Input::GuestCrashed).await,
            Done::Looked(Ok(Found::Paused)) => self.input(Input::FoundStopped).await,
            // A connection that is gone is told by its end.
            Done::Looked(Ok(Found::Running) | Err(_)) => {}
            Done::Devices(changed) => {
                if self.devices.note(changed, Instant::now()) {
                    self.settle_devices();
                }
                if !self.devices.is_busy()
                    && let Some(operation) = self.replacing.waits.take()
                {
                    self.replace(operation);
                }
            }
            Done::Replaced(done) => self.replaced(*done).await,
            Done::Promoted(operation, result) => {
                self.replacing.work = None;
                self.engine = self.look_at_engine();
                // Who hears that it is done finds how long it took.
                self.report();
                self.input(Input::Answered { command: Command::Replace(operation), result }).await;
                self.tell_end();
            }
            Done::Disconnected => self.settle_devices(),
        }
    }

    fn launched(&mut self, launched: Launched) {
        let process = launched.process.clone();
        self.started_at = Some(since(&process));
        if std::mem::take(&mut self.kill_at_once) {
            signal(&process);
        }
        self.process = Some(process);
        let (shared, id, folder) = (self.shared.clone(), self.id, self.folder.clone());
        let told = (self.unsettled, self.assignment.clone());
        self.work.push(Box::pin(async move { Done::Greeted(start::greet(shared, launched, id, folder, told).await) }));
    }

    async fn missed(&mut self, missed: Missed) {
        match missed {
            Missed::Ended(failure) => {
                self.forget_process();
                self.input(Input::Started(Err(failure))).await;
            }
            Missed::Unreached { process, failure } => {
                let what = &failure.detail;
                tracing::warn!(vm = %self.id, what, "the QEMU of VM {} can't be taken over yet: {what}", self.id);
                if let Some(process) = process {
                    if std::mem::take(&mut self.kill_at_once) {
                        signal(&process);
                    }
                    self.started_at = Some(since(&process));
                    self.process = Some(process);
                }
                self.input(Input::Unreached(failure)).await;
            }
        }
    }

    async fn greeted(&mut self, session: Session) {
        let Session { qmp, events, serial, found, commands, adopted, version } = session;
        let Some(process) = self.process.clone() else { return };
        self.unsettled = false;
        (self.start_commands, self.version) = (Some(commands), version);
        self.speaks(process, qmp, events, serial);
        self.engine = self.look_at_engine();
        self.input(Input::Started(Ok(found))).await;
        let launched = self.launched_with.take().filter(|_| !adopted);
        self.devices = match launched.as_deref() {
            Some(launched) => Devices::started(launched),
            None => Devices::adopted(&self.assignment),
        };
        if adopted || !self.devices.is_as_asked(&self.assignment) {
            self.settle_devices();
        }
    }

    /// A QEMU can be spoken to, and its end is heard.
    fn speaks(&mut self, process: Arc<LiveProcess>, qmp: Qmp, events: Events, serial: Serial) {
        let screen = self.assignment.vm.spec.hardware.has_screen().then(|| Arc::new(Screen::new(qmp.clone())));
        let running = Running { process: process.clone(), qmp: qmp.clone(), serial: serial.clone(), screen };
        (self.monitor, self.serial) = (Some((qmp, events)), Some(serial.clone()));
        self.shared.set_running(self.id, self.number, Some(running));
        self.work.push(Box::pin(async move {
            let status = start::ended(&process).await;
            // Who hears that it is off finds its last words, and nothing is written into the folder any more.
            serial.ended().await;
            Done::Ended(process.pid(), status)
        }));
    }

    /// Brings what the guest has to what is asked; after the change that is at work, if one is.
    fn settle_devices(&mut self) {
        let Some((qmp, _)) = &self.monitor else { return };
        // What is asked meanwhile is looked at when the guest has changed its QEMU.
        if self.replacing.work.is_some() || !self.devices.begin() {
            return;
        }
        let plan = LaunchPlan::read(&self.folder.plan());
        let started = plan.map_or_else(Started::default, |plan| Started {
            network: plan.network,
            cd: plan.cd().map(std::path::Path::to_owned),
        });
        let surroundings = self.shared.surroundings.clone();
        let settled = devices::settle(qmp.clone(), surroundings, self.assignment.clone(), started);
        self.work.push(Box::pin(async move { Done::Devices(settled.await) }));
    }

    fn forget_process(&mut self) {
        (self.process, self.monitor, self.started_at, self.start_commands) = (None, None, None, None);
        (self.kill_at_once, self.ended_by_host) = (false, false);
        (self.devices, self.replacing, self.serial) = (Devices::default(), Replacing::default(), None);
        self.engine = None;
        self.shared.set_running(self.id, self.number, None);
    }

    async fn notice(&mut self, notice: Result<Notice, CloseReason>) {
        match notice {
            Ok(Notice::Event(event)) if self.replacing.is_told(&event) => {}
            Ok(Notice::Event(event)) => match event.kind() {
                EventKind::Shutdown { guest: true, .. } => self.input(Input::GuestOff).await,
                EventKind::Shutdown { .. } => self.ended_by_host = true,
                EventKind::GuestPanicked { .. } => self.input(Input::GuestCrashed).await,
                EventKind::BlockIoError { action, no_space, device } if action == "stop" => {
                    let code = if no_space { FailureCode::NoSpace } else { FailureCode::Disk };
                    let what = format!("the guest was stopped at an error of {device}");
                    self.input(Input::DiskTrouble(failure(code, what))).await;
                }
                kind => {
                    let follows = self.devices.happened(&kind);
                    self.follow(follows);
                }
            },
            Ok(Notice::Lost { .. }) => {
                let Some((qmp, _)) = &self.monitor else { return };
                let qmp = qmp.clone();
                self.settle_devices();
                self.work.push(Box::pin(async move {
                    let status = qmp.run(&QueryStatus).await;
                    Done::Looked(status.map(|status| start::found(status.status, status.running)))
                }));
            }
            Err(reason) => self.unreachable(reason),
        }
    }

    fn follow(&mut self, follows: Follows) {
        let Some((qmp, _)) = &self.monitor else { return };
        match follows {
            Follows::Nothing => {}
            Follows::Settle => self.settle_devices(),
            Follows::Disconnect(device) => {
                let disconnected = nics::disconnect(qmp.clone(), device);
                self.work.push(Box::pin(async move {
                    disconnected.await;
                    Done::Disconnected
                }));
            }
        }
    }

    /// The connection is gone. QEMU is ending, or it is out of our control and must end: its exit says the rest.
    fn unreachable(&mut self, reason: CloseReason) {
        if reason != CloseReason::EndOfStream {
            tracing::error!(vm = %self.id, %reason, "the QEMU of VM {} can't be spoken to: {reason}", self.id);
        }
        self.monitor = None;
        if let Some(process) = &self.process {
            signal(process);
        }
    }

    async fn obey(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Make => self.make(),
                Effect::CancelMake => self.cancelled.store(true, Ordering::Relaxed),
                Effect::Start { paused } => self.start(paused),
                Effect::Adopt => {
                    let found = start::find(self.shared.clone(), self.id, self.folder.clone());
                    self.work.push(Box::pin(async move { Done::Launched(found.await) }));
                }
                Effect::Begin { operation } => self.shared.surroundings.begun(self.id, operation).await,
                Effect::Tell(command) => self.tell(command),
                Effect::Kill => match &self.process {
                    Some(process) => {
                        signal(process);
                        // The QEMU that is about to take the guest over is meant as well.
                        self.kill_at_once = self.replacing.news.is_some();
                    }
                    None => self.kill_at_once = true,
                },
                Effect::Finish { operation, outcome } => {
                    self.shared.surroundings.finished(self.id, operation, outcome).await;
                }
                Effect::Halt { reason, generation, by_host } => {
                    let halted = HaltedBy { reason, generation, at: Timestamp::now(), by_host };
                    self.halted = Some(self.shared.surroundings.halted(self.id, halted).await);
                }
                Effect::Remove => {
                    let (shared, id, folder) = (self.shared.clone(), self.id, self.folder.clone());
                    self.work.push(Box::pin(async move {
                        let removed = match folder.remove() {
                            Ok(()) => shared.surroundings.remove(id).await,
                            Err(error) => Err(failure(FailureCode::Internal, error)),
                        };
                        Done::Input(Input::Removed(removed))
                    }));
                }
            }
        }
    }

    fn make(&mut self) {
        self.cancelled = Arc::default();
        let progress = self.making.clone();
        let making = Making {
            progress: Arc::new(move |now| {
                *progress.now.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
                progress.changed.notify_one();
            }),
            cancelled: self.cancelled.clone(),
        };
        let (shared, assignment) = (self.shared.clone(), self.assignment.clone());
        self.work.push(Box::pin(async move {
            Done::Input(Input::Made(shared.surroundings.make(&assignment, making).await))
        }));
    }

    fn start(&mut self, paused: bool) {
        self.kill_at_once = false;
        self.launched_with = Some(self.assignment.clone());
        let launched = start::launch(self.shared.clone(), self.assignment.clone(), self.folder.clone(), paused);
        self.work.push(Box::pin(async move { Done::Launched(launched.await) }));
    }

    fn tell(&mut self, command: Command) {
        if let Command::Replace(operation) = command {
            return self.replace(operation);
        }
        let qmp = self.monitor.as_ref().map(|(qmp, _)| qmp.clone());
        self.work.push(Box::pin(async move {
            let result = match (qmp, command) {
                (None, _) => Err(QmpError::Closed(CloseReason::EndOfStream)),
                (Some(qmp), Command::Stop) => qmp.run(&Stop).await,
                (Some(qmp), Command::Continue) => qmp.run(&Cont).await,
                (Some(qmp), Command::Reset) => qmp.run(&SystemReset).await,
                (Some(qmp), Command::PowerButton) => qmp.run(&SystemPowerdown).await,
                // See above.
                (Some(_), Command::Replace(_)) => return Done::Disconnected,
            };
            let result = result.map(|_| ()).map_err(|error| failure(FailureCode::QmpProtocol, chain(&error)));
            Done::Input(Input::Answered { command, result })
        }));
    }

    fn report(&mut self) {
        let status = self.status();
        if self.reported.as_ref() != Some(&status) {
            self.reported = Some(status.clone());
            self.shared.surroundings.status(self.id, status);
        }
    }

    fn status(&self) -> VmStatus {
        let state = self.machine.state();
        let making = state == cake_types::VmState::Provisioning;
        let mut status = VmStatus {
            observed: self.machine.desired().stamp,
            state,
            pid: self.process.as_ref().map(|process| process.pid()),
            accelerator: self.process.as_ref().map(|_| self.shared.settings.accelerator),
            started_at: self.started_at,
            progress: making.then(|| *self.making.now.lock().unwrap_or_else(PoisonError::into_inner)).flatten(),
            failure: self.machine.failure().cloned(),
            halted_by: self.halted.filter(|_| self.machine.is_halted()),
            usage: None,
            restarts: self.machine.restarts(),
            start_commands: self.start_commands,
            nics: Vec::new(),
            cd: None,
            disks: Vec::new(),
            engine: self.engine_now(),
        };
        self.devices.tell(&mut status);
        status
    }
}

/// Whether a QEMU of this VM lives. Asked once, when the task begins.
async fn is_alive(shared: &Shared, id: VmId, folder: &Folder) -> bool {
    loop {
        match folder.holder() {
            Ok(Holder::Process(_)) => return true,
            // Never started here.
            Ok(Holder::Nobody) if !folder.plan().exists() => return false,
            // A helper may be on its way to the lock.
            Ok(Holder::Nobody) => {
                return matches!(shared.launcher.find(&start::unit_name(id), None).await, Ok(Some(_)));
            }
            // Too many open files, say. Whoever took this for "nobody" would leave a guest alone that should be off.
            Err(error) => {
                tracing::error!(vm = %id, %error, "VM {id}: cannot ask who holds its lock: {error}");
                tokio::time::sleep(start::TRY_AGAIN).await;
            }
        }
    }
}

fn signal(process: &LiveProcess) {
    // One that is gone already is what we want.
    let _ = process.signal(Signal::SIGKILL);
}

/// When a process was started.
fn since(process: &LiveProcess) -> Timestamp {
    let ticks = nix::unistd::sysconf(nix::unistd::SysconfVar::CLK_TCK).ok().flatten().unwrap_or(100).max(1) as u64;
    let start = std::time::Duration::from_millis(process.identity().start_ticks * 1000 / ticks);
    let up = nix::time::clock_gettime(nix::time::ClockId::CLOCK_BOOTTIME).map_or(start, std::time::Duration::from);
    Timestamp::now().checked_sub(up.saturating_sub(start)).unwrap_or_else(|_| Timestamp::now())
}
