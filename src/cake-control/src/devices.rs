//! Devices that answer SNMP: power distribution units and switches, what people say of them and what they say.
//!
//! ```text
//!   create · update · delete ──► Store ──► reconcile::devices ──► node ──► agent ──► board
//! ```

use cake_planner::cabling::{self, Cabling};
use cake_planner::{device, server};
use cake_store::{Expect, Key, Revision, Txn, TxnOutcome};
use cake_types::{
    Code, Device, DeviceId, DeviceKind, DeviceSpec, EventKind, Generation, Meta, Name, OutletUse, Problem, ProjectName,
    SNMP_PORT, ServerId, Subject,
};
use std::sync::Arc;
use zeroize::Zeroizing;

use crate::board::{Board, DeviceEntry};
use crate::caller::{Caller, Keep};
use crate::ledger::Ledger;
use crate::settings::Settings;
use crate::{error, keys, record, secret};

/// What a person says about a new device.
pub struct NewDevice {
    pub name: Name,
    pub host: String,
    pub port: Option<u16>,
    pub community: Zeroizing<String>,
    pub feed: Option<String>,
    pub rated_amps: Option<u16>,
    pub outlets: Vec<NewOutlet>,
    pub note: String,
}

/// Which server hangs on an outlet, by id or name.
pub struct NewOutlet {
    pub outlet: String,
    pub server: String,
}

/// What shall be different; what is `None` stays.
#[derive(Default)]
pub struct DevicePatch {
    pub name: Option<Name>,
    pub host: Option<String>,
    pub port: Option<u16>,
    pub community: Option<Zeroizing<String>>,
    /// Empty: none.
    pub feed: Option<String>,
    /// `Some(None)`: what the unit says itself.
    pub rated_amps: Option<Option<u16>>,
    /// All of them.
    pub outlets: Option<Vec<NewOutlet>>,
    pub note: Option<String>,
}

pub struct Devices {
    ledger: Arc<Ledger>,
    settings: Arc<Settings>,
}

/// A device as the subject of an event or an audit record.
pub fn subject(device: &Device) -> Subject {
    Subject { kind: device.spec.kind.as_str().into(), id: device.meta.id.0, name: device.meta.name.to_string() }
}

fn name_key(device: &Device) -> Key {
    keys::name(device.spec.kind.as_str(), &device.meta.project, &device.meta.name)
}

fn name_taken(device: &Device) -> Problem {
    let kind = device.spec.kind.as_str();
    Problem::new(Code::NameTaken).with("kind", kind).with("name", &device.meta.name).at("/name")
}

impl Devices {
    pub fn new(ledger: Arc<Ledger>, settings: Arc<Settings>) -> Self {
        Self { ledger, settings }
    }

    /// By id or name.
    pub fn find(&self, kind: DeviceKind, text: &str) -> Result<Arc<DeviceEntry>, Problem> {
        self.ledger.board.find_device(kind, text).ok_or_else(|| Problem::not_found(kind.as_str(), text))
    }

    fn entry(&self, id: DeviceId) -> Result<Arc<DeviceEntry>, Problem> {
        self.ledger.board.device(id).ok_or_else(|| Problem::not_found("device", id))
    }

    pub async fn create(
        &self,
        caller: &Caller,
        kind: DeviceKind,
        new: NewDevice,
        keep: &Keep<Device>,
    ) -> Result<Device, Problem> {
        let NewDevice { name, host, port, community, feed, rated_amps, outlets, note } = new;
        let spec = DeviceSpec {
            kind,
            host: device::host(&host)?,
            port: valid_port(port.unwrap_or(SNMP_PORT))?,
            community: self.sealed(&community)?,
            feed: feed.as_deref().map(device::feed).transpose()?.flatten(),
            rated_amps: rated_amps.map(device::rated_amps).transpose()?,
            outlets: self.outlets(outlets)?,
            note: server::note(note)?,
        };
        device::fits(&spec, None, &specs(&self.ledger.board))?;
        let (id, now) = (DeviceId::now(), self.ledger.now());
        let project = ProjectName::default();
        let meta = Meta { id, project, name, generation: Generation::FIRST, created_at: now, updated_at: now };
        self.insert(caller, Device { meta, spec }, keep).await
    }

