//! The list as a whole.

use crate::option::{Entry, Known, Role};
use crate::variables::{self, EfiError};
use std::fs;
use std::path::Path;

const ORDER: &str = "BootOrder";
const CURRENT: &str = "BootCurrent";
const NEXT: &str = "BootNext";

/// What is to be started from one system disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disk {
    pub loader: Entry,
    /// The file that the loader would go back to, where there is one.
    pub fallback: Option<Entry>,
}

/// What becomes of entries that cake wrote for other disks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Others {
    /// They are of an earlier installation.
    Forget,
    /// Their disk may only be away.
    Keep,
}

/// Does this machine's firmware keep such a list?
pub fn is_there(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some())
}

/// Makes the list what these disks need. A loader that stands in it stays where somebody put it; a new one goes to the front. What is
/// started when a loader's choice is not whole comes after the last loader.
pub fn write(folder: &Path, disks: &[Disk], others: Others) -> Result<(), EfiError> {
    let mut known = variables::entries(folder)?;
    let before = variables::numbers(folder, ORDER)?;
    let mut written = |role: Role, entry: &Entry, keep: bool| -> Result<u16, EfiError> {
        let there = known.iter().find(|known| known.is(role, entry.uuid)).map(|known| known.number);
        if let Some(number) = there.filter(|number| keep && before.contains(number)) {
            return Ok(number);
        }
        let number = there.or_else(|| free(&known)).unwrap_or(0);
        let option = entry.encode();
        variables::store(folder, &variables::entry(number), &option)?;
        known.retain(|known| known.number != number);
        known.push(Known::new(number, option));
        Ok(number)
    };
    let mut loaders = Vec::new();
    let mut fallbacks = Vec::new();
    for disk in disks {
        loaders.push(written(Role::Loader, &disk.loader, true)?);
        if let Some(fallback) = &disk.fallback {
            fallbacks.push(written(Role::Fallback, fallback, false)?);
        }
    }
    let is_gone = |known: &&Known| match known.role {
        Some(Role::Loader) => others == Others::Forget && !loaders.contains(&known.number),
        Some(Role::Fallback) => !fallbacks.contains(&known.number) && (others == Others::Forget || is_of(known, disks)),
        None => false,
    };
    let gone: Vec<u16> = known.iter().filter(is_gone).map(|known| known.number).collect();
    let order = ordered(&before, &loaders, &fallbacks, &gone);
    variables::store_numbers(folder, ORDER, &order)?;
    gone.iter().try_for_each(|number| variables::remove(folder, &variables::entry(*number)))
}

fn free(known: &[Known]) -> Option<u16> {
    (0..=u16::MAX).find(|number| !known.iter().any(|known| known.number == *number))
}

fn is_of(known: &Known, disks: &[Disk]) -> bool {
    disks.iter().any(|disk| known.is(Role::Fallback, disk.loader.uuid))
}

fn ordered(before: &[u16], loaders: &[u16], fallbacks: &[u16], gone: &[u16]) -> Vec<u16> {
    let stays = |number: &u16| !fallbacks.contains(number) && !gone.contains(number);
    let new = loaders.iter().filter(|loader| !before.contains(loader));
    let mut order: Vec<u16> = new.chain(before).copied().filter(stays).collect();
    let after = order.iter().rposition(|number| loaders.contains(number)).map_or(0, |last| last + 1);
    order.splice(after..after, fallbacks.iter().copied());
    order
}

/// Cake's own entries in the order of the list, and the place of the one that this machine was started from. `None`: from something else.
fn current(folder: &Path) -> Result<Option<(usize, Vec<Known>)>, EfiError> {
    let known = variables::entries(folder)?;
    let own = |number: u16| known.iter().find(|known| known.number == number && known.role.is_some()).cloned();
    let own: Vec<Known> = variables::numbers(folder, ORDER)?.into_iter().filter_map(own).collect();
    let current = variables::numbers(folder, CURRENT)?;
    let place = current.first().and_then(|current| own.iter().position(|known| known.number == *current));
    Ok(place.map(|place| (place, own)))
}

/// Was this start what the list has first? Started otherwise (by the fallback path, from a stick) nothing was passed over.
pub fn is_first_choice(folder: &Path) -> Result<bool, EfiError> {
    Ok(current(folder)?.is_none_or(|(place, _)| place == 0))
}

