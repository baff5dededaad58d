//! The node's side: a listener whose callers are known by their uid.

use crate::frame::{self, FrameError, FrameReader};
use crate::install::{InstallAnswer, InstallAsk};
use crate::model::{Answer, Call, Reply, Request};
use crate::{
    Hello, HostVerb, NodeError, Observed, ServerLog, StreamKind, StreamTicket, Verb, VolumeOrder, VolumePlace,
};
use async_trait::async_trait;
use cake_types::{
    ByteSize, Counters, Device, DeviceId, Epoch, Export, ExportId, HostSpec, ImageId, Import, OperationId, Part,
    PoolId, PoolSpec, PublicKey, ScanRange, Sealed, SensorHistory, Server, ServerAnswer, ServerAsk, ServerDisk,
    ServerEnergy, ServerId, ServerVerb, Span, Stamp, UpdateOrder, UplinkSpec, UpsSpec, UsageHistory, UsageOf, Vm, VmId,
};
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;

/// A snapshot, then every change. Ends when the reader is too slow.
pub type ObservedStream = BoxStream<'static, Observed>;

/// What a node can be asked. Every method is durable when it returns and may be called again with the same arguments.
#[async_trait]
pub trait NodeService: Send + Sync + 'static {
    /// Takes leadership with `epoch`, or only asks who is there with `None`.
    async fn hello(&self, epoch: Option<Epoch>) -> Result<Hello, NodeError>;
    /// Sets the desired state of a VM. Refused unless `stamp` is newer than what is held, or the same with the same content.
    async fn apply_vm(&self, stamp: Stamp, vm: Vm) -> Result<(), NodeError>;
    /// Removes a VM and everything of it, and leaves a tombstone. The disks whose numbers are in `kept` stay, and so do those that
    /// came to it as volumes.
    async fn remove_vm(&self, id: VmId, stamp: Stamp, kept: Vec<u32>) -> Result<(), NodeError>;
    /// Makes a volume, or grows it; one that is larger stays so. Gives the size that it has then. Refused for a file that a VM has.
    async fn make_volume(&self, order: VolumeOrder) -> Result<ByteSize, NodeError>;
    /// Removes a volume's file. Refused for one that a VM has.
    async fn remove_volume(&self, epoch: Epoch, place: VolumePlace) -> Result<(), NodeError>;
    /// The file of a volume, for reading.
    async fn open_volume(&self, place: VolumePlace) -> Result<OwnedFd, NodeError>;
    async fn apply_pool(&self, id: PoolId, stamp: Stamp, spec: PoolSpec) -> Result<(), NodeError>;
    /// Takes a file in: it is received, checked, converted where that is needed, and becomes an image under the same id. Refused
    /// unless `stamp` is newer than what is held, or the same with the same content.
    async fn apply_import(&self, stamp: Stamp, import: Import) -> Result<(), NodeError>;
    /// Gives an import up, or forgets one that is over; an image that came of it stays.
    async fn remove_import(&self, id: ImageId, stamp: Stamp) -> Result<(), NodeError>;
    /// Takes an image away that was imported.
    async fn remove_image(&self, id: ImageId, stamp: Stamp) -> Result<(), NodeError>;
    /// Which power supply this server watches, and what it does when that runs out; none at all with `None`.
    async fn apply_ups(&self, stamp: Stamp, spec: Option<UpsSpec>) -> Result<(), NodeError>;
    /// Host name, time zone and clock of the machine; what is not said stays as it is. What the machine does not take is observed.
    async fn apply_host(&self, stamp: Stamp, spec: HostSpec) -> Result<(), NodeError>;
    /// Does `verb` once, however often it is asked with the same `operation`. How it went is observed.
    async fn operate_host(&self, epoch: Epoch, operation: OperationId, verb: HostVerb) -> Result<(), NodeError>;
    /// Tries another network for the machine itself. After so many seconds the one before returns by itself, and so it does when the
    /// node is started anew; unless it is settled. One at a time.
    async fn try_uplink(
        &self,
        epoch: Epoch,
        operation: OperationId,
        spec: UplinkSpec,
        seconds: u32,
    ) -> Result<(), NodeError>;
    /// The network that is tried holds from now on, or returns at once. Whoever leads has seen that it can be reached.
    async fn settle_uplink(&self, epoch: Epoch, operation: OperationId, keep: bool) -> Result<(), NodeError>;
    /// Does something about the server's firmware, once for each `operation`; one order at a time, another one is refused meanwhile. How
    /// far it is and how it ended is observed. It is not durable: a node that is started anew is asked again, and goes on with what is
    /// on the disks.
    async fn update(&self, epoch: Epoch, operation: OperationId, order: UpdateOrder) -> Result<(), NodeError>;
    /// Stops an order about the firmware. Nothing, where it is over or was never here.
    async fn stop_update(&self, operation: OperationId) -> Result<(), NodeError>;
    /// Looks now whether all of an import is here.
    async fn look_at_import(&self, id: ImageId) -> Result<(), NodeError>;
    /// The file behind an import that is received ([`crate::staged`]).
    async fn open_import(&self, id: ImageId) -> Result<OwnedFd, NodeError>;
    /// The file of an image, for reading.
    async fn open_image(&self, id: ImageId) -> Result<OwnedFd, NodeError>;
    /// Makes one file of a VM that is off. Refused unless `stamp` is newer than what is held, or the same with the same content.
    async fn apply_export(&self, stamp: Stamp, export: Export) -> Result<(), NodeError>;
    /// Gives an export up, or removes its file.
    async fn remove_export(&self, id: ExportId, stamp: Stamp) -> Result<(), NodeError>;
    /// The file of an export that is done, for reading.
    async fn open_export(&self, id: ExportId) -> Result<OwnedFd, NodeError>;
    /// Does `verb` once, however often it is asked with the same `operation`. The outcome is observed.
    async fn operate(&self, operation: OperationId, vm: VmId, verb: Verb) -> Result<(), NodeError>;
    /// Watches a server's BMC. Refused unless `stamp` is newer than what is held, or the same with the same content.
    async fn apply_server(&self, stamp: Stamp, server: Server) -> Result<(), NodeError>;
    async fn remove_server(&self, id: ServerId, stamp: Stamp) -> Result<(), NodeError>;
    /// Watches a device that answers SNMP. Refused unless `stamp` is newer than what is held, or the same with the same content.
    async fn apply_device(&self, stamp: Stamp, device: Device) -> Result<(), NodeError>;
    async fn remove_device(&self, id: DeviceId, stamp: Stamp) -> Result<(), NodeError>;
    /// Does `order` once, however often it is asked with the same `operation`. The outcome is observed.
    async fn operate_server(
        &self,
        epoch: Epoch,
        operation: OperationId,
        server: ServerId,
        order: ServerVerb,
    ) -> Result<(), NodeError>;
    /// The server's event log, as it is now: what came after the entry of this id, or all of it where that is not there any more.
    async fn server_log(&self, id: ServerId, after: Option<String>) -> Result<ServerLog, NodeError>;
    /// What the server is built of, as its BMC says.
    async fn server_parts(&self, id: ServerId) -> Result<Vec<Part>, NodeError>;
    /// Asks a server's BMC for what only Redfish knows or does, now. Of what changes something, twice is once.
    async fn ask_server(&self, server: ServerId, what: ServerAsk) -> Result<ServerAnswer, NodeError>;
    /// For a server's serial console, through its BMC. It is opened when the ticket is traded, which takes as long as the BMC does;
    /// what goes over its stream says [`crate::line`]. `take`: whoever has it at the BMC loses it.
    async fn server_ticket(&self, server: ServerId, take: bool) -> Result<StreamTicket, NodeError>;
    /// Asks a range of addresses for BMCs, once for each `operation`; nobody logs in. One at a time: another one is refused meanwhile.
    /// What answers is observed. It is not durable: a node that is started anew does not go on with it.
    async fn scan(&self, operation: OperationId, range: ScanRange) -> Result<(), NodeError>;
    /// Asks nobody else. Nothing, where the scan is over or was never here.
    async fn stop_scan(&self, operation: OperationId) -> Result<(), NodeError>;
    /// A strong password for a BMC, made here and sealed to `keys`: nobody else ever sees it.
    async fn new_password(&self, keys: Vec<PublicKey>) -> Result<Sealed<String>, NodeError>;
    async fn observe(&self) -> Result<ObservedStream, NodeError>;
    async fn ticket(&self, kind: StreamKind, vm: VmId) -> Result<StreamTicket, NodeError>;
    /// One end of a connected stream socket; for [`StreamKind::Picture`] a file.
    async fn open(&self, ticket: StreamTicket) -> Result<OwnedFd, NodeError>;
    /// What was used over time; with `after` (seconds since 1970) only what is newer.
    async fn history(&self, of: UsageOf, span: Span, after: Option<i64>) -> Result<UsageHistory, NodeError>;
    /// What a sensor of a watched server measured over time, by its id or name, or [`cake_types::DRAW`]; without one all of them, with
    /// [`cake_types::SPARK_POINTS`] means each. `after` as above, of one sensor.
    async fn sensor_history(
        &self,
        id: ServerId,
        sensor: Option<String>,
        span: Span,
        after: Option<i64>,
    ) -> Result<SensorHistory, NodeError>;
    /// What each watched server drew in some times (from and to, in seconds since 1970), as far as it is known.
    async fn energy(&self, periods: Vec<(i64, i64)>) -> Result<Vec<ServerEnergy>, NodeError>;
    /// What this server and its running VMs have used since they were started.
    async fn counters(&self) -> Result<Counters, NodeError>;
    /// Asks every disk of the server how it is; what it says is observed as well.
    async fn read_disks(&self) -> Result<Vec<ServerDisk>, NodeError>;
    /// A tar of this node's logs, bounded, as they are.
    async fn support(&self) -> Result<OwnedFd, NodeError>;
    /// cake on this server's own disks. Only a server that was started from an installer does any of it.
    async fn install(&self, ask: InstallAsk) -> Result<InstallAnswer, NodeError> {
        let _ = ask;
        Err(NodeError::NotInstaller)
    }
}

