//! `/v1/switches`: switches that are read, and which port leads to which server.

use super::Nothing;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use cake_control::board::{Board, DeviceEntry};
use cake_control::caller::Answer;
use cake_control::devices as control;
use cake_planner::cabling::{self, Named};
use cake_planner::{device, names};
use cake_types::{self as domain, Device, DeviceKind, DeviceSpec, Meta, ServerId};
use http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::pdus::OutletServer;
use crate::ask::{Ask, IfMatch, Params, answer_response, etag, plain, ready_json, tagged};
use crate::body::{Json, Maybe};
use crate::page::Paging;
use crate::problem::{ProblemBody, Refused};
use crate::state::Api;

/// A switch. What it last said stays when it is not heard.
#[derive(Serialize, ToSchema)]
pub struct Switch {
    pub id: Uuid,
    pub name: String,
    /// `well`, `warning`, `unheard`.
    pub health: &'static str,
    /// Why what follows is of `read_at` and not of now: `silent`, `no-address`, `sealed`, `garbled`, `endless`, `unknown`, `worker`.
    pub problem: Option<&'static str>,
    #[schema(value_type = Option<String>, format = "date-time")]
    pub read_at: Option<Timestamp>,
    pub host: String,
    pub port: u16,
    /// What it says of itself.
    pub description: String,
    pub ports: Vec<SwitchPort>,
    pub note: String,
    #[schema(value_type = String, format = "date-time")]
    pub created_at: Timestamp,
    #[schema(value_type = String, format = "date-time")]
    pub updated_at: Timestamp,
    /// For If-Match.
    pub etag: String,
}

#[derive(Serialize, ToSchema)]
pub struct SwitchPort {
    pub name: String,
    /// What somebody wrote about it in the switch.
    pub alias: String,
    pub enabled: bool,
    pub up: bool,
    /// Megabits a second.
    pub megabits: Option<u32>,
    /// Bytes since the switch began to count.
    pub received: Option<u64>,
    pub sent: Option<u64>,
    pub errors_in: Option<u64>,
    pub errors_out: Option<u64>,
    /// Errors of the last hour.
    pub fresh_errors: u64,
    /// How often its link came or went in the last ten minutes.
    pub changes: u32,
    /// Who is at the other end, as it says itself (LLDP).
    pub neighbor: Option<PortNeighbor>,
    /// The server that this is.
    pub server: Option<OutletServer>,
    /// The server that was here when somebody last said that the cables are right.
    pub known: Option<OutletServer>,
}

#[derive(Serialize, ToSchema)]
pub struct PortNeighbor {
    /// A MAC address, or a text.
    pub chassis: String,
    pub port: String,
    pub port_description: String,
    pub system: String,
}

#[derive(Serialize, ToSchema)]
pub struct SwitchList {
    pub items: Vec<Switch>,
    pub next: Option<String>,
}

impl Switch {
    pub fn new(board: &Board, entry: &DeviceEntry) -> Self {
        let told = Self::told(&entry.device);
        let Some(status) = &entry.status else { return told };
        let servers = board.named_servers();
        let called = |id| OutletServer::of(board, id);
        let domain::DeviceStatus { stamp: _, problem, read_at, about, pdu: _, switch } = status;
        let ports = switch.iter().flat_map(|switch| &switch.ports);
        Self {
            health: entry.health().as_str(),
            problem: problem.map(|problem| problem.as_str()),
            read_at: *read_at,
            description: about.description.clone(),
            ports: ports
                .map(|port| SwitchPort::new(port, &servers, entry.cabling.get(&port.name).copied(), called))
                .collect(),
            ..told
        }
    }

