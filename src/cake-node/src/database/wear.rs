//! How disks of this server wore, by what they are known by all their life.

use super::{Database, DatabaseError};
use cake_planner::wear::is_sound;
use cake_types::WearRecord;
use rusqlite::{OptionalExtension, params};

/// Disks of which something is kept: more than a server holds, with those that were taken out.
const MOST: i64 = 256;

impl Database {
    /// What is known of a disk; nothing of one that was never seen, and of one whose record can't be right, which is said in the log.
    pub async fn wear(&self, disk: String) -> Result<WearRecord, DatabaseError> {
        self.read(move |connection| {
            let found = "SELECT record FROM wear WHERE disk = ?1";
            let found = connection.query_row(found, [&disk], |row| row.get::<_, String>(0)).optional()?;
            let Some(text) = found else { return Ok(WearRecord::default()) };
            let record = serde_json::from_str(&text).ok().filter(is_sound);
            if record.is_none() {
                tracing::warn!(disk, "how the disk {disk} wore can't be read; it begins anew");
            }
            Ok(record.unwrap_or_default())
        })
        .await
    }

    /// Whoever stepped longest ago is forgotten when there are too many.
    pub async fn set_wear(&self, disk: String, record: WearRecord) -> Result<(), DatabaseError> {
        self.write(move |connection| {
            connection.execute(
                "INSERT OR REPLACE INTO wear (disk, number, record)
                 VALUES (?1, (SELECT coalesce(max(number), 0) + 1 FROM wear), ?2)",
                params![disk, serde_json::to_string(&record)?],
            )?;
            connection.execute(
                "DELETE FROM wear WHERE disk NOT IN (SELECT disk FROM wear ORDER BY number DESC LIMIT ?1)",
                [MOST],
            )?;
            Ok(())
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cake_types::WearStep;
    use jiff::Timestamp;

    fn record(percent: u32) -> WearRecord {
        WearRecord { steps: vec![WearStep { at: Timestamp::UNIX_EPOCH, percent }], told: true }
    }

    #[tokio::test]
    async fn what_is_known_of_disks_is_kept_and_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("node.db");
        let database = Database::open(&path).unwrap();
        assert_eq!(database.wear("a".into()).await.unwrap(), WearRecord::default());
        database.set_wear("a".into(), record(3)).await.unwrap();
        for number in 0..MOST {
            database.set_wear(number.to_string(), record(7)).await.unwrap();
            database.set_wear("a".into(), record(8)).await.unwrap();
        }
        drop(database);
        let database = Database::open(&path).unwrap();
        let rows = "SELECT count(*) FROM wear";
        let count = || database.read(|connection| Ok(connection.query_row(rows, [], |row| row.get::<_, i64>(0))?));
        assert_eq!(count().await.unwrap(), MOST);
        assert_eq!(database.wear("a".into()).await.unwrap(), record(8));
        assert_eq!(database.wear("0".into()).await.unwrap(), WearRecord::default(), "it stepped longest ago");
        assert_eq!(database.wear("1".into()).await.unwrap(), record(7));
    }

    #[tokio::test]
    async fn a_damaged_record_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(&folder.path().join("node.db")).unwrap();
        let unsound =
            r#"{"steps":[{"at":"2026-11-20T00:00:00Z","percent":9},{"at":"2026-11-21T00:00:00Z","percent":8}]}"#;
        for text in ["", "{", "[]", r#"{"steps":[{"at":"never","percent":1}]}"#, unsound] {
            database
                .write(move |c| {
                    Ok(c.execute("INSERT OR REPLACE INTO wear (disk, number, record) VALUES ('a', 1, ?1)", [text])?)
                })
                .await
                .unwrap();
            assert_eq!(database.wear("a".into()).await.unwrap(), WearRecord::default());
            database.set_wear("a".into(), record(1)).await.unwrap();
            assert_eq!(database.wear("a".into()).await.unwrap(), record(1));
        }
    }
}
