//! VMs and tombstones.

use super::operations::is_being_halted;
use super::{Database, DatabaseError, fence, meta, set_meta};
use cake_node_api::{NodeError, RemovedRecord};
use cake_types::{DiskFile, Epoch, Generation, HaltedBy, NodeId, Stamp, Vm, VmId};
use jiff::Timestamp;
use rusqlite::{Connection, Row, params};
use std::collections::BTreeSet;
use uuid::Uuid;

/// The first user of a VM; system and people's users are far below, and so are those of containers.
pub const FIRST_UID: u32 = 1_900_000_000;
/// A node begins in a block of its own, drawn by its id: nodes side by side on one machine give different VMs different users.
/// All blocks together stay below what the kernel's older interfaces call negative.
const BLOCK: u32 = 1 << 16;
const BLOCKS: u32 = 3600;
/// All users of VMs, of every node.
pub const USERS: std::ops::Range<u32> = FIRST_UID..FIRST_UID + BLOCK * BLOCKS;

/// A VM as it is written down.
#[derive(Clone, Debug, PartialEq)]
pub struct VmRow {
    pub vm: Vm,
    pub stamp: Stamp,
    pub uid: u32,
    pub halted: Option<HaltedBy>,
    pub removing: bool,
    /// So many of its disks were made, from the first one on. What was made is never made again.
    pub made: u32,
}

/// What came of an `apply`.
#[derive(Clone, Debug, PartialEq)]
pub enum Applied {
    Changed(Box<VmRow>),
    /// The very same was here already.
    Same,
}

/// What came of a `remove`.
#[derive(Clone, Debug, PartialEq)]
pub enum Tombstone {
    /// The VM is here and must be taken away.
    Removing(Box<VmRow>),
    /// Nothing of it is here.
    Gone(RemovedRecord),
}

impl Database {
    /// `taken`: users that somebody else on this machine has, not to be given to a new VM.
    pub async fn apply_vm(&self, stamp: Stamp, vm: Vm, taken: BTreeSet<u32>) -> Result<Applied, DatabaseError> {
        self.write(move |connection| {
            fence(connection, stamp.epoch)?;
            let id = vm.meta.id;
            if tombstone(connection, id)?.is_some() {
                return Err(DatabaseError::Refused(NodeError::Tombstoned));
            }
            let record = serde_json::to_string(&vm)?;
            let Some(Held { stamp: held, record: text, uid, halted, made }) = held(connection, id)? else {
                check_disks(connection, &vm, BTreeSet::new())?;
                let uid = next_uid(connection, &taken)?;
                let mut insert = connection
                    .prepare("INSERT INTO vms (id, epoch, generation, uid, record) VALUES (?1, ?2, ?3, ?4, ?5)")?;
                insert.execute(params![id.0.into_bytes(), int(stamp.epoch.0), int(stamp.generation.0), uid, record])?;
                return Ok(Applied::Changed(Box::new(VmRow {
                    vm,
                    stamp,
                    uid,
                    halted: None,
                    removing: false,
                    made: 0,
                })));
            };
            if stamp == held && text == record {
                return Ok(Applied::Same);
            }
            if stamp <= held {
                return Err(DatabaseError::Refused(NodeError::StaleStamp { held }));
            }
            let before: Vm = serde_json::from_str(&text)?;
            check_disks(connection, &vm, before.disk_files().collect())?;
            // A newer generation means that somebody asked again; a newer epoch alone does not.
            let halted = halted.filter(|halted| halted.generation >= stamp.generation);
            let mut update = connection
                .prepare("UPDATE vms SET epoch = ?2, generation = ?3, record = ?4, halted = ?5 WHERE id = ?1")?;
            let halted_text = halted.map(|halted| serde_json::to_string(&halted)).transpose()?;
            update.execute(params![
                id.0.into_bytes(),
                int(stamp.epoch.0),
                int(stamp.generation.0),
                record,
                halted_text
            ])?;
            Ok(Applied::Changed(Box::new(VmRow { vm, stamp, uid, halted, removing: false, made })))
        })
        .await
    }

