//! What is told outside of the console, and when.
//!
//! ```text
//!   alerts that are open ─┐                        ┌─► a message now, or when to look again
//!   what receivers know ──┼──► [`turns`] ──► [`look`] ─► what receivers know then
//!   what waits ───────────┘                        └─► what waits
//! ```
//!
//! Nothing is queued: what has to be told is the difference between what is so and what the receivers know. So nothing is lost
//! when cake dies, nothing is told twice, and who could not be reached for a day is told what is so, not what has been.
//!
//! - What begins within [`GATHER`] of each other is one message, which names [`ITEMS`] alerts and counts the rest. One waits no
//!   longer than [`GATHER_MOST`].
//! - What has one cause stands beneath it ([`Draft::because`]).
//! - A channel gets [`AN_HOUR`] messages an hour; the last one says that it is the last, and what comes after it waits.
//! - An end is told to who was told of the beginning, and of what began and ended in between that it did.
//! - What begins more than [`FLAPS`] times an hour comes and goes: that is told once, and no more until it was quiet for [`CALM`].

use crate::alert::Alerts;
use cake_types::{Alert, AlertId, AlertTurn, Channel, Flaps, Grouping, Known, Message, MessageItem, Told};
use jiff::{SignedDuration, Timestamp};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// What begins together arrives together: a message waits until nothing has come for so long.
pub const GATHER: SignedDuration = SignedDuration::from_secs(5);
/// And no longer than this: BMCs are read every ten seconds, so what one fault does to several servers is seen by then.
pub const GATHER_MOST: SignedDuration = SignedDuration::from_secs(20);
/// Most messages an hour.
pub const AN_HOUR: usize = 12;
const HOUR: SignedDuration = SignedDuration::from_hours(1);
/// Most alerts that a message names.
pub const ITEMS: usize = 20;
/// What begins more often in an hour comes and goes.
pub const FLAPS: usize = 3;
/// So long it has to stay as it is before that is believed.
pub const CALM: SignedDuration = SignedDuration::from_mins(30);
/// Most alerts of which it is remembered that they were told; the rest is told when there is room.
pub const KNOWN: usize = 300;

/// What waits to be told. It need not outlive the program: it is found again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    pub turns: BTreeMap<AlertId, (AlertTurn, Alert)>,
    /// When the first of them came, and the last.
    pub since: Option<(Timestamp, Timestamp)>,
}

/// What follows.
#[derive(Debug, Default)]
pub struct Next {
    pub told: Told,
    pub waiting: Waiting,
    /// Everything of a message but its id, which is chance.
    pub draft: Option<Draft>,
    /// When it has to be looked again, whatever happens.
    pub look_at: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    pub items: Vec<MessageItem>,
    pub causes: Vec<Grouping>,
    pub more: usize,
    pub quiet_until: Option<Timestamp>,
}

impl Draft {
    /// Puts what has one cause beneath it. `groups`: of all alerts that are open.
    pub fn because(mut self, groups: Vec<Grouping>) -> Self {
        let of = |group: &Grouping, item: &MessageItem| !item.turn.is_over() && group.beneath.contains(&item.alert.id);
        let told = |group: &Grouping| group.is_telling() && self.items.iter().any(|item| of(group, item));
        self.causes = groups.into_iter().filter(told).collect();
        let causes = &self.causes;
        let place = |item: &MessageItem| causes.iter().position(|group| of(group, item)).unwrap_or(causes.len());
        self.items.sort_by_key(place);
        self
    }

    pub fn message(self, id: uuid::Uuid, at: Timestamp) -> Message {
        let Self { items, causes, more, quiet_until } = self;
        Message { id, at, items, causes, more, quiet_until, test: false, week: None }
    }
}

/// What is so, as a channel looks at it.
pub struct Seen<'a> {
    pub now: Timestamp,
    pub channel: &'a Channel,
    pub open: &'a Alerts,
    /// Of these nothing is told.
    pub silenced: &'a BTreeSet<AlertId>,
    /// A message is on its way and has not arrived: whatever comes meanwhile goes into the next one.
    pub busy: bool,
}

impl Seen<'_> {
    /// Whether its receivers want to know.
    fn wants(&self, alert: &Alert) -> bool {
        // That it fails itself can't be told by itself.
        let own = alert.subject.id == self.channel.meta.id.0;
        alert.severity >= self.channel.spec.least
            && alert.acknowledged.is_none()
            && !own
            && !self.silenced.contains(&alert.id)
    }
}

