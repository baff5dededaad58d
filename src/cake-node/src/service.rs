//! The node API, answered.

use crate::admit;
use crate::board::Board;
use crate::database::{Applied, Database, Departure, PendingOperation, Tombstone, VmRow};
use crate::exports::Exports;
use crate::house::House;
use crate::imports::Imports;
use crate::installer::Installer;
use crate::sensors;
use crate::server_disks::ServerDisks;
use crate::servers::{Servers, password};
use crate::support;
use crate::tickets::{Stream, Tickets};
use crate::updates::Updates;
use async_trait::async_trait;
use cake_host::identity::boot_id;
use cake_host::power;
use cake_host::system_settings::{self, SettingsError};
use cake_node_api::install::{InstallAnswer, InstallAsk};
use cake_node_api::{
    API_VERSION, Hello, HostVerb, NodeError, NodeService, Observed, ObservedStream, ServerLog, StreamKind,
    StreamTicket, Verb, VmRecord, VolumeOrder, VolumePlace,
};
use cake_types::{
    ByteSize, Counters, Device, DeviceId, Epoch, ExitReason, Export, ExportId, HaltedBy, HandsOff, HostSpec, ImageId,
    Import, LeavingStage, LeavingWay, NodeId, OperationId, Part, PoolId, PoolSpec, Power, PublicKey, ScanRange, Sealed,
    SensorHistory, Server, ServerAnswer, ServerAsk, ServerDisk, ServerEnergy, ServerId, ServerVerb, Span, Stamp,
    UpdateOrder, UplinkSpec, UpsSpec, UsageHistory, UsageOf, Vm, VmId, VmState, VmStatus,
};
use cake_vm::machine::Outcome;
use cake_vm::request::{Denied, Edge, Operation};
use cake_vm::screen::ScreenError;
use cake_vm::{Assignment, Engine, Surroundings};
use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{mpsc, watch};

/// VMs read from the database at a time for a snapshot.
const PAGE: u32 = 64;
/// Observations between the node and one watcher's connection.
const AHEAD: usize = 64;
/// Times that may be asked about at once.
const PERIODS: usize = 16;

pub struct Node {
    pub id: NodeId,
    pub house: Arc<House>,
    pub engine: Engine,
    pub imports: Arc<Imports>,
    pub exports: Arc<Exports>,
    pub tickets: Mutex<Tickets>,
    /// Why the machine's own settings and its power are left alone.
    pub hands_off: Option<HandsOff>,
    /// Its settings are brought to what is asked, one change after the other.
    pub settling: tokio::sync::Mutex<()>,
    /// There may be an order to go off, or to stay.
    pub orders: watch::Sender<()>,
    pub disks: Arc<ServerDisks>,
    pub installer: Installer,
    pub servers: Arc<Servers>,
    /// The machine's own network may be another one than before.
    pub networks: watch::Sender<()>,
    /// None where the firmware is not cake's.
    pub updates: Option<Arc<Updates>>,
    /// The power supply that is watched.
    pub ups: watch::Sender<Option<UpsSpec>>,
}

impl Node {
    fn database(&self) -> &Database {
        &self.house.database
    }

    fn board(&self) -> &Board {
        &self.house.board
    }

    /// Takes up everything that is written down: adopts what lives, starts what should run, goes on with what was begun.
    pub async fn resume(self: &Arc<Self>) -> Result<(), NodeError> {
        for pool in self.database().pools().await? {
            let id = pool.id;
            if let Err(error) = self.house.open_pool(pool).await {
                tracing::error!(pool = %id, error = crate::chain(&error), "pool {id}: {error}; it is tried again");
            }
        }
        self.house.note_image_folders().await;
        crate::ups::after_boot(self).await?;
        crate::leaving::after_boot(self).await?;
        self.ups.send_replace(self.database().ups().await?);
        let mut after = None;
        loop {
            let rows = self.database().vms_after(after, PAGE).await?;
            let Some(last) = rows.last() else { break };
            after = Some(last.vm.meta.id);
            for row in rows {
                self.resume_vm(row).await;
            }
        }
        self.imports.resume().await?;
        self.exports.resume().await?;
        self.servers.resume().await?;
        for pending in self.database().pending_operations().await? {
            tokio::spawn(go_on_with(self.clone(), pending));
        }
        Ok(())
    }

