//! Devices on the board: as the Store has them, and with what they say.

use super::{Board, ServerEntry, What};
use cake_planner::cabling::{Cabling, Named};
use cake_planner::device::{self, DeviceSeen};
use cake_planner::names::{self, Reference};
use cake_planner::server::ServerHealth;
use cake_store::Revision;
use cake_types::{Device, DeviceId, DeviceKind, DeviceStatus, Stamp};
use std::sync::Arc;

#[derive(Clone, Debug)]
pub struct DeviceEntry {
    pub device: Device,
    /// The Store's write it comes from.
    pub revision: Revision,
    /// `None`: no node watches it (yet).
    pub status: Option<DeviceStatus>,
    /// Where its cables led when somebody last said that it is right so, and how the Store has that.
    pub cabling: Arc<Cabling>,
    pub cabling_revision: Option<Revision>,
    /// The node does not take it, for this reason (for support, in English).
    pub refused: Option<Arc<str>>,
}

impl DeviceEntry {
    pub fn id(&self) -> DeviceId {
        self.device.meta.id
    }

    pub fn seen(&self) -> DeviceSeen<'_> {
        DeviceSeen { device: &self.device, status: self.status.as_ref(), cabling: Some(&self.cabling) }
    }

    pub fn health(&self) -> ServerHealth {
        device::health(&self.seen())
    }
}

impl Board {
    /// All of them, oldest first.
    pub fn devices(&self) -> Vec<Arc<DeviceEntry>> {
        self.read().devices.values().cloned().collect()
    }

    pub fn device(&self, id: DeviceId) -> Option<Arc<DeviceEntry>> {
        self.read().devices.get(&id).cloned()
    }

    /// One of this kind, by id or name.
    pub fn find_device(&self, kind: DeviceKind, text: &str) -> Option<Arc<DeviceEntry>> {
        let inner = self.read();
        let found = match Reference::parse(text)? {
            Reference::Id(id) => inner.devices.get(&DeviceId(id)),
            Reference::Name(name) => {
                let name = names::fold(&name);
                let is = |entry: &&Arc<DeviceEntry>| {
                    entry.device.spec.kind == kind && names::fold(&entry.device.meta.name) == name
                };
                inner.devices.values().find(is)
            }
        };
        found.filter(|entry| entry.device.spec.kind == kind).cloned()
    }

    /// What a node watches though nobody asks for it.
    pub fn strange_device(&self, id: DeviceId) -> Option<Stamp> {
        self.read().strange_devices.get(&id).copied()
    }

    /// As the Store has it. The latest write wins: each is guarded by the one before.
    pub fn put_device(&self, device: Device, revision: Revision) {
        let id = device.meta.id;
        let mut inner = self.write();
        let old = inner.devices.get(&id);
        if old.is_some_and(|old| old.device.meta.generation > device.meta.generation) {
            return;
        }
        let status = old.and_then(|old| old.status.clone());
        let cabling = old.map(|old| old.cabling.clone()).unwrap_or_default();
        let cabling_revision = old.and_then(|old| old.cabling_revision);
        let entry = DeviceEntry { device, revision, status, cabling, cabling_revision, refused: None };
        inner.devices.insert(id, Arc::new(entry));
        drop(inner);
        self.device_touched(id);
    }

    /// As the Store has it.
    pub fn put_cabling(&self, id: DeviceId, cabling: Cabling, revision: Revision) {
        self.change_device(id, |entry| (entry.cabling, entry.cabling_revision) = (cabling.into(), Some(revision)));
        self.changes.tell(What::Device(id));
    }

    /// Every server by all names that it may tell others.
    pub fn named_servers(&self) -> Vec<Named> {
        let inner = self.read();
        let named = |entry: &Arc<ServerEntry>| {
            let node = entry.server.spec.node.and_then(|id| inner.nodes.get(&id));
            let host = node.and_then(|node| node.status.as_ref()).map(|status| status.host_name.as_str());
            let names = [Some(entry.server.meta.name.as_str()), node.map(|node| node.node.meta.name.as_str()), host];
            Named::new(entry.id(), names)
        };
        inner.servers.values().map(named).collect()
    }

    /// The Store no longer holds it.
    pub fn forget_device(&self, id: DeviceId) {
        let mut inner = self.write();
        if let Some(stamp) = inner.devices.remove(&id).and_then(|old| Some(old.status.as_ref()?.stamp)) {
            inner.strange_devices.insert(id, stamp);
        }
        drop(inner);
        self.changes.tell(What::DeviceGone(id));
        self.devices_poke.poke(id);
    }

    /// The node does not take it in.
    pub fn device_refused(&self, id: DeviceId, why: &str) {
        self.change_device(id, |entry| entry.refused = Some(why.into()));
        self.changes.tell(What::Device(id));
    }

    /// A connection began: what was refused may be taken now.
    pub(super) fn device_retry(&self, id: DeviceId) {
        self.change_device(id, |entry| entry.refused = None);
        self.devices_poke.poke(id);
    }

    pub(super) fn device_status(&self, id: DeviceId, status: DeviceStatus) {
        let mut inner = self.write();
        if let Some(snapshot) = &mut inner.snapshot {
            snapshot.devices.insert(id);
        }
        if !inner.devices.contains_key(&id) {
            inner.strange_devices.insert(id, status.stamp);
            drop(inner);
            return self.devices_poke.poke(id);
        }
        drop(inner);
        self.change_device(id, |entry| entry.status = Some(status));
        self.device_touched(id);
    }

    /// The node does not have it.
    pub(super) fn device_gone(&self, id: DeviceId) {
        self.write().strange_devices.remove(&id);
        self.change_device(id, |entry| entry.status = None);
        self.device_touched(id);
    }

    fn change_device(&self, id: DeviceId, change: impl FnOnce(&mut DeviceEntry)) {
        let mut inner = self.write();
        let Some(old) = inner.devices.get(&id) else { return };
        let mut entry = (**old).clone();
        change(&mut entry);
        inner.devices.insert(id, Arc::new(entry));
    }

    fn device_touched(&self, id: DeviceId) {
        self.changes.tell(What::Device(id));
        self.devices_poke.poke(id);
    }
}
