//! Carries out a plan. It begins anew each time, so that it can be killed at any instruction and run again.

mod boot;
mod settle;
mod table;
mod verify;

pub use table::{MARK, MARK_AT, MARK_ROOM};

use crate::answers::Answers;
use crate::arrays::{self, ArrayError};
use crate::disks::OWN_MOUNTS;
use crate::luks::{self, LuksError, TpmPolicy};
use crate::mounts::MountError;
use crate::plan::{Plan, Step, Unlock, Volume};
use crate::release::{ReleaseError, release};
use crate::secret::Secret;
use crate::tool::{ToolError, Tools};
use cake_types::Name;
use nix::fcntl::{Flock, FlockArg};
use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use uuid::Uuid;

/// What is put in place.
#[derive(Clone, Debug)]
pub struct Files {
    /// The signed file with kernel and root.
    pub firmware: PathBuf,
    /// systemd-boot.
    pub boot_loader: PathBuf,
    /// Part of a file's name: letters, digits, `.`, `~`, `-`.
    pub version: String,
    /// Needed where the plan's state is opened by a TPM.
    pub tpm: Option<TpmPolicy>,
}

/// How far it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress<'a> {
    /// From 0 to 1.
    pub fraction: f64,
    /// From 1.
    pub number: usize,
    pub of: usize,
    pub step: &'a Step,
}