    fn issue(&self, of: Stream) -> Result<StreamTicket, NodeError> {
        let mut random = [0; 32];
        getrandom::fill(&mut random).map_err(|error| NodeError::Internal { detail: error.to_string() })?;
        let mut tickets = self.tickets.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(tickets.issue(of, &random, Instant::now()))
    }

    async fn set_clock(&self, epoch: Epoch, operation: OperationId, at: Timestamp) -> Result<(), NodeError> {
        if self.database().set_clock_once(epoch, operation).await? {
            let refused = |error: SettingsError| NodeError::Invalid { detail: crate::chain(&error) };
            system_settings::set_clock(at.as_microsecond()).await.map_err(refused)?;
            crate::host::look(self);
        }
        Ok(())
    }

    fn screen_error(&self, vm: VmId, error: &ScreenError) -> NodeError {
        let state = self.board().vm(vm).map(|status| status.state);
        match (error, state) {
            (ScreenError::NoScreen, _) => NodeError::NoScreen,
            (ScreenError::NotRunning, Some(state)) => NodeError::Illegal { state },
            (ScreenError::NotRunning, None) => NodeError::Unknown,
            (ScreenError::Qmp(_) | ScreenError::Io(_), _) => NodeError::Internal { detail: crate::chain(error) },
        }
    }

    /// Tries pools again that could not be opened: a file system that was mounted late, a directory that came back.
    pub async fn reopen_pools(&self) {
        for pool in self.house.closed_pools() {
            let id = pool.id;
            if self.house.open_pool(pool).await.is_ok() {
                tracing::info!(pool = %id, "pool {id} is here now");
                self.house.refresh_images().await;
                if let Err(error) = self.take_up_vms(id).await {
                    tracing::error!(pool = %id, %error, "the VMs of pool {id} were not taken up: {error}");
                }
            }
        }
    }

    /// VMs with a disk in a pool that has just come and that could not be made without it.
    async fn take_up_vms(&self, pool: PoolId) -> Result<(), NodeError> {
        let mut after = None;
        loop {
            let rows = self.database().vms_after(after, PAGE).await?;
            let Some(last) = rows.last() else { return Ok(()) };
            after = Some(last.vm.meta.id);
            for row in rows.into_iter().filter(|row| row.vm.spec.disks.iter().any(|disk| disk.pool == pool)) {
                let state = self.board().vm(row.vm.meta.id).map(|status| status.state);
                if matches!(state, Some(VmState::Failed | VmState::Pending | VmState::Provisioning)) {
                    self.engine.assign(Arc::new(assignment(row))).await;
                }
            }
        }
    }

    async fn go_on(&self, pending: &PendingOperation) {
        match self.begin(pending.id, pending.vm, pending.verb).await {
            Ok(true) => {}
            _ => self.superseded(pending).await,
        }
    }

    /// Whether a VM is wanted running, and not paused by somebody.
    async fn is_to_run(&self, vm: VmId) -> bool {
        let row = self.database().vm(vm).await;
        row.is_ok_and(|row| row.is_some_and(|row| row.vm.spec.power == Power::Running && !row.removing))
    }

    async fn superseded(&self, pending: &PendingOperation) {
        self.house.finished(pending.vm, pending.id, Outcome::Superseded).await;
    }

    /// Hands an operation that is written down to the VM's task. `false`: it means nothing now.
    async fn begin(&self, id: OperationId, vm: VmId, verb: Verb) -> Result<bool, NodeError> {
        match (self.engine.operate(vm, operation(id, verb)).await, verb) {
            (Ok(()), _) => Ok(true),
            // A VM without a task has nothing that could be ended; it only must not start by itself.
            (Err(Denied::NotRunning), Verb::Halt { .. }) if self.stay_off(vm).await? => {
                self.house.finished(vm, id, Outcome::Done).await;
                Ok(true)
            }
            (Err(_), _) => Ok(false),
        }
    }