/// Between two tries to accept a caller for whom there is no descriptor, or no memory.
const TRY_AGAIN: Duration = Duration::from_millis(50);

/// Answers callers whose uid is in `allowed`, until the listener fails. A connection serves one caller; its requests are answered
/// as they finish, not as they came.
pub async fn serve(listener: UnixListener, service: Arc<dyn NodeService>, allowed: Vec<u32>) -> std::io::Result<()> {
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) if passes(&error) => {
                tracing::warn!(%error, "node API: a caller has to wait");
                tokio::time::sleep(TRY_AGAIN).await;
                continue;
            }
            Err(error) => return Err(error),
        };
        match stream.peer_cred() {
            Ok(peer) if allowed.contains(&peer.uid()) => {
                tokio::spawn(connection(stream, service.clone()));
            }
            Ok(peer) => tracing::warn!(uid = peer.uid(), "node API: refused a caller of another user"),
            Err(error) => tracing::warn!(%error, "node API: a caller without credentials"),
        }
    }
}

/// Whether it is the machine that can't now, and not the listener that can't any more (accept(2), ERRORS).
fn passes(error: &std::io::Error) -> bool {
    use nix::libc::{ECONNABORTED, EMFILE, ENFILE, ENOBUFS, ENOMEM};
    matches!(error.raw_os_error(), Some(ECONNABORTED | EMFILE | ENFILE | ENOBUFS | ENOMEM))
}

