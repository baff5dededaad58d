//! `/v1/account`, `/v1/accounts`, `/v1/roles`

use super::word;
use axum::extract::{Path, State};
use axum::response::Response;
use cake_control::accounts as control;
use cake_control::caller::Answer;
use cake_planner::names;
use cake_types::{self as domain, AccountSpec, Calendar, Code, Language, Meta, Problem, RoleName};
use http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::ask::{Ask, IfMatch, answer_response, etag, ready_json, tagged};
use crate::body::Json;
use crate::problem::{ProblemBody, Refused};
use crate::state::Api;

/// Somebody who can log in.
#[derive(Serialize, ToSchema)]
pub struct Account {
    pub id: Uuid,
    pub name: String,
    pub role: String,
    /// BCP 47; the browser's own when absent.
    pub language: Option<String>,
    /// `gregorian`, `minguo`: how years are counted on the account's pages. This API always speaks RFC 3339.
    pub calendar: &'static str,
    pub disabled: bool,
    pub generation: u64,
    #[schema(value_type = String, format = "date-time")]
    pub created_at: Timestamp,
    /// For If-Match.
    pub etag: String,
}

#[derive(Serialize, ToSchema)]
pub struct AccountList {
    pub items: Vec<Account>,
    pub next: Option<String>,
}

impl From<&domain::Account> for Account {
    fn from(account: &domain::Account) -> Self {
        let domain::Account { meta, spec } = account;
        let Meta { id, project: _, name, generation, created_at, updated_at: _ } = meta;
        let AccountSpec { role, password_hash: _, language, disabled, sessions_after: _, calendar, queries: _ } = spec;
        Self {
            id: id.0,
            name: name.to_string(),
            role: role.0.clone(),
            language: language.clone(),
            calendar: calendar.unwrap_or_default().as_str(),
            disabled: *disabled,
            generation: generation.0,
            created_at: *created_at,
            etag: etag(*generation),
        }
    }
}

/// A role: a set of permissions.
#[derive(Serialize, ToSchema)]
pub struct Role {
    pub name: String,
    /// `view`, `operate`, `manage`, `audit`, `administer`.
    pub permissions: Vec<String>,
}

#[derive(Serialize, ToSchema)]
pub struct RoleList {
    pub items: Vec<Role>,
    pub next: Option<String>,
}

impl From<&domain::Role> for Role {
    fn from(role: &domain::Role) -> Self {
        let domain::Role { name, permissions } = role;
        Self { name: name.0.clone(), permissions: permissions.iter().map(word).collect() }
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAccount {
    pub name: String,
    pub role: String,
    /// At least 8 characters.
    pub password: String,
    #[serde(default)]
    pub language: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountPatch {
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub role: Option<String>,
    /// A new one ends all sessions of the account.
    #[serde(default)]
    pub password: Option<String>,
    #[serde(default)]
    pub disabled: Option<bool>,
    #[serde(default)]
    pub language: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OwnPatch {
    #[serde(default)]
    pub language: Option<String>,
    /// `gregorian`, `minguo`.
    #[serde(default)]
    pub calendar: Option<String>,
    /// A new password; all other sessions end.
    #[serde(default)]
    pub password: Option<String>,
    /// Needed with `password`.
    #[serde(default)]
    pub current_password: Option<String>,
}

pub(crate) fn language(tag: Option<String>) -> Result<Option<Language>, Problem> {
    let known =
        |tag: String| Language::from_tag(&tag).ok_or_else(|| Problem::invalid("language", "language").at("/language"));
    tag.map(known).transpose()
}

fn calendar(word: Option<String>) -> Result<Option<Calendar>, Problem> {
    let known = |word: String| {
        Calendar::from_word(&word).ok_or_else(|| Problem::invalid("calendar", "calendar").at("/calendar"))
    };
    word.map(known).transpose()
}

fn created(account: &domain::Account) -> Answer {
    Answer {
        status: 201,
        etag: Some(etag(account.meta.generation)),
        location: Some(format!("/v1/accounts/{}", account.meta.id)),
        body: serde_json::to_string(&Account::from(account)).expect("an account is JSON"),
    }
}

/// Your own account.
#[utoipa::path(get, path = "/v1/account", operation_id = "account_own", tag = "accounts",
    responses((status = 200, body = Account), (status = "default", body = ProblemBody)))]
pub(crate) async fn own(ask: Ask) -> Result<Response, Refused> {
    let account = &ask.identity()?.account;
    Ok(tagged(account.meta.generation, &Account::from(&**account)))
}

/// Changes your own account: language, calendar, password.
#[utoipa::path(patch, path = "/v1/account", operation_id = "account_own_update", tag = "accounts",
    request_body = OwnPatch, params(("If-Match" = String, Header)),
    responses((status = 200, body = Account), (status = "default", body = ProblemBody)))]
