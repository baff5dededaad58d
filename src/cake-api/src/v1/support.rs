//! `/v1/system/support-bundles`: for whoever helps.

use super::Nothing;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use cake_control::caller::Answer;
use cake_control::support as control;
use cake_types::Generation;
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::ask::{Ask, IfMatch, Params, answer_response, etag, ready_json};
use crate::body::Maybe;
use crate::file;
use crate::page::Paging;
use crate::problem::{ProblemBody, Refused};
use crate::state::Api;

/// What this cloud is and what happened, in one archive of at most 50 MB, without secrets.
#[derive(Serialize, ToSchema)]
pub struct SupportBundle {
    pub id: Uuid,
    #[schema(value_type = String, format = "date-time")]
    pub made_at: Timestamp,
    /// Bytes of its file.
    pub size: u64,
    /// What it holds; its first file is the same list.
    pub files: Vec<SupportFile>,
    /// For If-Match.
    pub etag: String,
}

#[derive(Serialize, ToSchema)]
pub struct SupportFile {
    pub name: String,
    /// Bytes, not compressed.
    pub size: u64,
}

#[derive(Serialize, ToSchema)]
pub struct SupportBundleList {
    pub items: Vec<SupportBundle>,
    pub next: Option<String>,
}

impl From<&control::Bundle> for SupportBundle {
    fn from(bundle: &control::Bundle) -> Self {
        let control::Bundle { id, made_at, size, files } = bundle;
        let held = |control::Held { name, size }: &control::Held| SupportFile { name: name.clone(), size: *size };
        // A bundle never changes.
        let etag = etag(Generation::FIRST);
        Self { id: *id, made_at: *made_at, size: *size, files: files.iter().map(held).collect(), etag }
    }
}

fn made(bundle: &control::Bundle) -> Answer {
    let body = serde_json::to_string(&SupportBundle::from(bundle)).expect("a bundle is JSON");
    let location = Some(format!("/v1/system/support-bundles/{}/content", bundle.id));
    Answer { status: 201, etag: Some(etag(Generation::FIRST)), location, body }
}

/// The support bundles that are kept on the server, oldest first: the last three.
#[utoipa::path(get, path = "/v1/system/support-bundles", operation_id = "support_list", tag = "system",
    params(("limit" = Option<usize>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, body = SupportBundleList), (status = "default", body = ProblemBody)))]
pub(crate) async fn list(State(api): State<Api>, Params(page): Params<Paging>) -> Result<Response, Refused> {
    let all = api.support.list();
    let (items, next) = page.part(&all, |bundle| bundle.id)?;
    let items = items.into_iter().map(Into::into).collect();
    Ok(ready_json(serde_json::to_vec(&SupportBundleList { items, next }).expect("bundles are JSON")))
}

/// Makes a support bundle and says what it holds. Passwords, tokens, keys and user-data are taken out of it.
#[utoipa::path(post, path = "/v1/system/support-bundles", operation_id = "support_create", tag = "system",
    params(("Idempotency-Key" = String, Header)),
    responses((status = 201, body = SupportBundle), (status = "default", body = ProblemBody)))]
pub(crate) async fn create(
    State(api): State<Api>,
    ask: Ask,
    Maybe(Nothing {}): Maybe<Nothing>,
) -> Result<Response, Refused> {
    let bundle = api.support.create(&ask.caller, &ask.keep(made)).await?;
    Ok(answer_response(made(&bundle)))
}

/// The archive (tar, gzip). A part of it with Range.
#[utoipa::path(get, path = "/v1/system/support-bundles/{bundle}/content", operation_id = "support_download", tag = "system",
    params(("bundle" = String, Path), ("Range" = Option<String>, Header)),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream"),
              (status = 206, body = Vec<u8>, content_type = "application/octet-stream"),
              (status = "default", body = ProblemBody)))]
pub(crate) async fn download(
    State(api): State<Api>,
    Path(bundle): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let bundle = api.support.find(&bundle)?;
    let file = api.support.open(&bundle)?;
    let name = format!("cake-support-{}.tar.gz", bundle.made_at.strftime("%Y%m%d-%H%M%S"));
    file::answer(file, &headers, &name).await.map_err(Refused)
}

/// Deletes a support bundle from the server.
#[utoipa::path(delete, path = "/v1/system/support-bundles/{bundle}", operation_id = "support_delete", tag = "system",
    params(("bundle" = String, Path), ("If-Match" = String, Header)),
    responses((status = 204), (status = "default", body = ProblemBody)))]
pub(crate) async fn delete(
    State(api): State<Api>,
    Path(bundle): Path<String>,
    ask: Ask,
    version: IfMatch,
    Maybe(Nothing {}): Maybe<Nothing>,
) -> Result<Response, Refused> {
    let bundle = api.support.find(&bundle)?;
    version.check(Generation::FIRST)?;
    api.support.delete(&ask.caller, &bundle).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
