//! The part of `/metrics` about the disks of servers.

use cake_control::board::NodeEntry;
use cake_types::{DiskHealth, ServerDisk};
use std::sync::Arc;

use crate::openmetrics::{Exposition, Kind};

/// A family: name, unit, help, and the number that a disk says, if it says one.
type Said = (&'static str, &'static str, &'static str, fn(&DiskHealth) -> Option<i128>);

const FAMILIES: [Said; 10] = [
    ("cake_disk_failing", "", "Whether a disk says that it is about to fail (1) or not (0).", |health| {
        health.passed.map(|_| health.is_failing().into())
    }),
    ("cake_disk_temperature_celsius", "celsius", "How warm a disk is.", |health| health.temperature.map(Into::into)),
    ("cake_disk_power_on_hours", "hours", "How long a disk has run in its life.", |h| h.power_on_hours.map(Into::into)),
    ("cake_disk_reallocated_sectors", "sectors", "Sectors that were replaced by spare ones.", |health| {
        health.reallocated_sectors.map(Into::into)
    }),
    ("cake_disk_pending_sectors", "sectors", "Sectors that could not be read and wait for a decision.", |health| {
        health.pending_sectors.map(Into::into)
    }),
    ("cake_disk_uncorrectable_sectors", "sectors", "Sectors that a disk's own tests could not read.", |health| {
        health.uncorrectable_sectors.map(Into::into)
    }),
    ("cake_disk_media_errors", "errors", "Times that data could not be read or written whole.", |health| {
        health.media_errors.map(Into::into)
    }),
    ("cake_disk_used_percent", "percent", "How much of its life a disk has used up.", |h| {
        h.percent_used.map(Into::into)
    }),
    (
        "cake_disk_worn_out_timestamp_seconds",
        "seconds",
        "When a disk that wears out soon will be worn out, in seconds since 1970.",
        |h| h.worn_out_at.map(|at| at.as_second().into()),
    ),
    ("cake_disk_spare_percent", "percent", "How many of its spare blocks a disk has left.", |h| {
        h.spare.map(Into::into)
    }),
];

/// What the disks of each server say; nothing of a disk that says nothing, nor of a server that does not answer.
pub(super) fn families(out: &mut Exposition, nodes: &[Arc<NodeEntry>]) {
    let connected = nodes.iter().filter(|entry| entry.connected);
    let disks: Vec<(&str, &ServerDisk)> = connected
        .flat_map(|entry| {
            let node = entry.node.meta.name.as_str();
            entry.disks.iter().flat_map(|disks| disks.iter()).map(move |disk| (node, disk))
        })
        .collect();
    for (name, unit, help, of) in FAMILIES {
        let said: Vec<_> = disks.iter().filter_map(|(node, disk)| Some((*node, *disk, of(&disk.health)?))).collect();
        if said.is_empty() {
            continue;
        }
        let mut family = out.family(Kind::Gauge, name, unit, help);
        for (node, disk, value) in said {
            let serial = disk.serial.as_deref().unwrap_or_default();
            family.sample(&[("node", node), ("device", &disk.name), ("serial", serial)], value);
        }
    }
}
