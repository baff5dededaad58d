//! The line that a daemon writes when it answers, on a descriptor that whoever started it gave it for this.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{FromRawFd, OwnedFd, RawFd};

/// Writes `line` and closes the descriptor. Without one nobody waits.
pub fn tell(descriptor: Option<RawFd>, line: &str) -> io::Result<()> {
    let Some(descriptor) = descriptor else { return Ok(()) };
    // SAFETY: our caller made it for this and nobody else here uses it; it is closed afterwards.
    let mut pipe = File::from(unsafe { OwnedFd::from_raw_fd(descriptor) });
    writeln!(pipe, "{line}")
}
