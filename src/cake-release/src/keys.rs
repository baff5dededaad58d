//! The keys of a repository and the roots that name them.

use crate::ReleaseError;
use cake_update::repository::{KEYS_FIELD, TEST_KEYS};
use chrono::{DateTime, Utc};
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use tuf::crypto::{Ed25519PrivateKey, PrivateKey, PublicKey};
use tuf::metadata::{Metadata, RawSignedMetadata, RoleDefinition, RootMetadata, SignedMetadata, SignedMetadataBuilder};
use tuf::pouf::Pouf1;

/// One key for each role: the root's is used once in years and kept off-line.
const ROLES: [&str; 4] = ["root", "targets", "snapshot", "timestamp"];
const PEM_TAG: &str = "PRIVATE KEY";

/// What keys are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    Release,
    /// Anybody may have them: no appliance takes what they sign. Their files' names and their root say so.
    Test,
}

/// The keys of a folder and its newest root.
pub struct Keys {
    folder: PathBuf,
    keys: HashMap<&'static str, Ed25519PrivateKey>,
    /// All roots, the first one first, as they are served.
    roots: Vec<Vec<u8>>,
    purpose: Purpose,
}

impl Keys {
    /// Makes keys and their first root, which is good until `expires`. `N.root.json` is what a firmware is built with.
    pub fn make(folder: &Path, purpose: Purpose, expires: DateTime<Utc>) -> Result<Self, ReleaseError> {
        fs::create_dir_all(folder).map_err(ReleaseError::io("make", folder))?;
        let keys = ROLES.map(|role| Ok((role, make_key(folder, role, purpose)?)));
        let keys: Result<HashMap<_, _>, ReleaseError> = keys.into_iter().collect();
        let mut made = Self { folder: folder.to_owned(), keys: keys?, roots: Vec::new(), purpose };
        made.add_root(expires, &[])?;
        Ok(made)
    }

    /// Reads the keys that [`Keys::make`] wrote.
    pub fn open(folder: &Path) -> Result<Self, ReleaseError> {
        let purpose =
            if folder.join(key_name("root", Purpose::Test)).exists() { Purpose::Test } else { Purpose::Release };
        let keys = ROLES.map(|role| Ok((role, read_key(&folder.join(key_name(role, purpose)))?)));
        let keys: Result<HashMap<_, _>, ReleaseError> = keys.into_iter().collect();
        let mut opened = Self { folder: folder.to_owned(), keys: keys?, roots: Vec::new(), purpose };
        for version in 1.. {
            let path = folder.join(root_name(version));
            match fs::read(&path) {
                Ok(root) => opened.roots.push(root),
                Err(_) if version > 1 => break,
                Err(error) => return Err(ReleaseError::io("read", &path)(error)),
            }
        }
        Ok(opened)
    }

    /// Replaces the keys of roles and makes the next root, signed by the old root key and the new one. The replaced keys stay beside the
    /// new ones as `ROLE.pem.N`, N being the last root that named them.
    pub fn rotate(&mut self, roles: &[&str], expires: DateTime<Utc>) -> Result<(), ReleaseError> {
        let last = self.roots.len();
        let mut old = Vec::new();
        for role in ROLES.into_iter().filter(|role| roles.contains(role)) {
            let path = self.folder.join(key_name(role, self.purpose));
            let kept = path.with_extension(format!("pem.{last}"));
            fs::rename(&path, &kept).map_err(ReleaseError::io("rename", &path))?;
            let key = make_key(&self.folder, role, self.purpose)?;
            old.extend(self.keys.insert(role, key).filter(|_| role == "root"));
        }
        self.add_root(expires, &old)
    }

    /// The newest root's bytes: a firmware's anchor.
    pub fn root(&self) -> &[u8] {
        self.roots.last().map_or(&[], |root| root)
    }

    /// All roots with their numbers.
    pub fn roots(&self) -> impl Iterator<Item = (usize, &[u8])> {
        self.roots.iter().enumerate().map(|(at, root)| (at + 1, root.as_slice()))
    }

