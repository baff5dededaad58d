//! The log that QEMU's `blklogwrites` keeps of a disk: every write and flush, in order. Replaying a part of it gives the
//! disk as a power cut would have left it.
//!
//! ```text
//!   sector 0   magic · version · number of entries · sector size            (little endian)
//!   then       sector · count · flags · length of data │ padding │ data …   one after the other
//! ```

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::Path;

use anyhow::{Context, Result, ensure};

const MAGIC: u64 = 0x006a_7366_7773_6872;
const FLUSH: u64 = 1;
const FUA: u64 = 2;
const DISCARD: u64 = 4;
const KNOWN: u64 = FLUSH | FUA | DISCARD;

/// One request of the guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Where on the disk, in bytes.
    pub offset: u64,
    /// How much, in bytes; nothing for a flush.
    pub length: u64,
    /// Where its data lies in the log.
    pub data: u64,
    /// Everything completed before this is durable.
    pub flush: bool,
    /// This write itself is durable.
    pub fua: bool,
    /// The disk may forget what is there: advice, and no data.
    pub discard: bool,
}

impl Entry {
    /// Does it put something onto the disk?
    pub fn writes(&self) -> bool {
        self.length > 0 && !self.discard
    }

    /// Could a power cut take it back? A flush has nothing to take back.
    pub fn volatile(&self) -> bool {
        self.writes() && !self.fua
    }
}

/// How many entries the log has by now, and the size of its sectors.
pub fn header(log: &File) -> Result<(u64, u64)> {
    let mut raw = [0u8; 28];
    log.read_exact_at(&mut raw, 0).context("the log's first sector")?;
    ensure!(number(&raw, 0) == MAGIC, "not a log of block writes");
    ensure!(number(&raw, 8) == 1, "a log of an unknown version");
    let sector = u64::from(u32::from_le_bytes([raw[24], raw[25], raw[26], raw[27]]));
    ensure!(sector.is_power_of_two() && (512..=4096).contains(&sector), "sectors of {sector} bytes");
    Ok((number(&raw, 16), sector))
}

fn number(raw: &[u8], at: usize) -> u64 {
    let mut bytes = [0u8; 8];
    bytes.copy_from_slice(&raw[at..at + 8]);
    u64::from_le_bytes(bytes)
}

/// All entries.
pub fn read(path: &Path) -> Result<Vec<Entry>> {
    let log = File::open(path).with_context(|| path.display().to_string())?;
    let (count, sector) = header(&log)?;
    let size = log.metadata()?.len();
    let mut entries = Vec::new();
    let mut at = sector;
    for index in 0..count {
        let mut raw = [0u8; 32];
        log.read_exact_at(&mut raw, at).with_context(|| format!("entry {index}"))?;
        let (start, sectors, flags) = (number(&raw, 0), number(&raw, 8), number(&raw, 16));
        ensure!(flags & !KNOWN == 0, "entry {index} has unknown flags {flags:#x}");
        at += sector;
        let length = sectors.checked_mul(sector).with_context(|| format!("entry {index} is too long"))?;
        let entry = Entry {
            offset: start.checked_mul(sector).with_context(|| format!("entry {index} is too far"))?,
            length,
            data: at,
            flush: flags & FLUSH != 0,
            fua: flags & FUA != 0,
            discard: flags & DISCARD != 0,
        };
        let data = if entry.discard { 0 } else { length };
        at = at.checked_add(data).filter(|end| *end <= size).with_context(|| format!("entry {index} is cut off"))?;
        entries.push(entry);
    }
    Ok(entries)
}

/// Writes the first `bytes` of an entry's data to where they belong.
pub fn apply(log: &File, disk: &File, entry: &Entry, bytes: u64) -> Result<()> {
    let mut data = Vec::new();
    let mut part = log.try_clone()?;
    std::io::Seek::seek(&mut part, std::io::SeekFrom::Start(entry.data))?;
    part.take(bytes.min(entry.length)).read_to_end(&mut data)?;
    disk.write_all_at(&data, entry.offset)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sector(numbers: &[u64]) -> Vec<u8> {
        let mut raw: Vec<u8> = numbers.iter().flat_map(|n| n.to_le_bytes()).collect();
        raw.resize(512, 0);
        raw
    }

    fn sample() -> Vec<u8> {
        let mut log = sector(&[MAGIC, 1, 4, 512]);
        log.extend(sector(&[1, 1 << 30, DISCARD, 0]));
        log.extend(sector(&[4, 2, 0, 1024]));
        log.extend([7u8; 1024]);
        log.extend(sector(&[0, 0, FLUSH, 0]));
        log.extend(sector(&[5, 1, FUA, 512]));
        log.extend([8u8; 512]);
        log
    }

    #[test]
    fn a_log_is_read_and_replayed() {
        let directory = tempfile::tempdir().unwrap();
        let (path, disk) = (directory.path().join("log"), directory.path().join("disk"));
        std::fs::write(&path, sample()).unwrap();
        let entries = read(&path).unwrap();
        assert!(entries[0].discard && !entries[0].volatile());
        let entries = &entries[1..];
        let plain: Vec<_> = entries.iter().map(|e| (e.offset, e.length, e.flush, e.fua, e.volatile())).collect();
        assert_eq!(
            plain,
            [(2048, 1024, false, false, true), (0, 0, true, false, false), (2560, 512, false, true, false)]
        );
        let log = File::open(&path).unwrap();
        let image = File::create(&disk).unwrap();
        for entry in entries {
            apply(&log, &image, entry, entry.length).unwrap();
        }
        let bytes = std::fs::read(&disk).unwrap();
        assert_eq!((bytes[2048], bytes[2560], bytes.len()), (7, 8, 3072));
    }

    #[test]
    fn a_broken_log_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let whole = sample();
        for broken in [
            whole[..whole.len() - 1].to_vec(),
            vec![0; 600],
            sector(&[MAGIC, 2, 0, 512]),
            sector(&[MAGIC, 1, 0, 7]),
            [sector(&[MAGIC, 1, 1, 512]), sector(&[1, u64::MAX, 0, 0])].concat(),
            [sector(&[MAGIC, 1, 1, 512]), sector(&[1, 1, 8, 0])].concat(),
        ] {
            std::fs::write(&path, broken).unwrap();
            assert!(read(&path).is_err());
        }
    }
}