    /// Without what only the switch knows.
    fn told(device: &Device) -> Self {
        let Device { meta, spec } = device;
        let Meta { id, project: _, name, generation, created_at, updated_at } = meta;
        let DeviceSpec { kind: _, host, port, community: _, feed: _, rated_amps: _, outlets: _, note } = spec;
        Self {
            id: id.0,
            name: name.to_string(),
            health: device::health(&device::DeviceSeen { device, status: None, cabling: None }).as_str(),
            problem: None,
            read_at: None,
            host: host.clone(),
            port: *port,
            description: String::new(),
            ports: Vec::new(),
            note: note.clone(),
            created_at: *created_at,
            updated_at: *updated_at,
            etag: etag(*generation),
        }
    }
}

impl SwitchPort {
    fn new(
        port: &domain::SwitchPort,
        servers: &[Named],
        known: Option<ServerId>,
        called: impl Fn(ServerId) -> OutletServer,
    ) -> Self {
        let domain::SwitchPort {
            index: _,
            name,
            alias,
            enabled,
            up,
            last_change: _,
            megabits,
            received,
            sent,
            errors_in,
            errors_out,
            changes,
            fresh_errors,
            neighbor,
        } = port;
        let told = |neighbor: &domain::Neighbor| {
            let domain::Neighbor { chassis, port, port_description, system } = neighbor.clone();
            PortNeighbor { chassis, port, port_description, system }
        };
        Self {
            name: name.clone(),
            alias: alias.clone(),
            enabled: *enabled,
            up: *up,
            megabits: *megabits,
            received: *received,
            sent: *sent,
            errors_in: *errors_in,
            errors_out: *errors_out,
            fresh_errors: *fresh_errors,
            changes: *changes,
            neighbor: neighbor.as_ref().map(told),
            server: neighbor.as_ref().and_then(|neighbor| cabling::whose(neighbor, servers)).map(&called),
            known: known.map(&called),
        }
    }
}

/// As it was answered first: what the switch says is read by its own address.
fn created(device: &Device) -> Answer {
    let location = Some(format!("/v1/switches/{}", device.meta.id));
    Answer { status: 201, location, etag: Some(etag(device.meta.generation)), ..plain(&Switch::told(device)) }
}

/// All switches.
#[utoipa::path(get, path = "/v1/switches", operation_id = "switch_list", tag = "switches",
    params(("limit" = Option<usize>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, body = SwitchList), (status = "default", body = ProblemBody)))]
pub(crate) async fn list(State(api): State<Api>, Params(page): Params<Paging>) -> Result<Response, Refused> {
    let mut switches = api.board.devices();
    switches.retain(|entry| entry.device.spec.kind == DeviceKind::Switch);
    let (items, next) = page.part(switches, |entry| entry.id().0)?;
    let items = items.iter().map(|entry| Switch::new(&api.board, entry)).collect();
    Ok(ready_json(serde_json::to_vec(&SwitchList { items, next }).expect("switches are JSON")))
}

fn shown(api: &Api, entry: &DeviceEntry) -> Response {
    tagged(entry.device.meta.generation, &Switch::new(&api.board, entry))
}

/// One switch, by id or name.
#[utoipa::path(get, path = "/v1/switches/{switch}", operation_id = "switch_get", tag = "switches",
    params(("switch" = String, Path)),
    responses((status = 200, body = Switch, headers(("ETag" = String))), (status = "default", body = ProblemBody)))]
pub(crate) async fn get(State(api): State<Api>, Path(switch): Path<String>) -> Result<Response, Refused> {
    Ok(shown(&api, &*api.devices.find(DeviceKind::Switch, &switch)?))
}

/// A switch that somebody adds.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSwitch {
    pub name: String,
    /// Name or address.
    pub host: String,
    /// 161 where nothing else is said.
    #[serde(default)]
    pub port: Option<u16>,
    /// What SNMP version 2c wants to hear. It is never told again.
    pub community: String,
    #[serde(default)]
    pub note: String,
}

