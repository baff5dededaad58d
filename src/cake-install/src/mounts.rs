//! Mounting and unmounting, by the kernel's own calls.

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error)]
pub enum MountError {
    #[error("{device} can't be mounted as {kind} on {place}")]
    Mount {
        device: PathBuf,
        kind: &'static str,
        place: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{place} can't be unmounted")]
    Unmount {
        place: PathBuf,
        #[source]
        source: io::Error,
    },
}

/// One file of a boot partition that a power cut left half must not stop the others from being written, nor itself from being removed.
const GO_ON: &str = "errors=continue";

/// What lies on a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Xfs,
    Fat,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Xfs => "xfs",
            Self::Fat => "vfat",
        }
    }
}

/// A file system that is mounted for as long as this lives, unless it is kept.
#[derive(Debug)]
pub struct Mounted {
    place: PathBuf,
    kept: bool,
}

impl Mounted {
    /// Mounts for writing.
    pub fn new(device: &Path, kind: Kind, place: &Path) -> Result<Self, MountError> {
        Self::with(device, kind, place, MsFlags::empty())
    }

    /// Mounts a boot partition, for writing or not, and all that is on it is this user's.
    pub fn owned_by(device: &Path, place: &Path, uid: u32, write: bool) -> Result<Self, MountError> {
        let more = if write { MsFlags::empty() } else { MsFlags::MS_RDONLY };
        Self::as_told(device, Kind::Fat, place, more, Some(&format!("umask=0077,{GO_ON},uid={uid},gid={uid}")))
    }

    /// Mounts for reading only.
    pub fn read_only(device: &Path, kind: Kind, place: &Path) -> Result<Self, MountError> {
        Self::with(device, kind, place, MsFlags::MS_RDONLY)
    }

    fn with(device: &Path, kind: Kind, place: &Path, more: MsFlags) -> Result<Self, MountError> {
        // On a boot partition only root reads, or the key in it would be everybody's.
        let options = format!("umask=0077,{GO_ON}");
        Self::as_told(device, kind, place, more, (kind == Kind::Fat).then_some(options.as_str()))
    }

    fn as_told(
        device: &Path,
        kind: Kind,
        place: &Path,
        more: MsFlags,
        options: Option<&str>,
    ) -> Result<Self, MountError> {
        let error =
            |source| MountError::Mount { device: device.into(), kind: kind.name(), place: place.into(), source };
        fs::create_dir_all(place).map_err(error)?;
        // Nothing on these is a program or a device; who reads a file does not write its time.
        let flags = MsFlags::MS_NOATIME | MsFlags::MS_NODEV | MsFlags::MS_NOSUID | more;
        mount(Some(device), place, Some(kind.name()), flags, options).map_err(|errno| error(errno.into()))?;
        Ok(Self { place: place.to_owned(), kept: false })
    }

    pub fn place(&self) -> &Path {
        &self.place
    }

    /// It stays mounted.
    pub fn keep(mut self) {
        self.kept = true;
    }

    /// Writes everything that is still in memory, and unmounts.
    pub fn unmount(mut self) -> Result<(), MountError> {
        self.kept = true;
        let error = |source| MountError::Unmount { place: self.place.clone(), source };
        let folder = File::open(&self.place).map_err(error)?;
        nix::unistd::syncfs(&folder).map_err(|errno| error(errno.into()))?;
        drop(folder);
        umount2(&self.place, MntFlags::empty()).map_err(|errno| error(errno.into()))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        if !self.kept {
            let _ = umount2(&self.place, MntFlags::empty());
        }
    }
}

/// Is something mounted exactly here?
pub fn is_mounted(place: &Path) -> bool {
    places(&fs::read_to_string("/proc/self/mountinfo").unwrap_or_default()).iter().any(|mounted| mounted == place)
}

/// Unmounts everything below a folder, the last mounted first.
pub fn unmount_below(folder: &Path) -> Result<(), MountError> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    for place in places(&mounts).iter().rev().filter(|place| place.starts_with(folder)) {
        umount2(place, MntFlags::empty())
            .map_err(|errno| MountError::Unmount { place: place.clone(), source: errno.into() })?;
    }
    Ok(())
}

fn places(mounts: &str) -> Vec<PathBuf> {
    mounts.lines().filter_map(|line| line.split(' ').nth(4)).map(PathBuf::from).collect()
}

/// Forgets what the kernel keeps of a device in memory, so that the next who reads gets what is on the disk.
pub fn forget_cached(device: &Path) -> io::Result<()> {
    use std::os::fd::AsRawFd;
    nix::ioctl_none!(flush_buffers, 0x12, 97); // BLKFLSBUF, linux/fs.h
    let file = File::open(device)?;
    file.sync_all()?;
    // SAFETY: the descriptor is open, and this ioctl takes no argument.
    unsafe { flush_buffers(file.as_raw_fd()) }?;
    Ok(())
}
