//! Servers whose BMCs are watched, and what was ordered of them.

use super::journal::{Journal, Pending};
use super::{Database, DatabaseError, fence};
use cake_node_api::{NodeError, ServerOutcome};
use cake_types::{Epoch, Generation, OperationId, Server, ServerId, ServerVerb, Stamp, is_same_machine};
use rusqlite::{Connection, OptionalExtension, Row, params};
use uuid::Uuid;

const JOURNAL: Journal = Journal { table: "server_operations", subject: "server" };

/// A server as it is written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerRow {
    pub server: Server,
    pub stamp: Stamp,
    /// What its BMC said that tells the machine from others, the first time.
    pub guid: Option<Uuid>,
    /// The BMC has refused user or password: they are not tried again.
    pub refused: bool,
}

/// Accepted, and without an outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PendingOrder {
    pub operation: OperationId,
    pub server: ServerId,
    pub verb: ServerVerb,
    /// It was about to happen when it was last heard of, and may have happened.
    pub begun: bool,
}

impl Database {
    /// `None`: the very same was here already. Another BMC may be another machine, another password may be the right one.
    pub async fn apply_server(&self, stamp: Stamp, server: Server) -> Result<Option<ServerRow>, DatabaseError> {
        self.write(move |connection| {
            fence(connection, stamp.epoch)?;
            let id = server.meta.id;
            let gone = "SELECT 1 FROM servers WHERE id = ?1 AND gone = 1";
            if connection.query_row(gone, [key(id)], |_| Ok(())).optional()?.is_some() {
                return Err(DatabaseError::Refused(NodeError::Tombstoned));
            }
            let held = held(connection, id)?;
            match &held {
                Some(row) if row.stamp == stamp && row.server == server => return Ok(None),
                Some(row) if row.stamp >= stamp => {
                    return Err(DatabaseError::Refused(NodeError::StaleStamp { held: row.stamp }));
                }
                _ => {}
            }
            let same = held.filter(|row| is_same_machine(row.server.spec.bmc.as_ref(), server.spec.bmc.as_ref()));
            // Whatever is new may be what the BMC takes.
            let refused = same.as_ref().is_some_and(|row| row.refused && row.server.spec.bmc == server.spec.bmc);
            let guid = same.and_then(|row| row.guid);
            let row = ServerRow { server, stamp, guid, refused };
            put(connection, &row)?;
            Ok(Some(row))
        })
        .await
    }

    /// It can't come back under this id.
    pub async fn entomb_server(&self, id: ServerId, stamp: Stamp) -> Result<(), DatabaseError> {
        self.write(move |connection| {
            fence(connection, stamp.epoch)?;
            if let Some(row) = held(connection, id)?.filter(|row| row.stamp > stamp) {
                return Err(DatabaseError::Refused(NodeError::StaleStamp { held: row.stamp }));
            }
            connection.execute(
                "INSERT INTO servers (id, epoch, generation, record, gone) VALUES (?1, ?2, ?3, '', 1)
                 ON CONFLICT (id) DO UPDATE SET epoch = excluded.epoch, generation = excluded.generation, record = '', guid = NULL,
                 gone = 1",
                params![key(id), stamp.epoch.0.cast_signed(), stamp.generation.0.cast_signed()],
            )?;
            Ok(())
        })
        .await
    }

    /// All that are not gone.
    pub async fn servers(&self) -> Result<Vec<ServerRow>, DatabaseError> {
        self.read(|connection| {
            let mut statement = connection.prepare(&format!("{SELECT} WHERE gone = 0 ORDER BY id"))?;
            let rows = statement.query_and_then([], read)?;
            rows.collect()
        })
        .await
    }

    /// What tells the machine from others: kept where nothing was before.
    pub async fn set_guid(&self, id: ServerId, guid: Uuid) -> Result<(), DatabaseError> {
        self.write(move |connection| {
            let change = "UPDATE servers SET guid = ?2 WHERE id = ?1 AND guid IS NULL AND gone = 0";
            connection.execute(change, params![key(id), guid.into_bytes()])?;
            Ok(())
        })
        .await
    }

