//! What the disks of a server say that somebody must act on.

use super::{Alerts, Finding, still, subject};
use crate::query::NodeItem;
use cake_types::{Alert, AlertId, AlertKind, DiskWarning, DiskWear, ServerDisk, Severity, Subject};

/// An alert is about the server; its part is the disk.
pub(super) fn of_node(node: &NodeItem<'_>, before: &Alerts) -> Vec<Finding> {
    let subject = subject("node", node.node.meta.id.0, &node.node.meta.name);
    let were = || before.values().filter(|alert| alert.subject.id == subject.id && alert.kind.is_of_a_disk());
    // Of a server that has not looked yet, and of a disk that does not say, everything is as it was.
    let Some(disks) = node.disks else { return were().map(still).collect() };
    let mut found = Vec::new();
    for disk in disks {
        match disk.health.is_silent() {
            true => found.extend(were().filter(|alert| is_about(alert, disk)).map(still)),
            false => found.extend(of_disk(disk, &subject)),
        }
    }
    found
}

fn is_about(alert: &Alert, disk: &ServerDisk) -> bool {
    alert.id == AlertId::of(alert.kind, &alert.subject, Some(disk.identity()))
}

fn of_disk(disk: &ServerDisk, subject: &Subject) -> Vec<Finding> {
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
    let worn = match health.wear() {
        DiskWear::Fine => None,
        DiskWear::Warning => Some(Severity::Warning),
        DiskWear::Critical => Some(Severity::Error),
    };
    found.extend(worn.map(|worn| find(AlertKind::DiskWorn, worn).with("percent", said(health.percent_used))));
    if health.is_short_of_spare() {
        found.push(find(AlertKind::DiskSpare, Severity::Error).with("percent", said(health.spare)));
    }
    if health.warnings.contains(&DiskWarning::Temperature) {
        found.push(find(AlertKind::DiskHot, Severity::Warning).with("degrees", said(health.temperature)));
    }
    found
}

/// As a person finds it: `sda (Acme Stick, S1)`.
fn called(disk: &ServerDisk) -> String {
    let known: Vec<&str> = [&disk.model, &disk.serial].into_iter().flatten().map(String::as_str).collect();
    if known.is_empty() { disk.name.clone() } else { format!("{} ({})", disk.name, known.join(", ")) }
}

fn said(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "?".into(), |value| value.to_string())
}
