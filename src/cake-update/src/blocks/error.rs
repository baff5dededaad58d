//! What can go wrong with block indexes.

use std::io;

#[derive(Debug, thiserror::Error)]
pub enum BlocksError {
    #[error(
        "this is not a block index of a kind that is known: update to an older version first, or have the release made anew"
    )]
    UnknownKind,
    #[error("the block index is damaged ({0}): fetch it again")]
    Damaged(&'static str),
    #[error("a file of {0} bytes is too large for a FAT file system")]
    TooLarge(u64),
    #[error("cannot read what is to be cut into blocks")]
    Read(#[from] io::Error),
}
