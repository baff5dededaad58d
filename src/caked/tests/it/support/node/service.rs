//! What a node is asked, answered by the model.

use super::{EXPORT, Receiving, SimNode, image, pool_status};
use async_trait::async_trait;
use cake_node_api::install::{InstallAnswer, InstallAsk};
use cake_node_api::staged::Staged;
use cake_node_api::{
    ExportRecord, Hello, HostVerb, ImportRecord, NodeError, NodeService, Observed, ObservedStream, RemovedRecord,
    ServerLog, StreamKind, StreamTicket, Verb, VolumeOrder, VolumePlace,
};
use cake_types::{
    ByteSize, Column, Counters, CpuTimes, Device, DeviceId, DiskCounters, Epoch, Export, ExportId, ExportStage,
    ExportStatus, Failure, FailureCode, Firmware, HostCounters, HostSpec, HostStatus, ImageFormat, ImageId, Import,
    ImportStage, ImportStatus, InterfaceCounters, IoCounters, Leaving, LeavingStage, Measure, MemoryNow, NodeId,
    OperationId, OsRng, Part, PoolId, PoolSpec, PressureTimes, PublicKey, ScanEnd, ScanRange, Sealed, SensorHistory,
    Server, ServerAnswer, ServerAsk, ServerDisk, ServerEnergy, ServerId, ServerVerb, Sourced, Span, Stamp, UpdateEnd,
    UpdateOrder, UpdateStage, UpdateWork, UplinkEnd, UplinkEnded, UplinkSource, UplinkSpec, UplinkTrial, UpsSpec,
    UsageHistory, UsageOf, Vm, VmCounters, VmId, seal,
};
use futures_util::StreamExt;
use jiff::Timestamp;
use std::io::Write;
use std::os::fd::OwnedFd;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

#[async_trait]
impl NodeService for SimNode {
    async fn hello(&self, epoch: Option<Epoch>) -> Result<Hello, NodeError> {
        let highest = self.with(|state| {
            let before = state.highest;
            if let Some(epoch) = epoch {
                if epoch < before {
                    return Err(NodeError::StaleEpoch { highest: before });
                }
                state.highest = epoch;
            }
            Ok(before)
        })?;
        Ok(Hello {
            api: 1,
            node: NodeId(uuid::Uuid::from_u128(7)),
            key: self.key.public(),
            highest_epoch: highest,
            status: self.node_status(highest),
        })
    }

    async fn apply_vm(&self, stamp: Stamp, vm: Vm) -> Result<(), NodeError> {
        self.accept(stamp, vm)
    }

    async fn make_volume(&self, order: VolumeOrder) -> Result<ByteSize, NodeError> {
        self.with(|state| {
            let VolumeOrder { place, size, made, .. } = order;
            let there = state.volumes.get(&place.file).copied();
            let own = state.vms.values().any(|record| record.vm.disk_files().any(|file| file == place.file));
            if state.no_volumes || own {
                return Err(NodeError::Invalid { detail: "refused by the test".into() });
            }
            if there.is_none() && made && place.file.1 == 0 {
                return Err(NodeError::Invalid { detail: "it is gone".into() });
            }
            let size = there.map_or(size, |is| is.max(size));
            state.volumes.insert(place.file, size);
            Ok(size)
        })
    }

    async fn remove_volume(&self, _: Epoch, place: VolumePlace) -> Result<(), NodeError> {
        self.with(|state| {
            let own = state.vms.values().any(|record| record.vm.disk_files().any(|file| file == place.file));
            if own {
                return Err(NodeError::Invalid { detail: "a VM has it".into() });
            }
            state.volumes.remove(&place.file);
            Ok(())
        })
    }

    async fn apply_server(&self, stamp: Stamp, server: Server) -> Result<(), NodeError> {
        self.watch_server(stamp, server);
        Ok(())
    }

    async fn remove_server(&self, id: ServerId, _stamp: Stamp) -> Result<(), NodeError> {
        self.forget_server(id);
        Ok(())
    }

    async fn apply_device(&self, stamp: Stamp, device: Device) -> Result<(), NodeError> {
        self.watch_device(stamp, device);
        Ok(())
    }

    async fn remove_device(&self, id: DeviceId, _stamp: Stamp) -> Result<(), NodeError> {
        self.forget_device(id);
        Ok(())
    }

    async fn operate_server(
        &self,
        _epoch: Epoch,
        operation: OperationId,
        server: ServerId,
        order: ServerVerb,
    ) -> Result<(), NodeError> {
        self.order_server(operation, server, order)
    }