    async fn insert(&self, caller: &Caller, device: Device, keep: &Keep<Device>) -> Result<Device, Problem> {
        let (id, name) = (device.meta.id, name_key(&device));
        let txn = Txn::new()
            .guard(name.clone(), Expect::Absent)
            .put(name, id.to_string())
            .put(keys::device(id), record::encode(&device));
        let txn = keep.write(txn, &device, self.ledger.now());
        let mut audit = self.ledger.audit(caller, Some(subject(&device)));
        let TxnOutcome::Committed { revision } = self.ledger.store.txn(audit.write(txn)).await.map_err(error::store)?
        else {
            return Err(name_taken(&device));
        };
        self.ledger.board.put_device(device.clone(), revision);
        self.ledger.audited(audit).await?;
        self.ledger.event_info(EventKind::DeviceAdded, Some(subject(&device))).await;
        Ok(device)
    }

    /// Changes the device if `check` still holds when it is written.
    pub async fn update(
        &self,
        caller: &Caller,
        id: DeviceId,
        patch: DevicePatch,
        check: impl Fn(&DeviceEntry) -> Result<(), Problem> + Send + Sync,
    ) -> Result<Arc<DeviceEntry>, Problem> {
        let entry = self.entry(id)?;
        check(&entry)?;
        let device = self.patched(&entry.device, patch)?;
        if device.meta.name == entry.device.meta.name && device.spec == entry.device.spec {
            return Ok(entry);
        }
        let (old, new) = (name_key(&entry.device), name_key(&device));
        let txn = match old == new {
            true => Txn::new(),
            false => Txn::new().guard(new.clone(), Expect::Absent).put(new, id.to_string()).delete(old),
        };
        let key = keys::device(id);
        let txn = txn.guard(key.clone(), Expect::Revision(entry.revision)).put(key.clone(), record::encode(&device));
        let mut audit = self.ledger.audit(caller, Some(subject(&device)));
        match self.ledger.store.txn(audit.write(txn)).await.map_err(error::store)? {
            TxnOutcome::Committed { revision } => {
                self.ledger.board.put_device(device, revision);
                self.ledger.audited(audit).await?;
                self.entry(id)
            }
            TxnOutcome::Refused { key: refused, .. } if refused == key => Err(Problem::new(Code::Stale)),
            TxnOutcome::Refused { .. } => Err(name_taken(&device)),
        }
    }

    fn patched(&self, known: &Device, patch: DevicePatch) -> Result<Device, Problem> {
        let DevicePatch { name, host, port, community, feed, rated_amps, outlets, note } = patch;
        let mut device = known.clone();
        device.meta.generation = device.meta.generation.next();
        device.meta.updated_at = self.ledger.now();
        device.meta.name = name.unwrap_or(device.meta.name);
        let spec = &mut device.spec;
        if let Some(host) = host {
            spec.host = device::host(&host)?;
        }
        spec.port = valid_port(port.unwrap_or(spec.port))?;
        match community.filter(|community| !community.is_empty()) {
            Some(community) => spec.community = self.sealed(&community)?,
            // Who sends it elsewhere has to know it: else it could be sent to whoever wants to read it.
            None if (&spec.host, spec.port) != (&known.spec.host, known.spec.port) => {
                return Err(Problem::invalid("community", "community-again").at("/community"));
            }
            None => {}
        }
        if let Some(feed) = feed {
            spec.feed = device::feed(&feed)?;
        }
        if let Some(rated) = rated_amps {
            spec.rated_amps = rated.map(device::rated_amps).transpose()?;
        }
        if let Some(outlets) = outlets {
            spec.outlets = self.outlets(outlets)?;
        }
        if let Some(note) = note {
            spec.note = server::note(note)?;
        }
        device::fits(&device.spec, Some(known.meta.id), &specs(&self.ledger.board))?;
        Ok(device)
    }

