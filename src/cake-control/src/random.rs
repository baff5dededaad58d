//! The system's randomness.

use data_encoding::BASE64URL_NOPAD;
use sha2::{Digest, Sha256};

/// Fresh random bytes. A machine that can't give any can't keep a secret either: there is no going on.
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the system gives random bytes");
    bytes
}

/// A secret of 256 random bits as text that is safe in a URL, a cookie and a header.
pub fn secret() -> String {
    BASE64URL_NOPAD.encode(&bytes::<32>())
}

/// SHA-256 in hexadecimal: what is kept of a random secret.
pub fn digest(secret: &str) -> String {
    data_encoding::HEXLOWER.encode(&Sha256::digest(secret.as_bytes()))
}

/// SHA-256 over parts that can't be mistaken for one another.
pub fn digest_of(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}
