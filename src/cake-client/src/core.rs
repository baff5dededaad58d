//! One request and its retries. The routes are in the modules beside this one.
//!
//! A request that may have been carried out is sent again only when that is harmless: reading always, and POST because every
//! POST carries an Idempotency-Key that stays the same. A PATCH or DELETE is sent again only if it never left.

use crate::{Error, Remote, Trust};
use bytes::Bytes;
use reqwest::{Method, RequestBuilder, Response, StatusCode, header};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use uuid::Uuid;

/// A connection to one rack. Cheap to clone; all clones share the kept connections.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    pub(crate) trust: Trust,
    base: Arc<str>,
    pub(crate) credential: Arc<Credential>,
    language: Option<Arc<str>>,
    /// How long to go on trying while nobody answers.
    patience: Duration,
}

/// Who asks.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum Credential {
    #[default]
    None,
    Token(String),
    /// A login: the session's cookie as `name=value`, and the token that shows that no foreign page asks.
    Session {
        cookie: String,
        csrf: String,
    },
}

/// A value, the text that it was read from, and the ETag under which it may be changed.
#[derive(Clone, Debug)]
pub struct Seen<T> {
    pub value: T,
    /// The server's own JSON.
    pub json: String,
    pub etag: Option<String>,
}

/// All items of a list, read to its last page.
#[derive(Clone, Debug)]
pub struct ItemsSeen<T> {
    pub items: Vec<T>,
    /// `{"items":[…],"next":…}`, items as the server sent them.
    pub json: String,
    /// Where the list goes on, when a limit ended it.
    pub next: Option<String>,
}

/// Items asked for at once: the most that the server gives.
const PAGE: usize = 1000;

/// Carries the wizard's one-time token.
pub(crate) const SETUP_TOKEN: &str = "x-cake-setup-token";

/// A mutation without a body of its own.
pub(crate) const NO_BODY: Option<&()> = None;

impl<T> Deref for Seen<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

#[derive(serde::Deserialize)]
struct Page {
    items: Vec<Box<RawValue>>,
    next: Option<String>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("base", &self.base).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Credential {
    /// Never shows the secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Token(_) => "Token",
            Self::Session { .. } => "Session",
        })
    }
}

/// How often, and how far apart, it is asked whether something new has been heard.
const HEARD_TRIES: u32 = 40;
const HEARD_PAUSE: Duration = Duration::from_millis(250);

impl Client {
    /// What lies at a path once it `is` as wanted; as it is then where that takes long.
    pub(crate) async fn once<T: DeserializeOwned>(
        &self,
        path: &str,
        is: impl Fn(&T) -> bool,
    ) -> Result<Seen<T>, Error> {
        for _ in 0..HEARD_TRIES {
            let seen: Seen<T> = self.get(path).await?;
            if is(&seen.value) {
                return Ok(seen);
            }
            tokio::time::sleep(HEARD_PAUSE).await;
        }
        self.get(path).await
    }

