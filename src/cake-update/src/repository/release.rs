//! What the targets say: releases and which of them may be installed.

use super::{POLICY_FIELD, RepositoryError};
use crate::Version;
use crate::blocks::{LARGEST_IMAGE, LARGEST_INDEX};
use crate::slots::{Image, SlotName};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use tuf::crypto::HashAlgorithm;
use tuf::metadata::{TargetDescription, TargetPath, TargetsMetadata};

/// A file of the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub name: String,
    /// Bytes.
    pub size: u64,
    pub sha256: [u8; 32],
}

/// The custom field of the target `cake_VERSION.efi`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetCustom {
    pub version: Version,
    /// Version of the Linux kernel in it.
    pub kernel: String,
    /// Bytes of the file.
    pub size: u64,
    /// Name of the target that is its block index.
    pub blocks: String,
}

/// A version that can be installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    pub version: Version,
    /// Version of the Linux kernel in it.
    pub kernel: String,
    pub image: Target,
    pub blocks: Target,
}

impl Release {
    /// What its slot must hold.
    pub fn slot_image(&self) -> Image {
        Image { version: self.version.clone(), size: self.image.size, sha256: self.image.sha256 }
    }
}

/// Which versions may be installed: there is no way back to one that is known to be bad. A field of the signed targets.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// The oldest version that may be installed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum: Option<Version>,
    /// Versions that may not be installed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bad: Vec<Version>,
}

impl Policy {
    /// Whether a version may be installed or gone back to.
    pub fn allows(&self, version: &Version) -> Result<(), RepositoryError> {
        if self.bad.contains(version) {
            return Err(RepositoryError::KnownBad(version.clone()));
        }
        match &self.minimum {
            Some(minimum) if version < minimum => {
                Err(RepositoryError::TooOld { version: version.clone(), minimum: minimum.clone() })
            }
            _ => Ok(()),
        }
    }
}

pub(super) fn policy(targets: &TargetsMetadata) -> Result<Policy, RepositoryError> {
    let Some(field) = targets.additional_fields().get(POLICY_FIELD) else { return Ok(Policy::default()) };
    Policy::deserialize(field).map_err(|error| described(POLICY_FIELD, error))
}

/// All releases, the newest first. Targets of other names belong to somebody else.
pub(super) fn releases(targets: &TargetsMetadata) -> Result<Vec<Release>, RepositoryError> {
    let images = targets.targets().iter().filter_map(|(path, description)| {
        let slot = SlotName::parse(path.as_str()).filter(SlotName::is_blessed)?;
        Some((slot.version, path.as_str(), description))
    });
    let mut releases = images
        .map(|(version, name, description)| release(targets.targets(), version, name, description))
        .collect::<Result<Vec<_>, _>>()?;
    releases.sort_by(|a, b| b.version.cmp(&a.version));
    Ok(releases)
}

fn release(
    all: &HashMap<TargetPath, TargetDescription>,
    version: Version,
    name: &str,
    description: &TargetDescription,
) -> Result<Release, RepositoryError> {
    let image = target(name, description, LARGEST_IMAGE)?;
    let custom = serde_json::Value::Object(description.custom().clone().into_iter().collect());
    let custom = TargetCustom::deserialize(custom).map_err(|error| described(name, error))?;
    if custom.version.as_str() != version.as_str() || custom.size != image.size {
        return Err(described(name, "its name or size is not that of its version"));
    }
    let (path, blocks) = all.get_key_value(custom.blocks.as_str()).ok_or_else(|| described(name, "no block index"))?;
    Ok(Release { version, kernel: custom.kernel, image, blocks: target(path.as_str(), blocks, LARGEST_INDEX)? })
}

fn target(name: &str, description: &TargetDescription, limit: u64) -> Result<Target, RepositoryError> {
    let sha256 = description.hashes().get(&HashAlgorithm::Sha256).map(|hash| hash.value());
    let sha256 = sha256.and_then(|hash| hash.try_into().ok()).ok_or_else(|| described(name, "no SHA-256"))?;
    match description.length() {
        size if size > limit => Err(described(name, "it is too large")),
        size => Ok(Target { name: name.to_owned(), size, sha256 }),
    }
}

fn described(target: &str, reason: impl ToString) -> RepositoryError {
    RepositoryError::Described { target: target.to_owned(), reason: reason.to_string() }
}
