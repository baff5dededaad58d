//! Whether the version that is next can start without stopping a guest.

use super::wire::{NextSeen, SlotSeen};
use cake_planner::update::{self, Next};
use cake_types::{ByteSize, SlotStanding, SoftReboot};
use cake_update::uki::{self, Seen};
use cake_update::{Esp, Version};
use std::fs::File;

/// Looks at both files, as the worker: on the first disk that has both.
pub fn look(esps: &[Esp], slots: &[SlotSeen], running: &Version) -> Option<NextSeen> {
    let next = slots.iter().find(|slot| slot.standing == SlotStanding::Next)?;
    let next: Version = next.version.parse().ok()?;
    let both = esps.iter().find_map(|esp| Some((seen(esp, &next)?, seen(esp, running)?)));
    Some(match both {
        Some((new, now)) => NextSeen { same_below: Some(new.below == now.below), root: ByteSize(new.initramfs) },
        None => NextSeen { same_below: None, root: ByteSize(0) },
    })
}

fn seen(esp: &Esp, version: &Version) -> Option<Seen> {
    let slot = esp.find(version).ok()??;
    uki::look(&File::open(esp.path(&slot)).ok()?).ok()
}

/// What that means for this server as it is, as the node.
pub fn judged(NextSeen { same_below, root }: NextSeen) -> SoftReboot {
    let available = cake_host::usage::capacity().map_or(0, |capacity| capacity.memory_available);
    update::soft_reboot(Next { same_below, root }, ByteSize(available))
}
