//! Small records on the state: the old one or the new one, whenever the power fails.

use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// One that is not there, or damaged, says nothing.
pub fn read<T: DeserializeOwned + Default>(path: &Path) -> T {
    fs::read(path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
}

/// A file that only root reads, on the disk when this returns.
pub fn write_secret(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// Makes the folder where it is missing.
pub fn write(path: &Path, record: &impl Serialize) -> io::Result<()> {
    let (new, folder) = (path.with_extension("new"), path.parent().unwrap_or(path));
    fs::create_dir_all(folder)?;
    let mut file = File::create(&new)?;
    file.write_all(&serde_json::to_vec(record)?)?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    File::open(folder)?.sync_all()
}
