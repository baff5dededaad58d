//! Where each part of the new file comes from.

use super::BlockIndex;
use std::ops::Range;

/// The longest run that is fetched at once, in bytes: as long as a slow line needs for a few seconds.
const RUN: u64 = 4 << 20;

/// A part of the new file, as a range of the index's blocks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// A block that is on this machine.
    Copy(usize),
    /// Neighbours that are fetched with one request.
    Fetch(Range<usize>),
}

/// Puts the blocks that are not `here`, by their number, into runs.
pub fn plan(index: &BlockIndex, here: impl Fn(usize) -> bool) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut run = 0;
    for (at, block) in index.blocks().iter().enumerate() {
        let length = u64::from(block.length);
        if here(at) {
            pieces.push(Piece::Copy(at));
            continue;
        }
        match pieces.last_mut() {
            Some(Piece::Fetch(blocks)) if run + length <= RUN => (blocks.end, run) = (at + 1, run + length),
            _ => {
                pieces.push(Piece::Fetch(at..at + 1));
                run = length;
            }
        }
    }
    pieces
}
