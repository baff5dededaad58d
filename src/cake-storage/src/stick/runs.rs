//! A file as the pieces of its part that it lies in.

use super::{Content, Part, Unreadable};

/// The most pieces that a file may lie in: what is torn into more is no image that anybody wrote at once.
const RUNS_MAX: usize = 1 << 20;

/// So many bytes at a place of the part, or so many zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Run {
    /// Of the file.
    from: u64,
    length: u64,
    at: Option<u64>,
}

/// The pieces of a file, in their order.
#[derive(Clone, Debug, Default)]
pub(super) struct Runs {
    runs: Vec<Run>,
    length: u64,
}

impl Runs {
    /// The next piece. Neighbours become one.
    pub fn push(&mut self, at: Option<u64>, length: u64) -> Result<(), Unreadable> {
        let from = self.length;
        let end = from.checked_add(length).ok_or(Unreadable::Broken("a file is impossibly long"))?;
        let full = self.runs.len() == RUNS_MAX;
        match (self.runs.last_mut(), at) {
            (Some(last), Some(at)) if last.at.and_then(|start| start.checked_add(last.length)) == Some(at) => {
                last.length += length;
            }
            (Some(last @ Run { at: None, .. }), None) => last.length += length,
            _ if full => return Err(Unreadable::Unsupported("a file in so many pieces")),
            _ => self.runs.push(Run { from, length, at }),
        }
        self.length = end;
        Ok(())
    }

    pub const fn length(&self) -> u64 {
        self.length
    }

    /// Everything that is in the pieces.
    pub fn read_all(&self, part: &Part, most: u64) -> Result<Vec<u8>, Unreadable> {
        if self.length > most {
            return Err(Unreadable::Broken("a table is impossibly long"));
        }
        let mut bytes = vec![0; self.length as usize];
        let mut done = 0;
        while done < bytes.len() {
            match self.read(part, done as u64, &mut bytes[done..])? {
                0 => return Err(Unreadable::Broken("a table ends early")),
                count => done += count,
            }
        }
        Ok(bytes)
    }

    /// Fills a beginning of `buffer` from `offset` on; 0 is the end.
    pub fn read(&self, part: &Part, offset: u64, buffer: &mut [u8]) -> Result<usize, Unreadable> {
        let next = self.runs.partition_point(|run| run.from <= offset);
        let Some(run) = next.checked_sub(1).map(|index| self.runs[index]) else { return Ok(0) };
        let inside = offset - run.from;
        let count = run.length.saturating_sub(inside).min(buffer.len() as u64) as usize;
        match run.at {
            Some(at) => part.read(at + inside, &mut buffer[..count])?,
            None => buffer[..count].fill(0),
        }
        Ok(count)
    }
}

/// A file in pieces. Behind `valid` nothing was ever written: zeros.
pub(super) struct InPieces {
    pub part: Part,
    pub runs: Runs,
    pub valid: u64,
}

impl Content for InPieces {
    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize, Unreadable> {
        if offset >= self.valid {
            buffer.fill(0);
            return Ok(buffer.len());
        }
        let count = (self.valid - offset).min(buffer.len() as u64) as usize;
        self.runs.read(&self.part, offset, &mut buffer[..count])
    }
}

/// Where the clusters of a file system lie; they count from 2.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clusters {
    pub at: u64,
    /// Bytes of one, and how many there are.
    pub size: u64,
    pub count: u64,
}

impl Clusters {
    pub const fn bytes(self) -> u64 {
        self.count * self.size
    }

    /// So much of a chain as holds `length` bytes; each cluster says which the next is.
    pub fn runs(
        self,
        first: u64,
        length: u64,
        next: impl Fn(u64) -> Result<Option<u64>, Unreadable>,
    ) -> Result<Runs, Unreadable> {
        let (mut runs, most) = (Runs::default(), length.div_ceil(self.size));
        if most > self.count {
            return Err(Unreadable::Broken("a file is larger than the stick"));
        }
        let mut cluster = Some(first);
        for _ in 0..most {
            let Some(here) = cluster else { break };
            let index = here.checked_sub(2).filter(|index| *index < self.count);
            let index = index.ok_or(Unreadable::Broken("a chain of clusters leads outside"))?;
            runs.push(Some(self.at + index * self.size), self.size)?;
            cluster = next(here)?;
        }
        Ok(runs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_holes_and_their_end() {
        let part = &Part::whole(std::rc::Rc::new(b"0123456789".to_vec())).unwrap();
        let mut runs = Runs::default();
        for (at, length) in [(Some(4), 1), (Some(5), 2), (None, 2), (None, 1), (Some(0), 2)] {
            runs.push(at, length).unwrap();
        }
        assert_eq!((runs.runs.len(), runs.length()), (3, 8), "neighbours are one piece");
        assert_eq!(runs.read_all(part, 8).unwrap(), b"456\0\0\x0001");
        assert!(runs.read_all(part, 7).is_err());
        assert_eq!(runs.read(part, 8, &mut [0; 4]).unwrap(), 0);
        let mut file = InPieces { part: part.clone(), runs, valid: 2 };
        let mut buffer = [9; 4];
        assert_eq!(file.read_at(1, &mut buffer).unwrap(), 1);
        assert_eq!(file.read_at(2, &mut buffer).unwrap(), 4);
        assert_eq!(buffer, [0; 4], "what was never written is not shown");
        let mut torn = Runs::default();
        torn.push(Some(9), 5).unwrap();
        assert!(torn.read(part, 0, &mut [0; 5]).is_err() && torn.push(None, u64::MAX).is_err());
    }
}
