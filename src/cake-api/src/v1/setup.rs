//! `/v1/setup`: the wizard's end.

use axum::extract::State;
use axum::response::Response;
use cake_control::caller::Answer;
use cake_control::setup::RecoveryKey;
use cake_planner::names;
use cake_types::{self as domain, Problem, SetupAdministrator, SetupPool, SetupServer};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::accounts::language;
use crate::ask::{Ask, answer_response, ready_json};
use crate::body::Json;
use crate::problem::{ProblemBody, Refused};
use crate::state::Api;

/// The wizard's answers; the answer file has the same.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetupAnswers {
    /// `en`, `zh-Hant-TW`.
    #[serde(default)]
    pub language: Option<String>,
    /// What this cloud calls itself.
    pub name: String,
    /// IANA, for example `Asia/Taipei`.
    pub time_zone: String,
    pub administrator: Administrator,
    #[serde(default)]
    pub pool: Option<FirstPool>,
    /// Further pools: disks for VMs that the installer prepared.
    #[serde(default)]
    pub more_pools: Vec<FirstPool>,
    /// Servers to begin with; their BMCs are asked once set-up is done.
    #[serde(default)]
    pub servers: Vec<FirstServer>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Administrator {
    pub name: String,
    /// Either this …
    #[serde(default)]
    pub password: Option<String>,
    /// … or this: argon2id in PHC string format.
    #[serde(default)]
    pub password_argon2id: Option<String>,
}

/// Where VMs live.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FirstPool {
    #[serde(default)]
    pub name: Option<String>,
    /// A directory on the server; the node's own when left out.
    #[serde(default)]
    pub path: Option<String>,
}

/// A server to begin with.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FirstServer {
    pub name: String,
    /// Name or address of its BMC, with the port of IPMI where that is not 623: `10.0.0.5`, `10.0.0.5:6230`.
    pub bmc: String,
    #[serde(default)]
    pub user: String,
    #[serde(default)]
    pub password: String,
}

impl SetupAnswers {
    pub(super) fn read(self) -> Result<domain::SetupAnswers, Problem> {
        let Self { language: tag, name, time_zone, administrator, pool, more_pools, servers } = self;
        let Administrator { name: administrator, password, password_argon2id } = administrator;
        let pool = pool.map_or_else(|| Ok(SetupPool::default()), |pool| read_pool(pool, "/pool/name"))?;
        let more = more_pools.into_iter().enumerate();
        let more_pools = more.map(|(index, pool)| read_pool(pool, &format!("/more_pools/{index}/name")));
        Ok(domain::SetupAnswers {
            language: language(tag)?.unwrap_or_default(),
            name: names::name(&name, "/name")?,
            time_zone,
            administrator: SetupAdministrator {
                name: names::name(&administrator, "/administrator/name")?,
                password,
                password_argon2id,
            },
            pool,
            more_pools: more_pools.collect::<Result<_, _>>()?,
            servers: servers.into_iter().enumerate().map(read_server).collect::<Result<_, _>>()?,
        })
    }
}

fn read_pool(FirstPool { name, path }: FirstPool, at: &str) -> Result<SetupPool, Problem> {
    let name = name.map_or_else(|| Ok(SetupPool::default().name), |name| names::name(&name, at))?;
    Ok(SetupPool { name, path: path.filter(|path| !path.is_empty()) })
}

fn read_server((index, said): (usize, FirstServer)) -> Result<SetupServer, Problem> {
    let FirstServer { name, bmc, user, password } = said;
    Ok(SetupServer { name: names::name(&name, &format!("/servers/{index}/name"))?, bmc, user, password })
}

#[derive(Serialize, ToSchema)]
pub struct SetupState {
    pub done: bool,
    /// This server runs from a stick: cake is installed on its disks first (`/v1/setup/installation`).
    pub installer: bool,
}

/// Shown once: whoever has it can read every secret of this rack.
#[derive(Serialize, ToSchema)]
pub struct SetupDone {
    pub recovery_key: String,
}

fn done(key: &RecoveryKey) -> Answer {
    let body = SetupDone { recovery_key: key.0.to_string() };
    Answer {
        status: 201,
        etag: None,
        location: None,
        body: serde_json::to_string(&body).expect("a recovery key is JSON"),
    }
}

/// Is this rack set up?
#[utoipa::path(get, path = "/v1/setup", operation_id = "setup_get", tag = "setup", security(()),
    responses((status = 200, body = SetupState), (status = "default", body = ProblemBody)))]
pub(crate) async fn get(State(api): State<Api>) -> Result<Response, Refused> {
    let state = SetupState { done: api.settings.is_set_up(), installer: api.installation.is_installer() };
    Ok(ready_json(serde_json::to_vec(&state).expect("a flag is JSON")))
}

/// Sets this rack up, once, with the one-time token that `make up` printed.
#[utoipa::path(post, path = "/v1/setup", operation_id = "setup", tag = "setup", request_body = SetupAnswers, security(()),
    params(("Idempotency-Key" = String, Header), ("X-Cake-Setup-Token" = String, Header)),
    responses((status = 201, body = SetupDone), (status = "default", body = ProblemBody)))]
pub(crate) async fn answer(
    State(api): State<Api>,
    ask: Ask,
    Json(answers): Json<SetupAnswers>,
) -> Result<Response, Refused> {
    api.installation.must_keep()?;
    let key = api.setup.answer(&ask.caller, answers.read()?, &ask.keep(done)).await?;
    Ok(answer_response(done(&key)))
}
