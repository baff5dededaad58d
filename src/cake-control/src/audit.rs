//! Who changed what: one record for each change, in the same transaction as the change itself.
//!
//! ```text
//!   Audit ── write ──► Store transaction: the change, its answer, /outbox/ID ── committed ──► Journal ──► /outbox/ID may go
//!                                                                   killed here: drain, at the next start
//! ```
//!
//! The Journal is another file than the Store. Without the outbox, dying between the two would leave a change that nobody made.

use cake_store::{Filter, JournalError, Key, Page, Query, Record, RecordKind, StoreError, Txn};
use cake_types::{Actor, AuditRecord, AuditResult, ProjectName, Subject};
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::time::Duration;
use uuid::Uuid;

use crate::caller::Caller;
use crate::ledger::Ledger;
use crate::start::StartError;
use crate::{keys, record};

/// Entries that the Journal has are removed together, so many at most in one transaction and so long after the first.
const TOGETHER: usize = cake_store::MAX_TXN_OPS;
const COLLECT: Duration = Duration::from_secs(1);

/// A record that is to be written.
#[must_use = "a change without its record"]
#[derive(Clone, Debug)]
pub struct Audit {
    record: AuditRecord,
    entry: Option<Key>,
}

impl Audit {
    pub(crate) fn new(caller: &Caller, subject: Option<Subject>, result: AuditResult, at: Timestamp) -> Self {
        let Caller { actor, origin, action } = caller;
        let record = AuditRecord {
            at,
            project: ProjectName::default(),
            actor: actor.clone(),
            origin: origin.clone(),
            action: (*action).to_owned(),
            subject,
            result,
        };
        Self { record, entry: None }
    }

    /// Adds the record to the transaction of the change.
    pub fn write(&mut self, txn: Txn) -> Txn {
        let key = keys::outbox_entry(Uuid::now_v7());
        self.entry = Some(key.clone());
        txn.put(key, record::encode(&self.record))
    }

    pub(crate) fn into_parts(self) -> (Record, Option<Key>) {
        (journaled(&self.record), self.entry)
    }
}

/// The actor as the Journal's index has it.
pub(crate) fn actor_key(actor: &Actor) -> String {
    match actor {
        Actor::Account { id, .. } => id.to_string(),
        Actor::System => "system".into(),
        Actor::Root => "root".into(),
        Actor::Setup => "setup".into(),
        Actor::Unknown { .. } => "unknown".into(),
    }
}

fn journaled(audit: &AuditRecord) -> Record {
    Record {
        kind: RecordKind::Audit,
        at: audit.at,
        project: audit.project.to_string(),
        subject: audit.subject.as_ref().map(|s| s.id.to_string()).unwrap_or_default(),
        actor: actor_key(&audit.actor),
        data: serde_json::to_value(audit).expect("an audit record is JSON"),
    }
}

/// Removes the entries of records that the Journal has. Ends with the program; what is left is looked at when it starts again.
pub async fn forget(ledger: &Ledger) {
    loop {
        let mut done = ledger.journaled.next().await;
        tokio::time::sleep(COLLECT).await;
        done.append(&mut ledger.journaled.take());
        if let Err(error) = remove(ledger, &done).await {
            tracing::warn!(%error, "entries of the outbox stay until the next start");
        }
    }
}

/// Writes into the Journal what an earlier life of this program had no time for. Before anything else is written there.
pub(crate) async fn drain(ledger: &Ledger) -> Result<(), StartError> {
    let (mut left, mut page) = (Vec::new(), Page::default());
    loop {
        let listing = ledger.store.list(&keys::outbox(), page.clone()).await?;
        for entry in &listing.entries {
            left.push((entry.key.clone(), record::decode::<AuditRecord>(entry)?.value));
        }
        match page.following(&listing) {
            Some(next) => page = next,
            None => break,
        }
    }
    let Some(oldest) = left.iter().map(|(_, audit)| audit.at).min() else { return Ok(()) };
    let known = since(ledger, oldest).await?;
    for (_, audit) in &left {
        let record = journaled(audit);
        if !known.contains(&record.data) {
            ledger.journal.append(record).await?;
        }
    }
    let done = left.into_iter().map(|(key, _)| key).collect();
    Ok(remove(ledger, &done).await?)
}

/// Audit records of the Journal that are not older.
async fn since(ledger: &Ledger, oldest: Timestamp) -> Result<Vec<serde_json::Value>, JournalError> {
    let filter = Filter { since: Some(oldest), ..Filter::kind(RecordKind::Audit) };
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let query = Query { filter: filter.clone(), after, ..Query::default() };
        let page = ledger.journal.page(query).await?;
        found.extend(page.records.into_iter().map(|stored| stored.record.data));
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(found),
        }
    }
}

async fn remove(ledger: &Ledger, entries: &BTreeSet<Key>) -> Result<(), StoreError> {
    let entries: Vec<&Key> = entries.iter().collect();
    for some in entries.chunks(TOGETHER) {
        let txn = some.iter().fold(Txn::new(), |txn, key| txn.delete((*key).clone()));
        ledger.store.txn(txn).await?;
    }
    Ok(())
}
