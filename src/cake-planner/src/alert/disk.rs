//! What the disks of a server say that somebody must act on.

use super::{Alerts, Finding, still, subject};
use crate::query::NodeItem;
use cake_types::{Alert, AlertId, AlertKind, DiskWarning, DiskWear, ServerDisk, Severity, Subject};
use jiff::Timestamp;

/// A disk that is worn out in so many days has to be replaced now, not only ordered …
const URGENT: i64 = 14;
/// … until it is half as far again.
const STILL_URGENT: i64 = 21;

/// An alert is about the server; its part is the disk.
pub(super) fn of_node(node: &NodeItem<'_>, now: Timestamp, before: &Alerts) -> Vec<Finding> {
    let subject = subject("node", node.node.meta.id.0, &node.node.meta.name);
    let were = || before.values().filter(|alert| alert.subject.id == subject.id && alert.kind.is_of_a_disk());
    // Of a server that has not looked yet, and of a disk that does not say, everything is as it was.
    let Some(disks) = node.disks else { return were().map(still).collect() };
    let mut found = Vec::new();
    for disk in disks {
        match disk.health.is_silent() {
            true => found.extend(were().filter(|alert| is_about(alert, disk)).map(still)),
            false => found.extend(of_disk(disk, &subject, now, before)),
        }
    }
    found
}

fn is_about(alert: &Alert, disk: &ServerDisk) -> bool {
    alert.id == AlertId::of(alert.kind, &alert.subject, Some(disk.identity()))
}

fn of_disk(disk: &ServerDisk, subject: &Subject, now: Timestamp, before: &Alerts) -> Vec<Finding> {
    let health = &disk.health;
    let find =
        |kind, severity| Finding::new(kind, severity, subject.clone()).part(disk.identity()).with("disk", called(disk));
    let mut found = Vec::new();
    if health.is_failing() {
        found.push(find(AlertKind::DiskFailing, Severity::Error));
    }
    let sectors = health.bad_sectors();
    if sectors > 0 {
        found.push(find(AlertKind::DiskSectors, Severity::Warning).with("sectors", sectors));
    }
    let was = |kind| before.get(&AlertId::of(kind, subject, Some(disk.identity()))).map(|alert| alert.severity);
    found.extend(of_wear(disk, now, was).map(|(kind, severity, days)| {
        let found = find(kind, severity).with("percent", said(health.percent_used));
        if let Some(days) = days { found.with("days", days) } else { found }
    }));
    if health.is_short_of_spare() {
        found.push(find(AlertKind::DiskSpare, Severity::Error).with("percent", said(health.spare)));
    }
    if health.warnings.contains(&DiskWarning::Temperature) {
        found.push(find(AlertKind::DiskHot, Severity::Warning).with("degrees", said(health.temperature)));
    }
    found
}

/// That it is worn or that it soon will be, never both: they are one thing, and what to do is the same. Until it has to be replaced at any
/// rate the one that was told first goes on, if it is not urgent, and of two that are new the one that has a date. `was`: how bad it was told to be before.
fn of_wear(
    disk: &ServerDisk,
    now: Timestamp,
    was: impl Fn(AlertKind) -> Option<Severity>,
) -> Option<(AlertKind, Severity, Option<i64>)> {
    let worn = |severity| Some((AlertKind::DiskWorn, severity, None));
    let days = disk.health.worn_out_at.map(|at| at.duration_since(now).as_hours().div_euclid(24).max(1));
    match (disk.health.wear(), days) {
        (DiskWear::Critical, _) => worn(Severity::Error),
        (DiskWear::Warning, Some(days)) if days > URGENT && was(AlertKind::DiskWorn).is_some() => {
            worn(Severity::Warning)
        }
        (_, Some(days)) => {
            let urgent = if was(AlertKind::DiskWearing) == Some(Severity::Error) { STILL_URGENT } else { URGENT };
            let severity = if days <= urgent { Severity::Error } else { Severity::Warning };
            Some((AlertKind::DiskWearing, severity, Some(days)))
        }
        (DiskWear::Warning, None) => worn(Severity::Warning),
        (DiskWear::Fine, None) => None,
    }
}

/// As a person finds it: `sda (Acme Stick, S1)`.
fn called(disk: &ServerDisk) -> String {
    let known: Vec<&str> = [&disk.model, &disk.serial].into_iter().flatten().map(String::as_str).collect();
    if known.is_empty() { disk.name.clone() } else { format!("{} ({})", disk.name, known.join(", ")) }
}

fn said(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "?".into(), |value| value.to_string())
}
