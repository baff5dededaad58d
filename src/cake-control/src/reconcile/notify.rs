//! Messages: what receivers do not know yet is written down, and then sent until it has arrived.
//!
//! Monday morning ──► [`Weeks::week`] ──► the channel's state: outgoing ──► the same
//! alerts, channels, time ──► [`notify::look`] (pure) ──► the channel's state: known, outgoing ──► [`Channels::send`] ──► arrived

use cake_planner::notify::{self, GIVE_UP, Seen, Waiting};
use cake_planner::week;
use cake_types::{ChannelId, Grouping, Message, Outgoing};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio::task::JoinSet;

use crate::alerts::AlertBook;
use crate::board::{Change, What};
use crate::causes::Causes;
use crate::channels::{Channels, arrived, failed, takes_letters};
use crate::ledger::Ledger;
use crate::week::Weeks;

/// The longest rest: a clock that was set is noticed by then.
const EVERY: Duration = Duration::from_secs(600);
/// Changes come in flocks; this long they are gathered.
const SETTLE: Duration = Duration::from_millis(50);
/// Who has just started has not heard yet what runs: for so long a letter about the week waits for a node that is silent.
const HEAR: Duration = Duration::from_secs(60);
const HEAR_AGAIN: jiff::SignedDuration = jiff::SignedDuration::from_secs(1);
/// After this it is tried again to write what could not be written.
const WRITE_AGAIN: jiff::SignedDuration = jiff::SignedDuration::from_secs(10);

pub struct NotifyReconciler {
    pub ledger: Arc<Ledger>,
    pub alerts: Arc<AlertBook>,
    pub causes: Arc<Causes>,
    pub weeks: Arc<Weeks>,
    pub channels: Arc<Channels>,
}

/// What is not written down: it is found again.
#[derive(Default)]
struct Rest {
    waiting: BTreeMap<ChannelId, Waiting>,
    /// Messages that are being sent now, one for each channel: a slow receiver holds up nobody else.
    sending: JoinSet<ChannelId>,
    busy: BTreeSet<ChannelId>,
}

impl NotifyReconciler {
    pub async fn run(&self) {
        let mut rest = Rest::default();
        let started = Instant::now();
        let mut changes = self.ledger.board.changes.follow();
        loop {
            let monday = self.write_letters(started).await;
            let look_at = self.look(&mut rest).await;
            let due = self.send_due(&mut rest);
            let next = [look_at, due, monday].into_iter().flatten().min();
            tokio::select! {
                () = tokio::time::sleep(self.pause(next)) => {}
                () = matters(&mut changes) => tokio::time::sleep(SETTLE).await,
                Some(done) = rest.sending.join_next() => {
                    match done {
                        Ok(id) => drop(rest.busy.remove(&id)),
                        // It said so itself; which one it was is not known any more, so all may be tried again.
                        Err(_) => rest.busy.clear(),
                    }
                }
            }
            while changes.try_recv().is_ok() {}
        }
    }

    fn pause(&self, next: Option<Timestamp>) -> Duration {
        let due = next.map(|at| at.duration_since(self.ledger.now()).max(jiff::SignedDuration::ZERO).unsigned_abs());
        due.map_or(EVERY, |due| due.min(EVERY))
    }

    /// Writes the letters about the week that are due; when the next ones are. One that was due while nobody was here is written
    /// now: it tells of the week until now.
    async fn write_letters(&self, started: Instant) -> Option<Timestamp> {
        let (now, zone) = (self.ledger.now(), self.channels.zone());
        let due = week::due(now, &zone);
        let heard = self.ledger.board.nodes().iter().all(|entry| entry.connected) || started.elapsed() > HEAR;
        let takers = self.channels.list().into_iter().filter(|view| takes_letters(&view.channel.spec));
        let (mut week, mut next) = (None, None);
        for view in takers {
            next = Some(week::next(now, &zone));
            // A new channel hears of its first whole week; one that is busy is looked at when it is not.
            let last = view.state.weekly.unwrap_or(view.channel.meta.created_at);
            if last >= due || view.state.outgoing.is_some() {
                continue;
            }
            if !heard {
                return now.checked_add(HEAR_AGAIN).ok();
            }
            // All that are due hear of the same moment.
            let told = match week.take() {
                Some(week) => week,
                None => match self.weeks.week().await {
                    Ok(week) => week,
                    Err(problem) => {
                        tracing::warn!(%problem, "the week can't be counted; it is tried again");
                        return next;
                    }
                },
            };
            let message = Message::of_week(uuid::Uuid::now_v7(), now, told.clone());
            self.write_letter(view.channel.meta.id, message).await;
            week = Some(told);
        }
        next
    }

