//! A slot that is being written.

use super::{Esp, SlotError, SlotName};
use crate::{Control, Stage, Version};
use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// How often a new slot is tried before the machine goes back.
const TRIES: u32 = 3;
const BUFFER: usize = 1 << 20;

/// What a slot's file must be when it is whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    pub version: Version,
    /// Bytes.
    pub size: u64,
    pub sha256: [u8; 32],
}

/// A file that is not booted yet, `EFI/Linux/.cake_VERSION.part`.
#[derive(Debug)]
pub struct Part {
    image: Image,
    path: PathBuf,
    file: File,
}

impl Part {
    /// Opens it, with what an earlier attempt left in it. Fails with [`SlotError::NoSpace`] where the rest would not fit.
    pub fn open(esp: &Esp, image: &Image) -> Result<Self, SlotError> {
        let (folder, path) = (esp.folder(), esp.part_path(&image.version));
        fs::create_dir_all(&folder).map_err(SlotError::io("make", &folder))?;
        if !is_readable(&path) {
            tracing::warn!(part = %path.display(), "what an earlier attempt left can't be read and is written anew");
            fs::remove_file(&path).map_err(SlotError::io("remove", &path))?;
            esp.sync_folder()?;
        }
        let mut options = File::options();
        let file = options.read(true).write(true).create(true).truncate(false).open(&path);
        let file = file.map_err(SlotError::io("open", &path))?;
        let part = Self { image: image.clone(), path, file };
        let there = part.length()?;
        let (needed, free) = (image.size.saturating_sub(there), esp.free()?);
        if needed > free {
            return Err(part.give_up(SlotError::NoSpace { path: esp.root().to_owned(), needed, free }));
        }
        Ok(part)
    }

    fn length(&self) -> Result<u64, SlotError> {
        Ok(self.file.metadata().map_err(SlotError::io("ask about", &self.path))?.len())
    }

    /// A disk that is full is of no use to anybody: what did not fit goes.
    fn give_up(&self, error: SlotError) -> SlotError {
        let _ = fs::remove_file(&self.path);
        error
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads what an earlier attempt may have left there; `false` where it is too short.
    pub fn read_at(&self, bytes: &mut [u8], offset: u64) -> Result<bool, SlotError> {
        match self.file.read_exact_at(bytes, offset) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
            read => read.map(|()| true).map_err(SlotError::io("read", &self.path)),
        }
    }

    pub fn write_at(&self, bytes: &[u8], offset: u64) -> Result<(), SlotError> {
        self.file.write_all_at(bytes, offset).map_err(|source| self.unwritten(source, offset))
    }

    /// Somebody else may fill the disk meanwhile.
    pub(super) fn unwritten(&self, source: io::Error, offset: u64) -> SlotError {
        match source.kind() {
            io::ErrorKind::StorageFull => {
                let needed = self.image.size.saturating_sub(offset);
                self.give_up(SlotError::NoSpace { path: self.path.clone(), needed, free: 0 })
            }
            _ => SlotError::io("write", &self.path)(source),
        }
    }

    /// Brings it to the disk, reads it back from there and compares. A part that is not what it must be is emptied: the next attempt
    /// starts anew.
    pub fn verify(&self, control: &Control) -> Result<(), SlotError> {
        self.file.set_len(self.image.size).map_err(SlotError::io("cut", &self.path))?;
        self.file.sync_all().map_err(SlotError::io("write", &self.path))?;
        if is_whole(&self.path, &self.image, control)? {
            return Ok(());
        }
        self.file.set_len(0).map_err(SlotError::io("cut", &self.path))?;
        Err(SlotError::Spoilt { path: self.path.clone() })
    }
}

/// Can all of it be read? A power cut may have kept its length and not its clusters: FAT writes them apart. Its last byte is behind all of
/// them. One that is not there is none that can't be read.
fn is_readable(path: &Path) -> bool {
    let Ok(file) = File::open(path) else { return true };
    let length = file.metadata().map_or(0, |told| told.len());
    length == 0 || file.read_exact_at(&mut [0], length - 1).is_ok()
}

