//! An update from asking to the new slot.

use crate::blocks::{BlockIndex, BlocksError, LARGEST_INDEX, Piece, Seeds, plan};
use crate::repository::{self, Anchor, Memory, Offer, Release, RepositoryError, Target};
use crate::slots::{self, Esp, Part, SlotError, SlotName};
use crate::{Cancelled, Control, Source, SourceError, Stage, Version};
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

#[derive(Debug, thiserror::Error)]
pub enum UpdateError {
    #[error("there is no system disk to write to")]
    NoDisk,
    #[error("version {0} runs already")]
    Running(Version),
    #[error("version {0} is not among the releases of this repository")]
    NotOffered(Version),
    #[error("version {0} was tried here and did not start: take another one, or remove its slot to try it again")]
    FailedBefore(Version),
    #[error("{0} is not what was signed: get the repository again")]
    Tampered(String),
    #[error(transparent)]
    Repository(#[from] RepositoryError),
    #[error(transparent)]
    Slot(#[from] SlotError),
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error(transparent)]
    Blocks(#[from] BlocksError),
    #[error(transparent)]
    Cancelled(Cancelled),
}

impl From<Cancelled> for UpdateError {
    fn from(cancelled: Cancelled) -> Self {
        Self::Cancelled(cancelled)
    }
}

impl UpdateError {
    /// Somebody said stop, wherever it was heard.
    pub fn is_cancelled(&self) -> bool {
        matches!(
            self,
            Self::Cancelled(_)
                | Self::Slot(SlotError::Cancelled(_))
                | Self::Source(SourceError::Cancelled(_))
                | Self::Repository(RepositoryError::Cancelled(_) | RepositoryError::Source(SourceError::Cancelled(_)))
        )
    }
}

/// What an update did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// The new slot on each ESP, in their order.
    pub slots: Vec<SlotName>,
    /// Bytes that came from the repository.
    pub fetched: u64,
    /// Bytes that were on this server already.
    pub copied: u64,
}

/// Brings releases to the system disks of one server. All calls block.
#[derive(Debug, Clone)]
pub struct Updater {
    pub anchor: Anchor,
    pub memory: Memory,
    /// The ESPs of all system disks that work; each gets the same file.
    pub esps: Vec<Esp>,
    /// What runs now; `None` on a machine whose firmware came over the network.
    pub running: Option<Version>,
}

impl Updater {
    /// Asks a repository what it has.
    pub fn check(&self, source: &dyn Source, now: SystemTime, control: &Control) -> Result<Offer, UpdateError> {
        Ok(repository::check(&self.anchor, &self.memory, source, now, control)?)
    }

    /// Installs a version of an offer: it is tried at the next start. Whatever stops it, nothing half-written can be booted, and the
    /// same call again goes on with what is there. On mirrored disks a slot appears once all of them have the whole file.
    pub fn apply(
        &self,
        source: &dyn Source,
        offer: &Offer,
        version: &Version,
        control: &Control,
    ) -> Result<Applied, UpdateError> {
        let release = offer.releases.iter().find(|release| release.version == *version);
        let release = release.ok_or_else(|| UpdateError::NotOffered(version.clone()))?;
        self.may_install(offer, release)?;
        let mut work = Work { updater: self, source, offer, release, control, fetched: 0, copied: 0 };
        let index = work.block_index()?;
        let slots = work.write(&index)?;
        control.stage(Stage::Finished, 0)?;
        Ok(Applied { slots, fetched: work.fetched, copied: work.copied })
    }

    fn may_install(&self, offer: &Offer, release: &Release) -> Result<(), UpdateError> {
        offer.policy.allows(&release.version)?;
        if self.running.as_ref() == Some(&release.version) {
            return Err(UpdateError::Running(release.version.clone()));
        }
        if self.esps.is_empty() {
            return Err(UpdateError::NoDisk);
        }
        for esp in &self.esps {
            if esp.find(&release.version)?.is_some_and(|slot| slot.is_bad()) {
                return Err(UpdateError::FailedBefore(release.version.clone()));
            }
        }
        Ok(())
    }

