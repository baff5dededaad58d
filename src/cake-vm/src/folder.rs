//! A VM's folder on the node, and the lock that says whether its QEMU lives.
//!
//! ```text
//!  vms/ID/   only root enters
//!    lock        held by QEMU for as long as it lives (fcntl(2) record lock: survives exec, ends with the process)
//!    plan.json   the last start
//!    qmp serial  sockets, bound before QEMU is executed
//!    qemu.log    what QEMU and the helper said, the last of it if it is much
//!    output      the guest's serial output: all of it once QEMU has ended, before that what QEMU's ring has given
//!    replaced    when and how the QEMU came in the place of another one, the guest running
//!    forwards    there while the ports that lead to the guest are not open again after that
//!    next/       lock, plan.json, qmp, serial, qemu.log of a QEMU that is to take the guest over, and
//!      meet/     where it listens for what it takes over
//!      decided   the guest is its guest from now on
//!    seed.img uefi-variables.fd tpm/
//! ```
//!
//! The kernel itself answers the question "does a QEMU of this VM run, and which process is it?": who asks for the lock is told
//! its holder's pid. There is no instant at which QEMU runs and this is not known, whatever was killed, and no record
//! that a power cut could leave behind. The helper takes the lock before it opens the first disk and ends if it is taken, so two
//! QEMUs of one VM can't exist.

use crate::plan::LaunchPlan;
use cake_host::process::{LiveProcess, ProcessError};
use cake_types::VmId;
use nix::fcntl::{FcntlArg, fcntl};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

/// The folder of one VM. Holding this value says nothing about whether it exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder(PathBuf);

/// Who holds the lock.
#[derive(Debug)]
pub enum Holder {
    Nobody,
    /// This process lives and is this VM's QEMU, or the helper that is about to become it.
    Process(LiveProcess),
}

