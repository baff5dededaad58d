//! Documents from one BMC, as a user of it: log-in, links, collections, and how much one call may ask for.

use super::http::{Answer, Dial, Http};
use super::lenient::Text;
use super::link::Link;
use super::tls::Fingerprint;
use super::wire::{Collection, ErrorBody, Root, parse};
use crate::{BmcError, TransportError};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::time::Duration;
use tokio::time::Instant;
use zeroize::Zeroizing;

/// Members of a collection that are asked for one by one.
pub const MEMBERS_MAX: usize = 512;
/// Members of a collection that come inside of it.
pub const INLINE_MAX: usize = 4096;
/// Pages of a collection that are turned.
const PAGES_MAX: usize = 256;
/// Requests of one call.
const REQUESTS_MAX: usize = 2048;
/// Documents of one call that may come too late or not at all; then the BMC counts as silent.
const LATE_MAX: usize = 2;

/// How long a BMC may take. They are slow: some think for seconds about each document.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    pub request: Duration,
    /// A whole call, however many requests it needs.
    pub call: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { request: Duration::from_secs(20), call: Duration::from_secs(120) }
    }
}

/// As whom to log in.
#[derive(Clone)]
pub struct Login {
    pub user: String,
    pub password: Zeroizing<String>,
}

impl Login {
    pub fn new(user: &str, password: &str) -> Self {
        Self { user: user.to_owned(), password: Zeroizing::new(password.to_owned()) }
    }
}

/// A document, and the tag to say that one changes it as it is.
pub struct Document<T> {
    pub value: T,
    pub tag: Option<HeaderValue>,
}

enum Access {
    /// Not logged in yet.
    None,
    Session {
        token: HeaderValue,
        at: Option<Link>,
    },
    /// The BMC has no sessions, or none is left.
    Basic,
}

pub struct Client {
    http: Http,
    login: Option<Login>,
    access: Access,
    patience: Patience,
    deadline: Instant,
    requests: usize,
    late: usize,
    /// Something of this call could not be read.
    pub partial: bool,
}

impl Client {
    pub fn new(
        dial: Box<dyn Dial>,
        host: &str,
        known: Option<Fingerprint>,
        login: Option<Login>,
        patience: Patience,
    ) -> Self {
        Self {
            http: Http::new(dial, host, known),
            login,
            access: Access::None,
            patience,
            deadline: Instant::now(),
            requests: 0,
            late: 0,
            partial: false,
        }
    }

    pub fn fingerprint(&self) -> Option<Fingerprint> {
        self.http.fingerprint()
    }

    pub fn user(&self) -> Option<&str> {
        self.login.as_ref().map(|login| login.user.as_str())
    }

    /// The next request logs in with this.
    pub fn set_login(&mut self, login: Login) {
        self.login = Some(login);
        self.access = Access::None;
    }

    /// A call begins: what it may ask for is counted from here.
    pub fn begin(&mut self) {
        self.deadline = Instant::now() + self.patience.call;
        (self.requests, self.late, self.partial) = (0, 0, false);
    }

    /// Time is left to ask again in a moment.
    pub fn may_wait(&self, moment: Duration) -> bool {
        Instant::now() + moment < self.deadline
    }

    /// The root says who is there, to everybody.
    pub async fn root(&mut self) -> Result<Root, BmcError> {
        let answer = self.ask(&Method::GET, Link::root().as_str(), &HeaderMap::new(), Bytes::new()).await?;
        let answer = good(answer)?;
        json_of(&answer)?;
        parse(&answer.body, "the service root")
    }

    pub async fn get<T: DeserializeOwned + Default>(&mut self, link: &Link) -> Result<Document<T>, BmcError> {
        let answer = self.call(&Method::GET, link, None, None).await?;
        json_of(&answer)?;
        let tag = answer.headers.get(header::ETAG).cloned();
        Ok(Document { value: parse(&answer.body, "a document")?, tag })
    }

    /// `None` for what can't be read now; the rest of the call goes on. What stops everything is an error.
    pub async fn optional<T: DeserializeOwned + Default>(&mut self, link: Option<Link>) -> Result<Option<T>, BmcError> {
        let Some(link) = link else { return Ok(None) };
        match self.get(&link).await {
            Ok(document) => Ok(Some(document.value)),
            Err(error) => self.without(&link, error).map(|()| None),
        }
    }

    /// Whether a call can go on without the document of this link.
    fn without(&mut self, link: &Link, error: BmcError) -> Result<(), BmcError> {
        let late = matches!(error, BmcError::Transport(TransportError::Silent | TransportError::Io(_)));
        self.late += usize::from(late);
        let fatal = match &error {
            BmcError::Transport(TransportError::Garbled(_) | TransportError::Forbidden | TransportError::Busy) => false,
            _ if late => self.late > LATE_MAX || Instant::now() >= self.deadline,
            BmcError::Transport(_) => true,
            _ => false,
        };
        if fatal {
            return Err(error);
        }
        tracing::debug!(%link, %error, "a document of a BMC is left out");
        self.partial = true;
        Ok(())
    }