    /// `base` is the address of the console, for example `https://127.0.0.1:8443`.
    pub fn new(base: &str, trust: &Trust) -> Result<Self, Error> {
        let base = base.trim_end_matches('/');
        if !base.starts_with("https://") || reqwest::Url::parse(base).is_err() {
            return Err(Error::Address(base.to_owned()));
        }
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(trust.for_requests())
            .no_proxy()
            .connect_timeout(Duration::from_secs(5))
            .user_agent(concat!("cake/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|e| Error::from_reqwest(base, e))?;
        Ok(Self {
            http,
            trust: trust.clone(),
            base: base.into(),
            credential: Arc::default(),
            language: None,
            patience: Duration::ZERO,
        })
    }

    #[must_use]
    pub fn with(mut self, credential: Credential) -> Self {
        self.credential = Arc::new(credential);
        self
    }

    /// Asks for sentences in this language (BCP 47).
    #[must_use]
    pub fn in_language(mut self, tag: &str) -> Self {
        self.language = Some(tag.into());
        self
    }

    /// Goes on trying for this long while nobody answers: for programs that outlive a restart of caked.
    #[must_use]
    pub fn patient(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    pub fn base(&self) -> &str {
        &self.base
    }

    /// Reads one resource.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<Seen<T>, Error> {
        let response = self.send(Method::GET, path, NO_BODY, &[]).await?;
        self.seen(path, response).await
    }

    /// Reads a list page by page, up to `limit` items.
    pub async fn list<T: DeserializeOwned>(&self, path: &str, limit: Option<usize>) -> Result<ItemsSeen<T>, Error> {
        let mut raw: Vec<Box<RawValue>> = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let ask = limit.map_or(PAGE, |limit| (limit - raw.len()).clamp(1, PAGE));
            let page = self.page(path, cursor.as_deref(), ask).await?;
            raw.extend(page.items);
            cursor = page.next;
            if cursor.is_none() || limit.is_some_and(|limit| raw.len() >= limit) {
                break;
            }
        }
        raw.truncate(limit.unwrap_or(usize::MAX));
        let items = raw
            .iter()
            .map(|item| serde_json::from_str(item.get()))
            .collect::<Result<_, _>>()
            .map_err(|e| Error::protocol(&self.url(path), e))?;
        let texts: Vec<&str> = raw.iter().map(|item| item.get()).collect();
        let next = serde_json::Value::from(cursor.clone());
        let json = format!("{{\"items\":[{}],\"next\":{next}}}", texts.join(","));
        Ok(ItemsSeen { items, json, next: cursor })
    }

    async fn page(&self, path: &str, cursor: Option<&str>, limit: usize) -> Result<Page, Error> {
        let joint = if path.contains('?') { '&' } else { '?' };
        let mut at = format!("{path}{joint}limit={limit}");
        if let Some(cursor) = cursor {
            at.push_str(&format!("&cursor={}", escape(cursor)));
        }
        let response = self.send(Method::GET, &at, NO_BODY, &[]).await?;
        Ok(self.seen::<Page>(&at, response).await?.value)
    }

    /// Creates or acts, with an Idempotency-Key made for this call.
    pub async fn post<T: DeserializeOwned>(&self, path: &str, body: Option<&impl Serialize>) -> Result<Seen<T>, Error> {
        self.post_with_key(path, body, &Uuid::new_v4().to_string()).await
    }

    /// As [`Client::post`], under a key of the caller's: a repeat that the server knows is answered with the first answer.
    pub async fn post_with_key<T: DeserializeOwned>(
        &self,
        path: &str,
        body: Option<&impl Serialize>,
        key: &str,
    ) -> Result<Seen<T>, Error> {
        let response = self.send(Method::POST, path, body, &[("idempotency-key", key)]).await?;
        self.seen(path, response).await
    }

    /// Asks before set-up, with the wizard's one-time token. A POST has an Idempotency-Key made for this call.
    pub(crate) async fn with_token<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        token: &str,
        body: Option<&impl Serialize>,
    ) -> Result<Seen<T>, Error> {
        let key = Uuid::new_v4().to_string();
        let headers = [(SETUP_TOKEN, token), ("idempotency-key", key.as_str())];
        let sent = if method == Method::POST { &headers[..] } else { &headers[..1] };
        let response = self.send(method, path, body, sent).await?;
        self.seen(path, response).await
    }

    /// Changes what was read under `etag`.
    pub async fn patch<T: DeserializeOwned>(
        &self,
        path: &str,
        etag: &str,
        body: &impl Serialize,
    ) -> Result<Seen<T>, Error> {
        let response = self.send(Method::PATCH, path, Some(body), &[("if-match", etag)]).await?;
        self.seen(path, response).await
    }

    /// Replaces what was read under `etag`.
    pub async fn put<T: DeserializeOwned>(
        &self,
        path: &str,
        etag: &str,
        body: &impl Serialize,
    ) -> Result<Seen<T>, Error> {
        let response = self.send(Method::PUT, path, Some(body), &[("if-match", etag)]).await?;
        self.seen(path, response).await
    }

    /// Deletes what was read under `etag`. The answer is empty or the task that does it.
    pub async fn delete<T: DeserializeOwned>(&self, path: &str, etag: &str) -> Result<Seen<T>, Error> {
        let response = self.send(Method::DELETE, path, NO_BODY, &[("if-match", etag)]).await?;
        self.seen(path, response).await
    }

    /// Sends bytes as they are, once.
    pub(crate) async fn put_bytes(&self, path: &str, bytes: Bytes, digest: &str) -> Result<(), Error> {
        let url = self.url(path);
        let request = self.request(&Method::PUT, &url, None, &[("content-digest", digest)]);
        let sent = request.header(header::CONTENT_TYPE, "application/octet-stream").body(bytes).send().await;
        match sent.map_err(|error| Error::from_reqwest(&url, error))? {
            response if response.status().is_success() => Ok(()),
            response => Err(self.problem(&url, response).await),
        }
    }

    /// The answer to a GET as it is.
    pub(crate) async fn bytes(&self, path: &str) -> Result<Bytes, Error> {
        let response = self.send(Method::GET, path, NO_BODY, &[]).await?;
        response.bytes().await.map_err(|error| Error::from_reqwest(&self.url(path), error))
    }

