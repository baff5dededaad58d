//! Which disks were plugged in, and whether this machine uses them for anything.

use super::list::list;
use cake_types::ServerDisk;
use nix::fcntl::OFlag;
use nix::libc::dev_t;
use nix::sys::stat::makedev;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

/// A disk that can be pulled out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plugged {
    pub disk: ServerDisk,
    pub number: dev_t,
    /// Counts what is plugged in anywhere (Linux, block/genhd.c): another stick has another. Absent before Linux 5.15.
    pub turn: Option<u64>,
    /// This machine uses it, or a part of it.
    pub busy: bool,
}

/// What the kernel says that is used, of all disks.
#[derive(Clone, Copy, Debug)]
pub struct Used<'a> {
    /// `/proc/self/mountinfo`
    pub mounts: &'a str,
    /// `/proc/swaps`
    pub swaps: &'a str,
}

/// A disk, or a partition of it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Part {
    name: String,
    /// As the kernel writes it: `8:17`.
    number: String,
    /// Something is made of it: LVM, RAID, dm-crypt.
    held: bool,
}

/// All disks below `sys` that can be pulled out.
pub fn plugged(sys: &Path, used: Used<'_>) -> io::Result<Vec<Plugged>> {
    let disks = list(sys)?.into_iter().filter(|disk| disk.removable);
    Ok(disks.filter_map(|disk| look(&sys.join("block").join(&disk.name), disk, used)).collect())
}

/// `None`: it was pulled out meanwhile.
fn look(folder: &Path, disk: ServerDisk, used: Used<'_>) -> Option<Plugged> {
    let mut parts = vec![part(folder, disk.name.clone())?];
    for entry in fs::read_dir(folder).ok()?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with(&disk.name) {
            parts.extend(part(&entry.path(), name));
        }
    }
    let (major, minor) = parts[0].number.split_once(':')?;
    let number = makedev(major.parse().ok()?, minor.parse().ok()?);
    let turn = fs::read_to_string(folder.join("diskseq")).ok().and_then(|text| text.trim().parse().ok());
    Some(Plugged { disk, number, turn, busy: parts.iter().any(|part| is_used(part, used)) })
}

fn part(folder: &Path, name: String) -> Option<Part> {
    let number = fs::read_to_string(folder.join("dev")).ok()?.trim().to_owned();
    let held = fs::read_dir(folder.join("holders")).is_ok_and(|mut holders| holders.next().is_some());
    Some(Part { name, number, held })
}

/// Mounted by its number or by its name (some file systems have numbers of their own), used as swap, or something is made of it.
fn is_used(part: &Part, used: Used<'_>) -> bool {
    let path = format!("/dev/{}", part.name);
    let mounted = used.mounts.lines().any(|line| {
        let source = line.split_once(" - ").and_then(|(_, rest)| rest.split(' ').nth(1));
        line.split(' ').nth(2) == Some(&part.number) || source == Some(&path)
    });
    let swaps = used.swaps.lines().any(|line| line.split_ascii_whitespace().next() == Some(&path));
    part.held || mounted || swaps
}

/// The disk, for reading, and as long as it is open for nobody else who wants it for himself: neither it nor a part of it can be
/// mounted. The kernel refuses it (EBUSY) where somebody else was faster.
pub fn open(plugged: &Plugged) -> io::Result<File> {
    let alone = OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK;
    let path = Path::new("/dev").join(&plugged.disk.name);
    let file = File::options().read(true).custom_flags(alone.bits()).open(path)?;
    let metadata = file.metadata()?;
    if !metadata.file_type().is_block_device() || metadata.rdev() != plugged.number {
        return Err(io::ErrorKind::NotFound.into());
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
40 22 0:33 / /data rw - btrfs /dev/sdc rw,space_cache=v2
41 22 8:50 / /media/a\\040b rw - vfat /dev/sdd2 ro
";
    const SWAPS: &str =
        "Filename\t\t\t\tType\t\tSize\tUsed\tPriority\n/dev/sde3                               partition\t1\t0\t-2\n";

    #[test]
    fn what_this_machine_uses() {
        let part = |name: &str, number: &str, held| Part { name: name.into(), number: number.into(), held };
        let used = Used { mounts: MOUNTS, swaps: SWAPS };
        for (name, number, held) in [
            ("sda1", "8:1", false),
            ("sdc", "8:32", false),
            ("sdd2", "8:50", false),
            ("sde3", "8:67", false),
            ("sdf", "8:80", true),
        ] {
            assert!(is_used(&part(name, number, held), used), "{name}");
        }
        for (name, number) in [("sda", "8:0"), ("sda11", "8:11"), ("sdd", "8:48"), ("sdd1", "8:49"), ("sde", "8:64")] {
            assert!(!is_used(&part(name, number, false), used), "{name}");
        }
    }

    /// A stick with two partitions, one of them mounted; and a disk of the server's own.
    #[test]
    fn only_what_can_be_pulled_out() {
        let sys = tempfile::tempdir().unwrap();
        let sys = sys.path();
        let write = |path: &str, text: &str| {
            let path = sys.join("block").join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        for (name, number, removable) in
            [("sda", "8:0", "0"), ("sdb", "8:16", "1"), ("sdd", "8:48", "1"), ("sdg", "8:96", "1")]
        {
            write(&format!("{name}/dev"), number);
            write(&format!("{name}/size"), "2048");
            write(&format!("{name}/removable"), removable);
            write(&format!("{name}/device/model"), "Stick");
        }
        write("sdb/diskseq", "17\n");
        write("sdd/sdd1/dev", "8:49\n");
        write("sdd/sdd2/dev", "8:50\n");
        write("sdg/sdg1/dev", "8:97");
        write("sdg/sdg1/holders/dm-0/dev", "253:0");
        let found = plugged(sys, Used { mounts: MOUNTS, swaps: SWAPS }).unwrap();
        let seen: Vec<_> = found.iter().map(|one| (one.disk.name.as_str(), one.turn, one.busy)).collect();
        assert_eq!(seen, [("sdb", Some(17), false), ("sdd", None, true), ("sdg", None, true)]);
        assert_eq!(found[0].number, makedev(8, 16));
    }
}