    async fn stay_off(&self, vm: VmId) -> Result<bool, NodeError> {
        let Some(row) = self.database().vm(vm).await?.filter(|row| !row.removing) else { return Ok(false) };
        if row.vm.spec.power != Power::Stopped && row.halted.is_none() {
            let halted = HaltedBy {
                reason: ExitReason::Killed,
                generation: row.stamp.generation,
                at: Timestamp::now(),
                by_host: true,
            };
            self.database().set_halted(vm, halted).await?;
            if let Some(status) = self.board().vm(vm) {
                self.board().set_vm(vm, VmStatus { halted_by: Some(halted), ..status });
            }
        }
        Ok(true)
    }

    async fn resume_vm(&self, row: VmRow) {
        let id = row.vm.meta.id;
        let holder = self.engine.folder(id).holder();
        let rests = row.halted.is_some() || row.vm.spec.power == Power::Stopped;
        let at_rest =
            rests && !row.removing && self.house.is_made(&row.vm) && matches!(holder, Ok(cake_vm::Holder::Nobody));
        self.board().place_vm(id, resting(&row, if at_rest { VmState::Stopped } else { VmState::Pending }));
        if !at_rest {
            self.engine.assign(Arc::new(assignment(row))).await;
        }
    }
}

/// An operation that was accepted before the node was started again.
async fn go_on_with(node: Arc<Node>, pending: PendingOperation) {
    if pending.begun && pending.verb == Verb::Reset {
        // It may have happened: a guest that is reset twice loses what it has done since.
        return node.superseded(&pending).await;
    }
    if let Verb::Halt { .. } = pending.verb {
        // Legal wherever the VM is now.
        return node.go_on(&pending).await;
    }
    let mut news = node.board().watch();
    loop {
        let state = node.board().vm(pending.vm).map(|status| status.state);
        let comes = matches!(state, Some(VmState::Pending | VmState::Provisioning | VmState::Starting));
        // One that was found between its two QEMUs stands still for a moment.
        let goes_on = state == Some(VmState::Paused) && pending.verb == Verb::ReplaceEngine;
        let waits = comes || (goes_on && node.is_to_run(pending.vm).await);
        if !waits {
            break;
        }
        if let Err(RecvError::Closed) = news.recv().await {
            return;
        }
    }
    node.go_on(&pending).await;
}

pub(crate) fn assignment(row: VmRow) -> Assignment {
    let VmRow { vm, stamp, uid, halted, removing, made: _ } = row;
    Assignment { vm, stamp, uid, halted, removing }
}

fn operation(id: OperationId, verb: Verb) -> Operation {
    let within = |seconds: u32| Duration::from_secs(seconds.into());
    let edge = match verb {
        Verb::Reset => Edge::Reset,
        Verb::Shutdown { seconds } => Edge::Shutdown { within: within(seconds) },
        Verb::Halt { seconds } => Edge::Halt { within: within(seconds) },
        Verb::ReplaceEngine => Edge::ReplaceEngine,
    };
    Operation { id, edge }
}

/// The status of a VM that has no process and no task.
fn resting(row: &VmRow, state: VmState) -> VmStatus {
    VmStatus { halted_by: row.halted, ..VmStatus::at_rest(row.stamp, state) }
}

#[async_trait]
impl NodeService for Node {
    async fn hello(&self, epoch: Option<Epoch>) -> Result<Hello, NodeError> {
        let highest_epoch = match epoch {
            Some(epoch) => self.database().lead(epoch).await?,
            None => self.database().highest_epoch().await?,
        };
        let now = self.database().highest_epoch().await?;
        if epoch.is_some() {
            self.board().change_node(|node| node.epoch = now);
        }
        let (node, key) = (self.id, self.house.key.public());
        Ok(Hello { api: API_VERSION, node, key, highest_epoch, status: self.board().node() })
    }

    async fn apply_vm(&self, stamp: Stamp, vm: Vm) -> Result<(), NodeError> {
        admit::vm(&vm, &self.board().node())?;
        let taken = match self.board().vm(vm.meta.id) {
            Some(_) => BTreeSet::new(),
            None => self.house.users_in_use().await,
        };
        let Applied::Changed(row) = self.database().apply_vm(stamp, vm, taken).await? else { return Ok(()) };
        let id = row.vm.meta.id;
        let status = match self.board().vm(id) {
            Some(status) => status,
            None => {
                let status = resting(&row, VmState::Pending);
                self.board().place_vm(id, status.clone());
                status
            }
        };
        self.board().tell(Observed::Vm(Box::new(VmRecord { vm: row.vm.clone(), stamp, status })));
        self.engine.assign(Arc::new(assignment(*row))).await;
        Ok(())
    }

