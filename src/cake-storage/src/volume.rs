//! Making a disk: whole or not at all.
//!
//! ```text
//!  POOL/ID-0.raw.new ── filled (cloned, or copied without its holes) ── grown ── owned ── synced ── renamed ──► ID-0.raw
//! ```

use crate::error::StorageError;
use crate::pool::{HALF_MADE, Pool, clone_file};
use cake_types::{ByteSize, DiskFile};
use nix::unistd::{Gid, Uid, Whence, fchown, lseek64};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Copied between two looks at whether it is still wanted.
const STEP: usize = 8 << 20;

/// A disk as asked.
#[derive(Clone, Debug)]
pub struct VolumeRequest<'a> {
    pub file: DiskFile,
    pub size: ByteSize,
    /// A raw image that it begins as; empty without.
    pub image: Option<&'a Path>,
    /// Its user: the VM's own; nobody but root while it is in none.
    pub owner: u32,
}

/// How far it is, in bytes of data. Answers whether it is still wanted.
pub type Watch<'a> = &'a dyn Fn(u64, u64) -> bool;

/// Makes the disk, or grows the one that is there. Gives its path.
pub fn make(pool: &Pool, request: &VolumeRequest<'_>, watch: Watch<'_>) -> Result<PathBuf, StorageError> {
    let path = pool.volume(request.file);
    match OpenOptions::new().write(true).custom_flags(libc::O_NOFOLLOW).open(&path) {
        Ok(file) => {
            grow(pool, &file, &path, request.size)?;
            return Ok(path);
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(source) => return Err(StorageError::Io { what: "open", path, source }),
    }
    check_room(pool, request.size)?;
    let half = PathBuf::from(format!("{}{HALF_MADE}", path.display()));
    let made = fill(&half, request, watch)
        .and_then(|()| std::fs::rename(&half, &path).map_err(StorageError::io("rename", &half)))
        .and_then(|()| pool.sync());
    if made.is_err() {
        // Nothing half made stays; what can't be removed now goes when the pool is opened again.
        let _ = std::fs::remove_file(&half);
    }
    made.map(|()| path)
}

/// Gives a disk that is there to another user, and to that user alone.
pub fn give(path: &Path, owner: u32) -> Result<(), StorageError> {
    let open = OpenOptions::new().write(true).custom_flags(libc::O_NOFOLLOW).open(path);
    let file = open.map_err(StorageError::io("open", path))?;
    let (user, group) = (Uid::from_raw(owner), Gid::from_raw(owner));
    fchown(&file, Some(user), Some(group)).map_err(|error| StorageError::io("give away", path)(error.into()))
}

/// Refuses what could not be written in full. Disks are made sparse, but a promise is a promise.
fn check_room(pool: &Pool, asked: ByteSize) -> Result<(), StorageError> {
    let room = pool.room().map_err(StorageError::io("measure", pool.path()))?;
    if asked > room.for_disks() {
        return Err(StorageError::NoSpace { asked, free: room.free, reserve: room.reserve });
    }
    Ok(())
}

/// How a file that is ours alone is opened: read and written, and never through a link.
pub fn own_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o600).custom_flags(libc::O_NOFOLLOW);
    options
}

fn fill(half: &Path, request: &VolumeRequest<'_>, watch: Watch<'_>) -> Result<(), StorageError> {
    let file = own_file().create(true).truncate(true).open(half).map_err(StorageError::io("create", half))?;
    if let Some(image) = request.image {
        let source = File::open(image).map_err(StorageError::io("open", image))?;
        let size = source.metadata().map_err(StorageError::io("look at", image))?.len();
        if size > request.size.bytes() {
            return Err(StorageError::SmallerThanImage { asked: request.size, image: ByteSize(size) });
        }
        if clone_file(&source, &file).is_err() {
            file.set_len(size).map_err(StorageError::io("grow", half))?;
            copy_data(&source, &file, watch).map_err(|error| error.in_file(half))?;
        }
    }
    file.set_len(request.size.bytes()).map_err(StorageError::io("grow", half))?;
    let owner = (Uid::from_raw(request.owner), Gid::from_raw(request.owner));
    fchown(&file, Some(owner.0), Some(owner.1)).map_err(|error| StorageError::io("give away", half)(error.into()))?;
    file.sync_all().map_err(StorageError::io("sync", half))
}

fn grow(pool: &Pool, file: &File, path: &Path, size: ByteSize) -> Result<(), StorageError> {
    let is = file.metadata().map_err(StorageError::io("look at", path))?.len();
    if is > size.bytes() {
        return Err(StorageError::Shrinks { from: ByteSize(is), to: size });
    }
    if is < size.bytes() {
        check_room(pool, ByteSize(size.bytes() - is))?;
        file.set_len(size.bytes()).map_err(StorageError::io("grow", path))?;
    }
    Ok(())
}

enum CopyError {
    Cancelled,
    Io(io::Error),
}

