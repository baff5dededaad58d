//! The engine: one task for every VM that is alive or busy; a VM that rests costs nothing here.

use crate::actor::{Actor, Message};
use crate::assignment::{Assignment, Surroundings};
use crate::folder::Folder;
use crate::request::{Denied, Operation};
use crate::screen::{Screen, ScreenError};
use crate::serial::{Serial, replay};
use cake_host::launch::Launcher;
use cake_host::process::LiveProcess;
use cake_qmp::Qmp;
use cake_qmp::commands::QueryBlockStats;
use cake_types::{Accelerator, ByteSize, IoCounters, VmId};
use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// Messages that may wait for a VM's task. They are a person's clicks and a reconciler's pokes.
const MAILBOX: usize = 64;
/// How long QEMU has to say what its disks did: whoever asks goes on without.
const AT_ONCE: Duration = Duration::from_secs(2);

/// Where things are.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The folder of the VMs' folders.
    pub vms: PathBuf,
    /// The engine root, or a link to it.
    pub engine: PathBuf,
    /// The program that becomes QEMU by [`crate::exec::exec_vm`], and its arguments before the plan's path.
    pub helper: PathBuf,
    pub helper_arguments: Vec<String>,
    pub accelerator: Accelerator,
    pub limits: cake_qmp::Limits,
}

pub(crate) struct Shared {
    pub settings: Settings,
    pub launcher: Arc<dyn Launcher>,
    pub surroundings: Arc<dyn Surroundings>,
    actors: Mutex<HashMap<VmId, Handle>>,
}

/// A VM's task, from outside.
struct Handle {
    mailbox: mpsc::Sender<Message>,
    /// Tells this task from one that ended before it.
    number: u64,
    running: Option<Running>,
}

/// A VM whose QEMU can be spoken to.
#[derive(Clone)]
pub(crate) struct Running {
    pub process: Arc<LiveProcess>,
    pub qmp: Qmp,
    pub serial: Serial,
    /// None where the hardware record has none.
    pub screen: Option<Arc<Screen>>,
}

/// The hypervisor engine. Clones share it.
#[derive(Clone)]
pub struct Engine(Arc<Shared>);

impl Engine {
    pub fn new(settings: Settings, launcher: Arc<dyn Launcher>, surroundings: Arc<dyn Surroundings>) -> Self {
        Self(Arc::new(Shared { settings, launcher, surroundings, actors: Mutex::default() }))
    }

    pub fn folder(&self, vm: VmId) -> Folder {
        Folder::of(&self.0.settings.vms, vm)
    }

    /// Goes where the assignment says, from wherever the VM is.
    pub async fn assign(&self, assignment: Arc<Assignment>) {
        self.tell(assignment, Message::Assign).await;
    }

    /// The same for a VM that was halted at the assignment's generation and may run again: also where it still ends.
    pub async fn release(&self, assignment: Arc<Assignment>) {
        self.tell(assignment, Message::Release).await;
    }

    async fn tell(&self, assignment: Arc<Assignment>, message: fn(Arc<Assignment>) -> Message) {
        // The task may have ended after its mailbox was taken: then a new one begins with the assignment.
        if self.0.mailbox(&assignment).send(message(assignment.clone())).await.is_err() {
            let _ = self.0.mailbox(&assignment).send(message(assignment)).await;
        }
    }

    /// Takes an operation in, or says why not. Its outcome goes to [`Surroundings::finished`].
    pub async fn operate(&self, vm: VmId, operation: Operation) -> Result<(), Denied> {
        let mailbox = self.0.actors().get(&vm).map(|handle| handle.mailbox.clone());
        let (send, receive) = oneshot::channel();
        match mailbox {
            Some(mailbox) if mailbox.send(Message::Operate(operation, send)).await.is_ok() => {
                receive.await.unwrap_or(Err(Denied::NotRunning))
            }
            _ => Err(Denied::NotRunning),
        }
    }

    /// A connection to the serial port, beginning with the last output. Of a VM that is off, the output is all.
    pub async fn serial(&self, vm: VmId) -> io::Result<OwnedFd> {
        if let Some(Running { serial, .. }) = self.0.running(vm)
            && let Some(descriptor) = serial.attach().await
        {
            return Ok(descriptor);
        }
        replay(&tokio::fs::read(self.folder(vm).output()).await.unwrap_or_default())
    }

