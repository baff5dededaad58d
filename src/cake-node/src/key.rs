//! The node's sealing key: what is sealed to the node, only its root can open.

use cake_types::{KeyError, OsRng, SecretKey};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    #[error("cannot use the key file {path}")]
    Io {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{path} holds no key")]
    Key {
        path: PathBuf,
        #[source]
        source: KeyError,
    },
}

/// Reads the key, or makes it: written whole under another name first, so that a key is never half there.
pub fn load_or_create(path: &Path) -> Result<SecretKey, KeyFileError> {
    let failed = |source| KeyFileError::Io { path: path.to_owned(), source };
    match std::fs::read_to_string(path).map(Zeroizing::new) {
        Ok(text) => {
            SecretKey::from_revealed(text.trim()).map_err(|source| KeyFileError::Key { path: path.to_owned(), source })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let key = SecretKey::generate(&mut OsRng);
            write_secret(path, key.reveal().as_bytes()).map_err(failed)?;
            Ok(key)
        }
        Err(error) => Err(failed(error)),
    }
}

fn write_secret(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&new, path)?;
    File::open(path.parent().unwrap_or(Path::new("/")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn the_key_stays_the_same_and_only_root_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("node.key");
        let key = load_or_create(&path).unwrap();
        assert_eq!(load_or_create(&path).unwrap().public(), key.public());
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        std::fs::write(&path, "nonsense").unwrap();
        assert!(matches!(load_or_create(&path), Err(KeyFileError::Key { .. })));
    }
}
