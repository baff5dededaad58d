//! Imports, and the tombstones of what was imported.

use super::{Database, DatabaseError, fence};
use cake_node_api::NodeError;
use cake_types::{Epoch, Failure, Generation, ImageId, Import, ImportStage, Stamp};
use rusqlite::{Connection, OptionalExtension, Row, params};

/// An import as it is written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportRow {
    pub import: Import,
    pub stamp: Stamp,
    pub stage: ImportStage,
    pub failure: Option<Failure>,
}

impl Database {
    /// `None`: the very same was here already.
    pub async fn apply_import(&self, stamp: Stamp, import: Import) -> Result<Option<ImportRow>, DatabaseError> {
        self.write(move |connection| {
            fence(connection, stamp.epoch)?;
            let id = import.meta.id;
            let gone = "SELECT 1 FROM imports WHERE id = ?1 AND gone = 1";
            if connection.query_row(gone, [id.0.into_bytes()], |_| Ok(())).optional()?.is_some() {
                return Err(DatabaseError::Refused(NodeError::Tombstoned));
            }
            let (stage, failure) = match held(connection, id)? {
                Some(row) if row.stamp == stamp && row.import == import => return Ok(None),
                Some(row) if row.stamp >= stamp => {
                    return Err(DatabaseError::Refused(NodeError::StaleStamp { held: row.stamp }));
                }
                Some(row) => (row.stage, row.failure),
                None => (ImportStage::Receiving, None),
            };
            let row = ImportRow { import, stamp, stage, failure };
            put(connection, &row)?;
            Ok(Some(row))
        })
        .await
    }

    /// How far it is now.
    pub async fn set_import_stage(
        &self,
        id: ImageId,
        stage: ImportStage,
        failure: Option<Failure>,
    ) -> Result<(), DatabaseError> {
        self.write(move |connection| {
            let failure = failure.as_ref().map(serde_json::to_string).transpose()?;
            connection.execute(
                "UPDATE imports SET stage = ?2, failure = ?3 WHERE id = ?1",
                params![id.0.into_bytes(), stage.as_str(), failure],
            )?;
            Ok(())
        })
        .await
    }

    /// Nothing of it is wanted any more, and it can't come back.
    pub async fn entomb_import(&self, id: ImageId, stamp: Stamp) -> Result<(), DatabaseError> {
        self.write(move |connection| {
            fence(connection, stamp.epoch)?;
            connection.execute(
                "INSERT INTO imports (id, epoch, generation, record, stage, gone) VALUES (?1, ?2, ?3, '', '', 1)
                 ON CONFLICT (id) DO UPDATE SET epoch = excluded.epoch, generation = excluded.generation, gone = 1",
                params![id.0.into_bytes(), stamp.epoch.0.cast_signed(), stamp.generation.0.cast_signed()],
            )?;
            Ok(())
        })
        .await
    }

    /// All that are not gone.
    pub async fn imports(&self) -> Result<Vec<ImportRow>, DatabaseError> {
        self.read(|connection| {
            let mut statement = connection.prepare(&format!("{SELECT} WHERE gone = 0 ORDER BY id"))?;
            let rows = statement.query_and_then([], read)?;
            rows.collect()
        })
        .await
    }

    pub async fn import(&self, id: ImageId) -> Result<Option<ImportRow>, DatabaseError> {
        self.read(move |connection| held(connection, id)).await
    }
}

const SELECT: &str = "SELECT epoch, generation, record, stage, failure FROM imports";

/// What is written down, unless it is gone.
fn held(connection: &Connection, id: ImageId) -> Result<Option<ImportRow>, DatabaseError> {
    let mut statement = connection.prepare(&format!("{SELECT} WHERE id = ?1 AND gone = 0"))?;
    let mut rows = statement.query_and_then([id.0.into_bytes()], read)?;
    rows.next().transpose()
}

fn read(row: &Row<'_>) -> Result<ImportRow, DatabaseError> {
    let (record, stage): (String, String) = (row.get(2)?, row.get(3)?);
    let failure: Option<String> = row.get(4)?;
    let stamp = Stamp {
        epoch: Epoch(row.get::<_, i64>(0)?.cast_unsigned()),
        generation: Generation(row.get::<_, i64>(1)?.cast_unsigned()),
    };
    Ok(ImportRow {
        import: serde_json::from_str(&record)?,
        stamp,
        stage: serde_json::from_value(stage.into())?,
        failure: failure.as_deref().map(serde_json::from_str).transpose()?,
    })
}

fn put(connection: &Connection, row: &ImportRow) -> Result<(), DatabaseError> {
    let failure = row.failure.as_ref().map(serde_json::to_string).transpose()?;
    connection.execute(
        "INSERT OR REPLACE INTO imports (id, epoch, generation, record, stage, failure) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            row.import.meta.id.0.into_bytes(),
            row.stamp.epoch.0.cast_signed(),
            row.stamp.generation.0.cast_signed(),
            serde_json::to_string(&row.import)?,
            row.stage.as_str(),
            failure,
        ],
    )?;
    Ok(())
}
