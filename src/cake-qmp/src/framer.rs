//! Bytes to lines, with a limit.

/// The peer sent more bytes than a line may have without ending it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a line is longer than {limit} bytes")]
pub struct LineTooLong {
    /// The limit, in bytes.
    pub limit: usize,
}

/// Cuts a stream into lines. Holds only the unfinished end of the last chunk, and no memory at all between lines.
#[derive(Debug)]
pub struct Framer {
    unfinished: Vec<u8>,
    limit: usize,
}

impl Framer {
    /// `limit`: the longest line in bytes, its end not counted.
    pub fn new(limit: usize) -> Self {
        Self { unfinished: Vec::new(), limit }
    }

    /// Gives every line that `chunk` completes to `sink`, without `\n` or `\r\n`. Stops at the first error; a framer
    /// that returned one must not be fed again.
    pub fn feed<E: From<LineTooLong>>(
        &mut self,
        mut chunk: &[u8],
        mut sink: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        while let Some(end) = chunk.iter().position(|byte| *byte == b'\n') {
            let (line, rest) = (&chunk[..end], &chunk[end + 1..]);
            chunk = rest;
            self.check(line.len())?;
            if self.unfinished.is_empty() {
                sink(without_return(line))?;
            } else {
                // Taken, so that its memory is given back as soon as the line is read.
                let mut whole = std::mem::take(&mut self.unfinished);
                whole.extend_from_slice(line);
                sink(without_return(&whole))?;
            }
        }
        self.check(chunk.len())?;
        self.unfinished.extend_from_slice(chunk);
        Ok(())
    }

    /// Bytes held now.
    pub fn held(&self) -> usize {
        self.unfinished.len()
    }

    fn check(&self, more: usize) -> Result<(), LineTooLong> {
        if self.unfinished.len() + more > self.limit { Err(LineTooLong { limit: self.limit }) } else { Ok(()) }
    }
}

fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(framer: &mut Framer, chunk: &[u8]) -> Result<Vec<String>, LineTooLong> {
        let mut found = Vec::new();
        framer.feed(chunk, |line| {
            found.push(String::from_utf8_lossy(line).into_owned());
            Ok::<(), LineTooLong>(())
        })?;
        Ok(found)
    }

    #[test]
    fn lines_come_out_whatever_the_chunks() {
        let text = b"one\r\ntwo\n\nthree\r\n";
        for size in 1..=text.len() {
            let mut framer = Framer::new(16);
            let found: Vec<String> =
                text.chunks(size).flat_map(|chunk| lines(&mut framer, chunk).expect("short lines")).collect();
            assert_eq!(found, ["one", "two", "", "three"], "chunks of {size}");
            assert_eq!(framer.held(), 0);
        }
    }

    #[test]
    fn a_line_without_end_is_refused_at_the_limit() {
        let mut framer = Framer::new(10);
        assert_eq!(lines(&mut framer, b"0123456789"), Ok(vec![]));
        assert_eq!(lines(&mut framer, b"x"), Err(LineTooLong { limit: 10 }));
        let mut framer = Framer::new(10);
        assert_eq!(lines(&mut framer, b"01234567890\n"), Err(LineTooLong { limit: 10 }));
    }

    #[test]
    fn no_memory_is_kept_between_lines() {
        let mut framer = Framer::new(1 << 20);
        assert_eq!(lines(&mut framer, &[b'x'; 500_000]), Ok(vec![]));
        assert_eq!(lines(&mut framer, b"\n").expect("a line").len(), 1);
        assert_eq!(framer.unfinished.capacity(), 0);
    }
}
