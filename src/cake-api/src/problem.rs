//! Problems on the wire (RFC 9457): a stable code, and the sentences in every language.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use cake_i18n::Catalogue;
use cake_types::{Code, Language, Problem, RequestId};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A refusal. Its body is written by [`finish`], which knows the reader's language and the request's id.
#[derive(Debug)]
pub struct Refused(pub Problem);

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl From<Code> for Refused {
    fn from(code: Code) -> Self {
        Self(Problem::new(code))
    }
}

/// The problem behind a response, for the audit journal and for [`finish`].
#[derive(Clone)]
pub(crate) struct Behind(pub Problem);

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let Self(problem) = self;
        let mut response = Response::new(Body::empty());
        *response.status_mut() =
            StatusCode::from_u16(problem.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        if let Some(seconds) = problem.params.get("seconds").and_then(|text| text.parse().ok()) {
            headers.insert(header::RETRY_AFTER, seconds);
        }
        if let Some(allow) = problem.params.get("allow").and_then(|text| text.parse().ok()) {
            headers.insert(header::ALLOW, allow);
        }
        if problem.code == Code::NotLoggedIn {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response.extensions_mut().insert(Behind(problem));
        response
    }
}

/// What went wrong, and what to do now.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemBody {
    /// The page of the manual about this code.
    #[serde(rename = "type")]
    pub kind: String,
    pub title: String,
    pub status: u16,
    /// What is so and why, and what to do now, in the reader's language.
    pub detail: String,
    /// Stable; programs decide by it.
    pub code: String,
    /// The facts that the sentences name.
    pub params: BTreeMap<String, String>,
    /// JSON pointer to the field of the request that is wrong.
    pub pointer: Option<String>,
    pub request_id: String,
    /// The same in every language, by language tag.
    pub messages: BTreeMap<&'static str, Message>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ProblemMessage)]
pub struct Message {
    pub title: String,
    pub detail: String,
    /// What to do now.
    pub next: String,
}

/// The sentences in every language, by language tag.
pub(crate) fn messages(problem: &Problem) -> BTreeMap<&'static str, Message> {
    Language::ALL.map(|language| (language.tag(), message(problem, language))).into()
}

fn message(problem: &Problem, language: Language) -> Message {
    let words = Catalogue::get(language);
    let explained = words.problem(problem);
    let title = words.text_with(&format!("problem-{}-short", problem.code.as_str()), &[]);
    Message { title, detail: explained.what, next: explained.next }
}

/// Writes the body of a refusal.
pub(crate) fn finish(mut response: Response, language: Language, request: RequestId) -> Response {
    let Some(Behind(problem)) = response.extensions().get::<Behind>().cloned() else {
        return response;
    };
    let own = message(&problem, language);
    let messages = messages(&problem);
    let body = ProblemBody {
        kind: format!("/help/problems#{}", problem.code),
        title: own.title,
        status: problem.code.status(),
        detail: if own.next.is_empty() {
            own.detail
        } else {
            // Chinese sentences follow each other without a space.
            [own.detail.as_str(), &own.next].join(Catalogue::get(language).text("sentence-gap"))
        },
        code: problem.code.as_str().into(),
        params: problem.params,
        pointer: problem.pointer,
        request_id: request.to_string(),
        messages,
    };
    let text = serde_json::to_vec(&body).expect("a problem is JSON");
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(language.tag()));
    *response.body_mut() = Body::from(text);
    response
}
