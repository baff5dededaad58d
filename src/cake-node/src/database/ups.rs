//! The end that has begun because the power supply runs out.

use super::vms::{VmRow, read_vm};
use super::{Database, DatabaseError, forget_meta, meta_json, set_meta_json};
use crate::guests::Asked;
use cake_types::{UpsShutdown, VmId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

const ENDING: &str = "ending";

/// What was begun: after a restart nothing of it is done twice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ending {
    /// The boot in which it began: in another one the machine has been off.
    pub boot: Uuid,
    pub at: Timestamp,
    pub stage: UpsShutdown,
    /// Guests that were asked to shut down, each by an operation of its own.
    pub vms: Vec<Asked>,
}

impl Database {
    pub async fn ending(&self) -> Result<Option<Ending>, DatabaseError> {
        self.read(|connection| meta_json(connection, ENDING)).await
    }

    pub async fn set_ending(&self, ending: Option<Ending>) -> Result<(), DatabaseError> {
        self.write(move |connection| match ending {
            Some(ending) => set_meta_json(connection, ENDING, &ending),
            None => forget_meta(connection, ENDING),
        })
        .await
    }

    /// A VM that the end has stopped may start again. `None`: somebody else stopped it, or wants something new of it since.
    pub async fn release(&self, id: VmId, since: Timestamp) -> Result<Option<VmRow>, DatabaseError> {
        self.write(move |connection| {
            let Some(row) = read_vm(connection, id)? else { return Ok(None) };
            if row.removing || !row.halted.is_some_and(|halted| halted.by_host && halted.at >= since) {
                return Ok(None);
            }
            connection.execute("UPDATE vms SET halted = NULL WHERE id = ?1", [id.0.into_bytes()])?;
            Ok(Some(VmRow { halted: None, ..row }))
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cake_types::{Epoch, Generation, OperationId, Stamp, UpsSpec};

    fn spec(name: &str) -> Option<UpsSpec> {
        Some(UpsSpec {
            host: "localhost".into(),
            port: 3493,
            name: name.into(),
            user: None,
            password: None,
            minutes: 5,
        })
    }

    #[tokio::test]
    async fn the_newest_is_held_and_an_end_is_remembered() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(&folder.path().join("node.db")).unwrap();
        database.lead(Epoch(2)).await.unwrap();
        let stamp = |generation| Stamp { epoch: Epoch(2), generation: Generation(generation) };
        assert_eq!(database.ups().await.unwrap(), None);
        assert!(database.apply_ups(stamp(2), spec("a")).await.unwrap());
        assert!(!database.apply_ups(stamp(2), spec("a")).await.unwrap(), "the same again");
        assert!(database.apply_ups(stamp(2), spec("b")).await.is_err());
        assert!(database.apply_ups(stamp(1), spec("b")).await.is_err());
        assert!(database.apply_ups(Stamp { epoch: Epoch(1), generation: Generation(9) }, None).await.is_err());
        assert_eq!(database.ups().await.unwrap(), spec("a"));
        assert!(database.apply_ups(stamp(3), None).await.unwrap());

        let boot = Uuid::from_u128(7);
        let vms = vec![(VmId::now(), OperationId::now())];
        let ending = Ending { boot, at: Timestamp::UNIX_EPOCH, stage: UpsShutdown::Guests, vms };
        database.set_ending(Some(ending.clone())).await.unwrap();
        drop(database);
        let database = Database::open(&folder.path().join("node.db")).unwrap();
        assert_eq!(database.ups().await.unwrap(), None);
        assert_eq!(database.ending().await.unwrap(), Some(ending));
        assert_eq!(database.release(VmId::now(), Timestamp::UNIX_EPOCH).await.unwrap(), None);
        database.set_ending(None).await.unwrap();
        assert_eq!(database.ending().await.unwrap(), None);
    }
}
