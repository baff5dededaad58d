//! The key with which caked opens what it has to say to receivers: passwords, tokens, addresses that are secrets.

use cake_types::{OsRng, Problem, PublicKey, SealError, Sealed, SecretKey};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

use crate::setup::{SetupFileError, write_secret};

/// Beside the certificates' keys; in no backup.
pub const KEY_FILE: &str = "channels.key";
/// Longest secret, in characters: tokens of LINE have about 180.
pub const SECRET_MAX: usize = 1024;

#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    #[error("{path} can't be read")]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("{path} holds no key")]
    Malformed { path: PathBuf },
    #[error("a key can't be written")]
    Write(#[from] SetupFileError),
}

/// Reads the key, or makes it.
pub fn own_key(path: &Path) -> Result<SecretKey, KeyFileError> {
    match std::fs::read_to_string(path).map(Zeroizing::new) {
        Ok(text) => SecretKey::from_revealed(&text).map_err(|_| KeyFileError::Malformed { path: path.to_owned() }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let key = SecretKey::generate(&mut OsRng);
            write_secret(path, key.reveal().as_bytes())?;
            Ok(key)
        }
        Err(source) => Err(KeyFileError::Read { path: path.to_owned(), source }),
    }
}

/// To whom secrets are sealed.
pub struct Sealer {
    pub own: PublicKey,
    pub recovery: Option<PublicKey>,
}

impl Sealer {
    pub fn seal(&self, secret: &str, field: &str, pointer: &str) -> Result<Sealed<String>, Problem> {
        if secret.chars().count() > SECRET_MAX || secret.chars().any(char::is_control) {
            return Err(Problem::invalid(field, "channel-secret").at(pointer));
        }
        let keys: Vec<PublicKey> = std::iter::once(self.own.clone()).chain(self.recovery.clone()).collect();
        let failed = |error: SealError| crate::error::internal("a secret could not be sealed", &error);
        cake_types::seal(&secret.to_owned(), &keys, &mut OsRng).map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_key_is_made_once_and_is_its_owners() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(KEY_FILE);
        let key = own_key(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(own_key(&path).unwrap().public(), key.public());
        let sealer = Sealer { own: key.public(), recovery: None };
        assert_eq!(sealer.seal("geheim", "password", "/p").unwrap().open(&key).unwrap(), "geheim");
        sealer.seal("a\nb", "password", "/p").unwrap_err();
        std::fs::write(&path, "nonsense").unwrap();
        assert!(matches!(own_key(&path), Err(KeyFileError::Malformed { .. })), "a key is never replaced unasked");
    }
}
