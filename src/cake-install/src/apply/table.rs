//! Partition tables: written by sfdisk, with names that say unfinished, and then with the right ones.

use super::{ApplyError, Work, guid, io};
use crate::layout::Layout;
use crate::plan::{Plan, PlannedDisk};
use crate::tool::Tools;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs::{self, File};
use std::io::{Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};
use uuid::Uuid;

const MIB: u64 = 1 << 20;
/// So much of both ends is overwritten: tables of every kind, and superblocks that no signature is known of.
const ENDS: u64 = 4 * MIB;
/// Who finds this where no table is may overwrite the disk without asking: its table was being written when the power went. It lies
/// in a sector of its own before the first partition, behind every table, and goes when the table has come.
pub const MARK: &[u8; 16] = b"cake-unfinished\n";
/// Where it lies, in bytes; so much is its room.
pub const MARK_AT: u64 = MIB - MARK_ROOM;
pub const MARK_ROOM: u64 = 4096;
/// How long the kernel may take to show new partitions.
const APPEARS: Duration = Duration::from_secs(20);

/// GUIDs of disks and partitions, by the kernel's name: one set for the whole installation.
pub struct Ids(BTreeMap<String, Uuid>);

impl Ids {
    pub fn new(plan: &Plan) -> Self {
        let parts = plan.disks.iter().flat_map(|disk| &disk.parts).map(|part| part.device.clone());
        let disks = plan.disks.iter().map(|disk| disk.name.clone());
        Self(disks.chain(parts).map(|name| (name, guid())).collect())
    }

    pub fn of(&self, name: &str) -> Uuid {
        self.0.get(name).copied().unwrap_or_default()
    }

    /// Of all partitions.
    pub fn parts(&self, plan: &Plan) -> Vec<String> {
        plan.disks.iter().flat_map(|disk| &disk.parts).map(|part| self.of(&part.device).to_string()).collect()
    }
}

