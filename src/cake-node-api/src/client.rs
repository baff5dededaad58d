//! The caller's side: many requests at once over one connection.

mod servers;

use crate::frame::{self, FrameError, FrameReader};
use crate::install::{InstallAnswer, InstallAsk};
use crate::model::{Answer, Call, Reply, Request};
use crate::{Hello, HostVerb, NodeError, Observed, StreamKind, StreamTicket, Verb, VolumeOrder, VolumePlace};
use cake_types::{
    ByteSize, Counters, Epoch, Export, ExportId, HostSpec, ImageId, Import, OperationId, PoolId, PoolSpec, ServerDisk,
    Span, Stamp, UpdateOrder, UplinkSpec, UpsSpec, UsageHistory, UsageOf, Vm, VmId,
};
use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::UnixStream;
use tokio::sync::{mpsc, oneshot, watch};

/// Observed changes that may wait for a reader before the connection's other answers wait too.
const OBSERVED_AHEAD: usize = 256;

#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error("the node refused")]
    Refused(#[source] NodeError),
    #[error("the node does not answer")]
    Unreachable(#[source] FrameError),
    #[error("the connection to the node was lost")]
    Lost,
    #[error("the node answered something else than was asked")]
    Unexpected,
}

/// A node from afar. Clones share the connection; it ends with the last of them.
#[derive(Clone)]
pub struct NodeClient {
    calls: mpsc::Sender<Call>,
    waiting: Arc<Mutex<Waiting>>,
    closed: watch::Receiver<bool>,
    _reader: Arc<AbortOnDrop>,
}

#[derive(Default)]
struct Waiting {
    next: u64,
    answers: HashMap<u64, Waiter>,
    over: bool,
}

enum Waiter {
    Once(oneshot::Sender<Received>),
    Stream(mpsc::Sender<Result<Observed, ClientError>>),
}

type Received = (Result<Answer, NodeError>, Option<OwnedFd>);

struct AbortOnDrop(tokio::task::JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What a node reports: a snapshot, then changes.
pub struct Observation(mpsc::Receiver<Result<Observed, ClientError>>);

impl Observation {
    /// The next observation; an error is the last.
    pub async fn next(&mut self) -> Result<Observed, ClientError> {
        self.0.recv().await.unwrap_or(Err(ClientError::Lost))
    }
}

impl NodeClient {
    pub async fn connect(socket: &Path) -> Result<Self, ClientError> {
        let stream =
            UnixStream::connect(socket).await.map_err(|error| ClientError::Unreachable(FrameError::Io(error)))?;
        Ok(Self::over(stream))
    }

    /// Speaks over a connection that is already there.
    pub fn over(stream: UnixStream) -> Self {
        let stream = Arc::new(stream);
        let waiting = Arc::new(Mutex::new(Waiting::default()));
        let (closing, closed) = watch::channel(false);
        let (calls, mut to_send) = mpsc::channel::<Call>(64);
        let writer = {
            let stream = stream.clone();
            tokio::spawn(async move {
                while let Some(call) = to_send.recv().await {
                    let Ok(frame) = frame::encode(&call) else { continue };
                    if frame::send(&stream, &frame, None).await.is_err() {
                        return;
                    }
                }
            })
        };
        let reader = {
            let waiting = waiting.clone();
            tokio::spawn(async move {
                let _writer = AbortOnDrop(writer);
                let end = read_answers(&stream, &waiting).await;
                tracing::debug!(error = %end, "node API: connection ended");
                let mut waiting = lock(&waiting);
                waiting.over = true;
                waiting.answers.clear();
                let _ = closing.send(true);
            })
        };
        Self { calls, waiting, closed, _reader: Arc::new(AbortOnDrop(reader)) }
    }

    /// Returns when the connection has ended.
    pub async fn closed(&self) {
        let mut closed = self.closed.clone();
        // The sender goes only after it has said so.
        let _ = closed.wait_for(|closed| *closed).await;
    }

    pub async fn hello(&self, epoch: Option<Epoch>) -> Result<Hello, ClientError> {
        match self.call(Request::Hello { epoch }).await? {
            (Answer::Hello(hello), _) => Ok(*hello),
            _ => Err(ClientError::Unexpected),
        }
    }

    pub async fn apply_vm(&self, stamp: Stamp, vm: Vm) -> Result<(), ClientError> {
        self.accepted(Request::ApplyVm { stamp, vm: Box::new(vm) }).await
    }

    /// `kept`: numbers of its disks that are volumes by now and stay.
    pub async fn remove_vm(&self, id: VmId, stamp: Stamp, kept: Vec<u32>) -> Result<(), ClientError> {
        self.accepted(Request::RemoveVm { id, stamp, kept }).await
    }

    /// Makes or grows a volume that no VM has; gives the size that it has then.
    pub async fn make_volume(&self, order: VolumeOrder) -> Result<ByteSize, ClientError> {
        match self.call(Request::MakeVolume(order)).await? {
            (Answer::Size(size), _) => Ok(size),
            _ => Err(ClientError::Unexpected),
        }
    }

    pub async fn remove_volume(&self, epoch: Epoch, place: VolumePlace) -> Result<(), ClientError> {
        self.accepted(Request::RemoveVolume { epoch, place }).await
    }

    /// A volume's file, for reading.
    pub async fn open_volume(&self, place: VolumePlace) -> Result<OwnedFd, ClientError> {
        self.descriptor(Request::OpenVolume { place }).await
    }

    pub async fn apply_pool(&self, id: PoolId, stamp: Stamp, spec: PoolSpec) -> Result<(), ClientError> {
        self.accepted(Request::ApplyPool { id, stamp, spec }).await
    }

    pub async fn apply_import(&self, stamp: Stamp, import: Import) -> Result<(), ClientError> {
        self.accepted(Request::ApplyImport { stamp, import: Box::new(import) }).await
    }

    pub async fn remove_import(&self, id: ImageId, stamp: Stamp) -> Result<(), ClientError> {
        self.accepted(Request::RemoveImport { id, stamp }).await
    }

    pub async fn remove_image(&self, id: ImageId, stamp: Stamp) -> Result<(), ClientError> {
        self.accepted(Request::RemoveImage { id, stamp }).await
    }

    pub async fn apply_ups(&self, stamp: Stamp, spec: Option<UpsSpec>) -> Result<(), ClientError> {
        self.accepted(Request::ApplyUps { stamp, spec: spec.map(Box::new) }).await
    }

    pub async fn apply_host(&self, stamp: Stamp, spec: HostSpec) -> Result<(), ClientError> {
        self.accepted(Request::ApplyHost { stamp, spec: Box::new(spec) }).await
    }

    pub async fn operate_host(
        &self,
        epoch: Epoch,
        operation: OperationId,
        host_verb: HostVerb,
    ) -> Result<(), ClientError> {
        self.accepted(Request::DoHost { epoch, operation, host_verb }).await
    }

    pub async fn try_uplink(
        &self,
        epoch: Epoch,
        operation: OperationId,
        spec: UplinkSpec,
        seconds: u32,
    ) -> Result<(), ClientError> {
        self.accepted(Request::TryUplink { epoch, operation, spec: Box::new(spec), seconds }).await
    }

    pub async fn settle_uplink(&self, epoch: Epoch, operation: OperationId, keep: bool) -> Result<(), ClientError> {
        self.accepted(Request::SettleUplink { epoch, operation, keep }).await
    }

    pub async fn update(&self, epoch: Epoch, operation: OperationId, order: UpdateOrder) -> Result<(), ClientError> {
        self.accepted(Request::DoUpdate { epoch, operation, order }).await
    }

    pub async fn stop_update(&self, operation: OperationId) -> Result<(), ClientError> {
        self.accepted(Request::StopUpdate { operation }).await
    }

    pub async fn look_at_import(&self, id: ImageId) -> Result<(), ClientError> {
        self.accepted(Request::LookAtImport { id }).await
    }

    /// The file that is received, for writing.
    pub async fn open_import(&self, id: ImageId) -> Result<OwnedFd, ClientError> {
        self.descriptor(Request::OpenImport { id }).await
    }

    /// An image's file, for reading.
    pub async fn open_image(&self, id: ImageId) -> Result<OwnedFd, ClientError> {
        self.descriptor(Request::OpenImage { id }).await
    }

    pub async fn apply_export(&self, stamp: Stamp, export: Export) -> Result<(), ClientError> {
        self.accepted(Request::ApplyExport { stamp, export: Box::new(export) }).await
    }

    pub async fn remove_export(&self, id: ExportId, stamp: Stamp) -> Result<(), ClientError> {
        self.accepted(Request::RemoveExport { id, stamp }).await
    }

    /// An export's file, for reading.
    pub async fn open_export(&self, id: ExportId) -> Result<OwnedFd, ClientError> {
        self.descriptor(Request::OpenExport { id }).await
    }

    /// A tar of the node's logs.
    pub async fn support(&self) -> Result<OwnedFd, ClientError> {
        self.descriptor(Request::Support).await
    }

    /// cake on the server's own disks.
    pub async fn install(&self, ask: InstallAsk) -> Result<InstallAnswer, ClientError> {
        match self.call(Request::Install(ask)).await? {
            (Answer::Install(answer), _) => Ok(*answer),
            _ => Err(ClientError::Unexpected),
        }
    }

    pub async fn operate(&self, operation: OperationId, vm: VmId, verb: Verb) -> Result<(), ClientError> {
        self.accepted(Request::Do { operation, vm, verb }).await
    }

    pub async fn ticket(&self, kind: StreamKind, vm: VmId) -> Result<StreamTicket, ClientError> {
        match self.call(Request::Ticket { kind, vm }).await? {
            (Answer::Ticket(ticket), _) => Ok(ticket),
            _ => Err(ClientError::Unexpected),
        }
    }

    /// Trades a ticket for one end of a connected stream socket.
    pub async fn open(&self, ticket: StreamTicket) -> Result<OwnedFd, ClientError> {
        self.descriptor(Request::Open { ticket }).await
    }

    async fn descriptor(&self, request: Request) -> Result<OwnedFd, ClientError> {
        match self.call(request).await? {
            (Answer::Descriptor, Some(descriptor)) => Ok(descriptor),
            _ => Err(ClientError::Unexpected),
        }
    }

    pub async fn history(&self, of: UsageOf, span: Span, after: Option<i64>) -> Result<UsageHistory, ClientError> {
        match self.call(Request::History { of, span, after }).await? {
            (Answer::History(history), _) => Ok(*history),
            _ => Err(ClientError::Unexpected),
        }
    }

    /// Asks every disk how it is, which may take a while.
    pub async fn read_disks(&self) -> Result<Vec<ServerDisk>, ClientError> {
        match self.call(Request::ReadDisks).await? {
            (Answer::Disks(disks), _) => Ok(disks),
            _ => Err(ClientError::Unexpected),
        }
    }

    pub async fn counters(&self) -> Result<Counters, ClientError> {
        match self.call(Request::Counters).await? {
            (Answer::Counters(counters), _) => Ok(*counters),
            _ => Err(ClientError::Unexpected),
        }
    }

    pub async fn observe(&self) -> Result<Observation, ClientError> {
        let (send, receive) = mpsc::channel(OBSERVED_AHEAD);
        self.send(Request::Observe, Waiter::Stream(send)).await?;
        Ok(Observation(receive))
    }

    async fn accepted(&self, request: Request) -> Result<(), ClientError> {
        match self.call(request).await? {
            (Answer::Accepted, _) => Ok(()),
            _ => Err(ClientError::Unexpected),
        }
    }

    async fn call(&self, request: Request) -> Result<(Answer, Option<OwnedFd>), ClientError> {
        let (send, receive) = oneshot::channel();
        self.send(request, Waiter::Once(send)).await?;
        let (answer, descriptor) = receive.await.map_err(|_| ClientError::Lost)?;
        Ok((answer.map_err(ClientError::Refused)?, descriptor))
    }

    async fn send(&self, request: Request, waiter: Waiter) -> Result<(), ClientError> {
        let id = {
            let mut waiting = lock(&self.waiting);
            if waiting.over {
                return Err(ClientError::Lost);
            }
            waiting.next += 1;
            let id = waiting.next;
            waiting.answers.insert(id, waiter);
            id
        };
        self.calls.send(Call { id, request }).await.map_err(|_| ClientError::Lost)
    }
}

fn lock(waiting: &Mutex<Waiting>) -> std::sync::MutexGuard<'_, Waiting> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn read_answers(stream: &UnixStream, waiting: &Mutex<Waiting>) -> FrameError {
    let mut reader = FrameReader::default();
    loop {
        let reply: Reply = match reader.next(stream).await {
            Ok(reply) => reply,
            Err(error) => return error,
        };
        let descriptor = match reply.answer {
            Ok(Answer::Descriptor) => match reader.take_descriptor() {
                Ok(descriptor) => Some(descriptor),
                Err(error) => return error,
            },
            _ => None,
        };
        deliver(waiting, reply, descriptor).await;
    }
}

async fn deliver(waiting: &Mutex<Waiting>, reply: Reply, descriptor: Option<OwnedFd>) {
    let Reply { id, answer } = reply;
    let stream = match lock(waiting).answers.get(&id) {
        Some(Waiter::Stream(send)) => Some(send.clone()),
        _ => None,
    };
    let Some(stream) = stream else {
        if let Some(Waiter::Once(send)) = lock(waiting).answers.remove(&id) {
            let _ = send.send((answer, descriptor));
        }
        return;
    };
    let item = match answer {
        Ok(Answer::Observed(observed)) => Ok(*observed),
        Ok(Answer::Overrun) => Err(ClientError::Lost),
        Ok(_) => Err(ClientError::Unexpected),
        Err(error) => Err(ClientError::Refused(error)),
    };
    let last = item.is_err();
    if stream.send(item).await.is_err() || last {
        lock(waiting).answers.remove(&id);
    }
}
