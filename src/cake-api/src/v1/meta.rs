//! `/v1/version`, the OpenAPI document and its readable page.

use axum::response::Response;
use http::{HeaderValue, header};
use serde::Serialize;
use utoipa::ToSchema;

use crate::ask::ready_json;
use crate::problem::{ProblemBody, Refused};

#[derive(Serialize, ToSchema)]
pub struct Version {
    pub version: &'static str,
    /// Version of this contract.
    pub api: &'static str,
}

/// Which version answers.
#[utoipa::path(get, path = "/v1/version", operation_id = "version", tag = "meta", security(()),
    responses((status = 200, body = Version), (status = "default", body = ProblemBody)))]
pub(crate) async fn version() -> Result<Response, Refused> {
    let version = Version { version: env!("CARGO_PKG_VERSION"), api: "1" };
    Ok(ready_json(serde_json::to_vec(&version).expect("a version is JSON")))
}

/// This document.
#[utoipa::path(get, path = "/v1/openapi.json", operation_id = "openapi", tag = "meta", security(()),
    responses((status = 200, content_type = "application/json"), (status = "default", body = ProblemBody)))]
pub(crate) async fn openapi() -> Result<Response, Refused> {
    Ok(ready_json(crate::openapi::document()))
}

/// This document, readable.
#[utoipa::path(get, path = "/v1/docs", operation_id = "docs", tag = "meta", security(()),
    responses((status = 200, content_type = "text/html"), (status = "default", body = ProblemBody)))]
pub(crate) async fn docs() -> Result<Response, Refused> {
    Ok(text(crate::docs::page(), "text/html; charset=utf-8"))
}

/// The style of the readable page.
#[utoipa::path(get, path = "/v1/docs.css", operation_id = "docs_style", tag = "meta", security(()),
    responses((status = 200, content_type = "text/css"), (status = "default", body = ProblemBody)))]
pub(crate) async fn docs_style() -> Result<Response, Refused> {
    Ok(text(crate::docs::STYLE.to_owned(), "text/css"))
}

fn text(body: String, kind: &'static str) -> Response {
    let mut response = Response::new(body.into());
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
