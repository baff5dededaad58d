//! A new file from what is there and what has changed.
//!
//! ```text
//!  old slot ─ chunks ─► Seeds ─┐
//!                              ├─ plan (pure) ─► per chunk: Copy from the old slot, or Fetch a run of neighbours
//!  cake_V.blocks ─► BlockIndex ┘
//! ```
//!
//! Chunks end where the content says so (FastCDC), so a byte that is put in moves no later chunk's end.

mod error;
mod index;
mod plan;
mod seeds;

pub use error::BlocksError;
pub use index::{Block, BlockIndex};
pub use plan::{Piece, plan};
pub use seeds::Seeds;

#[cfg(test)]
mod tests;

/// The size in bytes that a chunk has at least, on average and at most.
const LEAST: usize = 16 << 10;
const AVERAGE: usize = 64 << 10;
const MOST: usize = 256 << 10;

/// Whatever FAT can hold.
pub const LARGEST_IMAGE: u64 = u32::MAX as u64;
/// A block index is never longer, in bytes.
pub const LARGEST_INDEX: u64 = 16 << 20;