    async fn remove_vm(&self, id: VmId, stamp: Stamp, kept: Vec<u32>) -> Result<(), NodeError> {
        match self.database().entomb(id, stamp, kept, Timestamp::now()).await? {
            Tombstone::Removing(row) => self.engine.assign(Arc::new(assignment(*row))).await,
            Tombstone::Gone(removed) => self.board().tell(Observed::VmRemoved(removed)),
        }
        Ok(())
    }

    async fn make_volume(&self, order: VolumeOrder) -> Result<ByteSize, NodeError> {
        self.house.make_volume(order).await
    }

    async fn remove_volume(&self, epoch: Epoch, place: VolumePlace) -> Result<(), NodeError> {
        self.house.remove_volume(epoch, place).await
    }

    async fn open_volume(&self, place: VolumePlace) -> Result<OwnedFd, NodeError> {
        self.house.open_volume(place)
    }

    async fn apply_pool(&self, id: PoolId, stamp: Stamp, spec: PoolSpec) -> Result<(), NodeError> {
        admit::pool(&spec)?;
        let row = self.database().apply_pool(id, stamp, spec).await?;
        let invalid = |error: cake_storage::StorageError| NodeError::Invalid { detail: crate::chain(&error) };
        let new = self.house.open_pool(row.clone()).await.map_err(invalid)?;
        self.house.mark_pool(&row).await.map_err(invalid)?;
        if new { self.take_up_vms(id).await } else { Ok(()) }
    }

    async fn apply_import(&self, stamp: Stamp, import: Import) -> Result<(), NodeError> {
        self.imports.apply(stamp, import).await
    }

    async fn remove_import(&self, id: ImageId, stamp: Stamp) -> Result<(), NodeError> {
        self.database().is_led_by(stamp.epoch).await?;
        self.imports.remove(id, stamp).await
    }

    async fn remove_image(&self, id: ImageId, stamp: Stamp) -> Result<(), NodeError> {
        self.database().is_led_by(stamp.epoch).await?;
        self.imports.remove_image(id, stamp).await
    }

    async fn apply_ups(&self, stamp: Stamp, spec: Option<UpsSpec>) -> Result<(), NodeError> {
        admit::ups(spec.as_ref())?;
        if self.database().apply_ups(stamp, spec.clone()).await? {
            self.ups.send_replace(spec);
        }
        Ok(())
    }

    async fn apply_host(&self, stamp: Stamp, spec: HostSpec) -> Result<(), NodeError> {
        admit::host(self.hands_off, &spec)?;
        self.database().apply_host(stamp, spec).await?;
        Ok(crate::host::settle(self).await?)
    }

    async fn operate_host(&self, epoch: Epoch, operation: OperationId, verb: HostVerb) -> Result<(), NodeError> {
        admit::host_verb(self.hands_off, verb)?;
        match verb {
            HostVerb::Leave { way, seconds } => {
                let boot = boot_id().map_err(|error| NodeError::Internal { detail: crate::chain(&error) })?;
                let soft = match way {
                    // It can't be judged again once it is under way.
                    LeavingWay::SoftReboot if self.database().knows_departure(epoch, operation).await? => return Ok(()),
                    LeavingWay::SoftReboot => Some(crate::leaving::soft(self).await?),
                    LeavingWay::PowerOff | LeavingWay::Reboot => None,
                };
                let (soft_reboots, version) = soft.unzip();
                let vms = if version.is_none() { crate::guests::wanted(self).await } else { Vec::new() };
                let (stage, at, asked_again) = (LeavingStage::Guests, Timestamp::now(), false);
                let departure =
                    Departure { operation, way, stage, boot, soft_reboots, version, at, seconds, vms, asked_again };
                self.database().depart(epoch, departure).await?;
            }
            HostVerb::Stay => self.database().stay(epoch, operation).await?,
            HostVerb::SetClock { at } => return self.set_clock(epoch, operation, at).await,
        }
        self.orders.send_replace(());
        Ok(())
    }

