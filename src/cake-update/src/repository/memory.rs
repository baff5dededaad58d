//! What a server remembers of the repositories that it has seen, so that nobody can show it an old one.

use super::{Policy, RepositoryError};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use tuf::metadata::RootMetadata;

const SEEN: &str = "seen.json";

/// A directory: `N.root.json` for each root after the pinned one, and `seen.json`.
#[derive(Debug, Clone)]
pub struct Memory {
    folder: PathBuf,
}

/// The newest versions that were seen, each verified.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Seen {
    pub(super) timestamp: u32,
    pub(super) snapshot: u32,
    pub(super) targets: u32,
    /// Whose versions these are. Who rotates keys may begin to count anew: that is how one recovers from versions that a thief of the
    /// keys has raised (TUF 1.0.33, 5.3.11).
    timestamp_keys: Vec<String>,
    snapshot_keys: Vec<String>,
    targets_keys: Vec<String>,
    pub(super) policy: Policy,
}

impl Seen {
    /// Forgets the versions of roles whose keys are others now.
    pub(super) fn keys_are(&mut self, root: &RootMetadata) {
        let names = |keys: &mut dyn Iterator<Item = String>| {
            let mut names: Vec<String> = keys.collect();
            names.sort();
            names
        };
        let timestamp = names(&mut root.timestamp().key_ids().iter().map(ToString::to_string));
        let snapshot = names(&mut root.snapshot().key_ids().iter().map(ToString::to_string));
        let targets = names(&mut root.targets().key_ids().iter().map(ToString::to_string));
        if timestamp != self.timestamp_keys || snapshot != self.snapshot_keys {
            (self.timestamp, self.snapshot) = (0, 0);
        }
        if targets != self.targets_keys {
            self.targets = 0;
        }
        (self.timestamp_keys, self.snapshot_keys, self.targets_keys) = (timestamp, snapshot, targets);
    }
}

impl Memory {
    /// The directory is made when there is something to remember.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// The policy of the newest targets that were seen, for going back without a repository at hand.
    pub fn policy(&self) -> Result<Policy, RepositoryError> {
        Ok(self.seen()?.policy)
    }

    pub(super) fn seen(&self) -> Result<Seen, RepositoryError> {
        let path = self.folder.join(SEEN);
        match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|_| RepositoryError::Memory { path }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Seen::default()),
            Err(error) => Err(RepositoryError::io("read", &path)(error)),
        }
    }

    pub(super) fn keep(&self, seen: &Seen) -> Result<(), RepositoryError> {
        let bytes = serde_json::to_vec(seen).expect("numbers and texts are JSON");
        self.write(SEEN, &bytes)
    }

    /// A root that was kept; it is verified like one that was fetched.
    pub(super) fn root(&self, version: u32) -> Option<Vec<u8>> {
        fs::read(self.folder.join(root_name(version))).ok()
    }

    pub(super) fn keep_root(&self, version: u32, bytes: &[u8]) -> Result<(), RepositoryError> {
        self.write(&root_name(version), bytes)
    }

    /// The old file or the new one, whenever the power fails.
    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), RepositoryError> {
        let (path, new) = (self.folder.join(name), self.folder.join(format!("{name}.new")));
        fs::create_dir_all(&self.folder).map_err(RepositoryError::io("make", &self.folder))?;
        write_through(&new, bytes).map_err(RepositoryError::io("write", &new))?;
        fs::rename(&new, &path).map_err(RepositoryError::io("rename", &new))?;
        File::open(&self.folder)
            .and_then(|folder| folder.sync_all())
            .map_err(RepositoryError::io("write", &self.folder))
    }
}

fn root_name(version: u32) -> String {
    format!("{version}.root.json")
}

fn write_through(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
