//! Exports, and the tombstones of those that were.

use super::{Database, DatabaseError, fence};
use cake_node_api::NodeError;
use cake_types::{ByteSize, Epoch, Export, ExportId, ExportStage, Failure, Generation, Stamp};
use rusqlite::{Connection, OptionalExtension, Row, params};

/// An export as it is written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportRow {
    pub export: Export,
    pub stamp: Stamp,
    pub stage: ExportStage,
    /// Length of the file, once it is there.
    pub size: ByteSize,
    pub failure: Option<Failure>,
}

impl Database {
    /// `None`: the very same was here already.
    pub async fn apply_export(&self, stamp: Stamp, export: Export) -> Result<Option<ExportRow>, DatabaseError> {
        self.write(move |connection| {
            fence(connection, stamp.epoch)?;
            let id = export.meta.id;
            let gone = "SELECT 1 FROM exports WHERE id = ?1 AND gone = 1";
            if connection.query_row(gone, [id.0.into_bytes()], |_| Ok(())).optional()?.is_some() {
                return Err(DatabaseError::Refused(NodeError::Tombstoned));
            }
            let (stage, size, failure) = match held(connection, id)? {
                Some(row) if row.stamp == stamp && row.export == export => return Ok(None),
                Some(row) if row.stamp >= stamp => {
                    return Err(DatabaseError::Refused(NodeError::StaleStamp { held: row.stamp }));
                }
                Some(row) => (row.stage, row.size, row.failure),
                None => (ExportStage::Waiting, ByteSize(0), None),
            };
            let row = ExportRow { export, stamp, stage, size, failure };
            put(connection, &row)?;
            Ok(Some(row))
        })
        .await
    }

    /// How far it is now.
    pub async fn set_export_stage(
        &self,
        id: ExportId,
        stage: ExportStage,
        size: ByteSize,
        failure: Option<Failure>,
    ) -> Result<(), DatabaseError> {
        self.write(move |connection| {
            let failure = failure.as_ref().map(serde_json::to_string).transpose()?;
            connection.execute(
                "UPDATE exports SET stage = ?2, failure = ?3, size = ?4 WHERE id = ?1",
                params![id.0.into_bytes(), stage.as_str(), failure, size.bytes().cast_signed()],
            )?;
            Ok(())
        })
        .await
    }

    /// Nothing of it is wanted any more, and it can't come back.
    pub async fn entomb_export(&self, id: ExportId, stamp: Stamp) -> Result<(), DatabaseError> {
        self.write(move |connection| {
            fence(connection, stamp.epoch)?;
            connection.execute(
                "INSERT INTO exports (id, epoch, generation, record, stage, gone) VALUES (?1, ?2, ?3, '', '', 1)
                 ON CONFLICT (id) DO UPDATE SET epoch = excluded.epoch, generation = excluded.generation, gone = 1",
                params![id.0.into_bytes(), stamp.epoch.0.cast_signed(), stamp.generation.0.cast_signed()],
            )?;
            Ok(())
        })
        .await
    }

    /// The same by the node's own decision, whoever leads.
    pub async fn forget_export(&self, id: ExportId) -> Result<(), DatabaseError> {
        self.write(move |connection| {
            connection.execute("UPDATE exports SET gone = 1 WHERE id = ?1", [id.0.into_bytes()])?;
            Ok(())
        })
        .await
    }

    /// All that are not gone.
    pub async fn exports(&self) -> Result<Vec<ExportRow>, DatabaseError> {
        self.read(|connection| {
            let mut statement = connection.prepare(&format!("{SELECT} WHERE gone = 0 ORDER BY id"))?;
            let rows = statement.query_and_then([], read)?;
            rows.collect()
        })
        .await
    }

    pub async fn export(&self, id: ExportId) -> Result<Option<ExportRow>, DatabaseError> {
        self.read(move |connection| held(connection, id)).await
    }
}

const SELECT: &str = "SELECT epoch, generation, record, stage, failure, size FROM exports";

/// What is written down, unless it is gone.
fn held(connection: &Connection, id: ExportId) -> Result<Option<ExportRow>, DatabaseError> {
    let mut statement = connection.prepare(&format!("{SELECT} WHERE id = ?1 AND gone = 0"))?;
    let mut rows = statement.query_and_then([id.0.into_bytes()], read)?;
    rows.next().transpose()
}

fn read(row: &Row<'_>) -> Result<ExportRow, DatabaseError> {
    let (record, stage): (String, String) = (row.get(2)?, row.get(3)?);
    let failure: Option<String> = row.get(4)?;
    let stamp = Stamp {
        epoch: Epoch(row.get::<_, i64>(0)?.cast_unsigned()),
        generation: Generation(row.get::<_, i64>(1)?.cast_unsigned()),
    };
    Ok(ExportRow {
        export: serde_json::from_str(&record)?,
        stamp,
        stage: serde_json::from_value(stage.into())?,
        size: ByteSize(row.get::<_, i64>(5)?.cast_unsigned()),
        failure: failure.as_deref().map(serde_json::from_str).transpose()?,
    })
}

fn put(connection: &Connection, row: &ExportRow) -> Result<(), DatabaseError> {
    let failure = row.failure.as_ref().map(serde_json::to_string).transpose()?;
    connection.execute(
        "INSERT OR REPLACE INTO exports (id, epoch, generation, record, stage, failure, size)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            row.export.meta.id.0.into_bytes(),
            row.stamp.epoch.0.cast_signed(),
            row.stamp.generation.0.cast_signed(),
            serde_json::to_string(&row.export)?,
            row.stage.as_str(),
            failure,
            row.size.bytes().cast_signed(),
        ],
    )?;
    Ok(())
}
