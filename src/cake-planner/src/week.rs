//! A week on one screen: from what was written down to the few lines that somebody reads on Monday morning.
//!
//! ```text
//!   events and tasks of the week ──► [`Tally`] ─┐
//!   alerts that are open, their causes ─────────┼──► [`Tally::week`]
//!   what runs and is watched now ───────────────┘
//! ```

use crate::alert::Alerts;
use crate::notify::ITEMS;
use cake_types::{
    AlertKind, Event, EventKind, Grouping, Severity, Task, TaskState, Week, WeekKind, WeekLine, WeekTodo,
};
use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// What a letter looks back on.
pub const SPAN: SignedDuration = SignedDuration::from_hours(7 * 24);
/// The hour of Monday at which letters go out.
pub const HOUR: i8 = 8;
/// More records than that are not counted.
pub const RECORDS: usize = 20_000;
/// Things to do that are named: the rest is a number.
const THINGS: usize = 6;
/// Names in one line.
const NAMES: usize = 4;
/// What began that often is named by itself.
const OFTEN: usize = 3;
/// And of such no more lines than that.
const OFTEN_LINES: usize = 3;

/// When the last letter was due.
pub fn due(now: Timestamp, zone: &TimeZone) -> Timestamp {
    let today = now.to_zoned(zone.clone());
    let back = today.weekday().since(Weekday::Monday);
    let at = |days: i8| {
        let monday = today.date().checked_sub(i64::from(days).days()).ok()?;
        monday.at(HOUR, 0, 0, 0).to_zoned(zone.clone()).ok().map(|monday| monday.timestamp())
    };
    // Before eight o'clock of a Monday the one of last week is meant. Beyond the calendar's ends nothing is due.
    at(back).filter(|due| *due <= now).or_else(|| at(back + 7)).unwrap_or(Timestamp::MIN)
}

/// When the next one is.
pub fn next(now: Timestamp, zone: &TimeZone) -> Timestamp {
    let last = due(now, zone);
    // A week later by the calendar is a week and an hour where the clocks change.
    let later = last.saturating_add(SPAN + SignedDuration::from_hours(6)).unwrap_or(Timestamp::MAX);
    due(later, zone)
}

/// So many, and of whom.
#[derive(Debug, Default)]
struct Named {
    count: usize,
    names: BTreeSet<String>,
}

impl Named {
    fn add(&mut self, event: &Event) {
        self.count += 1;
        self.names.extend(event.subject.as_ref().map(|subject| subject.name.clone()));
    }
}

/// What was counted of a week.
#[derive(Debug, Default)]
pub struct Tally {
    records: usize,
    errors: usize,
    often: BTreeMap<(AlertKind, String), usize>,
    events: BTreeMap<&'static str, Named>,
    tasks: usize,
    tasks_failed: usize,
}

/// What is so at the end of a week.
#[derive(Clone, Copy, Debug, Default)]
pub struct Now {
    pub vms: usize,
    pub running: usize,
    /// Servers whose BMC is watched.
    pub servers: usize,
    pub sensors: usize,
}

impl Tally {
    /// `false`: there is no room for more.
    fn room(&mut self) -> bool {
        self.records += 1;
        self.records <= RECORDS
    }

    pub fn event(&mut self, event: &Event) {
        if !self.room() {
            return;
        }
        // Of what BMCs write down most is good news.
        if event.kind == EventKind::HardwareEvent && event.severity == Severity::Info {
            return;
        }
        self.events.entry(event.kind.as_str()).or_default().add(event);
        if event.kind == EventKind::AlertBegan {
            self.errors += usize::from(event.severity == Severity::Error);
            let alert = event.params.get("alert").and_then(|word| AlertKind::from_word(word));
            let name = event.subject.as_ref().map(|subject| subject.name.clone()).unwrap_or_default();
            if let Some(alert) = alert {
                *self.often.entry((alert, name)).or_default() += 1;
            }
        }
    }

    /// One that has ended.
    pub fn task(&mut self, task: &Task) {
        if !self.room() {
            return;
        }
        match task.end.as_ref().map(|end| end.state) {
            Some(TaskState::Done) => self.tasks += 1,
            Some(TaskState::Failed) => self.tasks_failed += 1,
            Some(TaskState::Running | TaskState::Cancelled) | None => {}
        }
    }

    /// The week that ends `until` then.
    pub fn week(&self, until: Timestamp, now: Now, open: &Alerts, groups: Vec<Grouping>) -> Week {
        let from = until.saturating_sub(SPAN).unwrap_or(Timestamp::MIN);
        let (todo, more) = todo(open, groups);
        Week { from, until, happened: self.happened(), done: self.done(now), todo, more }
    }

