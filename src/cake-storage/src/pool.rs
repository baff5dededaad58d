//! A pool: a directory in which disks live, one file each, named after whom they were made for.

use crate::error::StorageError;
use cake_types::{ByteSize, DiskFile, PoolId, PoolStatus, VmId};
use nix::sys::statvfs::statvfs;
use nix::unistd::mkstemp;
use std::fs::{DirBuilder, File};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// The ending of a file that is not whole yet.
pub(crate) const HALF_MADE: &str = ".new";
/// The beginning of the names of files that only try something.
const PROBE: &str = ".reflink-";

nix::ioctl_write_int_bad!(ficlone, libc::FICLONE);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pool {
    path: PathBuf,
}

impl Pool {
    /// The directory is made if it does not exist; what a crash left half made is removed. Only for a pool that nobody has
    /// open: what is half made there may be somebody's work.
    pub fn open(path: &Path) -> Result<Self, StorageError> {
        DirBuilder::new().recursive(true).mode(0o711).create(path).map_err(StorageError::io("create", path))?;
        let pool = Self { path: path.canonicalize().map_err(StorageError::io("find", path))? };
        pool.sweep().map_err(StorageError::io("sweep", path))?;
        Ok(pool)
    }

    /// Opens a pool that was marked before. Nothing is made: a directory without the mark is what lies under the pool while its
    /// file system is not mounted.
    pub fn open_marked(path: &Path, id: PoolId) -> Result<Self, StorageError> {
        let pool = Self { path: path.canonicalize().map_err(StorageError::io("find", path))? };
        let mark = pool.mark_of(id);
        if !mark.try_exists().map_err(StorageError::io("look for", &mark))? {
            return Err(StorageError::NotThePool { mark });
        }
        pool.sweep().map_err(StorageError::io("sweep", path))?;
        Ok(pool)
    }

    /// Leaves the pool's id in the directory, durably. Several pools may share one.
    pub fn mark(&self, id: PoolId) -> Result<(), StorageError> {
        let mark = self.mark_of(id);
        File::create(&mark).and_then(|file| file.sync_all()).map_err(StorageError::io("create", &mark))?;
        self.sync()
    }

