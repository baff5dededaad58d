//! Devices that are asked by SNMP.

use super::{Database, DatabaseError, fence};
use cake_node_api::NodeError;
use cake_types::{Device, DeviceId, Epoch, Generation, Stamp};
use rusqlite::{Connection, OptionalExtension, Row, params};

/// A device as it is written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceRow {
    pub device: Device,
    pub stamp: Stamp,
}

impl Database {
    /// Whether something changed: the very same may have been here already.
    pub async fn apply_device(&self, stamp: Stamp, device: Device) -> Result<bool, DatabaseError> {
        self.write(move |connection| {
            fence(connection, stamp.epoch)?;
            let id = device.meta.id;
            let gone = "SELECT 1 FROM devices WHERE id = ?1 AND gone = 1";
            if connection.query_row(gone, [key(id)], |_| Ok(())).optional()?.is_some() {
                return Err(DatabaseError::Refused(NodeError::Tombstoned));
            }
            match held(connection, id)? {
                Some(row) if row.stamp == stamp && row.device == device => return Ok(false),
                Some(row) if row.stamp >= stamp => {
                    return Err(DatabaseError::Refused(NodeError::StaleStamp { held: row.stamp }));
                }
                _ => {}
            }
            put(connection, id, stamp, &serde_json::to_string(&device)?, false)?;
            Ok(true)
        })
        .await
    }

    /// It can't come back under this id.
    pub async fn entomb_device(&self, id: DeviceId, stamp: Stamp) -> Result<(), DatabaseError> {
        self.write(move |connection| {
            fence(connection, stamp.epoch)?;
            if let Some(row) = held(connection, id)?.filter(|row| row.stamp > stamp) {
                return Err(DatabaseError::Refused(NodeError::StaleStamp { held: row.stamp }));
            }
            put(connection, id, stamp, "", true)
        })
        .await
    }

    /// All that are not gone.
    pub async fn devices(&self) -> Result<Vec<DeviceRow>, DatabaseError> {
        self.read(|connection| {
            let mut statement = connection.prepare(&format!("{SELECT} WHERE gone = 0 ORDER BY id"))?;
            let rows = statement.query_and_then([], read)?;
            rows.collect()
        })
        .await
    }
}

const SELECT: &str = "SELECT epoch, generation, record FROM devices";

fn key(id: DeviceId) -> [u8; 16] {
    id.0.into_bytes()
}

fn put(connection: &Connection, id: DeviceId, stamp: Stamp, record: &str, gone: bool) -> Result<(), DatabaseError> {
    connection.execute(
        "INSERT INTO devices (id, epoch, generation, record, gone) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (id) DO UPDATE SET epoch = excluded.epoch, generation = excluded.generation, record = excluded.record,
         gone = excluded.gone",
        params![key(id), stamp.epoch.0.cast_signed(), stamp.generation.0.cast_signed(), record, gone],
    )?;
    Ok(())
}

fn held(connection: &Connection, id: DeviceId) -> Result<Option<DeviceRow>, DatabaseError> {
    let mut statement = connection.prepare(&format!("{SELECT} WHERE id = ?1 AND gone = 0"))?;
    let mut rows = statement.query_and_then([key(id)], read)?;
    rows.next().transpose()
}

fn read(row: &Row<'_>) -> Result<DeviceRow, DatabaseError> {
    let number = |at| row.get::<_, i64>(at).map(i64::cast_unsigned);
    let stamp = Stamp { epoch: Epoch(number(0)?), generation: Generation(number(1)?) };
    let record: String = row.get(2)?;
    Ok(DeviceRow { device: serde_json::from_str(&record)?, stamp })
}

#[cfg(test)]
mod tests {
    use super::*;
    use cake_types::{DeviceKind, DeviceSpec, Meta, OsRng, ProjectName, SNMP_PORT, SecretKey, seal};
    use jiff::Timestamp;

    fn device(host: &str) -> Device {
        let now = Timestamp::UNIX_EPOCH;
        let key = SecretKey::generate(&mut OsRng).public();
        let spec = DeviceSpec {
            kind: DeviceKind::Pdu,
            host: host.into(),
            port: SNMP_PORT,
            community: seal(&"c".to_owned(), &[key], &mut OsRng).unwrap(),
            feed: None,
            rated_amps: None,
            outlets: Vec::new(),
            note: String::new(),
        };
        let meta = Meta {
            id: DeviceId(uuid::Uuid::from_u128(7)),
            project: ProjectName::default(),
            name: "pdu-a".parse().unwrap(),
            generation: Generation(1),
            created_at: now,
            updated_at: now,
        };
        Device { meta, spec }
    }

    #[tokio::test]
    async fn the_newest_is_held_and_what_is_gone_stays_gone() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(&folder.path().join("node.db")).unwrap();
        database.lead(Epoch(2)).await.unwrap();
        let stamp = |generation| Stamp { epoch: Epoch(2), generation: Generation(generation) };
        let (a, b) = (device("a"), device("b"));
        assert!(database.apply_device(stamp(1), a.clone()).await.unwrap());
        assert!(!database.apply_device(stamp(1), a.clone()).await.unwrap(), "the same again");
        assert!(database.apply_device(stamp(1), b.clone()).await.is_err());
        assert!(database.apply_device(stamp(3), b.clone()).await.unwrap());
        assert!(database.apply_device(stamp(2), a.clone()).await.is_err());
        assert_eq!(database.devices().await.unwrap(), [DeviceRow { device: b.clone(), stamp: stamp(3) }]);
        database.entomb_device(b.meta.id, stamp(3)).await.unwrap();
        assert!(database.devices().await.unwrap().is_empty());
        assert!(database.apply_device(stamp(4), b).await.is_err());
    }
}
