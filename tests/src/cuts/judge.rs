//! Is this a disk that a power cut may leave? Decided from its bytes, by readers that are not the product's.
//!
//! An installation that is cut leaves one of three: nothing (*blank*), something that the installer takes for its own broken-off work and
//! overwrites without asking (*unfinished*), or a server that boots, with all that it needs (*installed*). Once it has said that it is done,
//! only the last. An update that is cut leaves the old version whole and startable at every moment, and what else can be started is whole,
//! too; once it has said that the new version is written, that one is there.
//!
//! The state is encrypted: here only its headers are read. What the Store holds is asked of the servers that are started.

use super::fat::{Fat, Tree};
use super::gpt::{self, Part, Table};
use super::{ReadAt, headers};
use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use std::fmt;

const UNFINISHED: &str = "cake-unfinished";
const NAMES: [&str; 3] = ["cake-esp", "cake-state", "cake-pool"];
/// UEFI 2.10 §5.3.3: an EFI system partition.
const ESP: &str = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b";
pub const FALLBACK: &str = "EFI/BOOT/BOOTX64.EFI";
pub const LOADER: &str = "EFI/systemd/systemd-bootx64.efi";
pub const SETTINGS: &str = "loader/loader.conf";
const MANIFEST: &str = "cake/installation.json";
const SLOTS: &str = "EFI/Linux";
/// Before the first partition.
const MARK: &[u8] = b"cake-unfinished\n";
/// So much of both ends the installer looks at to see whether a disk is blank.
const END: usize = 1 << 20;

/// What the files of a boot partition must be.
pub struct Wanted {
    pub old: Version,
    pub new: Option<Version>,
    /// systemd-boot.
    pub loader: Vec<u8>,
    pub settings: Vec<u8>,
}

pub struct Version {
    pub name: String,
    pub file: Vec<u8>,
}

/// What a disk is after a cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Found {
    Blank,
    Unfinished,
    Installed,
    /// The old version, and perhaps a part of the new one that nothing starts.
    Old,
    /// So, and that part's clusters are not as its entry says.
    OldAndBrokenPart,
    /// A name of the new version without content: nothing starts it.
    OldAndEmptyName,
    Both,
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Blank => "blank",
            Self::Unfinished => "unfinished, to be overwritten",
            Self::Installed => "installed, whole",
            Self::Old => "old version whole",
            Self::OldAndBrokenPart => "old version whole, a part of the new one with broken clusters",
            Self::OldAndEmptyName => "old version whole, a name of the new one without content",
            Self::Both => "both versions whole",
        })
    }
}

/// What the run had said by then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    Nothing,
    /// The installation is done.
    Installed,
    /// The new version is written.
    Written,
    /// It was found good.
    Good,
}

/// Judges a disk that was cut while it was installed on.
pub fn installation(disk: &impl ReadAt, wanted: &Wanted, said: Said) -> Result<Found> {
    let found = installation_as_is(disk, wanted)?;
    ensure!(said == Said::Nothing || found == Found::Installed, "it was said to be installed and is {found}");
    Ok(found)
}

fn installation_as_is(disk: &impl ReadAt, wanted: &Wanted) -> Result<Found> {
    let table = gpt::read(disk)?.filter(|table| table.protected);
    let Some(table) = table else {
        ensure!(is_blank(disk)? || is_marked(disk)?, "neither blank nor known: the installer refuses it");
        return Ok(if is_blank(disk)? { Found::Blank } else { Found::Unfinished });
    };
    let own = |part: &Part| part.name == UNFINISHED || NAMES.contains(&part.name.as_str());
    ensure!(!table.parts.is_empty() && table.parts.iter().all(own), "the installer refuses it: {:?}", table.parts);
    let unfinished = table.parts.iter().any(|part| part.name == UNFINISHED);
    let esp = table.parts.iter().find(|part| part.kind.to_string() == ESP).context("no boot partition")?;
    if !boots(disk, esp) {
        ensure!(unfinished, "its partitions have their names, and it does not boot");
        return Ok(Found::Unfinished);
    }
    let tree = boot_partition(disk, esp, wanted)?;
    ensure!(tree.faults.is_empty(), "it boots, and in its boot partition {:?}", tree.faults);
    volumes(disk, &table).context("it boots")?;
    Ok(Found::Installed)
}

/// Judges a disk that was cut while its server ran and was updated.
pub fn update(disk: &impl ReadAt, wanted: &Wanted, said: Said) -> Result<Found> {
    let table = gpt::read(disk)?.context("no partition table")?;
    ensure!(table.protected && table.first && table.last, "a damaged partition table");
    ensure!(table.parts.iter().map(|part| part.name.as_str()).eq(NAMES), "other partitions: {:?}", table.parts);
    volumes(disk, &table)?;
    let esp = &table.parts[0];
    let tree = boot_partition(disk, esp, wanted)?;
    let fat = Fat::open(disk, esp.start, esp.length)?;
    let (part, other): (Vec<_>, Vec<_>) = tree.faults.iter().partition(|(path, _)| path.ends_with(".part"));
    let empty = |path: &str| tree.file(path).is_some_and(|node| node.size == 0);
    ensure!(other.iter().all(|(path, _)| empty(path)), "in its boot partition {other:?}");
    let (mut whole, mut named) = (Vec::new(), false);
    let new = wanted.new.as_ref().context("an update has a new version")?;
    for slot in slots(&tree).filter(|slot| slot.version == new.name) {
        let node = tree.file(&slot.path).context("it was listed")?;
        if node.size == 0 {
            named = true;
        } else if slot.startable {
            let differs = fat.differs(node, &new.file).with_context(|| slot.path.clone())?;
            ensure!(differs.is_none(), "{} can be started and is not whole: byte {differs:?}", slot.path);
            whole.push(slot);
        }
    }
    let good = whole.iter().any(|slot| slot.good);
    ensure!(
        !matches!(said, Said::Written | Said::Good) || !whole.is_empty(),
        "the new version was said to be written and is gone"
    );
    ensure!(said != Said::Good || good, "the new version was said to be good and is not");
    Ok(match (whole.is_empty(), named, part.is_empty()) {
        (false, _, _) => Found::Both,
        (true, true, _) => Found::OldAndEmptyName,
        (true, false, false) => Found::OldAndBrokenPart,
        (true, false, true) => Found::Old,
    })
}

