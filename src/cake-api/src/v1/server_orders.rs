//! `/v1/servers/{server}/power`, `identify`, `boot`, `restore-policy`, `events/clear`: what is ordered of a server.

use super::Nothing;
use super::servers::find;
use super::tasks::{Task, accepted};
use axum::extract::{Path, State};
use axum::response::Response;
use cake_types::{BootDevice, ChassisVerb, PowerRestore, ServerVerb};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::ask::{Ask, answer_response};
use crate::body::{Json, Maybe};
use crate::problem::{ProblemBody, Refused};
use crate::state::Api;

async fn order(api: &Api, server: &str, ask: &Ask, verb: ServerVerb) -> Result<Response, Refused> {
    let entry = find(api, server)?;
    let task = api.servers.order(&ask.caller, &entry, verb, &ask.keep(accepted)).await?;
    Ok(answer_response(accepted(&task)))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ServerPower {
    /// `on`; `off` at once, as if somebody pulled the plug; `soft`: its operating system is asked; `cycle`: off, a moment, on; `reset`.
    pub action: PowerAction,
}

#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PowerAction {
    On,
    Off,
    Soft,
    Cycle,
    Reset,
}

impl From<PowerAction> for ServerVerb {
    fn from(action: PowerAction) -> Self {
        let chassis = match action {
            PowerAction::On => ChassisVerb::On,
            PowerAction::Off => ChassisVerb::Off,
            PowerAction::Soft => ChassisVerb::Soft,
            PowerAction::Cycle => ChassisVerb::Cycle,
            PowerAction::Reset => ChassisVerb::Reset,
        };
        Self::Power { chassis }
    }
}

/// Switches a server on or off, or starts it anew. What runs on it is not asked: a node's VMs are shut down by its own address.
#[utoipa::path(post, path = "/v1/servers/{server}/power", operation_id = "server_power", tag = "servers",
    request_body = ServerPower, params(("server" = String, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 202, body = Task), (status = "default", body = ProblemBody)))]
pub(crate) async fn power(
    State(api): State<Api>,
    Path(server): Path<String>,
    ask: Ask,
    Json(ServerPower { action }): Json<ServerPower>,
) -> Result<Response, Refused> {
    order(&api, &server, &ask, action.into()).await
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ServerIdentify {
    /// How long, up to 255; until told otherwise when left out; 0 puts it out.
    #[serde(default)]
    pub seconds: Option<u8>,
}

/// Lights the light by which somebody finds the server.
#[utoipa::path(post, path = "/v1/servers/{server}/identify", operation_id = "server_identify", tag = "servers",
    request_body(content = Option<ServerIdentify>), params(("server" = String, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 202, body = Task), (status = "default", body = ProblemBody)))]
pub(crate) async fn identify(
    State(api): State<Api>,
    Path(server): Path<String>,
    ask: Ask,
    Maybe(ServerIdentify { seconds }): Maybe<ServerIdentify>,
) -> Result<Response, Refused> {
    order(&api, &server, &ask, ServerVerb::Identify { seconds }).await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ServerBoot {
    /// `none` (as its own settings say), `network`, `disk`, `cd`, `setup`.
    pub device: BootWord,
    /// Only the next time; `true` when left out.
    #[serde(default = "yes")]
    pub once: bool,
    /// As UEFI does, not as BIOS; `true` when left out.
    #[serde(default = "yes")]
    pub uefi: bool,
}

const fn yes() -> bool {
    true
}

#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BootWord {
    None,
    Network,
    Disk,
    Cd,
    Setup,
}

impl From<BootWord> for BootDevice {
    fn from(word: BootWord) -> Self {
        match word {
            BootWord::None => Self::None,
            BootWord::Network => Self::Network,
            BootWord::Disk => Self::Disk,
            BootWord::Cd => Self::Cd,
            BootWord::Setup => Self::Setup,
        }
    }
}

/// Says from what the server starts next.
#[utoipa::path(post, path = "/v1/servers/{server}/boot", operation_id = "server_boot", tag = "servers",
    request_body = ServerBoot, params(("server" = String, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 202, body = Task), (status = "default", body = ProblemBody)))]
pub(crate) async fn boot(
    State(api): State<Api>,
    Path(server): Path<String>,
    ask: Ask,
    Json(ServerBoot { device, once, uefi }): Json<ServerBoot>,
) -> Result<Response, Refused> {
    order(&api, &server, &ask, ServerVerb::Boot { device: device.into(), once, uefi }).await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ServerRestore {
    /// `stay-off`, `as-before`, `turn-on`.
    pub policy: RestoreWord,
}

#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RestoreWord {
    StayOff,
    AsBefore,
    TurnOn,
}

impl From<RestoreWord> for PowerRestore {
    fn from(word: RestoreWord) -> Self {
        match word {
            RestoreWord::StayOff => Self::StayOff,
            RestoreWord::AsBefore => Self::AsBefore,
            RestoreWord::TurnOn => Self::TurnOn,
        }
    }
}

/// Says what the server does when the power comes back.
#[utoipa::path(post, path = "/v1/servers/{server}/restore-policy", operation_id = "server_restore_policy", tag = "servers",
    request_body = ServerRestore, params(("server" = String, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 202, body = Task), (status = "default", body = ProblemBody)))]
pub(crate) async fn restore(
    State(api): State<Api>,
    Path(server): Path<String>,
    ask: Ask,
    Json(ServerRestore { policy }): Json<ServerRestore>,
) -> Result<Response, Refused> {
    order(&api, &server, &ask, ServerVerb::Restore { restore: policy.into() }).await
}

/// Gives the BMC's user a new, strong password, which is made on the node, sealed and shown nowhere. It is proven by a session of its own;
/// until then the one of before is kept as well.
#[utoipa::path(post, path = "/v1/servers/{server}/password", operation_id = "server_password", tag = "servers",
    params(("server" = String, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 202, body = Task), (status = "default", body = ProblemBody)))]
pub(crate) async fn password(
    State(api): State<Api>,
    Path(server): Path<String>,
    ask: Ask,
    Maybe(Nothing {}): Maybe<Nothing>,
) -> Result<Response, Refused> {
    let entry = find(&api, &server)?;
    let task = api.servers.new_password(&ask.caller, &entry, &ask.keep(accepted)).await?;
    Ok(answer_response(accepted(&task)))
}

/// Empties the event log. What is new in it was written down by cake; the rest is gone.
#[utoipa::path(post, path = "/v1/servers/{server}/events/clear", operation_id = "server_events_clear", tag = "servers",
    params(("server" = String, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 202, body = Task), (status = "default", body = ProblemBody)))]
pub(crate) async fn clear(
    State(api): State<Api>,
    Path(server): Path<String>,
    ask: Ask,
    Maybe(Nothing {}): Maybe<Nothing>,
) -> Result<Response, Refused> {
    order(&api, &server, &ask, ServerVerb::ClearEvents).await
}