    /// Changes a document: as it is, where the BMC can tell.
    pub async fn patch(&mut self, link: &Link, change: &Value, tag: Option<HeaderValue>) -> Result<(), BmcError> {
        match self.call(&Method::PATCH, link, Some(change), tag).await {
            // It changed in between, or the tag was of another form: as it is now, and only once.
            Err(BmcError::Redfish { status: 412 | 428, .. }) => {
                let now = self.get::<serde::de::IgnoredAny>(link).await.ok().and_then(|document| document.tag);
                let any = HeaderValue::from_static("*");
                self.call(&Method::PATCH, link, Some(change), Some(now.unwrap_or(any))).await.map(drop)
            }
            outcome => outcome.map(drop),
        }
    }

    /// Starts an action. Long work has a document of its own.
    pub async fn act(&mut self, target: &Link, arguments: &Value) -> Result<Option<Link>, BmcError> {
        let answer = self.call(&Method::POST, target, Some(arguments), None).await?;
        Ok(answer.header(header::LOCATION).and_then(Link::of_location))
    }

    /// The members of a collection: those that come inside of it as they are, the others asked for one by one. Of more than
    /// [`MEMBERS_MAX`] the rest is left out; so is what was there already.
    pub async fn members<T: DeserializeOwned + Default>(
        &mut self,
        first: Option<Link>,
    ) -> Result<Vec<(Link, T)>, BmcError> {
        let mut members = Vec::new();
        for (link, inline) in self.pages::<T>(first, MEMBERS_MAX).await? {
            match inline {
                Some(value) => members.push((link, value)),
                None => {
                    let value = self.optional(Some(link.clone())).await?;
                    members.extend(value.map(|value| (link, value)));
                }
            }
        }
        Ok(members)
    }

    /// The members of all pages of a collection, each once, at most so many, with what came of them inside.
    pub async fn pages<T: DeserializeOwned + Default>(
        &mut self,
        first: Option<Link>,
        most: usize,
    ) -> Result<Vec<(Link, Option<T>)>, BmcError> {
        let (mut members, mut seen, mut next) = (Vec::new(), HashSet::new(), first);
        for turned in 0.. {
            let Some(page) = next.take() else { break };
            if turned == PAGES_MAX || !seen.insert(page.trimmed().to_owned()) {
                self.partial = true;
                break;
            }
            let Some(collection) = self.optional::<Collection>(Some(page)).await? else { break };
            for raw in &collection.members.0 {
                let member = member::<T>(raw).and_then(|(path, inline)| Some((Link::parse(&path)?, path, inline)));
                let Some((link, path, inline)) = member else {
                    self.partial = true;
                    continue;
                };
                if !seen.insert(link_key(&path)) {
                    continue;
                }
                if members.len() == most {
                    self.partial = true;
                    return Ok(members);
                }
                members.push((link, inline));
            }
            next = collection.next.get().and_then(Link::parse);
        }
        Ok(members)
    }

    /// Ends the session: most BMCs have few.
    pub async fn close(&mut self) {
        let Access::Session { token, at: Some(at) } = std::mem::replace(&mut self.access, Access::None) else { return };
        self.begin();
        let headers = HeaderMap::from_iter([(AUTH_TOKEN, token)]);
        if let Err(error) = self.ask(&Method::DELETE, at.as_str(), &headers, Bytes::new()).await {
            tracing::debug!(%error, "a session with a BMC was left to end by itself");
        }
    }

    /// One request as the user. A session that the BMC forgot is begun anew, once; a refused password is never tried again.
    async fn call(
        &mut self,
        method: &Method,
        link: &Link,
        body: Option<&Value>,
        tag: Option<HeaderValue>,
    ) -> Result<Answer, BmcError> {
        let bytes = body.map(|body| Bytes::from(body.to_string())).unwrap_or_default();
        let mut again = matches!(self.access, Access::Session { .. });
        loop {
            let mut headers = self.authority().await?;
            if body.is_some() {
                headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            }
            if let Some(tag) = &tag {
                headers.insert(header::IF_MATCH, tag.clone());
            }
            let answer = self.ask(method, link.as_str(), &headers, bytes.clone()).await?;
            if answer.status == StatusCode::UNAUTHORIZED && std::mem::take(&mut again) {
                self.access = Access::None;
                continue;
            }
            return good(answer);
        }
    }

    /// What shows who is asking; logs in when nobody is.
    async fn authority(&mut self) -> Result<HeaderMap, BmcError> {
        let Some(login) = self.login.clone() else { return Ok(HeaderMap::new()) };
        if matches!(self.access, Access::None) {
            self.access = self.log_in(&login).await?;
        }
        let shown = match &self.access {
            Access::Session { token, .. } => (AUTH_TOKEN, token.clone()),
            _ => (header::AUTHORIZATION, basic(&login)?),
        };
        Ok(HeaderMap::from_iter([shown]))
    }

