//! Asking the journal.

use jiff::Timestamp;
use rusqlite::types::Value as SqlValue;
use rusqlite::{Connection, Row, params_from_iter};

use super::model::{Filter, MAX_RECORDS, Order, Query, Record, RecordCursor, RecordKind, RecordPage, StoredRecord};

/// A page ends early when it holds this many bytes.
const PAGE_BYTES: i64 = 4 * 1024 * 1024;

pub(super) fn page(conn: &Connection, query: &Query) -> rusqlite::Result<RecordPage> {
    let limit = query.limit.map_or(MAX_RECORDS, |l| l.get().min(MAX_RECORDS));
    let (sql, values) = statement(query, limit);
    let mut statement = conn.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(values))?;
    let mut page = RecordPage { records: Vec::new(), next: None };
    let mut bytes = 0;
    while let Some(row) = rows.next()? {
        if page.records.len() >= limit || bytes >= PAGE_BYTES {
            page.next = page.records.last().map(|r| r.cursor);
            break;
        }
        bytes += row.get::<_, i64>(6)?;
        page.records.push(record(row)?);
    }
    Ok(page)
}

/// The question in SQL. Every text comes from a fixed set, so the prepared statements are few.
fn statement(query: &Query, limit: usize) -> (String, Vec<SqlValue>) {
    let Query { filter: Filter { kinds, project, subject, actor, since }, order, limit: _, after } = query;
    let mut sql = String::from("SELECT id, kind, at, project, subject, actor, size, data FROM record WHERE TRUE");
    let mut values = Vec::new();
    let kinds: &[RecordKind] = if kinds.is_empty() { &RecordKind::ALL } else { kinds };
    // One kind can use its index; several would have to be sorted, so there the order of places leads.
    let column = if kinds.len() == 1 { "kind" } else { "+kind" };
    let marks = vec!["?"; kinds.len()].join(", ");
    sql.push_str(&format!(" AND {column} IN ({marks})"));
    values.extend(kinds.iter().map(|kind| SqlValue::from(kind.as_str().to_owned())));
    for (column, wanted) in [("project", project), ("subject", subject), ("actor", actor)] {
        if let Some(wanted) = wanted {
            sql.push_str(&format!(" AND {column} = ?"));
            values.push(wanted.clone().into());
        }
    }
    if let Some(since) = since {
        sql.push_str(" AND at >= ?");
        values.push(since.as_microsecond().into());
    }
    let (compare, direction) = match order {
        Order::NewestFirst => ("<", "DESC"),
        Order::OldestFirst => (">", "ASC"),
    };
    if let Some(after) = after {
        sql.push_str(&format!(" AND id {compare} ?"));
        values.push(after.0.into());
    }
    sql.push_str(&format!(" ORDER BY id {direction} LIMIT ?"));
    values.push((limit as i64 + 1).into());
    (sql, values)
}

fn record(row: &Row<'_>) -> rusqlite::Result<StoredRecord> {
    let bad = |column, error: Box<dyn std::error::Error + Send + Sync>| {
        rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, error)
    };
    let kind = RecordKind::from_text(row.get_ref(1)?.as_str()?).ok_or_else(|| bad(1, "unknown kind".into()))?;
    let record = Record {
        kind,
        at: Timestamp::from_microsecond(row.get(2)?).map_err(|e| bad(2, e.into()))?,
        project: row.get(3)?,
        subject: row.get(4)?,
        actor: row.get(5)?,
        data: serde_json::from_str(row.get_ref(7)?.as_str()?).map_err(|e| bad(7, e.into()))?,
    };
    Ok(StoredRecord { cursor: RecordCursor(row.get(0)?), record })
}
