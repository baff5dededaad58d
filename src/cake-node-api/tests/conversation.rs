//! Client and server over a real Unix socket.

use async_trait::async_trait;
use cake_node_api::{
    API_VERSION, ClientError, Hello, HostVerb, NodeClient, NodeError, NodeService, Observed, ObservedStream, ServerLog,
    StreamKind, StreamTicket, Verb, VolumeOrder, VolumePlace, serve,
};
use cake_types::{
    Accelerator, BmcProblem, ByteSize, Column, ConsoleTrouble, Counters, Device, DeviceId, DiskHealth, DiskSilence,
    Energy, Epoch, Export, ExportId, HostCounters, HostSpec, ImageId, Import, NodeCapacity, NodeId, NodeStatus,
    OperationId, OsRng, Part, PoolId, PoolSpec, PublicKey, ScanRange, Sealed, SecretKey, SensorCurve, SensorHistory,
    SensorUnit, Server, ServerAnswer, ServerAsk, ServerBus, ServerDisk, ServerEnergy, ServerId, ServerVerb, Span,
    Stamp, UpdateOrder, UplinkSpec, UpsSpec, UsageHistory, UsageOf, VM_MEASURES, Vm, VmId, seal,
};
use futures_util::StreamExt;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream as StdStream;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::UnixListener;

/// A node with nothing on it but an echo behind every ticket.
fn disk() -> ServerDisk {
    let health = DiskHealth::silent(DiskSilence::Asleep);
    let (name, size, bus) = ("sda".into(), ByteSize(512), ServerBus::Ata);
    ServerDisk { name, model: None, serial: None, size, bus, rotational: true, removable: false, health }
}

struct EchoNode {
    node: NodeId,
    key: SecretKey,
    highest: Mutex<Epoch>,
}

impl EchoNode {
    fn status(&self, epoch: Epoch) -> NodeStatus {
        NodeStatus {
            host_name: "echo".into(),
            version: "0".into(),
            epoch,
            accelerator: Accelerator::Kvm,
            qemu: "none".into(),
            launcher: "detached".into(),
            capacity: NodeCapacity { cpus: 1, memory: ByteSize::gib(1), memory_available: ByteSize::gib(1) },
            started_at: jiff::Timestamp::UNIX_EPOCH,
            bridges: Vec::new(),
            ups: None,
            host: None,
        }
    }
}

#[async_trait]
impl NodeService for EchoNode {
    async fn hello(&self, epoch: Option<Epoch>) -> Result<Hello, NodeError> {
        let mut highest = self.highest.lock().unwrap();
        let before = *highest;
        match epoch {
            Some(epoch) if epoch < before => return Err(NodeError::StaleEpoch { highest: before }),
            Some(epoch) => *highest = epoch,
            None => {}
        }
        Ok(Hello {
            api: API_VERSION,
            node: self.node,
            key: self.key.public(),
            highest_epoch: before,
            status: self.status(*highest),
        })
    }
    async fn apply_vm(&self, _: Stamp, _: Vm) -> Result<(), NodeError> {
        Err(NodeError::NoHello)
    }
    async fn remove_vm(&self, _: VmId, _: Stamp, _: Vec<u32>) -> Result<(), NodeError> {
        Ok(())
    }
    async fn make_volume(&self, order: VolumeOrder) -> Result<ByteSize, NodeError> {
        Ok(order.size)
    }
    async fn remove_volume(&self, _: Epoch, _: VolumePlace) -> Result<(), NodeError> {
        Ok(())
    }
    async fn open_volume(&self, _: VolumePlace) -> Result<OwnedFd, NodeError> {
        Err(NodeError::Unknown)
    }
    async fn apply_pool(&self, _: PoolId, _: Stamp, _: PoolSpec) -> Result<(), NodeError> {
        Ok(())
    }
    async fn apply_import(&self, _: Stamp, _: Import) -> Result<(), NodeError> {
        Err(NodeError::NoSpace)
    }
    async fn remove_import(&self, _: ImageId, _: Stamp) -> Result<(), NodeError> {
        Ok(())
    }
    async fn apply_host(&self, _: Stamp, _: HostSpec) -> Result<(), NodeError> {
        Ok(())
    }

