//! `/v1/pdus`: power distribution units, which feed they hang on, and which server hangs on which outlet.

use super::Nothing;
use super::server_wire::Sensor;
use super::servers::said;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use cake_control::board::{Board, DeviceEntry};
use cake_control::caller::Answer;
use cake_control::devices as control;
use cake_planner::{device, names};
use cake_types::{self as domain, Device, DeviceKind, DeviceSpec, Meta};
use http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::ask::{Ask, IfMatch, Params, answer_response, etag, plain, ready_json, tagged};
use crate::body::{Json, Maybe};
use crate::page::Paging;
use crate::problem::{ProblemBody, Refused};
use crate::state::Api;

/// A power distribution unit. What it last said stays when it is not heard.
#[derive(Serialize, ToSchema)]
pub struct Pdu {
    pub id: Uuid,
    pub name: String,
    /// `well`, `warning`, `critical`, `unheard`.
    pub health: &'static str,
    /// Why what follows is of `read_at` and not of now: `silent`, `no-address`, `sealed`, `garbled`, `endless`, `unknown`, `worker`.
    pub problem: Option<&'static str>,
    #[schema(value_type = Option<String>, format = "date-time")]
    pub read_at: Option<Timestamp>,
    /// It says that nothing comes in.
    pub dead: bool,
    pub host: String,
    pub port: u16,
    /// Which feed of the building it hangs on.
    pub feed: Option<String>,
    /// Amperes that each of its inputs may draw, as somebody said.
    pub rated_amps: Option<u16>,
    pub maker: String,
    pub model: String,
    pub serial: String,
    pub firmware: String,
    /// What it gives in all.
    pub watts: Option<f64>,
    pub inputs: Vec<PduInput>,
    /// Those that it has, and those of which somebody said what hangs on them.
    pub outlets: Vec<PduOutlet>,
    pub sensors: Vec<Sensor>,
    pub note: String,
    #[schema(value_type = String, format = "date-time")]
    pub created_at: Timestamp,
    #[schema(value_type = String, format = "date-time")]
    pub updated_at: Timestamp,
    /// For If-Match.
    pub etag: String,
}

/// A phase or an inlet.
#[derive(Serialize, ToSchema)]
pub struct PduInput {
    pub id: String,
    pub volts: Option<f64>,
    pub amps: Option<f64>,
    pub watts: Option<f64>,
    /// What it may draw: the smaller of what the unit and somebody said.
    pub limit_amps: Option<f64>,
    /// From 0 on; 1 is all of it.
    pub load: Option<f64>,
    /// What the unit thinks of its load: `ok`, `upper-non-critical`, `upper-critical`, …
    pub state: &'static str,
}

#[derive(Serialize, ToSchema)]
pub struct PduOutlet {
    /// As it stands on the unit; of a second unit in a chain `2.5`.
    pub outlet: String,
    /// As somebody called it in the unit.
    pub name: String,
    pub on: Option<bool>,
    pub amps: Option<f64>,
    pub watts: Option<f64>,
    pub server: Option<OutletServer>,
}

/// What hangs on an outlet.
#[derive(Serialize, ToSchema)]
pub struct OutletServer {
    pub id: Uuid,
    /// Empty of a server that is gone.
    pub name: String,
}

impl OutletServer {
    pub(super) fn of(board: &Board, id: domain::ServerId) -> Self {
        let name = board.server(id).map(|entry| entry.server.meta.name.to_string()).unwrap_or_default();
        Self { id: id.0, name }
    }
}

#[derive(Serialize, ToSchema)]
pub struct PduList {
    pub items: Vec<Pdu>,
    pub next: Option<String>,
}

impl Pdu {
    pub fn new(board: &Board, entry: &DeviceEntry) -> Self {
        let told = Self::told(&entry.device, |id| OutletServer::of(board, id));
        let Some(status) = &entry.status else { return told };
        let domain::DeviceStatus { stamp: _, problem, read_at, about, pdu, switch: _ } = status;
        let domain::DeviceAbout { enterprise: _, maker, model, serial, firmware, name: _, description: _ } = about;
        let reading = pdu.clone().unwrap_or_default();
        let mut used: BTreeMap<String, OutletServer> =
            told.outlets.into_iter().filter_map(|outlet| Some((outlet.outlet, outlet.server?))).collect();
        let mut outlets: Vec<PduOutlet> =
            reading.outlets.iter().map(|outlet| PduOutlet::new(outlet, used.remove(&outlet.id))).collect();
        outlets.extend(used.into_iter().map(|(outlet, server)| PduOutlet::unheard(outlet, Some(server))));
        Self {
            health: entry.health().as_str(),
            problem: problem.map(|problem| problem.as_str()),
            read_at: *read_at,
            dead: entry.seen().pdu().is_some_and(device::is_dead),
            maker: maker.clone(),
            model: model.clone(),
            serial: serial.clone(),
            firmware: firmware.clone(),
            watts: reading.watts,
            inputs: reading.inputs.iter().map(|input| PduInput::new(&entry.device.spec, input)).collect(),
            outlets,
            sensors: reading.sensors.iter().map(Sensor::from).collect(),
            ..told
        }
    }