    /// DSP0266 §13.3: a session where there are any and one is left.
    async fn log_in(&mut self, login: &Login) -> Result<Access, BmcError> {
        let root = self.root().await?;
        let Some(sessions) = root.links.0.and_then(|links| links.sessions.link()) else { return Ok(Access::Basic) };
        let body = Zeroizing::new(json!({ "UserName": login.user, "Password": login.password.as_str() }).to_string());
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
        let answer =
            self.ask(&Method::POST, sessions.as_str(), &headers, Bytes::copy_from_slice(body.as_bytes())).await?;
        match answer.status {
            StatusCode::UNAUTHORIZED => Err(TransportError::Refused.into()),
            StatusCode::FORBIDDEN => Err(TransportError::Forbidden.into()),
            status if status.is_success() => {
                let at = answer.header(header::LOCATION).and_then(Link::of_location);
                let Some(token) = answer.headers.get(AUTH_TOKEN) else { return Ok(Access::Basic) };
                let mut token = token.clone();
                token.set_sensitive(true);
                Ok(Access::Session { token, at })
            }
            _ => Ok(Access::Basic),
        }
    }

    async fn ask(&mut self, method: &Method, path: &str, headers: &HeaderMap, body: Bytes) -> Result<Answer, BmcError> {
        self.requests += 1;
        if self.requests > REQUESTS_MAX {
            return Err(TransportError::Garbled("a tree without end").into());
        }
        let deadline = self.deadline.min(Instant::now() + self.patience.request);
        let mut headers = headers.clone();
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(HeaderName::from_static("odata-version"), HeaderValue::from_static("4.0"));
        Ok(self.http.send(method, path, &headers, body, deadline).await?)
    }
}

const AUTH_TOKEN: HeaderName = HeaderName::from_static("x-auth-token");

/// What names a member, and what tells a whole document from a link: every document has an id and a name (DSP0266 §9.5).
#[derive(Default, Deserialize)]
#[serde(default)]
struct Head {
    #[serde(rename = "@odata.id")]
    path: Text,
    #[serde(rename = "Id")]
    id: Text,
    #[serde(rename = "Name")]
    name: Text,
}

/// A member's path, and the document where it came inside of the collection.
fn member<T: DeserializeOwned + Default>(raw: &RawValue) -> Option<(String, Option<T>)> {
    let head: Head = parse(raw.get().as_bytes(), "a member").ok()?;
    let whole = head.id.get().or(head.name.get()).is_some();
    let inline = whole.then(|| parse(raw.get().as_bytes(), "a member").ok()).flatten();
    Some((head.path.0?, inline))
}

/// Members may share a document and differ in their fragment.
fn link_key(path: &str) -> String {
    path.trim_end_matches('/').to_owned()
}

fn basic(login: &Login) -> Result<HeaderValue, BmcError> {
    let both = Zeroizing::new(format!("{}:{}", login.user, login.password.as_str()));
    let text = Zeroizing::new(format!("Basic {}", data_encoding::BASE64.encode(both.as_bytes())));
    let mut value = HeaderValue::from_str(&text).map_err(|_| TransportError::Refused)?;
    value.set_sensitive(true);
    Ok(value)
}

fn json_of(answer: &Answer) -> Result<(), BmcError> {
    if answer.is_json() { Ok(()) } else { Err(TransportError::Garbled("a document that is no JSON").into()) }
}

/// What the status says, and the BMC's own words beside.
fn good(answer: Answer) -> Result<Answer, BmcError> {
    match answer.status {
        status if status.is_success() => Ok(answer),
        StatusCode::UNAUTHORIZED => Err(TransportError::Refused.into()),
        StatusCode::FORBIDDEN => Err(TransportError::Forbidden.into()),
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => Err(TransportError::Busy.into()),
        status => Err(BmcError::Redfish { status: status.as_u16(), message: complaint(&answer.body) }),
    }
}

/// What a BMC says about a request that it refuses; empty when it says nothing (DSP0266 §9.6).
pub fn complaint(body: &[u8]) -> String {
    let Some(error) = parse::<ErrorBody>(body, "an error").ok().and_then(|body| body.error.0) else {
        return String::new();
    };
    let said = error.extended.0.iter().find_map(|message| message.message.get());
    said.or(error.message.get()).or(error.code.get()).unwrap_or_default().to_owned()
}

/// Where a collection's bytes lead: its members and its next page.
pub fn links(bytes: &[u8]) -> Vec<String> {
    let collection: Collection = parse(bytes, "a collection").unwrap_or_default();
    let members =
        collection.members.0.iter().filter_map(|raw| member::<Head>(raw)).filter_map(|(path, _)| Link::parse(&path));
    members.chain(collection.next.get().and_then(Link::parse)).map(|link| link.to_string()).collect()
}
