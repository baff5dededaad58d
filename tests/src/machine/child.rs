//! A program that is started beside a test and certainly ended with it.

use anyhow::{Context, Result};
use nix::libc;
use nix::sched::{CloneFlags, setns};
use nix::sys::signal::Signal;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child as Process, Command, ExitStatus, Stdio};
use tokio::io::unix::AsyncFd;

/// Under which number a program finds the descriptor that it is given.
pub const GIVEN: i32 = 3;

/// A running program, known by its pidfd: its end is an event, and no other process is ever meant.
#[derive(Debug)]
pub struct Child {
    process: Process,
    pidfd: AsyncFd<OwnedFd>,
    log: PathBuf,
}

/// What a program gets besides its arguments.
#[derive(Debug, Default)]
pub struct Gets<'a> {
    /// An open descriptor, which becomes number [`GIVEN`].
    pub descriptor: Option<OwnedFd>,
    /// The network namespace that it lives in.
    pub network: Option<&'a File>,
}

impl Child {
    /// Starts it; what it prints goes to `log`.
    pub fn start(mut command: Command, log: &Path, gets: Gets<'_>) -> Result<Self> {
        let output = File::options().create(true).append(true).open(log)?;
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        let descriptor = gets.descriptor.as_ref().map(AsRawFd::as_raw_fd);
        let network = gets.network.map(File::try_clone).transpose()?;
        // SAFETY: between fork and exec only system calls are made; the descriptors live until the program has started.
        unsafe {
            command.pre_exec(move || {
                if let Some(network) = &network {
                    setns(network, CloneFlags::CLONE_NEWNET)?;
                }
                // A test that is killed can't end its children itself.
                nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?;
                descriptor.map_or(Ok(()), place)
            });
        }
        let process = command.spawn().with_context(|| format!("{command:?}"))?;
        // SAFETY: an owned descriptor is open, and the same, as long as it lives.
        let pidfd = unsafe { AsyncFd::register(pidfd_of(&process)?) }?;
        Ok(Self { process, pidfd, log: log.into() })
    }

    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    pub fn is_running(&mut self) -> bool {
        matches!(self.process.try_wait(), Ok(None))
    }

    /// Waits for its end. Dropping the future loses nothing.
    pub async fn ended(&mut self) -> Result<ExitStatus> {
        // A pidfd is readable once its process has ended.
        let _ = self.pidfd.readable().await?;
        Ok(self.process.wait()?)
    }

    /// `kill -9`, and its end.
    pub fn kill(&mut self) {
        // An error means that it has ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// What it printed.
    pub fn said(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Puts a descriptor where the program looks for it, open across exec.
fn place(descriptor: i32) -> io::Result<()> {
    // SAFETY: both system calls take plain integers.
    let done = unsafe {
        if descriptor == GIVEN { libc::fcntl(descriptor, libc::F_SETFD, 0) } else { libc::dup2(descriptor, GIVEN) }
    };
    if done < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn pidfd_of(process: &Process) -> Result<OwnedFd> {
    // SAFETY: plain integers; the process has not been waited for, so its pid is its own.
    let descriptor = unsafe { libc::syscall(libc::SYS_pidfd_open, process.id(), 0) };
    let descriptor = i32::try_from(descriptor)?;
    if descriptor < 0 {
        return Err(io::Error::last_os_error()).context("pidfd_open");
    }
    // SAFETY: the kernel has just made it for us.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}
