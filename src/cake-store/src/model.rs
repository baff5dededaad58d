//! The values that go in and out of a [`Store`](crate::Store).

use std::fmt;
use std::num::NonZeroUsize;
use std::str::FromStr;

use bytes::Bytes;
use data_encoding::BASE64URL_NOPAD;

use crate::error::StoreError;
use crate::key::{Key, KeyPrefix};

/// The largest value, in bytes.
pub const MAX_VALUE_BYTES: usize = 256 * 1024;
/// The most guards and operations in one transaction (etcd's own limit).
pub const MAX_TXN_OPS: usize = 128;
/// The most entries in one page.
pub const MAX_PAGE: usize = 1000;

/// Which write an entry comes from. Equal or not is all that can be said about two of them.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Revision(pub(crate) i64);

impl fmt::Debug for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Revision(…)")
    }
}

/// A point in the history of a store, between two commits: what [`Store::watch`](crate::Store::watch) starts from.
/// It can be kept as text.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cursor(pub(crate) i64);

const CURSOR_TAG: u8 = b'c';
const PAGE_TAG: u8 = b'p';

impl Cursor {
    /// Has somebody who has read everything up to here seen the write that gave `revision`?
    pub fn covers(&self, revision: Revision) -> bool {
        revision.0 <= self.0
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut raw = vec![CURSOR_TAG];
        raw.extend_from_slice(&self.0.to_be_bytes());
        f.write_str(&BASE64URL_NOPAD.encode(&raw))
    }
}

impl fmt::Debug for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cursor(…)")
    }
}

impl FromStr for Cursor {
    type Err = StoreError;
    fn from_str(text: &str) -> Result<Self, StoreError> {
        let (position, rest) = unpack(text, CURSOR_TAG)?;
        if rest.is_empty() { Ok(Self(position)) } else { Err(StoreError::ForeignCursor) }
    }
}

/// Reads `tag`, a position and what follows from a token's text.
fn unpack(text: &str, tag: u8) -> Result<(i64, Vec<u8>), StoreError> {
    let raw = BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| StoreError::ForeignCursor)?;
    let body = raw.strip_prefix(&[tag]).ok_or(StoreError::ForeignCursor)?;
    let (position, rest) = body.split_first_chunk::<8>().ok_or(StoreError::ForeignCursor)?;
    let position = i64::from_be_bytes(*position);
    if (0..=MAX_POSITION).contains(&position) { Ok((position, rest.to_vec())) } else { Err(StoreError::ForeignCursor) }
}

/// Positions stay far from overflow even when a token was made up.
pub(crate) const MAX_POSITION: i64 = 1 << 52;

/// Where the next page starts, in the same snapshot as the first one. It can be kept as text for a while.
#[derive(Clone, PartialEq, Eq)]
pub struct PageToken {
    pub(crate) snapshot: i64,
    pub(crate) after: Key,
}

impl fmt::Display for PageToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut raw = vec![PAGE_TAG];
        raw.extend_from_slice(&self.snapshot.to_be_bytes());
        raw.extend_from_slice(self.after.as_str().as_bytes());
        f.write_str(&BASE64URL_NOPAD.encode(&raw))
    }
}

impl fmt::Debug for PageToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PageToken(after {})", self.after)
    }
}

impl FromStr for PageToken {
    type Err = StoreError;
    fn from_str(text: &str) -> Result<Self, StoreError> {
        let (snapshot, rest) = unpack(text, PAGE_TAG)?;
        let key = std::str::from_utf8(&rest).map_err(|_| StoreError::ForeignCursor)?;
        let after = Key::new(key).map_err(|_| StoreError::ForeignCursor)?;
        Ok(Self { snapshot, after })
    }
}

/// A promise that keys vanish unless it is renewed in time.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct LeaseId(pub(crate) i64);

impl fmt::Debug for LeaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LeaseId({:x})", self.0)
    }
}

impl fmt::Display for LeaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}", self.0)
    }
}

impl FromStr for LeaseId {
    type Err = StoreError;
    fn from_str(text: &str) -> Result<Self, StoreError> {
        match i64::from_str_radix(text, 16) {
            Ok(id) if id > 0 => Ok(Self(id)),
            _ => Err(StoreError::LeaseGone),
        }
    }
}

/// One resource as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where it lies.
    pub key: Key,
    /// What it is; the store does not look inside.
    pub value: Bytes,
    /// The write that made it so.
    pub revision: Revision,
    /// The lease that it vanishes with.
    pub lease: Option<LeaseId>,
}

/// What a key must be for a write to happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// It must not exist.
    Absent,
    /// It must still be what that write made it.
    Revision(Revision),
    /// Whatever it is.
    Any,
}

/// Which part of a list to give.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// At most so many; `None` or more than [`MAX_PAGE`] means [`MAX_PAGE`]. Large values make pages shorter.
    pub limit: Option<NonZeroUsize>,
    /// [`Listing::next`] of the page before.
    pub after: Option<PageToken>,
}

impl Page {
    /// The first page with at most `limit` entries.
    pub fn first(limit: usize) -> Self {
        Self { limit: NonZeroUsize::new(limit), after: None }
    }

    /// The page after `listing`, of the same size; `None` when that was the last one.
    pub fn following(&self, listing: &Listing) -> Option<Self> {
        Some(Self { limit: self.limit, after: Some(listing.next.clone()?) })
    }

    pub(crate) fn size(&self) -> usize {
        self.limit.map_or(MAX_PAGE, |l| l.get().min(MAX_PAGE))
    }
}

