//! `/v1/ups`: the power supply behind the servers.

use axum::extract::State;
use axum::response::Response;
use cake_control::ups::NewUps;
use cake_types::{self as domain, UpsSpec, UpsStatus};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use zeroize::Zeroizing;

use crate::ask::{Ask, IfMatch, etag, tagged};
use crate::body::Json;
use crate::problem::{ProblemBody, Refused};
use crate::state::Api;

/// The uninterruptible power supply: which one it is, and what each server hears of it.
#[derive(Serialize, ToSchema)]
pub struct Ups {
    /// Absent where none is watched.
    pub settings: Option<UpsSettings>,
    pub servers: Vec<UpsServer>,
    /// For If-Match.
    pub etag: String,
}

/// A UPS behind a NUT server (Network UPS Tools).
#[derive(Serialize, ToSchema)]
pub struct UpsSettings {
    pub host: String,
    pub port: u16,
    pub name: String,
    pub user: Option<String>,
    /// A password is kept, sealed to the servers.
    pub has_password: bool,
    /// With so many minutes of run time left, or fewer, guests are shut down and then the server.
    pub minutes: u32,
}

/// What a server hears of the UPS.
#[derive(Serialize, ToSchema)]
pub struct UpsServer {
    /// The server's name.
    pub node: String,
    pub model: Option<String>,
    /// `on-line`, `on-battery`, `low-battery`, `replace-battery`, `charging`, …
    pub status: Vec<&'static str>,
    /// Per cent.
    pub charge: Option<u32>,
    /// Seconds that the battery lasts.
    pub runtime: Option<u32>,
    /// Per cent.
    pub load: Option<u32>,
    /// Why the rest may be old: `unreachable`, `unknown`, `stale`, `garbled`. `login`: the rest is so, but the NUT server does not
    /// wait for this server before it cuts the power.
    pub problem: Option<&'static str>,
    /// Names that the NUT server has instead.
    pub offered: Vec<String>,
    /// The end has begun: `guests`, `host`, or `stays` where the server can't be powered off.
    pub shutdown: Option<&'static str>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpsChange {
    /// Name or address of the NUT server.
    pub host: String,
    /// 3493 where nothing else is said.
    #[serde(default)]
    pub port: Option<u16>,
    /// What the NUT server calls the UPS.
    pub name: String,
    /// Who logs in, so that the NUT server waits for this server before it cuts the power.
    #[serde(default)]
    pub user: Option<String>,
    /// Absent: the one of before, where host, port and user are the same.
    #[serde(default)]
    pub password: Option<String>,
    /// From 1 to 120; 5 where nothing else is said.
    #[serde(default)]
    pub minutes: Option<u32>,
}

impl From<&UpsSpec> for UpsSettings {
    fn from(spec: &UpsSpec) -> Self {
        let UpsSpec { host, port, name, user, password, minutes } = spec;
        let (host, name, user) = (host.clone(), name.clone(), user.clone());
        Self { host, port: *port, name, user, has_password: password.is_some(), minutes: *minutes }
    }
}

impl UpsServer {
    fn new(node: &str, status: &UpsStatus) -> Self {
        let UpsStatus { model, flags, charge, runtime, load, problem, offered, shutdown } = status;
        Self {
            node: node.to_owned(),
            model: model.clone(),
            status: flags.iter().map(|flag| flag.as_str()).collect(),
            charge: *charge,
            runtime: *runtime,
            load: *load,
            problem: problem.map(|problem| problem.as_str()),
            offered: offered.clone(),
            shutdown: shutdown.map(|stage| stage.as_str()),
        }
    }
}

fn shown(api: &Api, ups: &domain::Ups) -> Response {
    let domain::Ups { generation, spec } = ups;
    let nodes = api.board.nodes();
    let server = |entry: &std::sync::Arc<cake_control::board::NodeEntry>| {
        let status = entry.status.as_ref()?.ups.as_ref()?;
        Some(UpsServer::new(entry.node.meta.name.as_str(), status))
    };
    let servers = nodes.iter().filter_map(server).collect();
    let ups = Ups { settings: spec.as_ref().map(UpsSettings::from), servers, etag: etag(*generation) };
    tagged(*generation, &ups)
}

/// The power supply that is watched, and what it says.
#[utoipa::path(get, path = "/v1/ups", operation_id = "ups_get", tag = "ups",
    responses((status = 200, body = Ups), (status = "default", body = ProblemBody)))]
pub(crate) async fn get(State(api): State<Api>) -> Result<Response, Refused> {
    Ok(shown(&api, &api.ups.get()))
}

/// Watches this power supply from now on.
#[utoipa::path(put, path = "/v1/ups", operation_id = "ups_set", tag = "ups",
    request_body = UpsChange, params(("If-Match" = String, Header)),
    responses((status = 200, body = Ups), (status = "default", body = ProblemBody)))]
pub(crate) async fn set(
    State(api): State<Api>,
    ask: Ask,
    seen: IfMatch,
    Json(change): Json<UpsChange>,
) -> Result<Response, Refused> {
    let UpsChange { host, port, name, user, password, minutes } = change;
    let new = NewUps { host, port, name, user, password: password.map(Zeroizing::new), minutes };
    let ups = api.ups.set(&ask.caller, new, |generation| seen.check(generation)).await?;
    Ok(shown(&api, &ups))
}

/// Watches none from now on.
#[utoipa::path(delete, path = "/v1/ups", operation_id = "ups_remove", tag = "ups",
    params(("If-Match" = String, Header)),
    responses((status = 200, body = Ups), (status = "default", body = ProblemBody)))]
pub(crate) async fn remove(State(api): State<Api>, ask: Ask, seen: IfMatch) -> Result<Response, Refused> {
    let ups = api.ups.remove(&ask.caller, |generation| seen.check(generation)).await?;
    Ok(shown(&api, &ups))
}
