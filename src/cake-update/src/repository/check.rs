//! The way from the pinned root to the releases (TUF 1.0.33, section 5, the client's workflow).

use super::memory::Seen;
use super::{Anchor, Memory, Policy, Release, RepositoryError, release};
use crate::{Control, Source, Stage};
use chrono::{DateTime, Utc};
use std::time::SystemTime;
use tuf::crypto::{HashAlgorithm, HashValue};
use tuf::database::Database;
use tuf::metadata::{Metadata, MetadataDescription, MetadataPath, RawSignedMetadata};
use tuf::pouf::Pouf1;

/// Bytes that a root or a timestamp may have, and a snapshot or targets.
const SMALL: u64 = 256 << 10;
const LARGE: u64 = 4 << 20;
/// So many roots may follow the pinned one.
const ROOTS: u32 = 256;

/// What a repository has for this server, all of it verified.
#[derive(Debug, Clone)]
pub struct Offer {
    /// The newest first, forbidden ones included: [`Offer::policy`] says which.
    pub releases: Vec<Release>,
    pub policy: Policy,
    /// Until when the repository may be used.
    pub expires: SystemTime,
    /// Targets are stored under names with their hash.
    pub(crate) hashed_names: bool,
}

impl Offer {
    /// The newest release that may be installed.
    pub fn newest(&self) -> Option<&Release> {
        self.releases.iter().find(|release| self.policy.allows(&release.version).is_ok())
    }
}

/// Asks a repository what it has. What is seen is remembered role by role, so that a repository which ends half-way is not believed later
/// when it shows something older. `now` is the clock's time.
pub fn check(
    anchor: &Anchor,
    memory: &Memory,
    source: &dyn Source,
    now: SystemTime,
    control: &Control,
) -> Result<Offer, RepositoryError> {
    control.stage(Stage::Checking, 0)?;
    let now = DateTime::<Utc>::from(now);
    let mut way = Way { memory, source, control, now, database: anchor.database()?, seen: memory.seen()? };
    way.roots(anchor)?;
    way.timestamp()?;
    way.snapshot()?;
    way.targets()?;
    way.offer()
}

struct Way<'a> {
    memory: &'a Memory,
    source: &'a dyn Source,
    control: &'a Control,
    now: DateTime<Utc>,
    database: Database<Pouf1>,
    seen: Seen,
}

