//! Asks the confined worker about images, and remembers what it said for as long as the file stays as it is.

use crate::database::{CheckedImage, Database};
use crate::library::Inspector;
use cake_storage::images::{FileMark, Image};
use cake_storage::inspect::Found;
use cake_storage::package::read::Package;
use cake_storage::worker::{ANSWER_MAX, Answer, PACKAGE_ANSWER_MAX, Refused};
use cake_types::{ByteSize, ImageFormat};
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::io::AsyncReadExt;

pub type AskError = Box<dyn std::error::Error + Send + Sync>;

pub struct WorkerInspector {
    /// This very program.
    pub program: PathBuf,
    pub database: Database,
}

#[async_trait::async_trait]
impl Inspector for WorkerInspector {
    async fn problem(&self, image: &Image, marks: &[FileMark]) -> Option<String> {
        let (path, known) = key(image, marks);
        if let Ok(Some(found)) = self.database.checked_image(path, known).await {
            return found.problem;
        }
        let answer = match if image.converted { self.glance(&image.path).await } else { self.ask(&image.path).await } {
            Ok(answer) => answer,
            Err(error) => return Some(format!("it could not be looked into: {}", crate::chain(&*error))),
        };
        let problem = match judge(image, &answer) {
            None => self.further(image).await,
            problem => problem,
        };
        self.remember(image, marks, CheckedImage { sha256: answer.sha256, problem: problem.clone() }).await;
        problem
    }
}

/// Under which the result of a look is remembered.
fn key(image: &Image, marks: &[FileMark]) -> (String, String) {
    (image.path.to_string_lossy().into_owned(), format!("{marks:?} {:?}", image.spec))
}

impl WorkerInspector {
    /// This node has just made the image and looked at all of it: it need not be looked into again as long as it stays so.
    pub async fn vouch(&self, image: &Image) {
        match image.marks() {
            Ok(marks) => {
                let found = CheckedImage { sha256: image.spec.sha256.clone(), problem: None };
                self.remember(image, &marks, found).await;
            }
            Err(error) => tracing::warn!(image = %image.id, "an image can't be looked at: {error}"),
        }
    }

    /// What is wrong with the disks behind the first.
    async fn further(&self, image: &Image) -> Option<String> {
        for (path, size) in image.more.iter().zip(&image.spec.more_disks) {
            let problem = match self.glance(path).await {
                Ok(answer) => is_disk_of(&answer, *size),
                Err(error) => Some(format!("it could not be looked into: {}", crate::chain(&*error))),
            };
            if problem.is_some() {
                return problem;
            }
        }
        None
    }

    async fn remember(&self, image: &Image, marks: &[FileMark], found: CheckedImage) {
        let (path, known) = key(image, marks);
        if let Err(error) = self.database.set_checked_image(path, known, found).await {
            tracing::warn!(error = crate::chain(&error), "what was found in an image is not remembered: {error}");
        }
    }

    /// What the file is, and its checksum.
    pub async fn ask(&self, image: &Path) -> Result<Answer, AskError> {
        self.worker("inspect-image", image, ANSWER_MAX).await
    }

    /// What the file is; all of it is not read.
    pub async fn glance(&self, image: &Path) -> Result<Answer, AskError> {
        self.worker("glance-at-image", image, ANSWER_MAX).await
    }

    /// What is in a VM in one file; all of it is not read.
    pub async fn unfold(&self, package: &Path) -> Result<Result<Package, Refused>, AskError> {
        self.worker("read-package", package, PACKAGE_ANSWER_MAX).await
    }

    async fn worker<T: DeserializeOwned>(&self, kind: &str, image: &Path, most: usize) -> Result<T, AskError> {
        let image = std::fs::File::open(image)?;
        let mut worker = tokio::process::Command::new(&self.program)
            .args(["worker", kind])
            .env_clear()
            .stdin(image)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let output = worker.stdout.take().ok_or("no pipe")?;
        let mut text = String::new();
        // Hostile bytes were in there: no more is believed than an answer is long.
        output.take(most as u64).read_to_string(&mut text).await?;
        let status = worker.wait().await?;
        if !status.success() {
            return Err(format!("the worker ended with {status}").into());
        }
        Ok(serde_json::from_str(&text)?)
    }
}

/// Whether the file is what its description says.
fn judge(image: &Image, answer: &Answer) -> Option<String> {
    if !image.converted && !answer.sha256.eq_ignore_ascii_case(&image.spec.sha256) {
        return Some(format!("its checksum is {}, not {}", answer.sha256, image.spec.sha256));
    }
    let (format, size) = match &answer.found {
        Err(refused) => return Some(refused.detail.clone()),
        Ok(Found::Raw { virtual_size, .. }) => (ImageFormat::Raw, *virtual_size),
        Ok(Found::Qcow2 { virtual_size, .. }) => (ImageFormat::Qcow2, *virtual_size),
        Ok(Found::Iso { size, .. }) => (ImageFormat::Iso, *size),
        Ok(Found::Kernel { .. }) => (ImageFormat::Kernel, 0),
        Ok(Found::Vmdk { .. } | Found::Vhdx { .. } | Found::Package) => return Some("it was not converted".into()),
    };
    if format != image.spec.format {
        return Some(format!("it is {format:?}, not {:?}", image.spec.format));
    }
    (size != image.spec.virtual_size.bytes())
        .then(|| format!("its disk has {size} bytes, not {}", image.spec.virtual_size.0))
}

/// What is wrong with a file that must be a raw disk of this size.
fn is_disk_of(answer: &Answer, size: ByteSize) -> Option<String> {
    match &answer.found {
        Err(refused) => Some(refused.detail.clone()),
        Ok(Found::Raw { virtual_size, .. }) if *virtual_size == size.bytes() => None,
        Ok(Found::Raw { virtual_size, .. }) => {
            Some(format!("one of its disks has {virtual_size} bytes, not {}", size.0))
        }
        Ok(_) => Some("one of its disks is none".into()),
    }
}
