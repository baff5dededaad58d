//! Starting a QEMU, and taking over one that lives.
//!
//! ```text
//!  launch   files ▸ argv ▸ plan ▸ sockets bound ▸ we connect ▸ launcher: exec-vm ▸ QEMU ──► Launched
//!  greet    greeting ▸ qmp_capabilities ▸ query-status                                  ──► Session
//!  adopt    holder of the lock ▸ connect ▸ greeting … ▸ query-uuid ▸ ringbuf-read       ──► Session
//! ```
//!
//! We connect before QEMU exists, because the sockets do: nothing here waits by trying again. When the process dies, the last
//! copy of the listening sockets goes with it and the connections end by themselves.

use crate::argv::{SERIAL_KEPT, SERIAL_RING, argv};
use crate::assignment::Assignment;
use crate::cards::cards;
use crate::engine::Shared;
use crate::folder::{Folder, Holder};
use crate::machine::Found;
use crate::plan::LaunchPlan;
use crate::serial::{Serial, remember};
use crate::successor::{come_to_rest, open_forwards};
use cake_host::launch::{Descriptor, LaunchError, LaunchRequest};
use cake_host::process::{ExitStatus, LiveProcess, ProcessError};
use cake_qmp::commands::{QueryStatus, QueryUuid, RunState};
use cake_qmp::{CloseReason, Events, Qmp, QmpError};
use cake_types::{Failure, FailureCode, VmId};
use std::fmt::Display;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UnixStream;

/// A QEMU that can be spoken to.
pub(crate) struct Session {
    pub qmp: Qmp,
    pub events: Events,
    pub serial: Serial,
    pub found: Found,
    pub commands: u32,
    /// It lived before this program did.
    pub adopted: bool,
    /// QEMU's version.
    pub version: String,
}

/// A process that is, or is about to become, a QEMU, with our connections to it.
pub(crate) struct Launched {
    pub process: Arc<LiveProcess>,
    pub qmp: UnixStream,
    pub serial: UnixStream,
    pub adopted: bool,
}

/// Why there is no session.
pub(crate) enum Missed {
    /// No QEMU of the VM lives.
    Ended(Failure),
    /// One lives, or may live, and it is our fault or nobody's that it can't be spoken to: too many open files, a host that swaps,
    /// a disk that stalls. Its guest is well.
    Unreached { process: Option<Arc<LiveProcess>>, failure: Failure },
}

impl From<Failure> for Missed {
    fn from(failure: Failure) -> Self {
        Self::Ended(failure)
    }
}

/// Between two tries at something that only the kernel can refuse.
pub(crate) const TRY_AGAIN: Duration = Duration::from_secs(1);

pub(crate) fn failure(code: FailureCode, what: impl Display) -> Failure {
    Failure { code, detail: what.to_string() }
}

/// The name of a VM's unit, whichever launcher starts it.
pub(crate) fn unit_name(vm: VmId) -> String {
    format!("cake-vm-{vm}")
}

/// Starts a QEMU, or finds that one lives already.
pub(crate) async fn launch(
    shared: Arc<Shared>,
    assignment: Arc<Assignment>,
    folder: Folder,
    paused: bool,
) -> Result<Launched, Missed> {
    if let Holder::Process(process) = folder.holder().map_err(|error| failure(FailureCode::Internal, error))? {
        return take_over(&folder, process).await;
    }
    shared.surroundings.has_memory(&assignment)?;
    let files = shared.surroundings.files(&assignment).await?;
    let spec = &assignment.vm.spec;
    let argv =
        argv(spec, shared.settings.accelerator, paused).map_err(|error| failure(FailureCode::Hardware, error))?;
    let engine =
        std::fs::canonicalize(&shared.settings.engine).map_err(|error| failure(FailureCode::QemuStart, error))?;
    let plan = LaunchPlan::new(spec, argv, &files, &folder, assignment.uid, engine, shared.settings.accelerator)
        .ok_or_else(|| failure(FailureCode::Disk, "a disk of the spec has no file"))?;
    let io = |error| failure(FailureCode::Internal, format_args!("the VM's folder: {error}"));
    write_plan(&folder, &plan).map_err(io)?;
    folder.forget_output().map_err(io)?;
    for past in [folder.replaced(), folder.forwards_missing()] {
        // What an earlier QEMU was is not this one's.
        let _ = std::fs::remove_file(past);
    }
    let mut descriptors = vec![listener(&folder, "qmp").map_err(io)?, listener(&folder, "serial").map_err(io)?];
    for card in cards(spec) {
        if let Some(descriptor) = shared.surroundings.connect(&card).await? {
            descriptors.push(Descriptor { name: format!("tap-{}", card.place), descriptor });
        }
    }
    let (qmp, serial) = tokio::try_join!(folder.connect("qmp"), folder.connect("serial")).map_err(io)?;
    let mut arguments = shared.settings.helper_arguments.clone();
    arguments.push(folder.plan().to_string_lossy().into_owned());
    let request = LaunchRequest {
        unit_name: unit_name(assignment.id()),
        description: format!("cake: VM {}", assignment.vm.meta.name),
        program: shared.settings.helper.clone(),
        arguments,
        environment: Vec::new(),
        descriptors,
        output: Some(OwnedFd::from(folder.new_log().map_err(io)?)),
        memory_max: None,
    };
    let identity = shared.launcher.launch(request).await.map_err(|error| not_launched(&folder, &error))?;
    let process = match LiveProcess::open(&identity) {
        Ok(process) => Arc::new(process),
        Err(ProcessError::Gone { .. }) => return Err(ended_at_start(&folder).into()),
        Err(error) => return Err(failure(FailureCode::Internal, error).into()),
    };
    Ok(Launched { process, qmp, serial, adopted: false })
}

