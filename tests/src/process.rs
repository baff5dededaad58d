//! Processes that are certainly ended.

use anyhow::{Context, Result, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The descriptor on which a daemon says that it is ready.
const READY: i32 = 7;

/// A daemon that said that it is ready.
#[derive(Debug)]
pub struct Daemon {
    child: Child,
    log: PathBuf,
    /// What followed `ready` on its line.
    pub said: String,
}

impl Daemon {
    /// Starts a program with `--ready-fd` and waits for its line. Its end of the pipe closes when it dies, so a failed start
    /// is known at once.
    pub fn start(mut command: Command, log: &Path) -> Result<Self> {
        let (reading, writing) = nix::unistd::pipe()?;
        let output = File::options().create(true).append(true).open(log)?;
        command.arg("--ready-fd").arg(READY.to_string());
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        let descriptor = writing.as_raw_fd();
        // SAFETY: dup2 is async-signal-safe, and both numbers are plain integers. The descriptor that it makes has no
        // close-on-exec flag, which is what is wanted.
        unsafe {
            command.pre_exec(move || {
                if nix::libc::dup2(descriptor, READY) < 0 { Err(std::io::Error::last_os_error()) } else { Ok(()) }
            });
        }
        let (reading, writing) = (close_on_exec(reading)?, close_on_exec(writing)?);
        let child = command.spawn().with_context(|| format!("{command:?}"))?;
        drop(writing);
        let mut daemon = Self { child, log: log.into(), said: String::new() };
        let mut line = String::new();
        BufReader::new(File::from(reading)).read_line(&mut line)?;
        let ready = line.strip_prefix("ready").map(|rest| rest.trim().to_owned());
        ensure!(ready.is_some(), "{command:?} did not start:\n{}", daemon.log_tail());
        daemon.said = ready.unwrap_or_default();
        Ok(daemon)
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// `kill -9`, and its end.
    pub fn kill(&mut self) {
        // An error means that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Asks it to end and waits until it has.
    pub fn terminate(&mut self) -> Result<()> {
        if self.child.try_wait()?.is_none() {
            kill(Pid::from_raw(self.child.id().try_into()?), Signal::SIGTERM)?;
        }
        self.child.wait()?;
        Ok(())
    }

    /// The last lines of its log.
    pub fn log_tail(&self) -> String {
        let text = fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(60)..].join("\n")
    }

    pub fn resident(&self) -> Result<Resident> {
        Resident::of(self.pid())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("--- {}\n{}", self.log.display(), self.log_tail());
        }
    }
}

fn close_on_exec(descriptor: OwnedFd) -> Result<OwnedFd> {
    use nix::fcntl::{FcntlArg, FdFlag, fcntl};
    fcntl(descriptor.as_fd(), FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC))?;
    Ok(descriptor)
}

/// Resident memory of a process, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resident {
    /// `VmRSS` of proc(5).
    pub all: u64,
    /// `RssAnon`: what no file holds, and so nobody shares.
    pub anonymous: u64,
}

impl Resident {
    pub fn of(pid: u32) -> Result<Self> {
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        let bytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).with_context(|| format!("no {name}"))?;
            anyhow::Ok(line.trim().trim_end_matches("kB").trim().parse::<u64>()? * 1024)
        };
        Ok(Self { all: bytes("VmRSS:")?, anonymous: bytes("RssAnon:")? })
    }
}

/// A process of somebody else's, known by pid and start time, so that a reused pid is not taken for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Process {
    pub pid: u32,
    started: u64,
}

impl Process {
    pub fn find(pid: u32) -> Option<Self> {
        Some(Self { pid, started: started_at(pid)? })
    }

    pub fn is_alive(self) -> bool {
        Self::find(self.pid) == Some(self)
    }

    pub fn kill(self) {
        if self.is_alive()
            && let Ok(pid) = self.pid.try_into()
        {
            // It may have ended in between.
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }
}

/// The process exists and is no zombie.
pub fn is_alive(pid: u32) -> bool {
    started_at(pid).is_some()
}

/// Start time in ticks since boot (field 22 of /proc/PID/stat); `None` for a zombie and for nothing.
fn started_at(pid: u32) -> Option<u64> {
    let mut stat = String::new();
    File::open(format!("/proc/{pid}/stat")).ok()?.read_to_string(&mut stat).ok()?;
    // The name may hold anything, so fields are counted behind its closing bracket.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    if matches!(fields.next()?, "Z" | "X") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}
