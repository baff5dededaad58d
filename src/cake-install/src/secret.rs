//! Keys, and how they reach programs: never as an argument (everybody reads those in /proc), but through memory that has no name.

use nix::sys::memfd::{MFdFlags, memfd_create};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use zeroize::Zeroizing;

/// Letters that lie at the same place on every keyboard of the Latin scripts (systemd's and YubiKey's "modhex"): the key is typed on a
/// server's own console, whose layout is anybody's guess.
const MODHEX: &[u8; 16] = b"cbdefghijklnrtuv";
/// Bytes of randomness in a recovery key: 256 bits, so that no slow derivation has to protect it.
const RECOVERY: usize = 32;
/// Letters between two hyphens.
const GROUP: usize = 8;
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

    /// A new recovery key: eight groups of eight letters, as systemd-cryptenroll makes them.
    pub fn recovery_key() -> io::Result<Self> {
        let random = Self::random(RECOVERY)?;
        Ok(Self(Zeroizing::new(modhex(&random.0).into_bytes())))
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
        let letters: Zeroizing<Vec<u8>> = Zeroizing::new(
            text.bytes()
                .filter(|byte| !byte.is_ascii_whitespace() && *byte != b'-')
                .map(|byte| byte.to_ascii_lowercase())
                .collect(),
        );
        if letters.len() != 2 * RECOVERY || !letters.iter().all(|letter| MODHEX.contains(letter)) {
            return Err(NoRecoveryKey);
        }
        Ok(Self(Zeroizing::new(letters.chunks(GROUP).collect::<Vec<_>>().join(&b'-'))))
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

fn modhex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 9 / 4);
    for (index, byte) in bytes.iter().enumerate() {
        if index > 0 && (2 * index).is_multiple_of(GROUP) {
            text.push('-');
        }
        text.push(char::from(MODHEX[usize::from(byte >> 4)]));
        text.push(char::from(MODHEX[usize::from(byte & 15)]));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recovery_key_can_be_typed() {
        assert_eq!(modhex(&[0, 0x1f, 0xab, 0xcd, 0xff]), "ccbvlnrt-vv");
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