    fn mark_of(&self, id: PoolId) -> PathBuf {
        self.path.join(format!(".cake-pool-{id}"))
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where images that were imported lie.
    pub fn images(&self) -> PathBuf {
        self.path.join("images")
    }

    /// Where files lie that were made of VMs.
    pub fn exports(&self) -> PathBuf {
        self.path.join("exports")
    }

    /// Where a disk is, or would be.
    pub fn volume(&self, file: DiskFile) -> PathBuf {
        self.path.join(format!("{file}.raw"))
    }

    /// Removes a disk, durably. One that is not there is as good as removed.
    pub fn remove_volume(&self, file: DiskFile) -> Result<(), StorageError> {
        let path = self.volume(file);
        match std::fs::remove_file(&path) {
            Ok(()) => self.sync(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(source) => Err(StorageError::Io { what: "remove", path, source }),
        }
    }

    /// Removes all disks that were made for a VM, whole or not, durably; but not those whose numbers are in `kept`.
    pub fn remove(&self, vm: VmId, kept: &[u32]) -> Result<(), StorageError> {
        let own = format!("{vm}-");
        let kept: Vec<String> = kept.iter().map(|number| format!("{}.raw", DiskFile::of_vm(vm, *number))).collect();
        let goes = |name: &str| {
            name.starts_with(&own)
                && (name.ends_with(".raw") || name.ends_with(HALF_MADE))
                && !kept.iter().any(|kept| kept == name)
        };
        let volumes = self.entries(goes).map_err(StorageError::io("read", &self.path))?;
        for path in &volumes {
            std::fs::remove_file(path).map_err(StorageError::io("remove", path))?;
        }
        if volumes.is_empty() { Ok(()) } else { self.sync() }
    }

    /// What is so, by really looking and trying.
    pub fn status(&self) -> PoolStatus {
        let path = self.path.display().to_string();
        let measured = self.room();
        let reflink = self.try_reflink();
        let problem = measured.as_ref().err().or(reflink.as_ref().err()).map(ToString::to_string);
        let (size, free) = measured.as_ref().map_or_else(|_| Default::default(), |room| (room.size, room.for_disks()));
        PoolStatus {
            path,
            file_system: file_system(&self.path).unwrap_or_default(),
            size,
            free,
            reflink: reflink.unwrap_or(false),
            available: problem.is_none(),
            detail: problem,
        }
    }

    /// How much more can be kept here.
    pub fn free(&self) -> io::Result<ByteSize> {
        Ok(self.room()?.for_disks())
    }

    pub(crate) fn room(&self) -> io::Result<Room> {
        let stat = statvfs(&self.path)?;
        // As df(1) counts: blocks that are kept back for root are neither used nor free.
        let held_back = stat.blocks_free().saturating_sub(stat.blocks_available());
        let size = stat.blocks().saturating_sub(held_back) * stat.fragment_size();
        Ok(Room {
            size: ByteSize(size),
            free: ByteSize(stat.blocks_available() * stat.fragment_size()),
            reserve: ByteSize((size / 20).min(ByteSize::gib(1).bytes())),
        })
    }

    pub(crate) fn sync(&self) -> Result<(), StorageError> {
        File::open(&self.path).and_then(|folder| folder.sync_all()).map_err(StorageError::io("sync", &self.path))
    }

    /// Clones one block of one file to another. An error means that not even files can be made here.
    fn try_reflink(&self) -> io::Result<bool> {
        // Names of their own, for as long as it takes to remove them: two may look at the same time.
        let make = || {
            let (descriptor, path) = mkstemp(&self.path.join(format!("{PROBE}XXXXXX")))?;
            std::fs::remove_file(path)?;
            io::Result::Ok(File::from(descriptor))
        };
        let (from, to) = (make()?, make()?);
        let cloned = io::Write::write_all(&mut &from, &[0x5a; 4096]).and_then(|()| clone_file(&from, &to));
        match cloned {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::StorageFull => Err(error),
            Err(_) => Ok(false),
        }
    }

    fn sweep(&self) -> io::Result<()> {
        let left = self.entries(|name| name.ends_with(HALF_MADE) || name.starts_with(PROBE))?;
        left.iter().try_for_each(|path| match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        })
    }

    fn entries(&self, wanted: impl Fn(&str) -> bool) -> io::Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(&self.path)? {
            let entry = entry?;
            if entry.file_name().to_str().is_some_and(&wanted) {
                found.push(entry.path());
            }
        }
        Ok(found)
    }
}

/// How large a pool is and what of it is free.
pub(crate) struct Room {
    size: ByteSize,
    pub free: ByteSize,
    /// What a disk may not use: a twentieth of the pool, at most a GiB, so that the node itself can go on writing.
    pub reserve: ByteSize,
}

impl Room {
    /// The largest disk that is accepted. Everybody is told this one number, so that nobody accepts what the node refuses.
    pub fn for_disks(&self) -> ByteSize {
        ByteSize(self.free.bytes().saturating_sub(self.reserve.bytes()))
    }
}

/// Shares all of `from`'s blocks with `to` (FICLONE, ioctl_ficlone(2)).
pub(crate) fn clone_file(from: &File, to: &File) -> io::Result<()> {
    // SAFETY: FICLONE takes the descriptor to clone from by value; both are open.
    unsafe { ficlone(to.as_raw_fd(), from.as_raw_fd()) }?;
    Ok(())
}

/// The type of the file system, as the mount table names it.
fn file_system(path: &Path) -> Option<String> {
    let table = std::fs::read_to_string("/proc/self/mounts").ok()?;
    let mounts = table.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(1);
        // The table writes odd characters in octal; such mount points are left to the one above them.
        Some((fields.next()?, fields.next()?))
    });
    let holds = |(at, _): &(&str, &str)| path.starts_with(at);
    // The longest wins, and of those mounted on each other the last.
    mounts.filter(holds).max_by_key(|(at, _)| at.len()).map(|(_, kind)| kind.to_owned())
}