/// Adds a switch. It is asked at once and from then on; nothing of it is ever changed.
#[utoipa::path(post, path = "/v1/switches", operation_id = "switch_create", tag = "switches", request_body = NewSwitch,
    params(("Idempotency-Key" = String, Header)),
    responses((status = 201, body = Switch), (status = "default", body = ProblemBody)))]
pub(crate) async fn create(State(api): State<Api>, ask: Ask, Json(new): Json<NewSwitch>) -> Result<Response, Refused> {
    let NewSwitch { name, host, port, community, note } = new;
    let new = control::NewDevice {
        name: names::name(&name, "/name")?,
        host,
        port,
        community: Zeroizing::new(community),
        feed: None,
        rated_amps: None,
        outlets: Vec::new(),
        note,
    };
    let device = api.devices.create(&ask.caller, DeviceKind::Switch, new, &ask.keep(created)).await?;
    Ok(answer_response(created(&device)))
}

/// What shall be different; what is absent stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SwitchPatch {
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub host: Option<String>,
    #[serde(default)]
    pub port: Option<u16>,
    /// Needed again where host or port change.
    #[serde(default)]
    pub community: Option<String>,
    #[serde(default)]
    pub note: Option<String>,
}

/// Says how a switch is called and reached.
#[utoipa::path(patch, path = "/v1/switches/{switch}", operation_id = "switch_update", tag = "switches",
    request_body = SwitchPatch, params(("switch" = String, Path), ("If-Match" = String, Header)),
    responses((status = 200, body = Switch, headers(("ETag" = String))), (status = "default", body = ProblemBody)))]
pub(crate) async fn update(
    State(api): State<Api>,
    Path(switch): Path<String>,
    ask: Ask,
    seen: IfMatch,
    Json(SwitchPatch { name, host, port, community, note }): Json<SwitchPatch>,
) -> Result<Response, Refused> {
    let entry = api.devices.find(DeviceKind::Switch, &switch)?;
    let patch = control::DevicePatch {
        name: name.map(|name| names::name(&name, "/name")).transpose()?,
        host,
        port,
        community: community.map(Zeroizing::new),
        note,
        ..control::DevicePatch::default()
    };
    let check = |entry: &DeviceEntry| seen.check(entry.device.meta.generation);
    let entry = api.devices.update(&ask.caller, entry.id(), patch, check).await?;
    Ok(shown(&api, &entry))
}

/// Forgets a switch. Nothing happens to it.
#[utoipa::path(delete, path = "/v1/switches/{switch}", operation_id = "switch_delete", tag = "switches",
    params(("switch" = String, Path), ("If-Match" = String, Header)),
    responses((status = 204), (status = "default", body = ProblemBody)))]
pub(crate) async fn delete(
    State(api): State<Api>,
    Path(switch): Path<String>,
    ask: Ask,
    seen: IfMatch,
    Maybe(Nothing {}): Maybe<Nothing>,
) -> Result<Response, Refused> {
    let entry = api.devices.find(DeviceKind::Switch, &switch)?;
    let check = |entry: &DeviceEntry| seen.check(entry.device.meta.generation);
    api.devices.delete(&ask.caller, entry.id(), check).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Says that the cables are right as they are now: what is not where it was before is where it belongs.
#[utoipa::path(post, path = "/v1/switches/{switch}/cabling/accept", operation_id = "switch_accept_cabling", tag = "switches",
    params(("switch" = String, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, body = Switch), (status = "default", body = ProblemBody)))]
pub(crate) async fn accept(
    State(api): State<Api>,
    Path(switch): Path<String>,
    ask: Ask,
    Maybe(Nothing {}): Maybe<Nothing>,
) -> Result<Response, Refused> {
    let entry = api.devices.find(DeviceKind::Switch, &switch)?;
    let told = |device: &Device| plain(&Switch::told(device));
    let entry = api.devices.accept_cabling(&ask.caller, entry.id(), &ask.keep(told)).await?;
    Ok(shown(&api, &entry))
}
