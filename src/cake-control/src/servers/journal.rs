//! A server's event log, as far as it is written into the Journal: each entry once, whoever is killed in between at most twice.

use cake_planner::event::Happened;
use cake_store::{Expect, Revision, Txn};
use cake_types::{EventKind, Problem, ServerEvent, ServerId};

use crate::ledger::Ledger;
use crate::record::{self, Stored};
use crate::{error, keys};

/// The last entry that is in the Journal.
pub(crate) async fn place(ledger: &Ledger, id: ServerId) -> Result<Option<Stored<String>>, Problem> {
    record::get(&*ledger.store, &keys::server_log(id)).await.map_err(error::record)
}

pub(crate) async fn keep(ledger: &Ledger, id: ServerId, before: Option<Revision>, newest: &str) -> Result<(), Problem> {
    let key = keys::server_log(id);
    let txn = Txn::new().guard(key.clone(), before.map_or(Expect::Absent, Expect::Revision));
    let txn = txn.put(key, record::encode(&newest.to_owned()));
    ledger.store.txn(txn).await.map_err(error::store)?.committed().map_err(error::store)?;
    Ok(())
}

pub(crate) fn happened(event: &ServerEvent) -> Happened {
    let happened = Happened::new(EventKind::HardwareEvent, event.severity())
        .with("sensor", event.name.clone())
        .with("fact", event.fact.key.clone())
        .with("asserted", if event.asserted { "yes" } else { "no" });
    match &event.fact.text {
        Some(text) => happened.with("text", text.clone()),
        None => happened,
    }
}
