//! What was ordered, and what came of it: an order happens for its operation once, across crashes.

use super::DatabaseError;
use cake_types::OperationId;
use rusqlite::{Connection, params};
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

/// Outcomes that are remembered.
const REMEMBERED: u32 = 1000;

/// A table of orders, and its column that says to whom.
pub(super) struct Journal {
    pub table: &'static str,
    pub subject: &'static str,
}

/// An order that was accepted and has no outcome.
pub(super) struct Pending<V> {
    pub id: OperationId,
    pub subject: Uuid,
    pub verb: V,
    /// It was about to happen when it was last heard of, and may have happened.
    pub begun: bool,
}

impl Journal {
    /// `false`: it is known already.
    pub fn accept(
        &self,
        connection: &Connection,
        id: OperationId,
        subject: Uuid,
        verb: &impl Serialize,
    ) -> Result<bool, DatabaseError> {
        let Self { table, subject: column } = self;
        let inserted = connection.execute(
            &format!("INSERT OR IGNORE INTO {table} (id, {column}, verb) VALUES (?1, ?2, ?3)"),
            params![id.0.into_bytes(), subject.into_bytes(), serde_json::to_string(verb)?],
        )?;
        Ok(inserted == 1)
    }

    /// It is about to happen. `false`: somebody has begun it before.
    pub fn begin(&self, connection: &Connection, id: OperationId) -> Result<bool, DatabaseError> {
        let change = format!("UPDATE {} SET begun = 1 WHERE id = ?1 AND begun = 0", self.table);
        Ok(connection.execute(&change, [id.0.into_bytes()])? == 1)
    }

    pub fn finish(
        &self,
        connection: &Connection,
        id: OperationId,
        outcome: &impl Serialize,
    ) -> Result<(), DatabaseError> {
        let Self { table, .. } = self;
        connection.execute(
            &format!("UPDATE {table} SET outcome = ?2 WHERE id = ?1"),
            params![id.0.into_bytes(), serde_json::to_string(outcome)?],
        )?;
        connection.execute(
            &format!(
                "DELETE FROM {table} WHERE outcome IS NOT NULL AND number <= (SELECT max(number) FROM {table}) - ?1"
            ),
            [REMEMBERED],
        )?;
        Ok(())
    }

    /// In the order in which they were accepted.
    pub fn pending<V: DeserializeOwned>(&self, connection: &Connection) -> Result<Vec<Pending<V>>, DatabaseError> {
        let Self { table, subject } = self;
        let mut statement = connection.prepare(&format!(
            "SELECT id, {subject}, verb, begun FROM {table} WHERE outcome IS NULL ORDER BY number"
        ))?;
        let rows = statement.query_and_then([], |row| {
            let (id, subject) = (OperationId(Uuid::from_bytes(row.get(0)?)), Uuid::from_bytes(row.get(1)?));
            let verb: String = row.get(2)?;
            Ok(Pending { id, subject, verb: serde_json::from_str(&verb)?, begun: row.get(3)? })
        })?;
        rows.collect()
    }

    pub fn outcomes<T: DeserializeOwned>(&self, connection: &Connection) -> Result<Vec<T>, DatabaseError> {
        let wanted = format!("SELECT outcome FROM {} WHERE outcome IS NOT NULL ORDER BY number", self.table);
        let mut statement = connection.prepare(&wanted)?;
        let rows = statement.query_and_then([], |row| {
            let text: String = row.get(0)?;
            Ok(serde_json::from_str(&text)?)
        })?;
        rows.collect()
    }
}
