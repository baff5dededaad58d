//! Secrets that travel and rest sealed (invariant 11): caked stores them and can't read them.
//!
//! A fresh content key encrypts the plaintext (XChaCha20-Poly1305, draft-irtf-cfrg-xchacha-03); for every recipient the content
//! key is wrapped in a sealed box (X25519 + XSalsa20-Poly1305, libsodium's `crypto_box_seal`).

use chacha20poly1305::aead::rand_core::CryptoRngCore;
use chacha20poly1305::aead::{Aead, KeyInit};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use data_encoding::BASE64;
use hkdf::Hkdf;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use std::fmt;
use std::marker::PhantomData;
use zeroize::Zeroizing;

use crate::modhex;

const KEY: usize = 32;
const NONCE: usize = 24;

/// A value that only the holders of certain keys can read.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Sealed<T> {
    version: u32,
    /// Base64 of nonce and ciphertext.
    body: String,
    /// The content key, once for each recipient.
    keys: Vec<WrappedKey>,
    #[serde(skip)]
    plain: PhantomData<fn() -> T>,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct WrappedKey {
    recipient: PublicKey,
    wrapped: String,
}

/// X25519 public key, written in Base64.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PublicKey([u8; KEY]);

/// X25519 secret key. Written (by the node to its own file, or to the person who keeps the recovery key) only on purpose.
#[derive(Clone)]
pub struct SecretKey(crypto_box::SecretKey);

#[derive(Debug, thiserror::Error)]
pub enum SealError {
    #[error("the secret can't be written as JSON")]
    Encode(#[source] serde_json::Error),
    #[error("a secret is sealed to at least one key")]
    NoRecipient,
    #[error("encryption failed")]
    Encrypt,
}

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("the secret is not sealed to this key")]
    NotForThisKey,
    #[error("the seal is damaged")]
    Damaged,
    #[error("the seal has version {0}, which is newer than this program")]
    Version(u32),
    #[error("the secret is not what was expected")]
    Decode(#[source] serde_json::Error),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a key is 32 bytes in Base64")]
pub struct KeyError;

/// Seals `value` to every one of `recipients`; the randomness is the caller's.
pub fn seal<T: Serialize>(
    value: &T,
    recipients: &[PublicKey],
    rng: &mut impl CryptoRngCore,
) -> Result<Sealed<T>, SealError> {
    if recipients.is_empty() {
        return Err(SealError::NoRecipient);
    }
    let plain = Zeroizing::new(serde_json::to_vec(value).map_err(SealError::Encode)?);
    let mut key = Zeroizing::new([0u8; KEY]);
    let mut nonce = [0u8; NONCE];
    rng.fill_bytes(key.as_mut());
    rng.fill_bytes(&mut nonce);
    let cipher = XChaCha20Poly1305::new(key.as_ref().into());
    let mut body = nonce.to_vec();
    body.extend(cipher.encrypt(XNonce::from_slice(&nonce), plain.as_slice()).map_err(|_| SealError::Encrypt)?);
    let keys = recipients
        .iter()
        .map(|recipient| {
            let wrapped =
                crypto_box::PublicKey::from(recipient.0).seal(rng, key.as_ref()).map_err(|_| SealError::Encrypt)?;
            Ok(WrappedKey { recipient: recipient.clone(), wrapped: BASE64.encode(&wrapped) })
        })
        .collect::<Result<_, SealError>>()?;
    Ok(Sealed { version: 1, body: BASE64.encode(&body), keys, plain: PhantomData })
}

impl<T: DeserializeOwned> Sealed<T> {
    /// Opens the seal with one of the recipients' keys.
    pub fn open(&self, secret: &SecretKey) -> Result<T, OpenError> {
        if self.version != 1 {
            return Err(OpenError::Version(self.version));
        }
        let public = secret.public();
        let wrapped = self.keys.iter().find(|k| k.recipient == public).ok_or(OpenError::NotForThisKey)?;
        let wrapped = BASE64.decode(wrapped.wrapped.as_bytes()).map_err(|_| OpenError::Damaged)?;
        let key = Zeroizing::new(secret.0.unseal(&wrapped).map_err(|_| OpenError::Damaged)?);
        let body = BASE64.decode(self.body.as_bytes()).map_err(|_| OpenError::Damaged)?;
        if body.len() < NONCE {
            return Err(OpenError::Damaged);
        }
        let cipher = XChaCha20Poly1305::new_from_slice(&key).map_err(|_| OpenError::Damaged)?;
        let plain = cipher
            .decrypt(XNonce::from_slice(&body[..NONCE]), &body[NONCE..])
            .map(Zeroizing::new)
            .map_err(|_| OpenError::Damaged)?;
        serde_json::from_slice(&plain).map_err(OpenError::Decode)
    }
}

impl<T> fmt::Debug for Sealed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} recipients)", self.keys.len())
    }
}