pub(crate) async fn update_own(
    State(api): State<Api>,
    ask: Ask,
    seen: IfMatch,
    Json(patch): Json<OwnPatch>,
) -> Result<Response, Refused> {
    let OwnPatch { language: tag, calendar: word, password, current_password } = patch;
    let (language, calendar) = (language(tag)?, calendar(word)?);
    let patch = control::OwnPatch { language, calendar, password, current_password };
    let check = |account: &domain::Account| seen.check(account.meta.generation);
    let account = api.accounts.update_own(&ask.caller, ask.identity()?, patch, check).await?;
    Ok(tagged(account.meta.generation, &Account::from(&*account)))
}

/// All accounts.
#[utoipa::path(get, path = "/v1/accounts", operation_id = "account_list", tag = "accounts",
    responses((status = 200, body = AccountList), (status = "default", body = ProblemBody)))]
pub(crate) async fn list(State(api): State<Api>) -> Result<Response, Refused> {
    let items = api.accounts.list().iter().map(|account| Account::from(&**account)).collect();
    let list = AccountList { items, next: None };
    Ok(ready_json(serde_json::to_vec(&list).expect("accounts are JSON")))
}

/// Makes an account.
#[utoipa::path(post, path = "/v1/accounts", operation_id = "account_create", tag = "accounts",
    request_body = NewAccount, params(("Idempotency-Key" = String, Header)),
    responses((status = 201, body = Account), (status = "default", body = ProblemBody)))]
pub(crate) async fn create(State(api): State<Api>, ask: Ask, Json(new): Json<NewAccount>) -> Result<Response, Refused> {
    let NewAccount { name, role, password, language: tag } = new;
    let (name, role, language) = (names::name(&name, "/name")?, RoleName(role), language(tag)?);
    let new = control::NewAccount { name, role, password, language };
    let account = api.accounts.create(&ask.caller, new, &ask.keep(created)).await?;
    Ok(answer_response(created(&account)))
}

/// One account, by id or name.
#[utoipa::path(get, path = "/v1/accounts/{account}", operation_id = "account_get", tag = "accounts",
    params(("account" = String, Path)),
    responses((status = 200, body = Account), (status = "default", body = ProblemBody)))]
pub(crate) async fn get(State(api): State<Api>, Path(account): Path<String>) -> Result<Response, Refused> {
    let account = api.accounts.find(&account)?;
    Ok(tagged(account.meta.generation, &Account::from(&*account)))
}

/// Changes an account.
#[utoipa::path(patch, path = "/v1/accounts/{account}", operation_id = "account_update", tag = "accounts",
    request_body = AccountPatch, params(("account" = String, Path), ("If-Match" = String, Header)),
    responses((status = 200, body = Account), (status = "default", body = ProblemBody)))]
pub(crate) async fn update(
    State(api): State<Api>,
    Path(account): Path<String>,
    ask: Ask,
    seen: IfMatch,
    Json(patch): Json<AccountPatch>,
) -> Result<Response, Refused> {
    let AccountPatch { name, role, password, disabled, language: tag } = patch;
    let name = name.map(|name| names::name(&name, "/name")).transpose()?;
    let role = role.map(RoleName);
    let patch = control::AccountPatch { name, role, password, disabled, language: language(tag)? };
    let id = api.accounts.find(&account)?.meta.id;
    let check = |account: &domain::Account| seen.check(account.meta.generation);
    let account = api.accounts.update(&ask.caller, id, patch, check).await?;
    Ok(tagged(account.meta.generation, &Account::from(&*account)))
}

/// Deletes an account with its sessions and tokens.
#[utoipa::path(delete, path = "/v1/accounts/{account}", operation_id = "account_delete", tag = "accounts",
    params(("account" = String, Path), ("If-Match" = String, Header)),
    responses((status = 204), (status = "default", body = ProblemBody)))]
pub(crate) async fn delete(
    State(api): State<Api>,
    Path(account): Path<String>,
    ask: Ask,
    seen: IfMatch,
) -> Result<StatusCode, Refused> {
    let id = api.accounts.find(&account)?.meta.id;
    if ask.account()? == id {
        let name = &ask.identity()?.account.meta.name;
        return Err(Problem::new(Code::InUse).with("kind", "account").with("name", name).into());
    }
    let check = |account: &domain::Account| seen.check(account.meta.generation);
    api.accounts.delete(&ask.caller, id, check).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// All roles.
#[utoipa::path(get, path = "/v1/roles", operation_id = "role_list", tag = "accounts",
    responses((status = 200, body = RoleList), (status = "default", body = ProblemBody)))]
pub(crate) async fn roles(State(api): State<Api>) -> Result<Response, Refused> {
    let list = RoleList { items: api.accounts.roles().iter().map(Role::from).collect(), next: None };
    Ok(ready_json(serde_json::to_vec(&list).expect("roles are JSON")))
}