/// Looks at one channel.
pub fn look(seen: &Seen<'_>, mut told: Told, waiting: Waiting) -> Next {
    told.sent.retain(|at| seen.now.duration_since(*at) < HOUR);
    if !seen.channel.spec.on {
        // Once it is switched on again its receivers are told everything that is so then.
        return Next { told: Told { known: BTreeMap::new(), ..told }, ..Next::default() };
    }
    let calm_at = watch_flapping(seen, &mut told);
    forget(seen.now, &mut told);
    let (turns, beyond) = turns(seen, &told);
    let waiting = wait(seen, waiting, turns);
    let Some((since, last)) = waiting.since else { return Next { told, look_at: calm_at, ..Next::default() } };
    let due = due(&told, since, last);
    if seen.busy || seen.now < due {
        // Who is busy looks again by itself.
        let look_at = [(!seen.busy).then_some(due), calm_at].into_iter().flatten().min();
        return Next { told, waiting, draft: None, look_at };
    }
    told.sent.push(seen.now);
    let quiet_until = (told.sent.len() >= AN_HOUR).then(|| later(told.sent[0], HOUR));
    let draft = draft(&waiting, beyond, quiet_until);
    for (id, (turn, alert)) in waiting.turns {
        learn(&mut told.known, id, turn, &alert, seen.now);
    }
    // Looked at again for what had no room.
    Next { told, waiting: Waiting::default(), draft: Some(draft), look_at: Some(later(seen.now, GATHER)) }
}

fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.saturating_add(by).unwrap_or(Timestamp::MAX)
}

/// When what waits since then may go.
fn due(told: &Told, since: Timestamp, last: Timestamp) -> Timestamp {
    let gathered = later(last, GATHER).min(later(since, GATHER_MOST));
    let full = (told.sent.len() >= AN_HOUR).then(|| later(told.sent[told.sent.len() - AN_HOUR], HOUR));
    full.map_or(gathered, |free| free.max(gathered))
}

/// What the receivers do not know: the worst first, as far as it can be remembered, and how many there are beyond that.
fn turns(seen: &Seen<'_>, told: &Told) -> (BTreeMap<AlertId, (AlertTurn, Alert)>, usize) {
    let ended = told.known.iter().filter(|(id, known)| {
        known.over.is_none() && known.flaps.is_none() && !seen.open.contains_key(*id) && !seen.silenced.contains(*id)
    });
    let mut turns: BTreeMap<_, _> =
        ended.map(|(id, known)| (id.clone(), (AlertTurn::Ended, as_known(id, known)))).collect();
    let mut new: Vec<(AlertTurn, &Alert)> = Vec::new();
    for alert in seen.open.values().filter(|alert| seen.wants(alert)) {
        match told.known.get(&alert.id) {
            None => new.push((AlertTurn::Began, alert)),
            Some(Known { flaps: Some(_), .. }) => {}
            Some(known) if known.over.is_some() => {
                let turn = if known.begun.len() >= FLAPS { AlertTurn::Flaps } else { AlertTurn::Began };
                turns.insert(alert.id.clone(), (turn, alert.clone()));
            }
            Some(known) if alert.severity > known.severity => {
                turns.insert(alert.id.clone(), (AlertTurn::Worse, alert.clone()));
            }
            Some(_) => {}
        }
    }
    new.sort_by_key(|(_, alert)| (Reverse(alert.severity), alert.since, &alert.id));
    let room = KNOWN.saturating_sub(told.known.len());
    let beyond = new.len().saturating_sub(room);
    turns.extend(new.into_iter().take(room).map(|(turn, alert)| (alert.id.clone(), (turn, alert.clone()))));
    (turns, beyond)
}

/// What is remembered of an alert that is over.
fn as_known(id: &AlertId, known: &Known) -> Alert {
    Alert {
        id: id.clone(),
        kind: known.kind,
        severity: known.severity,
        subject: known.subject.clone(),
        params: BTreeMap::new(),
        since: known.since,
        acknowledged: None,
        silenced: None,
    }
}