    async fn server_log(&self, id: ServerId, after: Option<String>) -> Result<ServerLog, NodeError> {
        self.log_of_server(id, after.as_deref())
    }

    async fn scan(&self, operation: OperationId, range: ScanRange) -> Result<(), NodeError> {
        self.begin_scan(operation, range)
    }

    async fn stop_scan(&self, operation: OperationId) -> Result<(), NodeError> {
        self.scan_goes(operation, |scan| scan.end = Some(ScanEnd::Cancelled));
        Ok(())
    }

    async fn new_password(&self, keys: Vec<PublicKey>) -> Result<Sealed<String>, NodeError> {
        let made = self.with(|state| {
            state.bmcs.made += 1;
            format!("made-{}", state.bmcs.made)
        });
        Ok(seal(&made, &keys, &mut OsRng).unwrap())
    }

    async fn server_parts(&self, id: ServerId) -> Result<Vec<Part>, NodeError> {
        self.parts_of_server(id)
    }

    async fn open_volume(&self, place: VolumePlace) -> Result<OwnedFd, NodeError> {
        let mut file = tempfile::tempfile().unwrap();
        write!(file, "the bytes of {}", place.file).unwrap();
        Ok(file.into())
    }

    async fn remove_vm(&self, id: VmId, stamp: Stamp, kept: Vec<u32>) -> Result<(), NodeError> {
        self.with(|state| state.kept.push(kept));
        let record = RemovedRecord { id, stamp, at: Timestamp::now() };
        self.with(|state| {
            state.vms.remove(&id).ok_or(NodeError::Unknown)?;
            state.removed.insert(id, record);
            Ok::<_, NodeError>(())
        })?;
        self.tell(Observed::VmRemoved(record));
        Ok(())
    }

    async fn apply_pool(&self, id: PoolId, _: Stamp, spec: PoolSpec) -> Result<(), NodeError> {
        if spec.path.as_deref().is_some_and(|path| path.starts_with("/missing")) {
            return Err(NodeError::Invalid { detail: "no such directory".into() });
        }
        self.with(|state| state.pools.insert(id, spec));
        let percent = self.with(|state| state.pool_used);
        self.tell(Observed::Pool { id, status: pool_status(percent) });
        Ok(())
    }

    async fn apply_import(&self, stamp: Stamp, import: Import) -> Result<(), NodeError> {
        let id = import.meta.id;
        let total = import.spec.size;
        let status =
            ImportStatus { observed: stamp, stage: ImportStage::Receiving, done: ByteSize(0), total, failure: None };
        let file = tempfile::tempfile().unwrap();
        Staged::new(file.try_clone().unwrap(), total.bytes()).prepare().unwrap();
        let told = self.with(|state| {
            let held = state.imports.entry(id).or_insert(Receiving { import, status, file });
            held.status.observed = stamp;
            ImportRecord { id, status: held.status.clone() }
        });
        self.tell(Observed::Import(Box::new(told)));
        Ok(())
    }

    async fn remove_import(&self, id: ImageId, _: Stamp) -> Result<(), NodeError> {
        self.with(|state| state.imports.remove(&id));
        self.tell(Observed::ImportGone { id });
        Ok(())
    }

    async fn apply_host(&self, _: Stamp, spec: HostSpec) -> Result<(), NodeError> {
        self.with(|state| state.host_asked = Some(spec));
        Ok(())
    }

    /// An order to go off stays under way until the test says how it ends.
    async fn operate_host(&self, _: Epoch, operation: OperationId, verb: HostVerb) -> Result<(), NodeError> {
        let (known, host) = self.with(|state| {
            let known = state.host_verbs.contains(&(operation, verb));
            if !known {
                state.host_verbs.push((operation, verb));
            }
            (known, state.host.clone())
        });
        match verb {
            _ if known => Ok(()),
            HostVerb::Leave { way, .. } => {
                let leaving = Leaving { operation, way, stage: LeavingStage::Guests, guests: 2, left: 1 };
                self.host_is(HostStatus { leaving: Some(leaving), ..host });
                Ok(())
            }
            HostVerb::Stay if host.leaving.as_ref().is_some_and(|leaving| leaving.stage == LeavingStage::Host) => {
                Err(NodeError::Invalid { detail: "the server is going off already".into() })
            }
            HostVerb::Stay => {
                let leaving = host.leaving.map(|leaving| Leaving { stage: LeavingStage::Back, ..leaving });
                self.host_is(HostStatus { leaving, ..host });
                Ok(())
            }
            HostVerb::SetClock { .. } => Ok(()),
        }
    }

