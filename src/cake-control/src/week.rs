//! The week on one screen: counted from the Journal when somebody asks, kept nowhere.
//!
//! Journal (events, tasks), alerts, board ──► [`week::Tally`] (pure) ──► [`Week`]

use cake_planner::week::{Now, RECORDS, SPAN, Tally};
use cake_store::{Filter, Order, Query, RecordKind, StoredRecord};
use cake_types::{Problem, Week};
use jiff::Timestamp;
use std::sync::Arc;

use crate::alerts::AlertBook;
use crate::causes::Causes;
use crate::error;
use crate::ledger::Ledger;

pub struct Weeks {
    ledger: Arc<Ledger>,
    alerts: Arc<AlertBook>,
    causes: Arc<Causes>,
}

impl Weeks {
    pub const fn new(ledger: Arc<Ledger>, alerts: Arc<AlertBook>, causes: Arc<Causes>) -> Self {
        Self { ledger, alerts, causes }
    }

    /// The seven days until now.
    pub async fn week(&self) -> Result<Week, Problem> {
        let until = self.ledger.now();
        let tally = self.tally(until.saturating_sub(SPAN).unwrap_or(Timestamp::MIN)).await?;
        Ok(tally.week(until, self.so(), &self.alerts.open(), self.causes.groups()))
    }

    /// The newest first, so that what is beyond [`RECORDS`] is the oldest.
    async fn tally(&self, since: Timestamp) -> Result<Tally, Problem> {
        let mut tally = Tally::default();
        let filter =
            Filter { kinds: vec![RecordKind::Event, RecordKind::Task], since: Some(since), ..Filter::default() };
        let mut query = Query { filter, order: Order::NewestFirst, limit: None, after: None };
        let mut read = 0;
        loop {
            let page = self.ledger.journal.page(query.clone()).await.map_err(error::journal)?;
            read += page.records.len();
            query.after = page.next;
            page.records.into_iter().for_each(|record| count(&mut tally, record));
            if query.after.is_none() || read > RECORDS {
                return Ok(tally);
            }
        }
    }

    fn so(&self) -> Now {
        let board = &self.ledger.board;
        let (vms, servers) = (board.vms(), board.servers());
        let watched = servers.iter().filter(|entry| entry.server.spec.bmc.is_some());
        let sensors = watched.clone().filter_map(|entry| entry.status.as_ref()).map(|status| status.sensors.len());
        Now {
            vms: vms.len(),
            running: vms.iter().filter(|entry| entry.state().is_alive()).count(),
            servers: watched.clone().count(),
            sensors: sensors.sum(),
        }
    }
}

/// A record that can't be read is of a newer cake: it says nothing here.
fn count(tally: &mut Tally, StoredRecord { record, .. }: StoredRecord) {
    match record.kind {
        RecordKind::Event => {
            if let Ok(event) = serde_json::from_value(record.data) {
                tally.event(&event);
            }
        }
        RecordKind::Task => {
            if let Ok(task) = serde_json::from_value(record.data) {
                tally.task(&task);
            }
        }
        RecordKind::Audit => {}
    }
}
