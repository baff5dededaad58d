//! One import and where its files are.

use crate::convert::Place;
use crate::converter::file_failure;
use crate::database::ImportRow;
use crate::hold::Hold;
use cake_node_api::staged::Staged;
use cake_storage::volume::own_file;
use cake_storage::worker::WORKER_UID;
use cake_types::{Failure, ImageId, Import};
use std::fs::{DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, fchown};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A disk that becomes a raw one.
#[derive(Clone, Debug)]
pub(super) struct Disk {
    pub format: &'static str,
    /// Where it lies in what was received; all of that without.
    pub place: Option<Place>,
    pub virtual_size: u64,
    pub target: PathBuf,
}

/// One import and where its files are.
#[derive(Clone)]
pub(super) struct Work {
    pub id: ImageId,
    pub import: Import,
    pub folder: PathBuf,
    pub hold: Arc<Hold>,
}

impl Work {
    pub fn new(row: ImportRow, folder: PathBuf, hold: Arc<Hold>) -> Self {
        Self { id: row.import.meta.id, import: row.import, folder, hold }
    }

    /// The file as it came.
    pub fn received(&self) -> PathBuf {
        self.folder.join(format!("{}.img", self.id))
    }

    pub fn converted(&self) -> PathBuf {
        self.folder.join(format!("{}.raw", self.id))
    }

    /// The original goes once the disk that was made of it is the image.
    pub fn tidy(&self) -> io::Result<()> {
        if !self.converted().try_exists()? {
            return Ok(());
        }
        match std::fs::remove_file(self.received()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// The file that is received, made with its folder if it is not there: by whoever comes first, the one who receives or the one
    /// who sends.
    pub fn staged(&self) -> Result<(File, Staged), Failure> {
        let folder = DirBuilder::new().recursive(true).mode(0o711).create(&self.folder);
        folder.map_err(file_failure("make a directory"))?;
        let path = self.received();
        let file = own_file().create(true).truncate(false).open(&path).map_err(file_failure("make the file"))?;
        let staged =
            Staged::new(file.try_clone().map_err(file_failure("share the file"))?, self.import.spec.size.bytes());
        staged.prepare().map_err(file_failure("make room for the file"))?;
        Ok((file, staged))
    }

    /// Source and target of a conversion, both the worker's for as long as it takes.
    pub fn hand_over(&self, target: &Path, virtual_size: u64) -> Result<(File, File), Failure> {
        let source = File::open(self.received()).map_err(file_failure("open the file"))?;
        let made = own_file().create(true).truncate(true).open(target).map_err(file_failure("make the disk"))?;
        made.set_len(virtual_size).map_err(file_failure("make the disk"))?;
        for file in [&source, &made] {
            fchown(file, Some(WORKER_UID), Some(WORKER_UID)).map_err(file_failure("hand the file over"))?;
        }
        Ok((source, made))
    }

    /// The file of a disk: the first is called as if it were the only one.
    pub fn disk(&self, number: usize) -> PathBuf {
        match number {
            0 => self.converted(),
            _ => self.folder.join(format!("{}.{number}.raw", self.id)),
        }
    }
}