    /// The cables of a switch are right as they are now.
    pub async fn accept_cabling(
        &self,
        caller: &Caller,
        id: DeviceId,
        keep: &Keep<Device>,
    ) -> Result<Arc<DeviceEntry>, Problem> {
        let entry = self.entry(id)?;
        let now = cabling::now(&entry.seen(), &self.ledger.board.named_servers());
        let txn = keep.write(Txn::new(), &entry.device, self.ledger.now());
        let mut audit = self.ledger.audit(caller, Some(subject(&entry.device)));
        let revision = self.write_cabling(&entry, &now, audit.write(txn)).await?;
        self.ledger.audited(audit).await?;
        self.ledger.board.put_cabling(id, now, revision);
        self.entry(id)
    }

    /// Takes down where cables lead of which nothing was known.
    pub(crate) async fn learn_cabling(&self, entry: &DeviceEntry) -> Result<(), Problem> {
        if entry.seen().switch().is_none() {
            return Ok(());
        }
        let now = cabling::now(&entry.seen(), &self.ledger.board.named_servers());
        if let Some(learned) = cabling::learned(&entry.cabling, &now) {
            let revision = self.write_cabling(entry, &learned, Txn::new()).await?;
            self.ledger.board.put_cabling(entry.id(), learned, revision);
        }
        Ok(())
    }

    async fn write_cabling(&self, entry: &DeviceEntry, cabling: &Cabling, txn: Txn) -> Result<Revision, Problem> {
        let key = keys::cabling(entry.id());
        let txn = txn.guard(key.clone(), entry.cabling_revision.map_or(Expect::Absent, Expect::Revision));
        match self.ledger.store.txn(txn.put(key, record::encode(cabling))).await.map_err(error::store)? {
            TxnOutcome::Committed { revision } => Ok(revision),
            TxnOutcome::Refused { .. } => Err(Problem::new(Code::Stale)),
        }
    }

    /// Forgets a device. Nothing happens to it.
    pub async fn delete(
        &self,
        caller: &Caller,
        id: DeviceId,
        check: impl Fn(&DeviceEntry) -> Result<(), Problem> + Send + Sync,
    ) -> Result<(), Problem> {
        let entry = self.entry(id)?;
        check(&entry)?;
        let key = keys::device(id);
        let guarded = Txn::new().guard(key.clone(), Expect::Revision(entry.revision));
        let txn = guarded.delete(key).delete(name_key(&entry.device)).delete(keys::cabling(id));
        let audit = self.ledger.audit(caller, Some(subject(&entry.device)));
        self.ledger.commit(txn, audit).await?;
        self.ledger.board.forget_device(id);
        self.ledger.event_info(EventKind::DeviceRemoved, Some(subject(&entry.device))).await;
        Ok(())
    }

    fn sealed(&self, community: &Zeroizing<String>) -> Result<cake_types::Sealed<String>, Problem> {
        device::community(community)?;
        secret::sealed(&self.ledger, self.settings.recovery_key(), community)
    }

    /// Servers by their ids. One that is gone since can still be named by its id: it was there when the outlet was told of.
    fn outlets(&self, new: Vec<NewOutlet>) -> Result<Vec<OutletUse>, Problem> {
        let board = &self.ledger.board;
        let used = |(at, NewOutlet { outlet, server }): (usize, NewOutlet)| {
            let known = board.find_server(&server).map(|entry| entry.id());
            let known = known.or_else(|| server.parse::<ServerId>().ok());
            let unknown = || Problem::not_found("server", &server).at(&format!("/outlets/{at}/server"));
            Ok(OutletUse { outlet, server: known.ok_or_else(unknown)? })
        };
        let outlets: Result<Vec<OutletUse>, Problem> = new.into_iter().enumerate().map(used).collect();
        device::outlets(outlets?)
    }
}

fn valid_port(port: u16) -> Result<u16, Problem> {
    match port {
        0 => {
            let problem = Problem::new(Code::OutOfRange).with("field", "port");
            Err(problem.with("min", 1).with("max", u16::MAX).at("/port"))
        }
        port => Ok(port),
    }
}

fn specs(board: &Board) -> Vec<(DeviceId, Name, DeviceSpec)> {
    let devices = board.devices();
    devices.iter().map(|entry| (entry.id(), entry.device.meta.name.clone(), entry.device.spec.clone())).collect()
}
