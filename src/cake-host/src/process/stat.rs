//! `/proc/PID/stat`, read without allocating.

use std::{fmt::Write as _, fs::File, io, os::unix::fs::FileExt};

/// The fields that cake uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stat {
    /// `R`, `S`, `D`, `Z`…
    pub(crate) state: u8,
    /// Time in user space and in the kernel, in clock ticks, all threads.
    pub(crate) cpu_ticks: u64,
    pub(crate) start_ticks: u64,
    pub(crate) resident_pages: u64,
}

impl Stat {
    /// The name in brackets may hold spaces, brackets and line ends: what counts starts after the last bracket.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        let end_of_name = text.iter().rposition(|byte| *byte == b')')?;
        let rest = std::str::from_utf8(&text[end_of_name + 1..]).ok()?;
        // Numbered as in proc(5): the state is field 3.
        let mut fields = rest.split_ascii_whitespace();
        let mut at = 3;
        let mut field = |number: usize| {
            let found = fields.nth(number - at);
            at = number + 1;
            found
        };
        let state = *field(3)?.as_bytes().first()?;
        let user: u64 = field(14)?.parse().ok()?;
        let system: u64 = field(15)?.parse().ok()?;
        let start_ticks = field(22)?.parse().ok()?;
        let resident_pages = field(24)?.parse().ok()?;
        Some(Self { state, cpu_ticks: user.saturating_add(system), start_ticks, resident_pages })
    }
}

/// Room for one `stat` file, used again for every process.
#[derive(Debug)]
pub(crate) struct StatBuffer {
    text: [u8; 1024],
}

impl StatBuffer {
    pub(crate) const fn new() -> Self {
        Self { text: [0; 1024] }
    }

    pub(crate) fn read(&mut self, pid: u32) -> io::Result<Stat> {
        self.read_file(&open(pid)?)
    }

    /// Reads an open `stat` file again: it belongs to the process that it was opened for, not to the pid.
    pub(crate) fn read_file(&mut self, file: &File) -> io::Result<Stat> {
        let length = file.read_at(&mut self.text, 0)?;
        Stat::parse(&self.text[..length])
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "an unreadable /proc/PID/stat"))
    }
}

/// Opens a process's `stat`.
pub(crate) fn open(pid: u32) -> io::Result<File> {
    let mut path = StackPath { text: [0; 32], length: 0 };
    write!(path, "/proc/{pid}/stat").map_err(io::Error::other)?;
    let descriptor = nix::fcntl::open(
        path.as_path(),
        nix::fcntl::OFlag::O_RDONLY | nix::fcntl::OFlag::O_CLOEXEC,
        nix::sys::stat::Mode::empty(),
    )?;
    Ok(File::from(descriptor))
}

struct StackPath {
    text: [u8; 32],
    length: usize,
}

impl StackPath {
    fn as_path(&self) -> &[u8] {
        &self.text[..self.length]
    }
}

impl std::fmt::Write for StackPath {
    fn write_str(&mut self, part: &str) -> std::fmt::Result {
        let end = self.length + part.len();
        self.text.get_mut(self.length..end).ok_or(std::fmt::Error)?.copy_from_slice(part.as_bytes());
        self.length = end;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_hold_anything() {
        let text = b"4711 (a) S 1 (b\n) c) Z 1 4711 4711 0 -1 4194560 100 0 5 0 70 30 0 0 20 0 1 0 123456 9000000 250 18446744073709551615 1";
        let expected = Stat { state: b'Z', cpu_ticks: 100, start_ticks: 123456, resident_pages: 250 };
        assert_eq!(Stat::parse(text), Some(expected));
    }

    #[test]
    fn nonsense_is_none() {
        for text in ["", "4711", "1 (x)", "1 (x) S 1 2 3", "1 (x) S a b c d e f g h i j k l m n o p q r s t u v w"] {
            assert_eq!(Stat::parse(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn own_process() {
        let stat = StatBuffer::new().read(std::process::id()).expect("we run");
        assert!(stat.resident_pages > 0 && stat.start_ticks > 0 && stat.state != b'Z');
    }
}