    /// The answer to a GET as a stream of bytes (server-sent events).
    pub(crate) async fn stream(&self, path: &str, extra: &[(&str, &str)]) -> Result<Response, Error> {
        self.send(Method::GET, path, NO_BODY, extra).await
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// Sends until there is an answer worth returning, or trying again would do harm or has taken too long.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
        extra: &[(&str, &str)],
    ) -> Result<Response, Error> {
        let url = self.url(path);
        let body = body
            .map(|body| serde_json::to_vec(body).map(Bytes::from))
            .transpose()
            .map_err(|e| Error::protocol(&url, e))?;
        let repeatable = method == Method::GET || extra.iter().any(|(name, _)| *name == "idempotency-key");
        let start = Instant::now();
        let mut pause = Duration::from_millis(20);
        loop {
            let failed = match self.request(&method, &url, body.clone(), extra).send().await {
                Ok(response) if response.status().is_success() => return Ok(response),
                Ok(response) => {
                    let error = self.problem(&url, response).await;
                    let worth = match error.code() {
                        // The first request under this key is still at work: its answer is the one to have.
                        Some("key-in-use") => Duration::from_secs(10),
                        // A caked that was started a moment ago finds its nodes in the next.
                        Some("node-unreachable") if repeatable => self.patience.max(Duration::from_secs(2)),
                        _ => Duration::ZERO,
                    };
                    if start.elapsed() >= worth {
                        return Err(error);
                    }
                    error
                }
                Err(error) => {
                    let (never_left, error) = (error.is_connect(), Error::from_reqwest(&url, error));
                    // A kept connection that the server closed a moment ago: one more try is always fair.
                    let grace = if never_left { self.patience } else { self.patience.max(Duration::from_millis(50)) };
                    let hopeless = matches!(error, Error::Untrusted { .. });
                    if hopeless || !(repeatable || never_left) || start.elapsed() >= grace {
                        return Err(error);
                    }
                    error
                }
            };
            drop(failed);
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(500));
        }
    }

    pub(crate) fn credential_headers(&self) -> Vec<(&'static str, String)> {
        match &*self.credential {
            Credential::None => Vec::new(),
            Credential::Token(token) => vec![("authorization", format!("Bearer {token}"))],
            Credential::Session { cookie, csrf } => vec![("cookie", cookie.clone()), ("x-cake-csrf", csrf.clone())],
        }
    }

    pub(crate) fn request(
        &self,
        method: &Method,
        url: &str,
        body: Option<Bytes>,
        extra: &[(&str, &str)],
    ) -> RequestBuilder {
        let mut request = self.http.request(method.clone(), url);
        for (name, value) in self.credential_headers() {
            request = request.header(name, value);
        }
        if *method != Method::GET && matches!(*self.credential, Credential::Session { .. }) {
            request = request.header(header::ORIGIN, &*self.base);
        }
        if let Some(language) = &self.language {
            request = request.header(header::ACCEPT_LANGUAGE, &**language);
        }
        for (name, value) in extra {
            request = request.header(*name, *value);
        }
        match body {
            Some(body) => request.header(header::CONTENT_TYPE, "application/json").body(body),
            None => request,
        }
    }

    pub(crate) async fn problem(&self, url: &str, response: Response) -> Error {
        let status = response.status().as_u16();
        let text = match response.bytes().await {
            Ok(text) => text,
            Err(error) => return Error::from_reqwest(url, error),
        };
        match serde_json::from_slice::<Remote>(&text) {
            Ok(remote) if !remote.code.is_empty() => Error::Remote(Box::new(Remote { status, ..remote })),
            _ => Error::protocol(url, format!("status {status} without a problem")),
        }
    }

    pub(crate) async fn seen<T: DeserializeOwned>(&self, path: &str, response: Response) -> Result<Seen<T>, Error> {
        let url = self.url(path);
        let etag = response.headers().get(header::ETAG).and_then(|v| v.to_str().ok()).map(str::to_owned);
        let empty = response.status() == StatusCode::NO_CONTENT;
        let text = response.text().await.map_err(|e| Error::from_reqwest(&url, e))?;
        let json = if empty || text.is_empty() { "null".to_owned() } else { text };
        let value = serde_json::from_str(&json).map_err(|e| Error::protocol(&url, e))?;
        Ok(Seen { value, json, etag })
    }
}

/// Percent-encodes everything but RFC 3986's unreserved characters: good in a path segment and in a query.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_one_path_segment() {
        assert_eq!(escape("web-1"), "web-1");
        assert_eq!(escape("a/../b?c#d"), "a%2F..%2Fb%3Fc%23d");
        assert_eq!(escape("會"), "%E6%9C%83");
    }

    #[test]
    fn a_credential_does_not_show_itself() {
        assert_eq!(format!("{:?}", Credential::Token("secret".into())), "Token");
    }
}
