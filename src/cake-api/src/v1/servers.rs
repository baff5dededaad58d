//! `/v1/servers`: physical machines, and what their BMCs say.

use super::Nothing;
use super::server_cap::{PowerCap, ServerCap};
use super::server_wire::{Sensor, SensorList, ServerEvents, ServerParts};
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use cake_control::board::{Board, ServerEntry};
use cake_control::caller::Answer;
use cake_control::servers as control;
use cake_planner::{device, names, server};
use cake_types::{
    self as domain, BmcAccess, BmcSpec, ChassisStatus, Meta, Problem, ServerSpec, ServerStatus, WeakPassword,
};
use http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::ask::{Ask, IfMatch, Params, answer_response, etag, plain, ready_json, tagged};
use crate::body::{Json, Maybe};
use crate::page::Paging;
use crate::problem::{ProblemBody, Refused};
use crate::state::Api;

/// A physical machine. What its BMC last said stays when it is not heard.
#[derive(Serialize, ToSchema)]
pub struct Server {
    pub id: Uuid,
    pub name: String,
    /// `well`, `warning`, `critical`, `unheard`, `no-bmc`.
    pub health: &'static str,
    /// Why what follows is of `read_at` and not of now: `silent`, `no-address`, `refused`, `forbidden`, `busy`, `garbled`, `cipher`,
    /// `another`, `no-device`, `worker`.
    pub problem: Option<&'static str>,
    #[schema(value_type = Option<String>, format = "date-time")]
    pub read_at: Option<Timestamp>,
    /// Its power; absent where nobody knows.
    pub on: Option<bool>,
    /// Its identify light is lit.
    pub identify: Option<bool>,
    /// What it does when the power comes back: `stay-off`, `as-before`, `turn-on`.
    pub restore: Option<&'static str>,
    /// What its chassis complains of: `power`, `cooling`, `drive`, `intrusion`.
    pub faults: Vec<&'static str>,
    /// What it draws.
    pub watts: Option<f64>,
    /// How much it may draw; absent where nobody asked and its BMC was not heard.
    pub cap: Option<ServerCap>,
    /// Degrees Celsius of the air that goes in and comes out.
    pub inlet: Option<f64>,
    pub outlet: Option<f64>,
    /// Sensors that somebody should look at, the worst first.
    pub troubles: Vec<Sensor>,
    /// How many sensors it has.
    pub sensors: usize,
    /// The node that runs on it.
    pub node: Option<ServerNode>,
    pub bmc: Option<Bmc>,
    pub device: Option<BmcDevice>,
    pub place: Option<RackPlace>,
    /// On which outlets of which power distribution units it hangs.
    pub feeds: Vec<ServerFeed>,
    pub note: String,
    #[schema(value_type = String, format = "date-time")]
    pub created_at: Timestamp,
    #[schema(value_type = String, format = "date-time")]
    pub updated_at: Timestamp,
    /// For If-Match.
    pub etag: String,
}

#[derive(Serialize, ToSchema)]
pub struct ServerNode {
    pub id: Uuid,
    pub name: String,
}

/// Where one supply of a server hangs.
#[derive(Serialize, ToSchema)]
pub struct ServerFeed {
    /// The feed of the building.
    pub feed: Option<String>,
    /// Name of the power distribution unit.
    pub pdu: String,
    pub outlet: String,
    pub on: Option<bool>,
    pub watts: Option<f64>,
}

impl From<device::Supply<'_>> for ServerFeed {
    fn from(supply: device::Supply<'_>) -> Self {
        let feed = supply.feed().map(str::to_owned);
        let device::Supply { device, outlet, reading } = supply;
        Self {
            feed,
            pdu: device.meta.name.to_string(),
            outlet: outlet.to_owned(),
            on: reading.and_then(|reading| reading.on),
            watts: reading.and_then(|reading| reading.watts),
        }
    }
}

/// How a server's BMC is reached. Its secrets are never told.
#[derive(Serialize, ToSchema)]
pub struct Bmc {
    /// `auto`, `ipmi`, `redfish`, `local`.
    pub access: &'static str,
    pub host: String,
    pub port: u16,
    pub user: String,
    pub has_password: bool,
    pub has_key: bool,
    /// What is weak about the password that it takes: `empty`, `default` (its maker's own), `user` (the user's name), `short`, `common`.
    pub weak_password: Option<&'static str>,
    /// A new one is being set and is not proven yet; both are kept.
    pub password_pending: bool,
}

