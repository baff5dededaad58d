//! Filling a volume from an image: sharing its blocks where the file system can (FICLONE, ioctl_ficlone(2)), else copying the
//! parts that hold data.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd};

use nix::unistd::{Whence, lseek};

/// Bytes copied between two looks at whether somebody cancelled: about 10 ms of work on a slow disk.
const PIECE: u64 = 4 << 20;

/// How a volume was filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filled {
    /// Blocks are shared until one side writes.
    Shared,
    /// So many bytes were copied.
    Copied(u64),
}

#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    #[error("cancelled")]
    Cancelled,
    #[error("the disk is full")]
    NoSpace,
    #[error("the file can't be read or written")]
    Io(#[source] io::Error),
}

impl From<io::Error> for CopyError {
    fn from(error: io::Error) -> Self {
        match error.raw_os_error() {
            Some(libc::ENOSPC | libc::EDQUOT) => Self::NoSpace,
            _ => Self::Io(error),
        }
    }
}

impl From<nix::Error> for CopyError {
    fn from(error: nix::Error) -> Self {
        io::Error::from(error).into()
    }
}

nix::ioctl_write_int!(ficlone, 0x94, 9);

/// Makes `to` hold what `from` holds. `step(done, total)` is called as it goes on, in bytes of the image, and says whether to go
/// on. The caller syncs.
pub fn fill(from: &File, to: &File, step: &mut dyn FnMut(u64, u64) -> bool) -> Result<Filled, CopyError> {
    // SAFETY: both descriptors are open for the length of the call; the kernel checks everything else.
    if unsafe { ficlone(to.as_raw_fd(), from.as_raw_fd() as nix::sys::ioctl::ioctl_param_type) }.is_ok() {
        return Ok(Filled::Shared);
    }
    copy_data(from, to, step).map(Filled::Copied)
}

fn copy_data(from: &File, to: &File, step: &mut dyn FnMut(u64, u64) -> bool) -> Result<u64, CopyError> {
    let total = from.metadata()?.len();
    to.set_len(total)?;
    let (mut at, mut copied) = (0u64, 0u64);
    while let Some((start, end)) = next_data(from, at, total)? {
        at = start;
        while at < end {
            if !step(at, total) {
                return Err(CopyError::Cancelled);
            }
            let moved = move_piece(from, to, at, (end - at).min(PIECE))?;
            if moved == 0 {
                // The image became shorter while it was read.
                return Err(CopyError::Io(io::ErrorKind::UnexpectedEof.into()));
            }
            at += moved;
            copied += moved;
        }
    }
    step(total, total);
    Ok(copied)
}

/// The next part of `from` that is not a hole, as start and end.
fn next_data(from: &File, at: u64, total: u64) -> Result<Option<(u64, u64)>, CopyError> {
    if at >= total {
        return Ok(None);
    }
    let start = match lseek(from.as_fd(), at as i64, Whence::SeekData) {
        Ok(start) => start as u64,
        Err(nix::Error::ENXIO) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let end = lseek(from.as_fd(), start as i64, Whence::SeekHole)? as u64;
    Ok(Some((start, end.min(total))))
}

/// Copies in the kernel; within one file system that may be clever, across two it works since Linux 5.19 or is done by hand.
fn move_piece(from: &File, to: &File, at: u64, length: u64) -> Result<u64, CopyError> {
    use std::os::unix::fs::FileExt;
    let (mut source, mut target) = (at as i64, at as i64);
    match nix::fcntl::copy_file_range(from, Some(&mut source), to, Some(&mut target), length as usize) {
        Ok(moved) => Ok(moved as u64),
        Err(nix::Error::EXDEV | nix::Error::EINVAL | nix::Error::EOPNOTSUPP | nix::Error::ENOSYS) => {
            let mut buffer = vec![0; length.min(1 << 20) as usize];
            let read = from.read_at(&mut buffer, at)?;
            to.write_all_at(&buffer[..read], at)?;
            Ok(read as u64)
        }
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{FileExt, MetadataExt};

    fn sparse(directory: &std::path::Path) -> File {
        let file = File::options().read(true).write(true).create_new(true).open(directory.join("image")).unwrap();
        file.set_len(64 << 20).unwrap();
        file.write_all_at(b"first", 0).unwrap();
        file.write_all_at(b"last", (48 << 20) + 17).unwrap();
        file
    }

    #[test]
    fn a_copy_is_equal_and_keeps_its_holes() {
        let directory = tempfile::tempdir().unwrap();
        let image = sparse(directory.path());
        let volume = File::options().read(true).write(true).create_new(true).open(directory.path().join("v")).unwrap();
        let mut seen = Vec::new();
        let copied = copy_data(&image, &volume, &mut |done, total| {
            seen.push((done, total));
            true
        })
        .unwrap();
        assert!(copied < 4 << 20, "{copied}");
        assert_eq!(*seen.last().unwrap(), (64 << 20, 64 << 20));
        let (mut a, mut b) = (vec![0; 64 << 20], vec![0; 64 << 20]);
        image.read_exact_at(&mut a, 0).unwrap();
        volume.read_exact_at(&mut b, 0).unwrap();
        assert!(a == b);
        assert!(volume.metadata().unwrap().blocks() * 512 < 8 << 20);
    }

    #[test]
    fn a_copy_stops_when_it_is_cancelled() {
        let directory = tempfile::tempdir().unwrap();
        let image = sparse(directory.path());
        let volume = File::options().read(true).write(true).create_new(true).open(directory.path().join("v")).unwrap();
        let refused = copy_data(&image, &volume, &mut |_, _| false).unwrap_err();
        assert!(matches!(refused, CopyError::Cancelled));
    }
}
