//! A repository, signed.

use crate::targets::{Artefact, Put, put};
use crate::{Keys, ReleaseError};
use cake_update::Policy;
use cake_update::repository::POLICY_FIELD;
use chrono::{DateTime, Utc};
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use tuf::crypto::HashAlgorithm;
use tuf::metadata::{
    Delegations, Metadata, MetadataDescription, MetadataPath, RawSignedMetadata, SnapshotMetadata, TargetDescription,
    TargetPath, TargetsMetadata, TimestampMetadata,
};
use tuf::pouf::Pouf1;

/// Under which terms a repository is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// Until when servers may use the targets and the snapshot.
    pub expires: DateTime<Utc>,
    /// Until when the timestamp is good: how long somebody can hold back a newer repository unnoticed.
    pub timestamp_expires: DateTime<Utc>,
    /// Adds to the policy of the last repository: what was forbidden once stays so.
    pub policy: Policy,
    /// Releases and policy of the last repository stay; without it the new one begins with nothing but its version.
    pub keep: bool,
}

/// A folder with `metadata` and `targets`, as it is served or copied to a stick.
#[derive(Debug, Clone)]
pub struct Repository {
    root: PathBuf,
}

/// What the last run wrote.
#[derive(Default)]
struct Last {
    version: u32,
    targets: HashMap<TargetPath, TargetDescription>,
    policy: Policy,
}

impl Repository {
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Adds artefacts and signs everything anew, one version above what is there. The timestamp is written last: until then the folder is
    /// the old repository. Gives the version.
    pub fn write(&self, keys: &Keys, artefacts: &[Artefact], terms: &Terms) -> Result<u32, ReleaseError> {
        let Last { version, targets, policy } = self.last()?;
        let (mut targets, policy) = if terms.keep { (targets, policy) } else { Default::default() };
        let folders = ["metadata", "targets"].map(|name| self.root.join(name));
        for folder in &folders {
            fs::create_dir_all(folder).map_err(ReleaseError::io("make", folder))?;
        }
        for artefact in artefacts {
            let put = put(&folders[1], artefact)?;
            targets.extend(put.into_iter().map(|Put { path, description }| (path, description)));
        }
        let policy = both(policy, &terms.policy);
        for (number, root) in keys.roots() {
            self.file(&format!("{number}.root.json"), root)?;
        }
        self.sign(keys, version + 1, targets, &policy, terms)
    }

    fn sign(
        &self,
        keys: &Keys,
        version: u32,
        targets: HashMap<TargetPath, TargetDescription>,
        policy: &Policy,
        terms: &Terms,
    ) -> Result<u32, ReleaseError> {
        let policy = serde_json::to_value(policy).unwrap_or_default();
        let fields = HashMap::from([(POLICY_FIELD.to_owned(), policy)]);
        let targets = TargetsMetadata::new(version, terms.expires, targets, Delegations::default(), fields);
        let targets = keys.sign("targets", &targets.map_err(ReleaseError::sign("targets"))?)?;
        let meta = HashMap::from([(MetadataPath::targets(), described("targets", &targets, version)?)]);
        let snapshot = SnapshotMetadata::new(version, terms.expires, meta, HashMap::new());
        let snapshot = keys.sign("snapshot", &snapshot.map_err(ReleaseError::sign("snapshot"))?)?;
        let described = described("snapshot", &snapshot, version)?;
        let timestamp = TimestampMetadata::new(version, terms.timestamp_expires, described, HashMap::new());
        let timestamp = keys.sign("timestamp", &timestamp.map_err(ReleaseError::sign("timestamp"))?)?;
        self.file(&format!("{version}.targets.json"), &targets)?;
        self.file(&format!("{version}.snapshot.json"), &snapshot)?;
        self.file("timestamp.json", &timestamp)?;
        Ok(version)
    }

    /// The old file or the new one, for who reads meanwhile.
    fn file(&self, name: &str, bytes: &[u8]) -> Result<(), ReleaseError> {
        let (path, new) = (self.metadata(name), self.metadata(&format!(".{name}.new")));
        fs::write(&new, bytes).map_err(ReleaseError::io("write", &new))?;
        fs::rename(&new, &path).map_err(ReleaseError::io("rename", &new))
    }

    fn metadata(&self, name: &str) -> PathBuf {
        self.root.join("metadata").join(name)
    }

    /// What is there already. These are the maker's own files, so they are read without their signatures.
    fn last(&self) -> Result<Last, ReleaseError> {
        let path = self.metadata("timestamp.json");
        if !path.exists() {
            return Ok(Last::default());
        }
        let timestamp: TimestampMetadata = read(&path)?;
        let version = timestamp.version();
        let path = self.metadata(&format!("{version}.targets.json"));
        let targets: TargetsMetadata = read(&path)?;
        let policy = targets.additional_fields().get(POLICY_FIELD).cloned().unwrap_or_default();
        let policy = serde_json::from_value(policy).map_err(|_| ReleaseError::NoRepository { path })?;
        Ok(Last { version, targets: targets.targets().clone(), policy })
    }
}

/// What either of two policies forbids.
fn both(mut policy: Policy, more: &Policy) -> Policy {
    policy.minimum = policy.minimum.max(more.minimum.clone());
    policy.bad.extend(more.bad.iter().cloned());
    policy.bad.sort();
    policy.bad.dedup();
    policy
}

fn read<M: Metadata>(path: &Path) -> Result<M, ReleaseError> {
    let bytes = fs::read(path).map_err(ReleaseError::io("read", path))?;
    let raw = RawSignedMetadata::<Pouf1, M>::new(bytes);
    let parsed = raw.parse_untrusted().and_then(|signed| signed.assume_valid());
    parsed.map_err(|_| ReleaseError::NoRepository { path: path.to_owned() })
}

fn described<M: Metadata>(
    role: &'static str,
    bytes: &[u8],
    version: u32,
) -> Result<MetadataDescription<M>, ReleaseError> {
    MetadataDescription::from_slice(bytes, version, &[HashAlgorithm::Sha256]).map_err(ReleaseError::sign(role))
}
