//! A refusal as a page: what is so, why, what to do now.

use crate::data::ConsoleData;
use crate::frame::{Frame, Inside};
use crate::live::Regions;
use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use cake_i18n::words::Explained;
use cake_types::{Code, Problem};
use std::sync::Arc;

#[derive(Template)]
#[template(path = "error.html")]
struct Page<'a> {
    f: &'a Frame,
    r: Regions,
    explained: Explained,
    code: &'static str,
}

pub async fn problem(data: &Arc<dyn ConsoleData>, f: &Frame, problem: Problem) -> Response {
    let status = StatusCode::from_u16(problem.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let r = super::regions(data, f, "/error").await;
    f.page_with(status, &Page { f, r, explained: f.words.problem(&problem), code: problem.code.as_str() })
}

/// An address that leads nowhere. Somebody unknown learns only that there is a login.
pub async fn not_found(State(data): State<Arc<dyn ConsoleData>>, Inside(f): Inside) -> Response {
    problem(&data, &f, Problem::new(Code::NoSuchRoute)).await
}
