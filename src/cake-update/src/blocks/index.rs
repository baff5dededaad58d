//! The block index of a file: which chunks it consists of, in their order.
//!
//! Numbers are little-endian: 8 bytes of magic, the size of the file (u64), the number of chunks (u32), then each chunk: its length
//! (u32) and its SHA-256.

use super::{AVERAGE, BlocksError, LARGEST_IMAGE, LEAST, MOST};
use fastcdc::v2020::{Error as Cut, StreamCDC};
use sha2::{Digest, Sha256};
use std::io::{self, Read};

const MAGIC: &[u8; 8] = b"cakeblk1";
const HEAD: usize = 8 + 8 + 4;
const ENTRY: usize = 4 + 32;

/// A chunk of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// Where it begins, in bytes.
    pub offset: u64,
    /// Bytes; never 0.
    pub length: u32,
    pub sha256: [u8; 32],
}

impl Block {
    /// Whether these bytes are this chunk.
    pub fn is(&self, bytes: &[u8]) -> bool {
        <[u8; 32]>::from(Sha256::digest(bytes)) == self.sha256
    }
}

/// All chunks of a file, without gaps.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BlockIndex {
    blocks: Vec<Block>,
}

impl BlockIndex {
    /// Cuts a file into chunks. `each` is called after each, with its length; what it fails with ends it.
    pub fn cut<E: From<BlocksError>>(source: impl Read, mut each: impl FnMut(u64) -> Result<(), E>) -> Result<Self, E> {
        let mut index = Self::default();
        for chunk in StreamCDC::new(source, LEAST, AVERAGE, MOST) {
            let chunk = chunk.map_err(read_error)?;
            let length = chunk.length as u32;
            index.blocks.push(Block { offset: chunk.offset, length, sha256: Sha256::digest(&chunk.data).into() });
            if index.size() > LARGEST_IMAGE {
                return Err(BlocksError::TooLarge(index.size()).into());
            }
            each(u64::from(length))?;
        }
        Ok(index)
    }

    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// Bytes of the file.
    pub fn size(&self) -> u64 {
        self.blocks.last().map_or(0, |last| last.offset + u64::from(last.length))
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEAD + ENTRY * self.blocks.len());
        bytes.extend(MAGIC);
        bytes.extend(self.size().to_le_bytes());
        bytes.extend((self.blocks.len() as u32).to_le_bytes());
        for block in &self.blocks {
            bytes.extend(block.length.to_le_bytes());
            bytes.extend(block.sha256);
        }
        bytes
    }

    /// Reads what [`BlockIndex::encode`] wrote, and nothing else: it takes no more memory than the bytes themselves ask for.
    pub fn decode(bytes: &[u8]) -> Result<Self, BlocksError> {
        let (magic, rest) = bytes.split_first_chunk().ok_or(BlocksError::UnknownKind)?;
        if magic != MAGIC {
            return Err(BlocksError::UnknownKind);
        }
        let (size, rest) = rest.split_first_chunk().ok_or(BlocksError::Damaged("it is cut off"))?;
        let (count, mut rest) = rest.split_first_chunk().ok_or(BlocksError::Damaged("it is cut off"))?;
        if rest.len() as u64 != u64::from(u32::from_le_bytes(*count)) * ENTRY as u64 {
            return Err(BlocksError::Damaged("it has not as many blocks as it says"));
        }
        let (mut blocks, mut offset) = (Vec::with_capacity(rest.len() / ENTRY), 0);
        while let Some((length, after)) = rest.split_first_chunk() {
            let (sha256, after) = after.split_first_chunk().ok_or(BlocksError::Damaged("it is cut off"))?;
            let length = u32::from_le_bytes(*length);
            if length == 0 || length as usize > MOST {
                return Err(BlocksError::Damaged("a block has an impossible size"));
            }
            blocks.push(Block { offset, length, sha256: *sha256 });
            (offset, rest) = (offset + u64::from(length), after);
        }
        match u64::from_le_bytes(*size) {
            size if size != offset => Err(BlocksError::Damaged("its blocks are not as long as the file")),
            size if size > LARGEST_IMAGE => Err(BlocksError::TooLarge(size)),
            _ => Ok(Self { blocks }),
        }
    }
}

fn read_error(error: Cut) -> BlocksError {
    BlocksError::Read(match error {
        Cut::IoError(error) => error,
        other => io::Error::other(other),
    })
}
