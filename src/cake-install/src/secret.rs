//! Keys, and how they reach programs: never as an argument (everybody reads those in /proc), but through memory that has no name.

use cake_types::modhex;
use nix::sys::memfd::{MFdFlags, memfd_create};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use zeroize::Zeroizing;

/// Bytes of randomness in a recovery key: 256 bits, so that no slow derivation has to protect it.
const RECOVERY: usize = 32;
/// Bytes of randomness in a key file.
const KEY_FILE: usize = 64;

/// A key. Nothing prints it but [`Secret::reveal`].
pub struct Secret(Zeroizing<Vec<u8>>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("that is no recovery key: it has eight groups of eight letters, such as “cbdefghi”")]
pub struct NoRecoveryKey;

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Secret {
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// A new recovery key: eight groups of eight letters, as systemd-cryptenroll makes them. It opens the disks, and what cake seals.
    pub fn recovery_key() -> io::Result<Self> {
        let random = Self::random(RECOVERY)?;
        Ok(Self(Zeroizing::new(modhex::write(&random.0).as_bytes().to_vec())))
    }

    /// A new key file.
    pub fn key_file() -> io::Result<Self> {
        Self::random(KEY_FILE)
    }

    fn random(length: usize) -> io::Result<Self> {
        let mut bytes = Zeroizing::new(vec![0; length]);
        getrandom::fill(&mut bytes).map_err(io::Error::other)?;
        Ok(Self(bytes))
    }

    /// A recovery key as a person types it: capitals, spaces and missing hyphens are forgiven.
    pub fn typed(text: &str) -> Result<Self, NoRecoveryKey> {
        match modhex::read(text) {
            Some(bytes) if bytes.len() == RECOVERY => {
                Ok(Self(Zeroizing::new(modhex::write(&bytes).as_bytes().to_vec())))
            }
            _ => Err(NoRecoveryKey),
        }
    }

    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// In the clear, for the person who keeps it.
    pub fn reveal(&self) -> Zeroizing<String> {
        Zeroizing::new(String::from_utf8_lossy(&self.0).into_owned())
    }

    /// The same in memory that a program which is started now can open by a path.
    pub fn lent(&self) -> io::Result<Lent> {
        // Not closed at exec: that is what it is for. It lives as long as the command.
        let file = File::from(memfd_create("cake-key", MFdFlags::empty())?);
        file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
        (&file).write_all(&self.0)?;
        Ok(Lent(file))
    }
}

/// A key that a program can open by [`Lent::path`] for as long as this lives.
pub struct Lent(File);

impl Lent {
    pub fn path(&self) -> PathBuf {
        format!("/proc/self/fd/{}", self.0.as_raw_fd()).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recovery_key_can_be_typed() {
        let key = Secret::recovery_key().unwrap().reveal();
        assert_eq!((key.len(), key.matches('-').count()), (71, 7));
        let untidy = format!("  {}\n", key.to_uppercase().replace('-', " "));
        assert_eq!(Secret::typed(&untidy).unwrap().reveal(), key);
        for wrong in ["", "cccccccc", &key[1..], &key.replace(|c: char| c != '-', "a")] {
            assert_eq!(Secret::typed(wrong).err(), Some(NoRecoveryKey), "{wrong}");
        }
    }

    #[test]
    fn a_lent_key_is_read_by_its_path() {
        let lent = Secret::from_bytes(b"key".to_vec()).lent().unwrap();
        let said = std::process::Command::new("cat").arg(lent.path()).output().unwrap();
        assert_eq!(said.stdout, b"key");
    }
}