    async fn write_letter(&self, id: ChannelId, message: Message) {
        let now = message.at;
        let written = self.channels.change_state(id, |state| {
            if state.outgoing.is_none() {
                state.weekly = Some(now);
                state.outgoing = Some(Outgoing { message, tries: 0, next: now });
            }
        });
        if let Err(problem) = written.await {
            tracing::warn!(%problem, channel = %id, "a letter could not be written down; it is tried again");
        }
    }

    /// Looks at every channel and writes down what has to be sent; when it has to be looked again.
    async fn look(&self, rest: &mut Rest) -> Option<Timestamp> {
        let (open, silenced, now) = (self.alerts.open(), self.alerts.silenced(), self.ledger.now());
        let (mut look_at, mut groups): (Option<Timestamp>, _) = (None, None);
        let views = self.channels.list();
        rest.waiting.retain(|id, _| views.iter().any(|view| view.channel.meta.id == *id));
        for view in views {
            let (id, state) = (view.channel.meta.id, view.state);
            let busy = state.outgoing.is_some();
            let seen = Seen { now, channel: &view.channel, open: &open, silenced: &silenced, busy };
            let waiting = rest.waiting.get(&id).cloned().unwrap_or_default();
            let next = notify::look(&seen, state.told.clone(), waiting);
            let draft = next.draft.map(|draft| {
                let groups: &Vec<Grouping> = groups.get_or_insert_with(|| self.causes.groups());
                draft.because(groups.clone())
            });
            let message = draft.map(|draft| draft.message(uuid::Uuid::now_v7(), now));
            let (on, before) = (view.channel.spec.on, state.told);
            let written = self.channels.change_state(id, |state| {
                // What a message that was given up made them forget is looked at in the next round.
                if state.told == before {
                    state.told = next.told;
                }
                state.outgoing = state.outgoing.take().filter(|_| on);
                if let Some(message) = message {
                    state.outgoing = Some(Outgoing { message, tries: 0, next: now });
                }
            });
            let mut again = next.look_at;
            match written.await {
                Ok(()) => drop(rest.waiting.insert(id, next.waiting)),
                Err(problem) => {
                    tracing::warn!(%problem, channel = %id, "a message could not be written down; it is tried again");
                    again = now.checked_add(WRITE_AGAIN).ok();
                }
            }
            look_at = [look_at, again].into_iter().flatten().min();
        }
        look_at
    }

    /// Begins to send what is due; when the next one is.
    fn send_due(&self, rest: &mut Rest) -> Option<Timestamp> {
        let (now, mut next) = (self.ledger.now(), None);
        for view in self.channels.list() {
            let id = view.channel.meta.id;
            let Some(outgoing) = view.state.outgoing.filter(|_| !rest.busy.contains(&id)) else { continue };
            if outgoing.next <= now {
                rest.busy.insert(id);
                let (ledger, channels) = (self.ledger.clone(), self.channels.clone());
                rest.sending.spawn(async move {
                    deliver(&ledger, &channels, id).await;
                    id
                });
            } else {
                next = Some(next.map_or(outgoing.next, |at: Timestamp| at.min(outgoing.next)));
            }
        }
        next
    }
}

/// Sends what a channel has to send, and writes down what came of it. Killed in between, it is sent again.
async fn deliver(ledger: &Ledger, channels: &Channels, id: ChannelId) {
    let Some(view) = channels.view(id) else { return };
    let Some(Outgoing { message, .. }) = view.state.outgoing else { return };
    let sent = channels.send(&view.channel, &message).await;
    let now = ledger.now();
    if let Err(undelivered) = &sent {
        let name = &view.channel.meta.name;
        let (trouble, detail) = (undelivered.trouble.as_str(), &undelivered.detail);
        tracing::warn!(channel = %name, message = %message.id, trouble, detail, "a message does not arrive");
    }
    let changed = channels.change_state(id, |state| match sent {
        Ok(answer) => {
            arrived(state, now, &answer);
            state.outgoing = None;
        }
        Err(undelivered) => {
            failed(state, now, &undelivered);
            if now.duration_since(message.at) >= GIVE_UP {
                notify::unlearn(&mut state.told, &message);
                state.outgoing = None;
            } else if let Some(outgoing) = &mut state.outgoing {
                outgoing.tries = outgoing.tries.saturating_add(1);
                outgoing.next = now.saturating_add(notify::again_after(outgoing.tries)).unwrap_or(Timestamp::MAX);
            }
        }
    });
    if let Err(problem) = changed.await {
        tracing::warn!(%problem, channel = %id, "what came of a message could not be written down; it is sent again");
        // Not at once, where the disk is full.
        tokio::time::sleep(WRITE_AGAIN.unsigned_abs()).await;
    }
}

/// Returns when something changed that a message can follow from.
async fn matters(changes: &mut Receiver<Change>) {
    loop {
        match changes.recv().await {
            Ok(Change { what: What::Alerts | What::Settings, .. }) | Err(RecvError::Lagged(_)) => return,
            Ok(_) => {}
            // The board lives as long as the program.
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}