    /// Writes the tombstone. The VM's own row stays until all of it is gone. `kept`: disks that are not to go with it.
    pub async fn entomb(
        &self,
        id: VmId,
        stamp: Stamp,
        kept: Vec<u32>,
        at: Timestamp,
    ) -> Result<Tombstone, DatabaseError> {
        self.write(move |connection| {
            fence(connection, stamp.epoch)?;
            let mut row = read_vm(connection, id)?;
            if let Some(row) = &mut row {
                if stamp < row.stamp {
                    return Err(DatabaseError::Refused(NodeError::StaleStamp { held: row.stamp }));
                }
                keep_disks(connection, &mut row.vm, kept)?;
            }
            let buried = match tombstone(connection, id)? {
                Some(buried) => buried,
                None => {
                    connection.execute(
                        "INSERT INTO tombstones (id, epoch, generation, at) VALUES (?1, ?2, ?3, ?4)",
                        params![id.0.into_bytes(), int(stamp.epoch.0), int(stamp.generation.0), at.to_string()],
                    )?;
                    connection.execute("UPDATE vms SET removing = 1 WHERE id = ?1", [id.0.into_bytes()])?;
                    RemovedRecord { id, stamp, at }
                }
            };
            Ok(match row {
                Some(row) => Tombstone::Removing(Box::new(VmRow { removing: true, ..row })),
                None => Tombstone::Gone(buried),
            })
        })
        .await
    }

    /// All of it is gone: only the tombstone stays.
    pub async fn forget_vm(&self, id: VmId) -> Result<Option<RemovedRecord>, DatabaseError> {
        self.write(move |connection| {
            connection.execute("DELETE FROM vms WHERE id = ?1", [id.0.into_bytes()])?;
            tombstone(connection, id)
        })
        .await
    }

    /// As it is written down: a guest that ends while an order of its server to end is not carried out yet ends by that order,
    /// though nobody remembers it but the database.
    pub async fn set_halted(&self, id: VmId, halted: HaltedBy) -> Result<HaltedBy, DatabaseError> {
        self.write(move |connection| {
            let by_host = halted.by_host || is_being_halted(connection, id)?;
            let halted = HaltedBy { by_host, ..halted };
            let text = serde_json::to_string(&halted)?;
            connection.execute("UPDATE vms SET halted = ?2 WHERE id = ?1", params![id.0.into_bytes(), text])?;
            Ok(halted)
        })
        .await
    }

    /// Its first `disks` disks were made.
    pub async fn set_made(&self, id: VmId, disks: u32) -> Result<(), DatabaseError> {
        self.write(move |connection| {
            connection.execute("UPDATE vms SET made = ?2 WHERE id = ?1", params![id.0.into_bytes(), disks])?;
            Ok(())
        })
        .await
    }

    pub async fn vm(&self, id: VmId) -> Result<Option<VmRow>, DatabaseError> {
        self.read(move |connection| read_vm(connection, id)).await
    }

    /// At most `most` VMs whose ids come after `after`, in order.
    pub async fn vms_after(&self, after: Option<VmId>, most: u32) -> Result<Vec<VmRow>, DatabaseError> {
        self.read(move |connection| {
            let after = after.map_or(Vec::new(), |id| id.0.as_bytes().to_vec());
            let mut statement = connection.prepare(&select("WHERE id > ?1 ORDER BY id LIMIT ?2"))?;
            let rows = statement.query_and_then(params![after, most], row)?;
            rows.collect()
        })
        .await
    }

    /// The VM that has a file as its disk, for the leader of this epoch.
    pub async fn disk_user(&self, epoch: Epoch, file: DiskFile) -> Result<Option<VmId>, DatabaseError> {
        self.read(move |connection| {
            fence(connection, epoch)?;
            disk_user(connection, file, None)
        })
        .await
    }

    pub async fn tombstones(&self) -> Result<Vec<RemovedRecord>, DatabaseError> {
        self.read(|connection| {
            let mut statement = connection.prepare(
                "SELECT id, epoch, generation, at FROM tombstones WHERE id NOT IN (SELECT id FROM vms) ORDER BY id",
            )?;
            let rows = statement.query_and_then([], removed)?;
            rows.collect()
        })
        .await
    }
}

/// No two VMs have the same disk, whatever their leader believes. `had`: what it had before.
fn check_disks(connection: &Connection, vm: &Vm, had: BTreeSet<DiskFile>) -> Result<(), DatabaseError> {
    for file in vm.disk_files().filter(|file| !had.contains(file)) {
        if let Some(user) = disk_user(connection, file, Some(vm.meta.id))? {
            let detail = format!("{file} is a disk of VM {user}");
            return Err(DatabaseError::Refused(NodeError::Invalid { detail }));
        }
    }
    Ok(())
}

