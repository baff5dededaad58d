//! The folder of the files: opened, checked, set aside, removed.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};
use uuid::Uuid;

use super::archive::Archive;
use super::layout::Layout;
use super::page::PAGE;
use super::{PageError, Pages};

/// Points after which a history is written: five minutes.
pub const FLUSH_EVERY: u32 = 30;
/// How long a file that was set aside is kept and spoken of.
const KEEP: Duration = Duration::from_secs(31 * 24 * 3600);
const ENDING: &str = "usage";
const ASIDE: &str = "damaged";

/// Where the histories of a node are.
#[derive(Clone, Debug)]
pub struct Folder {
    path: PathBuf,
}

/// A history's file.
#[derive(Debug)]
pub struct PageFile(File);

impl Pages for PageFile {
    fn read(&self, number: u32, page: &mut [u8; PAGE]) -> io::Result<()> {
        self.0.read_exact_at(page, u64::from(number) * PAGE as u64)
    }

    fn write(&mut self, number: u32, page: &[u8; PAGE]) -> io::Result<()> {
        self.0.write_all_at(page, u64::from(number) * PAGE as u64)
    }
}

impl Folder {
    /// Makes the folder if it is not there: for nobody but us.
    pub fn open(path: PathBuf) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(&path)?;
        Ok(Self { path })
    }

    fn file(&self, subject: Uuid, ending: &str) -> PathBuf {
        self.path.join(format!("{subject}.{ending}"))
    }

    /// Opens a history, or begins it. A file that is not as it should be is set aside; what is good in it is taken over.
    pub fn archive(&self, layout: Layout, now: i64) -> io::Result<Archive<PageFile>> {
        let path = self.file(layout.subject, ENDING);
        let file = match options().open(&path) {
            Ok(file) => match check(&file, layout)? {
                Health::Good => file,
                Health::Damaged(why) => self.set_aside(&file, layout, &why)?,
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.begin(layout)?,
            Err(error) => return Err(error),
        };
        Archive::open(PageFile(file), layout, now)
    }

    /// A history that was begun some time.
    pub fn find(&self, layout: Layout, now: i64) -> io::Result<Option<Archive<PageFile>>> {
        let there = fs::exists(self.file(layout.subject, ENDING))?;
        there.then(|| self.archive(layout, now)).transpose()
    }

    /// When a file of this history was set aside, if that is not long ago.
    pub fn set_aside_at(&self, subject: Uuid) -> Option<SystemTime> {
        fs::metadata(self.file(subject, ASIDE)).ok()?.modified().ok()
    }

    /// A VM was removed, and its history goes with it.
    pub fn remove(&self, subject: Uuid) -> io::Result<()> {
        for ending in [ENDING, ASIDE, "new"] {
            match fs::remove_file(self.file(subject, ending)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// Removes what belongs to nobody, and what was set aside long ago.
    pub fn sweep(&self, known: impl Fn(Uuid) -> bool) -> io::Result<()> {
        for entry in fs::read_dir(&self.path)? {
            let path = entry?.path();
            let subject = path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse().ok());
            let old = || {
                let since = fs::metadata(&path).and_then(|metadata| metadata.modified()).ok();
                since.and_then(|at| at.elapsed().ok()).is_some_and(|age| age > KEEP)
            };
            let aside = path.extension().is_some_and(|ending| ending == ASIDE);
            if subject.is_some_and(|subject| !known(subject)) || aside && old() {
                fs::remove_file(&path)?;
            }
        }
        Ok(())
    }

    /// An empty file of its full size: it never grows, and holes in it cost nothing.
    fn begin(&self, layout: Layout) -> io::Result<File> {
        let path = self.file(layout.subject, ENDING);
        let file = options().create(true).truncate(true).open(&path)?;
        file.set_len(u64::from(layout.pages()) * PAGE as u64)?;
        Ok(file)
    }

    /// Whenever this is cut off, either the old file is still there or the new one is whole.
    fn set_aside(&self, old: &File, layout: Layout, why: &str) -> io::Result<File> {
        let (path, aside) = (self.file(layout.subject, ENDING), self.file(layout.subject, ASIDE));
        tracing::warn!(subject = %layout.subject, why, "a history is damaged ({why}); it is set aside as {}", aside.display());
        let new = self.file(layout.subject, "new");
        let mut pages = PageFile(options().create(true).truncate(true).open(&new)?);
        pages.0.set_len(u64::from(layout.pages()) * PAGE as u64)?;
        for (number, page) in good_pages(old, layout) {
            pages.write(number, &page)?;
        }
        pages.0.sync_data()?;
        match fs::remove_file(&aside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        fs::hard_link(&path, &aside)?;
        // From now on it is spoken of, for as long as it is kept.
        File::open(&aside)?.set_modified(SystemTime::now())?;
        fs::rename(&new, &path)?;
        Ok(pages.0)
    }
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o600).custom_flags(libc::O_NOFOLLOW);
    options
}

enum Health {
    Good,
    Damaged(String),
}

fn check(file: &File, layout: Layout) -> io::Result<Health> {
    let length = file.metadata()?.len();
    if length != u64::from(layout.pages()) * PAGE as u64 {
        return Ok(Health::Damaged(format!("it has {length} bytes")));
    }
    for (number, found) in pages_of(file, layout) {
        if let Err(error) = found? {
            return Ok(Health::Damaged(format!("page {number}: {error}")));
        }
    }
    Ok(Health::Good)
}

type Found = Result<[u8; PAGE], PageError>;

/// Every page of the file, as far as it goes.
fn pages_of(file: &File, layout: Layout) -> impl Iterator<Item = (u32, io::Result<Found>)> {
    layout.spans.iter().flat_map(move |span| {
        let ring = layout.ring(*span);
        (ring.begin..ring.begin + ring.slots).map(move |number| {
            let mut bytes = [0; PAGE];
            let read = file.read_exact_at(&mut bytes, u64::from(number) * PAGE as u64);
            let found = read.map(|()| match ring.head.decode(&bytes) {
                Ok(Some(page)) if ring.slot(page.number) != number => Err(PageError::Foreign),
                Ok(_) => Ok(bytes),
                Err(error) => Err(error),
            });
            (number, found)
        })
    })
}

fn good_pages(file: &File, layout: Layout) -> impl Iterator<Item = (u32, [u8; PAGE])> {
    pages_of(file, layout).filter_map(|(number, found)| Some((number, found.ok()?.ok()?)))
}

#[cfg(test)]
#[path = "folder_tests.rs"]
mod tests;
