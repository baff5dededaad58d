//! Sensor records of BMCs on the disk, as the worker gave them: bytes that this program keeps and does not read. They can be lost: the
//! worker reads them from the BMC again.

use cake_types::ServerId;
use std::io;
use std::path::PathBuf;

/// Longer than the records of any BMC.
const MOST: u64 = 1 << 20;

pub struct Records {
    folder: PathBuf,
}

impl Records {
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    fn path(&self, id: ServerId) -> PathBuf {
        self.folder.join(format!("{id}.records"))
    }

    pub async fn read(&self, id: ServerId) -> Option<String> {
        let path = self.path(id);
        let length = tokio::fs::metadata(&path).await.ok()?.len();
        if length > MOST { None } else { tokio::fs::read_to_string(&path).await.ok() }
    }

    /// A file that is cut short by a power cut is no records, and the worker says so.
    pub async fn write(&self, id: ServerId, records: String) {
        let written = async {
            tokio::fs::create_dir_all(&self.folder).await?;
            let (path, new) = (self.path(id), self.folder.join(format!("{id}.new")));
            tokio::fs::write(&new, records).await?;
            tokio::fs::rename(&new, &path).await
        };
        if let Err(error) = written.await {
            tracing::warn!(server = %id, %error, "the sensor records of a BMC are not kept: {error}");
        }
    }

    pub async fn remove(&self, id: ServerId) {
        match tokio::fs::remove_file(self.path(id)).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(server = %id, %error, "the sensor records of a BMC stay: {error}");
            }
            _ => {}
        }
    }
}
