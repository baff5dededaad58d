//! One process, sampled cheaply: an open file per process, one buffer for all of them, no allocation.

use std::{fs::File, io};

use crate::process::{LiveProcess, ProcessError, Stat, StatBuffer, open_stat};

/// What a process has used and uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessUsage {
    /// Processor time since its start, nanoseconds over all threads.
    pub cpu_ns: u64,
    /// Resident memory in bytes, shared memory included.
    pub resident: u64,
}

/// Follows one process. The file belongs to the process, so a pid that is used again is never measured by mistake.
#[derive(Debug)]
pub struct ProcessMeter {
    stat: File,
}

impl ProcessMeter {
    pub fn open(process: &LiveProcess) -> Result<Self, ProcessError> {
        let stat = open_stat(process.pid())?;
        // Alive after the file was opened: the file is its own.
        if process.is_alive() { Ok(Self { stat }) } else { Err(ProcessError::Gone { pid: process.pid() }) }
    }
}

/// The buffer and the units, shared by all meters.
#[derive(Debug)]
pub struct Sampler {
    buffer: StatBuffer,
    nanoseconds_per_tick: u64,
    page: u64,
}

impl Sampler {
    pub fn new() -> Self {
        Self {
            buffer: StatBuffer::new(),
            nanoseconds_per_tick: 1_000_000_000 / ticks_per_second(),
            page: configured(nix::unistd::SysconfVar::PAGE_SIZE, 4096),
        }
    }

    /// `None` when the process has ended.
    pub fn sample(&mut self, meter: &ProcessMeter) -> io::Result<Option<ProcessUsage>> {
        match self.buffer.read_file(&meter.stat) {
            Ok(Stat { state: b'Z' | b'X', .. }) => Ok(None),
            Ok(Stat { cpu_ticks, resident_pages, .. }) => Ok(Some(ProcessUsage {
                cpu_ns: cpu_ticks.saturating_mul(self.nanoseconds_per_tick),
                resident: resident_pages.saturating_mul(self.page),
            })),
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl Default for Sampler {
    fn default() -> Self {
        Self::new()
    }
}

/// The kernel's unit of processor time.
pub(super) fn ticks_per_second() -> u64 {
    configured(nix::unistd::SysconfVar::CLK_TCK, 100)
}

fn configured(variable: nix::unistd::SysconfVar, otherwise: u64) -> u64 {
    let value = nix::unistd::sysconf(variable).ok().flatten();
    value.and_then(|value| u64::try_from(value).ok()).filter(|value| *value > 0).unwrap_or(otherwise)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn own_use_grows() {
        let own = LiveProcess::hold(std::process::id()).expect("we run");
        let meter = ProcessMeter::open(&own).expect("we run");
        let mut sampler = Sampler::new();
        let before = sampler.sample(&meter).expect("a sample").expect("alive");
        assert!(before.resident > 100_000, "{before:?}");
        let mut sum = 0u64;
        // Busy until a tick has passed.
        while sampler.sample(&meter).expect("a sample").expect("alive").cpu_ns == before.cpu_ns {
            sum = std::hint::black_box((0..100_000u64).fold(sum, u64::wrapping_add));
        }
    }

    #[tokio::test]
    async fn an_ended_process_uses_nothing() {
        let mut child = Command::new("cat").stdin(std::process::Stdio::piped()).spawn().expect("cat");
        let process = LiveProcess::hold(child.id()).expect("cat runs");
        let meter = ProcessMeter::open(&process).expect("cat runs");
        let mut sampler = Sampler::new();
        assert!(sampler.sample(&meter).expect("a sample").is_some());
        drop(child.stdin.take());
        child.wait().expect("it ends");
        assert_eq!(process.wait_exit().await.expect("it has ended"), None, "reaped by its parent");
        assert_eq!(sampler.sample(&meter).expect("a sample"), None);
    }
}
