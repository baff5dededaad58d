//! How resources are written: JSON in an envelope that says which version of the layout it is. Version N writes only what version
//! N−1 reads (invariant 12); a field that this version does not know is left out by serde and so lost only when the resource is
//! written again.

use bytes::Bytes;
use cake_store::{Entry, KeyPrefix, Page, Revision, Store, StoreError};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The layout that this version writes.
const VERSION: u32 = 1;

/// A value and the write that it comes from.
#[derive(Clone, Copy, Debug)]
pub struct Stored<T> {
    pub value: T,
    pub revision: Revision,
}

#[derive(Serialize)]
struct Out<'a, T> {
    v: u32,
    value: &'a T,
}

#[derive(Deserialize)]
struct In<T> {
    v: u32,
    value: T,
}

#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    #[error("{key} can't be read")]
    Malformed {
        key: String,
        #[source]
        source: serde_json::Error,
    },
    #[error("{key} has layout {found}; this version knows {VERSION}")]
    Newer { key: String, found: u32 },
    #[error("the Store can't be read")]
    Store(#[from] StoreError),
}

pub fn encode<T: Serialize>(value: &T) -> Bytes {
    // Resources are structs of plain data with string keys: there is nothing in them that JSON can't say.
    serde_json::to_vec(&Out { v: VERSION, value }).expect("a resource is JSON").into()
}

pub fn decode<T: DeserializeOwned>(entry: &Entry) -> Result<Stored<T>, RecordError> {
    let malformed = |source| RecordError::Malformed { key: entry.key.to_string(), source };
    let In { v, value } = serde_json::from_slice(&entry.value).map_err(malformed)?;
    if v > VERSION {
        return Err(RecordError::Newer { key: entry.key.to_string(), found: v });
    }
    Ok(Stored { value, revision: entry.revision })
}

pub async fn get<T: DeserializeOwned>(
    store: &dyn Store,
    key: &cake_store::Key,
) -> Result<Option<Stored<T>>, RecordError> {
    store.get(key).await?.as_ref().map(decode).transpose()
}

/// Everything under a prefix, from one instant.
pub async fn all<T: DeserializeOwned>(store: &dyn Store, prefix: &KeyPrefix) -> Result<Vec<Stored<T>>, RecordError> {
    let mut page = Page::default();
    let mut out = Vec::new();
    loop {
        let listing = store.list(prefix, page.clone()).await?;
        for entry in &listing.entries {
            out.push(decode(entry)?);
        }
        match page.following(&listing) {
            Some(next) => page = next,
            None => return Ok(out),
        }
    }
}
