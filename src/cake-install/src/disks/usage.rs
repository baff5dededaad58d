//! Who uses a disk: mounts and swap on it, on its partitions, and on whatever is made of them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Where an installation mounts what it writes. What is left here was broken off.
pub const OWN_MOUNTS: &str = "/run/cake-install";

/// A device that is made of others: an array of md, a mapping of dm.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stacked {
    /// The kernel's: `md127`, `dm-0`.
    pub name: String,
    /// How many lie between it and the disk: the highest goes first.
    pub height: usize,
}

/// The kernel's name of a disk's partition: a `p` stands between digits.
pub fn part_name(disk: &str, number: u32) -> String {
    let between = if disk.ends_with(|last: char| last.is_ascii_digit()) { "p" } else { "" };
    format!("{disk}{between}{number}")
}

/// Names of a disk's partitions, as far as the kernel knows them.
pub fn parts_of(sys: &Path, disk: &str) -> Vec<String> {
    let entries = fs::read_dir(sys.join("block").join(disk)).into_iter().flatten().flatten();
    let mut parts: Vec<String> = entries
        .filter(|entry| entry.path().join("partition").exists())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    parts.sort_by_key(|name| (name.len(), name.clone()));
    parts
}

/// Everything that is made of a disk or its partitions, the highest first.
pub fn stacked_on(sys: &Path, disk: &str) -> Vec<Stacked> {
    let mut seen = BTreeSet::new();
    let mut level: Vec<String> = parts_of(sys, disk);
    level.push(disk.to_owned());
    let mut stacked = Vec::new();
    for height in 1.. {
        let above: BTreeSet<String> = level.iter().flat_map(|name| holders(sys, name)).collect();
        level = above.into_iter().filter(|name| seen.insert(name.clone())).collect();
        if level.is_empty() {
            break;
        }
        stacked.extend(level.iter().map(|name| Stacked { name: name.clone(), height }));
    }
    stacked.reverse();
    stacked
}

fn holders(sys: &Path, name: &str) -> Vec<String> {
    let entries = fs::read_dir(sys.join("class/block").join(name).join("holders")).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

/// Where a disk is mounted, and whether it is swap. Own mounts of an installation are left out.
pub fn used_as(sys: &Path, disk: &str, mounts: &str, swaps: &str) -> Vec<String> {
    let mut names: Vec<String> = parts_of(sys, disk);
    names.push(disk.to_owned());
    names.extend(stacked_on(sys, disk).into_iter().map(|stacked| stacked.name));
    let mut uses = BTreeSet::new();
    for name in names {
        let number = fs::read_to_string(sys.join("class/block").join(&name).join("dev")).unwrap_or_default();
        let mapped = fs::read_to_string(sys.join("class/block").join(&name).join("dm/name")).unwrap_or_default();
        let paths = [format!("/dev/{name}"), format!("/dev/mapper/{}", mapped.trim())];
        uses.extend(mounts.lines().filter_map(|line| {
            let source = line.split_once(" - ").and_then(|(_, rest)| rest.split(' ').nth(1))?;
            let (its_number, place) = (line.split(' ').nth(2)?, line.split(' ').nth(4)?);
            let its = its_number == number.trim() || paths.iter().any(|path| path == source);
            (its && !Path::new(place).starts_with(OWN_MOUNTS)).then(|| place.to_owned())
        }));
        let swap = swaps.lines().filter_map(|line| line.split_ascii_whitespace().next());
        if swap.into_iter().any(|source| paths.iter().any(|path| path == source)) {
            uses.insert("swap".to_owned());
        }
    }
    uses.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn write(path: &Path, text: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// vda with two partitions; the second is in md127, on which dm-0 lies.
    fn machine(sys: &Path) {
        fs::create_dir_all(sys.join("class/block")).unwrap();
        for (name, number) in
            [("vda", "254:0"), ("vda/vda1", "254:1"), ("vda/vda2", "254:2"), ("md127", "9:127"), ("dm-0", "253:0")]
        {
            let folder = sys.join("block").join(name);
            write(&folder.join("dev"), &format!("{number}\n"));
            fs::create_dir_all(folder.join("holders")).unwrap();
            let own = Path::new(name).file_name().unwrap();
            symlink(&folder, sys.join("class/block").join(own)).unwrap();
        }
        write(&sys.join("block/vda/vda1/partition"), "1");
        write(&sys.join("block/vda/vda2/partition"), "2");
        write(&sys.join("block/vda/vda2/holders/md127/x"), "");
        write(&sys.join("block/md127/holders/dm-0/x"), "");
        write(&sys.join("block/dm-0/dm/name"), "cake-state\n");
    }

    #[test]
    fn what_lies_on_a_disk_is_found_and_the_highest_goes_first() {
        let sys = tempfile::tempdir().unwrap();
        machine(sys.path());
        let names: Vec<_> = stacked_on(sys.path(), "vda").into_iter().map(|one| (one.name, one.height)).collect();
        assert_eq!(names, [("dm-0".to_owned(), 2), ("md127".to_owned(), 1)]);
        assert_eq!(parts_of(sys.path(), "vda"), ["vda1", "vda2"]);
    }

    #[test]
    fn a_mount_anywhere_above_counts_but_not_an_own_one() {
        let sys = tempfile::tempdir().unwrap();
        machine(sys.path());
        let used = |mounts: &str, swaps: &str| used_as(sys.path(), "vda", mounts, swaps);
        assert_eq!(used("22 1 253:0 / /state rw - xfs /dev/mapper/cake-state rw\n", ""), ["/state"]);
        assert_eq!(used("22 1 0:9 / /data rw - btrfs /dev/vda1 rw\n", ""), ["/data"]);
        assert_eq!(used("22 1 253:0 / /run/cake-install/state rw - xfs /dev/dm-0 rw\n", ""), [""; 0]);
        assert_eq!(used("22 1 254:16 / / rw - ext4 /dev/vdb rw\n", "/dev/vda2 partition 1 0 -2\n"), ["swap"]);
        assert_eq!(used("", ""), [""; 0]);
    }

    #[test]
    fn names_of_partitions() {
        assert_eq!((part_name("sda", 2), part_name("nvme0n1", 2)), ("sda2".into(), "nvme0n1p2".into()));
    }
}
