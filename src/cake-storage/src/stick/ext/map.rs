//! Where the blocks of a file lie: a tree of extents (ext4), or blocks of block numbers (ext2, ext3).

use crate::stick::runs::Runs;
use crate::stick::{Part, Unreadable, le16, le32};

const HEAD: usize = 12;
const ENTRY: usize = 12;
const MARK: u16 = 0xf30a;
const DEPTH_MAX: u16 = 5;
/// An extent of more blocks than this is so many fewer, and nothing was written to it yet.
const UNWRITTEN: u64 = 32_768;

const DIRECT: usize = 12;

struct Mapper<'a> {
    part: &'a Part,
    block: u64,
    runs: Runs,
    /// Blocks of the file that are placed, and how many it has.
    placed: u64,
    blocks: u64,
}

impl Mapper<'_> {
    /// The next blocks of the file; what is behind its end is nobody's.
    fn push(&mut self, at: Option<u64>, count: u64) -> Result<(), Unreadable> {
        let nowhere = || Unreadable::Broken("a file lies nowhere");
        let count = count.min(self.blocks - self.placed);
        let at = at.map(|at| at.checked_mul(self.block).ok_or_else(nowhere)).transpose()?;
        self.placed += count;
        self.runs.push(at, count.checked_mul(self.block).ok_or_else(nowhere)?)
    }

    fn hole_until(&mut self, place: u64) -> Result<(), Unreadable> {
        self.push(None, place.saturating_sub(self.placed))
    }

    /// What no extent names was never written.
    fn ended(mut self) -> Result<Runs, Unreadable> {
        self.hole_until(self.blocks)?;
        Ok(self.runs)
    }

    /// A node of the tree. Depths become smaller and places larger, so it ends.
    fn node(&mut self, node: &[u8], depth: Option<u16>) -> Result<(), Unreadable> {
        let (count, here) = (usize::from(le16(node, 2)), le16(node, 6));
        if le16(node, 0) != MARK || here > DEPTH_MAX || depth.is_some_and(|depth| depth != here) {
            return Err(Unreadable::Broken("a tree of extents is none"));
        }
        for entry in node[HEAD..].chunks_exact(ENTRY).take(count) {
            let place = u64::from(le32(entry, 0));
            if place < self.placed {
                return Err(Unreadable::Broken("extents overlap"));
            }
            if here > 0 {
                let at = u64::from(le16(entry, 8)) << 32 | u64::from(le32(entry, 4));
                let below = self.read(at)?;
                self.node(&below, Some(here - 1))?;
                continue;
            }
            let (length, at) = (u64::from(le16(entry, 4)), u64::from(le16(entry, 6)) << 32 | u64::from(le32(entry, 8)));
            self.hole_until(place)?;
            match length.checked_sub(UNWRITTEN) {
                Some(unwritten @ 1..) => self.push(None, unwritten)?,
                _ => self.push(Some(at), length)?,
            }
        }
        Ok(())
    }

    fn read(&self, block: u64) -> Result<Vec<u8>, Unreadable> {
        let at = block.checked_mul(self.block).ok_or(Unreadable::Broken("a table lies nowhere"))?;
        self.part.vec(at, self.block as usize)
    }

    /// A block, or a block of numbers of such; `level` says how far down the file's own blocks are. 0 is a hole.
    fn indirect(&mut self, block: u64, level: u32) -> Result<(), Unreadable> {
        if self.placed == self.blocks {
            return Ok(());
        }
        let numbers = self.block / 4;
        match (block, level) {
            (0, _) => self.push(None, numbers.saturating_pow(level)),
            (_, 0) => self.push(Some(block), 1),
            _ => {
                let table = self.read(block)?;
                table.chunks_exact(4).try_for_each(|number| self.indirect(le32(number, 0).into(), level - 1))
            }
        }
    }
}

pub fn extents(part: &Part, block: u64, map: &[u8; 60], blocks: u64) -> Result<Runs, Unreadable> {
    let mut mapper = Mapper { part, block, runs: Runs::default(), placed: 0, blocks };
    mapper.node(map, None)?;
    mapper.ended()
}

pub fn blocks(part: &Part, block: u64, map: &[u8; 60], blocks: u64) -> Result<Runs, Unreadable> {
    let mut mapper = Mapper { part, block, runs: Runs::default(), placed: 0, blocks };
    for (index, number) in map.chunks_exact(4).enumerate() {
        let level = (index + 1).saturating_sub(DIRECT) as u32;
        mapper.indirect(le32(number, 0).into(), level)?;
    }
    mapper.ended()
}