/// What a BMC says of itself.
#[derive(Serialize, ToSchema)]
pub struct BmcDevice {
    /// IANA private enterprise number of its maker.
    pub manufacturer: Option<u32>,
    pub product: Option<u16>,
    pub firmware: String,
    /// Version of IPMI or of Redfish.
    pub protocol: String,
    pub guid: Option<Uuid>,
    /// A program plays it.
    pub laboratory: bool,
}

/// Where a server stands in its rack, in units from below.
#[derive(Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RackPlace {
    /// The lowest unit that it takes.
    pub unit: u8,
    /// Units that it takes.
    pub height: u8,
}

#[derive(Serialize, ToSchema)]
pub struct ServerList {
    pub items: Vec<Server>,
    pub next: Option<String>,
}

impl From<&BmcSpec> for Bmc {
    fn from(spec: &BmcSpec) -> Self {
        // Whether the password is the right one only its status tells.
        let BmcSpec { access, host, port, user, password, key, weak: _, next } = spec;
        let (has_password, has_key) = (password.is_some(), key.is_some());
        let (host, user, weak_password) = (host.clone(), user.clone(), None);
        let (access, password_pending) = (access.as_str(), next.is_some());
        Self { access, host, port: *port, user, has_password, has_key, weak_password, password_pending }
    }
}

impl From<&domain::BmcDevice> for BmcDevice {
    fn from(device: &domain::BmcDevice) -> Self {
        let domain::BmcDevice { manufacturer, product, firmware, protocol, guid, laboratory } = device.clone();
        Self { manufacturer, product, firmware, protocol, guid, laboratory }
    }
}

impl Server {
    pub fn new(board: &Board, entry: &ServerEntry) -> Self {
        let node = entry.server.spec.node.and_then(|id| {
            let entry = board.node(id)?;
            Some(ServerNode { id: id.0, name: entry.node.meta.name.to_string() })
        });
        let devices = board.devices();
        let devices: Vec<_> = devices.iter().map(|entry| entry.seen()).collect();
        let feeds = device::supplies(entry.id(), &devices).into_iter().map(ServerFeed::from).collect();
        let mut told = Self { node, feeds, ..Self::from(&entry.server) };
        if let Some(bmc) = &mut told.bmc {
            bmc.weak_password = entry.weak_password().map(WeakPassword::as_str);
        }
        let Some(status) = &entry.status else { return told };
        let air = server::air(&status.sensors);
        let troubles = server::troubles(status).into_iter().map(Sensor::from).collect();
        let ServerStatus { problem, read_at, chassis, device, sensors, watts, cap, .. } = status;
        let faults = chassis.iter().flat_map(server::faults).map(server::ChassisFault::as_str).collect();
        let ChassisTold { on, identify, restore } = chassis.as_ref().map(ChassisTold::from).unwrap_or_default();
        Self {
            health: entry.health().as_str(),
            problem: problem.map(|problem| problem.as_str()),
            read_at: *read_at,
            on,
            identify,
            restore,
            faults,
            watts: *watts,
            cap: ServerCap::new(&entry.server.spec, cap.as_ref()),
            inlet: air.inlet,
            outlet: air.outlet,
            troubles,
            sensors: sensors.len(),
            device: device.as_ref().map(BmcDevice::from),
            ..told
        }
    }
}

#[derive(Default)]
struct ChassisTold {
    on: Option<bool>,
    identify: Option<bool>,
    restore: Option<&'static str>,
}

impl From<&ChassisStatus> for ChassisTold {
    fn from(chassis: &ChassisStatus) -> Self {
        // Faults are told as a list.
        let ChassisStatus { on, restore, identify, intrusion: _, power_fault: _, cooling_fault: _, drive_fault: _ } =
            *chassis;
        Self { on: Some(on), identify, restore: restore.map(|restore| restore.as_str()) }
    }
}

impl From<&domain::Server> for Server {
    /// Without what only its BMC knows.
    fn from(server: &domain::Server) -> Self {
        let domain::Server { meta, spec } = server;
        let Meta { id, project: _, name, generation, created_at, updated_at } = meta;
        let ServerSpec { bmc, node: _, place, note, cap: _, held: _ } = spec;
        Self {
            id: id.0,
            name: name.to_string(),
            health: cake_planner::server::health(spec, None).as_str(),
            problem: None,
            read_at: None,
            on: None,
            identify: None,
            restore: None,
            faults: Vec::new(),
            watts: None,
            cap: ServerCap::new(spec, None),
            inlet: None,
            outlet: None,
            troubles: Vec::new(),
            sensors: 0,
            node: None,
            bmc: bmc.as_ref().map(Bmc::from),
            device: None,
            place: place.map(|domain::RackPlace { unit, height }| RackPlace { unit, height }),
            feeds: Vec::new(),
            note: note.clone(),
            created_at: *created_at,
            updated_at: *updated_at,
            etag: etag(*generation),
        }
    }
}

