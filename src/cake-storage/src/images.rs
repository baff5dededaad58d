//! The images of a node: a directory of files, each described by a `NAME.toml` beside it.

use cake_types::{ByteSize, Firmware, GuestOs, ImageFormat, ImageId, ImageSpec, Name};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Longest description that is read, in bytes.
const DESCRIPTION_MAX: u64 = 64 * 1024;

/// An image as its description says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    pub id: ImageId,
    pub name: Name,
    pub spec: ImageSpec,
    pub path: PathBuf,
}

/// Tells one state of a file from another without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileMark {
    /// Bytes that it takes on the disk.
    pub stored: u64,
    pub size: u64,
    pub modified_ns: i128,
    pub inode: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    #[error("cannot read {path}")]
    Io {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{path} is not an image's description")]
    Description {
        path: PathBuf,
        #[source]
        source: toml::de::Error,
    },
    #[error("{path} names a file outside of its directory")]
    Outside { path: PathBuf },
    #[error("{path} is longer than a description may be")]
    TooLong { path: PathBuf },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    name: Name,
    file: String,
    format: ImageFormat,
    firmware: Vec<Firmware>,
    min_memory: ByteSize,
    virtual_size: ByteSize,
    os: GuestOs,
    sha256: String,
    #[serde(default)]
    built_in: bool,
    title: BTreeMap<String, String>,
}

/// An image's id is made from its name (UUIDv8, RFC 9562 §5.8), so that every node and every restart gives the same one.
pub fn image_id(name: &Name) -> ImageId {
    let digest = Sha256::new().chain_update("cake image\0").chain_update(name.as_str()).finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    ImageId(uuid::Builder::from_custom_bytes(bytes).into_uuid())
}

/// All images of a directory, by name, and what is wrong with the other descriptions.
pub fn read(folder: &Path) -> io::Result<(Vec<Image>, Vec<ImageError>)> {
    let (mut images, mut errors) = (Vec::new(), Vec::new());
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if hidden || path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        match describe(&path) {
            Ok(image) => images.push(image),
            Err(error) => errors.push(error),
        }
    }
    images.sort_by(|a, b| a.name.cmp(&b.name));
    images.dedup_by(|a, b| a.id == b.id);
    Ok((images, errors))
}

fn describe(path: &Path) -> Result<Image, ImageError> {
    let io = |source| ImageError::Io { path: path.to_owned(), source };
    if std::fs::metadata(path).map_err(io)?.len() > DESCRIPTION_MAX {
        return Err(ImageError::TooLong { path: path.to_owned() });
    }
    described(&std::fs::read_to_string(path).map_err(io)?, path)
}

/// What the text of a description at `path` means: the fuzz target.
pub fn described(text: &str, path: &Path) -> Result<Image, ImageError> {
    let description: Description =
        toml::from_str(text).map_err(|source| ImageError::Description { path: path.to_owned(), source })?;
    let Description { name, file, format, firmware, min_memory, virtual_size, os, sha256, built_in, title } =
        description;
    let folder = path.parent().unwrap_or(Path::new("/"));
    if file.contains('/') || file.starts_with('.') || file.is_empty() {
        return Err(ImageError::Outside { path: path.to_owned() });
    }
    let spec = ImageSpec { title, format, os, firmware, min_memory, virtual_size, sha256, built_in };
    Ok(Image { id: image_id(&name), name, spec, path: folder.join(file) })
}

/// What the file is like now.
pub fn mark(path: &Path) -> io::Result<FileMark> {
    let metadata = std::fs::symlink_metadata(path)?;
    if !metadata.is_file() {
        return Err(io::Error::other("not a plain file"));
    }
    Ok(FileMark {
        stored: metadata.blocks() * 512,
        size: metadata.len(),
        modified_ns: i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec()),
        inode: metadata.ino(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TINY: &str = r#"
name = "tiny"
file = "tiny.raw"
format = "raw"
firmware = ["bios", "uefi"]
min_memory = 134217728
virtual_size = 67108864
os = "linux"
sha256 = "00"
built_in = true
[title]
en = "Tiny"
"#;

    #[test]
    fn a_directory_of_images() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("tiny.toml"), TINY).unwrap();
        std::fs::write(folder.path().join("outside.toml"), TINY.replace("tiny.raw", "../tiny.raw")).unwrap();
        std::fs::write(folder.path().join("odd.toml"), "name = 7").unwrap();
        std::fs::write(folder.path().join("readme.txt"), "").unwrap();
        let (images, errors) = read(folder.path()).unwrap();
        assert_eq!((images.len(), errors.len()), (1, 2), "{errors:?}");
        assert_eq!(images[0].id, image_id(&"tiny".parse().unwrap()));
        assert_eq!(images[0].spec.firmware, [Firmware::Bios, Firmware::Uefi]);
        assert!(mark(&images[0].path).is_err());
    }
}
