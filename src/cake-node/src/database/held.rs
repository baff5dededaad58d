//! Desired state of which a node has one: the newest is held, an older one is refused.

use super::{Database, DatabaseError, fence, meta_json, set_meta_json};
use cake_node_api::NodeError;
use cake_types::{HostSpec, Stamp, UpsSpec};
use rusqlite::Connection;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

const UPS: &str = "ups";
const HOST: &str = "host";

#[derive(Serialize, Deserialize)]
struct Held<T> {
    stamp: Stamp,
    spec: T,
}

impl Database {
    /// Whether something changed.
    pub async fn apply_ups(&self, stamp: Stamp, spec: Option<UpsSpec>) -> Result<bool, DatabaseError> {
        self.write(move |connection| apply(connection, UPS, stamp, spec)).await
    }

    pub async fn ups(&self) -> Result<Option<UpsSpec>, DatabaseError> {
        self.read(|connection| Ok(meta_json::<Held<Option<UpsSpec>>>(connection, UPS)?.and_then(|held| held.spec)))
            .await
    }

    /// Whether something changed.
    pub async fn apply_host(&self, stamp: Stamp, spec: HostSpec) -> Result<bool, DatabaseError> {
        self.write(move |connection| apply(connection, HOST, stamp, spec)).await
    }

    pub async fn host(&self) -> Result<HostSpec, DatabaseError> {
        self.read(|connection| {
            Ok(meta_json::<Held<HostSpec>>(connection, HOST)?.map(|held| held.spec).unwrap_or_default())
        })
        .await
    }
}

fn apply<T: PartialEq + Serialize + DeserializeOwned>(
    connection: &Connection,
    name: &str,
    stamp: Stamp,
    spec: T,
) -> Result<bool, DatabaseError> {
    fence(connection, stamp.epoch)?;
    let held: Option<Held<T>> = meta_json(connection, name)?;
    if let Some(held) = &held
        && (stamp < held.stamp || (stamp == held.stamp && spec != held.spec))
    {
        return Err(DatabaseError::Refused(NodeError::StaleStamp { held: held.stamp }));
    }
    let changed = held.is_none_or(|held| held.spec != spec);
    set_meta_json(connection, name, &Held { stamp, spec })?;
    Ok(changed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use cake_types::{Epoch, Generation};

    #[tokio::test]
    async fn the_newest_is_held() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(&folder.path().join("node.db")).unwrap();
        database.lead(Epoch(2)).await.unwrap();
        let stamp = |generation| Stamp { epoch: Epoch(2), generation: Generation(generation) };
        let spec = |zone: &str| HostSpec { time_zone: Some(zone.into()), ..HostSpec::default() };
        assert_eq!(database.host().await.unwrap(), HostSpec::default());
        assert!(database.apply_host(stamp(2), spec("Asia/Taipei")).await.unwrap());
        assert!(!database.apply_host(stamp(2), spec("Asia/Taipei")).await.unwrap(), "the same again");
        assert!(database.apply_host(stamp(2), spec("UTC")).await.is_err());
        assert!(database.apply_host(stamp(1), spec("UTC")).await.is_err());
        let of_another_leader = Stamp { epoch: Epoch(1), generation: Generation(9) };
        assert!(database.apply_host(of_another_leader, spec("UTC")).await.is_err());
        drop(database);
        let database = Database::open(&folder.path().join("node.db")).unwrap();
        assert_eq!(database.host().await.unwrap(), spec("Asia/Taipei"));
        assert_eq!(database.ups().await.unwrap(), None);
    }
}