    /// Without what only the unit knows.
    fn told(device: &Device, server: impl Fn(domain::ServerId) -> OutletServer) -> Self {
        let Device { meta, spec } = device;
        let Meta { id, project: _, name, generation, created_at, updated_at } = meta;
        let DeviceSpec { kind: _, host, port, community: _, feed, rated_amps, outlets, note } = spec;
        let outlets = outlets.iter().map(|used| PduOutlet::unheard(used.outlet.clone(), Some(server(used.server))));
        Self {
            id: id.0,
            name: name.to_string(),
            health: device::health(&device::DeviceSeen { device, status: None, cabling: None }).as_str(),
            problem: None,
            read_at: None,
            dead: false,
            host: host.clone(),
            port: *port,
            feed: feed.clone(),
            rated_amps: *rated_amps,
            maker: String::new(),
            model: String::new(),
            serial: String::new(),
            firmware: String::new(),
            watts: None,
            inputs: Vec::new(),
            outlets: outlets.collect(),
            sensors: Vec::new(),
            note: note.clone(),
            created_at: *created_at,
            updated_at: *updated_at,
            etag: etag(*generation),
        }
    }
}

impl PduInput {
    fn new(spec: &DeviceSpec, input: &domain::PduInput) -> Self {
        let load = device::load(spec, input);
        let domain::PduInput { id, volts, amps, watts, rated_amps: _, state } = input;
        Self {
            id: id.clone(),
            volts: *volts,
            amps: *amps,
            watts: *watts,
            limit_amps: load.and_then(|load| load.limit),
            load: load.and_then(|load| load.share()),
            state: state.as_str(),
        }
    }
}

impl PduOutlet {
    fn new(outlet: &domain::Outlet, server: Option<OutletServer>) -> Self {
        let domain::Outlet { id, name, on, amps, watts } = outlet;
        Self { outlet: id.clone(), name: name.clone(), on: *on, amps: *amps, watts: *watts, server }
    }

    /// The unit has not said that it has it.
    fn unheard(outlet: String, server: Option<OutletServer>) -> Self {
        Self { outlet, name: String::new(), on: None, amps: None, watts: None, server }
    }
}

/// As it was answered first: what the unit says is read by its own address.
fn created(device: &Device) -> Answer {
    let location = Some(format!("/v1/pdus/{}", device.meta.id));
    let server = |id: domain::ServerId| OutletServer { id: id.0, name: String::new() };
    Answer { status: 201, location, etag: Some(etag(device.meta.generation)), ..plain(&Pdu::told(device, server)) }
}

/// All power distribution units.
#[utoipa::path(get, path = "/v1/pdus", operation_id = "pdu_list", tag = "pdus",
    params(("limit" = Option<usize>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, body = PduList), (status = "default", body = ProblemBody)))]
pub(crate) async fn list(State(api): State<Api>, Params(page): Params<Paging>) -> Result<Response, Refused> {
    let mut pdus = api.board.devices();
    pdus.retain(|entry| entry.device.spec.kind == DeviceKind::Pdu);
    let (items, next) = page.part(pdus, |entry| entry.id().0)?;
    let items = items.iter().map(|entry| Pdu::new(&api.board, entry)).collect();
    Ok(ready_json(serde_json::to_vec(&PduList { items, next }).expect("PDUs are JSON")))
}

fn shown(api: &Api, entry: &DeviceEntry) -> Response {
    tagged(entry.device.meta.generation, &Pdu::new(&api.board, entry))
}

/// One power distribution unit, by id or name.
#[utoipa::path(get, path = "/v1/pdus/{pdu}", operation_id = "pdu_get", tag = "pdus",
    params(("pdu" = String, Path)),
    responses((status = 200, body = Pdu, headers(("ETag" = String))), (status = "default", body = ProblemBody)))]
pub(crate) async fn get(State(api): State<Api>, Path(pdu): Path<String>) -> Result<Response, Refused> {
    Ok(shown(&api, &*api.devices.find(DeviceKind::Pdu, &pdu)?))
}

/// Which server hangs on an outlet.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewOutlet {
    /// As it stands on the unit.
    pub outlet: String,
    /// By id or name.
    pub server: String,
}

