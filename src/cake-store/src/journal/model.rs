//! What the journal keeps and how it is asked.

use std::fmt;
use std::num::NonZeroUsize;
use std::str::FromStr;

use data_encoding::BASE64URL_NOPAD;
use jiff::Timestamp;
use serde_json::Value;

use crate::error::{JournalError, StoreError};

/// The longest project, subject or actor, in bytes.
pub const MAX_FIELD_BYTES: usize = 512;
/// The most data in one record, in bytes of JSON.
pub const MAX_DATA_BYTES: usize = 64 * 1024;
/// The most records in one page.
pub const MAX_RECORDS: usize = 1000;

/// What a record is about. Each kind has bounds of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RecordKind {
    /// Who changed what, from where, with what result.
    Audit,
    /// Something that happened.
    Event,
    /// Long work that has ended.
    Task,
}

impl RecordKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Audit, Self::Event, Self::Task];

    /// As it is written in the file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Audit => "audit",
            Self::Event => "event",
            Self::Task => "task",
        }
    }

    pub(super) fn from_text(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// One thing to remember.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// What it is about.
    pub kind: RecordKind,
    /// When it happened, kept to the microsecond.
    pub at: Timestamp,
    /// Whose it is.
    pub project: String,
    /// The resource it is about.
    pub subject: String,
    /// Who did it.
    pub actor: String,
    /// Everything else.
    pub data: Value,
}

impl Record {
    /// The data as it is kept, if everything is within its limits.
    pub(super) fn check(&self) -> Result<String, JournalError> {
        let fields = [("project", &self.project), ("subject", &self.subject), ("actor", &self.actor)];
        for (field, text) in fields {
            if text.len() > MAX_FIELD_BYTES {
                return Err(JournalError::TooLarge { field, size: text.len(), limit: MAX_FIELD_BYTES });
            }
        }
        let data = self.data.to_string();
        if data.len() > MAX_DATA_BYTES {
            return Err(JournalError::TooLarge { field: "data", size: data.len(), limit: MAX_DATA_BYTES });
        }
        Ok(data)
    }
}

/// The place of a record. Later records have greater places. It can be kept as text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordCursor(pub(super) i64);

const TAG: u8 = b'j';

impl fmt::Display for RecordCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut raw = vec![TAG];
        raw.extend_from_slice(&self.0.to_be_bytes());
        f.write_str(&BASE64URL_NOPAD.encode(&raw))
    }
}

impl fmt::Debug for RecordCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecordCursor(…)")
    }
}

impl FromStr for RecordCursor {
    type Err = StoreError;
    fn from_str(text: &str) -> Result<Self, StoreError> {
        let raw = BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| StoreError::ForeignCursor)?;
        let body = raw.strip_prefix(&[TAG]).ok_or(StoreError::ForeignCursor)?;
        let place = i64::from_be_bytes(body.try_into().map_err(|_| StoreError::ForeignCursor)?);
        if place < 0 { Err(StoreError::ForeignCursor) } else { Ok(Self(place)) }
    }
}

/// A record in its place.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredRecord {
    /// Its place: a page or a feed can go on from here.
    pub cursor: RecordCursor,
    /// The record.
    pub record: Record,
}

/// Which records; what is not said does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// One of these kinds; empty means all.
    pub kinds: Vec<RecordKind>,
    /// Exactly this project.
    pub project: Option<String>,
    /// Exactly this subject.
    pub subject: Option<String>,
    /// Exactly this actor.
    pub actor: Option<String>,
    /// Not older than this.
    pub since: Option<Timestamp>,
}

impl Filter {
    /// Only this kind.
    pub fn kind(kind: RecordKind) -> Self {
        Self { kinds: vec![kind], ..Self::default() }
    }

    /// The kinds it lets through.
    pub(super) fn lets(&self, kind: RecordKind) -> bool {
        self.kinds.is_empty() || self.kinds.contains(&kind)
    }
}

/// Which end to start from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Order {
    /// The latest record first.
    #[default]
    NewestFirst,
    /// The first record that is kept first.
    OldestFirst,
}

/// A question to the journal.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// Which records.
    pub filter: Filter,
    /// In which order.
    pub order: Order,
    /// At most so many; `None` or more than [`MAX_RECORDS`] means [`MAX_RECORDS`].
    pub limit: Option<NonZeroUsize>,
    /// Only what comes after this place in the order asked for: [`RecordPage::next`] of the page before.
    pub after: Option<RecordCursor>,
}

/// A page of records.
#[derive(Debug, Clone)]
pub struct RecordPage {
    /// The records.
    pub records: Vec<StoredRecord>,
    /// Where the next page starts; `None` at the end.
    pub next: Option<RecordCursor>,
}

/// How much of a kind is kept; the oldest go first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// At most so many records.
    pub rows: u64,
    /// At most so many bytes, counted as text and data.
    pub bytes: u64,
}

/// How much of a kind there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Which kind.
    pub kind: RecordKind,
    /// Records kept.
    pub rows: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Records that had to go since the journal was made.
    pub dropped: u64,
}
