//! The files of a repository.

use crate::ReleaseError;
use cake_update::Version;
use cake_update::blocks::{Block, BlockIndex, BlocksError, Seeds};
use cake_update::repository::TargetCustom;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use tuf::crypto::{HashAlgorithm, HashValue};
use tuf::metadata::{TargetDescription, TargetPath};

/// What goes into a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Artefact {
    /// The firmware: becomes `cake_VERSION.efi`, with its block index `cake_VERSION.blocks` beside it.
    Image { path: PathBuf, version: Version, kernel: String },
    /// Any other file, under its own name.
    Other(PathBuf),
}

/// A file that was put into `targets`.
pub(crate) struct Put {
    pub(crate) path: TargetPath,
    pub(crate) description: TargetDescription,
}

/// Puts an artefact's files into the folder, under names with their hashes.
pub(crate) fn put(folder: &Path, artefact: &Artefact) -> Result<Vec<Put>, ReleaseError> {
    match artefact {
        Artefact::Other(path) => {
            let name = path.file_name().and_then(|name| name.to_str());
            let name = name.ok_or_else(|| ReleaseError::NoName(path.clone()))?;
            Ok(vec![copy(folder, path, name, HashMap::new())?])
        }
        Artefact::Image { path, version, kernel } => {
            let blocks = format!("cake_{version}.blocks");
            let index = cut(path)?;
            let custom = TargetCustom {
                version: version.clone(),
                kernel: kernel.clone(),
                size: index.size(),
                blocks: blocks.clone(),
            };
            let image = copy(folder, path, &format!("cake_{version}.efi"), fields(&custom))?;
            let scratch = folder.join(format!(".{blocks}"));
            fs::write(&scratch, index.encode()).map_err(ReleaseError::io("write", &scratch))?;
            let index = copy(folder, &scratch, &blocks, HashMap::new())?;
            fs::remove_file(&scratch).map_err(ReleaseError::io("remove", &scratch))?;
            Ok(vec![image, index])
        }
    }
}

fn fields(custom: &TargetCustom) -> HashMap<String, serde_json::Value> {
    match serde_json::to_value(custom) {
        Ok(serde_json::Value::Object(fields)) => fields.into_iter().collect(),
        _ => HashMap::new(),
    }
}

fn cut(path: &Path) -> Result<BlockIndex, ReleaseError> {
    let file = File::open(path).map_err(ReleaseError::io("open", path))?;
    Ok(BlockIndex::cut::<BlocksError>(file, |_| Ok(()))?)
}

fn copy(
    folder: &Path,
    from: &Path,
    name: &str,
    custom: HashMap<String, serde_json::Value>,
) -> Result<Put, ReleaseError> {
    let (size, hash) = hash(from).map_err(ReleaseError::io("read", from))?;
    let hash = HashValue::new(hash.to_vec());
    let path = TargetPath::new(name).map_err(|_| ReleaseError::NoName(from.to_owned()))?;
    let stored = path.with_hash_prefix(&hash).map_err(|_| ReleaseError::NoName(from.to_owned()))?;
    let stored = folder.join(stored.as_str());
    fs::copy(from, &stored).map_err(ReleaseError::io("write", &stored))?;
    let hashes = HashMap::from([(HashAlgorithm::Sha256, hash)]);
    let description = TargetDescription::new(size, hashes, custom).map_err(ReleaseError::sign("targets"))?;
    Ok(Put { path, description })
}

fn hash(path: &Path) -> io::Result<(u64, [u8; 32])> {
    let (mut file, mut hash, mut size) = (File::open(path)?, Sha256::new(), 0);
    let mut buffer = vec![0; 1 << 20];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok((size, hash.finalize().into()));
        }
        size += read as u64;
        hash.update(&buffer[..read]);
    }
}

/// Bytes that somebody who has `old` fetches for `new`, and the bytes of `new`: what an update costs on the line.
pub fn share(old: &Path, new: &Path) -> Result<(u64, u64), ReleaseError> {
    let (seeds, new) = (Seeds::pure(&cut(old)?), cut(new)?);
    let length = |block: &Block| u64::from(block.length);
    let fetched: u64 = new.blocks().iter().filter(|block| !seeds.has(block)).map(length).sum();
    Ok((fetched + new.encode().len() as u64, new.size()))
}