impl From<NewOutlet> for control::NewOutlet {
    fn from(new: NewOutlet) -> Self {
        let NewOutlet { outlet, server } = new;
        Self { outlet, server }
    }
}

/// A power distribution unit that somebody adds.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPdu {
    pub name: String,
    /// Name or address.
    pub host: String,
    /// 161 where nothing else is said.
    #[serde(default)]
    pub port: Option<u16>,
    /// What SNMP version 2c wants to hear. It is never told again.
    pub community: String,
    /// `A`, `B`, or a word.
    #[serde(default)]
    pub feed: Option<String>,
    /// Amperes that each of its inputs may draw, where it does not say so itself.
    #[serde(default)]
    pub rated_amps: Option<u16>,
    #[serde(default)]
    pub outlets: Vec<NewOutlet>,
    #[serde(default)]
    pub note: String,
}

/// Adds a power distribution unit. It is asked at once and from then on; nothing is ever switched.
#[utoipa::path(post, path = "/v1/pdus", operation_id = "pdu_create", tag = "pdus", request_body = NewPdu,
    params(("Idempotency-Key" = String, Header)),
    responses((status = 201, body = Pdu), (status = "default", body = ProblemBody)))]
pub(crate) async fn create(State(api): State<Api>, ask: Ask, Json(new): Json<NewPdu>) -> Result<Response, Refused> {
    let NewPdu { name, host, port, community, feed, rated_amps, outlets, note } = new;
    let new = control::NewDevice {
        name: names::name(&name, "/name")?,
        host,
        port,
        community: Zeroizing::new(community),
        feed,
        rated_amps,
        outlets: outlets.into_iter().map(Into::into).collect(),
        note,
    };
    let device = api.devices.create(&ask.caller, DeviceKind::Pdu, new, &ask.keep(created)).await?;
    Ok(answer_response(created(&device)))
}

/// What shall be different; what is absent stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PduPatch {
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub host: Option<String>,
    #[serde(default)]
    pub port: Option<u16>,
    /// Needed again where host or port change.
    #[serde(default)]
    pub community: Option<String>,
    /// Empty: none.
    #[serde(default)]
    pub feed: Option<String>,
    /// `null`: what the unit says itself.
    #[serde(default, deserialize_with = "said")]
    pub rated_amps: Option<Option<u16>>,
    /// All of them.
    #[serde(default)]
    pub outlets: Option<Vec<NewOutlet>>,
    #[serde(default)]
    pub note: Option<String>,
}

/// Says how a power distribution unit is called and reached, on which feed it hangs, and what hangs on its outlets.
#[utoipa::path(patch, path = "/v1/pdus/{pdu}", operation_id = "pdu_update", tag = "pdus",
    request_body = PduPatch, params(("pdu" = String, Path), ("If-Match" = String, Header)),
    responses((status = 200, body = Pdu, headers(("ETag" = String))), (status = "default", body = ProblemBody)))]
pub(crate) async fn update(
    State(api): State<Api>,
    Path(pdu): Path<String>,
    ask: Ask,
    seen: IfMatch,
    Json(PduPatch { name, host, port, community, feed, rated_amps, outlets, note }): Json<PduPatch>,
) -> Result<Response, Refused> {
    let entry = api.devices.find(DeviceKind::Pdu, &pdu)?;
    let patch = control::DevicePatch {
        name: name.map(|name| names::name(&name, "/name")).transpose()?,
        host,
        port,
        community: community.map(Zeroizing::new),
        feed,
        rated_amps,
        outlets: outlets.map(|outlets| outlets.into_iter().map(Into::into).collect()),
        note,
    };
    let check = |entry: &DeviceEntry| seen.check(entry.device.meta.generation);
    let entry = api.devices.update(&ask.caller, entry.id(), patch, check).await?;
    Ok(shown(&api, &entry))
}

/// Forgets a power distribution unit. Nothing happens to it, nor to what hangs on it.
#[utoipa::path(delete, path = "/v1/pdus/{pdu}", operation_id = "pdu_delete", tag = "pdus",
    params(("pdu" = String, Path), ("If-Match" = String, Header)),
    responses((status = 204), (status = "default", body = ProblemBody)))]
pub(crate) async fn delete(
    State(api): State<Api>,
    Path(pdu): Path<String>,
    ask: Ask,
    seen: IfMatch,
    Maybe(Nothing {}): Maybe<Nothing>,
) -> Result<Response, Refused> {
    let entry = api.devices.find(DeviceKind::Pdu, &pdu)?;
    let check = |entry: &DeviceEntry| seen.check(entry.device.meta.generation);
    api.devices.delete(&ask.caller, entry.id(), check).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
