//! The Store (resources) and the Journal (audit, events, finished tasks).
//!
//! Start from [`Store`]: a sorted map from [`Key`] to small values with conditions, transactions, snapshots, watches and
//! leases. [`SqliteStore`] keeps it in one file for one server; a rack's etcd is to stand behind the same trait, and
//! [`conformance`] is the one suite for both. [`Journal`] is append-only and bounded.
//!
//! ```text
//!            cake-control · cake-api                     everything that happens
//!                     │                                            │
//!                 Store (trait)                                 Journal
//!          get list put txn watch lease                   append page subscribe
//!                     │                                            │
//!                SqliteStore ─── group commit · reader ────────────┤
//!                     │                                            │
//!                store.sqlite                              journal.sqlite
//! ```
//!
//! It deliberately does not know what a resource is: values are bytes, keys are paths. It knows no generation and no
//! epoch either (they live inside the resources). Its [`Revision`] and [`Cursor`] are opaque: they can be compared and
//! kept, not computed with, because another implementation counts differently.
//!
//! **Promise:** what was acknowledged is on the disk. What was refused changed nothing. A transaction is never seen in
//! half, not even after a power cut.

mod clock;
pub mod conformance;
mod copy;
mod error;
mod file;
mod group;
mod journal;
mod key;
mod model;
mod sqlite;
mod store;

pub use clock::{Clock, ManualClock, SystemClock};
pub use error::{FileError, JournalError, StoreError};
pub use journal::{
    Bounds, Feed, Filter, Journal, JournalOptions, JournalSummary, MAX_DATA_BYTES, MAX_FIELD_BYTES, MAX_RECORDS, Order,
    Query, Record, RecordCursor, RecordKind, RecordPage, StoredRecord, Usage, restore as restore_journal,
    verify as verify_journal,
};
pub use key::{Key, KeyError, KeyPrefix, MAX_KEY_BYTES};
pub use model::{
    Change, Commit, Cursor, Entry, Expect, LeaseId, Listing, MAX_PAGE, MAX_TXN_OPS, MAX_VALUE_BYTES, Page, PageToken,
    Revision, Txn, TxnOutcome,
};
pub use sqlite::{SqliteOptions, SqliteStore, StoreSummary, restore as restore_store, verify as verify_store};
pub use store::{Store, Watch};