    async fn try_uplink(
        &self,
        epoch: Epoch,
        operation: OperationId,
        spec: UplinkSpec,
        seconds: u32,
    ) -> Result<(), NodeError> {
        crate::uplink::attempt(self, epoch, operation, spec, seconds).await
    }

    async fn settle_uplink(&self, epoch: Epoch, operation: OperationId, keep: bool) -> Result<(), NodeError> {
        crate::uplink::settle(self, epoch, operation, keep).await
    }

    async fn update(&self, epoch: Epoch, operation: OperationId, order: UpdateOrder) -> Result<(), NodeError> {
        let none = || NodeError::Invalid { detail: "this server's firmware is not cake's".into() };
        self.updates.as_ref().ok_or_else(none)?.order(epoch, operation, order).await
    }

    async fn stop_update(&self, operation: OperationId) -> Result<(), NodeError> {
        if let Some(updates) = &self.updates {
            updates.stop(operation);
        }
        Ok(())
    }

    async fn look_at_import(&self, id: ImageId) -> Result<(), NodeError> {
        self.imports.look(id);
        Ok(())
    }

    async fn open_import(&self, id: ImageId) -> Result<OwnedFd, NodeError> {
        self.imports.open(id).await
    }

    async fn open_image(&self, id: ImageId) -> Result<OwnedFd, NodeError> {
        let image = self.house.library.usable(id).await;
        let image = image.map_err(|failure| NodeError::Invalid { detail: failure.detail })?;
        let file = std::fs::File::open(&image.path);
        file.map(OwnedFd::from).map_err(|error| NodeError::Internal { detail: error.to_string() })
    }

    async fn apply_export(&self, stamp: Stamp, export: Export) -> Result<(), NodeError> {
        self.exports.apply(stamp, export).await
    }

    async fn remove_export(&self, id: ExportId, stamp: Stamp) -> Result<(), NodeError> {
        self.database().is_led_by(stamp.epoch).await?;
        self.exports.remove(id, stamp).await
    }

    async fn open_export(&self, id: ExportId) -> Result<OwnedFd, NodeError> {
        self.exports.open(id).await
    }

    async fn support(&self) -> Result<OwnedFd, NodeError> {
        let vms = self.house.vms.clone();
        let made = tokio::task::spawn_blocking(move || support::archive(&vms, &cake_daemon::log::recent())).await;
        let failed = |error: &dyn std::fmt::Display| NodeError::Internal { detail: error.to_string() };
        made.map_err(|error| failed(&error))?.map(OwnedFd::from).map_err(|error| failed(&error))
    }

    async fn read_disks(&self) -> Result<Vec<ServerDisk>, NodeError> {
        Ok(self.disks.read().await)
    }

    async fn apply_server(&self, stamp: Stamp, server: Server) -> Result<(), NodeError> {
        admit::server(&server)?;
        self.servers.apply(stamp, server).await
    }

    async fn remove_server(&self, id: ServerId, stamp: Stamp) -> Result<(), NodeError> {
        self.servers.remove(id, stamp).await
    }

    async fn apply_device(&self, stamp: Stamp, device: Device) -> Result<(), NodeError> {
        admit::device(&device)?;
        self.servers.apply_device(stamp, device).await
    }

    async fn remove_device(&self, id: DeviceId, stamp: Stamp) -> Result<(), NodeError> {
        self.servers.remove_device(id, stamp).await
    }

    async fn operate_server(
        &self,
        epoch: Epoch,
        operation: OperationId,
        server: ServerId,
        order: ServerVerb,
    ) -> Result<(), NodeError> {
        self.servers.operate(epoch, operation, server, order).await
    }

    async fn server_log(&self, id: ServerId, after: Option<String>) -> Result<ServerLog, NodeError> {
        self.servers.log(id, after).await
    }

    async fn scan(&self, operation: OperationId, range: ScanRange) -> Result<(), NodeError> {
        self.servers.scan(operation, range)
    }

    async fn stop_scan(&self, operation: OperationId) -> Result<(), NodeError> {
        self.servers.stop_scan(operation);
        Ok(())
    }

