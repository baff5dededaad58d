//! The timer of the leases: tokio's monotonic time decides when a lease ends within one run; the time of day only
//! carries what is left over a restart.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::write::{Request, Writer};
use crate::group::Group;
use crate::model::LeaseId;

/// What the timer must know of a commit.
#[derive(Debug, Clone, Copy)]
pub(super) enum LeaseNews {
    /// It ends after `left`. The deadline tells one renewal from the next.
    Until { lease: LeaseId, left: Duration, deadline_ms: i64 },
    /// It is no more.
    Gone { lease: LeaseId },
}

#[derive(Default)]
struct Deadlines {
    by_time: BTreeSet<(Instant, i64)>,
    by_lease: HashMap<i64, (Instant, i64)>,
}

impl Deadlines {
    fn note(&mut self, news: LeaseNews) {
        let (LeaseNews::Until { lease, .. } | LeaseNews::Gone { lease }) = news;
        if let Some((at, _)) = self.by_lease.remove(&lease.0) {
            self.by_time.remove(&(at, lease.0));
        }
        if let LeaseNews::Until { left, deadline_ms, .. } = news {
            let at = Instant::now() + left;
            self.by_time.insert((at, lease.0));
            self.by_lease.insert(lease.0, (at, deadline_ms));
        }
    }

    fn first(&self) -> Option<Instant> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// Takes the leases whose time is up.
    fn due(&mut self) -> Vec<(LeaseId, i64)> {
        let now = Instant::now();
        let mut due = Vec::new();
        while let Some((at, lease)) = self.by_time.first().copied()
            && at <= now
        {
            self.by_time.pop_first();
            if let Some((_, deadline_ms)) = self.by_lease.remove(&lease) {
                due.push((LeaseId(lease), deadline_ms));
            }
        }
        due
    }
}

/// Ends leases until the store is closed.
pub(super) async fn run(group: Arc<Group<Writer>>, mut news: mpsc::UnboundedReceiver<LeaseNews>) {
    let mut deadlines = Deadlines::default();
    loop {
        let first = deadlines.first();
        let wait = async {
            match first {
                Some(at) => sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            heard = news.recv() => match heard {
                Some(heard) => deadlines.note(heard),
                None => return,
            },
            () = wait => for (lease, deadline_ms) in deadlines.due() {
                match group.submit(Request::Expire { lease, deadline_ms }).await {
                    Ok(Ok(_)) => {}
                    Ok(Err(error)) => {
                        tracing::error!(%lease, %error, "ending a lease failed; trying again in a second");
                        let left = Duration::from_secs(1);
                        deadlines.note(LeaseNews::Until { lease, left, deadline_ms });
                    }
                    Err(_) => return,
                }
            },
        }
    }
}
