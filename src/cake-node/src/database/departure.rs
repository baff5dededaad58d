//! The order to power this server off or to start it anew: one at a time, and how the last one ended.

use super::{Database, DatabaseError, fence, forget_meta, meta, meta_json, refused, set_meta, set_meta_json};
use crate::guests::Asked;
use cake_node_api::NodeError;
use cake_types::{Departed, Epoch, LeavingStage, LeavingWay, OperationId};
use jiff::Timestamp;
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

const DEPARTURE: &str = "departure";
const LEFT: &str = "left";
const CLOCK: &str = "clock";

/// What was begun: after a restart nothing of it is done twice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Departure {
    pub operation: OperationId,
    pub way: LeavingWay,
    pub stage: LeavingStage,
    /// The boot in which it began: in another one the machine has been off.
    pub boot: Uuid,
    /// How often user space was started anew in that boot. Nothing, where only the boot counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub soft_reboots: Option<u32>,
    /// The version that a soft reboot brings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    pub at: Timestamp,
    /// Seconds that guests have.
    pub seconds: u32,
    /// Guests that were asked to shut down, each by an operation of its own.
    pub vms: Vec<Asked>,
    /// Those that were started meanwhile were asked too.
    pub asked_again: bool,
}

impl Database {
    /// Writes an order down before anything is done. `false`: it is known already.
    pub async fn depart(&self, epoch: Epoch, new: Departure) -> Result<bool, DatabaseError> {
        self.write(move |connection| {
            fence(connection, epoch)?;
            let known = left(connection)?.is_some_and(|left| left.operation == new.operation);
            match departure(connection)? {
                _ if known => Ok(false),
                Some(there) if there.operation == new.operation => Ok(false),
                Some(_) => refused("another order to go off is under way"),
                None => {
                    keep(connection, &new)?;
                    Ok(true)
                }
            }
        })
        .await
    }

    pub async fn departure(&self) -> Result<Option<Departure>, DatabaseError> {
        self.read(departure).await
    }

    /// How the last order ended.
    pub async fn left(&self) -> Result<Option<Departed>, DatabaseError> {
        self.read(left).await
    }

    /// Calls an order off, unless systemd has been told.
    pub async fn stay(&self, epoch: Epoch, operation: OperationId) -> Result<(), DatabaseError> {
        self.write(move |connection| {
            fence(connection, epoch)?;
            match departure(connection)? {
                Some(there) if there.operation == operation => match there.stage {
                    LeavingStage::Host => refused("the server is going off already"),
                    LeavingStage::Guests | LeavingStage::Back => {
                        keep(connection, &Departure { stage: LeavingStage::Back, ..there })
                    }
                },
                _ if left(connection)?.is_some_and(|left| left.operation == operation) => Ok(()),
                _ => Err(DatabaseError::Refused(NodeError::Unknown)),
            }
        })
        .await
    }

    /// systemd is about to be told. `false`: the order was called off.
    pub async fn go(&self, operation: OperationId) -> Result<bool, DatabaseError> {
        self.write(move |connection| match departure(connection)? {
            Some(there) if there.operation == operation && there.stage != LeavingStage::Back => {
                keep(connection, &Departure { stage: LeavingStage::Host, ..there })?;
                Ok(true)
            }
            _ => Ok(false),
        })
        .await
    }

    /// Guests that were started meanwhile are about to be asked.
    pub async fn ask_late(&self, operation: OperationId, late: Vec<Asked>) -> Result<(), DatabaseError> {
        self.write(move |connection| match departure(connection)? {
            Some(mut there) if there.operation == operation => {
                there.vms.extend(late);
                keep(connection, &Departure { asked_again: true, ..there })
            }
            _ => Ok(()),
        })
        .await
    }

    pub async fn end_departure(&self, left: Departed) -> Result<(), DatabaseError> {
        self.write(move |connection| {
            forget_meta(connection, DEPARTURE)?;
            set_meta_json(connection, LEFT, &left)
        })
        .await
    }

    /// The clock is about to be set. `false`: by this operation it was.
    pub async fn set_clock_once(&self, epoch: Epoch, operation: OperationId) -> Result<bool, DatabaseError> {
        self.write(move |connection| {
            fence(connection, epoch)?;
            if meta(connection, CLOCK)?.is_some_and(|last| last == operation.to_string()) {
                return Ok(false);
            }
            set_meta(connection, CLOCK, &operation.to_string())?;
            Ok(true)
        })
        .await
    }
}

fn keep(connection: &Connection, departure: &Departure) -> Result<(), DatabaseError> {
    set_meta_json(connection, DEPARTURE, departure)
}

fn departure(connection: &Connection) -> Result<Option<Departure>, DatabaseError> {
    meta_json(connection, DEPARTURE)
}

fn left(connection: &Connection) -> Result<Option<Departed>, DatabaseError> {
    meta_json(connection, LEFT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use cake_types::LeavingEnd;

    fn order(operation: OperationId) -> Departure {
        Departure {
            operation,
            way: LeavingWay::Reboot,
            stage: LeavingStage::Guests,
            boot: Uuid::from_u128(7),
            soft_reboots: None,
            version: None,
            at: Timestamp::UNIX_EPOCH,
            seconds: 30,
            vms: Vec::new(),
            asked_again: false,
        }
    }

    #[tokio::test]
    async fn one_order_at_a_time_is_carried_out_once() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(&folder.path().join("node.db")).unwrap();
        let epoch = Epoch(2);
        database.lead(epoch).await.unwrap();
        let (first, second) = (OperationId::now(), OperationId::now());
        assert!(database.depart(Epoch(1), order(first)).await.is_err(), "a leader of before");
        assert!(database.depart(epoch, order(first)).await.unwrap());
        assert!(!database.depart(epoch, order(first)).await.unwrap(), "asked twice");
        assert!(database.depart(epoch, order(second)).await.is_err(), "one at a time");
        assert!(database.stay(epoch, second).await.is_err());
        let late = (cake_types::VmId::now(), OperationId::now());
        database.ask_late(first, vec![late]).await.unwrap();
        assert!(database.go(first).await.unwrap());
        assert!(database.stay(epoch, first).await.is_err(), "there is no way back");
        drop(database);
        let database = Database::open(&folder.path().join("node.db")).unwrap();
        let there = database.departure().await.unwrap().unwrap();
        assert_eq!((there.stage, there.vms, there.asked_again), (LeavingStage::Host, vec![late], true));
        let left = Departed { operation: first, end: LeavingEnd::Done, detail: None };
        database.end_departure(left.clone()).await.unwrap();
        assert!(!database.depart(epoch, order(first)).await.unwrap(), "asked again after it is over");
        assert_eq!((database.departure().await.unwrap(), database.left().await.unwrap()), (None, Some(left)));

        assert!(database.depart(epoch, order(second)).await.unwrap());
        database.stay(epoch, second).await.unwrap();
        assert!(!database.go(second).await.unwrap(), "called off is called off");
        assert!(database.set_clock_once(epoch, first).await.unwrap());
        assert!(!database.set_clock_once(epoch, first).await.unwrap());
    }
}