    async fn new_password(&self, keys: Vec<PublicKey>) -> Result<Sealed<String>, NodeError> {
        password::sealed(&keys)
    }

    async fn server_parts(&self, id: ServerId) -> Result<Vec<Part>, NodeError> {
        self.servers.parts(id).await
    }

    async fn operate(&self, id: OperationId, vm: VmId, verb: Verb) -> Result<(), NodeError> {
        if self.database().knows_operation(id).await? {
            return Ok(());
        }
        let status = self.board().vm(vm).ok_or(NodeError::Unknown)?;
        let illegal = |state| NodeError::Illegal { state };
        cake_vm::request::admit(status.state, operation(id, verb).edge).map_err(|_| illegal(status.state))?;
        if !self.database().accept(PendingOperation { id, vm, verb, begun: false }).await? {
            return Ok(());
        }
        if !self.begin(id, vm, verb).await? {
            self.database().withdraw(id).await?;
            return Err(illegal(self.board().vm(vm).map_or(status.state, |status| status.state)));
        }
        Ok(())
    }

    async fn observe(&self) -> Result<ObservedStream, NodeError> {
        // Before the snapshot is read: what changes meanwhile is told after it.
        let mut news = self.board().watch();
        let (send, receive) = mpsc::channel(AHEAD);
        let (board, database) = (self.board().clone(), self.database().clone());
        tokio::spawn(async move {
            if let Err(error) = snapshot(&board, &database, &send).await {
                tracing::error!(error = crate::chain(&error), "a snapshot could not be read: {error}");
                return;
            }
            // Ends when the watcher is gone, or so slow that it must begin again.
            while let Ok(observed) = news.recv().await {
                if send.send((*observed).clone()).await.is_err() {
                    return;
                }
            }
        });
        Ok(stream::unfold(receive, |mut receive| async { Some((receive.recv().await?, receive)) }).boxed())
    }

    async fn ticket(&self, kind: StreamKind, vm: VmId) -> Result<StreamTicket, NodeError> {
        self.board().vm(vm).ok_or(NodeError::Unknown)?;
        self.issue(Stream::Vm { kind, vm })
    }

    async fn ask_server(&self, server: ServerId, what: ServerAsk) -> Result<ServerAnswer, NodeError> {
        self.servers.ask_redfish(server, what).await
    }

    async fn server_ticket(&self, server: ServerId, take: bool) -> Result<StreamTicket, NodeError> {
        self.board().server(server).ok_or(NodeError::Unknown)?;
        self.issue(Stream::Console { server, take })
    }

    async fn open(&self, ticket: StreamTicket) -> Result<OwnedFd, NodeError> {
        let redeemed = self.tickets.lock().unwrap_or_else(PoisonError::into_inner).redeem(&ticket, Instant::now());
        let (kind, vm) = match redeemed.ok_or(NodeError::BadTicket)? {
            Stream::Vm { kind, vm } => (kind, vm),
            Stream::Console { server, take } => return self.servers.console(server, take).await,
        };
        match kind {
            StreamKind::Serial => {
                self.engine.serial(vm).await.map_err(|error| NodeError::Internal { detail: error.to_string() })
            }
            StreamKind::Screen => self.engine.screen(vm).await.map_err(|error| self.screen_error(vm, &error)),
            StreamKind::Picture => self.engine.picture(vm).await.map_err(|error| self.screen_error(vm, &error)),
        }
    }

    async fn history(&self, of: UsageOf, span: Span, after: Option<i64>) -> Result<UsageHistory, NodeError> {
        if let UsageOf::Vm(vm) = of {
            self.board().vm(vm).ok_or(NodeError::Unknown)?;
        }
        if !Span::OF_USAGE.contains(&span) {
            return Err(NodeError::Invalid { detail: "what is used is not kept for so long".into() });
        }
        let history = self.house.history.clone();
        let read = tokio::task::spawn_blocking(move || history.read(of, span, after, Timestamp::now()));
        read.await.map_err(internal)?.map_err(internal)
    }