#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    #[error("{path} can't be written or read")]
    Io {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("there is no randomness for keys")]
    Random(#[source] std::io::Error),
    #[error("the version {0:?} can't be part of a file's name: letters, digits, “.”, “~” and “-” can")]
    Version(String),
    #[error("the plan wants the TPM to open the state, but no public key was given")]
    NoPolicy,
    #[error("{0} is another disk now than when the plan was made")]
    Changed(String),
    #[error("what was written to {what} is not what is read from it: the disk or its cable is broken")]
    Different { what: String },
    #[error("{what}, which was just written, can't be opened again")]
    Closed { what: String },
    #[error("settings can't be written as TOML")]
    Toml(#[from] toml::ser::Error),
    #[error(transparent)]
    Release(#[from] ReleaseError),
    #[error(transparent)]
    Array(#[from] ArrayError),
    #[error(transparent)]
    Luks(#[from] LuksError),
    #[error(transparent)]
    Mount(#[from] MountError),
    #[error(transparent)]
    Efi(#[from] cake_efi::EfiError),
    #[error(transparent)]
    Tool(#[from] ToolError),
}

/// An installation under way.
pub struct Apply<'a> {
    pub plan: &'a Plan,
    pub answers: &'a Answers,
    pub files: &'a Files,
    /// Opens the state and every pool, whatever becomes of the rest.
    pub recovery: &'a Secret,
    pub tools: &'a Tools<'a>,
    /// When it happens, as the installation will say.
    pub now: jiff::Timestamp,
}

/// What one step leaves for the next.
struct Work<'a> {
    asked: &'a Apply<'a>,
    ids: table::Ids,
    /// Where each volume lies encrypted: an array or a partition.
    devices: BTreeMap<String, PathBuf>,
    /// Opens the state where no TPM does.
    key_file: Option<Secret>,
    /// SHA-256 of what was copied, by the file's place in the boot partition.
    sums: BTreeMap<&'static str, [u8; 32]>,
}

impl Apply<'_> {
    /// Does everything, telling how far it is. Whatever happens, nothing is left open or mounted.
    ///
    /// # Errors
    /// The first thing that went wrong. The same plan can then be carried out again; until then the disks boot nothing, unless
    /// [`Step::Boot`] was reached, and then everything is in place.
    pub fn run(&self, progress: &mut dyn FnMut(Progress<'_>)) -> Result<(), ApplyError> {
        let done = self.checked().and_then(|()| self.steps(progress));
        let never = AtomicBool::new(false);
        let left = release(&Tools::new(&never), &self.disks());
        done?;
        Ok(left?)
    }

    fn disks(&self) -> Vec<String> {
        self.plan.disks.iter().map(|disk| disk.name.clone()).collect()
    }

    /// What can be known to fail before a disk is touched.
    fn checked(&self) -> Result<(), ApplyError> {
        let version = &self.files.version;
        let plain = |c: char| c.is_ascii_alphanumeric() || ".~-".contains(c);
        if version.is_empty() || version.len() > 64 || !version.chars().all(plain) {
            return Err(ApplyError::Version(version.clone()));
        }
        if self.plan.unlock == Unlock::Tpm && self.files.tpm.is_none() {
            return Err(ApplyError::NoPolicy);
        }
        let policy = self.files.tpm.as_ref().map(|policy| &policy.public_key);
        for path in [Some(&self.files.firmware), Some(&self.files.boot_loader), policy].into_iter().flatten() {
            File::open(path).map_err(|source| ApplyError::Io { path: path.clone(), source })?;
        }
        for disk in &self.plan.disks {
            let sectors = std::fs::read_to_string(Path::new("/sys/block").join(&disk.name).join("size"));
            if sectors.ok().and_then(|text| text.trim().parse::<u64>().ok()) != Some(disk.size / 512) {
                return Err(ApplyError::Changed(disk.name.clone()));
            }
        }
        Ok(())
    }

    fn steps(&self, progress: &mut dyn FnMut(Progress<'_>)) -> Result<(), ApplyError> {
        let steps = &self.plan.steps;
        let all: u64 = steps.iter().map(Step::bytes).sum();
        let mut before = 0;
        let mut work = Work {
            asked: self,
            ids: table::Ids::new(self.plan),
            devices: BTreeMap::new(),
            key_file: None,
            sums: BTreeMap::new(),
        };
        // While somebody holds these locks udev looks at no partition, and so puts together no array behind our back
        // (systemd.io/BLOCK_DEVICE_LOCKING).
        let mut locks = Vec::new();
        for (number, step) in (1..).zip(steps) {
            self.tools.check_cancelled()?;
            let mut within = |bytes: u64| {
                let fraction = (before + bytes.min(step.bytes())) as f64 / all.max(1) as f64;
                progress(Progress { fraction, number, of: steps.len(), step });
            };
            within(0);
            work.step(step, &mut within)?;
            if locks.is_empty() {
                locks = self.disks().iter().map(|disk| locked(disk)).collect::<Result<_, _>>()?;
            }
            before += step.bytes();
        }
        Ok(())
    }
}

fn locked(disk: &str) -> Result<Flock<File>, ApplyError> {
    let path = Path::new("/dev").join(disk);
    let error = |source| ApplyError::Io { path: path.clone(), source };
    let file = File::open(&path).map_err(error)?;
    Flock::lock(file, FlockArg::LockExclusive).map_err(|(_, errno)| error(errno.into()))
}

impl Work<'_> {
    fn step(&mut self, step: &Step, within: &mut dyn FnMut(u64)) -> Result<(), ApplyError> {
        let tools = self.asked.tools;
        match step {
            Step::Release { disks } => Ok(release(tools, disks)?),
            Step::Wipe { disk } => table::wipe(tools, disk),
            Step::Divide { disk } => self.divide(disk),
            Step::FormatBoot { part } => boot::format(tools, part),
            Step::Array { volume } => self.array(volume),
            Step::Encrypt { volume } => self.encrypt(volume),
            Step::Format { volume } => self.format(volume),
            Step::Enrol { unlock } => self.enrol(*unlock),
            Step::Settle { .. } => self.settle(),
            Step::Firmware { part, .. } => self.firmware(part, within),
            Step::Verify { .. } => self.verify(within),
            Step::Boot { part } => self.boot(part),
            Step::Name { disk } => self.name(disk),
            Step::Entries { .. } => self.entries(),
        }
    }

    fn array(&mut self, volume: &Volume) -> Result<(), ApplyError> {
        let Some(level) = volume.level else { return Ok(()) };
        let device = arrays::create(self.asked.tools, &volume.name, level, &volume.members)?;
        self.devices.insert(volume.name.clone(), device);
        Ok(())
    }

    /// Where a volume lies encrypted.
    fn device(&self, volume: &Volume) -> PathBuf {
        let alone = || Path::new("/dev").join(&volume.members[0]);
        self.devices.get(&volume.name).cloned().unwrap_or_else(alone)
    }

    fn encrypt(&mut self, volume: &Volume) -> Result<(), ApplyError> {
        let (tools, device) = (self.asked.tools, self.device(volume));
        luks::format(tools, &device, &volume.name, self.asked.recovery)?;
        if !luks::open(tools, &device, &volume.name, self.asked.recovery)? {
            return Err(ApplyError::Closed { what: volume.name.clone() });
        }
        Ok(())
    }

    fn format(&mut self, volume: &Volume) -> Result<(), ApplyError> {
        Ok(luks::make_xfs(self.asked.tools, &volume.name, &volume.label)?)
    }

    fn enrol(&mut self, unlock: Unlock) -> Result<(), ApplyError> {
        let (tools, recovery) = (self.asked.tools, self.asked.recovery);
        let device = self.device(&self.asked.plan.state);
        match unlock {
            Unlock::Tpm => {
                let policy = self.asked.files.tpm.as_ref().ok_or(ApplyError::NoPolicy)?;
                luks::enrol_tpm(tools, &device, recovery, policy)?;
            }
            Unlock::KeyFile => {
                let key = Secret::key_file().map_err(ApplyError::Random)?;
                luks::add_key(tools, &device, recovery, &key)?;
                self.key_file = Some(key);
            }
        }
        Ok(())
    }

    /// The name that the cloud will have, where the answers say it.
    fn cloud(&self) -> Option<&Name> {
        self.asked.answers.setup.as_ref().map(|setup| &setup.name)
    }
}

/// Where something of an installation under way is mounted.
fn own_mount(name: &str) -> PathBuf {
    Path::new(OWN_MOUNTS).join(name)
}

fn io(path: &Path) -> impl Fn(std::io::Error) -> ApplyError {
    move |source| ApplyError::Io { path: path.to_owned(), source }
}

/// Writes a file that only root reads, and waits until it is on the disk.
fn write_file(path: &Path, content: &[u8]) -> Result<(), ApplyError> {
    crate::kept::write_secret(path, content).map_err(io(path))
}

/// Makes a folder that only root reads; it may be there.
fn folder(path: &Path) -> Result<(), ApplyError> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(io(path))
}

fn guid() -> Uuid {
    Uuid::new_v4()
}