    /// A trial stays under way until the test says how it ends; its address is there at once.
    async fn try_uplink(
        &self,
        _: Epoch,
        operation: OperationId,
        spec: UplinkSpec,
        seconds: u32,
    ) -> Result<(), NodeError> {
        let host = self.with(|state| state.host.clone());
        let mut uplink = *host.uplink.clone().unwrap_or_default();
        if uplink.trial.as_ref().is_some_and(|trial| trial.operation == operation) {
            return Ok(());
        }
        let before = uplink.addresses.iter().map(|own| own.value.address).collect();
        let until = Timestamp::now() + std::time::Duration::from_secs(seconds.into());
        let source = UplinkSource::Static;
        uplink.addresses.extend(spec.addresses.iter().map(|value| Sourced { value: *value, source }));
        uplink.trial = Some(UplinkTrial { operation, spec, seconds, applied: true, until, before });
        self.host_is(HostStatus { uplink: Some(Box::new(uplink)), ..host });
        Ok(())
    }

    async fn settle_uplink(&self, _: Epoch, operation: OperationId, keep: bool) -> Result<(), NodeError> {
        let host = self.with(|state| state.host.clone());
        let mut uplink = *host.uplink.clone().unwrap_or_default();
        let Some(trial) = uplink.trial.take_if(|trial| trial.operation == operation) else {
            return Err(NodeError::Unknown);
        };
        let end = if keep { UplinkEnd::Confirmed } else { UplinkEnd::Cancelled };
        match keep {
            true => (uplink.spec, uplink.generation) = (trial.spec, uplink.generation + 1),
            false => uplink.addresses.retain(|own| trial.before.contains(&own.value.address)),
        }
        uplink.ended = Some(UplinkEnded { operation, end, at: Timestamp::now() });
        self.host_is(HostStatus { uplink: Some(Box::new(uplink)), ..host });
        Ok(())
    }

    /// An order about the firmware is at work until the test says how it ends.
    async fn update(&self, _: Epoch, operation: OperationId, order: UpdateOrder) -> Result<(), NodeError> {
        let (known, mut host) = self.with(|state| {
            let known = state.updates.iter().any(|(known, _)| *known == operation);
            if !known {
                state.updates.push((operation, order));
            }
            (known, state.host.clone())
        });
        if let Some(update) = host.update.as_mut().filter(|_| !known) {
            let (done, total, fetched) = (ByteSize(0), ByteSize(0), ByteSize(0));
            update.work = Some(UpdateWork { operation, stage: UpdateStage::Checking, done, total, fetched });
            self.host_is(host);
        }
        Ok(())
    }

    async fn stop_update(&self, operation: OperationId) -> Result<(), NodeError> {
        self.update_ends(operation, UpdateEnd::Cancelled, None);
        Ok(())
    }

    async fn apply_ups(&self, _: Stamp, spec: Option<UpsSpec>) -> Result<(), NodeError> {
        self.with(|state| state.ups = spec);
        Ok(())
    }

    async fn remove_image(&self, id: ImageId, _: Stamp) -> Result<(), NodeError> {
        self.with(|state| state.images.retain(|image| image.id != id));
        self.tell(Observed::ImageGone { id });
        Ok(())
    }

    /// What is whole is an image, unless it begins with `bad`.
    async fn look_at_import(&self, id: ImageId) -> Result<(), NodeError> {
        let news = self.with(|state| {
            let held = state.imports.get_mut(&id).ok_or(NodeError::Unknown)?;
            let size = held.import.spec.size;
            let staged = Staged::new(held.file.try_clone().unwrap(), size.bytes());
            if !staged.received().unwrap().iter().all(|here| *here) {
                return Ok(Vec::new());
            }
            let mut begin = [0; 3];
            std::os::unix::fs::FileExt::read_exact_at(&held.file, &mut begin, 0).unwrap();
            let mut news = Vec::new();
            if &begin == b"bad" {
                let failure = Failure { code: FailureCode::ImageUnknown, detail: "a test".into() };
                (held.status.stage, held.status.failure) = (ImportStage::Failed, Some(failure));
            } else {
                held.status.stage = ImportStage::Done;
                state.brought.insert(id, held.file.try_clone().unwrap());
                let name = held.import.meta.name.as_str();
                let mut made = image(0, name, ImageFormat::Raw, &[Firmware::Bios], size.bytes());
                (made.id, made.spec.built_in) = (id, false);
                state.images.push(made.clone());
                news.push(Observed::Image(Box::new(made)));
            }
            let status = state.imports[&id].status.clone();
            news.push(Observed::Import(Box::new(ImportRecord { id, status })));
            Ok::<_, NodeError>(news)
        })?;
        news.into_iter().for_each(|observed| self.tell(observed));
        Ok(())
    }

