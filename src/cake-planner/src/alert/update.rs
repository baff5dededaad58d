//! Versions of a server's firmware that were given up.

use super::{Finding, subject};
use crate::query::NodeItem;
use cake_types::{AlertKind, Severity, SlotStanding, StartReason};

/// Until it is taken off the disks, or tried again. What somebody wanted is no trouble.
pub(super) fn of_node(node: &NodeItem<'_>) -> Vec<Finding> {
    let update = node.status.and_then(|status| status.host.as_ref()).and_then(|host| host.update.as_ref());
    let slots = update.map(|update| update.slots.as_slice()).unwrap_or_default();
    let failed = slots.iter().filter(|slot| slot.standing == SlotStanding::Bad).filter_map(|slot| {
        let reason = slot.failure.as_ref().map_or(StartReason::Silent, |failure| failure.reason);
        let found = Finding::new(
            AlertKind::UpdateFailed,
            Severity::Error,
            subject("node", node.node.meta.id.0, &node.node.meta.name),
        );
        let found = found.part(&*slot.version).with("version", &slot.version).with("reason", reason.as_str());
        (reason != StartReason::Asked).then_some(found)
    });
    failed.collect()
}