impl Way<'_> {
    /// 5.3: each root is signed by the one before it and by itself.
    fn roots(&mut self, anchor: &Anchor) -> Result<(), RepositoryError> {
        for _ in 0..ROOTS {
            let version = self.database.trusted_root().version().saturating_add(1);
            if let Some(kept) = self.memory.root(version)
                && self.database.update_root(&RawSignedMetadata::new(kept)).is_ok()
            {
                anchor.allows(self.database.trusted_root())?;
                continue;
            }
            let path = format!("metadata/{version}.root.json");
            let Some(bytes) = self.source.read(&path, SMALL, self.control)? else { return self.root_is_good() };
            let raw = RawSignedMetadata::new(bytes);
            self.database.update_root(&raw).map_err(RepositoryError::tuf("root"))?;
            anchor.allows(self.database.trusted_root())?;
            self.memory.keep_root(version, raw.as_bytes())?;
        }
        Err(RepositoryError::EndlessRoots(ROOTS))
    }

    /// 5.3.10 and 5.3.11: only the last root's date matters; who has new keys counts anew.
    fn root_is_good(&mut self) -> Result<(), RepositoryError> {
        let root = self.database.trusted_root();
        if *root.expires() <= self.now {
            return Err(RepositoryError::Expired { role: "root", until: *root.expires(), now: self.now });
        }
        self.seen.keys_are(root);
        Ok(())
    }

    /// 5.4.
    fn timestamp(&mut self) -> Result<(), RepositoryError> {
        let bytes = self.fetch("timestamp", "metadata/timestamp.json", SMALL)?;
        let raw = RawSignedMetadata::new(bytes);
        self.database.update_timestamp(&self.now, &raw).map_err(RepositoryError::tuf("timestamp"))?;
        let timestamp = self.database.trusted_timestamp().ok_or(RepositoryError::NoRole { role: "timestamp" })?;
        risen("timestamp", &mut self.seen.timestamp, timestamp.version())?;
        risen("snapshot", &mut self.seen.snapshot, timestamp.snapshot().version())?;
        self.memory.keep(&self.seen)
    }

    /// 5.5.
    fn snapshot(&mut self) -> Result<(), RepositoryError> {
        let timestamp = self.database.trusted_timestamp().ok_or(RepositoryError::NoRole { role: "timestamp" })?;
        let bytes = self.fetch("snapshot", &self.path("snapshot", timestamp.snapshot().version()), LARGE)?;
        as_described("snapshot", timestamp.snapshot(), &bytes)?;
        let raw = RawSignedMetadata::new(bytes);
        self.database.update_snapshot(&self.now, &raw).map_err(RepositoryError::tuf("snapshot"))?;
        let targets = self.described_targets()?.version();
        risen("targets", &mut self.seen.targets, targets)?;
        self.memory.keep(&self.seen)
    }

    /// 5.6.
    fn targets(&mut self) -> Result<(), RepositoryError> {
        let description = self.described_targets()?;
        let bytes = self.fetch("targets", &self.path("targets", description.version()), LARGE)?;
        as_described("targets", description, &bytes)?;
        let raw = RawSignedMetadata::new(bytes);
        self.database.update_targets(&self.now, &raw).map(drop).map_err(RepositoryError::tuf("targets"))
    }

    fn offer(mut self) -> Result<Offer, RepositoryError> {
        let targets = self.database.trusted_targets().ok_or(RepositoryError::NoRole { role: "targets" })?;
        let (releases, policy) = (release::releases(targets)?, release::policy(targets)?);
        let timestamp = self.database.trusted_timestamp().ok_or(RepositoryError::NoRole { role: "timestamp" })?;
        let expires = SystemTime::from(*timestamp.expires().min(targets.expires()));
        self.seen.policy = policy.clone();
        self.memory.keep(&self.seen)?;
        Ok(Offer { releases, policy, expires, hashed_names: self.database.trusted_root().consistent_snapshot() })
    }

    fn described_targets(&self) -> Result<&MetadataDescription<tuf::metadata::TargetsMetadata>, RepositoryError> {
        let snapshot = self.database.trusted_snapshot().ok_or(RepositoryError::NoRole { role: "snapshot" })?;
        snapshot.meta().get(&MetadataPath::targets()).ok_or(RepositoryError::NoRole { role: "targets" })
    }

    fn path(&self, role: &str, version: u32) -> String {
        match self.database.trusted_root().consistent_snapshot() {
            true => format!("metadata/{version}.{role}.json"),
            false => format!("metadata/{role}.json"),
        }
    }

    fn fetch(&self, role: &'static str, path: &str, limit: u64) -> Result<Vec<u8>, RepositoryError> {
        self.source.read(path, limit, self.control)?.ok_or(RepositoryError::NoRole { role })
    }
}

/// A version that was seen is the least from now on.
fn risen(role: &'static str, seen: &mut u32, offered: u32) -> Result<(), RepositoryError> {
    if offered < *seen {
        return Err(RepositoryError::RolledBack { role, seen: *seen, offered });
    }
    *seen = offered;
    Ok(())
}

/// 5.5.2 and 5.6.2: length and hash, where the role above says them. The library leaves that to whoever fetches.
fn as_described<M: Metadata>(
    role: &'static str,
    description: &MetadataDescription<M>,
    bytes: &[u8],
) -> Result<(), RepositoryError> {
    let length = description.length().is_none_or(|length| length == bytes.len());
    let same = |algorithm: &HashAlgorithm, hash: &HashValue| {
        let ours = tuf::crypto::calculate_hashes_from_slice(bytes, std::slice::from_ref(algorithm));
        ours.is_ok_and(|ours| ours.get(algorithm) == Some(hash))
    };
    let known = description.hashes().iter().filter(|(algorithm, _)| **algorithm == HashAlgorithm::Sha256);
    if length && known.into_iter().all(|(algorithm, hash)| same(algorithm, hash)) {
        return Ok(());
    }
    Err(RepositoryError::Mixed { role })
}
