//! A disk as a power cut left it, without a copy for each cut: the durable part in a file that only goes forward, the rest from the log.

use super::{Cut, Entry, Loss, SECTOR, log};
use crate::machine::copy_sparse;
use anyhow::{Result, ensure};
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// What is read at any place.
pub trait ReadAt {
    /// Bytes.
    fn size(&self) -> u64;
    /// Fills the buffer; fails behind the end.
    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<()>;

    fn bytes(&self, at: u64, length: usize) -> io::Result<Vec<u8>> {
        let mut buffer = vec![0; length];
        self.read_at(&mut buffer, at)?;
        Ok(buffer)
    }
}

impl ReadAt for Vec<u8> {
    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<()> {
        let at = usize::try_from(at).map_err(io::Error::other)?;
        let there = at.checked_add(buffer.len()).and_then(|end| self.get(at..end));
        buffer.copy_from_slice(there.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

/// Brings a disk forward through its log.
#[derive(Debug)]
pub struct Replay {
    base: File,
    size: u64,
    log: File,
    entries: Vec<Entry>,
    done: usize,
}

/// A disk after a power cut.
#[derive(Debug)]
pub struct View<'a> {
    replay: &'a Replay,
    /// Where in the log the data of a sector lies that came after the last flush.
    over: BTreeMap<u64, u64>,
}

impl Replay {
    /// `base` is what the disk held when the log began; it is written to.
    pub fn new(base: &Path, log_file: &Path) -> Result<Self> {
        let base = File::options().read(true).write(true).open(base)?;
        let size = base.metadata()?.len();
        let entries = log::read(log_file)?;
        let inside = |entry: &Entry| entry.offset.checked_add(entry.length).is_some_and(|end| end <= size);
        ensure!(entries.iter().all(inside), "the log is of a larger disk");
        Ok(Self { base, size, log: File::open(log_file)?, entries, done: 0 })
    }

    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The disk after this cut. Later calls can't go back behind the last flush before it.
    pub fn cut(&mut self, cut: &Cut) -> Result<(View<'_>, Loss)> {
        let (durable, came, loss) = cut.arrived(&self.entries);
        ensure!(durable >= self.done, "cuts are made in their order");
        for entry in self.entries[self.done..durable].iter().filter(|entry| entry.writes()) {
            log::apply(&self.log, &self.base, entry, entry.length)?;
        }
        self.done = durable;
        let mut over = BTreeMap::new();
        for one in came {
            let entry = &self.entries[one.entry];
            for sector in 0..entry.length / SECTOR {
                let index = usize::try_from(sector)?;
                if one.sectors.as_ref().is_none_or(|sectors| sectors[index]) {
                    over.insert(entry.offset / SECTOR + sector, entry.data + sector * SECTOR);
                }
            }
        }
        Ok((View { replay: self, over }, loss))
    }
}

impl View<'_> {
    /// Makes a file of it.
    pub fn write_to(&self, base: &Path, to: &Path) -> Result<()> {
        copy_sparse(base, to)?;
        let file = File::options().write(true).open(to)?;
        let mut sector = [0; SECTOR as usize];
        for (number, data) in &self.over {
            self.replay.log.read_exact_at(&mut sector, *data)?;
            file.write_all_at(&sector, number * SECTOR)?;
        }
        Ok(())
    }
}

impl ReadAt for View<'_> {
    fn size(&self) -> u64 {
        self.replay.size
    }

    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<()> {
        self.replay.base.read_exact_at(buffer, at)?;
        let end = at + buffer.len() as u64;
        for (number, data) in self.over.range(at / SECTOR..end.div_ceil(SECTOR)) {
            // The part of this sector that was asked for.
            let (from, to) = ((number * SECTOR).max(at), ((number + 1) * SECTOR).min(end));
            let (Ok(begin), Ok(stop)) = (usize::try_from(from - at), usize::try_from(to - at)) else { continue };
            self.replay.log.read_exact_at(&mut buffer[begin..stop], data + (from - number * SECTOR))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cuts::Manner;

    /// A log as QEMU writes it: superblock, then entries with their data.
    fn logged(entries: &[(u64, &[u8], u64)]) -> Vec<u8> {
        let sector = |numbers: &[u64]| {
            let mut raw: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
            raw.resize(512, 0);
            raw
        };
        let mut log = sector(&[0x006a_7366_7773_6872, 1, entries.len() as u64, 512]);
        for (at, data, flags) in entries {
            log.extend(sector(&[*at, data.len() as u64 / SECTOR, *flags, 0]));
            log.extend(*data);
        }
        log
    }

    #[test]
    fn a_view_has_what_was_flushed_and_what_arrived() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let (base, log, copy) = (folder.path().join("base"), folder.path().join("log"), folder.path().join("copy"));
        File::create(&base)?.set_len(1 << 20)?;
        let all = [(2, &[1; 1024][..], 0), (0, &[][..], 1), (3, &[2; 1024][..], 0), (9, &[3; 512][..], 0)];
        std::fs::write(&log, logged(&all))?;
        let mut replay = Replay::new(&base, &log)?;
        for (after, wanted) in [(0, [0; 4]), (1, [1, 1, 0, 0]), (2, [1, 1, 0, 0]), (3, [1, 2, 2, 0]), (4, [1, 2, 2, 3])]
        {
            let (view, _) = replay.cut(&Cut { after, manner: Manner::Clean, seed: 0 })?;
            let read = [1024, 1536, 2048, 9 * 512].map(|at| view.bytes(at, 1).expect("inside")[0]);
            assert_eq!(read, wanted, "after {after}");
            let across = view.bytes(1024 + 500, 24)?;
            assert_eq!((across[0], across[23]), (wanted[0], wanted[1]));
        }
        let (view, _) = replay.cut(&Cut { after: 4, manner: Manner::Clean, seed: 0 })?;
        view.write_to(&base, &copy)?;
        assert!(view.bytes((1 << 20) - 8, 9).is_err());
        let copied = std::fs::read(&copy)?;
        assert_eq!((copied[1024], copied[1536], copied[9 * 512], copied.len()), (1, 2, 3, 1 << 20));
        assert!(replay.cut(&Cut { after: 1, manner: Manner::Clean, seed: 0 }).is_err(), "backwards");
        // Reading went past, nothing of the unflushed is in the base.
        assert_eq!(std::fs::read(&base)?[1536], 1);
        Ok(())
    }
}