/// As it was answered first: what its BMC says is read by its own address.
fn created(server: &domain::Server) -> Answer {
    let location = Some(format!("/v1/servers/{}", server.meta.id));
    Answer { status: 201, location, etag: Some(etag(server.meta.generation)), ..plain(&Server::from(server)) }
}

/// All servers: those that cake runs on, and those that somebody added.
#[utoipa::path(get, path = "/v1/servers", operation_id = "server_list", tag = "servers",
    params(("limit" = Option<usize>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, body = ServerList), (status = "default", body = ProblemBody)))]
pub(crate) async fn list(State(api): State<Api>, Params(page): Params<Paging>) -> Result<Response, Refused> {
    let (items, next) = page.part(api.board.servers(), |entry| entry.id().0)?;
    let items = items.iter().map(|entry| Server::new(&api.board, entry)).collect();
    Ok(ready_json(serde_json::to_vec(&ServerList { items, next }).expect("servers are JSON")))
}

fn shown(api: &Api, entry: &Arc<ServerEntry>) -> Response {
    tagged(entry.server.meta.generation, &Server::new(&api.board, entry))
}

/// One server, by id or name.
#[utoipa::path(get, path = "/v1/servers/{server}", operation_id = "server_get", tag = "servers",
    params(("server" = String, Path)),
    responses((status = 200, body = Server, headers(("ETag" = String))), (status = "default", body = ProblemBody)))]
pub(crate) async fn get(State(api): State<Api>, Path(server): Path<String>) -> Result<Response, Refused> {
    Ok(shown(&api, &api.servers.find(&server)?))
}

/// How a BMC is reached.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewBmc {
    /// `auto` (Redfish where it answers, else IPMI), `ipmi`, `redfish`, `local` (the node's own device); `auto` when left out.
    #[serde(default)]
    pub access: Option<BmcAccessWord>,
    /// Name or address; of the local one none.
    #[serde(default)]
    pub host: String,
    /// 623, or 443 of Redfish, where nothing else is said.
    #[serde(default)]
    pub port: Option<u16>,
    #[serde(default)]
    pub user: String,
    /// Absent: the one of before, where host, port and user are the same.
    #[serde(default)]
    pub password: Option<String>,
    /// K_g, where the BMC has one: 40 hexadecimal digits, or up to 20 characters.
    #[serde(default)]
    pub key: Option<String>,
}

#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BmcAccessWord {
    Auto,
    Ipmi,
    Redfish,
    Local,
}

impl From<NewBmc> for control::NewBmc {
    fn from(new: NewBmc) -> Self {
        let NewBmc { access, host, port, user, password, key } = new;
        let access = access.map(|access| match access {
            BmcAccessWord::Auto => BmcAccess::Auto,
            BmcAccessWord::Ipmi => BmcAccess::Ipmi,
            BmcAccessWord::Redfish => BmcAccess::Redfish,
            BmcAccessWord::Local => BmcAccess::Local,
        });
        Self { access, host, port, user, password: password.map(Zeroizing::new), key: key.map(Zeroizing::new) }
    }
}

impl From<RackPlace> for domain::RackPlace {
    fn from(place: RackPlace) -> Self {
        let RackPlace { unit, height } = place;
        Self { unit, height }
    }
}

/// A server that somebody adds.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewServer {
    pub name: String,
    #[serde(default)]
    pub bmc: Option<NewBmc>,
    #[serde(default)]
    pub place: Option<RackPlace>,
    #[serde(default)]
    pub note: String,
}

/// Adds a server. Its BMC is asked at once and from then on.
#[utoipa::path(post, path = "/v1/servers", operation_id = "server_create", tag = "servers", request_body = NewServer,
    params(("Idempotency-Key" = String, Header)),
    responses((status = 201, body = Server), (status = "default", body = ProblemBody)))]
pub(crate) async fn create(
    State(api): State<Api>,
    ask: Ask,
    Json(NewServer { name, bmc, place, note }): Json<NewServer>,
) -> Result<Response, Refused> {
    let name = names::name(&name, "/name")?;
    let new = control::NewServer { name, bmc: bmc.map(Into::into), place: place.map(Into::into), note };
    let server = api.servers.create(&ask.caller, new, &ask.keep(created)).await?;
    Ok(answer_response(created(&server)))
}

