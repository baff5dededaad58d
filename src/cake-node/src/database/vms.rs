//! VMs and tombstones.

use super::{Database, DatabaseError, fence, meta, set_meta};
use cake_node_api::{NodeError, RemovedRecord};
use cake_types::{Epoch, Generation, HaltedBy, Stamp, Vm, VmId};
use jiff::Timestamp;
use rusqlite::{Connection, Row, params};
use uuid::Uuid;

/// The first user of a VM; system and people's users are far below, and so are those of containers.
const FIRST_UID: u32 = 1_900_000_000;

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
    pub async fn apply_vm(&self, stamp: Stamp, vm: Vm) -> Result<Applied, DatabaseError> {
        self.write(move |connection| {
            fence(connection, stamp.epoch)?;
            let id = vm.meta.id;
            if tombstone(connection, id)?.is_some() {
                return Err(DatabaseError::Refused(NodeError::Tombstoned));
            }
            let record = serde_json::to_string(&vm)?;
            let Some(Held { stamp: held, record: text, uid, halted, made }) = held(connection, id)? else {
                let uid = next_uid(connection)?;
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

    /// Writes the tombstone. The VM's own row stays until all of it is gone.
    pub async fn entomb(&self, id: VmId, stamp: Stamp, at: Timestamp) -> Result<Tombstone, DatabaseError> {
        self.write(move |connection| {
            fence(connection, stamp.epoch)?;
            let row = read_vm(connection, id)?;
            if let Some(row) = &row
                && stamp < row.stamp
            {
                return Err(DatabaseError::Refused(NodeError::StaleStamp { held: row.stamp }));
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

    pub async fn set_halted(&self, id: VmId, halted: HaltedBy) -> Result<(), DatabaseError> {
        self.write(move |connection| {
            let text = serde_json::to_string(&halted)?;
            connection.execute("UPDATE vms SET halted = ?2 WHERE id = ?1", params![id.0.into_bytes(), text])?;
            Ok(())
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

fn read_vm(connection: &Connection, id: VmId) -> Result<Option<VmRow>, DatabaseError> {
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
fn next_uid(connection: &Connection) -> Result<u32, DatabaseError> {
    let next = meta(connection, "next-uid")?.and_then(|text| text.parse().ok()).unwrap_or(FIRST_UID);
    set_meta(connection, "next-uid", &(next + 1).to_string())?;
    Ok(next)
}