    /// User or password of this stamp were refused.
    pub async fn set_refused(&self, id: ServerId, stamp: Stamp) -> Result<(), DatabaseError> {
        self.write(move |connection| {
            let change = "UPDATE servers SET refused = 'yes' WHERE id = ?1 AND epoch = ?2 AND generation = ?3";
            connection
                .execute(change, params![key(id), stamp.epoch.0.cast_signed(), stamp.generation.0.cast_signed()])?;
            Ok(())
        })
        .await
    }

    /// Writes an order down before it is carried out. `false`: it is known already.
    pub async fn accept_order(&self, epoch: Epoch, order: PendingOrder) -> Result<bool, DatabaseError> {
        self.write(move |connection| {
            fence(connection, epoch)?;
            if held(connection, order.server)?.is_none() {
                return Err(DatabaseError::Refused(NodeError::Unknown));
            }
            JOURNAL.accept(connection, order.operation, order.server.0, &order.verb)
        })
        .await
    }

    /// It is about to happen. `false`: somebody has begun it before.
    pub async fn begin_order(&self, id: OperationId) -> Result<bool, DatabaseError> {
        self.write(move |connection| JOURNAL.begin(connection, id)).await
    }

    pub async fn finish_order(&self, outcome: ServerOutcome) -> Result<(), DatabaseError> {
        self.write(move |connection| JOURNAL.finish(connection, outcome.operation, &outcome)).await
    }

    pub async fn pending_orders(&self) -> Result<Vec<PendingOrder>, DatabaseError> {
        let pending = self.read(|connection| JOURNAL.pending(connection)).await?;
        let order = |Pending { id: operation, subject, verb, begun }| PendingOrder {
            operation,
            server: ServerId(subject),
            verb,
            begun,
        };
        Ok(pending.into_iter().map(order).collect())
    }

    pub async fn order_outcomes(&self) -> Result<Vec<ServerOutcome>, DatabaseError> {
        self.read(|connection| JOURNAL.outcomes(connection)).await
    }
}

const SELECT: &str = "SELECT epoch, generation, record, guid, refused FROM servers";

fn key(id: ServerId) -> [u8; 16] {
    id.0.into_bytes()
}

/// What is written down, unless it is gone.
fn held(connection: &Connection, id: ServerId) -> Result<Option<ServerRow>, DatabaseError> {
    let mut statement = connection.prepare(&format!("{SELECT} WHERE id = ?1 AND gone = 0"))?;
    let mut rows = statement.query_and_then([key(id)], read)?;
    rows.next().transpose()
}

fn read(row: &Row<'_>) -> Result<ServerRow, DatabaseError> {
    let record: String = row.get(2)?;
    let stamp = Stamp {
        epoch: Epoch(row.get::<_, i64>(0)?.cast_unsigned()),
        generation: Generation(row.get::<_, i64>(1)?.cast_unsigned()),
    };
    let guid = row.get::<_, Option<[u8; 16]>>(3)?.map(Uuid::from_bytes);
    let refused = row.get::<_, Option<String>>(4)?.is_some();
    Ok(ServerRow { server: serde_json::from_str(&record)?, stamp, guid, refused })
}

