//! A file behind an address, read over HTTP (RFC 9110): how long it is, and its bytes from a place on.
//!
//! Every address that a name stands for is judged when it is connected to, and every redirect before it is followed
//! ([`cake_planner::fetch`]). What a server says is believed only where it fits what it said first.

use crate::reach::{self, Forbidden, Guarded};
use bytes::Bytes;
use cake_types::{ByteSize, Failure, FailureCode};
use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use reqwest::header::{CONTENT_RANGE, ETAG, HeaderMap, IF_RANGE, RANGE};
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Client, Response, StatusCode, Url};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// The longest chain of redirects.
const HOPS: usize = 10;
const CONNECT: Duration = Duration::from_secs(30);
/// A server that says nothing for so long has gone.
const SILENCE: Duration = Duration::from_secs(60);

/// Why nothing comes from there.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    #[error("{0} is no address that is fetched from")]
    Forbidden(String),
    #[error("{0}")]
    Broken(String),
    #[error("the server answers {0}")]
    Status(StatusCode),
    #[error("the server does not say how long the file is")]
    NoLength,
    #[error("the file is another one than it was")]
    Changed,
}

impl SourceError {
    /// Whether asking again may help.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Broken(_) => true,
            Self::Status(status) => status.is_server_error() || [408, 425, 429].contains(&status.as_u16()),
            Self::Forbidden(_) | Self::NoLength | Self::Changed => false,
        }
    }

    pub fn failure(&self) -> Failure {
        let code = match self {
            Self::Forbidden(_) => FailureCode::FetchForbidden,
            Self::Changed => FailureCode::FetchChanged,
            Self::Broken(_) | Self::Status(_) | Self::NoLength => FailureCode::FetchFailed,
        };
        Failure { code, detail: self.to_string() }
    }
}

impl From<reqwest::Error> for SourceError {
    fn from(error: reqwest::Error) -> Self {
        let mut cause: Option<&dyn std::error::Error> = Some(&error);
        while let Some(error) = cause {
            if let Some(Forbidden(host)) = error.downcast_ref() {
                return Self::Forbidden(host.clone());
            }
            cause = error.source();
        }
        // Its address may hold a secret, and is known.
        Self::Broken(crate::error::chain(&error.without_url()))
    }
}

/// What is behind an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub size: ByteSize,
    /// A strong validator, with which a part is asked for only of the same file (RFC 9110 §13.1.5).
    pub etag: Option<String>,
}

#[derive(Debug, Default)]
pub struct Source {
    /// Made when somebody first needs it: most racks never do.
    client: OnceLock<Client>,
}

impl Source {
    fn client(&self) -> Result<&Client, SourceError> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let client = Client::builder()
            .user_agent(concat!("cake/", env!("CARGO_PKG_VERSION")))
            .no_proxy()
            .connect_timeout(CONNECT)
            .read_timeout(SILENCE)
            .dns_resolver(Arc::new(Guarded))
            .redirect(Policy::custom(follow))
            .build()?;
        Ok(self.client.get_or_init(|| client))
    }

    /// Asks for the first byte, which tells the length.
    pub async fn look(&self, url: &Url) -> Result<Found, SourceError> {
        let answer = self.ask(url, HeaderMap::from_iter([(RANGE, "bytes=0-0".parse().expect("a header"))])).await?;
        let size = match answer.status() {
            StatusCode::PARTIAL_CONTENT => range(&answer).map(|(_, size)| size),
            _ => answer.content_length(),
        };
        let size = size.filter(|size| *size > 0).ok_or(SourceError::NoLength)?;
        Ok(Found { size: ByteSize(size), etag: strong_etag(&answer) })
    }

    /// The bytes from `from` on, as far as `to`; from the beginning, where the server gives no parts.
    pub async fn open(&self, url: &Url, found: &Found, from: u64, to: u64) -> Result<(u64, Body), SourceError> {
        let wanted = format!("bytes={from}-{}", to - 1);
        let mut headers = HeaderMap::from_iter([(RANGE, wanted.parse().expect("a header"))]);
        if let Some(etag) = found.etag.as_deref().and_then(|etag| etag.parse().ok()) {
            headers.insert(IF_RANGE, etag);
        }
        let answer = self.ask(url, headers).await?;
        let (start, size) = match answer.status() {
            StatusCode::PARTIAL_CONTENT => range(&answer).ok_or(SourceError::NoLength)?,
            _ => (0, answer.content_length().ok_or(SourceError::NoLength)?),
        };
        let other = strong_etag(&answer).is_some_and(|etag| found.etag.as_ref().is_some_and(|first| *first != etag));
        if size != found.size.bytes() || start > from || other {
            return Err(SourceError::Changed);
        }
        Ok((start, Body { stream: answer.bytes_stream().map_err(Into::into).boxed(), held: Bytes::new() }))
    }

    async fn ask(&self, url: &Url, headers: HeaderMap) -> Result<Response, SourceError> {
        check(url)?;
        let answer = self.client()?.get(url.clone()).headers(headers).send().await?;
        match answer.status() {
            StatusCode::OK | StatusCode::PARTIAL_CONTENT => Ok(answer),
            status => Err(SourceError::Status(status)),
        }
    }
}