/// sfdisk's script for a disk (sfdisk(8), "named-fields format"). Without `finished` every partition is called unfinished.
pub fn script(disk: &PlannedDisk, ids: &Ids, finished: bool) -> String {
    let unfinished = &Layout::embedded().unfinished;
    let sectors = |mib: u64| mib * (MIB / u64::from(disk.sector.max(512)));
    let mut text = format!("label: gpt\nlabel-id: {}\nunit: sectors\n", ids.of(&disk.name));
    for part in &disk.parts {
        let (start, size) = (sectors(part.start_mib), sectors(part.size_mib));
        let name = if finished { &part.name } else { unfinished };
        let uuid = ids.of(&part.device);
        let _ = writeln!(text, "start={start}, size={size}, type={}, uuid={uuid}, name=\"{name}\"", part.r#type);
    }
    text
}

/// Takes away every signature of a disk and of its partitions. The mark comes first: a power cut leaves nothing that nobody knows.
pub fn wipe(tools: &Tools<'_>, disk: &str) -> Result<(), ApplyError> {
    mark(disk, true)?;
    let parts = crate::disks::parts_of(Path::new("/sys"), disk);
    for name in parts.iter().map(String::as_str).chain([disk]) {
        tools.run(
            "wipefs",
            [Path::new("--all"), Path::new("--force"), Path::new("--quiet"), &Path::new("/dev").join(name)],
        )?;
    }
    let path = Path::new("/dev").join(disk);
    let mut file = File::options().write(true).open(&path).map_err(io(&path))?;
    let size = file.seek(SeekFrom::End(0)).map_err(io(&path))?;
    for (from, to) in [(0, MARK_AT), (MIB, ENDS.min(size)), (size.saturating_sub(ENDS).max(MIB), size)] {
        file.seek(SeekFrom::Start(from)).map_err(io(&path))?;
        zero(&mut file, to.saturating_sub(from)).map_err(io(&path))?;
    }
    file.sync_all().map_err(io(&path))
}

/// Puts the mark onto a disk, or takes it away.
fn mark(disk: &str, is_there: bool) -> Result<(), ApplyError> {
    let path = Path::new("/dev").join(disk);
    let mut room = vec![0; MARK_ROOM as usize];
    if is_there {
        room[..MARK.len()].copy_from_slice(MARK);
    }
    let file = File::options().write(true).open(&path).map_err(io(&path))?;
    file.write_all_at(&room, MARK_AT).and_then(|()| file.sync_all()).map_err(io(&path))
}

fn zero(file: &mut File, bytes: u64) -> std::io::Result<()> {
    std::io::copy(&mut std::io::Read::take(std::io::repeat(0), bytes), file).map(drop)
}

impl Work<'_> {
    fn planned(&self, disk: &str) -> Result<&PlannedDisk, ApplyError> {
        let found = self.asked.plan.disks.iter().find(|planned| planned.name == disk);
        found.ok_or_else(|| ApplyError::Changed(disk.to_owned()))
    }

    pub(super) fn divide(&mut self, disk: &str) -> Result<(), ApplyError> {
        let tools = self.asked.tools;
        let planned = self.planned(disk)?;
        let device = Path::new("/dev").join(disk);
        let fixed = ["--quiet", "--wipe=always", "--wipe-partitions=always"].map(Path::new);
        let script = script(planned, &self.ids, false);
        tools.run_with("sfdisk", fixed.into_iter().chain([device.as_path()]), script.as_bytes())?;
        for part in &planned.parts {
            appeared(tools, disk, &part.device, part.start_mib, part.size_mib)?;
            // An old superblock may lie where a new partition begins or ends.
            let path = Path::new("/dev").join(&part.device);
            tools.run("wipefs", [Path::new("--all"), Path::new("--force"), Path::new("--quiet"), &path])?;
            let mut file = File::options().write(true).open(&path).map_err(io(&path))?;
            zero(&mut file, ENDS).and_then(|()| file.sync_all()).map_err(io(&path))?;
        }
        mark(disk, false)
    }

    /// Nothing but names differs from what [`Work::divide`] wrote, so the kernel need not read it again.
    pub(super) fn name(&mut self, disk: &str) -> Result<(), ApplyError> {
        let device = Path::new("/dev").join(disk);
        let fixed =
            ["--quiet", "--force", "--no-reread", "--no-tell-kernel", "--wipe=never", "--wipe-partitions=never"];
        let script = script(self.planned(disk)?, &self.ids, true);
        self.asked.tools.run_with(
            "sfdisk",
            fixed.map(Path::new).into_iter().chain([device.as_path()]),
            script.as_bytes(),
        )?;
        self.check_table(disk, true)
    }

    /// The table on the disk is the one that was to be written, and both its copies are sound.
    pub(super) fn check_table(&self, disk: &str, finished: bool) -> Result<(), ApplyError> {
        let (tools, device) = (self.asked.tools, Path::new("/dev").join(disk));
        crate::mounts::forget_cached(&device).map_err(io(&device))?;
        let sound = tools.said("sfdisk", [Path::new("--verify"), &device])?.is_some();
        let said = tools.run("sfdisk", [Path::new("--json"), &device])?;
        let found = crate::disks::table(&said).map(|(_, parts)| parts).unwrap_or_default();
        let planned = self.planned(disk)?;
        let unfinished = &Layout::embedded().unfinished;
        let same = |(found, part): (&crate::disks::Part, &crate::plan::PlannedPart)| {
            let name = if finished { &part.name } else { unfinished };
            found.has_uuid(&self.ids.of(&part.device).to_string())
                && found.start == part.start_mib * MIB
                && found.size == part.size_mib * MIB
                && found.r#type == part.r#type.to_string()
                && found.label.as_ref() == Some(name)
        };
        if sound && found.len() == planned.parts.len() && found.iter().zip(&planned.parts).all(same) {
            return Ok(());
        }
        Err(ApplyError::Different { what: format!("the partition table of {disk}") })
    }
}

/// Waits until the kernel shows a partition as it was asked for.
fn appeared(tools: &Tools<'_>, disk: &str, part: &str, start_mib: u64, size_mib: u64) -> Result<(), ApplyError> {
    let folder = Path::new("/sys/block").join(disk).join(part);
    let number = |file: &str| fs::read_to_string(folder.join(file)).ok()?.trim().parse::<u64>().ok();
    let device = Path::new("/dev").join(part);
    let until = Instant::now() + APPEARS;
    // The kernel counts in 512 bytes, whatever the disk's sectors are.
    while number("start") != Some(start_mib * 2048) || number("size") != Some(size_mib * 2048) || !device.exists() {
        tools.check_cancelled()?;
        if Instant::now() > until {
            return Err(crate::arrays::ArrayError::Missing { device }.into());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}