    async fn operate_host(&self, _: Epoch, _: OperationId, _: HostVerb) -> Result<(), NodeError> {
        Ok(())
    }

    async fn try_uplink(&self, _: Epoch, _: OperationId, _: UplinkSpec, _: u32) -> Result<(), NodeError> {
        Ok(())
    }

    async fn settle_uplink(&self, _: Epoch, _: OperationId, _: bool) -> Result<(), NodeError> {
        Ok(())
    }

    async fn update(&self, _: Epoch, _: OperationId, _: UpdateOrder) -> Result<(), NodeError> {
        Ok(())
    }

    async fn stop_update(&self, _: OperationId) -> Result<(), NodeError> {
        Ok(())
    }

    async fn apply_ups(&self, _: Stamp, _: Option<UpsSpec>) -> Result<(), NodeError> {
        Ok(())
    }

    async fn remove_image(&self, _: ImageId, _: Stamp) -> Result<(), NodeError> {
        Ok(())
    }
    async fn look_at_import(&self, _: ImageId) -> Result<(), NodeError> {
        Ok(())
    }
    async fn open_import(&self, _: ImageId) -> Result<OwnedFd, NodeError> {
        Err(NodeError::Unknown)
    }
    async fn open_image(&self, _: ImageId) -> Result<OwnedFd, NodeError> {
        Err(NodeError::Unknown)
    }
    async fn apply_export(&self, _: Stamp, _: Export) -> Result<(), NodeError> {
        Err(NodeError::Unknown)
    }

    async fn apply_server(&self, _: Stamp, _: Server) -> Result<(), NodeError> {
        Ok(())
    }

    async fn remove_server(&self, _: ServerId, _: Stamp) -> Result<(), NodeError> {
        Err(NodeError::Unknown)
    }

    async fn apply_device(&self, _: Stamp, _: Device) -> Result<(), NodeError> {
        Ok(())
    }

    async fn remove_device(&self, _: DeviceId, _: Stamp) -> Result<(), NodeError> {
        Err(NodeError::Unknown)
    }

    async fn operate_server(&self, _: Epoch, _: OperationId, _: ServerId, _: ServerVerb) -> Result<(), NodeError> {
        Err(NodeError::Bmc { problem: BmcProblem::Another })
    }

    async fn server_log(&self, _: ServerId, _: Option<String>) -> Result<ServerLog, NodeError> {
        Ok(ServerLog { full: Some(12), ..ServerLog::default() })
    }

    async fn scan(&self, _: OperationId, _: ScanRange) -> Result<(), NodeError> {
        Ok(())
    }

    async fn stop_scan(&self, _: OperationId) -> Result<(), NodeError> {
        Ok(())
    }

    async fn new_password(&self, keys: Vec<PublicKey>) -> Result<Sealed<String>, NodeError> {
        Ok(seal(&"new".to_owned(), &keys, &mut OsRng).expect("a seal"))
    }

    async fn server_parts(&self, _: ServerId) -> Result<Vec<Part>, NodeError> {
        Ok(Vec::new())
    }

    async fn remove_export(&self, _: ExportId, _: Stamp) -> Result<(), NodeError> {
        Err(NodeError::Unknown)
    }

    async fn open_export(&self, _: ExportId) -> Result<OwnedFd, NodeError> {
        Err(NodeError::Unknown)
    }

