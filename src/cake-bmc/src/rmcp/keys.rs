//! What proves who is who, and the keys of a session (IPMI 2.0 §13.28 … §13.32).

use super::suite::CipherSuite;
use aes::Aes128;
use cake_types::BMC_PASSWORD_MAX;
use hmac::{Hmac, Mac as _};
use sha1::Sha1;
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// A password or K_g, filled up with zeros to its 20 bytes. Forgotten in memory when it is dropped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Secret([u8; BMC_PASSWORD_MAX]);

impl Secret {
    /// `None`: longer than IPMI 2.0 allows.
    pub fn new(bytes: &[u8]) -> Option<Self> {
        let mut secret = [0; BMC_PASSWORD_MAX];
        secret.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(Self(secret))
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Secret")
    }
}

/// A code of either suite: as long as its hash.
#[derive(Clone, Copy, Debug)]
pub struct Code {
    bytes: [u8; 32],
    length: usize,
}

impl Code {
    pub fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    pub fn truncated(mut self, length: usize) -> Self {
        self.length = self.length.min(length);
        self
    }

    /// In a time that says nothing about where they differ.
    pub fn is(&self, other: &[u8]) -> bool {
        self.as_slice().ct_eq(other).into()
    }
}

/// A keyed hash, ready for use.
#[derive(Clone)]
enum Keyed {
    Sha1(Hmac<Sha1>),
    Sha256(Hmac<Sha256>),
}

impl Keyed {
    fn new(suite: CipherSuite, key: &[u8]) -> Self {
        match suite {
            CipherSuite::Three => Self::Sha1(Hmac::new_from_slice(key).expect("HMAC takes keys of any length")),
            CipherSuite::Seventeen => Self::Sha256(Hmac::new_from_slice(key).expect("HMAC takes keys of any length")),
        }
    }

    fn code(&self, parts: &[&[u8]]) -> Code {
        let mut bytes = [0; 32];
        let length = match self.clone() {
            Self::Sha1(mut hash) => {
                parts.iter().for_each(|part| hash.update(part));
                let code = hash.finalize().into_bytes();
                bytes[..code.len()].copy_from_slice(&code);
                code.len()
            }
            Self::Sha256(mut hash) => {
                parts.iter().for_each(|part| hash.update(part));
                let code = hash.finalize().into_bytes();
                bytes[..code.len()].copy_from_slice(&code);
                code.len()
            }
        };
        Code { bytes, length }
    }
}

/// What both sides know of a login once RAKP 2 is there. The codes are made over it.
#[derive(Clone, Debug)]
pub struct Exchange {
    pub suite: CipherSuite,
    pub console_session: u32,
    pub managed_session: u32,
    pub console_random: [u8; 16],
    pub managed_random: [u8; 16],
    pub guid: [u8; 16],
    /// The byte of RAKP 1.
    pub role: u8,
    pub user: Vec<u8>,
}

impl Exchange {
    /// In RAKP 2: the BMC knows the password (§13.21).
    pub fn managed_code(&self, password: &Secret) -> Code {
        let mut data = Vec::with_capacity(80);
        data.extend(self.console_session.to_le_bytes());
        data.extend(self.managed_session.to_le_bytes());
        data.extend(self.console_random);
        data.extend(self.managed_random);
        data.extend(self.guid);
        data.extend(self.who());
        Keyed::new(self.suite, &password.0).code(&[&data])
    }

    /// In RAKP 3: the console knows it (§13.22).
    pub fn console_code(&self, password: &Secret) -> Code {
        let session = self.console_session.to_le_bytes();
        Keyed::new(self.suite, &password.0).code(&[&self.managed_random, &session, &self.who()])
    }

    /// The session integrity key. `key`: K_g, where the BMC has one; else the password takes its place (§13.31).
    pub fn session_key(&self, password: &Secret, key: Option<&Secret>) -> SessionKey {
        let key = key.unwrap_or(password);
        let code = Keyed::new(self.suite, &key.0).code(&[&self.console_random, &self.managed_random, &self.who()]);
        SessionKey { suite: self.suite, bytes: code.bytes }
    }

    /// In RAKP 4: the BMC has the same session key (§13.23).
    pub fn session_code(&self, key: &SessionKey) -> Code {
        let session = self.managed_session.to_le_bytes();
        let code = key.keyed().code(&[&self.console_random, &session, &self.guid]);
        code.truncated(self.suite.integrity_length())
    }

    fn who(&self) -> Vec<u8> {
        let mut bytes = vec![self.role, self.user.len() as u8];
        bytes.extend(&self.user);
        bytes
    }
}

/// SIK: the key that the others of a session come from.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct SessionKey {
    #[zeroize(skip)]
    suite: CipherSuite,
    bytes: [u8; 32],
}

impl SessionKey {
    fn keyed(&self) -> Keyed {
        Keyed::new(self.suite, &self.bytes[..self.suite.code_length()])
    }

    /// K1 and K2 (§13.32).
    pub fn keys(&self) -> SessionKeys {
        let keyed = self.keyed();
        let integrity = keyed.code(&[&[1; 20]]);
        let mut secrecy = keyed.code(&[&[2; 20]]);
        let (aes, _) = secrecy.bytes.split_first_chunk::<16>().expect("32 bytes");
        let cipher = <Aes128 as aes::cipher::KeyInit>::new(aes.into());
        secrecy.bytes.zeroize();
        SessionKeys { suite: self.suite, integrity: Keyed::new(self.suite, integrity.as_slice()), cipher }
    }
}

/// What signs and encrypts the packets of a session.
#[derive(Clone)]
pub struct SessionKeys {
    suite: CipherSuite,
    integrity: Keyed,
    pub(super) cipher: Aes128,
}

impl SessionKeys {
    pub const fn suite(&self) -> CipherSuite {
        self.suite
    }

    /// The code at the end of a packet.
    pub fn sign(&self, packet: &[u8]) -> Code {
        self.integrity.code(&[packet]).truncated(self.suite.integrity_length())
    }
}

impl std::fmt::Debug for SessionKeys {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("SessionKeys").field("suite", &self.suite).finish_non_exhaustive()
    }
}