type Outgoing = (Reply, Option<OwnedFd>);

async fn connection(stream: UnixStream, service: Arc<dyn NodeService>) {
    let stream = Arc::new(stream);
    let (send, mut outgoing) = mpsc::channel::<Outgoing>(64);
    let writer = {
        let stream = stream.clone();
        tokio::spawn(async move {
            while let Some((reply, descriptor)) = outgoing.recv().await {
                let frame = frame::encode(&reply)?;
                frame::send(&stream, &frame, descriptor.as_ref()).await?;
            }
            Ok::<(), FrameError>(())
        })
    };
    let mut reader = FrameReader::default();
    let mut calls = tokio::task::JoinSet::new();
    let end = loop {
        match reader.next::<Call>(&stream).await {
            Ok(Call { id, request: Request::Observe }) => {
                calls.spawn(observe(id, service.clone(), send.clone()));
            }
            Ok(call) => {
                calls.spawn(answer(call, service.clone(), send.clone()));
            }
            Err(error) => break error,
        }
        while calls.try_join_next().is_some() {}
    };
    if !matches!(end, FrameError::Closed) {
        tracing::warn!(error = %end, "node API: a connection ended");
    }
    // Calls that were accepted are finished: they are durable work, not the caller's property. Observations end with their channel.
    calls.detach_all();
    writer.abort();
}