impl CopyError {
    fn in_file(self, path: &Path) -> StorageError {
        match self {
            Self::Cancelled => StorageError::Cancelled,
            Self::Io(source) => StorageError::Io { what: "copy an image to", path: path.to_owned(), source },
        }
    }
}

impl From<io::Error> for CopyError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<nix::Error> for CopyError {
    fn from(error: nix::Error) -> Self {
        Self::Io(error.into())
    }
}

/// Copies what is not a hole (SEEK_DATA, lseek(2)) inside the kernel.
fn copy_data(from: &File, to: &File, watch: Watch<'_>) -> Result<(), CopyError> {
    let metadata = from.metadata()?;
    let (end, total) = (metadata.len() as i64, (metadata.blocks() * 512).min(metadata.len()));
    let (mut at, mut done) = (0i64, 0u64);
    while at < end {
        let start = match lseek64(from, at, Whence::SeekData) {
            Ok(start) => start,
            // Only a hole is left.
            Err(nix::Error::ENXIO) => break,
            Err(error) => return Err(error.into()),
        };
        let hole = lseek64(from, start, Whence::SeekHole)?;
        let (mut read, mut write) = (start, start);
        while read < hole {
            let step = usize::try_from(hole - read).unwrap_or(STEP).min(STEP);
            let copied = copy_range(from, &mut read, to, &mut write, step)?;
            if copied == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
            done += copied as u64;
            if !watch(done.min(total), total) {
                return Err(CopyError::Cancelled);
            }
        }
        at = hole;
    }
    Ok(())
}

/// copy_file_range(2): at most `most` bytes; both offsets move on. Between file systems of two kinds the kernel does not copy (EXDEV):
/// the appliance's own images lie on a squashfs, pools on XFS.
fn copy_range(from: &File, read: &mut i64, to: &File, write: &mut i64, most: usize) -> io::Result<usize> {
    // SAFETY: two open descriptors and two offsets that live through the call.
    let copied = unsafe { libc::copy_file_range(from.as_raw_fd(), read, to.as_raw_fd(), write, most, 0) };
    match nix::Error::result(copied) {
        Ok(copied) => Ok(copied as usize),
        Err(nix::Error::EXDEV | nix::Error::EOPNOTSUPP) => copy_through_memory(from, read, to, write, most),
        Err(error) => Err(error.into()),
    }
}