    async fn operate(&self, _: OperationId, _: VmId, _: Verb) -> Result<(), NodeError> {
        Err(NodeError::Unknown)
    }
    async fn observe(&self) -> Result<ObservedStream, NodeError> {
        let snapshot =
            [Observed::SnapshotBegin, Observed::Node(Box::new(self.status(Epoch(1)))), Observed::SnapshotEnd];
        Ok(futures_util::stream::iter(snapshot).boxed())
    }
    async fn history(&self, of: UsageOf, span: Span, after: Option<i64>) -> Result<UsageHistory, NodeError> {
        let columns = of.measures().iter().map(|measure| Column {
            measure: *measure,
            mean: vec![None, Some(f32::MAX), Some(0.1)],
            most: Vec::new(),
        });
        Ok(UsageHistory { span, first: after.unwrap_or(-7), columns: columns.collect(), set_aside: None })
    }
    async fn sensor_history(
        &self,
        _: ServerId,
        sensor: Option<String>,
        span: Span,
        after: Option<i64>,
    ) -> Result<SensorHistory, NodeError> {
        let id = sensor.ok_or(NodeError::Unknown)?;
        let mean = vec![None, Some(f32::MAX), Some(0.1)];
        let known = vec![None, Some(1.0), Some(0.5)];
        let (name, unit, most) = ("Fan 1".into(), SensorUnit::Rpm, Vec::new());
        let curve = SensorCurve { id, name, unit, mean, least: Vec::new(), most, known };
        let first = after.unwrap_or(-7);
        Ok(SensorHistory { span, first, step: span.step(), curves: vec![curve], set_aside: None })
    }
    async fn energy(&self, periods: Vec<(i64, i64)>) -> Result<Vec<ServerEnergy>, NodeError> {
        let energy = |(from, to): (i64, i64)| Energy { joules: 1.5, known: (to - from) as f64 };
        let periods = periods.into_iter().map(energy).collect();
        Ok(vec![ServerEnergy { server: ServerId::now(), since_start: Energy::default(), periods }])
    }
    async fn read_disks(&self) -> Result<Vec<ServerDisk>, NodeError> {
        Ok(vec![disk()])
    }
    async fn counters(&self) -> Result<Counters, NodeError> {
        Ok(Counters { host: HostCounters::default(), vms: Vec::new() })
    }
    async fn support(&self) -> Result<OwnedFd, NodeError> {
        Err(NodeError::Unknown)
    }
    async fn ask_server(&self, _: ServerId, _: ServerAsk) -> Result<ServerAnswer, NodeError> {
        Ok(ServerAnswer::Done)
    }

    async fn server_ticket(&self, _: ServerId, take: bool) -> Result<StreamTicket, NodeError> {
        match take {
            true => Ok(StreamTicket("a server's".into())),
            false => Err(NodeError::Console { trouble: ConsoleTrouble::Held }),
        }
    }
    async fn ticket(&self, _: StreamKind, _: VmId) -> Result<StreamTicket, NodeError> {
        Ok(StreamTicket("good".into()))
    }
    async fn open(&self, ticket: StreamTicket) -> Result<OwnedFd, NodeError> {
        if ticket.0 != "good" {
            return Err(NodeError::BadTicket);
        }
        let (ours, theirs) = StdStream::pair().unwrap();
        std::thread::spawn(move || {
            let mut ours = ours;
            let mut bytes = [0; 64];
            while let Ok(read @ 1..) = ours.read(&mut bytes) {
                if ours.write_all(&bytes[..read]).is_err() {
                    return;
                }
            }
        });
        Ok(theirs.into())
    }
}