/// A VM other than `except` that has this file as its disk.
fn disk_user(connection: &Connection, file: DiskFile, except: Option<VmId>) -> Result<Option<VmId>, DatabaseError> {
    // Whoever has it names it: as the VM that it was made for, or in so many words.
    let mut statement = connection.prepare(&select("WHERE instr(record, ?1) > 0"))?;
    for row in statement.query_and_then([file.0.to_string()], row)? {
        let vm = row?.vm;
        if Some(vm.meta.id) != except && vm.disk_files().any(|other| other == file) {
            return Ok(Some(vm.meta.id));
        }
    }
    Ok(None)
}

/// Remembers that these disks are not the VM's any more, before anything of it is removed.
fn keep_disks(connection: &Connection, vm: &mut Vm, kept: Vec<u32>) -> Result<(), DatabaseError> {
    let new: Vec<u32> = kept.into_iter().filter(|number| !vm.spec.detached_disks.contains(number)).collect();
    if new.is_empty() {
        return Ok(());
    }
    vm.spec.detached_disks.extend(new);
    let record = serde_json::to_string(vm)?;
    connection.execute("UPDATE vms SET record = ?2 WHERE id = ?1", params![vm.meta.id.0.into_bytes(), record])?;
    Ok(())
}

/// SQLite's numbers are signed; ours are counters that never come near.
fn int(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn stamp(row: &Row<'_>, first: usize) -> Result<Stamp, DatabaseError> {
    let number = |index| Ok::<_, rusqlite::Error>(row.get::<_, i64>(index)?.unsigned_abs());
    Ok(Stamp { epoch: Epoch(number(first)?), generation: Generation(number(first + 1)?) })
}

fn select(rest: &str) -> String {
    format!("SELECT epoch, generation, uid, record, halted, removing, made FROM vms {rest}")
}

fn row(row: &Row<'_>) -> Result<VmRow, DatabaseError> {
    let halted: Option<String> = row.get(4)?;
    Ok(VmRow {
        stamp: stamp(row, 0)?,
        uid: row.get(2)?,
        vm: serde_json::from_str(row.get_ref(3)?.as_str().map_err(rusqlite::Error::from)?)?,
        halted: halted.map(|text| serde_json::from_str(&text)).transpose()?,
        removing: row.get(5)?,
        made: row.get(6)?,
    })
}

pub(super) fn read_vm(connection: &Connection, id: VmId) -> Result<Option<VmRow>, DatabaseError> {
    let mut statement = connection.prepare(&select("WHERE id = ?1"))?;
    let mut rows = statement.query_and_then([id.0.into_bytes()], row)?;
    rows.next().transpose()
}

/// A row with its record as it is written.
struct Held {
    stamp: Stamp,
    record: String,
    uid: u32,
    halted: Option<HaltedBy>,
    made: u32,
}

fn held(connection: &Connection, id: VmId) -> Result<Option<Held>, DatabaseError> {
    let mut statement = connection.prepare(&select("WHERE id = ?1"))?;
    let mut rows = statement.query([id.0.into_bytes()])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let halted: Option<String> = row.get(4)?;
    let halted = halted.map(|text| serde_json::from_str::<HaltedBy>(&text)).transpose()?;
    Ok(Some(Held { stamp: stamp(row, 0)?, record: row.get(3)?, uid: row.get(2)?, halted, made: row.get(6)? }))
}

fn tombstone(connection: &Connection, id: VmId) -> Result<Option<RemovedRecord>, DatabaseError> {
    let mut statement = connection.prepare("SELECT id, epoch, generation, at FROM tombstones WHERE id = ?1")?;
    let mut rows = statement.query_and_then([id.0.into_bytes()], removed)?;
    rows.next().transpose()
}

fn removed(row: &Row<'_>) -> Result<RemovedRecord, DatabaseError> {
    let at: String = row.get(3)?;
    let id = Uuid::from_bytes(row.get(0)?);
    Ok(RemovedRecord { id: VmId(id), stamp: stamp(row, 1)?, at: at.parse().unwrap_or(Timestamp::UNIX_EPOCH) })
}

/// Users are given out once and never again, so that no file can ever come to belong to another VM.
fn next_uid(connection: &Connection, taken: &BTreeSet<u32>) -> Result<u32, DatabaseError> {
    let mut next = match meta(connection, "next-uid")?.and_then(|text| text.parse().ok()) {
        Some(next) => next,
        None => first_uid(meta(connection, "node")?.and_then(|text| text.parse().ok())),
    };
    while taken.contains(&next) {
        next += 1;
    }
    set_meta(connection, "next-uid", &(next + 1).to_string())?;
    Ok(next)
}

fn first_uid(node: Option<NodeId>) -> u32 {
    // The end of an id is random; its beginning is the time.
    let random = node.map_or(0, |NodeId(id)| id.as_u128() as u32);
    FIRST_UID + random % BLOCKS * BLOCK
}

#[cfg(test)]
mod tests {
    use super::*;
    use cake_planner::hardware;
    use cake_types::{
        Authority, ByteSize, Firmware, HardwareRequest, Meta, Network, Power, ProjectName, Restart, VmSpec,
    };
    use std::path::Path;

    fn vm() -> Vm {
        let (id, now) = (VmId::now(), Timestamp::now());
        let hardware = hardware::plan(&HardwareRequest {
            id,
            firmware: Firmware::Direct,
            disks: 0,
            nics: 0,
            seed: false,
            machine: hardware::default_machine(),
            cpu: hardware::default_cpu(),
            random: *id.0.as_bytes(),
            cd: false,
            drivers: cake_types::Drivers::Virtio,
            tpm: false,
            secure_boot: false,
            windows: false,
        });
        Vm {
            meta: Meta {
                id,
                project: ProjectName::default_project(),
                name: "test".parse().unwrap(),
                generation: Generation::FIRST,
                created_at: now,
                updated_at: now,
            },
            spec: VmSpec {
                power: Power::Running,
                restart: Restart::OnCrash,
                authority: Authority::Local,
                cpus: 1,
                memory: ByteSize::mib(32),
                firmware: Firmware::Direct,
                disks: Vec::new(),
                kernel: None,
                cd: None,
                cd_by_force: false,
                drivers: None,
                removed_disks: Vec::new(),
                detached_disks: Vec::new(),
                network: Network::None,
                nics: Vec::new(),
                cloud_init: None,
                hardware,
                made_from: None,
                deleting: false,
                binned: None,
                restored: None,
                tags: Default::default(),
                priority: Default::default(),
            },
        }
    }

    async fn open(path: &Path) -> Database {
        let database = Database::open(path).unwrap();
        database.node_id().await.unwrap();
        database.lead(Epoch(1)).await.unwrap();
        database
    }

    const FIRST: Stamp = Stamp { epoch: Epoch(1), generation: Generation(1) };

    async fn applied(database: &Database, taken: &[u32]) -> VmRow {
        match database.apply_vm(FIRST, vm(), taken.iter().copied().collect()).await.unwrap() {
            Applied::Changed(row) => *row,
            Applied::Same => panic!("it is new"),
        }
    }

    #[tokio::test]
    async fn a_user_is_given_once_across_removal_and_restart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("node.db");
        let database = open(&path).await;
        let first = applied(&database, &[]).await;
        database.entomb(first.vm.meta.id, FIRST, Vec::new(), Timestamp::now()).await.unwrap();
        database.forget_vm(first.vm.meta.id).await.unwrap();
        drop(database);
        let database = open(&path).await;
        assert_eq!(applied(&database, &[]).await.uid, first.uid + 1);
        // Somebody else's are left out.
        assert_eq!(applied(&database, &[first.uid + 2, first.uid + 3]).await.uid, first.uid + 4);
        assert_eq!(applied(&database, &[]).await.uid, first.uid + 5);
    }

    #[test]
    fn nodes_side_by_side_begin_apart() {
        let ids: BTreeSet<u32> = (0..20).map(|_| first_uid(Some(NodeId::now()))).collect();
        // The same block for more than two of twenty would be no accident.
        assert!(ids.len() > 17, "{ids:?}");
        assert!(ids.iter().all(|uid| (FIRST_UID..i32::MAX as u32 - BLOCK).contains(uid)), "{ids:?}");
    }

    #[tokio::test]
    async fn what_was_made_stays_made() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("node.db");
        let database = open(&path).await;
        let VmRow { vm, made, .. } = applied(&database, &[]).await;
        assert_eq!(made, 0);
        database.set_made(vm.meta.id, 2).await.unwrap();
        let newer = Stamp { generation: Generation(2), ..FIRST };
        let Applied::Changed(row) = database.apply_vm(newer, vm, BTreeSet::new()).await.unwrap() else { panic!() };
        assert_eq!(row.made, 2);
        drop(database);
        assert_eq!(open(&path).await.vm(row.vm.meta.id).await.unwrap().unwrap().made, 2);
    }
}
