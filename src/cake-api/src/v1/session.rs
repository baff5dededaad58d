//! `/v1/session`

use super::accounts::Account;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use cake_control::accounts::{Identity, Proof, claimed};
use cake_control::caller::Caller;
use cake_planner::names;
use cake_types::{Code, Problem};
use http::{HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::word;
use crate::ask::{Ask, ready_json};
use crate::body::Json;
use crate::guard::{COOKIE, Claimed};
use crate::problem::{ProblemBody, Refused};
use crate::state::Api;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Login {
    pub name: String,
    pub password: String,
}

/// What the server's screen showed, and who is let in by it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LetIn {
    /// Twenty letters; capitals, spaces and missing hyphens are forgiven.
    pub word: String,
    /// An administrator's; an account that is no administrator becomes one, and one that is not there is made.
    pub name: String,
    /// The new one.
    pub password: String,
}

/// Who is logged in.
#[derive(Serialize, ToSchema)]
pub struct Session {
    pub account: Account,
    pub permissions: Vec<String>,
    /// Sent back in `X-Cake-CSRF` with every change; absent for API tokens, which need none.
    pub csrf: Option<String>,
}

impl From<&Identity> for Session {
    fn from(identity: &Identity) -> Self {
        let Identity { account, permissions, proof } = identity;
        Self {
            account: Account::from(&**account),
            permissions: permissions.iter().map(word).collect(),
            csrf: match proof {
                Proof::Session { csrf, session: _ } => Some(csrf.clone()),
                Proof::Token(_) => None,
            },
        }
    }
}

fn with_cookie(mut response: Response, cookie: &str) -> Response {
    if let Ok(value) = HeaderValue::from_str(cookie) {
        response.headers_mut().insert(header::SET_COOKIE, value);
    }
    response
}

/// Logs in: the answer sets the session's cookie. Wrong passwords make the next try wait.
#[utoipa::path(post, path = "/v1/session", operation_id = "session_begin", tag = "session", request_body = Login,
    params(("Idempotency-Key" = String, Header)),
    responses((status = 200, body = Session), (status = "default", body = ProblemBody)))]
pub(crate) async fn begin(State(api): State<Api>, ask: Ask, Json(login): Json<Login>) -> Result<Response, Refused> {
    if !api.settings.is_set_up() {
        return Err(Code::NotSetUp.into());
    }
    let Login { name, password } = login;
    let caller = Caller { actor: claimed(&name), ..ask.caller };
    let new = match api.accounts.log_in(&caller, &name, &password).await {
        Ok(new) => new,
        Err(problem) => {
            let mut response = Refused(problem).into_response();
            response.extensions_mut().insert(Claimed(caller.actor));
            return Ok(response);
        }
    };
    let session = serde_json::to_vec(&Session::from(&new.identity)).expect("a session is JSON");
    let age = new.max_age.as_secs();
    let cookie = format!("{COOKIE}={}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age={age}", new.secret);
    Ok(with_cookie(ready_json(session), &cookie))
}

/// Sets an administrator's password by the word that the server's screen shows (its menu, *Lost administrator*), good once and for 15
/// minutes. The account's sessions end; one that was disabled is not any more. Wrong words make the next try wait.
#[utoipa::path(post, path = "/v1/session/let-in", operation_id = "session_let_in", tag = "session", request_body = LetIn,
    params(("Idempotency-Key" = String, Header)),
    responses((status = 204), (status = "default", body = ProblemBody)))]
pub(crate) async fn let_in(State(api): State<Api>, ask: Ask, Json(asked): Json<LetIn>) -> Result<Response, Refused> {
    if !api.settings.is_set_up() {
        return Err(Code::NotSetUp.into());
    }
    let LetIn { word, name, password } = asked;
    let name = names::name(&name, "/name")?;
    api.accounts.let_in(&ask.caller, &word, name, &password).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Who is logged in.
#[utoipa::path(get, path = "/v1/session", operation_id = "session_get", tag = "session",
    responses((status = 200, body = Session), (status = "default", body = ProblemBody)))]
pub(crate) async fn get(ask: Ask) -> Result<Response, Refused> {
    let session = Session::from(ask.identity()?);
    Ok(ready_json(serde_json::to_vec(&session).expect("a session is JSON")))
}

/// Logs out.
#[utoipa::path(delete, path = "/v1/session", operation_id = "session_end", tag = "session",
    params(("If-Match" = String, Header, description = "`*`")),
    responses((status = 204), (status = "default", body = ProblemBody)))]
pub(crate) async fn end(State(api): State<Api>, ask: Ask) -> Result<Response, Refused> {
    let identity = ask.identity()?;
    if matches!(identity.proof, Proof::Token(_)) {
        let detail = "an API token is no session";
        return Err(Problem::new(Code::BadParameter).with("name", "Authorization").with("detail", detail).into());
    }
    api.accounts.log_out(&ask.caller, identity).await?;
    let gone = format!("{COOKIE}=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0");
    Ok(with_cookie(StatusCode::NO_CONTENT.into_response(), &gone))
}