fn listener() -> (tempfile::TempDir, PathBuf, UnixListener) {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("node.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    (directory, socket, listener)
}

fn echo() -> Arc<EchoNode> {
    let key = SecretKey::generate(&mut OsRng);
    Arc::new(EchoNode { node: NodeId::now(), key, highest: Mutex::new(Epoch(0)) })
}

async fn start(allowed: Vec<u32>) -> (tempfile::TempDir, NodeClient) {
    let (directory, socket, listener) = listener();
    tokio::spawn(serve(listener, echo(), allowed));
    let client = NodeClient::connect(&socket).await.unwrap();
    (directory, client)
}

fn own_uid() -> u32 {
    nix::unistd::getuid().as_raw()
}

#[tokio::test]
async fn an_older_leader_is_refused() {
    let (_directory, client) = start(vec![own_uid()]).await;
    assert_eq!(client.hello(Some(Epoch(7))).await.unwrap().highest_epoch, Epoch(0));
    let refused = client.hello(Some(Epoch(6))).await.unwrap_err();
    assert!(matches!(refused, ClientError::Refused(NodeError::StaleEpoch { highest: Epoch(7) })));
}

#[tokio::test]
async fn an_observation_is_a_snapshot_and_says_when_it_ends() {
    let (_directory, client) = start(vec![own_uid()]).await;
    let mut observation = client.observe().await.unwrap();
    assert_eq!(observation.next().await.unwrap(), Observed::SnapshotBegin);
    assert!(matches!(observation.next().await.unwrap(), Observed::Node(_)));
    assert_eq!(observation.next().await.unwrap(), Observed::SnapshotEnd);
    assert!(matches!(observation.next().await, Err(ClientError::Lost)));
}

#[tokio::test]
async fn why_there_is_no_console_travels() {
    let (_directory, client) = start(vec![own_uid()]).await;
    let refused = client.server_ticket(ServerId::now(), false).await.unwrap_err();
    let held = NodeError::Console { trouble: ConsoleTrouble::Held };
    assert!(matches!(refused, ClientError::Refused(error) if error == held));
    assert_eq!(client.server_ticket(ServerId::now(), true).await.unwrap(), StreamTicket("a server's".into()));
}

#[tokio::test]
async fn a_ticket_is_traded_for_a_connected_descriptor() {
    let (_directory, client) = start(vec![own_uid()]).await;
    let refused = client.open(StreamTicket("forged".into())).await.unwrap_err();
    assert!(matches!(refused, ClientError::Refused(NodeError::BadTicket)));
    let ticket = client.ticket(StreamKind::Serial, VmId::now()).await.unwrap();
    let descriptor = client.open(ticket).await.unwrap();
    let answer = tokio::task::spawn_blocking(move || {
        let mut stream = StdStream::from(descriptor);
        stream.write_all(b"cake").unwrap();
        let mut bytes = [0; 4];
        stream.read_exact(&mut bytes).unwrap();
        bytes
    });
    assert_eq!(&answer.await.unwrap(), b"cake");
}

#[tokio::test]
async fn a_history_comes_as_it_is() {
    let (_directory, client) = start(vec![own_uid()]).await;
    let history = client.history(UsageOf::Vm(VmId::now()), Span::Day, Some(12)).await.unwrap();
    assert_eq!((history.first, history.span, history.columns.len()), (12, Span::Day, VM_MEASURES.len()));
    assert_eq!(history.columns[0].mean, [None, Some(f32::MAX), Some(0.1)]);
    let (server, watts) = (ServerId::now(), Some("watts".to_owned()));
    let history = client.sensor_history(server, watts, Span::Year, None).await.unwrap();
    assert_eq!((history.first, history.span, history.step), (-7, Span::Year, 14_400));
    assert_eq!(history.curves[0].known, [None, Some(1.0), Some(0.5)]);
    let nothing = client.sensor_history(server, None, Span::Hour, None).await;
    assert!(matches!(nothing, Err(ClientError::Refused(NodeError::Unknown))));
    let energy = client.energy(vec![(0, 60), (60, 90)]).await.unwrap();
    assert_eq!(energy[0].periods.iter().map(|energy| energy.known).collect::<Vec<_>>(), [60.0, 30.0]);
    assert_eq!(client.read_disks().await.unwrap(), [disk()]);
    assert_eq!(client.counters().await.unwrap().host, HostCounters::default());
}

#[tokio::test]
async fn many_calls_share_one_connection() {
    let (_directory, client) = start(vec![own_uid()]).await;
    let calls = (0..200).map(|_| {
        let client = client.clone();
        tokio::spawn(async move { client.hello(None).await.unwrap() })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap();
    }
}

#[tokio::test]
async fn a_caller_of_another_user_is_turned_away() {
    let (_directory, client) = start(vec![own_uid() + 1]).await;
    assert!(client.hello(None).await.is_err());
    client.closed().await;
}

/// Each test is a process of its own: what it may open is nobody else's.
#[tokio::test]
async fn without_a_free_descriptor_callers_wait() {
    let (_directory, path, listener) = listener();
    let mut serving = tokio::spawn(serve(listener, echo(), vec![own_uid()]));
    let waiting = StdStream::connect(&path).unwrap();
    let (few, many) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    let next = waiting.try_clone().unwrap().as_raw_fd();
    setrlimit(Resource::RLIMIT_NOFILE, next as u64, many).unwrap();
    let ended = tokio::time::timeout(Duration::from_millis(200), &mut serving).await;
    setrlimit(Resource::RLIMIT_NOFILE, few, many).unwrap();
    assert!(ended.is_err(), "{ended:?}");
    NodeClient::connect(&path).await.unwrap().hello(None).await.unwrap();
}