    /// The file on this server that a new version is most alike: the running slot, or else the newest that stays. One that is removed
    /// while it is read would keep its room.
    fn seed(&self, new: &Version) -> Result<Option<PathBuf>, SlotError> {
        for esp in &self.esps {
            let slots = esp.slots()?;
            let gone = slots::removable(&slots, self.running.as_ref(), new);
            let mut stay = slots.iter().filter(|slot| !gone.contains(slot) && slot.version != *new);
            let running = stay.clone().find(|slot| self.running.as_ref() == Some(&slot.version));
            if let Some(slot) = running.or_else(|| stay.next_back()) {
                return Ok(Some(esp.path(slot)));
            }
        }
        Ok(None)
    }
}

/// One update on its way.
struct Work<'a> {
    updater: &'a Updater,
    source: &'a dyn Source,
    offer: &'a Offer,
    release: &'a Release,
    control: &'a Control,
    fetched: u64,
    copied: u64,
}

/// Where the new file is on an ESP.
enum Place {
    Slot(SlotName),
    Part(Part),
}

impl Work<'_> {
    fn path(&self, target: &Target) -> String {
        match self.offer.hashed_names {
            true => format!("targets/{}.{}", HEXLOWER.encode(&target.sha256), target.name),
            false => format!("targets/{}", target.name),
        }
    }

    fn block_index(&mut self) -> Result<BlockIndex, UpdateError> {
        let path = self.path(&self.release.blocks);
        let bytes = self.source.read(&path, LARGEST_INDEX, self.control)?;
        let bytes = bytes.ok_or(SourceError::Missing { path })?;
        let same = <[u8; 32]>::from(Sha256::digest(&bytes)) == self.release.blocks.sha256;
        if !same || bytes.len() as u64 != self.release.blocks.size {
            return Err(UpdateError::Tampered(self.release.blocks.name.clone()));
        }
        self.count(bytes.len());
        let index = BlockIndex::decode(&bytes)?;
        if index.size() != self.release.image.size {
            return Err(BlocksError::Damaged("it is of another file").into());
        }
        Ok(index)
    }

    fn count(&mut self, bytes: usize) {
        self.fetched += bytes as u64;
        self.control.fetched(bytes as u64);
    }

    /// Puts the file together on the first ESP, copies it to the others, and makes slots of them all.
    fn write(&mut self, index: &BlockIndex) -> Result<Vec<SlotName>, UpdateError> {
        let image = self.release.slot_image();
        let mut places: Vec<Place> = Vec::new();
        let mut whole: Option<PathBuf> = None;
        for esp in &self.updater.esps {
            let place = match slots::finished(esp, &image, self.control)? {
                Some(slot) => Place::Slot(slot),
                None => Place::Part(self.part(esp, index, whole.as_deref())?),
            };
            whole.get_or_insert(match &place {
                Place::Slot(slot) => esp.path(slot),
                Place::Part(part) => part.path().to_owned(),
            });
            places.push(place);
        }
        let published = self.updater.esps.iter().zip(places).map(|(esp, place)| match place {
            Place::Slot(slot) => Ok(slot),
            Place::Part(part) => Ok(slots::publish(esp, &part, self.control)?),
        });
        published.collect()
    }

    /// A part that has been written and read back: from a whole file, if there is one already.
    fn part(&mut self, esp: &Esp, index: &BlockIndex, whole: Option<&Path>) -> Result<Part, UpdateError> {
        let seeds = match whole {
            Some(_) => Seeds::default(),
            None => self.seeds()?,
        };
        esp.make_room(self.updater.running.as_ref(), &self.release.version)?;
        let part = Part::open(esp, &self.release.slot_image())?;
        match whole {
            Some(whole) => self.mirror(index, whole, &part)?,
            None => self.assemble(index, &seeds, &part)?,
        }
        part.verify(self.control)?;
        Ok(part)
    }

    /// The chunks of the slot that is there. One that cannot be read costs a longer download, nothing else.
    fn seeds(&self) -> Result<Seeds, UpdateError> {
        let Some(path) = self.updater.seed(&self.release.version)? else {
            return Ok(Seeds::default());
        };
        match Seeds::of(&path, self.control) {
            Err(SlotError::Cancelled(cancelled)) => Err(cancelled.into()),
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "the slot cannot be read: everything is fetched");
                Ok(Seeds::default())
            }
            Ok(seeds) => Ok(seeds),
        }
    }

    /// What an earlier attempt left in the part, what the old slot has, and from the repository only the rest.
    fn assemble(&mut self, index: &BlockIndex, seeds: &Seeds, part: &Part) -> Result<(), UpdateError> {
        self.control.stage(Stage::Assembling, index.size())?;
        let there = self.already(index, part)?;
        for piece in plan(index, |at| there[at] || seeds.has(&index.blocks()[at])) {
            match piece {
                Piece::Copy(at) if there[at] => {
                    let length = u64::from(index.blocks()[at].length);
                    self.copied += length;
                    self.control.done(length)?;
                }
                Piece::Copy(at) => self.copy(index, at, seeds, part)?,
                Piece::Fetch(blocks) => self.fetch(index, blocks, part)?,
            }
        }
        Ok(())
    }

    /// Which blocks the part has already.
    fn already(&self, index: &BlockIndex, part: &Part) -> Result<Vec<bool>, UpdateError> {
        let mut buffer = Vec::new();
        let mut there = Vec::with_capacity(index.blocks().len());
        for block in index.blocks() {
            self.control.look()?;
            buffer.resize(block.length as usize, 0);
            there.push(part.read_at(&mut buffer, block.offset)? && block.is(&buffer));
        }
        Ok(there)
    }

    fn copy(&mut self, index: &BlockIndex, at: usize, seeds: &Seeds, part: &Part) -> Result<(), UpdateError> {
        let (block, mut buffer) = (&index.blocks()[at], Vec::new());
        // What was there when it was indexed may not be now.
        if !seeds.read(block, &mut buffer) || !block.is(&buffer) {
            return self.fetch(index, at..at + 1, part);
        }
        part.write_at(&buffer, block.offset)?;
        self.copied += u64::from(block.length);
        Ok(self.control.done(u64::from(block.length))?)
    }

    fn fetch(&mut self, index: &BlockIndex, blocks: Range<usize>, part: &Part) -> Result<(), UpdateError> {
        let blocks = &index.blocks()[blocks];
        let (Some(first), Some(last)) = (blocks.first(), blocks.last()) else { return Ok(()) };
        let range = first.offset..last.offset + u64::from(last.length);
        let bytes = self.source.read_range(&self.path(&self.release.image), range, self.control)?;
        self.count(bytes.len());
        for block in blocks {
            let start = (block.offset - first.offset) as usize;
            let bytes = &bytes[start..start + block.length as usize];
            if !block.is(bytes) {
                return Err(UpdateError::Tampered(self.release.image.name.clone()));
            }
            part.write_at(bytes, block.offset)?;
            self.control.done(u64::from(block.length))?;
        }
        Ok(())
    }

    fn mirror(&mut self, index: &BlockIndex, whole: &Path, part: &Part) -> Result<(), UpdateError> {
        self.control.stage(Stage::Mirroring, index.size())?;
        let file = File::open(whole).map_err(SlotError::io("open", whole))?;
        let (there, mut buffer) = (self.already(index, part)?, Vec::new());
        for (block, there) in index.blocks().iter().zip(there) {
            if !there {
                buffer.resize(block.length as usize, 0);
                file.read_exact_at(&mut buffer, block.offset).map_err(SlotError::io("read", whole))?;
                part.write_at(&buffer, block.offset)?;
            }
            self.control.done(u64::from(block.length))?;
        }
        Ok(())
    }
}
