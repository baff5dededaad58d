//! The images of this node, and whether they are what their descriptions say.

use crate::board::Board;
use cake_node_api::ImageRecord;
use cake_storage::images::{self, FileMark, Image};
use cake_types::{ByteSize, Failure, FailureCode, ImageId, ImageStatus};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::Mutex;

/// Looks into image files on behalf of the library.
#[async_trait::async_trait]
pub trait Inspector: Send + Sync {
    /// What is wrong with the image's files, if anything.
    async fn problem(&self, image: &Image, marks: &[FileMark]) -> Option<String>;
}

pub struct Library {
    /// Of the images that came with cake.
    folder: PathBuf,
    inspector: Arc<dyn Inspector>,
    board: Board,
    /// Held while looking, so that no file is looked into twice at a time.
    shelf: Mutex<Shelf>,
}

#[derive(Default)]
struct Shelf {
    /// Of the images that were imported.
    folders: Vec<PathBuf>,
    known: Vec<Known>,
}

impl Shelf {
    /// An image whose files are as they were when it was looked into.
    fn current(&self, id: ImageId) -> Option<Known> {
        let found = self.known.iter().find(|known| known.image.id == id)?.clone();
        (found.image.marks().ok() == found.marks).then_some(found)
    }
}

#[derive(Clone)]
struct Known {
    image: Image,
    marks: Option<Vec<FileMark>>,
    status: ImageStatus,
}

impl Library {
    pub fn new(folder: PathBuf, inspector: Arc<dyn Inspector>, board: Board) -> Self {
        Self { folder, inspector, board, shelf: Mutex::default() }
    }

    /// Reads the directories again and looks into what is new or changed. `folders`: where imported images lie.
    pub async fn refresh(&self, folders: Vec<PathBuf>) {
        let shelf = &mut *self.shelf.lock().await;
        shelf.folders = folders;
        self.look(shelf).await;
    }

    /// Where imported images lie, for when one is asked for.
    pub async fn note(&self, folders: Vec<PathBuf>) {
        self.shelf.lock().await.folders = folders;
    }

    pub async fn is_built_in(&self, id: ImageId) -> bool {
        let shelf = self.shelf.lock().await;
        shelf.known.iter().any(|known| known.image.id == id && known.image.path.parent() == Some(&self.folder))
    }

    /// An image that may be used now.
    pub async fn usable(&self, id: ImageId) -> Result<Image, Failure> {
        let shelf = &mut *self.shelf.lock().await;
        let found = match shelf.current(id) {
            Some(found) => Some(found),
            None => {
                self.look(shelf).await;
                shelf.current(id)
            }
        };
        let missing = |detail: String| Failure { code: FailureCode::ImageMissing, detail };
        match found {
            None => Err(missing(format!("no image {id} in {}", self.folder.display()))),
            Some(Known { image, status: ImageStatus { available: true, .. }, .. }) => Ok(image),
            Some(Known { image, status, .. }) => {
                Err(missing(format!("{}: {}", image.name, status.detail.unwrap_or_default())))
            }
        }
    }

    async fn look(&self, shelf: &mut Shelf) {
        let folders: Vec<PathBuf> = std::iter::once(&self.folder).chain(&shelf.folders).cloned().collect();
        let images = match images::read_all(&folders) {
            Ok((images, errors)) => {
                for error in errors {
                    tracing::warn!(error = crate::chain(&error), "images: {error}");
                }
                images
            }
            Err(error) => {
                tracing::warn!(%error, "cannot read the images: {error}");
                Vec::new()
            }
        };
        let before = std::mem::take(&mut shelf.known);
        for image in images {
            let marks = image.marks();
            let same =
                |old: &&Known| old.image == image && old.marks.is_some() && old.marks.as_ref() == marks.as_ref().ok();
            let status = match (&marks, before.iter().find(same)) {
                (_, Some(old)) => old.status.clone(),
                (Ok(marks), None) => {
                    let problem = self.inspector.problem(&image, marks).await;
                    let stored = marks.iter().map(|mark| mark.stored).sum();
                    ImageStatus { stored: ByteSize(stored), available: problem.is_none(), detail: problem }
                }
                (Err(error), None) => {
                    ImageStatus { stored: ByteSize(0), available: false, detail: Some(error.to_string()) }
                }
            };
            shelf.known.push(Known { image, marks: marks.ok(), status });
        }
        let record = |Known { image, status, .. }: &Known| ImageRecord {
            id: image.id,
            name: image.name.clone(),
            spec: image.spec.clone(),
            status: status.clone(),
        };
        self.board.set_images(shelf.known.iter().map(record).collect());
    }
}