async fn answer(Call { id, request }: Call, service: Arc<dyn NodeService>, send: mpsc::Sender<Outgoing>) {
    let mut descriptor = None;
    let mut with = |fd: OwnedFd| {
        descriptor = Some(fd);
        Answer::Descriptor
    };
    let accepted = |()| Answer::Accepted;
    let answer = match request {
        Request::Hello { epoch } => service.hello(epoch).await.map(|hello| Answer::Hello(Box::new(hello))),
        Request::ApplyVm { stamp, vm } => service.apply_vm(stamp, *vm).await.map(accepted),
        Request::RemoveVm { id, stamp, kept } => service.remove_vm(id, stamp, kept).await.map(accepted),
        Request::MakeVolume(order) => service.make_volume(order).await.map(Answer::Size),
        Request::RemoveVolume { epoch, place } => service.remove_volume(epoch, place).await.map(accepted),
        Request::OpenVolume { place } => service.open_volume(place).await.map(&mut with),
        Request::ApplyPool { id, stamp, spec } => service.apply_pool(id, stamp, spec).await.map(accepted),
        Request::ApplyImport { stamp, import } => service.apply_import(stamp, *import).await.map(accepted),
        Request::RemoveImport { id, stamp } => service.remove_import(id, stamp).await.map(accepted),
        Request::RemoveImage { id, stamp } => service.remove_image(id, stamp).await.map(accepted),
        Request::ApplyUps { stamp, spec } => service.apply_ups(stamp, spec.map(|spec| *spec)).await.map(accepted),
        Request::ApplyHost { stamp, spec } => service.apply_host(stamp, *spec).await.map(accepted),
        Request::DoHost { epoch, operation, host_verb } => {
            service.operate_host(epoch, operation, host_verb).await.map(accepted)
        }
        Request::TryUplink { epoch, operation, spec, seconds } => {
            service.try_uplink(epoch, operation, *spec, seconds).await.map(accepted)
        }
        Request::SettleUplink { epoch, operation, keep } => {
            service.settle_uplink(epoch, operation, keep).await.map(accepted)
        }
        Request::DoUpdate { epoch, operation, order } => service.update(epoch, operation, order).await.map(accepted),
        Request::StopUpdate { operation } => service.stop_update(operation).await.map(accepted),
        Request::LookAtImport { id } => service.look_at_import(id).await.map(accepted),
        Request::OpenImport { id } => service.open_import(id).await.map(&mut with),
        Request::OpenImage { id } => service.open_image(id).await.map(&mut with),
        Request::ApplyExport { stamp, export } => service.apply_export(stamp, *export).await.map(accepted),
        Request::RemoveExport { id, stamp } => service.remove_export(id, stamp).await.map(accepted),
        Request::OpenExport { id } => service.open_export(id).await.map(&mut with),
        Request::Do { operation, vm, verb } => service.operate(operation, vm, verb).await.map(accepted),
        Request::ApplyServer { stamp, server } => service.apply_server(stamp, *server).await.map(accepted),
        Request::RemoveServer { id, stamp } => service.remove_server(id, stamp).await.map(accepted),
        Request::ApplyDevice { stamp, device } => service.apply_device(stamp, *device).await.map(accepted),
        Request::RemoveDevice { id, stamp } => service.remove_device(id, stamp).await.map(accepted),
        Request::DoServer { epoch, operation, server, order } => {
            service.operate_server(epoch, operation, server, order).await.map(accepted)
        }
        Request::ServerLog { id, after } => {
            service.server_log(id, after).await.map(|log| Answer::ServerLog(Box::new(log)))
        }
        Request::Scan { operation, range } => service.scan(operation, range).await.map(accepted),
        Request::NewPassword { keys } => service.new_password(keys).await.map(Answer::Sealed),
        Request::StopScan { operation } => service.stop_scan(operation).await.map(accepted),
        Request::ServerParts { id } => service.server_parts(id).await.map(Answer::ServerParts),
        Request::AskServer { server, what } => {
            service.ask_server(server, what).await.map(|answer| Answer::Server(Box::new(answer)))
        }
        Request::ServerTicket { server, take } => service.server_ticket(server, take).await.map(Answer::Ticket),
        Request::Ticket { kind, vm } => service.ticket(kind, vm).await.map(Answer::Ticket),
        Request::Open { ticket } => service.open(ticket).await.map(&mut with),
        Request::History { of, span, after } => {
            service.history(of, span, after).await.map(|history| Answer::History(Box::new(history)))
        }
        Request::Counters => service.counters().await.map(|counters| Answer::Counters(Box::new(counters))),
        Request::SensorHistory { id, sensor, span, after } => {
            let read = service.sensor_history(id, sensor, span, after).await;
            read.map(|history| Answer::SensorHistory(Box::new(history)))
        }
        Request::Energy { periods } => service.energy(periods).await.map(Answer::Energy),
        Request::ReadDisks => service.read_disks().await.map(Answer::Disks),
        Request::Support => service.support().await.map(&mut with),
        Request::Install(ask) => service.install(ask).await.map(|answer| Answer::Install(Box::new(answer))),
        Request::Observe => return,
    };
    // The caller may have gone: then nobody waits for the answer.
    let _ = send.send((Reply { id, answer }, descriptor)).await;
}

async fn observe(id: u64, service: Arc<dyn NodeService>, send: mpsc::Sender<Outgoing>) {
    let mut stream = match service.observe().await {
        Ok(stream) => stream,
        Err(error) => {
            let _ = send.send((Reply { id, answer: Err(error) }, None)).await;
            return;
        }
    };
    while let Some(observed) = stream.next().await {
        let answer = Ok(Answer::Observed(Box::new(observed)));
        if send.send((Reply { id, answer }, None)).await.is_err() {
            return;
        }
    }
    let _ = send.send((Reply { id, answer: Ok(Answer::Overrun) }, None)).await;
}
