//! Starting programs that outlive whoever started them.
//!
//! ```text
//!             LaunchRequest ──▶ Launcher::launch ──▶ ProcessIdentity (write it down)
//!   after a crash of ours:      Launcher::find   ──▶ the same process, whatever happened between
//! ```
//!
//! A unit's name belongs to at most one live process at a time. Both launchers know it durably *before* the program
//! runs: systemd because it is the one that starts it, the detached one because the child writes its own record before it
//! executes the program. So a launcher killed at any instruction starts nothing twice and loses nothing.
//!
//! Descriptors reach the program as systemd passes them to socket-activated services: from number 3 on, in order, named
//! by `LISTEN_FDNAMES`. The program takes them by [`take_descriptors`].

mod detached;
mod received;
mod record;
mod spawn;
mod systemd;

use std::{
    io,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
};

use async_trait::async_trait;
use nix::sys::signal::Signal;

pub use detached::DetachedLauncher;
pub use received::take_descriptors;
pub use systemd::SystemdLauncher;

use crate::process::{LiveProcess, ProcessError, ProcessIdentity};

/// The most characters of a unit's name, an ending such as `.service` not counted.
const LONGEST_NAME: usize = 200;

/// The most descriptors that a program can be given: the system bus takes 16 in a message, of which two are the output.
pub const MOST_DESCRIPTORS: usize = 14;

/// What to start.
#[derive(Debug)]
pub struct LaunchRequest {
    /// Lower-case letters, digits and dashes; unique among what runs.
    pub unit_name: String,
    /// For people who look at the list of units.
    pub description: String,
    /// Absolute.
    pub program: PathBuf,
    /// Without the program's name.
    pub arguments: Vec<String>,
    /// All that the program gets, apart from what the launcher itself adds; nothing is inherited.
    pub environment: Vec<(String, String)>,
    /// Become descriptors 3, 4, 5…; at most [`MOST_DESCRIPTORS`].
    pub descriptors: Vec<Descriptor>,
    /// Standard output and error. Absent: the journal, or nowhere.
    pub output: Option<OwnedFd>,
    /// Bytes, the whole unit together. Only systemd holds it: the other launcher owns no control group.
    pub memory_max: Option<u64>,
}

/// A descriptor with a name.
#[derive(Debug)]
pub struct Descriptor {
    /// Letters, digits, dashes, dots.
    pub name: String,
    pub descriptor: OwnedFd,
}

/// Starts programs, finds them again and ends them.
#[async_trait]
pub trait Launcher: Send + Sync {
    /// `systemd` or `detached`.
    fn name(&self) -> &'static str;

    /// Starts a program; returns once it is executed. Must be called inside a tokio runtime.
    async fn launch(&self, request: LaunchRequest) -> Result<ProcessIdentity, LaunchError>;

    /// The live process of a unit, if it has one. `recorded` is what an earlier [`Launcher::launch`] returned; it is
    /// believed only if that very process still lives, even if another launcher started it.
    async fn find(
        &self,
        unit_name: &str,
        recorded: Option<&ProcessIdentity>,
    ) -> Result<Option<ProcessIdentity>, LaunchError>;