/// What waits now: what began and ended while it waited has passed, and is told as that.
fn wait(seen: &Seen<'_>, before: Waiting, mut turns: BTreeMap<AlertId, (AlertTurn, Alert)>) -> Waiting {
    let is_new = turns.iter().any(|(id, (turn, _))| before.turns.get(id).is_none_or(|(before, _)| before != turn));
    for (id, (turn, alert)) in before.turns {
        let passed = match turn {
            AlertTurn::Began | AlertTurn::Flaps | AlertTurn::Passed => !seen.open.contains_key(&id),
            AlertTurn::Worse | AlertTurn::Ended => false,
        };
        if passed && !turns.contains_key(&id) && !seen.silenced.contains(&id) {
            turns.insert(id, (AlertTurn::Passed, alert));
        }
    }
    let (since, last) = before.since.unwrap_or((seen.now, seen.now));
    let since = (!turns.is_empty()).then_some((since, if is_new { seen.now } else { last }));
    Waiting { turns, since }
}

fn draft(waiting: &Waiting, beyond: usize, quiet_until: Option<Timestamp>) -> Draft {
    let mut all: Vec<&(AlertTurn, Alert)> = waiting.turns.values().collect();
    all.sort_by_key(|(turn, alert)| (turn.is_over(), Reverse(alert.severity), alert.since, &alert.id));
    let items = all.iter().take(ITEMS).map(|(turn, alert)| MessageItem { turn: *turn, alert: alert.clone() }).collect();
    Draft { items, causes: Vec::new(), more: all.len().saturating_sub(ITEMS) + beyond, quiet_until }
}

/// The receivers know of this turn from now on.
fn learn(known: &mut BTreeMap<AlertId, Known>, id: AlertId, turn: AlertTurn, alert: &Alert, now: Timestamp) {
    let Alert { id: _, kind, severity, subject, params: _, since, acknowledged: _, silenced: _ } = alert.clone();
    let mut begun = known.get(&id).map(|known| known.begun.clone()).unwrap_or_default();
    if matches!(turn, AlertTurn::Began | AlertTurn::Passed | AlertTurn::Flaps) {
        begun.push(now);
    }
    let over = turn.is_over().then_some(now);
    let flaps = (turn == AlertTurn::Flaps).then_some(Flaps { open: true, since: now });
    known.insert(id, Known { kind, severity, subject, since, over, begun, flaps });
}

/// Looks whether what comes and goes still does; says when it would be calm.
fn watch_flapping(seen: &Seen<'_>, told: &mut Told) -> Option<Timestamp> {
    let mut calm_at: Option<Timestamp> = None;
    for (id, known) in &mut told.known {
        let Some(flaps) = known.flaps else { continue };
        let open = seen.open.contains_key(id);
        let since = if open == flaps.open { flaps.since } else { seen.now };
        let calm = later(since, CALM);
        if seen.now >= calm {
            known.flaps = None;
            known.begun.clear();
        } else {
            known.flaps = Some(Flaps { open, since });
            calm_at = Some(calm_at.map_or(calm, |at| at.min(calm)));
        }
    }
    calm_at
}

/// What is over for long is not remembered.
fn forget(now: Timestamp, told: &mut Told) {
    for known in told.known.values_mut() {
        known.begun.retain(|at| now.duration_since(*at) < HOUR);
    }
    told.known.retain(|_, known| known.over.is_none_or(|over| now.duration_since(over) < HOUR));
}

/// How long to wait before a message that did not arrive is sent again: a second at first, an hour at most.
pub fn again_after(tries: u32) -> SignedDuration {
    SignedDuration::from_secs(1i64 << tries.saturating_sub(1).min(12)).min(HOUR)
}

/// After so long nobody waits for it any more; what is so is told anew.
pub const GIVE_UP: SignedDuration = SignedDuration::from_hours(48);

/// What the receivers know after a message that never arrived: nothing of what it told.
pub fn unlearn(told: &mut Told, message: &Message) {
    for item in &message.items {
        match item.turn {
            AlertTurn::Began | AlertTurn::Worse | AlertTurn::Flaps => drop(told.known.remove(&item.alert.id)),
            AlertTurn::Ended => {
                if let Some(known) = told.known.get_mut(&item.alert.id) {
                    known.over = None;
                }
            }
            AlertTurn::Passed => {}
        }
    }
}

#[cfg(test)]
#[path = "notify_tests.rs"]
mod tests;
