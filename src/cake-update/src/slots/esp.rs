//! The slots of one ESP, as they are on the disk.

use super::{SlotError, SlotName, removable};
use crate::Version;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

const PART_PREFIX: &str = ".cake_";
const PART_SUFFIX: &str = ".part";

/// An EFI system partition that is mounted somewhere.
#[derive(Debug, Clone)]
pub struct Esp {
    root: PathBuf,
}

impl Esp {
    /// Takes the folder in which it is mounted. Fails where that has no folder `EFI`: an update must not go into what lies below.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, SlotError> {
        let root = root.into();
        if !root.join("EFI").is_dir() {
            return Err(SlotError::NotAnEsp { path: root });
        }
        Ok(Self { root })
    }

    /// Where it is mounted.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder of the slots.
    pub fn folder(&self) -> PathBuf {
        self.root.join("EFI/Linux")
    }

    pub fn path(&self, slot: &SlotName) -> PathBuf {
        self.folder().join(slot.file())
    }

    pub(super) fn part_path(&self, version: &Version) -> PathBuf {
        self.folder().join(format!("{PART_PREFIX}{version}{PART_SUFFIX}"))
    }

    /// All slots, the oldest first. Other files are nobody's business.
    pub fn slots(&self) -> Result<Vec<SlotName>, SlotError> {
        let names = self.names()?;
        let mut slots: Vec<SlotName> = names.iter().filter_map(|name| SlotName::parse(name)).collect();
        slots.sort_by(|a, b| a.version.cmp(&b.version).then_with(|| a.file().cmp(b.file())));
        Ok(slots)
    }

    fn names(&self) -> Result<Vec<String>, SlotError> {
        let folder = self.folder();
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(SlotError::io("list", &folder))?,
        };
        let names = entries.map(|entry| Ok(entry?.file_name().into_string().ok()));
        let names: Result<Vec<_>, io::Error> = names.collect();
        Ok(names.map_err(SlotError::io("list", &folder))?.into_iter().flatten().collect())
    }

    /// The slot of a version.
    pub fn find(&self, version: &Version) -> Result<Option<SlotName>, SlotError> {
        Ok(self.slots()?.into_iter().find(|slot| slot.version == *version))
    }

    /// Bytes that are free.
    pub fn free(&self) -> Result<u64, SlotError> {
        // Whoever may not see the rest of it has its folder mounted alone.
        let folder = self.folder();
        let place = if folder.is_dir() { &folder } else { &self.root };
        let told = nix::sys::statvfs::statvfs(place).map_err(io::Error::from);
        let told = told.map_err(SlotError::io("ask for the free space of", &self.root))?;
        Ok(told.blocks_available() * told.fragment_size())
    }

    /// Says that the running version is good: its file loses the counter. Gives whether it had one.
    pub fn bless(&self, running: &Version) -> Result<bool, SlotError> {
        let Some(slot) = self.find(running)? else {
            return Err(SlotError::NoSuchSlot { path: self.folder(), version: running.clone() });
        };
        if slot.is_blessed() {
            return Ok(false);
        }
        let path = self.path(&slot);
        let blessed = SlotName::blessed(&slot.version);
        fs::rename(&path, self.path(&blessed)).map_err(SlotError::io("rename", &path))?;
        self.sync_renamed(&blessed)?;
        Ok(true)
    }

    /// Gives a version up: it is not started any more as long as another one can be. Gives whether it could be started until now. Refused
    /// where no other one can be started.
    pub fn give_up(&self, version: &Version) -> Result<bool, SlotError> {
        let slots = self.slots()?;
        let Some(slot) = slots.iter().find(|slot| slot.version == *version) else {
            return Err(SlotError::NoSuchSlot { path: self.folder(), version: version.clone() });
        };
        if slot.is_bad() {
            return Ok(false);
        }
        if !slots.iter().any(|other| other.version != *version && !other.is_bad()) {
            return Err(SlotError::Needed { slot: slot.clone() });
        }
        let path = self.path(slot);
        let spent = SlotName::spent(version);
        fs::rename(&path, self.path(&spent)).map_err(SlotError::io("rename", &path))?;
        self.sync_renamed(&spent)?;
        Ok(true)
    }

    /// Removes a slot because somebody said so: one that failed, so that its version can be tried again. Never the running one, and never
    /// the last one that can be started.
    pub fn remove(&self, slot: &SlotName, running: Option<&Version>) -> Result<(), SlotError> {
        let last = !self.slots()?.iter().any(|other| other != slot && !other.is_bad());
        if running == Some(&slot.version) || (last && !slot.is_bad()) {
            return Err(SlotError::Needed { slot: slot.clone() });
        }
        let path = self.path(slot);
        fs::remove_file(&path).map_err(SlotError::io("remove", &path))?;
        self.sync_folder()
    }

    /// Removes what may go before a new version comes: old slots, and what other updates left behind. Gives what went.
    pub fn make_room(&self, running: Option<&Version>, new: &Version) -> Result<Vec<SlotName>, SlotError> {
        let slots = self.slots()?;
        let gone: Vec<SlotName> = removable(&slots, running, new).into_iter().cloned().collect();
        let ours = self.part_path(new);
        let left =
            self.names()?.into_iter().filter(|name| name.starts_with(PART_PREFIX) && name.ends_with(PART_SUFFIX));
        let left = left.map(|name| self.folder().join(name)).filter(|path| *path != ours);
        for path in gone.iter().map(|slot| self.path(slot)).chain(left) {
            fs::remove_file(&path).map_err(SlotError::io("remove", &path))?;
        }
        self.sync_folder()?;
        Ok(gone)
    }

    /// What has become this slot by a new name is so on the disk.
    ///
    /// Linux' FAT puts a new name into the folder without length and first cluster; those are written with the file, not with the folder.
    /// The folder alone would take the old name off the disk and leave one without content: a power cut would lose the version.
    pub(super) fn sync_renamed(&self, slot: &SlotName) -> Result<(), SlotError> {
        let path = self.path(slot);
        File::open(&path).and_then(|file| file.sync_all()).map_err(SlotError::io("write", &path))?;
        self.sync_folder()
    }

    /// What was removed is so on the disk.
    pub(super) fn sync_folder(&self) -> Result<(), SlotError> {
        let folder = self.folder();
        match File::open(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            opened => opened.and_then(|folder| folder.sync_all()).map_err(SlotError::io("write", &folder)),
        }
    }
}
