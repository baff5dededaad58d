//! A machine's serial line: read as it comes, kept as evidence, typed into.

use anyhow::{Result, bail};
use std::fs::File;
use std::io::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::Notify;

/// After these nothing good comes any more.
const FATAL: [&str; 3] = ["Kernel panic - not syncing", "emergency mode", "end Kernel panic"];

/// One end of a serial line whose other end is QEMU.
#[derive(Debug)]
pub struct Serial {
    heard: Arc<Heard>,
    writer: OwnedWriteHalf,
    /// Up to where a wait has already matched.
    read: usize,
}

#[derive(Debug, Default)]
struct Heard {
    inner: Mutex<Inner>,
    more: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    /// Without what only moves a cursor or colours a letter.
    text: Vec<u8>,
    escape: Escape,
    closed: bool,
}

/// Where in an escape sequence the line is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Escape {
    #[default]
    None,
    /// ESC came.
    Begun,
    /// `ESC [`: up to a letter.
    Control,
    /// `ESC ]`, `ESC P`: up to BEL or `ESC \`, which is a sequence of its own.
    Text,
    /// `ESC (` and the like: one more byte.
    One,
}

impl Heard {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn push(&mut self, byte: u8) {
        self.escape = match (self.escape, byte) {
            (_, 0x1b) => Escape::Begun,
            (Escape::Begun, b'[') => Escape::Control,
            (Escape::Begun, b']' | b'P' | b'^' | b'_') => Escape::Text,
            (Escape::Begun, b' '..=b'/') => Escape::One,
            (Escape::Control, b' '..=b'?') => Escape::Control,
            (Escape::Text, byte) if byte != 7 => Escape::Text,
            (Escape::None, byte) => {
                if byte != b'\r' && byte != 0 {
                    self.text.push(byte);
                }
                Escape::None
            }
            _ => Escape::None,
        };
    }
}

/// Why a wait for a text ended without it.
#[derive(Debug)]
pub enum Missed {
    /// The machine has ended.
    Closed,
    /// This came instead.
    Fatal(String),
}

impl Serial {
    /// Reads in the background from now on, and writes what comes into `log` as it came; needs to be inside a tokio runtime.
    ///
    /// Not QEMU's own `logfile=`: what its socket did not take at once stands there twice.
    pub(super) fn over(stream: UnixStream, log: File) -> Self {
        let (reader, writer) = stream.into_split();
        let heard = Arc::new(Heard::default());
        tokio::spawn(listen(reader, log, heard.clone()));
        Self { heard, writer, read: 0 }
    }

    /// Everything that came.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.heard.inner().text).into_owned()
    }

    pub async fn type_in(&mut self, text: &str) -> Result<()> {
        Ok(self.writer.write_all(text.as_bytes()).await?)
    }

    /// Waits for the first of these texts after what was matched before, and says which. What is fatal ends the wait, unless a
    /// wanted text came before it. Dropping the future loses nothing.
    pub async fn first_of(&mut self, wanted: &[&str]) -> Result<usize, Missed> {
        let heard = self.heard.clone();
        loop {
            let more = heard.more.notified();
            if let Some(found) = self.look(wanted) {
                return found;
            }
            more.await;
        }
    }

    fn look(&mut self, wanted: &[&str]) -> Option<Result<usize, Missed>> {
        let inner = self.heard.inner();
        let unread = &inner.text[self.read..];
        let first = |texts: &[&str]| {
            let places = texts.iter().enumerate();
            places.filter_map(|(which, text)| Some((find(unread, text.as_bytes())?, which))).min()
        };
        match (first(wanted), first(&FATAL)) {
            (Some((at, which)), fatal) if fatal.is_none_or(|(bad, _)| at <= bad) => {
                self.read += at + wanted[which].len();
                Some(Ok(which))
            }
            (_, Some((at, _))) => Some(Err(Missed::Fatal(line_at(unread, at)))),
            _ if inner.closed => Some(Err(Missed::Closed)),
            _ => None,
        }
    }

    /// The rest of the line on which the last match stands.
    pub async fn rest_of_line(&mut self) -> Result<String> {
        loop {
            let more = self.heard.more.notified();
            {
                let inner = self.heard.inner();
                let unread = &inner.text[self.read..];
                if let Some(end) = unread.iter().position(|byte| *byte == b'\n') {
                    self.read += end;
                    return Ok(String::from_utf8_lossy(&unread[..end]).trim().to_owned());
                }
                if inner.closed {
                    bail!("the serial line ended within a line");
                }
            }
            more.await;
        }
    }
}

async fn listen(mut reader: OwnedReadHalf, mut log: File, heard: Arc<Heard>) {
    let mut bytes = [0; 4096];
    loop {
        // An error and an end are the same here: the other side is gone.
        let count = reader.read(&mut bytes).await.unwrap_or(0);
        // A full disk must not end the test that it is evidence of.
        let _ = log.write_all(&bytes[..count]);
        {
            let mut inner = heard.inner();
            bytes[..count].iter().for_each(|byte| inner.push(*byte));
            inner.closed = count == 0;
        }
        // One permit is kept when nobody waits just now.
        heard.more.notify_one();
        if count == 0 {
            return;
        }
    }
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}

fn line_at(text: &[u8], at: usize) -> String {
    let begin = text[..at].iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let end = text[at..].iter().position(|byte| *byte == b'\n').map_or(text.len(), |end| at + end);
    String::from_utf8_lossy(&text[begin..end]).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn line() -> Result<(UnixStream, Serial)> {
        let (here, there) = UnixStream::pair()?;
        Ok((there, Serial::over(here, tempfile::tempfile()?)))
    }

    #[tokio::test]
    async fn a_text_is_found_between_colours_and_across_pieces() -> Result<()> {
        let (mut machine, mut serial) = line().await?;
        machine.write_all(b"\x1b[2J\x1b[01;01Hup \x1b[0;1;32mre").await?;
        machine.write_all(b"ady\x1b[0m at 443\r\nnext").await?;
        assert!(matches!(serial.first_of(&["nothing", "ready at"]).await, Ok(1)));
        assert_eq!(serial.rest_of_line().await?, "443");
        drop(machine);
        assert!(matches!(serial.first_of(&["ready"]).await, Err(Missed::Closed)));
        assert_eq!(serial.text(), "up ready at 443\nnext");
        Ok(())
    }

    #[tokio::test]
    async fn a_panic_ends_the_wait_unless_the_text_came_before() -> Result<()> {
        let (mut machine, mut serial) = line().await?;
        machine.write_all(b"the root is damaged\n[ 1.0] Kernel panic - not syncing: no root\n").await?;
        assert!(matches!(serial.first_of(&["damaged"]).await, Ok(0)));
        let Err(Missed::Fatal(line)) = serial.first_of(&["ready"]).await else { bail!("a panic is fatal") };
        assert_eq!(line, "[ 1.0] Kernel panic - not syncing: no root");
        Ok(())
    }
}