impl SecretKey {
    pub fn generate(rng: &mut impl CryptoRngCore) -> Self {
        Self(crypto_box::SecretKey::generate(rng))
    }

    pub fn public(&self) -> PublicKey {
        PublicKey(*self.0.public_key().as_bytes())
    }

    /// Base64, for the file that only root can read or the person who keeps the recovery key.
    pub fn reveal(&self) -> Zeroizing<String> {
        Zeroizing::new(BASE64.encode(&self.0.to_bytes()))
    }

    /// A key for another purpose, the same whenever it is derived: whoever holds it does not hold this one.
    pub fn derive(&self, purpose: &str) -> Zeroizing<[u8; KEY]> {
        let mut key = Zeroizing::new([0u8; KEY]);
        let secret = Zeroizing::new(self.0.to_bytes());
        let hkdf = Hkdf::<Sha256>::new(None, secret.as_ref());
        hkdf.expand(purpose.as_bytes(), key.as_mut()).expect("a key is a length that HKDF gives");
        key
    }

    /// Eight groups of eight letters, for the person who keeps it: it can be typed on any keyboard, see [`modhex`].
    pub fn spoken(&self) -> Zeroizing<String> {
        modhex::write(&*Zeroizing::new(self.0.to_bytes()))
    }

    /// What [`Self::reveal`] or [`Self::spoken`] gave; the latter as people type it.
    pub fn from_revealed(text: &str) -> Result<Self, KeyError> {
        let spoken = modhex::read(text).and_then(|bytes| <[u8; KEY]>::try_from(bytes.as_slice()).ok());
        spoken.map_or_else(|| decode_key(text), Ok).map(|bytes| Self(bytes.into()))
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(…)")
    }
}

fn decode_key(text: &str) -> Result<[u8; KEY], KeyError> {
    let bytes = BASE64.decode(text.trim().as_bytes()).map_err(|_| KeyError)?;
    bytes.try_into().map_err(|_| KeyError)
}

impl TryFrom<String> for PublicKey {
    type Error = KeyError;
    fn try_from(text: String) -> Result<Self, KeyError> {
        decode_key(&text).map(Self)
    }
}

impl From<PublicKey> for String {
    fn from(key: PublicKey) -> String {
        BASE64.encode(&key.0)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64.encode(&self.0))
    }
}

/// The system's randomness in the form that [`seal`] takes: for programs, not for planners.
pub use chacha20poly1305::aead::OsRng;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_recipient_can_read_and_nobody_else() {
        let (node, recovery, other) =
            (SecretKey::generate(&mut OsRng), SecretKey::generate(&mut OsRng), SecretKey::generate(&mut OsRng));
        let secret = "#cloud-config\npassword: 密碼\n".to_owned();
        let sealed = seal(&secret, &[node.public(), recovery.public()], &mut OsRng).unwrap();
        let json = serde_json::to_string(&sealed).unwrap();
        assert!(!json.contains("cloud-config"));
        let back: Sealed<String> = serde_json::from_str(&json).unwrap();
        assert_eq!(back.open(&node).unwrap(), secret);
        assert_eq!(back.open(&recovery).unwrap(), secret);
        assert!(matches!(back.open(&other), Err(OpenError::NotForThisKey)));
    }

    #[test]
    fn a_damaged_seal_is_refused() {
        let node = SecretKey::generate(&mut OsRng);
        let sealed = seal(&1u32, &[node.public()], &mut OsRng).unwrap();
        let mut body = BASE64.decode(sealed.body.as_bytes()).unwrap();
        *body.last_mut().unwrap() ^= 1;
        let damaged = Sealed::<u32> { body: BASE64.encode(&body), ..sealed };
        assert!(matches!(damaged.open(&node), Err(OpenError::Damaged)));
    }

    #[test]
    fn a_derived_key_is_the_same_again_and_another_for_each_purpose() {
        let key = SecretKey::generate(&mut OsRng);
        assert_eq!(key.derive("one"), SecretKey::from_revealed(&key.reveal()).unwrap().derive("one"));
        assert_ne!(key.derive("one"), key.derive("two"));
        assert_ne!(*key.derive("one"), key.0.to_bytes());
    }

    #[test]
    fn a_revealed_key_opens_again() {
        let node = SecretKey::generate(&mut OsRng);
        let sealed = seal(&7u32, &[node.public()], &mut OsRng).unwrap();
        let again = SecretKey::from_revealed(&node.reveal()).unwrap();
        assert_eq!(sealed.open(&again).unwrap(), 7);
        assert_eq!(SecretKey::from_revealed("nonsense").unwrap_err(), KeyError);
        let typed = node.spoken().to_uppercase().replace('-', " ");
        assert_eq!(SecretKey::from_revealed(&typed).unwrap().public(), node.public());
        assert_eq!(SecretKey::from_revealed(&node.spoken()[..70]).unwrap_err(), KeyError);
    }
}
