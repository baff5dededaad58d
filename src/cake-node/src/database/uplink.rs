//! The machine's own network: what was confirmed last, what is being tried, and how the last trial ended.

use super::{Database, DatabaseError, fence, forget_meta, meta_json, refused, set_meta_json};
use cake_node_api::NodeError;
use cake_types::{Epoch, OperationId, UplinkEnd, UplinkEnded, UplinkSpec, UplinkTrial};
use jiff::Timestamp;
use rusqlite::Connection;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

const CONFIRMED: &str = "uplink";
const TRIAL: &str = "uplink-trial";
const ENDED: &str = "uplink-ended";

/// What holds unless something is being tried.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmed {
    pub spec: UplinkSpec,
    /// Raised whenever `spec` changes.
    pub generation: u64,
}

impl Database {
    /// `None`: nobody has ever said how it is to be.
    pub async fn uplink(&self) -> Result<Option<Confirmed>, DatabaseError> {
        self.read(|connection| known(connection, CONFIRMED)).await
    }

    pub async fn uplink_trial(&self) -> Result<Option<UplinkTrial>, DatabaseError> {
        self.read(|connection| known(connection, TRIAL)).await
    }

    pub async fn uplink_ended(&self) -> Result<Option<UplinkEnded>, DatabaseError> {
        self.read(|connection| known(connection, ENDED)).await
    }

    /// What the installation left is what holds at first. Later it says nothing.
    pub async fn begin_uplink(&self, spec: UplinkSpec) -> Result<(), DatabaseError> {
        self.write(move |connection| match known::<Confirmed>(connection, CONFIRMED)? {
            Some(_) => Ok(()),
            None => set_meta_json(connection, CONFIRMED, &Confirmed { spec, generation: 1 }),
        })
        .await
    }

    /// Writes a trial down before anything is done. `false`: it is known already.
    pub async fn try_uplink(&self, epoch: Epoch, new: UplinkTrial) -> Result<bool, DatabaseError> {
        self.write(move |connection| {
            fence(connection, epoch)?;
            let over = known::<UplinkEnded>(connection, ENDED)?;
            if over.is_some_and(|ended| ended.operation == new.operation) {
                return Ok(false);
            }
            match known::<UplinkTrial>(connection, TRIAL)? {
                Some(there) if there.operation == new.operation => Ok(false),
                Some(_) => refused("another network is being tried"),
                None => {
                    set_meta_json(connection, TRIAL, &new)?;
                    Ok(true)
                }
            }
        })
        .await
    }

    /// Somebody who leads ends a trial; the same end twice is one.
    pub async fn settle_uplink(
        &self,
        epoch: Epoch,
        operation: OperationId,
        end: UplinkEnd,
        at: Timestamp,
    ) -> Result<(), DatabaseError> {
        self.write(move |connection| {
            fence(connection, epoch)?;
            if end_trial(connection, operation, end, at)? {
                return Ok(());
            }
            match known::<UplinkEnded>(connection, ENDED)? {
                Some(ended) if ended.operation == operation && ended.end == end => Ok(()),
                Some(ended) if ended.operation == operation => refused("the trial is over"),
                _ => Err(DatabaseError::Refused(NodeError::Unknown)),
            }
        })
        .await
    }

    /// The node itself ends a trial. `false`: it is over already.
    pub async fn end_uplink(
        &self,
        operation: OperationId,
        end: UplinkEnd,
        at: Timestamp,
    ) -> Result<bool, DatabaseError> {
        self.write(move |connection| end_trial(connection, operation, end, at)).await
    }
}

fn end_trial(
    connection: &Connection,
    operation: OperationId,
    end: UplinkEnd,
    at: Timestamp,
) -> Result<bool, DatabaseError> {
    let trial = known::<UplinkTrial>(connection, TRIAL)?.filter(|trial| trial.operation == operation);
    let Some(trial) = trial else { return Ok(false) };
    if end == UplinkEnd::Confirmed {
        let before = known::<Confirmed>(connection, CONFIRMED)?.unwrap_or_default();
        let generation = before.generation + 1;
        set_meta_json(connection, CONFIRMED, &Confirmed { spec: trial.spec, generation })?;
    }
    forget_meta(connection, TRIAL)?;
    set_meta_json(connection, ENDED, &UplinkEnded { operation, end, at })?;
    Ok(true)
}

/// A later version may have written what this one does not know: the server, which went back, comes up as if nobody had said anything.
fn known<T: DeserializeOwned>(connection: &Connection, name: &str) -> Result<Option<T>, DatabaseError> {
    match meta_json(connection, name) {
        Err(DatabaseError::Record(error)) => {
            tracing::error!(%error, "what is written down of the network is not understood: {error}");
            Ok(None)
        }
        read => read,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trial(spec: &UplinkSpec) -> UplinkTrial {
        let (until, before) = (Timestamp::UNIX_EPOCH, Vec::new());
        UplinkTrial { operation: OperationId::now(), spec: spec.clone(), seconds: 90, applied: false, until, before }
    }

    #[tokio::test]
    async fn only_what_was_confirmed_holds() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(&folder.path().join("node.db")).unwrap();
        let (epoch, at) = (Epoch(1), Timestamp::UNIX_EPOCH);
        database.lead(epoch).await.unwrap();
        let [installed, other] = [7, 8].map(|vlan| UplinkSpec { vlan: Some(vlan), ..UplinkSpec::default() });
        assert_eq!(database.uplink().await.unwrap(), None);
        database.begin_uplink(installed.clone()).await.unwrap();
        database.begin_uplink(other.clone()).await.unwrap();
        assert_eq!(database.uplink().await.unwrap().unwrap(), Confirmed { spec: installed.clone(), generation: 1 });

        let first = trial(&other);
        assert!(database.try_uplink(epoch, first.clone()).await.unwrap());
        assert!(!database.try_uplink(epoch, first.clone()).await.unwrap(), "the same again");
        assert!(database.try_uplink(epoch, trial(&other)).await.is_err(), "one at a time");
        assert!(database.try_uplink(Epoch(0), trial(&other)).await.is_err());
        drop(database);
        let database = Database::open(&folder.path().join("node.db")).unwrap();
        assert_eq!(database.uplink_trial().await.unwrap(), Some(first.clone()));
        assert!(database.end_uplink(first.operation, UplinkEnd::Expired, at).await.unwrap());
        assert!(!database.end_uplink(first.operation, UplinkEnd::Expired, at).await.unwrap());
        assert_eq!(database.uplink().await.unwrap().unwrap().spec, installed, "as it was");
        let late = database.settle_uplink(epoch, first.operation, UplinkEnd::Confirmed, at).await;
        assert!(late.is_err(), "too late");
        assert!(!database.try_uplink(epoch, first.clone()).await.unwrap(), "it is over");

        let second = trial(&other);
        assert!(database.try_uplink(epoch, second.clone()).await.unwrap());
        for _ in 0..2 {
            database.settle_uplink(epoch, second.operation, UplinkEnd::Confirmed, at).await.unwrap();
        }
        assert_eq!(database.uplink().await.unwrap().unwrap(), Confirmed { spec: other, generation: 2 });
        assert_eq!(database.uplink_ended().await.unwrap().unwrap().end, UplinkEnd::Confirmed);
        let nobody = database.settle_uplink(epoch, OperationId::now(), UplinkEnd::Cancelled, at).await;
        assert!(nobody.is_err());
    }
}
