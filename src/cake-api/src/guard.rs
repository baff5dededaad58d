//! What stands before every handler: who asks, may they, is it really their page that asks, and was it asked before.
//!
//! ```text
//!  outer: request id, language, security headers ─► guard: set up? → identity → permission → origin and CSRF
//!         problem body written on the way out          → Idempotency-Key, If-Match → answered before? → handler
//!                                                      ← refused: written to the audit journal
//! ```

use axum::body::Body;
use axum::extract::{ConnectInfo, FromRequestParts, RawPathParams, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use cake_control::accounts::{Identity, Proof, account_subject};
use cake_control::caller::{Caller, Receipt};
use cake_control::devices::subject as device_subject;
use cake_control::images::image_subject;
use cake_control::imports::import_subject;
use cake_control::ledger::subject_of;
use cake_control::servers::subject as server_subject;
use cake_types::{Actor, Code, DeviceKind, Language, Origin, Permission, Problem, ProjectName, RequestId, Subject};
use http::request::Parts;
use http::{HeaderMap, Method, header};
use std::net::SocketAddr;
use std::sync::PoisonError;
use subtle::ConstantTimeEq;

use crate::ask::{Ask, Reader, answer_response};
use crate::body;
use crate::problem::{Behind, Refused};
use crate::state::Api;

/// Who may use a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everybody, even before set-up.
    Open,
    /// Whoever has the wizard's one-time token.
    Setup,
    /// Everybody who is logged in.
    Account,
    /// Whoever has this permission.
    With(Permission),
}

/// One route.
#[derive(Clone, Copy, Debug)]
pub struct Operation {
    /// The operation's id in the OpenAPI document and in the audit journal.
    pub id: &'static str,
    pub method: &'static str,
    pub path: &'static str,
    pub access: Access,
    /// Its answer is kept under the Idempotency-Key. Not of those that change nothing durable (a ticket, a session).
    pub replayed: bool,
    /// It needs If-Match. Not where the address says which bytes it is about, so that there is nothing to overwrite unseen.
    pub conditional: bool,
}

impl Operation {
    fn changes(&self) -> bool {
        self.method != "GET"
    }
}

/// The cookie of a session. `__Host-`: only over TLS, only from this host, for all paths (RFC 6265bis §4.1.3.2).
pub const COOKIE: &str = "__Host-cake";
pub const CSRF_HEADER: &str = "x-cake-csrf";
pub const SETUP_HEADER: &str = "x-cake-setup-token";
/// Longest Idempotency-Key.
const KEY_MAX: usize = 128;

/// The identity behind a request's cookie or token, if there is one.
pub fn identify(api: &Api, headers: &HeaderMap) -> Option<Identity> {
    if let Some(bearer) = bearer(headers) {
        return api.accounts.by_token(bearer);
    }
    api.accounts.by_session(cookie(headers)?)
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = all.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE).map(|(_, secret)| secret)
}

/// Where a request came from.
pub fn address(parts: &Parts) -> Option<std::net::IpAddr> {
    parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(address)| address.ip())
}

pub(crate) async fn guard(State((api, operation)): State<(Api, Operation)>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let subject = if operation.changes() { subject(&api, &mut parts).await } else { None };
    let identity = identify(&api, &parts.headers);
    let request_id = parts.extensions.get::<Reader>().map(|reader| reader.request);
    let origin = Origin { address: address(&parts), request: request_id };
    let actor = match (&identity, operation.access) {
        (Some(identity), _) => identity.actor(),
        (None, Access::Setup) => Actor::Setup,
        (None, _) => Actor::Unknown { claimed: String::new() },
    };
    let caller = Caller { actor, origin, action: operation.id };
    let work = {
        let (api, caller) = (api.clone(), caller.clone());
        async move {
            match admit(&api, &operation, parts, body, caller, identity).await {
                Ok(Admitted::Handler { request, _at_work }) => next.run(*request).await,
                Ok(Admitted::Answered(response)) => response,
                Err(problem) => Refused(problem).into_response(),
            }
        }
    };
    if !operation.changes() {
        return work.await;
    }
    // A change goes on to its end although whoever asked has gone away.
    let response = match tokio::spawn(work).await {
        Ok(response) => response,
        Err(_) => Refused::from(Code::Internal).into_response(),
    };
    if let Some(Behind(problem)) = response.extensions().get::<Behind>() {
        let claimed = response.extensions().get::<Claimed>().map(|Claimed(actor)| actor.clone());
        let caller = Caller { actor: claimed.unwrap_or(caller.actor), ..caller };
        api.ledger.audit_refused(&caller, subject, problem).await;
    }
    response
}