/// A file that systemd-boot knows as a version.
struct Slot {
    path: String,
    version: String,
    startable: bool,
    good: bool,
}

/// `cake_VERSION[+LEFT[-DONE]].efi`
fn slots(tree: &Tree) -> impl Iterator<Item = Slot> {
    tree.files(SLOTS).filter_map(|(name, node)| {
        let stem = name.strip_prefix("cake_")?.strip_suffix(".efi")?;
        let (version, counter) = stem.split_once('+').map_or((stem, None), |(version, rest)| (version, Some(rest)));
        let left = counter.map(|counter| counter.split('-').next().unwrap_or_default().parse::<u32>().unwrap_or(0));
        let (path, version) = (node.path.clone(), version.to_owned());
        Some(Slot { path, version, startable: left != Some(0), good: left.is_none() })
    })
}

/// Would firmware, and the installer, take it for something that starts?
fn boots(disk: &impl ReadAt, esp: &Part) -> bool {
    let tree = Fat::open(disk, esp.start, esp.length).and_then(|fat| fat.tree());
    tree.is_ok_and(|tree| tree.file(FALLBACK).is_some_and(|file| file.size > 0))
}

/// A boot partition from which the old version starts.
fn boot_partition(disk: &impl ReadAt, esp: &Part, wanted: &Wanted) -> Result<Tree> {
    let fat = Fat::open(disk, esp.start, esp.length)?;
    let tree = fat.tree()?;
    for (path, content) in [(FALLBACK, &wanted.loader), (LOADER, &wanted.loader), (SETTINGS, &wanted.settings)] {
        let node = tree.file(path).with_context(|| format!("{path} is missing"))?;
        ensure!(fat.differs(node, content)?.is_none(), "{path} is not whole");
    }
    let manifest = fat.content(tree.file(MANIFEST).context("no manifest")?)?;
    let manifest: Value = serde_json::from_slice(&manifest).context("the manifest")?;
    let id = esp.id.to_string();
    let parts = manifest["parts"].as_array().context("a manifest without partitions")?;
    ensure!(
        parts.iter().any(|part| part.as_str().is_some_and(|part| part.eq_ignore_ascii_case(&id))),
        "another's manifest"
    );
    let (own, all) = (slots(&tree).count(), tree.files(SLOTS).filter(|(name, _)| is_efi(name)).count());
    ensure!(own == all, "the boot loader finds files that are no versions: {:?}", tree.nodes);
    let old: Vec<Slot> = slots(&tree).filter(|slot| slot.version == wanted.old.name).collect();
    let [slot] = &old[..] else { bail!("the old version is there {} times", old.len()) };
    ensure!(slot.startable, "{} is not started any more", slot.path);
    let node = tree.file(&slot.path).context("it was listed")?;
    ensure!(fat.differs(node, &wanted.old.file)?.is_none(), "{} is not whole", slot.path);
    Ok(tree)
}

fn is_efi(name: &str) -> bool {
    name.to_ascii_lowercase().ends_with(".efi")
}

/// State and pool have what opens them.
fn volumes(disk: &impl ReadAt, table: &Table) -> Result<()> {
    let [_, state, pool] = &table.parts[..] else { bail!("{} partitions", table.parts.len()) };
    let member = headers::member(disk, state.start).context("the state's array")?;
    ensure!(member.name == "cake-state" && member.data < state.length, "{member:?}");
    let luks = headers::luks(disk, state.start + member.data).context("the state's header")?;
    ensure!(luks.label == "cake-state" && luks.has_tpm() && luks.keys() >= 2, "the state's header: {luks:?}");
    let luks = headers::luks(disk, pool.start).context("the pool's header")?;
    ensure!(luks.label == "cake-pool-local" && luks.keys() >= 2, "the pool's header: {luks:?}");
    Ok(())
}

fn is_blank(disk: &impl ReadAt) -> Result<bool> {
    let zero = |at| anyhow::Ok(disk.bytes(at, END)?.iter().all(|byte| *byte == 0));
    Ok(zero(0)? && zero(disk.size() - END as u64)?)
}

/// The installer's own mark for a disk whose table is not written yet.
fn is_marked(disk: &impl ReadAt) -> Result<bool> {
    let at = END as u64 - 4096;
    Ok(disk.bytes(at, MARK.len())? == MARK)
}

#[cfg(test)]
mod tests;
