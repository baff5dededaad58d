//! What each slot is, and which may go.

use super::SlotName;
use crate::Version;
use std::cmp::Reverse;

/// What a slot is to a machine that runs one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It runs now.
    Running,
    /// It is newer than what runs and will be tried at the next start.
    Next,
    /// What the machine would go back to.
    Previous,
    /// It used up its tries.
    Bad,
    /// It is older than the previous one.
    Spare,
}

/// What each slot is, in the same order. Where it is not known what runs (a machine that came over the network), nothing runs.
pub fn standings(slots: &[SlotName], running: Option<&Version>) -> Vec<Standing> {
    let runs = |slot: &SlotName| running == Some(&slot.version);
    let newer = |slot: &SlotName| running.is_some_and(|running| slot.version > *running);
    let back =
        slots.iter().filter(|slot| !slot.is_bad() && !runs(slot) && !newer(slot)).map(|slot| &slot.version).max();
    slots
        .iter()
        .map(|slot| match slot {
            slot if runs(slot) => Standing::Running,
            slot if slot.is_bad() => Standing::Bad,
            slot if newer(slot) => Standing::Next,
            slot if Some(&slot.version) == back => Standing::Previous,
            _ => Standing::Spare,
        })
        .collect()
}

/// What starts in place of a slot that the boot loader takes and that is not whole: the newest other one that was found good.
pub fn fallback(slots: &[SlotName]) -> Option<&SlotName> {
    let taken = slots.iter().filter(|slot| !slot.is_bad()).map(|slot| &slot.version).max();
    let others = slots.iter().filter(|slot| slot.is_blessed() && Some(&slot.version) != taken);
    others.max_by(|a, b| a.version.cmp(&b.version))
}

/// The slots that may go to make room for a new version: all but the running one and the new one. Where neither the running one nor
/// what else stays has been found good, the best of the others stays, too: there is always something to go back to.
pub fn removable<'a>(slots: &'a [SlotName], running: Option<&Version>, new: &Version) -> Vec<&'a SlotName> {
    let stays = |slot: &SlotName| running == Some(&slot.version) || *new == slot.version;
    let mut others: Vec<&SlotName> = slots.iter().filter(|slot| !stays(slot)).collect();
    if slots.iter().any(|slot| stays(slot) && slot.is_blessed()) {
        return others;
    }
    // Worst first: bad ones, tried ones, good ones; of each the oldest.
    others.sort_by_key(|slot| (Reverse(slot.is_bad()), slot.is_blessed(), slot.version.clone()));
    if others.last().is_some_and(|best| !best.is_bad()) {
        others.pop();
    }
    others
}
