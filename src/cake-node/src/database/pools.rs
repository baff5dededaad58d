//! Pools, and images that were looked into.

use super::{Database, DatabaseError, fence};
use cake_node_api::NodeError;
use cake_types::{Epoch, Generation, PoolId, PoolSpec, Stamp};
use rusqlite::{OptionalExtension, params};
use uuid::Uuid;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolRow {
    pub id: PoolId,
    pub spec: PoolSpec,
    /// Where its mark was left: without it that directory is not the pool.
    pub marked: Option<String>,
}

/// What was found in an image's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedImage {
    pub sha256: String,
    pub problem: Option<String>,
}

impl Database {
    pub async fn apply_pool(&self, id: PoolId, stamp: Stamp, spec: PoolSpec) -> Result<PoolRow, DatabaseError> {
        self.write(move |connection| {
            fence(connection, stamp.epoch)?;
            let held = connection
                .query_row("SELECT epoch, generation, path FROM pools WHERE id = ?1", [id.0.into_bytes()], |row| {
                    Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, Option<String>>(2)?))
                })
                .optional()?;
            if let Some((epoch, generation, path)) = held {
                let held =
                    Stamp { epoch: Epoch(epoch.unsigned_abs()), generation: Generation(generation.unsigned_abs()) };
                if stamp < held || (stamp == held && path != spec.path) {
                    return Err(DatabaseError::Refused(NodeError::StaleStamp { held }));
                }
            }
            connection.execute(
                "INSERT INTO pools (id, epoch, generation, path) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (id)
                 DO UPDATE SET epoch = excluded.epoch, generation = excluded.generation, path = excluded.path",
                params![id.0.into_bytes(), stamp.epoch.0.cast_signed(), stamp.generation.0.cast_signed(), spec.path],
            )?;
            let marked = "SELECT marked FROM pools WHERE id = ?1";
            let marked = connection.query_row(marked, [id.0.into_bytes()], |row| row.get(0))?;
            Ok(PoolRow { id, spec, marked })
        })
        .await
    }

    /// The pool's mark lies at this path.
    pub async fn set_marked(&self, id: PoolId, path: String) -> Result<(), DatabaseError> {
        self.write(move |connection| {
            connection.execute("UPDATE pools SET marked = ?2 WHERE id = ?1", params![id.0.into_bytes(), path])?;
            Ok(())
        })
        .await
    }

    pub async fn pools(&self) -> Result<Vec<PoolRow>, DatabaseError> {
        self.read(|connection| {
            let mut statement = connection.prepare("SELECT id, path, marked FROM pools ORDER BY id")?;
            let rows = statement.query_and_then([], |row| {
                let id = Uuid::from_bytes(row.get(0)?);
                Ok(PoolRow { id: PoolId(id), spec: PoolSpec { path: row.get(1)? }, marked: row.get(2)? })
            })?;
            rows.collect()
        })
        .await
    }

    /// What was found in the file when it was as `mark` says.
    pub async fn checked_image(&self, path: String, mark: String) -> Result<Option<CheckedImage>, DatabaseError> {
        self.read(move |connection| {
            let found = connection
                .query_row("SELECT sha256, problem FROM images WHERE path = ?1 AND mark = ?2", [path, mark], |row| {
                    Ok(CheckedImage { sha256: row.get(0)?, problem: row.get(1)? })
                })
                .optional()?;
            Ok(found)
        })
        .await
    }

    pub async fn set_checked_image(
        &self,
        path: String,
        mark: String,
        found: CheckedImage,
    ) -> Result<(), DatabaseError> {
        self.write(move |connection| {
            connection.execute(
                "INSERT OR REPLACE INTO images (path, mark, sha256, problem) VALUES (?1, ?2, ?3, ?4)",
                params![path, mark, found.sha256, found.problem],
            )?;
            Ok(())
        })
        .await
    }
}