/// What shall be different; what is absent stays, `null` is none.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ServerPatch {
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default, deserialize_with = "said")]
    pub bmc: Option<Option<NewBmc>>,
    #[serde(default, deserialize_with = "said")]
    pub place: Option<Option<RackPlace>>,
    #[serde(default)]
    pub note: Option<String>,
    /// How much it may draw; `null`: its BMC is left as it is.
    #[serde(default, deserialize_with = "said")]
    pub cap: Option<Option<PowerCap>>,
}

/// A `null` that was said is not the same as nothing.
pub(super) fn said<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(from).map(Some)
}

/// Renames a server, says where its BMC is, where it stands, what is to be known of it, or how much it may draw.
#[utoipa::path(patch, path = "/v1/servers/{server}", operation_id = "server_update", tag = "servers",
    request_body = ServerPatch, params(("server" = String, Path), ("If-Match" = String, Header)),
    responses((status = 200, body = Server, headers(("ETag" = String))), (status = "default", body = ProblemBody)))]
pub(crate) async fn update(
    State(api): State<Api>,
    Path(server): Path<String>,
    ask: Ask,
    seen: IfMatch,
    Json(ServerPatch { name, bmc, place, note, cap }): Json<ServerPatch>,
) -> Result<Response, Refused> {
    let entry = api.servers.find(&server)?;
    let patch = control::ServerPatch {
        name: name.map(|name| names::name(&name, "/name")).transpose()?,
        bmc: bmc.map(|bmc| bmc.map(Into::into)),
        place: place.map(|place| place.map(Into::into)),
        note,
        cap: cap.map(|cap| cap.map(Into::into)),
    };
    let check = |entry: &ServerEntry| seen.check(entry.server.meta.generation);
    let entry = api.servers.update(&ask.caller, entry.id(), patch, check).await?;
    Ok(shown(&api, &entry))
}

/// Forgets a server. Nothing happens to the machine.
#[utoipa::path(delete, path = "/v1/servers/{server}", operation_id = "server_delete", tag = "servers",
    params(("server" = String, Path), ("If-Match" = String, Header)),
    responses((status = 204), (status = "default", body = ProblemBody)))]
pub(crate) async fn delete(
    State(api): State<Api>,
    Path(server): Path<String>,
    ask: Ask,
    seen: IfMatch,
    Maybe(Nothing {}): Maybe<Nothing>,
) -> Result<Response, Refused> {
    let entry = api.servers.find(&server)?;
    let check = |entry: &ServerEntry| seen.check(entry.server.meta.generation);
    api.servers.delete(&ask.caller, entry.id(), check).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Every sensor of a server, as it was last read.
#[utoipa::path(get, path = "/v1/servers/{server}/sensors", operation_id = "server_sensors", tag = "servers",
    params(("server" = String, Path)),
    responses((status = 200, body = SensorList), (status = "default", body = ProblemBody)))]
pub(crate) async fn sensors(State(api): State<Api>, Path(server): Path<String>) -> Result<Response, Refused> {
    let entry = api.servers.find(&server)?;
    Ok(answer_response(plain(&SensorList::from(entry.status.as_ref()))))
}

/// The event log, asked of the BMC now; the oldest entry first.
#[utoipa::path(get, path = "/v1/servers/{server}/events", operation_id = "server_events", tag = "servers",
    params(("server" = String, Path)),
    responses((status = 200, body = ServerEvents), (status = "default", body = ProblemBody)))]
pub(crate) async fn events(State(api): State<Api>, Path(server): Path<String>) -> Result<Response, Refused> {
    let entry = api.servers.find(&server)?;
    let log = api.servers.log(&entry, None).await?;
    Ok(answer_response(plain(&ServerEvents::from(&log))))
}

/// What the server is built of, asked of the BMC now.
#[utoipa::path(get, path = "/v1/servers/{server}/parts", operation_id = "server_parts", tag = "servers",
    params(("server" = String, Path)),
    responses((status = 200, body = ServerParts), (status = "default", body = ProblemBody)))]
pub(crate) async fn parts(State(api): State<Api>, Path(server): Path<String>) -> Result<Response, Refused> {
    let entry = api.servers.find(&server)?;
    let parts: Vec<domain::Part> = api.servers.parts(&entry).await?;
    Ok(answer_response(plain(&ServerParts::from(parts.as_slice()))))
}

/// For handlers of what is ordered.
pub(crate) fn find(api: &Api, text: &str) -> Result<Arc<ServerEntry>, Problem> {
    api.servers.find(text)
}