    /// Ends a process at once and waits until it is gone. One that is gone already is no error.
    async fn kill(&self, identity: &ProcessIdentity) -> Result<(), LaunchError> {
        let process = match LiveProcess::open(identity) {
            Err(ProcessError::Gone { .. }) => return Ok(()),
            other => other?,
        };
        match process.signal(Signal::SIGKILL) {
            Ok(()) | Err(ProcessError::Gone { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        process.wait_exit().await?;
        Ok(())
    }
}

/// Why a program was not started or not found.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    #[error("{name:?} is no name for a unit or descriptor")]
    Name { name: String },
    #[error("more than {limit} descriptors for one program")]
    TooManyDescriptors { limit: usize },
    #[error("{unit} runs already")]
    AlreadyRunning { unit: String },
    #[error("{unit} could not be started: {because}")]
    NotStarted { unit: String, because: String },
    /// Only said where its process can't be seen any more.
    #[error("{unit} was started and ended at once")]
    EndedAtOnce { unit: String },
    #[error("{unit} was not started in time")]
    TimedOut { unit: String },
    #[error("systemd {version} is too old to start a program with descriptors: {least} can")]
    TooOld { version: String, least: u32 },
    #[error("cannot reach systemd")]
    Bus(#[from] zbus::Error),
    #[error("cannot look at a process")]
    Process(#[from] ProcessError),
    #[error("cannot {what}")]
    Io {
        what: &'static str,
        #[source]
        source: io::Error,
    },
}

impl LaunchError {
    fn io(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { what, source }
    }
}

/// Which launcher the administrator wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// systemd where it is pid 1, answers and is new enough, else detached.
    #[default]
    Automatic,
    Systemd,
    Detached,
}

impl FromStr for Choice {
    type Err = UnknownChoice;

    fn from_str(text: &str) -> Result<Self, UnknownChoice> {
        match text {
            "automatic" => Ok(Self::Automatic),
            "systemd" => Ok(Self::Systemd),
            "detached" => Ok(Self::Detached),
            _ => Err(UnknownChoice),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the launcher is automatic, systemd or detached")]
pub struct UnknownChoice;

/// Makes a launcher. `records`: the folder where the detached one keeps its records, on a file system of this machine.
pub async fn choose(choice: Choice, records: &Path) -> Result<Arc<dyn Launcher>, LaunchError> {
    match choice {
        Choice::Detached => Ok(Arc::new(DetachedLauncher::new(records)?)),
        Choice::Systemd => Ok(Arc::new(SystemdLauncher::connect().await?)),
        Choice::Automatic if !crate::bus::systemd_is_init() => Ok(Arc::new(DetachedLauncher::new(records)?)),
        Choice::Automatic => match SystemdLauncher::connect().await {
            Ok(launcher) => Ok(Arc::new(launcher)),
            Err(error) => {
                tracing::warn!(%error, "systemd runs but can't be used; programs are started detached: {error}");
                Ok(Arc::new(DetachedLauncher::new(records)?))
            }
        },
    }
}

fn check_unit_name(name: &str) -> Result<(), LaunchError> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if (1..=LONGEST_NAME).contains(&name.len()) && name.bytes().all(allowed) && !name.starts_with('-') {
        Ok(())
    } else {
        Err(LaunchError::Name { name: name.to_owned() })
    }
}

impl LaunchRequest {
    fn check(&self) -> Result<(), LaunchError> {
        check_unit_name(&self.unit_name)?;
        if self.descriptors.len() > MOST_DESCRIPTORS {
            return Err(LaunchError::TooManyDescriptors { limit: MOST_DESCRIPTORS });
        }
        self.descriptors.iter().try_for_each(|descriptor| check_descriptor_name(&descriptor.name))
    }
}

fn check_descriptor_name(name: &str) -> Result<(), LaunchError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    if (1..=LONGEST_NAME).contains(&name.len()) && name.bytes().all(allowed) {
        Ok(())
    } else {
        Err(LaunchError::Name { name: name.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for name in ["cake-vm-01", "a", &"x".repeat(200)] {
            assert!(check_unit_name(name).is_ok(), "{name}");
        }
        for name in ["", "-a", "A", "a b", "a/b", "..", "a.service", "é", "a\0", "a\n", &"x".repeat(201)] {
            assert!(check_unit_name(name).is_err(), "{name}");
        }
        for name in ["", "a:b", "a b", "a\n"] {
            assert!(check_descriptor_name(name).is_err(), "{name}");
        }
        assert!(check_descriptor_name("disk.vda_0").is_ok());
    }

    #[test]
    fn choices() {
        assert_eq!("systemd".parse(), Ok(Choice::Systemd));
        assert_eq!("docker".parse::<Choice>(), Err(UnknownChoice));
    }
}
