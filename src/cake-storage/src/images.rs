//! The images of a node: a directory of files, each described by a `NAME.toml` beside it.

use cake_types::{ByteSize, Firmware, GuestOs, ImageFormat, ImageId, ImageMachine, ImageSpec, Name};
use serde::{Deserialize, Serialize};
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
    /// The files of its further disks, as many as [`ImageSpec::more_disks`].
    pub more: Vec<PathBuf>,
    /// The file was made from the one that was brought, so it has another checksum.
    pub converted: bool,
}

impl Image {
    /// The files of all its disks, in their order.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        std::iter::once(&self.path).chain(&self.more).map(PathBuf::as_path)
    }

    /// What its files are like now.
    pub fn marks(&self) -> io::Result<Vec<FileMark>> {
        self.files().map(mark).collect()
    }
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

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    /// Of an image that was imported; others are known by their names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<ImageId>,
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
    #[serde(default)]
    converted: bool,
    title: BTreeMap<String, String>,
    /// What a person's VM was elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    machine: Option<ImageMachine>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    more: Vec<Further>,
}

/// A disk behind the first.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Further {
    file: String,
    virtual_size: ByteSize,
}

/// An image's id is made from its name (UUIDv8, RFC 9562 §5.8), so that every node and every restart gives the same one.
pub fn image_id(name: &Name) -> ImageId {
    let digest = Sha256::new().chain_update("cake image\0").chain_update(name.as_str()).finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    ImageId(uuid::Builder::from_custom_bytes(bytes).into_uuid())
}

/// The images of all these directories; the first of two with the same id counts. A directory that is not there has none.
pub fn read_all(folders: &[PathBuf]) -> io::Result<(Vec<Image>, Vec<ImageError>)> {
    let (mut images, mut errors) = (Vec::<Image>::new(), Vec::new());
    for folder in folders {
        match read(folder) {
            Ok((found, wrong)) => {
                images.extend(found);
                errors.extend(wrong);
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    let mut seen = std::collections::HashSet::new();
    images.retain(|image| seen.insert(image.id));
    Ok((images, errors))
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
    let Description {
        id,
        name,
        file,
        format,
        firmware,
        min_memory,
        virtual_size,
        os,
        sha256,
        built_in,
        converted,
        title,
        machine,
        more,
    } = description;
    let folder = path.parent().unwrap_or(Path::new("/"));
    let beside = |file: &str| match file.contains('/') || file.starts_with('.') || file.is_empty() {
        true => Err(ImageError::Outside { path: path.to_owned() }),
        false => Ok(folder.join(file)),
    };
    let file = beside(&file)?;
    let more_disks = more.iter().map(|disk| disk.virtual_size).collect();
    let more = more.iter().map(|disk| beside(&disk.file)).collect::<Result<_, _>>()?;
    let spec =
        ImageSpec { title, format, os, firmware, min_memory, virtual_size, sha256, built_in, more_disks, machine };
    Ok(Image { id: id.unwrap_or_else(|| image_id(&name)), name, spec, path: file, more, converted })
}

/// The text that [`described`] reads back as this image.
fn describing(image: &Image) -> io::Result<String> {
    let Image { id, name, spec, path, more, converted } = image.clone();
    let ImageSpec { title, format, os, firmware, min_memory, virtual_size, sha256, built_in, more_disks, machine } =
        spec;
    let called = |path: &Path| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.map(str::to_owned).ok_or_else(|| io::Error::from(io::ErrorKind::InvalidFilename))
    };
    let further =
        more.iter().zip(more_disks).map(|(path, virtual_size)| Ok(Further { file: called(path)?, virtual_size }));
    let description = Description {
        id: Some(id),
        name,
        file: called(&path)?,
        format,
        firmware,
        min_memory,
        virtual_size,
        os,
        sha256,
        built_in,
        converted,
        title,
        machine,
        more: further.collect::<io::Result<_>>()?,
    };
    toml::to_string(&description).map_err(io::Error::other)
}

/// The description of an image that was imported: where it is, or would be.
pub fn description_of(folder: &Path, id: ImageId) -> PathBuf {
    folder.join(format!("{id}.toml"))
}

/// From when this returns its file is an image, also after a power cut. `image.path` must lie in `folder` and be on the disk.
pub fn publish(folder: &Path, image: &Image) -> io::Result<()> {
    let path = description_of(folder, image.id);
    let new = path.with_extension("new");
    let file = std::fs::File::create(&new)?;
    io::Write::write_all(&mut &file, describing(image)?.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&new, &path)?;
    std::fs::File::open(folder)?.sync_all()
}

/// Whether an import has become an image.
pub fn is_published(folder: &Path, id: ImageId) -> bool {
    description_of(folder, id).exists()
}

/// Takes an imported image away: first what makes it one, then its file. What is not there is gone already.
pub fn withdraw(folder: &Path, id: ImageId) -> io::Result<()> {
    let prefix = id.to_string();
    let gone = |path: &Path| match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    };
    gone(&description_of(folder, id))?;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry
            .file_name()
            .to_str()
            .and_then(|name| name.strip_prefix(&prefix))
            .is_some_and(|rest| rest.starts_with('.'))
        {
            gone(&entry.path())?;
        }
    }
    std::fs::File::open(folder)?.sync_all()
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

    #[test]
    fn an_image_of_several_disks_is_read_as_it_was_written_and_goes_whole() {
        let folder = tempfile::tempdir().unwrap();
        let mut image = described(TINY, &folder.path().join("x.toml")).unwrap();
        image.id = ImageId::now();
        let file = |ending: &str| folder.path().join(format!("{}.{ending}", image.id));
        (image.path, image.more) = (file("raw"), vec![file("1.raw"), file("2.raw")]);
        image.spec.more_disks = vec![ByteSize::mib(8), ByteSize::gib(1)];
        image.spec.machine = Some(ImageMachine {
            name: "郵件 1".parse().ok(),
            cpus: 2,
            memory: ByteSize::gib(4),
            firmware: Firmware::Uefi,
            secure_boot: true,
            tpm: false,
            everyday: true,
            nics: 1,
        });
        image.files().for_each(|path| std::fs::write(path, [7; 512]).unwrap());
        publish(folder.path(), &image).unwrap();
        let (images, errors) = read(folder.path()).unwrap();
        assert_eq!((&images[..], errors.len()), (&[image.clone()][..], 0), "{errors:?}");
        assert_eq!(images[0].marks().unwrap().len(), 3);
        assert_eq!(images[0].spec.all_disks(), ByteSize(image.spec.virtual_size.bytes() + (8 << 20) + (1 << 30)));
        withdraw(folder.path(), image.id).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        let outside = format!("{TINY}[[more]]\nfile = \"../x\"\nvirtual_size = 1\n");
        assert!(matches!(described(&outside, Path::new("/a/x.toml")), Err(ImageError::Outside { .. })));
    }
}
