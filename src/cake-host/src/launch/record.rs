//! The detached launcher's record of a unit: one small file that the child fills in before it executes its program.
//!
//! ```text
//! 0  BOOT-ID\n                       by the launcher, before the fork
//! 37 PID (name) S … START …\n        by the child: its own /proc/self/stat, before exec
//! ```
//!
//! The file is locked (flock) from before the fork until the child has executed its program: the child holds the lock
//! too, so a launcher that is killed in between leaves no moment in which the unit looks free.

use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::Path,
};

use nix::fcntl::{Flock, FlockArg};
use uuid::Uuid;

use crate::process::{LiveProcess, ProcessError, ProcessIdentity, Stat};

/// Where the child writes.
pub(super) const CHILD_OFFSET: libc::off_t = 37;
const LONGEST: usize = 4096;

/// A locked record.
pub(super) struct Record {
    file: Flock<File>,
}

impl Record {
    /// Opens, makes if it must, and locks. Blocks as long as the unit is being started by somebody else.
    pub(super) fn lock(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
        let file = Flock::lock(file, FlockArg::LockExclusive).map_err(|(_, error)| io::Error::from(error))?;
        Ok(Self { file })
    }

    /// The unit's process, if it lives.
    pub(super) fn alive(&self) -> Result<Option<ProcessIdentity>, ProcessError> {
        let mut text = [0; LONGEST];
        let length = self.file.read_at(&mut text, 0)?;
        let Some(identity) = parse(&text[..length]) else { return Ok(None) };
        match LiveProcess::open(&identity) {
            Ok(process) => Ok(Some(*process.identity())),
            Err(ProcessError::Gone { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Forgets the last process and makes room for the next.
    pub(super) fn begin(&self, boot_id: Uuid) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.write_all_at(format!("{boot_id}\n").as_bytes(), 0)
    }

    pub(super) fn file(&self) -> &File {
        &self.file
    }
}

fn parse(text: &[u8]) -> Option<ProcessIdentity> {
    let (boot_id, stat) = text.split_at_checked(CHILD_OFFSET as usize)?;
    let boot_id = Uuid::try_parse(std::str::from_utf8(boot_id).ok()?.trim_end()).ok()?;
    let end_of_pid = stat.iter().position(|byte| *byte == b' ')?;
    let pid = std::str::from_utf8(&stat[..end_of_pid]).ok()?.parse().ok()?;
    Some(ProcessIdentity { boot_id, pid, start_ticks: Stat::parse(stat)?.start_ticks })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_child_writes_is_read() {
        let stat = std::fs::read("/proc/self/stat").expect("we run");
        let own = ProcessIdentity::own().expect("we run");
        let mut text = format!("{}\n", own.boot_id).into_bytes();
        assert_eq!(text.len(), CHILD_OFFSET as usize);
        text.extend_from_slice(&stat);
        assert_eq!(parse(&text), Some(own));
    }

    #[test]
    fn half_a_record_is_nobody() {
        let boot = "4d1e3a52-8f0c-4c7b-9a57-0c6f1f6f2b11\n";
        for text in ["", "x", boot, &format!("{boot}12"), &format!("{boot}12 (cake) S 1 2"), &"x".repeat(200)] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
    }
}