    pub(crate) fn sign<M: Metadata>(&self, role: &'static str, metadata: &M) -> Result<Vec<u8>, ReleaseError> {
        let signed = SignedMetadata::<Pouf1, M>::new(metadata, &self.keys[role]);
        let raw = signed.and_then(|signed| signed.to_raw()).map_err(ReleaseError::sign(role))?;
        Ok(raw.as_bytes().to_vec())
    }

    fn add_root(&mut self, expires: DateTime<Utc>, also: &[Ed25519PrivateKey]) -> Result<(), ReleaseError> {
        let version = self.roots.len() + 1;
        let raw = self.signed_root(version as u32, expires, also).map_err(ReleaseError::sign("root"))?;
        let path = self.folder.join(root_name(version));
        let file = File::create_new(&path);
        let written = file.and_then(|mut file| file.write_all(raw.as_bytes()));
        written.map_err(ReleaseError::io("write", &path))?;
        self.roots.push(raw.as_bytes().to_vec());
        Ok(())
    }

    fn signed_root(
        &self,
        version: u32,
        expires: DateTime<Utc>,
        also: &[Ed25519PrivateKey],
    ) -> Result<RawSignedMetadata<Pouf1, RootMetadata>, tuf::Error> {
        let public = |role: &str| self.keys[role].public().clone();
        let keys = ROLES.map(|role| (public(role).key_id().clone(), public(role)));
        let root = RootMetadata::new(
            version,
            expires,
            true,
            keys.into_iter().collect(),
            of_one(&public("root"))?,
            of_one(&public("snapshot"))?,
            of_one(&public("targets"))?,
            of_one(&public("timestamp"))?,
            match self.purpose {
                Purpose::Test => HashMap::from([(KEYS_FIELD.to_owned(), TEST_KEYS.into())]),
                Purpose::Release => HashMap::new(),
            },
        )?;
        let mut signed = SignedMetadataBuilder::<Pouf1, _>::from_metadata(&root)?.sign(&self.keys["root"])?;
        for key in also {
            signed = signed.sign(key)?;
        }
        signed.build().to_raw()
    }
}

fn of_one<M: Metadata>(key: &PublicKey) -> Result<RoleDefinition<M>, tuf::Error> {
    RoleDefinition::new(1, [key.key_id().clone()].into())
}

fn key_name(role: &str, purpose: Purpose) -> String {
    match purpose {
        Purpose::Release => format!("{role}.pem"),
        Purpose::Test => format!("test-{role}.pem"),
    }
}

fn root_name(version: usize) -> String {
    format!("{version}.root.json")
}

/// For its owner's eyes, and never over another one.
fn make_key(folder: &Path, role: &str, purpose: Purpose) -> Result<Ed25519PrivateKey, ReleaseError> {
    let path = folder.join(key_name(role, purpose));
    let made = Ed25519PrivateKey::pkcs8().map_err(ReleaseError::sign("key"))?;
    let text = pem::encode(&pem::Pem::new(PEM_TAG, made));
    let file = File::options().write(true).create_new(true).mode(0o600).open(&path);
    let mut file = file.map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => ReleaseError::Exists { path: path.clone() },
        _ => ReleaseError::io("make", &path)(error),
    })?;
    file.write_all(text.as_bytes()).map_err(ReleaseError::io("write", &path))?;
    read_key(&path)
}

fn read_key(path: &Path) -> Result<Ed25519PrivateKey, ReleaseError> {
    let text = fs::read(path).map_err(ReleaseError::io("read", path))?;
    let key = pem::parse(text).ok().filter(|key| key.tag() == PEM_TAG);
    let key = key.and_then(|key| Ed25519PrivateKey::from_pkcs8(key.contents()).ok());
    key.ok_or_else(|| ReleaseError::NoKey { path: path.to_owned() })
}
