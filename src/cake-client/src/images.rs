//! Images: bringing a file in chunk by chunk, and taking one out.

use crate::core::{NO_BODY, escape};
use crate::wire::{Image, Import, NewImport};
use crate::{Client, Error, ItemsSeen, Seen};
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use reqwest::Response;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use uuid::Uuid;

/// Chunks on their way at the same time.
const AT_ONCE: usize = 3;
/// How often a chunk is sent before the upload is given up, and the longest pause in between: a Wi-Fi that is gone for some
/// minutes is waited for.
const TRIES: u32 = 20;
const LAST_PAUSE: Duration = Duration::from_secs(30);
/// How often, and how far apart, it is asked whether a server takes chunks.
const READY_TRIES: u32 = 240;
const READY_PAUSE: Duration = Duration::from_millis(250);

/// A file on its way out.
#[derive(Debug)]
pub struct Download {
    pub(crate) url: String,
    pub(crate) answer: Response,
}

impl Download {
    /// How many bytes come.
    pub fn length(&self) -> u64 {
        self.answer.content_length().unwrap_or(0)
    }

    /// The next bytes; `None` after the last.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        self.answer.chunk().await.map_err(|error| Error::from_reqwest(&self.url, error))
    }
}

impl Client {
    pub async fn images(&self) -> Result<ItemsSeen<Image>, Error> {
        self.list("/v1/images", None).await
    }

    pub async fn image(&self, image: &str) -> Result<Seen<Image>, Error> {
        self.get(&format!("/v1/images/{}", escape(image))).await
    }

    /// Changes the tags of an image, if nobody else did since it was read.
    pub async fn tag_image(&self, image: &Seen<Image>, tags: &[String]) -> Result<Seen<Image>, Error> {
        let etag = image.etag.as_deref().or(image.value.etag.as_deref()).unwrap_or("*");
        self.patch(&format!("/v1/images/{}", image.id), etag, &json!({ "tags": tags })).await
    }

    /// Into the bin, from where it can be brought back.
    pub async fn bin_image(&self, image: &str) -> Result<(), Error> {
        self.post::<Value>(&format!("/v1/images/{}/bin", escape(image)), NO_BODY).await?;
        Ok(())
    }

    /// Back from the bin, by its id.
    pub async fn restore_image(&self, id: Uuid) -> Result<(), Error> {
        self.post::<Value>(&format!("/v1/images/{id}/restore"), NO_BODY).await?;
        Ok(())
    }

    pub async fn delete_image(&self, image: &Seen<Image>) -> Result<(), Error> {
        let path = format!("/v1/images/{}", image.id);
        self.delete::<Value>(&path, image.etag.as_deref().unwrap_or("*")).await?;
        Ok(())
    }

    /// The image's file from this byte on.
    pub async fn download_image(&self, image: &str, from: u64) -> Result<Download, Error> {
        self.download(&format!("/v1/images/{}/content", escape(image)), from).await
    }

    pub async fn imports(&self) -> Result<ItemsSeen<Import>, Error> {
        self.list("/v1/imports", None).await
    }

    /// With the chunks that are missing.
    pub async fn import(&self, import: &str) -> Result<Seen<Import>, Error> {
        self.get(&format!("/v1/imports/{}", escape(import))).await
    }

    /// The same once its server takes chunks or has ended it: one that has just begun, or began anew, is waited for.
    pub async fn import_to_send(&self, import: &str) -> Result<Seen<Import>, Error> {
        for _ in 0..READY_TRIES {
            let seen = self.import(import).await?;
            if seen.state != "pending" {
                return Ok(seen);
            }
            tokio::time::sleep(READY_PAUSE).await;
        }
        let source = "the server that shall keep it is not connected".into();
        Err(Error::Unreachable { url: self.url(&format!("/v1/imports/{}", escape(import))), source })
    }

    pub async fn begin_import(&self, new: &NewImport) -> Result<Seen<Import>, Error> {
        self.post("/v1/imports", Some(new)).await
    }

    pub async fn cancel_import(&self, import: &Seen<Import>) -> Result<(), Error> {
        let path = format!("/v1/imports/{}", import.id);
        self.delete::<Value>(&path, import.etag.as_deref().unwrap_or("*")).await?;
        Ok(())
    }

    /// Sends what is missing of `file`; `sent` is told how many bytes are there. It may be called again after an error, also by
    /// another program.
    pub async fn upload(&self, import: &Import, file: Arc<File>, sent: impl Fn(u64) + Sync) -> Result<(), Error> {
        let missing: Vec<u64> =
            import.missing.iter().flatten().flat_map(|[first, count]| *first..first + count).collect();
        let left: u64 = missing.iter().map(|chunk| import.chunk(*chunk).1).sum();
        let here = AtomicU64::new(import.size.bytes().saturating_sub(left));
        sent(here.load(Ordering::Relaxed));
        stream::iter(missing)
            .map(|chunk| self.upload_chunk(import, file.clone(), chunk))
            .buffer_unordered(AT_ONCE)
            .try_for_each(|length| {
                sent(here.fetch_add(length, Ordering::Relaxed) + length);
                async { Ok(()) }
            })
            .await
    }

    async fn upload_chunk(&self, import: &Import, file: Arc<File>, chunk: u64) -> Result<u64, Error> {
        let (start, length) = import.chunk(chunk);
        let path = format!("/v1/imports/{}/chunks/{chunk}", import.id);
        let read = tokio::task::spawn_blocking(move || {
            let mut bytes = vec![0; length as usize];
            file.read_exact_at(&mut bytes, start).map(|()| (digest(&bytes), Bytes::from(bytes)))
        });
        let read = read.await.map_err(|error| Error::protocol(&self.url(&path), error))?;
        let (digest, bytes) = read.map_err(Error::File)?;
        let mut pause = Duration::from_millis(250);
        for left in (0..TRIES).rev() {
            match self.put_bytes(&path, bytes.clone(), &digest).await {
                Ok(()) => return Ok(length),
                Err(error) if left == 0 || !worth_another_try(&error) => return Err(error),
                Err(_) => tokio::time::sleep(pause).await,
            }
            pause = (pause * 2).min(LAST_PAUSE);
        }
        Ok(length)
    }
}

/// RFC 9530.
fn digest(bytes: &[u8]) -> String {
    format!("sha-256=:{}:", data_encoding::BASE64.encode(&Sha256::digest(bytes)))
}

/// A connection that broke, a server that restarts, a chunk that was damaged: not what the server refuses for good.
fn worth_another_try(error: &Error) -> bool {
    match error.code() {
        Some(code) => matches!(
            code,
            "chunk-damaged" | "chunk-interrupted" | "chunk-busy" | "node-unreachable" | "slow-down" | "internal"
        ),
        None => !matches!(error, Error::Untrusted { .. }),
    }
}
