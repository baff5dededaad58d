//! `/v1/tokens`: your own.

use axum::extract::{Path, State};
use axum::response::Response;
use cake_control::accounts as control;
use cake_control::caller::Answer;
use cake_planner::names;
use cake_types::{ApiToken as Domain, Problem, TokenId};
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::ask::{Ask, IfMatch, answer_response, etag, ready_json};
use crate::body::Json;
use crate::problem::{ProblemBody, Refused};
use crate::state::Api;

/// Longest life of a token that ends.
const DAYS_MAX: u32 = 3650;

/// An API token. The token itself is shown once, in the answer to its creation.
#[derive(Serialize, ToSchema)]
pub struct ApiToken {
    pub id: Uuid,
    pub name: String,
    #[schema(value_type = String, format = "date-time")]
    pub created_at: Timestamp,
    #[schema(value_type = Option<String>, format = "date-time")]
    pub expires_at: Option<Timestamp>,
    /// For If-Match.
    pub etag: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct ApiTokenList {
    pub items: Vec<ApiToken>,
    pub next: Option<String>,
}

impl From<&Domain> for ApiToken {
    fn from(token: &Domain) -> Self {
        let Domain { id, account: _, name, hash: _, created_at, expires_at } = token;
        Self {
            id: id.0,
            name: name.to_string(),
            created_at: *created_at,
            expires_at: *expires_at,
            // A token never changes.
            etag: etag(cake_types::Generation::FIRST),
            token: None,
        }
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// What it is for.
    pub name: String,
    /// It never ends when left out.
    #[serde(default)]
    pub expires_in_days: Option<u32>,
}

fn created(new: &control::NewToken) -> Answer {
    let control::NewToken { token, secret } = new;
    let body = ApiToken { token: Some(secret.clone()), ..ApiToken::from(token) };
    Answer {
        status: 201,
        etag: Some(body.etag.clone()),
        location: Some(format!("/v1/tokens/{}", token.id)),
        body: serde_json::to_string(&body).expect("a token is JSON"),
    }
}

/// Your API tokens.
#[utoipa::path(get, path = "/v1/tokens", operation_id = "token_list", tag = "accounts",
    responses((status = 200, body = ApiTokenList), (status = "default", body = ProblemBody)))]
pub(crate) async fn list(State(api): State<Api>, ask: Ask) -> Result<Response, Refused> {
    let items = api.accounts.tokens(ask.account()?).iter().map(|token| ApiToken::from(&**token)).collect();
    let list = ApiTokenList { items, next: None };
    Ok(ready_json(serde_json::to_vec(&list).expect("tokens are JSON")))
}

/// Makes an API token with your own permissions.
#[utoipa::path(post, path = "/v1/tokens", operation_id = "token_create", tag = "accounts", request_body = NewToken,
    params(("Idempotency-Key" = String, Header)),
    responses((status = 201, body = ApiToken), (status = "default", body = ProblemBody)))]
pub(crate) async fn create(State(api): State<Api>, ask: Ask, Json(new): Json<NewToken>) -> Result<Response, Refused> {
    let NewToken { name, expires_in_days } = new;
    let name = names::name(&name, "/name")?;
    let lifetime = match expires_in_days {
        None => None,
        Some(days @ 1..=DAYS_MAX) => Some(SignedDuration::from_hours(i64::from(days) * 24)),
        Some(_) => return Err(Problem::invalid("expires_in_days", "1–3650").at("/expires_in_days").into()),
    };
    let identity = ask.identity()?;
    let new = api.accounts.create_token(&ask.caller, identity, name, lifetime, &ask.keep(created)).await?;
    Ok(answer_response(created(&new)))
}

/// Deletes an API token; whoever uses it is refused from now on.
#[utoipa::path(delete, path = "/v1/tokens/{token}", operation_id = "token_delete", tag = "accounts",
    params(("token" = Uuid, Path), ("If-Match" = String, Header)),
    responses((status = 204), (status = "default", body = ProblemBody)))]
pub(crate) async fn delete(
    State(api): State<Api>,
    Path(token): Path<String>,
    ask: Ask,
    seen: IfMatch,
) -> Result<StatusCode, Refused> {
    let id: TokenId = token.parse().map_err(|_| Problem::not_found("token", &token))?;
    seen.check(cake_types::Generation::FIRST)?;
    api.accounts.delete_token(&ask.caller, ask.identity()?, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