impl Folder {
    /// `root` is the folder `vms` of the node's state.
    pub fn of(root: &Path, vm: VmId) -> Self {
        Self(root.join(vm.to_string()))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn plan(&self) -> PathBuf {
        self.0.join("plan.json")
    }

    pub fn lock(&self) -> PathBuf {
        self.0.join("lock")
    }

    pub fn uefi_variables(&self) -> PathBuf {
        self.0.join("uefi-variables.fd")
    }

    /// What the VM's TPM remembers. The VM's user's own.
    pub fn tpm(&self) -> PathBuf {
        self.0.join("tpm")
    }

    pub fn seed(&self) -> PathBuf {
        self.0.join("seed.img")
    }

    /// The guest's last serial output.
    pub fn output(&self) -> PathBuf {
        self.0.join("output")
    }

    /// What an earlier QEMU's guest said is not this one's past.
    pub fn forget_output(&self) -> io::Result<()> {
        match std::fs::remove_file(self.output()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    pub fn log(&self) -> PathBuf {
        self.0.join("qemu.log")
    }

    pub fn create(&self) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.0)
    }

    /// Removes everything. Only for a VM whose QEMU has ended.
    pub fn remove(&self) -> io::Result<()> {
        match std::fs::remove_dir_all(&self.0) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// The folder of the QEMU that is to take the guest over.
    pub fn next(&self) -> Self {
        Self(self.0.join("next"))
    }

    /// In [`Folder::next`]: where its QEMU listens. The VM's user's own.
    pub fn meet(&self) -> PathBuf {
        self.0.join("meet")
    }

    /// In [`Folder::next`]: there from the instant on at which the guest is its QEMU's.
    pub fn decided(&self) -> PathBuf {
        self.0.join("decided")
    }

    /// When, how and by which operation the QEMU came in the place of another one.
    pub fn replaced(&self) -> PathBuf {
        self.0.join("replaced")
    }

    /// There while the ports that lead to the guest are not open in the QEMU that took it over.
    pub fn forwards_missing(&self) -> PathBuf {
        self.0.join("forwards")
    }

    /// Makes the next QEMU's folder the VM's, once it is alone. Can be killed anywhere and done again; its lock moves last.
    pub fn promote(&self) -> io::Result<()> {
        let next = self.next();
        if let Some(plan) = LaunchPlan::read(&next.plan()) {
            let new = self.0.join("plan.new");
            let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
            file.write_all(&serde_json::to_vec(&LaunchPlan { meet: None, ..plan })?)?;
            std::fs::rename(new, self.plan())?;
        }
        for name in ["qmp", "serial", "qemu.log", "lock"] {
            match std::fs::rename(next.0.join(name), self.0.join(name)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        next.remove()
    }

    /// Asks the kernel who holds the lock; where nobody does, who holds that of a QEMU that took the guest over a moment ago.
    pub fn holder(&self) -> Result<Holder, ProcessError> {
        match self.own_holder()? {
            Holder::Process(process) => return Ok(Holder::Process(process)),
            Holder::Nobody => {}
        }
        match self.next().own_holder()? {
            Holder::Process(process) => Ok(Holder::Process(process)),
            // Its lock may have moved here in between.
            Holder::Nobody => self.own_holder(),
        }
    }

    pub(crate) fn own_holder(&self) -> Result<Holder, ProcessError> {
        let file = match File::open(self.lock()) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Holder::Nobody),
            Err(error) => return Err(error.into()),
        };
        loop {
            let Some(pid) = lock_holder(&file)? else { return Ok(Holder::Nobody) };
            match LiveProcess::hold(pid) {
                // Still its lock after we have hold of it: the pid can't have become somebody else's in between.
                Ok(process) if lock_holder(&file)? == Some(pid) => return Ok(Holder::Process(process)),
                Ok(_) | Err(ProcessError::Gone { .. }) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// A fresh listening socket, in the place of an older one.
    pub fn listen(&self, name: &str) -> io::Result<UnixListener> {
        let (_folder, path) = self.socket(name)?;
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        UnixListener::bind(path)
    }

    /// Connects to one of QEMU's sockets.
    pub async fn connect(&self, name: &str) -> io::Result<tokio::net::UnixStream> {
        let (_folder, path) = self.socket(name)?;
        tokio::net::UnixStream::connect(path).await
    }

    /// A path to a socket that is short whatever the state directory's path is: addresses have 108 bytes (unix(7)). Good
    /// for as long as the file is kept.
    fn socket(&self, name: &str) -> io::Result<(File, PathBuf)> {
        let folder = OpenOptions::new().read(true).custom_flags(libc::O_DIRECTORY | libc::O_PATH).open(&self.0)?;
        let path = format!("/proc/self/fd/{}/{name}", folder.as_raw_fd()).into();
        Ok((folder, path))
    }

    /// The log, for one more start; what earlier starts said is dropped.
    pub fn new_log(&self) -> io::Result<File> {
        let log = OpenOptions::new().append(true).create(true).mode(0o600).open(self.log())?;
        log.set_len(0)?;
        Ok(log)
    }

    /// Drops the beginning of a log that has grown too long. QEMU goes on at the new end, because it appends; a line that it
    /// writes at this very moment may be lost.
    pub fn trim_log(&self) -> io::Result<()> {
        const MOST: u64 = 1 << 20;
        const KEPT: u64 = 64 << 10;
        let mut log = match OpenOptions::new().read(true).append(true).open(self.log()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            log => log?,
        };
        let length = log.metadata()?.len();
        if length <= MOST {
            return Ok(());
        }
        let mut tail = vec![0; KEPT as usize];
        log.read_exact_at(&mut tail, length - KEPT)?;
        log.set_len(0)?;
        log.write_all(&tail)
    }

    /// The end of the log, for the person who asks why a start failed.
    pub fn log_tail(&self) -> String {
        const MOST: usize = 2000;
        let text = std::fs::read(self.log()).unwrap_or_default();
        let tail = &text[text.len().saturating_sub(MOST)..];
        String::from_utf8_lossy(tail).trim().to_owned()
    }
}

/// The pid that holds a write lock on the file.
fn lock_holder(file: impl AsFd) -> io::Result<Option<u32>> {
    let mut lock = record_lock();
    fcntl(file, FcntlArg::F_GETLK(&mut lock))?;
    Ok(if lock.l_type == libc::F_UNLCK as i16 { None } else { u32::try_from(lock.l_pid).ok() })
}

/// A write lock on a whole file. Of the kind that belongs to a process, not to a descriptor: it survives exec, and a child
/// of QEMU would not have it.
pub(crate) fn record_lock() -> libc::flock {
    libc::flock { l_type: libc::F_WRLCK as i16, l_whence: libc::SEEK_SET as i16, l_start: 0, l_len: 0, l_pid: 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_bounded_while_it_is_written() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::of(root.path(), VmId(uuid::Uuid::nil()));
        folder.trim_log().unwrap();
        folder.create().unwrap();
        let mut qemu = folder.new_log().unwrap();
        for number in 0..100_000 {
            writeln!(qemu, "warning {number:06}").unwrap();
        }
        folder.trim_log().unwrap();
        writeln!(qemu, "and on").unwrap();
        let log = std::fs::read_to_string(folder.log()).unwrap();
        assert!(log.len() < 128 << 10 && log.ends_with("warning 099999\nand on\n"), "{}", log.len());
    }
}
