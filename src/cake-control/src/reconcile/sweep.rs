//! What has had its time: kept answers, sessions, failures to log in.

use std::sync::Arc;
use std::time::Duration;

use crate::accounts::Accounts;
use crate::caller;
use crate::ledger::Ledger;

const EVERY: Duration = Duration::from_secs(15 * 60);

pub struct Sweeper {
    pub ledger: Arc<Ledger>,
    pub accounts: Arc<Accounts>,
}

impl Sweeper {
    pub async fn run(&self) {
        let mut timer = tokio::time::interval(EVERY);
        timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            timer.tick().await;
            let now = self.ledger.now();
            let swept = caller::sweep_receipts(&*self.ledger.store, now).await.and(self.accounts.sweep(now).await);
            if let Err(problem) = swept {
                tracing::warn!(%problem, "old records could not be removed");
            }
        }
    }
}
