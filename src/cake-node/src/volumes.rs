//! Volumes: disks that are no VM's. The node keeps no table of them: whoever leads says each time all there is to know, and every call
//! can be made again.

use crate::house::{House, blocking};
use cake_node_api::{NodeError, VolumeOrder, VolumePlace};
use cake_storage::volume::{self, VolumeRequest};
use cake_storage::{Pool, StorageError};
use cake_types::{ByteSize, DiskFile, Epoch, Failure, FailureCode};
use std::fs::OpenOptions;
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;

/// Whose a volume's file is while no VM has it.
const ROOT: u32 = 0;

impl House {
    /// Makes a volume, or grows it; gives its size.
    pub async fn make_volume(&self, order: VolumeOrder) -> Result<ByteSize, NodeError> {
        let VolumeOrder { epoch, place: VolumePlace { pool, file }, size, made } = order;
        if size.bytes() == 0 || !size.bytes().is_multiple_of(512) {
            return Err(invalid("the size of a volume is a number of whole sectors of 512 bytes"));
        }
        let _alone = self.volumes.lock().await;
        self.nobodys(epoch, file).await?;
        let pool = self.pool(pool).map_err(refusal)?;
        let done = blocking(move || bring(&pool, file, size, made));
        done.await.map_err(|error| refusal(error.to_failure()))
    }

    /// Removes a volume's file; one that is gone is as good as removed.
    pub async fn remove_volume(&self, epoch: Epoch, place: VolumePlace) -> Result<(), NodeError> {
        let VolumePlace { pool, file } = place;
        let _alone = self.volumes.lock().await;
        self.nobodys(epoch, file).await?;
        let pool = self.pool(pool).map_err(refusal)?;
        blocking(move || pool.remove_volume(file)).await.map_err(|error| refusal(error.to_failure()))
    }

    /// The file, for reading.
    pub fn open_volume(&self, place: VolumePlace) -> Result<OwnedFd, NodeError> {
        let path = self.pool(place.pool).map_err(refusal)?.volume(place.file);
        let file = OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW).open(path);
        file.map(OwnedFd::from).map_err(|error| invalid(error.to_string()))
    }

    /// Refuses what is a disk of a VM that this node knows, whatever its leader believes.
    async fn nobodys(&self, epoch: Epoch, file: DiskFile) -> Result<(), NodeError> {
        match self.database.disk_user(epoch, file).await? {
            Some(vm) => Err(invalid(format!("{file} is a disk of VM {vm}"))),
            None => Ok(()),
        }
    }
}

/// The disk is there in this size, and no VM's user can open it any more.
fn bring(pool: &Pool, file: DiskFile, size: ByteSize, made: bool) -> Result<ByteSize, StorageError> {
    let path = pool.volume(file);
    let there = match path.symlink_metadata() {
        Ok(metadata) => Some(ByteSize(metadata.len())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !made => None,
        Err(source) => return Err(StorageError::Io { what: "find", path, source }),
    };
    // A Store that was restored from an old copy may believe that it is smaller.
    let size = there.map_or(size, |is| is.max(size));
    if there.is_some() {
        volume::give(&path, ROOT)?;
    }
    volume::make(pool, &VolumeRequest { file, size, image: None, owner: ROOT }, &|_, _| true)?;
    Ok(size)
}

fn invalid(detail: impl Into<String>) -> NodeError {
    NodeError::Invalid { detail: detail.into() }
}

fn refusal(failure: Failure) -> NodeError {
    let Failure { code, detail } = failure;
    match code {
        FailureCode::NoSpace => NodeError::NoSpace,
        _ => invalid(detail),
    }
}
