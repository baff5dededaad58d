//! A repository on a web server.

use super::{Source, SourceError};
use crate::Control;
use reqwest::header::{CONTENT_RANGE, RANGE};
use reqwest::{Client, Response, StatusCode, Url};
use std::ops::Range;
use std::time::Duration;
use tokio::runtime::Handle;

/// How long a server may be silent.
const SILENCE: Duration = Duration::from_secs(30);

/// The URL under which `metadata` and `targets` are.
#[derive(Debug, Clone)]
pub struct Http {
    client: Client,
    base: Url,
    runtime: Handle,
}

impl Http {
    /// The client says what is trusted on the way (certificates, proxies); `runtime` does the waiting. Whoever calls the source must
    /// not be one of the runtime's own tasks: use `spawn_blocking`.
    pub fn new(client: Client, base: &str, runtime: Handle) -> Result<Self, SourceError> {
        // A folder's URL ends in a slash, or its last part would be replaced.
        let base = format!("{}/", base.trim_end_matches('/'));
        let parsed = Url::parse(&base).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        let base = parsed.ok_or(SourceError::NoUrl(base))?;
        Ok(Self { client, base, runtime })
    }

    fn url(&self, path: &str) -> Result<Url, SourceError> {
        self.base.join(path).map_err(|_| SourceError::NoPath(path.to_owned()))
    }

    async fn get(&self, path: &str, range: Option<&Range<u64>>) -> Result<Response, SourceError> {
        let mut request = self.client.get(self.url(path)?);
        if let Some(range) = range {
            request = request.header(RANGE, format!("bytes={}-{}", range.start, range.end - 1));
        }
        patiently(path, request.send()).await
    }

    /// The body, of which at most `limit` bytes are taken.
    async fn body(path: &str, mut response: Response, limit: u64, control: &Control) -> Result<Vec<u8>, SourceError> {
        let mut bytes = Vec::new();
        while let Some(chunk) = patiently(path, response.chunk()).await? {
            control.look()?;
            bytes.extend_from_slice(&chunk);
            if bytes.len() as u64 > limit {
                return Err(SourceError::TooLong { path: path.to_owned(), limit });
            }
        }
        Ok(bytes)
    }

    async fn whole(&self, path: &str, limit: u64, control: &Control) -> Result<Option<Vec<u8>>, SourceError> {
        let response = self.get(path, None).await?;
        match response.status() {
            // What some servers say of what is not there (object stores that do not list).
            StatusCode::NOT_FOUND | StatusCode::FORBIDDEN | StatusCode::GONE => Ok(None),
            StatusCode::OK => Self::body(path, response, limit, control).await.map(Some),
            status => Err(SourceError::Status { path: path.to_owned(), status: status.as_u16() }),
        }
    }

    async fn part(&self, path: &str, range: &Range<u64>, control: &Control) -> Result<Vec<u8>, SourceError> {
        let path = path.to_owned();
        let response = self.get(&path, Some(range)).await?;
        match response.status() {
            StatusCode::PARTIAL_CONTENT => {}
            StatusCode::OK => return Err(SourceError::NoRanges { path }),
            StatusCode::RANGE_NOT_SATISFIABLE => return Err(SourceError::Truncated { path }),
            StatusCode::NOT_FOUND | StatusCode::FORBIDDEN | StatusCode::GONE => {
                return Err(SourceError::Missing { path });
            }
            status => return Err(SourceError::Status { path, status: status.as_u16() }),
        }
        let told = response.headers().get(CONTENT_RANGE).and_then(|value| value.to_str().ok());
        if told.is_none_or(|told| !told.starts_with(&format!("bytes {}-", range.start))) {
            return Err(SourceError::NoRanges { path });
        }
        let length = range.end - range.start;
        let bytes = Self::body(&path, response, length, control).await?;
        if (bytes.len() as u64) < length { Err(SourceError::Truncated { path }) } else { Ok(bytes) }
    }

    /// Waits until it is done or somebody says stop.
    fn wait<T>(&self, control: &Control, work: impl Future<Output = Result<T, SourceError>>) -> Result<T, SourceError> {
        control.look()?;
        self.runtime.block_on(async {
            tokio::select! {
                result = work => result,
                () = control.cancelled() => Err(SourceError::Cancelled(crate::Cancelled)),
            }
        })
    }
}

impl Source for Http {
    fn read(&self, path: &str, limit: u64, control: &Control) -> Result<Option<Vec<u8>>, SourceError> {
        self.wait(control, self.whole(path, limit, control))
    }

    fn read_range(&self, path: &str, range: Range<u64>, control: &Control) -> Result<Vec<u8>, SourceError> {
        self.wait(control, self.part(path, &range, control))
    }
}

async fn patiently<T>(path: &str, work: impl Future<Output = Result<T, reqwest::Error>>) -> Result<T, SourceError> {
    match tokio::time::timeout(SILENCE, work).await {
        Ok(result) => result.map_err(|source| SourceError::Http { path: path.to_owned(), source }),
        Err(_) => Err(SourceError::Stalled { path: path.to_owned(), seconds: SILENCE.as_secs() }),
    }
}
