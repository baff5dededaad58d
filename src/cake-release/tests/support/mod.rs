//! A maker with its repository and a server that updates from it.
#![allow(dead_code)] // Each test is a program of its own and uses some of it.

use cake_release::{Artefact, Keys, Purpose, Repository, Terms};
use cake_update::{
    Anchor, Applied, Control, Directory, Esp, Memory, Offer, Policy, Source, Trust, UpdateError, Updater, Version,
};
use chrono::{DateTime, TimeDelta, Utc};
use rand::{RngCore, SeedableRng, rngs::StdRng};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use tempfile::TempDir;

pub const TEST: Trust = Trust::Test { accept_release: false };

pub fn version(text: &str) -> Version {
    text.parse().expect(text)
}

pub fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_000_000, 0).expect("a date")
}

pub fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    StdRng::seed_from_u64(seed).fill_bytes(&mut bytes);
    bytes
}

/// Who makes releases.
pub struct Maker {
    pub folder: TempDir,
    pub keys: Keys,
}

impl Maker {
    pub fn new() -> Self {
        Self::with(Purpose::Test)
    }

    pub fn with(purpose: Purpose) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let keys = Keys::make(&folder.path().join("keys"), purpose, now() + TimeDelta::days(3650)).expect("keys");
        Self { folder, keys }
    }

    pub fn repository(&self) -> PathBuf {
        self.folder.path().join("repository")
    }

    pub fn source(&self) -> Directory {
        Directory::new(self.repository())
    }

    pub fn terms(&self) -> Terms {
        let expires = now() + TimeDelta::days(400);
        Terms { expires, timestamp_expires: now() + TimeDelta::days(30), policy: Policy::default(), keep: true }
    }

    /// Adds a release of these bytes.
    pub fn release(&self, text: &str, bytes: &[u8]) {
        let path = self.folder.path().join(format!("{text}.efi"));
        fs::write(&path, bytes).expect("an image");
        let image = Artefact::Image { path, version: version(text), kernel: "6.12.57".into() };
        self.sign(&[image], &self.terms());
    }

    pub fn forbid(&self, policy: Policy) {
        self.sign(&[], &Terms { policy, ..self.terms() });
    }

    pub fn sign(&self, artefacts: &[Artefact], terms: &Terms) {
        Repository::new(self.repository()).write(&self.keys, artefacts, terms).expect("a repository");
    }

    /// The file of a target.
    pub fn stored(&self, name: &str) -> PathBuf {
        let files = fs::read_dir(self.repository().join("targets")).expect("targets");
        let mut paths = files.map(|file| file.expect("a file").path());
        paths.find(|path| path.to_string_lossy().ends_with(&format!(".{name}"))).expect(name)
    }

    pub fn copy_to(&self, folder: &Path) {
        for part in ["metadata", "targets"] {
            fs::create_dir_all(folder.join(part)).expect("a folder");
            for file in fs::read_dir(self.repository().join(part)).expect("files") {
                let path = file.expect("a file").path();
                fs::copy(&path, folder.join(part).join(path.file_name().expect("a name"))).expect("a copy");
            }
        }
    }
}

/// A server with system disks, of which each has a blessed slot that runs.
pub struct Server {
    pub folder: TempDir,
    pub updater: Updater,
}

impl Server {
    pub fn new(maker: &Maker, disks: usize, running: (&str, &[u8])) -> Self {
        Self::trusting(Anchor::new(maker.keys.root(), TEST).expect("an anchor"), disks, running)
    }

    pub fn trusting(anchor: Anchor, disks: usize, (running, bytes): (&str, &[u8])) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let esp = |disk: usize| {
            let root = folder.path().join(format!("esp-{disk}"));
            fs::create_dir_all(root.join("EFI/Linux")).expect("an ESP");
            fs::write(root.join(format!("EFI/Linux/cake_{running}.efi")), bytes).expect("a slot");
            Esp::open(root).expect("an ESP")
        };
        let esps = (0..disks).map(esp).collect();
        let memory = Memory::new(folder.path().join("memory"));
        Self { updater: Updater { anchor, memory, esps, running: Some(version(running)) }, folder }
    }

    pub fn check(&self, source: &dyn Source) -> Result<Offer, UpdateError> {
        self.updater.check(source, SystemTime::from(now()), &Control::default())
    }

    pub fn update(&self, source: &dyn Source, to: &str) -> Result<Applied, UpdateError> {
        self.update_with(source, to, &Control::default())
    }

    pub fn update_with(&self, source: &dyn Source, to: &str, control: &Control) -> Result<Applied, UpdateError> {
        let offer = self.updater.check(source, SystemTime::from(now()), control)?;
        self.updater.apply(source, &offer, &version(to), control)
    }

    /// The slots' names of each disk.
    pub fn slots(&self) -> Vec<Vec<String>> {
        let names = |esp: &Esp| esp.slots().expect("slots").iter().map(|slot| slot.file().to_owned()).collect();
        self.updater.esps.iter().map(names).collect()
    }

    /// All that is in the slots' folder of a disk.
    pub fn files(&self, disk: usize) -> Vec<String> {
        let files = fs::read_dir(self.updater.esps[disk].folder()).expect("files");
        let mut names: Vec<String> =
            files.map(|file| file.expect("a file").file_name().into_string().expect("a name")).collect();
        names.sort();
        names
    }

    pub fn bytes(&self, disk: usize, file: &str) -> Vec<u8> {
        fs::read(self.updater.esps[disk].folder().join(file)).expect(file)
    }
}

/// Two versions of a firmware, of which the newer one has other bytes in a tenth of it, and some more.
pub fn firmware(length: usize) -> (Vec<u8>, Vec<u8>) {
    let old = noise(1, length);
    let (from, to) = (length / 2, length / 2 + length / 10);
    let new = [&old[..from], &noise(2, length / 10 + 777), &old[to..]].concat();
    (old, new)
}
