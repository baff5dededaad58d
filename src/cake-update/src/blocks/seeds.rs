//! Chunks that are on this machine already.

use super::{Block, BlockIndex, BlocksError};
use crate::{Control, SlotError, Stage};
use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// The chunks of a file, by their hash. The file may be anything: what is copied from it is compared again.
#[derive(Debug, Default)]
pub struct Seeds {
    file: Option<File>,
    chunks: HashMap<[u8; 32], Block>,
}

impl Seeds {
    /// Reads all of a file, mostly the slot that runs.
    pub fn of(path: &Path, control: &Control) -> Result<Self, SlotError> {
        let file = File::open(path).map_err(SlotError::io("open", path))?;
        let size = file.metadata().map_err(SlotError::io("ask about", path))?.len();
        control.stage(Stage::Indexing, size)?;
        let index = BlockIndex::cut(&file, |bytes| Ok(control.done(bytes)?));
        let index = index.map_err(|error: Stopped| match error {
            Stopped::Cancelled(cancelled) => SlotError::Cancelled(cancelled),
            Stopped::Blocks(BlocksError::Read(source)) => SlotError::io("read", path)(source),
            Stopped::Blocks(other) => SlotError::io("read", path)(std::io::Error::other(other)),
        })?;
        Ok(Self { file: Some(file), chunks: by_hash(&index) })
    }

    /// For plans without a file.
    pub fn pure(index: &BlockIndex) -> Self {
        Self { file: None, chunks: by_hash(index) }
    }

    pub fn has(&self, block: &Block) -> bool {
        self.chunks.get(&block.sha256).is_some_and(|chunk| chunk.length == block.length)
    }

    /// Reads a chunk of this hash; `false` where there is none or the file cannot be read there any more.
    pub(crate) fn read(&self, block: &Block, bytes: &mut Vec<u8>) -> bool {
        let (Some(file), Some(chunk)) = (&self.file, self.chunks.get(&block.sha256)) else { return false };
        bytes.resize(block.length as usize, 0);
        chunk.length == block.length && file.read_exact_at(bytes, chunk.offset).is_ok()
    }
}

fn by_hash(index: &BlockIndex) -> HashMap<[u8; 32], Block> {
    index.blocks().iter().map(|block| (block.sha256, block.clone())).collect()
}

#[derive(Debug)]
enum Stopped {
    Blocks(BlocksError),
    Cancelled(crate::Cancelled),
}

impl From<BlocksError> for Stopped {
    fn from(error: BlocksError) -> Self {
        Self::Blocks(error)
    }
}

impl From<crate::Cancelled> for Stopped {
    fn from(cancelled: crate::Cancelled) -> Self {
        Self::Cancelled(cancelled)
    }
}
