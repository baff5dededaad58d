//! What the node must not forget: SQLite in a thread of its own, every commit on the disk when it returns.
//!
//! ```text
//!  meta        node id, highest epoch, next uid, which power supply is watched, what the machine is to be called, its own network,
//!              an end or a departure that was begun, how the last order about the firmware ended
//!  vms         id → stamp, uid, record, halted, removing, how many disks were made
//!  tombstones  ids that can never come back
//!  operations  id → verb, whether it was begun, outcome (the last thousand)
//!  pools       id → stamp, path, where its mark is
//!  images      files that were looked into, as they were then
//!  imports     id → stamp, record, how far; what is gone stays as a tombstone
//!  servers     id → stamp, record, what tells its machine from others, the stamp whose password was refused
//!  server_operations   as operations, of servers
//!  devices     id → stamp, record
//!  wear        disk → when it stepped from one per cent to the next (the 256 that stepped last)
//! ```
//!
//! Which QEMU lives is not written here: the lock that it holds says so (`cake_vm::Folder`), and can't be out of date.

mod departure;
mod devices;
mod exports;
#[cfg(test)]
mod golden;
mod held;
mod imports;
mod journal;
mod operations;
mod pools;
mod schema;
mod servers;
mod update;
mod uplink;
mod ups;
mod vms;
mod wear;

pub use departure::Departure;
pub use devices::DeviceRow;
pub use exports::ExportRow;
pub use imports::ImportRow;
pub use operations::PendingOperation;
pub use pools::{CheckedImage, PoolRow};
pub use servers::{PendingOrder, ServerRow};
pub use uplink::Confirmed;
pub use ups::Ending;
pub use vms::{Applied, FIRST_UID, Tombstone, USERS, VmRow};

use cake_node_api::NodeError;
use cake_types::{Epoch, NodeId};
use rusqlite::{Connection, ErrorCode, OptionalExtension};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use tokio::sync::oneshot;

#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    #[error("cannot use {path}")]
    Open {
        path: PathBuf,
        #[source]
        source: rusqlite::Error,
    },
    #[error("{path} was written by a newer version of cake ({found}, this one knows {known})")]
    Newer { path: PathBuf, found: i64, known: i64 },
    #[error("the database failed")]
    Sqlite(#[from] rusqlite::Error),
    #[error("a record of the database can't be read")]
    Record(#[from] serde_json::Error),
    #[error("the database has been closed")]
    Closed,
    #[error("refused")]
    Refused(NodeError),
}

impl From<DatabaseError> for NodeError {
    fn from(error: DatabaseError) -> Self {
        match error {
            DatabaseError::Refused(refusal) => refusal,
            DatabaseError::Sqlite(rusqlite::Error::SqliteFailure(error, _)) if error.code == ErrorCode::DiskFull => {
                Self::NoSpace
            }
            error => {
                tracing::error!(%error, "the node's database: {error}");
                Self::Internal { detail: error.to_string() }
            }
        }
    }
}

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// The node's database. Clones share it.
#[derive(Clone)]
pub struct Database {
    jobs: mpsc::Sender<Job>,
}

impl Database {
    pub fn open(path: &Path) -> Result<Self, DatabaseError> {
        let mut connection = schema::open(path)?;
        let (jobs, received) = mpsc::channel::<Job>();
        std::thread::Builder::new()
            .name("database".into())
            .stack_size(256 * 1024)
            .spawn(move || received.iter().for_each(|job| job(&mut connection)))
            .map_err(|_| DatabaseError::Closed)?;
        Ok(Self { jobs })
    }

    /// Does something in one transaction, which is on the disk when this returns.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, DatabaseError> + Send + 'static,
    ) -> Result<T, DatabaseError> {
        self.run(move |connection| {
            let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
            let result = work(&transaction)?;
            transaction.commit()?;
            Ok(result)
        })
        .await
    }

    pub(crate) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, DatabaseError> + Send + 'static,
    ) -> Result<T, DatabaseError> {
        self.run(move |connection| work(connection)).await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, DatabaseError> + Send + 'static,
    ) -> Result<T, DatabaseError> {
        let (send, receive) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            // Whoever asked may have gone; the work is done all the same.
            let _ = send.send(work(connection));
        });
        self.jobs.send(job).map_err(|_| DatabaseError::Closed)?;
        receive.await.map_err(|_| DatabaseError::Closed)?
    }

    /// The node's own id, made once.
    pub async fn node_id(&self) -> Result<NodeId, DatabaseError> {
        self.write(|connection| {
            if let Some(text) = meta(connection, "node")?
                && let Ok(id) = text.parse()
            {
                return Ok(id);
            }
            let id = NodeId::now();
            set_meta(connection, "node", &id.to_string())?;
            Ok(id)
        })
        .await
    }

    pub async fn highest_epoch(&self) -> Result<Epoch, DatabaseError> {
        self.read(highest_epoch).await
    }

    /// Refuses whoever is not the leader of the highest epoch: before something is done that is written down only afterwards.
    pub async fn is_led_by(&self, epoch: Epoch) -> Result<(), DatabaseError> {
        self.read(move |connection| fence(connection, epoch)).await
    }

    /// Lets a leader in, unless a later one has been here. Gives the highest epoch before.
    pub async fn lead(&self, epoch: Epoch) -> Result<Epoch, DatabaseError> {
        self.write(move |connection| {
            let highest = highest_epoch(connection)?;
            if epoch < highest {
                return Err(DatabaseError::Refused(NodeError::StaleEpoch { highest }));
            }
            if epoch > highest {
                set_meta(connection, "epoch", &epoch.0.to_string())?;
            }
            Ok(highest)
        })
        .await
    }
}

fn highest_epoch(connection: &Connection) -> Result<Epoch, DatabaseError> {
    Ok(Epoch(meta(connection, "epoch")?.and_then(|text| text.parse().ok()).unwrap_or(0)))
}

/// Who acts must be the leader of the highest epoch.
fn fence(connection: &Connection, epoch: Epoch) -> Result<(), DatabaseError> {
    let highest = highest_epoch(connection)?;
    match epoch.cmp(&highest) {
        std::cmp::Ordering::Less => Err(DatabaseError::Refused(NodeError::StaleEpoch { highest })),
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Greater => Err(DatabaseError::Refused(NodeError::NoHello)),
    }
}

fn meta(connection: &Connection, name: &str) -> Result<Option<String>, DatabaseError> {
    let mut statement = connection.prepare("SELECT value FROM meta WHERE name = ?1")?;
    Ok(statement.query_row([name], |row| row.get(0)).optional()?)
}

fn refused<T>(detail: &str) -> Result<T, DatabaseError> {
    Err(DatabaseError::Refused(NodeError::Invalid { detail: detail.into() }))
}

fn meta_json<T: DeserializeOwned>(connection: &Connection, name: &str) -> Result<Option<T>, DatabaseError> {
    Ok(meta(connection, name)?.map(|text| serde_json::from_str(&text)).transpose()?)
}

fn set_meta_json(connection: &Connection, name: &str, value: &impl Serialize) -> Result<(), DatabaseError> {
    set_meta(connection, name, &serde_json::to_string(value)?)
}

fn forget_meta(connection: &Connection, name: &str) -> Result<(), DatabaseError> {
    connection.execute("DELETE FROM meta WHERE name = ?1", [name])?;
    Ok(())
}

fn set_meta(connection: &Connection, name: &str, value: &str) -> Result<(), DatabaseError> {
    let mut statement = connection.prepare("INSERT OR REPLACE INTO meta (name, value) VALUES (?1, ?2)")?;
    statement.execute([name, value])?;
    Ok(())
}
