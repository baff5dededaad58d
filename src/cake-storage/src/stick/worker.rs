//! The confined worker that reads sticks: as the one that looks into images ([`crate::worker`]), with the stick as standard input.
//!
//! ```text
//!   cake-node ── the stick, read-only ──► worker ──► one line of JSON, or the bytes of one file ──► cake-node
//! ```

use super::{Unreadable, Volume, Wanted, copy, list};
use crate::inspect::Source;
use crate::worker::{WorkerError, confined};
use cake_types::{FailureCode, StickTrouble};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::mem::ManuallyDrop;
use std::os::fd::FromRawFd;
use std::os::unix::fs::FileExt;
use std::rc::Rc;

/// Longest answer, in bytes: the files of some volumes, with every letter of their names escaped at worst.
pub const ANSWER_MAX: usize = 8 << 20;
/// Processor time, in seconds: for a list, and for the largest file.
const LIST_SECONDS: u64 = 60;
const COPY_SECONDS: u64 = 24 * 3600;

/// What is on a stick, or why that can't be said.
pub type Answer = Result<Vec<Volume>, StickTrouble>;

/// Why a file did not come whole, as the last line of standard error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stopped {
    pub code: FailureCode,
    pub detail: String,
}

/// A stick, or a file that is like one. A device's length is not in its metadata.
struct Stick {
    file: ManuallyDrop<File>,
    size: u64,
}

/// A stick that somebody opened. It is asked for its length once.
pub struct Opened {
    file: File,
    size: u64,
}

impl Opened {
    pub fn new(mut file: File) -> io::Result<Self> {
        let size = file.seek(SeekFrom::End(0))?;
        Ok(Self { file, size })
    }
}

impl Source for Opened {
    fn size(&self) -> io::Result<u64> {
        Ok(self.size)
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        FileExt::read_exact_at(&self.file, buffer, offset)
    }
}

impl Stick {
    fn at_standard_input() -> io::Result<Self> {
        // SAFETY: standard input is open and this program uses it nowhere else; it is not closed.
        let mut file = ManuallyDrop::new(unsafe { File::from_raw_fd(0) });
        let size = file.seek(SeekFrom::End(0))?;
        Ok(Self { file, size })
    }
}

impl Source for Stick {
    fn size(&self) -> io::Result<u64> {
        Ok(self.size)
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        FileExt::read_exact_at(&*self.file, buffer, offset)
    }
}

/// `cake-node worker list-stick`: root in, nobody from the first byte of the stick on.
pub fn list_stick() -> Result<(), WorkerError> {
    let stick = Stick::at_standard_input()?;
    confined(LIST_SECONDS)?;
    let answer: Answer = list(Rc::new(stick)).map_err(|error| error.trouble());
    let mut text = serde_json::to_vec(&answer).map_err(io::Error::from)?;
    text.push(b'\n');
    Ok(io::stdout().write_all(&text)?)
}

/// `cake-node worker read-stick …`: the bytes of one file, from one of them on. Why it ended early goes to standard error.
pub fn read_stick(wanted: &Wanted, from: u64) -> Result<(), WorkerError> {
    let stick = Stick::at_standard_input()?;
    // SAFETY: standard output is open, and what the library keeps for it is empty; it is not closed.
    let mut out = ManuallyDrop::new(unsafe { File::from_raw_fd(1) });
    confined(COPY_SECONDS)?;
    let Err(error) = copy(Rc::new(stick), wanted, from, &mut *out) else { return Ok(()) };
    let code = match &error {
        Unreadable::NotThere | Unreadable::Changed => FailureCode::StickChanged,
        _ => FailureCode::StickUnreadable,
    };
    let detail = match std::error::Error::source(&error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    };
    let mut text = serde_json::to_vec(&Stopped { code, detail }).map_err(io::Error::from)?;
    text.push(b'\n');
    Ok(io::stderr().write_all(&text)?)
}