/// Connects to the QEMU that lives.
pub(crate) async fn find(shared: Arc<Shared>, vm: VmId, folder: Folder) -> Result<Launched, Missed> {
    let unknown =
        |error: &dyn Display| Missed::Unreached { process: None, failure: failure(FailureCode::Internal, error) };
    match folder.holder().map_err(|error| unknown(&error))? {
        Holder::Process(process) => take_over(&folder, process).await,
        // The helper that was started a moment ago, by a cake-node that is no more, has not come to the lock yet.
        Holder::Nobody => match shared.launcher.find(&unit_name(vm), None).await.map_err(|error| unknown(&error))? {
            Some(identity) => match LiveProcess::open(&identity) {
                Ok(process) => take_over(&folder, process).await,
                Err(ProcessError::Gone { .. }) => Err(ended_at_start(&folder).into()),
                Err(error) => Err(unknown(&error)),
            },
            None => Err(ended_at_start(&folder).into()),
        },
    }
}

async fn take_over(folder: &Folder, process: LiveProcess) -> Result<Launched, Missed> {
    let process = Arc::new(process);
    match tokio::try_join!(folder.connect("qmp"), folder.connect("serial")) {
        Ok((qmp, serial)) => Ok(Launched { process, qmp, serial, adopted: true }),
        Err(_) if !process.is_alive() => Err(ended_at_start(folder).into()),
        Err(error) => {
            let failure =
                failure(FailureCode::QmpProtocol, format_args!("the QEMU that lives can't be reached: {error}"));
            Err(Missed::Unreached { process: Some(process), failure })
        }
    }
}

/// Speaks to it for the first time. `unsettled`: it may have been about to hand its guest over to a QEMU that is gone. One that was started just now and does not speak is ended; one whose guest may be at work only
/// if it is not what it should be.
pub(crate) async fn greet(
    shared: Arc<Shared>,
    launched: Launched,
    vm: VmId,
    folder: Folder,
    (unsettled, spec): (bool, Arc<Assignment>),
) -> Result<Session, Missed> {
    let Launched { process, qmp, serial, adopted } = launched;
    match speak(&shared, qmp, vm, (adopted, unsettled)).await {
        Ok((qmp, events, found, ring)) => {
            open_forwards(&qmp, &folder, &spec.vm.spec).await;
            let version = version(&qmp);
            let commands = u32::try_from(qmp.commands_sent()).unwrap_or(u32::MAX);
            let past = remember(&folder.output(), ring).await;
            Ok(Session {
                qmp,
                events,
                serial: Serial::serve(serial, past, folder.output()),
                found,
                commands,
                adopted,
                version,
            })
        }
        Err(error) if adopted && !is_lie(&error) && process.is_alive() => {
            let failure = failure(FailureCode::QmpProtocol, chain(&error));
            Err(Missed::Unreached { process: Some(process), failure })
        }
        Err(error) => {
            end(&process).await;
            Err(Missed::Ended(match error {
                // It went before it spoke: its log says why.
                QmpError::Closed(CloseReason::EndOfStream) => ended_at_start(&folder),
                error => failure(FailureCode::QmpProtocol, chain(&error)),
            }))
        }
    }
}