/// Who somebody says they are when a login is refused.
#[derive(Clone)]
pub(crate) struct Claimed(pub Actor);

/// What a request is about, by its path: as it was asked for, whether it exists or not.
async fn subject(api: &Api, parts: &mut Parts) -> Option<Subject> {
    const KINDS: [&str; 12] =
        ["pdu", "switch", "server", "vm", "alert", "task", "account", "token", "image", "import", "query", "backup"];
    const NAME_MAX: usize = 128;
    let params = RawPathParams::from_request_parts(parts, &()).await.ok()?;
    let (kind, text) = params.iter().find(|(name, _)| KINDS.contains(name))?;
    let known = match kind {
        "vm" => api.board.find_vm(&ProjectName::default(), text).ok().map(|entry| subject_of(&entry.vm)),
        "image" => api.images.find(text).ok().map(|entry| image_subject(&entry.image)),
        "server" => api.servers.find(text).ok().map(|entry| server_subject(&entry.server)),
        "pdu" => api.devices.find(DeviceKind::Pdu, text).ok().map(|entry| device_subject(&entry.device)),
        "switch" => api.devices.find(DeviceKind::Switch, text).ok().map(|entry| device_subject(&entry.device)),
        "import" => api.imports.find(text).ok().map(|entry| import_subject(&entry.import)),
        "alert" => api.alerts.find(text).ok().map(|alert| alert.subject),
        "account" => api.accounts.find(text).ok().map(|account| account_subject(&account)),
        _ => None,
    };
    known.or_else(|| {
        let name = text.chars().filter(|c| !c.is_control()).take(NAME_MAX).collect();
        Some(Subject { kind: kind.into(), id: text.parse().unwrap_or_default(), name })
    })
}

enum Admitted {
    Handler { request: Box<Request>, _at_work: Option<AtWork> },
    Answered(Response),
}

async fn admit(
    api: &Api,
    operation: &Operation,
    mut parts: Parts,
    body: Body,
    caller: Caller,
    identity: Option<Identity>,
) -> Result<Admitted, Problem> {
    may(api, operation, identity.as_ref())?;
    if operation.changes() {
        same_site(&parts, identity.as_ref())?;
    }
    if operation.conditional && !parts.headers.contains_key(header::IF_MATCH) {
        return Err(Problem::new(Code::MatchRequired));
    }
    let scope = match operation.access {
        Access::Setup => Some(setup_token(api, &parts, &caller).await?),
        _ => identity.as_ref().map(|identity| identity.account.meta.id.to_string()),
    };
    let mut ask = Ask { caller, identity, receipt: None };
    let (mut body, mut at_work) = (body, None);
    if operation.method == "POST" {
        let key = idempotency_key(&parts.headers)?;
        if let (true, Some(scope)) = (operation.replayed, scope) {
            let bytes = body::collect(body).await?;
            let path = parts.uri.path_and_query().map_or("", |path| path.as_str());
            let receipt = Receipt::new(&scope, &key, &[path.as_bytes(), &bytes]);
            at_work = Some(AtWork::begin(api, receipt.place().as_str())?);
            if let Some(answer) = receipt.find(&*api.ledger.store, api.ledger.now()).await? {
                return Ok(Admitted::Answered(answer_response(answer)));
            }
            ask.receipt = Some(receipt);
            body = Body::from(bytes);
        }
    }
    if operation.access == Access::Setup && api.settings.is_set_up() {
        return Err(Problem::new(Code::AlreadySetUp));
    }
    parts.extensions.insert(ask);
    Ok(Admitted::Handler { request: Box::new(Request::from_parts(parts, body)), _at_work: at_work })
}

fn may(api: &Api, operation: &Operation, identity: Option<&Identity>) -> Result<(), Problem> {
    let needs_set_up = matches!(operation.access, Access::Account | Access::With(_));
    if needs_set_up && !api.settings.is_set_up() {
        return Err(Problem::new(Code::NotSetUp));
    }
    match (operation.access, identity) {
        (Access::Open | Access::Setup, _) | (Access::Account, Some(_)) => Ok(()),
        (_, None) => Err(Problem::new(Code::NotLoggedIn)),
        (Access::With(permission), Some(identity)) if identity.may(permission) => Ok(()),
        (Access::With(permission), Some(_)) => {
            let word = serde_json::to_value(permission).ok();
            let word = word.as_ref().and_then(|word| word.as_str()).unwrap_or_default().to_owned();
            Err(Problem::new(Code::NotAllowed).with("permission", word))
        }
    }
}