    async fn sensor_history(
        &self,
        id: ServerId,
        sensor: Option<String>,
        span: Span,
        after: Option<i64>,
    ) -> Result<SensorHistory, NodeError> {
        self.board().server(id).ok_or(NodeError::Unknown)?;
        let histories = self.servers.histories().clone();
        let read = tokio::task::spawn_blocking(move || {
            let asked = sensors::Asked { sensor: sensor.as_deref(), span, after };
            histories.read(id, &asked, Timestamp::now().as_second())
        });
        read.await.map_err(internal)?.map_err(internal)?.ok_or(NodeError::Unknown)
    }

    async fn energy(&self, periods: Vec<(i64, i64)>) -> Result<Vec<ServerEnergy>, NodeError> {
        if periods.len() > PERIODS {
            return Err(NodeError::Invalid { detail: "too many times at once".into() });
        }
        let servers: Vec<ServerId> = self.board().servers().into_keys().collect();
        let histories = self.servers.histories().clone();
        let read = move || histories.energy(&servers, &periods, Timestamp::now().as_second());
        tokio::task::spawn_blocking(read).await.map_err(internal)?.map_err(internal)
    }

    async fn counters(&self) -> Result<Counters, NodeError> {
        self.house.history.counters(&self.engine).await.map_err(internal)
    }

    async fn install(&self, mut ask: InstallAsk) -> Result<InstallAnswer, NodeError> {
        if let InstallAsk::Start { order } = &mut ask {
            order.network = self.house.database.uplink().await?.map(|confirmed| confirmed.spec);
        }
        let restart = matches!(ask, InstallAsk::Restart);
        let answer = self.installer.answer(ask).await?;
        if restart && answer == InstallAnswer::Accepted {
            tracing::warn!("cake is installed: this server starts anew, from its disks");
            power::reboot().await.map_err(|error| NodeError::Internal { detail: crate::chain(&error) })?;
        }
        Ok(answer)
    }
}

fn internal(error: impl std::fmt::Display) -> NodeError {
    NodeError::Internal { detail: error.to_string() }
}

/// Everything that is so. An error means that the watcher gets no end of the snapshot, and so can't mistake it for the whole.
async fn snapshot(
    board: &Board,
    database: &Database,
    send: &mpsc::Sender<Observed>,
) -> Result<(), crate::database::DatabaseError> {
    let mut first: Vec<Observed> = vec![Observed::SnapshotBegin, Observed::Node(Box::new(board.node()))];
    first.extend(board.disks().map(|disks| Observed::Disks { disks }));
    first.extend(board.sticks().map(|sticks| Observed::Sticks { sticks }));
    first.extend(board.pools().into_iter().map(|(id, status)| Observed::Pool { id, status }));
    first.extend(board.images().into_iter().map(|image| Observed::Image(Box::new(image))));
    first.extend(board.imports().into_iter().map(|import| Observed::Import(Box::new(import))));
    first.extend(board.exports().into_iter().map(|export| Observed::Export(Box::new(export))));
    first.push(Observed::Scan { scan: board.scan().map(Box::new) });
    first.extend(board.servers().into_iter().map(|(id, status)| Observed::Server { id, status: Box::new(status) }));
    first.extend(board.devices().into_iter().map(|(id, status)| Observed::Device { id, status: Box::new(status) }));
    for observed in first {
        let _ = send.send(observed).await;
    }
    let mut after = None;
    loop {
        let rows = database.vms_after(after, PAGE).await?;
        let Some(last) = rows.last() else { break };
        after = Some(last.vm.meta.id);
        for row in rows {
            let status = board.vm(row.vm.meta.id).unwrap_or_else(|| resting(&row, VmState::Pending));
            let record = VmRecord { stamp: row.stamp, status, vm: row.vm };
            if send.send(Observed::Vm(Box::new(record))).await.is_err() {
                return Ok(());
            }
        }
    }
    let mut last: Vec<Observed> = database.tombstones().await?.into_iter().map(Observed::VmRemoved).collect();
    last.extend(database.outcomes().await?.into_iter().map(Observed::Operation));
    last.extend(database.order_outcomes().await?.into_iter().map(Observed::ServerOperation));
    last.push(Observed::SnapshotEnd);
    for observed in last {
        let _ = send.send(observed).await;
    }
    Ok(())
}
