//! What is in a backup: a gzipped tar of the Store, the Journal, and a manifest of both.

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::bundle::BundleError;

pub const STORE: &str = "store.sqlite";
pub const JOURNAL: &str = "journal.sqlite";
const MANIFEST: &str = "manifest.json";
/// Both have bounds far below.
const FILE_MAX: u64 = 4 << 30;
const MANIFEST_MAX: u64 = 64 * 1024;

#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Manifest {
    files: BTreeMap<String, Listed>,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Listed {
    size: u64,
    sha256: String,
}

/// A file that only its owner can read.
pub fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)
}

/// Packs the two files that lie in `folder` into `out`.
pub fn pack(folder: &Path, out: &mut File) -> io::Result<()> {
    let mut manifest = Manifest::default();
    for name in [STORE, JOURNAL] {
        let mut hash = Sha256::new();
        let size = io::copy(&mut File::open(folder.join(name))?, &mut hash)?;
        let sha256 = data_encoding::HEXLOWER.encode(&hash.finalize());
        manifest.files.insert(name.into(), Listed { size, sha256 });
    }
    let mut tar = tar::Builder::new(GzEncoder::new(&mut *out, Compression::fast()));
    let text = serde_json::to_vec_pretty(&manifest)?;
    tar.append_data(&mut head(text.len() as u64), MANIFEST, &text[..])?;
    for (name, Listed { size, .. }) in &manifest.files {
        tar.append_data(&mut head(*size), name, File::open(folder.join(name))?)?;
    }
    tar.into_inner()?.finish()?;
    out.rewind()
}

fn head(size: u64) -> tar::Header {
    let mut head = tar::Header::new_ustar();
    head.set_size(size);
    head.set_mode(0o600);
    head
}

/// Puts the two files of `packed` into `folder`. Only for content that was opened with its key; it is still not believed.
pub fn unpack(packed: impl Read, folder: &Path) -> Result<(), BundleError> {
    let mut archive = tar::Archive::new(GzDecoder::new(packed));
    let (mut told, mut found) = (None, Manifest::default());
    for entry in archive.entries()? {
        let entry = entry?;
        let name = entry.path_bytes().into_owned();
        match name.as_slice() {
            name if name == MANIFEST.as_bytes() && told.is_none() => {
                let mut text = Vec::new();
                entry.take(MANIFEST_MAX).read_to_end(&mut text)?;
                told = Some(serde_json::from_slice::<Manifest>(&text).map_err(|_| BundleError::Damaged)?);
            }
            name => {
                let known = [STORE, JOURNAL].into_iter().find(|known| known.as_bytes() == name);
                let known = known.filter(|name| !found.files.contains_key(*name)).ok_or(BundleError::Damaged)?;
                let listed = take_out(entry, &folder.join(known))?;
                found.files.insert(known.into(), listed);
            }
        }
    }
    let whole = found.files.len() == 2 && told.as_ref() == Some(&found);
    if whole { Ok(()) } else { Err(BundleError::Damaged) }
}

fn take_out(from: impl Read, to: &Path) -> io::Result<Listed> {
    let (mut file, mut hash, mut size) = (create(to)?, Sha256::new(), 0);
    let mut from = from.take(FILE_MAX);
    let mut bytes = vec![0; 64 * 1024];
    loop {
        let read = from.read(&mut bytes)?;
        if read == 0 {
            break;
        }
        file.write_all(&bytes[..read])?;
        hash.update(&bytes[..read]);
        size += read as u64;
    }
    file.sync_all()?;
    Ok(Listed { size, sha256: data_encoding::HEXLOWER.encode(&hash.finalize()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_packed_comes_out() {
        let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::fs::write(from.path().join(STORE), vec![7; 100_000]).unwrap();
        std::fs::write(from.path().join(JOURNAL), "records").unwrap();
        let mut out = create(&from.path().join("packed")).unwrap();
        pack(from.path(), &mut out).unwrap();
        unpack(&out, to.path()).unwrap();
        for name in [STORE, JOURNAL] {
            assert_eq!(std::fs::read(to.path().join(name)).unwrap(), std::fs::read(from.path().join(name)).unwrap());
        }
    }

    #[test]
    fn another_name_another_hash_or_a_file_less_is_refused() {
        let text = |name: &str| format!("{{\"files\":{{\"{name}\":{{\"size\":1,\"sha256\":\"00\"}}}}}}");
        let archive = |files: &[(&str, &str)]| {
            let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
            for (name, content) in files {
                let mut head = head(content.len() as u64);
                // As somebody would who wants out of the folder: the library's own way refuses such names.
                head.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
                head.set_cksum();
                tar.append(&head, content.as_bytes()).unwrap();
            }
            tar.into_inner().unwrap().finish().unwrap()
        };
        for files in [
            &[][..],
            &[(MANIFEST, "{\"files\":{}}")],
            &[(MANIFEST, &text(STORE)), (STORE, "x"), (JOURNAL, "y")],
            &[("../store.sqlite", "x")],
            &[("/etc/passwd", "x")],
            &[(STORE, "x"), (STORE, "x")],
        ] {
            let to = tempfile::tempdir().unwrap();
            let refused = unpack(&archive(files)[..], to.path()).unwrap_err();
            assert!(matches!(refused, BundleError::Damaged), "{files:?}: {refused}");
        }
    }
}
