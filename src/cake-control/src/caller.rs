//! Who asks for a change, and what is remembered so that asking twice does it once.

use cake_store::{Expect, Key, Store, Txn};
use cake_types::{Actor, Code, Origin, Problem};
use chacha20poly1305::aead::{Aead, KeyInit};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use data_encoding::{BASE64, HEXLOWER};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{error, keys, random, record};

/// How long the answer to a POST is kept.
pub const RECEIPT_HOURS: i64 = 24;

/// Who asks, from where, for what.
#[derive(Clone, Debug)]
pub struct Caller {
    pub actor: Actor,
    pub origin: Origin,
    /// The operation's id in the OpenAPI document.
    pub action: &'static str,
}

impl Caller {
    /// cake itself.
    pub fn system(action: &'static str) -> Self {
        Self { actor: Actor::System, origin: Origin { address: None, request: None }, action }
    }
}

/// An answer as it is kept, so that the same request is answered the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    pub status: u16,
    pub etag: Option<String>,
    pub location: Option<String>,
    pub body: String,
}

/// The place for the answer to one POST. Its content is encrypted with the Idempotency-Key, which is not stored: an answer may
/// hold a secret that is shown once, and a request's digest may be that of a password.
#[derive(Clone)]
pub struct Receipt {
    place: Key,
    secret: [u8; 32],
    request: [u8; 32],
}

#[derive(Serialize, Deserialize)]
struct Kept {
    until: Timestamp,
    sealed: String,
}

#[derive(Serialize, Deserialize)]
struct Inside {
    request: String,
    answer: Answer,
}

impl Receipt {
    /// `scope` is who asks; `request` everything that makes the request what it is.
    pub fn new(scope: &str, key: &str, request: &[&[u8]]) -> Self {
        let place = random::digest_of(&[b"place", scope.as_bytes(), key.as_bytes()]);
        Self {
            place: keys::receipt(&HEXLOWER.encode(&place)),
            secret: random::digest_of(&[b"secret", scope.as_bytes(), key.as_bytes()]),
            request: random::digest_of(request),
        }
    }

    /// For telling apart requests that are at work.
    pub fn place(&self) -> &Key {
        &self.place
    }

    /// The answer that the same request was given before.
    pub async fn find(&self, store: &dyn Store, now: Timestamp) -> Result<Option<Answer>, Problem> {
        let Some(kept) = record::get::<Kept>(store, &self.place).await.map_err(error::record)? else {
            return Ok(None);
        };
        if kept.value.until < now {
            return Ok(None);
        }
        let Some(Inside { request, answer }) = self.open(&kept.value.sealed) else {
            return Err(Problem::new(Code::KeyReused));
        };
        if request == HEXLOWER.encode(&self.request) { Ok(Some(answer)) } else { Err(Problem::new(Code::KeyReused)) }
    }

    /// Adds the answer to the transaction of the change that it answers.
    pub fn write(&self, txn: Txn, answer: &Answer, now: Timestamp) -> Txn {
        let until = now + SignedDuration::from_hours(RECEIPT_HOURS);
        let inside = Inside { request: HEXLOWER.encode(&self.request), answer: answer.clone() };
        let kept = Kept { until, sealed: self.seal(&inside) };
        txn.guard(self.place.clone(), Expect::Any).put(self.place.clone(), record::encode(&kept))
    }

    fn seal(&self, inside: &Inside) -> String {
        let nonce = random::bytes::<24>();
        let plain = serde_json::to_vec(inside).expect("an answer is JSON");
        let cipher = XChaCha20Poly1305::new((&self.secret).into());
        let sealed = cipher.encrypt(XNonce::from_slice(&nonce), plain.as_slice()).expect("memory can be encrypted");
        BASE64.encode(&[nonce.as_slice(), &sealed].concat())
    }

    fn open(&self, sealed: &str) -> Option<Inside> {
        let bytes = BASE64.decode(sealed.as_bytes()).ok()?;
        let (nonce, sealed) = bytes.split_at_checked(24)?;
        let plain = XChaCha20Poly1305::new((&self.secret).into()).decrypt(XNonce::from_slice(nonce), sealed).ok()?;
        serde_json::from_slice(&plain).ok()
    }
}

/// Forgets answers that were kept long enough.
pub async fn sweep_receipts(store: &dyn Store, now: Timestamp) -> Result<(), Problem> {
    let mut page = cake_store::Page::default();
    loop {
        let listing = store.list(&keys::receipts(), page.clone()).await.map_err(error::store)?;
        let old = listing
            .entries
            .iter()
            .filter(|entry| record::decode::<Kept>(entry).is_ok_and(|kept| kept.value.until < now));
        let old: Vec<_> = old.collect();
        for some in old.chunks(cake_store::MAX_TXN_OPS) {
            let txn = some.iter().fold(Txn::new(), |txn, entry| txn.delete(entry.key.clone()));
            store.txn(txn).await.map_err(error::store)?;
        }
        match page.following(&listing) {
            Some(next) => page = next,
            None => return Ok(()),
        }
    }
}

/// A receipt and how the answer to `T` reads.
pub struct Keep<T: ?Sized> {
    pub receipt: Option<Receipt>,
    pub answer: fn(&T) -> Answer,
}

impl<T: ?Sized> Keep<T> {
    pub fn write(&self, txn: Txn, value: &T, now: Timestamp) -> Txn {
        match &self.receipt {
            Some(receipt) => receipt.write(txn, &(self.answer)(value), now),
            None => txn,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cake_store::{SqliteOptions, SqliteStore};

    fn answer() -> Answer {
        Answer { status: 201, etag: None, location: None, body: "{\"token\":\"cake_x\"}".into() }
    }

    #[tokio::test]
    async fn an_answer_is_kept_for_the_same_request_only_and_not_for_ever() {
        let dir = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(dir.path().join("store"), SqliteOptions::default()).await.unwrap();
        let now = Timestamp::from_second(1_000_000).unwrap();
        let receipt = Receipt::new("alice", "k1", &[b"POST", b"/v1/tokens", b"{}"]);
        assert_eq!(receipt.find(&store, now).await.unwrap(), None);
        store.txn(receipt.write(Txn::new(), &answer(), now)).await.unwrap().committed().unwrap();
        assert_eq!(receipt.find(&store, now).await.unwrap(), Some(answer()));
        let other = Receipt::new("alice", "k1", &[b"POST", b"/v1/tokens", b"{1}"]);
        assert_eq!(other.find(&store, now).await.unwrap_err().code, Code::KeyReused);
        let bob = Receipt::new("bob", "k1", &[b"POST", b"/v1/tokens", b"{}"]);
        assert_eq!(bob.find(&store, now).await.unwrap(), None);
        let raw = store.get(receipt.place()).await.unwrap().unwrap();
        assert!(!String::from_utf8_lossy(&raw.value).contains("cake_x"), "a secret is not stored in the clear");
        let later = now + SignedDuration::from_hours(25);
        assert_eq!(receipt.find(&store, later).await.unwrap(), None);
        sweep_receipts(&store, later).await.unwrap();
        assert!(store.get(receipt.place()).await.unwrap().is_none());
    }
}
