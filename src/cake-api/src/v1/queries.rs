//! `/v1/queries`: searches that you keep under a name. Everybody sees their own.

use axum::extract::{Path, State};
use axum::response::Response;
use cake_control::accounts::QueryPatch as ControlPatch;
use cake_control::caller::Answer;
use cake_planner::names;
use cake_types as domain;
use http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::ask::{Ask, IfMatch, answer_response, etag, ready_json, tagged};
use crate::body::Json;
use crate::problem::{ProblemBody, Refused};
use crate::state::Api;

/// A search under a name.
#[derive(Serialize, ToSchema)]
pub struct SavedQuery {
    pub id: Uuid,
    pub name: String,
    /// In the filter language, as `/v1/query` takes it.
    pub text: String,
    #[schema(value_type = String, format = "date-time")]
    pub created_at: Timestamp,
    /// For If-Match.
    pub etag: String,
}

#[derive(Serialize, ToSchema)]
pub struct SavedQueryList {
    pub items: Vec<SavedQuery>,
    pub next: Option<String>,
}

impl From<&domain::SavedQuery> for SavedQuery {
    fn from(query: &domain::SavedQuery) -> Self {
        let domain::SavedQuery { id, name, text, generation, created_at } = query;
        let (name, text) = (name.to_string(), text.clone());
        Self { id: id.0, name, text, created_at: *created_at, etag: etag(*generation) }
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSavedQuery {
    pub name: String,
    pub text: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SavedQueryPatch {
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub text: Option<String>,
}

fn created(query: &domain::SavedQuery) -> Answer {
    Answer {
        status: 201,
        etag: Some(etag(query.generation)),
        location: Some(format!("/v1/queries/{}", query.id)),
        body: serde_json::to_string(&SavedQuery::from(query)).expect("a query is JSON"),
    }
}

/// Your saved queries, by name.
#[utoipa::path(get, path = "/v1/queries", operation_id = "query_list", tag = "query",
    responses((status = 200, body = SavedQueryList), (status = "default", body = ProblemBody)))]
pub(crate) async fn list(State(api): State<Api>, ask: Ask) -> Result<Response, Refused> {
    let items = api.accounts.queries(ask.account()?).iter().map(SavedQuery::from).collect();
    let list = SavedQueryList { items, next: None };
    Ok(ready_json(serde_json::to_vec(&list).expect("queries are JSON")))
}

/// Saves a query. What is not in the filter language is refused.
#[utoipa::path(post, path = "/v1/queries", operation_id = "query_save", tag = "query", request_body = NewSavedQuery,
    params(("Idempotency-Key" = String, Header)),
    responses((status = 201, body = SavedQuery), (status = "default", body = ProblemBody)))]
pub(crate) async fn save(
    State(api): State<Api>,
    ask: Ask,
    Json(new): Json<NewSavedQuery>,
) -> Result<Response, Refused> {
    let NewSavedQuery { name, text } = new;
    let new = (names::name(&name, "/name")?, text);
    let query = api.accounts.save_query(&ask.caller, ask.identity()?, new, &ask.keep(created)).await?;
    Ok(answer_response(created(&query)))
}

/// Renames a saved query, or changes its text.
#[utoipa::path(patch, path = "/v1/queries/{query}", operation_id = "query_update", tag = "query",
    request_body = SavedQueryPatch, params(("query" = String, Path), ("If-Match" = String, Header)),
    responses((status = 200, body = SavedQuery), (status = "default", body = ProblemBody)))]
pub(crate) async fn update(
    State(api): State<Api>,
    Path(query): Path<String>,
    ask: Ask,
    seen: IfMatch,
    Json(patch): Json<SavedQueryPatch>,
) -> Result<Response, Refused> {
    let SavedQueryPatch { name, text } = patch;
    let name = name.map(|name| names::name(&name, "/name")).transpose()?;
    let id = api.accounts.find_query(ask.account()?, &query)?.id;
    let (patch, check) = (ControlPatch { name, text }, |generation| seen.check(generation));
    let query = api.accounts.update_query(&ask.caller, ask.identity()?, id, patch, check).await?;
    Ok(tagged(query.generation, &SavedQuery::from(&query)))
}

/// Deletes a saved query.
#[utoipa::path(delete, path = "/v1/queries/{query}", operation_id = "query_delete", tag = "query",
    params(("query" = String, Path), ("If-Match" = String, Header)),
    responses((status = 204), (status = "default", body = ProblemBody)))]
pub(crate) async fn delete(
    State(api): State<Api>,
    Path(query): Path<String>,
    ask: Ask,
    seen: IfMatch,
) -> Result<StatusCode, Refused> {
    let id = api.accounts.find_query(ask.account()?, &query)?.id;
    api.accounts.delete_query(&ask.caller, ask.identity()?, id, |generation| seen.check(generation)).await?;
    Ok(StatusCode::NO_CONTENT)
}