/// Whether a file is the image, as the disk has it and not the cache.
pub(super) fn is_whole(path: &Path, image: &Image, control: &Control) -> Result<bool, SlotError> {
    control.stage(Stage::Verifying, image.size)?;
    let mut file = File::open(path).map_err(SlotError::io("open", path))?;
    // Only advice: where it is not taken, the cache is compared.
    let _ = posix_fadvise(&file, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED);
    if file.metadata().map_err(SlotError::io("ask about", path))?.len() != image.size {
        return Ok(false);
    }
    let (mut hash, mut buffer) = (Sha256::new(), vec![0; BUFFER]);
    loop {
        let read = file.read(&mut buffer).map_err(SlotError::io("read", path))?;
        if read == 0 {
            return Ok(<[u8; 32]>::from(hash.finalize()) == image.sha256);
        }
        hash.update(&buffer[..read]);
        control.done(read as u64)?;
    }
}

/// The slot of this image on an ESP, if it is there and whole. One that is there and not whole is a disk's fault: it goes.
pub(crate) fn finished(esp: &Esp, image: &Image, control: &Control) -> Result<Option<SlotName>, SlotError> {
    let Some(slot) = esp.find(&image.version)? else { return Ok(None) };
    let path = esp.path(&slot);
    if is_whole(&path, image, control)? {
        return Ok(Some(slot));
    }
    tracing::warn!(slot = %slot, "a slot is not what its version must be and is written anew");
    fs::remove_file(&path).map_err(SlotError::io("remove", &path))?;
    esp.sync_folder()?;
    Ok(None)
}

/// Writes a slot anew, from a whole copy of it on another disk. What was there goes first: an ESP may have no room for both.
pub fn replace(esp: &Esp, slot: &SlotName, whole: &Path, control: &Control) -> Result<(), SlotError> {
    let mut source = File::open(whole).map_err(SlotError::io("open", whole))?;
    let (size, sha256) = measured(&mut source, whole)?;
    let path = esp.path(slot);
    fs::remove_file(&path).map_err(SlotError::io("remove", &path))?;
    let part = Part::open(esp, &Image { version: slot.version.clone(), size, sha256 })?;
    control.stage(Stage::Mirroring, size)?;
    let (mut at, mut buffer) = (0, vec![0; BUFFER]);
    while at < size {
        let piece = usize::try_from(size - at).map_or(BUFFER, |left| left.min(BUFFER));
        source.read_exact_at(&mut buffer[..piece], at).map_err(SlotError::io("read", whole))?;
        part.write_at(&buffer[..piece], at)?;
        at += piece as u64;
        control.done(piece as u64)?;
    }
    part.verify(control)?;
    fs::rename(part.path(), &path).map_err(SlotError::io("rename", part.path()))?;
    esp.sync_renamed(slot)
}

/// Bytes of a file, and their SHA-256.
fn measured(file: &mut File, path: &Path) -> Result<(u64, [u8; 32]), SlotError> {
    let (mut hash, mut buffer, mut size) = (Sha256::new(), vec![0; BUFFER], 0);
    loop {
        let read = file.read(&mut buffer).map_err(SlotError::io("read", path))?;
        if read == 0 {
            return Ok((size, hash.finalize().into()));
        }
        hash.update(&buffer[..read]);
        size += read as u64;
    }
}

/// Makes a verified part a slot that is tried at the next start.
pub fn publish(esp: &Esp, part: &Part, control: &Control) -> Result<SlotName, SlotError> {
    control.look()?;
    let slot = SlotName::fresh(&part.image.version, TRIES);
    fs::rename(&part.path, esp.path(&slot)).map_err(SlotError::io("rename", &part.path))?;
    control.look()?;
    esp.sync_renamed(&slot)?;
    Ok(slot)
}