/// Whether it is no QEMU that speaks there, or not this VM's. Everything else is silence, which a busy host explains as well.
fn is_lie(error: &QmpError) -> bool {
    match error {
        QmpError::Closed(reason) => !matches!(
            reason,
            CloseReason::EndOfStream | CloseReason::Socket { .. } | CloseReason::GreetingTimedOut { .. }
        ),
        QmpError::Answer { .. } => true,
        QmpError::TimedOut { .. } | QmpError::Refused { .. } | QmpError::Encode { .. } | QmpError::Busy { .. } => false,
    }
}

async fn speak(
    shared: &Shared,
    stream: UnixStream,
    vm: VmId,
    (adopted, unsettled): (bool, bool),
) -> Result<(Qmp, Events, Found, Vec<u8>), QmpError> {
    let (qmp, events) = Qmp::connect_with(stream, shared.settings.limits.clone()).await?;
    let mut kept = Vec::new();
    if adopted {
        let uuid = qmp.run(&QueryUuid).await?.uuid;
        if uuid != vm.0 {
            tracing::error!(%vm, %uuid, "the QEMU of VM {vm} says that it is {uuid}");
            return Err(QmpError::Closed(CloseReason::Released));
        }
        let read = serde_json::json!({"device": SERIAL_RING, "size": SERIAL_KEPT, "format": "base64"});
        let text = qmp.execute("ringbuf-read", &read).await?;
        kept = text.as_str().and_then(|text| data_encoding::BASE64.decode(text.as_bytes()).ok()).unwrap_or_default();
    }
    if unsettled {
        come_to_rest(&qmp).await;
    }
    let status = qmp.run(&QueryStatus).await?;
    let found = found(status.status, status.running);
    Ok((qmp, events, found, kept))
}

/// QEMU's version, as it says it.
pub(crate) fn version(qmp: &Qmp) -> String {
    let version = &qmp.greeting().version;
    format!("{}.{}.{}", version.major, version.minor, version.micro)
}

/// What a run state means to us.
pub(crate) fn found(state: RunState, running: bool) -> Found {
    match state {
        RunState::Shutdown => Found::GuestOff,
        RunState::GuestPanicked | RunState::InternalError => Found::Crashed,
        _ if running => Found::Running,
        _ => Found::Paused,
    }
}

async fn end(process: &LiveProcess) {
    let _ = process.signal(nix::sys::signal::Signal::SIGKILL);
    ended(process).await;
}

/// Waits for its end. That it can't be watched, for want of a descriptor, does not mean that it has ended.
pub(crate) async fn ended(process: &LiveProcess) -> Option<ExitStatus> {
    loop {
        match process.wait_exit().await {
            Ok(status) => return status,
            Err(error) => {
                tracing::error!(pid = process.pid(), %error, "cannot wait for the end of a QEMU: {error}");
                tokio::time::sleep(TRY_AGAIN).await;
            }
        }
    }
}

pub(crate) fn write_plan(folder: &Folder, plan: &LaunchPlan) -> std::io::Result<()> {
    folder.create()?;
    let mut file =
        std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(folder.plan())?;
    file.write_all(&serde_json::to_vec(plan)?)
}

pub(crate) fn listener(folder: &Folder, name: &str) -> std::io::Result<Descriptor> {
    Ok(Descriptor { name: name.into(), descriptor: folder.listen(name)?.into() })
}

pub(crate) fn not_launched(folder: &Folder, error: &LaunchError) -> Failure {
    match error {
        LaunchError::EndedAtOnce { .. } => ended_at_start(folder),
        error => failure(FailureCode::QemuStart, chain(error)),
    }
}

pub(crate) fn ended_at_start(folder: &Folder) -> Failure {
    let said = folder.log_tail();
    failure(FailureCode::QemuStart, if said.is_empty() { "QEMU ended without a word".into() } else { said })
}

/// An error with its sources, for support.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_no_lie() {
        let after = Duration::from_secs(30);
        for silence in [
            QmpError::TimedOut { command: "query-uuid", after },
            QmpError::Busy { limit: 1 },
            QmpError::Closed(CloseReason::EndOfStream),
            QmpError::Closed(CloseReason::GreetingTimedOut { after }),
            QmpError::Closed(std::io::Error::from_raw_os_error(libc::EMFILE).into()),
        ] {
            assert!(!is_lie(&silence), "{silence:?}");
        }
        // The last is what another VM's UUID becomes.
        for lie in [CloseReason::BeforeGreeting, CloseReason::UnknownId { id: 4711 }, CloseReason::Released] {
            assert!(is_lie(&QmpError::Closed(lie.clone())), "{lie:?}");
        }
    }
}
