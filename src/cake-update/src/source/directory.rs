//! A repository in a directory.

use super::{Source, SourceError};
use crate::Control;
use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Component, Path, PathBuf};

/// A directory that holds `metadata` and `targets`.
#[derive(Debug, Clone)]
pub struct Directory {
    root: PathBuf,
}

impl Directory {
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Opens a plain file below the root: what comes from a stick may be anything, a pipe included.
    fn open(&self, path: &str) -> Result<Option<File>, SourceError> {
        if !Path::new(path).components().all(|part| matches!(part, Component::Normal(_))) {
            return Err(SourceError::NoPath(path.to_owned()));
        }
        let full = self.root.join(path);
        match full.symlink_metadata() {
            Ok(found) if found.is_file() => File::open(full).map(Some).map_err(failed(path)),
            Ok(_) => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed(path)(error)),
        }
    }
}

impl Source for Directory {
    fn read(&self, path: &str, limit: u64, control: &Control) -> Result<Option<Vec<u8>>, SourceError> {
        control.look()?;
        let Some(file) = self.open(path)? else { return Ok(None) };
        let mut bytes = Vec::new();
        file.take(limit + 1).read_to_end(&mut bytes).map_err(failed(path))?;
        if bytes.len() as u64 > limit {
            return Err(SourceError::TooLong { path: path.to_owned(), limit });
        }
        Ok(Some(bytes))
    }

    fn read_range(&self, path: &str, range: Range<u64>, control: &Control) -> Result<Vec<u8>, SourceError> {
        control.look()?;
        let file = self.open(path)?.ok_or_else(|| SourceError::Missing { path: path.to_owned() })?;
        let mut bytes = vec![0; (range.end - range.start) as usize];
        file.read_exact_at(&mut bytes, range.start).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => SourceError::Truncated { path: path.to_owned() },
            _ => failed(path)(error),
        })?;
        Ok(bytes)
    }
}

fn failed(path: &str) -> impl FnOnce(io::Error) -> SourceError {
    move |source| SourceError::Io { path: path.to_owned(), source }
}