/// First byte and whole length, of `Content-Range: bytes FIRST-LAST/LENGTH`.
fn range(answer: &Response) -> Option<(u64, u64)> {
    let text = answer.headers().get(CONTENT_RANGE)?.to_str().ok()?;
    let (part, size) = text.strip_prefix("bytes ")?.split_once('/')?;
    Some((part.split_once('-')?.0.parse().ok()?, size.parse().ok()?))
}

fn strong_etag(answer: &Response) -> Option<String> {
    let text = answer.headers().get(ETAG)?.to_str().ok()?;
    (text.starts_with('"') && text.len() <= 256).then(|| text.to_owned())
}

/// Whether it may be asked for, as far as is known before a name is looked up.
fn check(url: &Url) -> Result<(), Forbidden> {
    let host = url.host_str().unwrap_or_default();
    let plain = matches!(url.scheme(), "http" | "https") && url.username().is_empty() && url.password().is_none();
    if plain && reach::may_be(url) { Ok(()) } else { Err(Forbidden(host.to_owned())) }
}

impl From<Forbidden> for SourceError {
    fn from(Forbidden(host): Forbidden) -> Self {
        Self::Forbidden(host)
    }
}

fn follow(attempt: Attempt<'_>) -> reqwest::redirect::Action {
    if attempt.previous().len() > HOPS {
        return attempt.error("it leads from one address to the next without end");
    }
    match check(attempt.url()) {
        Ok(()) => attempt.follow(),
        Err(forbidden) => attempt.error(forbidden),
    }
}

/// Bytes on their way, in pieces as somebody wants them.
pub struct Body {
    stream: BoxStream<'static, Result<Bytes, SourceError>>,
    held: Bytes,
}

impl Body {
    /// The next so many bytes; fewer if the server ends early.
    pub fn piece(&mut self, length: u64) -> impl Stream<Item = Result<Bytes, SourceError>> + Send + '_ {
        stream::try_unfold((self, length), |(body, left)| async move {
            if left == 0 {
                return Ok(None);
            }
            if body.held.is_empty() {
                match body.stream.next().await {
                    Some(bytes) => body.held = bytes?,
                    None => return Ok(None),
                }
            }
            let most = usize::try_from(left).unwrap_or(usize::MAX);
            let bytes = body.held.split_to(most.min(body.held.len()));
            let left = left - bytes.len() as u64;
            Ok(Some((bytes, (body, left))))
        })
    }

    /// Reads on without keeping it.
    pub async fn skip(&mut self, length: u64) -> Result<(), SourceError> {
        let read = self.piece(length).try_fold(0, |read, bytes| async move { Ok(read + bytes.len() as u64) }).await?;
        if read == length { Ok(()) } else { Err(SourceError::Broken("it ended early".into())) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_are_not_fetched_from() {
        for text in [
            "http://127.0.0.1/a",
            "https://[::1]:8443/",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://[::ffff:a9fe:a9fe]/",
            "ftp://example.com/a",
            "file:///etc/shadow",
            "http://me:secret@example.com/a",
            "gopher://example.com",
        ] {
            assert!(Url::parse(text).is_ok_and(|url| check(&url).is_err()), "{text}");
        }
        for text in ["http://example.com/a", "https://10.0.0.1:8080/x?y", "https://[fd12::1]/"] {
            check(&Url::parse(text).unwrap()).unwrap();
        }
    }

    #[tokio::test]
    async fn a_body_comes_in_the_pieces_that_are_wanted() {
        let parts = ["ab", "cdefg", "h"].map(|part| Ok(Bytes::from_static(part.as_bytes())));
        let mut body = Body { stream: stream::iter(parts).boxed(), held: Bytes::new() };
        let piece = |parts: Vec<Bytes>| parts.concat();
        assert_eq!(piece(body.piece(3).try_collect().await.unwrap()), b"abc");
        body.skip(2).await.unwrap();
        assert_eq!(piece(body.piece(2).try_collect().await.unwrap()), b"fg");
        assert!(matches!(body.skip(2).await, Err(SourceError::Broken(_))));
    }
}
