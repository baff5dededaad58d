//! One terminal: the screen with its keyboard, or the serial port. Keys are read from it, and what is to be there is drawn.

use nix::libc;
use nix::sys::termios::{InputFlags, LocalFlags, SetArg, SpecialCharacterIndices, tcgetattr, tcsetattr};
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::io::unix::AsyncFd;

use crate::menu::{Drawing, Size};

/// A line that takes nothing for so long is let go of.
const PATIENCE: Duration = Duration::from_secs(5);

/// The kernel and others write there too: so often everything is drawn, whether it changed or not.
const STALE: Duration = Duration::from_secs(30);

nix::ioctl_read_bad!(window_size, libc::TIOCGWINSZ, libc::winsize);

pub struct Terminal {
    file: AsyncFd<File>,
    /// What is there; nothing is known of a line that was just opened.
    there: Option<Drawing>,
    /// Since when.
    since: Instant,
}

impl Terminal {
    pub fn open(path: &Path) -> io::Result<Self> {
        let mut options = File::options();
        let file = options.read(true).write(true).custom_flags(libc::O_NOCTTY | libc::O_NONBLOCK).open(path)?;
        // SAFETY: a file has the same descriptor for as long as it lives, and it lives as long as what it is registered with.
        let file = unsafe { AsyncFd::register(file)? };
        let terminal = Self { file, there: None, since: Instant::now() };
        terminal.keys_one_by_one()?;
        Ok(terminal)
    }

    /// Keys come as they are pressed, unechoed, and mean nothing to the kernel. Said again now and then: others share the line, and set it
    /// as they like.
    pub fn keys_one_by_one(&self) -> io::Result<()> {
        let mut modes = tcgetattr(self.file.get_ref())?;
        let before = modes.clone();
        modes.local_flags -= LocalFlags::ICANON | LocalFlags::ECHO | LocalFlags::ISIG | LocalFlags::IEXTEN;
        modes.input_flags -= InputFlags::ICRNL | InputFlags::INLCR | InputFlags::IXON | InputFlags::ISTRIP;
        modes.control_chars[SpecialCharacterIndices::VMIN as usize] = 1;
        modes.control_chars[SpecialCharacterIndices::VTIME as usize] = 0;
        if modes != before {
            tcsetattr(self.file.get_ref(), SetArg::TCSANOW, &modes)?;
        }
        Ok(())
    }

    /// Waits for bytes. An end of file is a line that hung up. Dropping the future loses nothing.
    pub async fn read(&self, bytes: &mut [u8]) -> io::Result<usize> {
        loop {
            let mut ready = self.file.readable().await?;
            match ready.try_io(|file| file.get_ref().read(bytes)) {
                Ok(Ok(0)) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(read) => return read,
                Err(_not_yet) => {}
            }
        }
    }

    pub async fn write(&self, text: &str) -> io::Result<()> {
        let written = tokio::time::timeout(PATIENCE, self.write_all(text.as_bytes())).await;
        written.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }

    async fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let mut ready = self.file.writable().await?;
            if let Ok(written) = ready.try_io(|file| file.get_ref().write(bytes)) {
                bytes = &bytes[written?..];
            }
        }
        Ok(())
    }

    pub fn size(&self) -> Size {
        let mut size = libc::winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
        // SAFETY: the descriptor is open for as long as this borrows it, and the kernel writes no more than a winsize.
        let known = unsafe { window_size(self.file.get_ref().as_raw_fd(), &raw mut size) };
        match known {
            Ok(_) if size.ws_row > 0 && size.ws_col > 0 => {
                Size { columns: size.ws_col.into(), rows: size.ws_row.into() }
            }
            _ => Size::USUAL,
        }
    }

    /// Nothing of what is there counts any more.
    pub fn forget(&mut self) {
        self.there = None;
    }

    /// Brings what is there to what is to be: lines that stay are not sent again.
    pub async fn draw(&mut self, drawing: Drawing) -> io::Result<()> {
        if self.since.elapsed() >= STALE {
            self.there = None;
        }
        if self.there.is_none() {
            self.since = Instant::now();
        }
        if self.there.as_ref() != Some(&drawing) {
            self.write(&difference(self.there.as_ref(), &drawing)).await?;
            self.there = Some(drawing);
        }
        Ok(())
    }
}

/// What a terminal is told (ECMA-48: CUP, EL, ED; DEC's private mode 25: its cursor).
fn difference(there: Option<&Drawing>, new: &Drawing) -> String {
    let mut text = String::from("\x1b[?25l");
    if there.is_none() {
        text += "\x1b[0m";
    }
    let none = Vec::new();
    let old = there.map_or(&none, |there| &there.lines);
    for row in 0..old.len().max(new.lines.len()) {
        let line = new.lines.get(row).map_or("", String::as_str);
        if there.is_none() || old.get(row).map_or("", String::as_str) != line {
            let _ = write!(text, "\x1b[{};1H{line}\x1b[K", row + 1);
        }
    }
    if there.is_none() {
        // From behind the last line on: below the last row there is none that could be named.
        text += "\x1b[J";
    }
    match new.cursor {
        Some((row, column)) => {
            let _ = write!(text, "\x1b[{};{}H\x1b[?25h", row + 1, column + 1);
        }
        None => {
            let _ = write!(text, "\x1b[{};1H", new.lines.len());
        }
    }
    text
}

/// Before lines are written again as in a log.
pub const AFTERWARDS: &str = "\x1b[?25h\x1b[H\x1b[2J";

#[cfg(test)]
mod tests {
    use super::*;

    fn drawing(lines: &[&str]) -> Drawing {
        Drawing { lines: lines.iter().map(|line| (*line).to_owned()).collect(), cursor: None }
    }

    #[test]
    fn only_lines_that_changed_are_sent() {
        let (first, second) = (drawing(&["a", "b", "c"]), drawing(&["a", "B"]));
        let all = difference(None, &first);
        assert!(all.matches("\x1b[K").count() == 3 && all.contains("\x1b[3;1Hc\x1b[K\x1b[J"), "{all:?}");
        let sent = difference(Some(&first), &second);
        assert_eq!(sent, "\x1b[?25l\x1b[2;1HB\x1b[K\x1b[3;1H\x1b[K\x1b[2;1H");
        let typed = Drawing { cursor: Some((1, 4)), ..second.clone() };
        assert!(difference(Some(&second), &typed).ends_with("\x1b[2;5H\x1b[?25h"));
    }
}
