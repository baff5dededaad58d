//! How the last order about the firmware ended: it is not carried out twice.

use super::{Database, DatabaseError, fence, meta_json, set_meta_json};
use cake_types::{Epoch, OperationId, UpdateEnded};

const ENDED: &str = "update";

impl Database {
    /// Whether this order was the last one, and is over. Refused for leaders of before.
    pub async fn update_is_over(&self, epoch: Epoch, operation: OperationId) -> Result<bool, DatabaseError> {
        self.write(move |connection| {
            fence(connection, epoch)?;
            let ended: Option<UpdateEnded> = meta_json(connection, ENDED)?;
            Ok(ended.is_some_and(|ended| ended.operation == operation))
        })
        .await
    }

    pub async fn ended_update(&self) -> Result<Option<UpdateEnded>, DatabaseError> {
        self.read(|connection| meta_json(connection, ENDED)).await
    }

    pub async fn end_update(&self, ended: UpdateEnded) -> Result<(), DatabaseError> {
        self.write(move |connection| set_meta_json(connection, ENDED, &ended)).await
    }
}