    fn happened(&self) -> Vec<WeekLine> {
        let mut lines: Vec<WeekLine> = Vec::new();
        let began = self.count(EventKind::AlertBegan);
        lines.extend((began > 0).then(|| numbers(WeekKind::Alerts, began, self.errors)));
        lines.extend(self.line(WeekKind::AlertsOver, EventKind::AlertEnded, false));
        lines.extend(self.often());
        for (kind, event, named) in [
            (WeekKind::VmCrashed, EventKind::VmCrashed, true),
            (WeekKind::VmFailed, EventKind::VmFailed, true),
            (WeekKind::Hardware, EventKind::HardwareEvent, true),
            (WeekKind::ServerOff, EventKind::ServerOff, true),
            (WeekKind::NodeAway, EventKind::NodeDisconnected, false),
            (WeekKind::LoginFailed, EventKind::LoginFailed, false),
            (WeekKind::ControlStarted, EventKind::ControlStarted, false),
            (WeekKind::VmCreated, EventKind::VmCreated, true),
            (WeekKind::VmDeleted, EventKind::VmDeleted, true),
        ] {
            lines.extend(self.line(kind, event, named));
        }
        if self.records > RECORDS {
            lines.push(numbers(WeekKind::Beyond, RECORDS, 0));
        }
        if lines.is_empty() {
            lines.push(numbers(WeekKind::Quiet, 0, 0));
        }
        lines
    }

    fn done(&self, now: Now) -> Vec<WeekLine> {
        let mut lines: Vec<WeekLine> = Vec::new();
        lines.extend(self.line(WeekKind::VmRestarted, EventKind::VmRestarted, true));
        if self.tasks + self.tasks_failed > 0 {
            lines.push(numbers(WeekKind::Tasks, self.tasks, self.tasks_failed));
        }
        lines.extend(self.line(WeekKind::VmExported, EventKind::VmExported, true));
        lines.extend(self.line(WeekKind::ImageImported, EventKind::ImageImported, true));
        if now.servers > 0 {
            lines.push(numbers(WeekKind::Watched, now.servers, now.sensors));
        }
        lines.push(numbers(WeekKind::Running, now.running, now.vms));
        lines
    }

    /// The same again and again: the most often first.
    fn often(&self) -> Vec<WeekLine> {
        let mut often: Vec<_> = self.often.iter().filter(|(_, count)| **count >= OFTEN).collect();
        often.sort_by_key(|(key, count)| (Reverse(**count), *key));
        let line = |((alert, name), count): (&(AlertKind, String), &usize)| WeekLine {
            names: vec![name.clone()],
            alert: Some(*alert),
            ..numbers(WeekKind::Often, *count, 0)
        };
        often.into_iter().take(OFTEN_LINES).map(line).collect()
    }

    fn count(&self, event: EventKind) -> usize {
        self.events.get(event.as_str()).map_or(0, |named| named.count)
    }

    fn line(&self, kind: WeekKind, event: EventKind, named: bool) -> Option<WeekLine> {
        let Named { count, names } = self.events.get(event.as_str())?;
        let told: Vec<String> = names.iter().filter(|_| named).take(NAMES).cloned().collect();
        let more = if named { names.len() - told.len() } else { 0 };
        Some(WeekLine { names: told, ..numbers(kind, *count, more) })
    }
}

fn numbers(kind: WeekKind, count: usize, more: usize) -> WeekLine {
    WeekLine { kind, count, more, names: Vec::new(), alert: None }
}

/// What nobody sees to yet, by cause: the worst first, and what waits longest.
fn todo(open: &Alerts, groups: Vec<Grouping>) -> (Vec<WeekTodo>, usize) {
    let group = |group: Grouping| {
        let mut alerts: Vec<_> = group.beneath.iter().filter_map(|id| open.get(id).cloned()).collect();
        alerts.retain(|alert| alert.acknowledged.is_none() && alert.silenced.is_none());
        alerts.retain(|alert| alert.severity > Severity::Info);
        alerts.sort_by_key(|alert| (Reverse(alert.severity), alert.since, alert.id.clone()));
        let cause = group.cause.filter(|_| alerts.len() > 1);
        // One pool that is full is an alert of each VM on it.
        alerts.truncate(ITEMS);
        (!alerts.is_empty()).then_some(WeekTodo { cause, alerts })
    };
    let mut todo: Vec<WeekTodo> = groups.into_iter().filter_map(group).collect();
    todo.sort_by_key(|todo| (Reverse(todo.alerts[0].severity), Reverse(todo.cause.is_some()), todo.alerts[0].since));
    let more = todo.len().saturating_sub(THINGS);
    todo.truncate(THINGS);
    (todo, more)
}

#[cfg(test)]
#[path = "week_tests.rs"]
mod tests;