    /// A connection to the screen that speaks RFB 3.8.
    pub async fn screen(&self, vm: VmId) -> Result<OwnedFd, ScreenError> {
        self.0.screen(vm)?.attach().await
    }

    /// A picture of the screen, at most [`crate::screen::PICTURE_AGE`] old: a file with a binary portable pixmap.
    pub async fn picture(&self, vm: VmId) -> Result<OwnedFd, ScreenError> {
        self.0.screen(vm)?.picture().await
    }

    /// Bounds the logs of the QEMUs that live.
    pub fn trim_logs(&self) {
        for (vm, _) in self.running() {
            if let Err(error) = self.folder(vm).trim_log() {
                tracing::warn!(%vm, %error, "VM {vm}: its log can't be cut: {error}");
            }
        }
    }

    /// What the guest has read and written since its QEMU was started; nothing if QEMU does not say so at once.
    pub async fn disk_counters(&self, vm: VmId) -> Option<IoCounters> {
        let Running { qmp, .. } = self.0.running(vm)?;
        let disks = qmp.run_within(&QueryBlockStats, AT_ONCE).await.ok()?;
        let add = |sum: u64, more: u64| sum.saturating_add(more);
        Some(disks.iter().map(|disk| disk.stats).fold(IoCounters::default(), |sum, disk| IoCounters {
            read: ByteSize(add(sum.read.bytes(), disk.rd_bytes)),
            written: ByteSize(add(sum.written.bytes(), disk.wr_bytes)),
            reads: add(sum.reads, disk.rd_operations),
            writes: add(sum.writes, disk.wr_operations),
        }))
    }

    /// The QEMUs that can be spoken to.
    pub fn running(&self) -> Vec<(VmId, Arc<LiveProcess>)> {
        let processes = |(vm, handle): (&VmId, &Handle)| Some((*vm, handle.running.as_ref()?.process.clone()));
        self.0.actors().iter().filter_map(processes).collect()
    }
}

impl Shared {
    fn actors(&self) -> MutexGuard<'_, HashMap<VmId, Handle>> {
        self.actors.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn running(&self, vm: VmId) -> Option<Running> {
        self.actors().get(&vm).and_then(|handle| handle.running.clone())
    }

    fn screen(&self, vm: VmId) -> Result<Arc<Screen>, ScreenError> {
        self.running(vm).ok_or(ScreenError::NotRunning)?.screen.ok_or(ScreenError::NoScreen)
    }

    /// The mailbox of the VM's task, which is started if there is none.
    fn mailbox(self: &Arc<Self>, assignment: &Arc<Assignment>) -> mpsc::Sender<Message> {
        use std::sync::atomic::{AtomicU64, Ordering};
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let vm = assignment.id();
        let mut actors = self.actors();
        if let Some(handle) = actors.get(&vm) {
            return handle.mailbox.clone();
        }
        let (mailbox, received) = mpsc::channel(MAILBOX);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        tokio::spawn(Actor::run(self.clone(), number, assignment.clone(), received));
        actors.insert(vm, Handle { mailbox: mailbox.clone(), number, running: None });
        mailbox
    }

    /// Tells the rest of the node how a VM's QEMU is reached, or that it is gone.
    pub(crate) fn set_running(&self, vm: VmId, number: u64, running: Option<Running>) {
        if let Some(handle) = self.actors().get_mut(&vm).filter(|handle| handle.number == number) {
            handle.running = running;
        }
    }

    /// A task ends, unless a message has come meanwhile.
    pub(crate) fn leave(&self, vm: VmId, number: u64, mailbox: &mut mpsc::Receiver<Message>) -> Option<Message> {
        let mut actors = self.actors();
        if let Ok(message) = mailbox.try_recv() {
            return Some(message);
        }
        // From here on nobody can put anything in: who holds a sender gets the message back.
        mailbox.close();
        if actors.get(&vm).is_some_and(|handle| handle.number == number) {
            actors.remove(&vm);
        }
        None
    }
}
