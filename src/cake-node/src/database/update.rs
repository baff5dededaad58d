//! How the last order about the firmware ended: it is not carried out twice.

use super::{Database, DatabaseError, meta_json, set_meta_json};
use cake_types::UpdateEnded;

const ENDED: &str = "update";

impl Database {
    pub async fn ended_update(&self) -> Result<Option<UpdateEnded>, DatabaseError> {
        self.read(|connection| meta_json(connection, ENDED)).await
    }

    pub async fn end_update(&self, ended: UpdateEnded) -> Result<(), DatabaseError> {
        self.write(move |connection| set_meta_json(connection, ENDED, &ended)).await
    }
}