fn put(connection: &Connection, row: &ServerRow) -> Result<(), DatabaseError> {
    connection.execute(
        "INSERT OR REPLACE INTO servers (id, epoch, generation, record, guid, refused) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            key(row.server.meta.id),
            row.stamp.epoch.0.cast_signed(),
            row.stamp.generation.0.cast_signed(),
            serde_json::to_string(&row.server)?,
            row.guid.map(Uuid::into_bytes),
            row.refused.then_some("yes"),
        ],
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use cake_node_api::OperationResult;
    use cake_types::{BmcAccess, BmcSpec, ChassisVerb, Meta, ProjectName, ServerSpec};
    use jiff::Timestamp;

    fn server(host: &str) -> Server {
        let meta = Meta {
            id: ServerId(Uuid::from_u128(1)),
            project: ProjectName::default(),
            name: "lab-1".parse().unwrap(),
            generation: Generation(1),
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
        };
        let (access, user) = (BmcAccess::Ipmi, "admin".into());
        let bmc =
            BmcSpec { access, host: host.into(), port: 623, user, password: None, key: None, weak: None, next: None };
        Server { meta, spec: ServerSpec { bmc: Some(bmc), ..ServerSpec::default() } }
    }

    fn stamp(generation: u64) -> Stamp {
        Stamp { epoch: Epoch(1), generation: Generation(generation) }
    }

    #[tokio::test]
    async fn a_password_that_was_refused_is_remembered_until_another_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("node.db");
        let database = Database::open(&path).unwrap();
        database.lead(Epoch(1)).await.unwrap();
        let row = database.apply_server(stamp(1), server("a")).await.unwrap().unwrap();
        assert!(!row.refused && row.guid.is_none());
        assert_eq!(database.apply_server(stamp(1), server("a")).await.unwrap(), None, "the same again");
        assert!(database.apply_server(stamp(1), server("b")).await.is_err());
        let (id, guid) = (row.server.meta.id, Uuid::from_u128(7));
        database.set_guid(id, guid).await.unwrap();
        database.set_guid(id, Uuid::from_u128(8)).await.unwrap();
        database.set_refused(id, stamp(1)).await.unwrap();
        drop(database);
        let database = Database::open(&path).unwrap();
        let held = database.servers().await.unwrap().remove(0);
        assert!(held.refused && held.guid == Some(guid), "the first GUID stays");
        let renamed = database.apply_server(stamp(2), server("a")).await.unwrap().unwrap();
        assert!(renamed.refused && renamed.guid == Some(guid), "the BMC is the same");
        let moved = database.apply_server(stamp(3), server("b")).await.unwrap().unwrap();
        assert!(!moved.refused && moved.guid.is_none());
        assert!(database.entomb_server(id, stamp(2)).await.is_err(), "an order of before");
        database.entomb_server(id, stamp(4)).await.unwrap();
        assert!(database.servers().await.unwrap().is_empty());
        assert!(database.apply_server(stamp(5), server("b")).await.is_err(), "it can't come back");
    }

    #[tokio::test]
    async fn an_order_is_known_once_and_across_a_crash() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("node.db");
        let database = Database::open(&path).unwrap();
        database.lead(Epoch(1)).await.unwrap();
        database.apply_server(stamp(1), server("a")).await.unwrap();
        let verb = ServerVerb::Power { chassis: ChassisVerb::Cycle };
        let order =
            PendingOrder { operation: OperationId::now(), server: ServerId(Uuid::from_u128(1)), verb, begun: false };
        assert!(database.accept_order(Epoch(0), order).await.is_err(), "a leader of before");
        assert!(database.accept_order(Epoch(1), order).await.unwrap());
        assert!(!database.accept_order(Epoch(1), order).await.unwrap());
        assert!(database.begin_order(order.operation).await.unwrap());
        assert!(!database.begin_order(order.operation).await.unwrap(), "whoever comes second leaves it alone");
        drop(database);
        let database = Database::open(&path).unwrap();
        assert_eq!(database.pending_orders().await.unwrap(), [PendingOrder { begun: true, ..order }]);
        let outcome = ServerOutcome {
            operation: order.operation,
            server: order.server,
            at: Timestamp::UNIX_EPOCH,
            result: OperationResult::Done,
        };
        database.finish_order(outcome.clone()).await.unwrap();
        assert!(database.pending_orders().await.unwrap().is_empty());
        assert_eq!(database.order_outcomes().await.unwrap(), [outcome]);
        let unknown = PendingOrder { server: ServerId::now(), operation: OperationId::now(), ..order };
        assert!(database.accept_order(Epoch(1), unknown).await.is_err());
    }
}