/// A page of another site can make a browser send our cookie; it can't read our pages, so it can't know the CSRF token, and it
/// can't lie about its origin.
fn same_site(parts: &Parts, identity: Option<&Identity>) -> Result<(), Problem> {
    let foreign = || Problem::new(Code::ForeignOrigin);
    let site = parts.headers.get("sec-fetch-site").and_then(|value| value.to_str().ok());
    if matches!(site, Some("cross-site" | "same-site")) || !origin_fits(parts) {
        return Err(foreign());
    }
    let Some(Proof::Session { csrf, .. }) = identity.map(|identity| &identity.proof) else { return Ok(()) };
    let sent = parts.headers.get(CSRF_HEADER).map(|value| value.as_bytes()).unwrap_or_default();
    if bool::from(sent.ct_eq(csrf.as_bytes())) { Ok(()) } else { Err(foreign()) }
}

/// No Origin, or our own.
pub(crate) fn origin_fits(parts: &Parts) -> bool {
    let Some(origin) = parts.headers.get(header::ORIGIN) else { return true };
    let Ok(origin) = origin.to_str() else { return false };
    let Some(from) = origin.strip_prefix("https://") else { return false };
    host(parts).is_some_and(|host| plain(from).eq_ignore_ascii_case(plain(host)))
}

/// Whom the request was sent to: `:authority` in HTTP/2, `Host` before.
fn host(parts: &Parts) -> Option<&str> {
    let authority = parts.uri.authority().map(|authority| authority.as_str());
    authority.or_else(|| parts.headers.get(header::HOST)?.to_str().ok())
}

fn plain(host: &str) -> &str {
    host.strip_suffix(":443").unwrap_or(host)
}

fn idempotency_key(headers: &HeaderMap) -> Result<String, Problem> {
    let value = headers.get("idempotency-key").ok_or_else(|| Problem::new(Code::KeyRequired))?;
    let text = value.to_str().ok().filter(|text| (1..=KEY_MAX).contains(&text.len()));
    text.map(str::to_owned).ok_or_else(|| {
        let detail = format!("1 to {KEY_MAX} visible ASCII characters");
        Problem::new(Code::BadParameter).with("name", "Idempotency-Key").with("detail", detail)
    })
}

/// The wizard's token, checked; it is the scope of the answer that is kept. Once set-up is done it opens nothing but the answer
/// that it was given.
async fn setup_token(api: &Api, parts: &Parts, caller: &Caller) -> Result<String, Problem> {
    let token = parts.headers.get(SETUP_HEADER).and_then(|value| value.to_str().ok());
    let token = token.ok_or_else(|| Problem::new(Code::WrongToken))?;
    if !api.settings.is_set_up() {
        api.setup.check_token(caller, token).await?;
    }
    Ok(format!("setup {token}"))
}

/// One request for each Idempotency-Key at a time.
struct AtWork {
    api: Api,
    place: String,
}

impl AtWork {
    fn begin(api: &Api, place: &str) -> Result<Self, Problem> {
        let mut all = api.at_work.lock().unwrap_or_else(PoisonError::into_inner);
        if !all.insert(place.to_owned()) {
            return Err(Problem::new(Code::KeyInUse));
        }
        Ok(Self { api: api.clone(), place: place.to_owned() })
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        self.api.at_work.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.place);
    }
}

/// The outermost layer: an id for support, the reader's language, headers for browsers.
pub async fn outer(State(api): State<Api>, mut request: Request, next: Next) -> Response {
    let chosen = identify(&api, request.headers())
        .and_then(|identity| Language::from_tag(identity.account.spec.language.as_deref()?));
    let accepted = request.headers().get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    let language = match (chosen, accepted) {
        (_, Some(accepted)) if !request.headers().contains_key("sec-fetch-site") => Language::negotiate(accepted),
        (Some(chosen), _) => chosen,
        (None, accepted) => Language::negotiate(accepted.unwrap_or_default()),
    };
    let reader = Reader { request: RequestId::now(), language };
    request.extensions_mut().insert(reader);
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let response = next.run(request).await;
    log(&method, &path, &response, reader.request);
    let response = crate::problem::finish(response, language, reader.request);
    crate::security::headers(response, reader.request)
}

/// Paths may hold a one-time ticket: those are not logged.
fn log(method: &Method, path: &str, response: &Response, request: RequestId) {
    let hidden = |place: &str| path.strip_prefix(place).is_some_and(|rest| rest.starts_with('/'));
    let path =
        ["/v1/console", "/v1/screen", "/v1/server-console"].into_iter().find(|place| hidden(place)).unwrap_or(path);
    let status = response.status().as_u16();
    if response.status().is_server_error() {
        tracing::warn!(%method, path, status, %request, "a request failed");
    } else {
        tracing::debug!(%method, path, status, %request, "answered");
    }
}
