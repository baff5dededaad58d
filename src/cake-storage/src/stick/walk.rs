//! Through the folders of a file system.

use super::names::{is_hidden, is_honest, is_image_name};
use super::{Entry, FileSystem, Unreadable};
use cake_types::STICK_PATH_MAX;
use serde::{Deserialize, Serialize};

/// Files that are told of, and all their paths together, in bytes: an answer is not longer than this.
pub const FILES_MAX: usize = 1000;
const PATHS_MAX: usize = 128 << 10;
/// Folders in folders, and entries that are looked at.
const DEPTH_MAX: usize = 16;
const ENTRIES_MAX: usize = 100_000;

/// The files of a file system that are called as images are, by path.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    pub files: Vec<FoundFile>,
    /// There may be more.
    pub incomplete: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundFile {
    pub path: String,
    pub size: u64,
    /// Seconds since 1970.
    pub modified: Option<i64>,
}

/// What is known while walking.
#[derive(Default)]
struct Walk {
    found: Found,
    paths: usize,
    entries: usize,
}

pub(super) fn files(system: &dyn FileSystem) -> Result<Found, Unreadable> {
    let mut walk = Walk::default();
    // Each level before what lies deeper, so that a bound leaves out what is hard to find.
    let mut level = vec![(String::new(), system.root())];
    for depth in 0.. {
        let mut next = Vec::new();
        for (path, place) in level {
            if walk.is_full() {
                walk.found.incomplete = true;
                break;
            }
            match system.folder(place) {
                Ok(entries) => walk.folder(system, &path, entries, &mut next),
                // The rest of the stick may be well.
                Err(_) if depth > 0 => walk.found.incomplete = true,
                Err(error) => return Err(error),
            }
        }
        if next.is_empty() || walk.is_full() {
            break;
        }
        if depth + 1 == DEPTH_MAX {
            walk.found.incomplete = true;
            break;
        }
        level = next;
    }
    walk.found.files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(walk.found)
}

impl Walk {
    fn is_full(&self) -> bool {
        self.found.files.len() >= FILES_MAX || self.paths >= PATHS_MAX || self.entries >= ENTRIES_MAX
    }

    fn folder(
        &mut self,
        system: &dyn FileSystem,
        path: &str,
        entries: Vec<Entry>,
        next: &mut Vec<(String, super::Place)>,
    ) {
        for Entry { name, is_folder, place, modified } in entries {
            if self.is_full() {
                self.found.incomplete = true;
                return;
            }
            self.entries += 1;
            if !is_honest(&name) || is_hidden(&name) || !is_folder && !is_image_name(&name) {
                continue;
            }
            let path = if path.is_empty() { name } else { format!("{path}/{name}") };
            if path.len() > STICK_PATH_MAX {
                self.found.incomplete = true;
            } else if is_folder {
                next.push((path, place));
            } else if let Ok(size) = system.length(place) {
                self.paths += path.len();
                self.found.files.push(FoundFile { path, size, modified });
            } else {
                self.found.incomplete = true;
            }
        }
    }
}

/// The file of this path, exactly as it was told of.
pub(super) fn find(system: &dyn FileSystem, path: &str) -> Result<Entry, Unreadable> {
    let names: Vec<&str> = path.split('/').collect();
    let (mut place, last) = (system.root(), names.len() - 1);
    for (depth, name) in names.into_iter().enumerate() {
        if depth > DEPTH_MAX || !is_honest(name) {
            return Err(Unreadable::NotThere);
        }
        let mut entries = system.folder(place)?.into_iter();
        let is_folder = depth < last;
        let found = entries.find(|entry| entry.name == name && entry.is_folder == is_folder);
        let found = found.ok_or(Unreadable::NotThere)?;
        if !is_folder {
            return Ok(found);
        }
        place = found.place;
    }
    Err(Unreadable::NotThere)
}