/// Has the firmware start, the next time only, what its loader would go back to on this disk, which is there; else what stands behind
/// this start's own entry. That may be of a disk that is away: the firmware then begins again, and so would this, for ever. Nothing where
/// this start was not from cake's own list, or where nothing follows.
pub fn start_next(folder: &Path) -> Result<Option<u16>, EfiError> {
    let Some((place, own)) = current(folder)? else { return Ok(None) };
    let now = &own[place];
    let beside = |known: &&Known| known.role == Some(Role::Fallback) && known.partition() == now.partition();
    let fallback = own.iter().find(beside).filter(|_| now.role == Some(Role::Loader));
    let next = fallback.or_else(|| own.get(place + 1)).map(|known| known.number);
    if let Some(next) = next {
        variables::store_numbers(folder, NEXT, &[next])?;
    }
    Ok(next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::variables::{numbers, store_numbers};
    use uuid::Uuid;

    fn entry(role: Role, disk: u128, path: &str) -> Entry {
        let uuid = Uuid::from_u128(disk + 1);
        let description = role.description(usize::from(disk > 0)).into();
        Entry { description, partition: 1, start: 2048, size: 4_194_304, uuid, path: path.into() }
    }

    fn disk(disk: u128, fallback: Option<&str>) -> Disk {
        let loader = entry(Role::Loader, disk, r"\EFI\systemd\systemd-bootx64.efi");
        Disk { loader, fallback: fallback.map(|path| entry(Role::Fallback, disk, path)) }
    }

    /// A machine on which something else was installed before.
    fn machine() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let other = Entry { description: "Windows".into(), ..entry(Role::Loader, 9, "") };
        variables::store(folder.path(), "Boot0000", &other.encode()).unwrap();
        store_numbers(folder.path(), ORDER, &[0]).unwrap();
        folder
    }

    fn order(folder: &Path) -> Vec<u16> {
        numbers(folder, ORDER).unwrap()
    }

    #[test]
    fn own_entries_are_replaced_and_others_stay_behind_them() {
        let folder = machine();
        let at = folder.path();
        write(at, &[disk(0, None), disk(1, None)], Others::Forget).unwrap();
        assert_eq!(order(at), [1, 2, 0]);
        write(at, &[disk(2, None)], Others::Forget).unwrap();
        assert_eq!(order(at), [3, 0]);
        let left: Vec<_> = variables::entries(at).unwrap().iter().map(|known| (known.number, known.role)).collect();
        assert_eq!(left, [(0, None), (3, Some(Role::Loader))]);
        assert!(is_there(at) && !is_there(&at.join("none")));
    }

    #[test]
    fn what_is_gone_back_to_comes_after_the_loaders_wherever_somebody_put_them() {
        let folder = machine();
        let at = folder.path();
        write(at, &[disk(0, None), disk(1, None)], Others::Forget).unwrap();
        store_numbers(at, ORDER, &[0, 2, 1]).unwrap();
        let both = [disk(0, Some(r"\EFI\Linux\cake_1.0.efi")), disk(1, Some(r"\EFI\Linux\cake_1.0.efi"))];
        write(at, &both, Others::Keep).unwrap();
        assert_eq!(order(at), [0, 2, 1, 3, 4]);
        write(at, &both, Others::Keep).unwrap();
        assert_eq!(order(at), [0, 2, 1, 3, 4]);
        // Of one disk that is away nothing is forgotten; what the other one has no more, is.
        write(at, &[disk(0, None)], Others::Keep).unwrap();
        assert_eq!(order(at), [0, 2, 1, 4]);
        // The firmware lost its list: the loaders come first again.
        store_numbers(at, ORDER, &[]).unwrap();
        write(at, &both, Others::Keep).unwrap();
        assert_eq!(order(at), [1, 2, 3, 4]);
    }

    #[test]
    fn what_follows_in_the_own_list_is_started_next() {
        let folder = machine();
        let at = folder.path();
        write(at, &[disk(0, Some("a")), disk(1, Some("b")), disk(2, None)], Others::Forget).unwrap();
        assert_eq!(order(at), [1, 3, 5, 2, 4, 0]);
        // A loader's own disk comes first: another one may be away.
        let cases = [(1, Some(2)), (3, Some(4)), (5, Some(2)), (2, Some(4)), (4, None), (0, None)];
        for (current, next) in cases {
            store_numbers(at, CURRENT, &[current]).unwrap();
            assert_eq!(start_next(at).unwrap(), next, "{current}");
            assert_eq!(is_first_choice(at).unwrap(), [0, 1].contains(&current));
        }
        assert_eq!(numbers(at, NEXT).unwrap(), [4]);
        variables::remove(at, CURRENT).unwrap();
        assert_eq!(start_next(at).unwrap(), None);
    }
}