    async fn open_import(&self, id: ImageId) -> Result<OwnedFd, NodeError> {
        let file = self.with(|state| state.imports.get(&id).map(|held| held.file.try_clone().unwrap()));
        file.map(OwnedFd::from).ok_or(NodeError::Unknown)
    }

    async fn open_image(&self, _: ImageId) -> Result<OwnedFd, NodeError> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"the bytes of an image").unwrap();
        Ok(file.into())
    }

    /// Made at once, unless they are to be slow.
    async fn apply_export(&self, stamp: Stamp, export: Export) -> Result<(), NodeError> {
        let id = export.meta.id;
        let status = self.with(|state| {
            let slow = state.slow_exports;
            let fresh = ExportStatus {
                observed: stamp,
                stage: if slow { ExportStage::Converting } else { ExportStage::Done },
                done: ByteSize(u64::from(slow)),
                total: ByteSize(if slow { 4 } else { 0 }),
                size: ByteSize(if slow { 0 } else { EXPORT.len() as u64 }),
                failure: None,
            };
            let held = state.exports.entry(id).or_insert((export, fresh));
            held.1.observed = stamp;
            held.1.clone()
        });
        self.tell(Observed::Export(Box::new(ExportRecord { id, status })));
        Ok(())
    }

    async fn remove_export(&self, id: ExportId, _: Stamp) -> Result<(), NodeError> {
        self.with(|state| state.exports.remove(&id));
        self.tell(Observed::ExportGone { id });
        Ok(())
    }

    async fn open_export(&self, id: ExportId) -> Result<OwnedFd, NodeError> {
        self.with(|state| state.exports.contains_key(&id).then_some(()).ok_or(NodeError::Unknown))?;
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(EXPORT).unwrap();
        Ok(file.into())
    }

    async fn operate(&self, operation: OperationId, vm: VmId, verb: Verb) -> Result<(), NodeError> {
        self.press(operation, vm, verb)
    }

    async fn observe(&self) -> Result<ObservedStream, NodeError> {
        let live = self.changes.subscribe();
        let mut first = vec![Observed::SnapshotBegin];
        self.with(|state| {
            first.extend(state.disks.clone().map(|disks| Observed::Disks { disks }));
            first.extend(state.sticks.clone().map(|sticks| Observed::Sticks { sticks }));
            first.extend(state.images.iter().cloned().map(|image| Observed::Image(Box::new(image))));
            let record = |(id, held): (&ImageId, &Receiving)| ImportRecord { id: *id, status: held.status.clone() };
            first.extend(state.imports.iter().map(record).map(|import| Observed::Import(Box::new(import))));
            let export = |(id, (_, status)): (&ExportId, &(Export, ExportStatus))| ExportRecord {
                id: *id,
                status: status.clone(),
            };
            first.extend(state.exports.iter().map(export).map(|export| Observed::Export(Box::new(export))));
            let pool = |id: &PoolId| Observed::Pool { id: *id, status: pool_status(state.pool_used) };
            first.extend(state.pools.keys().map(pool));
            first.extend(state.vms.values().map(|record| Observed::Vm(Box::new(record.clone()))));
            first.extend(state.removed.values().map(|record| Observed::VmRemoved(*record)));
            first.extend(state.outcomes.iter().cloned().map(Observed::Operation));
        });
        first.extend(self.servers_told());
        first.extend(self.devices_told());
        first.push(Observed::SnapshotEnd);
        let live = futures_util::stream::unfold(live, |mut live| async move {
            live.recv().await.ok().map(|observed| (observed, live))
        });
        Ok(futures_util::stream::iter(first).chain(live).boxed())
    }

    /// A server that has read a counter twice; its VMs have counted the same.
    async fn history(&self, of: UsageOf, span: Span, after: Option<i64>) -> Result<UsageHistory, NodeError> {
        if let UsageOf::Vm(vm) = of {
            self.with(|state| state.vms.contains_key(&vm).then_some(()).ok_or(NodeError::Unknown))?;
        }
        let first = after.map_or(1_790_000_000, |after| after + i64::from(span.step()));
        let column = |measure: &Measure| {
            let private = matches!(of, UsageOf::Vm(_)) && measure.as_str().starts_with("network_");
            let mean = if private { vec![None, None] } else { vec![None, Some(1.5)] };
            let most = if span.has_most() { mean.clone() } else { Vec::new() };
            Column { measure: *measure, mean, most }
        };
        let columns = of.measures().iter().map(column).collect();
        Ok(UsageHistory { span, first, columns, set_aside: None })
    }

    async fn sensor_history(
        &self,
        id: ServerId,
        sensor: Option<String>,
        span: Span,
        after: Option<i64>,
    ) -> Result<SensorHistory, NodeError> {
        self.history_of_server(id, sensor.as_deref(), span, after)
    }

    async fn energy(&self, periods: Vec<(i64, i64)>) -> Result<Vec<ServerEnergy>, NodeError> {
        Ok(self.energy_of_servers(&periods))
    }

    async fn install(&self, ask: InstallAsk) -> Result<InstallAnswer, NodeError> {
        self.install_asked(ask)
    }

    async fn support(&self) -> Result<OwnedFd, NodeError> {
        let said = self.with(|node| node.said.clone());
        let mut archive = tar::Builder::new(tempfile::tempfile().unwrap());
        for (name, text) in &said {
            let mut head = tar::Header::new_ustar();
            head.set_size(text.len() as u64);
            archive.append_data(&mut head, name, text.as_bytes()).unwrap();
        }
        let mut file = archive.into_inner().unwrap();
        std::io::Seek::rewind(&mut file).unwrap();
        Ok(file.into())
    }

    async fn read_disks(&self) -> Result<Vec<ServerDisk>, NodeError> {
        let disks = self.with(|state| state.disks.get_or_insert_default().clone());
        self.tell(Observed::Disks { disks: disks.clone() });
        Ok(disks)
    }

    async fn counters(&self) -> Result<Counters, NodeError> {
        let memory = MemoryNow { total: ByteSize::gib(8), available: ByteSize::gib(6), ..MemoryNow::default() };
        let io = IoCounters { read: ByteSize(4096), written: ByteSize(0), reads: 1, writes: 0 };
        let host = HostCounters {
            cpu: CpuTimes { user: 1500, ..CpuTimes::default() },
            memory,
            disks: vec![DiskCounters { name: "vda".into(), io, busy: 20 }],
            interfaces: vec![InterfaceCounters { name: "eth0".into(), ..InterfaceCounters::default() }],
            pressure: Some(PressureTimes { io_some: 7, ..PressureTimes::default() }),
        };
        let alive = self.with(|state| {
            let alive = state.vms.iter().filter(|(_, record)| record.status.state.is_alive());
            alive.map(|(id, _)| *id).collect::<Vec<_>>()
        });
        let counters = VmCounters { cpu_ns: 2_000_000_007, memory: ByteSize(99), disks: Some(io), network: None };
        Ok(Counters { host, vms: alive.into_iter().map(|id| (id, counters)).collect() })
    }

    async fn ask_server(&self, server: ServerId, what: ServerAsk) -> Result<ServerAnswer, NodeError> {
        self.answer_redfish(server, what)
    }

    async fn server_ticket(&self, server: ServerId, take: bool) -> Result<StreamTicket, NodeError> {
        self.server_console_ticket(server, take)
    }

    async fn ticket(&self, kind: StreamKind, _: VmId) -> Result<StreamTicket, NodeError> {
        let ticket = uuid::Uuid::new_v4().to_string();
        self.with(|state| state.tickets.insert(ticket.clone(), kind));
        Ok(StreamTicket(ticket))
    }

    /// A serial console that says `boot` and then what it is told; a screen that only says what it is told; a picture of two
    /// pixels.
    async fn open(&self, ticket: StreamTicket) -> Result<OwnedFd, NodeError> {
        if let Some(console) = self.open_server_console(&ticket) {
            return console;
        }
        let kind = self.with(|state| state.tickets.remove(&ticket.0)).ok_or(NodeError::BadTicket)?;
        if kind == StreamKind::Picture {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(b"P6\n2 1\n255\n\x01\x02\x03\x04\x05\x06").unwrap();
            return Ok(file.into());
        }
        let (ours, theirs) = UnixStream::pair().unwrap();
        let flood = self.with(|state| state.flood);
        tokio::spawn(async move {
            let mut ours = ours;
            if kind == StreamKind::Serial {
                let _ = ours.write_all(b"boot\n").await;
            } else {
                let _ = tokio::io::copy(&mut tokio::io::repeat(0x5a).take(flood), &mut ours).await;
            }
            let mut buffer = [0; 4096];
            while let Ok(read @ 1..) = ours.read(&mut buffer).await {
                if ours.write_all(&buffer[..read]).await.is_err() {
                    return;
                }
            }
        });
        Ok(theirs.into_std().unwrap().into())
    }
}