/// A page of a list, sorted by key. All pages of one list show the same instant.
#[derive(Debug, Clone)]
pub struct Listing {
    /// The entries.
    pub entries: Vec<Entry>,
    /// Where the next page starts; `None` at the end.
    pub next: Option<PageToken>,
    /// The instant that this list shows: watch from here and nothing is missed or seen twice.
    pub cursor: Cursor,
}

/// Conditions and writes that happen together or not at all, in one durable commit.
#[derive(Debug, Clone, Default)]
pub struct Txn {
    pub(crate) guards: Vec<(Key, Expect)>,
    pub(crate) ops: Vec<Op>,
}

/// One write of a transaction.
#[derive(Debug, Clone)]
pub(crate) enum Op {
    Put { key: Key, value: Bytes, lease: Option<LeaseId> },
    Delete { key: Key },
}

impl Op {
    pub(crate) fn key(&self) -> &Key {
        match self {
            Self::Put { key, .. } | Self::Delete { key } => key,
        }
    }
}

impl Txn {
    /// An empty transaction.
    pub fn new() -> Self {
        Self::default()
    }

    /// Only if `key` is as expected.
    #[must_use]
    pub fn guard(mut self, key: Key, expected: Expect) -> Self {
        self.guards.push((key, expected));
        self
    }

    /// Writes `key`. A lease that it had is forgotten.
    #[must_use]
    pub fn put(mut self, key: Key, value: impl Into<Bytes>) -> Self {
        self.ops.push(Op::Put { key, value: value.into(), lease: None });
        self
    }

    /// Writes `key` so that it vanishes with `lease`.
    #[must_use]
    pub fn put_leased(mut self, key: Key, value: impl Into<Bytes>, lease: LeaseId) -> Self {
        self.ops.push(Op::Put { key, value: value.into(), lease: Some(lease) });
        self
    }

    /// Removes `key`; no error if it does not exist.
    #[must_use]
    pub fn delete(mut self, key: Key) -> Self {
        self.ops.push(Op::Delete { key });
        self
    }

    /// Has it anything to write?
    pub fn is_empty(&self) -> bool {
        self.ops.is_empty()
    }

    /// Refuses what no implementation accepts.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        let count = self.guards.len() + self.ops.len();
        if count > MAX_TXN_OPS {
            return Err(StoreError::TxnTooLarge { count, limit: MAX_TXN_OPS });
        }
        let mut seen = std::collections::HashSet::new();
        for op in &self.ops {
            if !seen.insert(op.key()) {
                return Err(StoreError::DuplicateKey { key: op.key().clone() });
            }
            if let Op::Put { key, value, .. } = op {
                check_value(key, value)?;
            }
        }
        Ok(())
    }
}

pub(crate) fn check_value(key: &Key, value: &Bytes) -> Result<(), StoreError> {
    if value.len() > MAX_VALUE_BYTES {
        return Err(StoreError::ValueTooLarge { key: key.clone(), size: value.len(), limit: MAX_VALUE_BYTES });
    }
    Ok(())
}

/// How a transaction ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TxnOutcome {
    /// Every guard held and every write is durable; all of them carry this revision.
    Committed {
        /// The revision of everything it put.
        revision: Revision,
    },
    /// Nothing changed: this guard, the first that failed, did not hold.
    Refused {
        /// Whose guard.
        key: Key,
        /// What it is now; `None` when it does not exist.
        current: Option<Revision>,
    },
}

impl TxnOutcome {
    /// The revision, or [`StoreError::Conflict`] when a guard failed.
    pub fn committed(self) -> Result<Revision, StoreError> {
        match self {
            Self::Committed { revision } => Ok(revision),
            Self::Refused { key, current } => Err(StoreError::Conflict { key, current }),
        }
    }
}

/// One key that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// It was made or replaced.
    Put(Entry),
    /// It was removed, or vanished with its lease.
    Delete(Key),
}

impl Change {
    /// Which key.
    pub fn key(&self) -> &Key {
        match self {
            Self::Put(entry) => &entry.key,
            Self::Delete(key) => key,
        }
    }
}

/// Everything that one transaction changed under the watched prefix, in the order it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// What changed; never empty.
    pub changes: Vec<Change>,
    /// Watch from here to go on after this commit.
    pub cursor: Cursor,
}

impl PageToken {
    /// A token is good for the prefix that it was made for.
    pub(crate) fn belongs_to(&self, prefix: &KeyPrefix) -> bool {
        prefix.contains(&self.after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_round_trip_and_strangers_are_refused() {
        let cursor = Cursor(77);
        assert_eq!(cursor.to_string().parse::<Cursor>().unwrap(), cursor);
        let token = PageToken { snapshot: 5, after: Key::new("/vms/1").unwrap() };
        assert_eq!(token.to_string().parse::<PageToken>().unwrap(), token);
        assert!(token.to_string().parse::<Cursor>().is_err());
        assert!(cursor.to_string().parse::<PageToken>().is_err());
        for text in ["", "77", "c", "Y", "YwAAAAAAAAA", "\u{202e}", "Y_________8", "Y__________8"] {
            assert!(text.parse::<Cursor>().is_err(), "{text}");
        }
        assert_eq!(LeaseId(31).to_string().parse::<LeaseId>().unwrap(), LeaseId(31));
        assert!("-1".parse::<LeaseId>().is_err());
    }

    #[test]
    fn debug_never_shows_the_number() {
        assert_eq!(format!("{:?} {:?}", Revision(4711), Cursor(4711)), "Revision(…) Cursor(…)");
    }
}
