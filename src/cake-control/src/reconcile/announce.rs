//! The console's name on the network: told while it is wanted, under another one when the settings or the server say so.

use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::announce::{Announcer, Station};
use crate::board::{Change, What};
use crate::error;
use crate::ledger::Ledger;
use cake_types::{AnnounceState, Announcement};

/// When it is tried again after nothing could be heard of the links at all.
const TRY_AGAIN: Duration = Duration::from_secs(30);

pub struct AnnounceReconciler {
    pub ledger: Arc<Ledger>,
    pub announcer: Arc<Announcer>,
}

impl AnnounceReconciler {
    pub async fn run(&self) {
        let mut changes = self.ledger.board.changes.follow();
        loop {
            let wanted = self.announcer.wanted();
            let other = self.other(&wanted, &mut changes);
            match &wanted {
                Ok(label) => tokio::select! {
                    () = other => {}
                    () = self.serve(label) => {}
                },
                Err(state) => {
                    self.announcer.tell(Announcement::nothing(*state));
                    other.await;
                }
            }
        }
    }

    /// Returns when something else is wanted.
    async fn other(&self, wanted: &Result<String, AnnounceState>, changes: &mut Receiver<Change>) {
        loop {
            match changes.recv().await {
                Ok(Change { what: What::Settings | What::Node(_), .. }) | Err(RecvError::Lagged(_)) => {
                    if self.announcer.wanted() != *wanted {
                        return;
                    }
                }
                Ok(_) => {}
                Err(RecvError::Closed) => std::future::pending().await,
            }
        }
    }

    /// Tells of the name, and how that goes.
    async fn serve(&self, label: &str) {
        let mut station = match Station::open(label, self.announcer.listen) {
            Ok(station) => station,
            Err(error) => {
                tracing::warn!(error = %error::chain(&error), "nothing can be told on the network");
                let because = Some(error.to_string());
                let failed = Announcement::nothing(AnnounceState::Failed);
                self.announcer.tell(Announcement { wanted: Some(label.to_owned()), because, ..failed });
                return tokio::time::sleep(TRY_AGAIN).await;
            }
        };
        loop {
            let now = station.announcement();
            if let (AnnounceState::Announced, Some(label)) = (now.state, &now.label)
                && let Err(error) = self.announcer.settle(label).await
            {
                tracing::error!(error = %error::chain(&error), "the name on the network is not written down");
            }
            self.announcer.tell(now);
            station.go_on().await;
        }
    }
}