/// The same with a buffer of our own.
fn copy_through_memory(from: &File, read: &mut i64, to: &File, write: &mut i64, most: usize) -> io::Result<usize> {
    let mut buffer = vec![0; most.min(1 << 20)];
    let count = from.read_at(&mut buffer, *read as u64)?;
    to.write_all_at(&buffer[..count], *write as u64)?;
    (*read, *write) = (*read + count as i64, *write + count as i64);
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use cake_types::{PoolId, VmId};
    use uuid::Uuid;

    fn request(image: Option<&Path>, size: u64) -> VolumeRequest<'_> {
        VolumeRequest {
            file: DiskFile(Uuid::from_u128(7), 0),
            size: ByteSize(size),
            image,
            owner: nix::unistd::getuid().as_raw(),
        }
    }

    #[test]
    fn what_the_kernel_does_not_copy_is_copied_through_memory() {
        let folder = tempfile::tempdir().unwrap();
        let content: Vec<u8> = (0..3_000_000_u32).map(|number| number as u8).collect();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        std::fs::write(&from, &content).unwrap();
        let (source, target) = (File::open(&from).unwrap(), File::create(&to).unwrap());
        let (mut read, mut write) = (0, 0);
        while (read as usize) < content.len() {
            assert!(copy_through_memory(&source, &mut read, &target, &mut write, 1 << 30).unwrap() > 0);
        }
        assert_eq!((read, write), (3_000_000, 3_000_000));
        assert!(std::fs::read(&to).unwrap() == content);
    }

    fn sparse_image(folder: &Path) -> PathBuf {
        let path = folder.join("image.raw");
        let image = File::create(&path).unwrap();
        image.set_len(64 << 20).unwrap();
        image.write_all_at(b"begins", 0).unwrap();
        image.write_all_at(&[7; 12345], 40 << 20).unwrap();
        path
    }

    #[test]
    fn a_disk_is_its_image_and_room_to_grow() {
        let folder = tempfile::tempdir().unwrap();
        let image = sparse_image(folder.path());
        let pool = Pool::open(&folder.path().join("pool")).unwrap();
        let path = make(&pool, &request(Some(&image), 80 << 20), &|_, _| true).unwrap();
        let disk = File::open(&path).unwrap();
        let metadata = disk.metadata().unwrap();
        assert_eq!((metadata.len(), metadata.mode() & 0o777), (80 << 20, 0o600));
        assert!(metadata.blocks() * 512 < 1 << 20, "{} blocks", metadata.blocks());
        let (mut begin, mut middle) = ([0; 6], [0; 12345]);
        disk.read_exact_at(&mut begin, 0).unwrap();
        disk.read_exact_at(&mut middle, 40 << 20).unwrap();
        assert_eq!((&begin, &middle), (b"begins", &[7; 12345]));
        // Again: the same; larger: grown; smaller: refused.
        make(&pool, &request(Some(&image), 80 << 20), &|_, _| panic!("not copied again")).unwrap();
        make(&pool, &request(None, 96 << 20), &|_, _| true).unwrap();
        let too_large = make(&pool, &request(None, 900 << 40), &|_, _| true);
        assert!(matches!(too_large, Err(StorageError::NoSpace { .. })), "{too_large:?}");
        assert_eq!(disk.metadata().unwrap().len(), 96 << 20);
        assert!(matches!(make(&pool, &request(None, 1), &|_, _| true), Err(StorageError::Shrinks { .. })));
        pool.remove(VmId(Uuid::from_u128(7)), &[]).unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn what_is_kept_stays_when_its_vm_goes() {
        let folder = tempfile::tempdir().unwrap();
        let pool = Pool::open(folder.path()).unwrap();
        let vm = VmId(Uuid::from_u128(7));
        let made = |number| {
            let file = DiskFile::of_vm(vm, number);
            make(&pool, &VolumeRequest { file, ..request(None, 1 << 20) }, &|_, _| true).unwrap()
        };
        // Numbers that begin alike are not the same.
        let files: Vec<PathBuf> = [0, 1, 2, 12].into_iter().map(made).collect();
        pool.remove(vm, &[1, 12]).unwrap();
        assert_eq!(files.iter().map(|file| file.exists()).collect::<Vec<_>>(), [false, true, false, true]);
        pool.remove_volume(DiskFile::of_vm(vm, 1)).unwrap();
        pool.remove_volume(DiskFile::of_vm(vm, 1)).unwrap();
        assert!(!files[1].exists() && files[3].exists());
    }

    #[test]
    fn what_does_not_fit_or_is_not_wanted_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let image = sparse_image(folder.path());
        let pool = Pool::open(&folder.path().join("pool")).unwrap();
        let too_large = make(&pool, &request(None, 900 << 40), &|_, _| true);
        assert!(matches!(too_large, Err(StorageError::NoSpace { .. })), "{too_large:?}");
        let small = make(&pool, &request(Some(&image), 1 << 20), &|_, _| true);
        assert!(matches!(small, Err(StorageError::SmallerThanImage { .. })), "{small:?}");
        let cancelled = make(&pool, &request(Some(&image), 80 << 20), &|_, _| false);
        // Where blocks are shared there is nothing to cancel.
        assert!(matches!(cancelled, Err(StorageError::Cancelled)) || pool.status().reflink, "{cancelled:?}");
        let left = std::fs::read_dir(pool.path()).unwrap().count();
        assert_eq!(left, usize::from(pool.status().reflink));
    }

    /// What the pool says is free is what it takes, to the byte: between the two a VM would be accepted that can't be made.
    #[test]
    fn what_is_said_to_be_free_is_taken() {
        use nix::mount::{MsFlags, mount};
        use nix::sched::{CloneFlags, unshare};
        let folder = tempfile::tempdir().unwrap();
        // A file system that nobody else writes to, seen by this thread alone.
        unshare(CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_FS).unwrap();
        mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>).unwrap();
        mount(Some("tmpfs"), folder.path(), Some("tmpfs"), MsFlags::empty(), Some("size=64m")).unwrap();
        let pool = Pool::open(folder.path()).unwrap();
        let free = pool.status().free.bytes();
        assert!(free > 50 << 20, "{free}");
        let more = make(&pool, &request(None, free + 512), &|_, _| true);
        assert!(matches!(more, Err(StorageError::NoSpace { .. })), "{more:?}");
        make(&pool, &request(None, free), &|_, _| true).unwrap();
        nix::mount::umount(folder.path()).unwrap();
    }

    #[test]
    fn a_marked_pool_is_only_opened_where_its_mark_is() {
        let folder = tempfile::tempdir().unwrap();
        let (path, id, other) = (folder.path().join("pool"), PoolId(Uuid::from_u128(1)), PoolId(Uuid::from_u128(2)));
        assert!(Pool::open_marked(&path, id).is_err());
        assert!(!path.exists(), "nothing is made");
        Pool::open(&path).unwrap().mark(id).unwrap();
        Pool::open_marked(&path, id).unwrap().mark(id).unwrap();
        assert!(matches!(Pool::open_marked(&path, other), Err(StorageError::NotThePool { .. })));
    }

    #[test]
    fn half_made_files_are_swept() {
        let folder = tempfile::tempdir().unwrap();
        let half = folder.path().join("00000000-0-0.raw.new");
        File::create(&half).unwrap();
        let pool = Pool::open(folder.path()).unwrap();
        assert!(!half.exists());
        let status = pool.status();
        assert!(status.available && status.size >= status.free && !status.file_system.is_empty(), "{status:?}");
    }
}
