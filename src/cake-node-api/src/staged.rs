//! The file behind an import that is still received. caked gets it as a descriptor and writes to it; the node looks at it. Both
//! must agree where what is, so it stands here.
//!
//! ```text
//!   0                                  size              size + chunks
//!   ├── chunk 0 ──┬── chunk 1 ──┬─ … ──┼─ one byte for each chunk: 1 when it is here ─┤
//! ```
//!
//! A chunk's byte is written after the chunk is on the disk, so a byte that survives a power cut tells the truth; one that does
//! not costs no more than sending its chunk again. Chunks may come in any order and at the same time.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Bytes of a chunk; the last may be shorter.
pub const CHUNK: u64 = 8 << 20;
/// The largest file that is taken: 16 TiB.
pub const LARGEST: u64 = 16 << 40;

/// A file that is received.
#[derive(Debug)]
pub struct Staged {
    file: File,
    size: u64,
}

/// How many chunks a file of so many bytes has.
pub const fn chunks(size: u64) -> u64 {
    size.div_ceil(CHUNK)
}

impl Staged {
    /// `file` holds, or shall hold, `size` bytes and the chunks' bytes behind them.
    pub const fn new(file: File, size: u64) -> Self {
        Self { file, size }
    }

    /// Makes room. What is there already stays, and a file that is finished stays so.
    pub fn prepare(&self) -> io::Result<()> {
        let length = self.size + chunks(self.size);
        if self.file.metadata()?.len() == length || self.is_finished()? {
            return Ok(());
        }
        self.file.set_len(length)?;
        self.file.sync_all()
    }

    /// Where a chunk begins and how long it is.
    pub fn place(&self, chunk: u64) -> Option<(u64, u64)> {
        let start = chunk.checked_mul(CHUNK).filter(|start| *start < self.size)?;
        Some((start, CHUNK.min(self.size - start)))
    }

    pub fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, offset)
    }

    /// All of the chunk was written: it is here, whatever happens from now on.
    pub fn here(&self, chunk: u64) -> io::Result<()> {
        self.file.sync_data()?;
        self.file.write_all_at(&[1], self.size + chunk)
    }

    /// Of every chunk, whether it is here.
    pub fn received(&self) -> io::Result<Vec<bool>> {
        let mut bytes = vec![0; chunks(self.size) as usize];
        match self.file.read_exact_at(&mut bytes, self.size) {
            // Finished before, or a moment ago by the other side.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof && self.is_finished()? => bytes.fill(1),
            read => read?,
        }
        Ok(bytes.into_iter().map(|byte| byte == 1).collect())
    }

    fn is_finished(&self) -> io::Result<bool> {
        Ok(self.file.metadata()?.len() == self.size)
    }

    /// Bytes that are here.
    pub fn bytes(&self, received: &[bool]) -> u64 {
        let here = received.iter().enumerate().filter(|(_, here)| **here);
        here.filter_map(|(chunk, _)| self.place(chunk as u64)).map(|(_, length)| length).sum()
    }

    /// Nothing but the file itself; all chunks must be here.
    pub fn finish(&self) -> io::Result<()> {
        self.file.set_len(self.size)?;
        self.file.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_come_in_any_order_and_the_file_is_whole_in_the_end() {
        let size = 2 * CHUNK + 5;
        let file = tempfile::tempfile().unwrap();
        let staged = Staged::new(file.try_clone().unwrap(), size);
        staged.prepare().unwrap();
        assert_eq!((staged.place(2), staged.place(3)), (Some((2 * CHUNK, 5)), None));
        staged.write(2 * CHUNK, b"end!!").unwrap();
        staged.here(2).unwrap();
        // Whoever opens it later finds what is here.
        let again = Staged::new(file.try_clone().unwrap(), size);
        again.prepare().unwrap();
        assert_eq!(again.received().unwrap(), [false, false, true]);
        assert_eq!(again.bytes(&again.received().unwrap()), 5);
        for chunk in 0..2 {
            again.write(chunk * CHUNK, &[7; 100]).unwrap();
            again.here(chunk).unwrap();
        }
        assert_eq!(staged.bytes(&staged.received().unwrap()), size);
        staged.finish().unwrap();
        assert_eq!(file.metadata().unwrap().len(), size);
        // Whoever opens it now finds all of it, and makes no room for more.
        again.prepare().unwrap();
        assert_eq!(again.received().unwrap(), [true; 3]);
        assert_eq!(file.metadata().unwrap().len(), size);
    }
}
