//! Extractors: who asks, under which condition, and where the answer is kept.

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use cake_control::accounts::Identity;
use cake_control::caller::{Answer, Caller, Keep, Receipt};
use cake_types::{AccountId, Code, Generation, Language, Problem, ProjectName, RequestId};
use http::{HeaderValue, StatusCode, header};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::convert::Infallible;
use std::net::IpAddr;

use crate::problem::Refused;

/// Who asks, put into the request by the guard.
#[derive(Clone)]
pub struct Ask {
    pub caller: Caller,
    pub(crate) identity: Option<Identity>,
    pub(crate) receipt: Option<Receipt>,
}

impl Ask {
    /// Whoever is logged in. A route that is open to all has nobody.
    pub fn identity(&self) -> Result<&Identity, Problem> {
        self.identity.as_ref().ok_or_else(|| Problem::new(Code::NotLoggedIn))
    }

    pub fn account(&self) -> Result<AccountId, Problem> {
        Ok(self.identity()?.account.meta.id)
    }

    /// Where the answer is kept, and how it reads.
    pub fn keep<T>(&self, answer: fn(&T) -> Answer) -> Keep<T> {
        Keep { receipt: self.receipt.clone(), answer }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Ask {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refused> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| Code::NotLoggedIn.into())
    }
}

/// What the outermost layer knows of a request.
#[derive(Clone, Copy, Debug)]
pub struct Reader {
    pub request: RequestId,
    pub language: Language,
}

impl<S: Send + Sync> FromRequestParts<S> for Reader {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refused> {
        parts.extensions.get::<Self>().copied().ok_or_else(|| Code::Internal.into())
    }
}

/// The server's address that the connection came in to, put there by whoever accepted it. Absent where nobody did.
#[derive(Clone, Copy, Debug)]
pub struct At(pub Option<IpAddr>);

impl<S: Send + Sync> FromRequestParts<S> for At {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get::<Self>().copied().unwrap_or(Self(None)))
    }
}

/// A query string of known parameters.
pub struct Params<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        let query = Query::<T>::from_request_parts(parts, state).await;
        query.map(|Query(params)| Self(params)).map_err(|error| {
            let detail = error.body_text();
            Problem::new(Code::BadParameter).with("name", "query").with("detail", detail).into()
        })
    }
}

/// `?project=`
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct InProject {
    pub project: Option<String>,
}

pub(crate) fn project(text: Option<&str>) -> Result<ProjectName, Problem> {
    let bad = |error| Problem::new(Code::BadParameter).with("name", "project").with("detail", error);
    text.map_or_else(|| Ok(ProjectName::default()), |text| text.parse().map_err(bad))
}

/// The version of a resource that somebody saw. Opaque to clients.
pub fn etag(generation: Generation) -> String {
    format!("\"g{}\"", generation.0)
}

/// If-Match (RFC 9110 §13.1.1).
#[derive(Clone, Debug)]
pub struct IfMatch(Vec<String>);

impl IfMatch {
    pub(crate) fn parse(text: &str) -> Self {
        Self(text.split(',').map(|tag| tag.trim().to_owned()).collect())
    }

    pub fn check(&self, generation: Generation) -> Result<(), Problem> {
        let now = etag(generation);
        if self.0.iter().any(|tag| tag == "*" || *tag == now) { Ok(()) } else { Err(Problem::new(Code::Stale)) }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refused> {
        let value = parts.headers.get(header::IF_MATCH).and_then(|value| value.to_str().ok());
        value.map(Self::parse).ok_or_else(|| Code::MatchRequired.into())
    }
}

/// An answer with JSON that is ready.
pub(crate) fn ready_json(body: impl Into<axum::body::Body>) -> Response {
    let mut response = Response::new(body.into());
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// JSON with its version.
pub(crate) fn tagged<T: serde::Serialize>(generation: Generation, value: &T) -> Response {
    answer_response(Answer { etag: Some(etag(generation)), ..plain(value) })
}

/// What has no version and no address of its own.
pub(crate) fn plain<T: serde::Serialize>(value: &T) -> Answer {
    let body = serde_json::to_string(value).expect("wire types are JSON");
    Answer { status: 200, etag: None, location: None, body }
}

pub(crate) fn answer_response(answer: Answer) -> Response {
    let Answer { status, etag, location, body } = answer;
    let mut response = ready_json(body).into_response();
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    for (name, value) in [(header::ETAG, etag), (header::LOCATION, location)] {
        if let Some(value) = value.and_then(|value| HeaderValue::from_str(&value).ok()) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}
