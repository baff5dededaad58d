//! `/v1/nodes/{node}/host`, `clock`, `reboot`, `power-off`, `soft-reboot`: the machine under a server's VMs.

use super::Nothing;
use super::nodes::find;
use super::tasks::{Task, accepted};
use axum::extract::{Path, State};
use axum::response::Response;
use cake_control::board::NodeEntry;
use cake_control::caller::Answer;
use cake_control::hosts::HostChange;
use cake_types::{self as domain, HostSpec, HostStatus, LeavingWay};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ask::{Ask, IfMatch, answer_response, etag, plain, tagged};
use crate::body::{Json, Maybe};
use crate::problem::{ProblemBody, Refused};
use crate::state::Api;

/// A server's own machine: what was asked of it, and what is so.
#[derive(Serialize, ToSchema)]
pub struct Host {
    /// The server's name.
    pub node: String,
    /// What somebody asked for; what is absent stays as the machine has it.
    pub asked: HostSettings,
    pub host_name: Option<String>,
    pub time_zone: Option<String>,
    /// Whether the clock follows servers in the network (NTP); absent where the machine has no program for that.
    pub ntp: Option<bool>,
    /// The clock is right, as far as the machine knows.
    pub synchronized: bool,
    /// Why nothing of it can be changed from here: `not-appliance`, `no-systemd`.
    pub hands_off: Option<&'static str>,
    /// What of the asked the machine did not take.
    pub refused: Option<HostRefused>,
    pub leaving: Option<Leaving>,
    /// For If-Match.
    pub etag: String,
}

#[derive(Serialize, ToSchema)]
pub struct HostSettings {
    pub host_name: Option<String>,
    pub time_zone: Option<String>,
    pub ntp: Option<bool>,
}

#[derive(Serialize, ToSchema)]
pub struct HostRefused {
    /// `host-name`, `time-zone`, `ntp`.
    pub setting: &'static str,
    /// For support, in English.
    pub because: String,
}

/// The server is about to go off or to start anew.
#[derive(Serialize, ToSchema)]
pub struct Leaving {
    /// `power-off`, `reboot`, `soft-reboot`.
    pub way: &'static str,
    /// `guests` shut down, `host` goes, or `back`: called off.
    pub stage: &'static str,
    /// VMs that were asked to shut down.
    pub guests: u32,
    /// Those that have not done so yet.
    pub left: u32,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewHost {
    /// A DNS name of at most 64 characters. The server has it in the console too.
    #[serde(default)]
    pub host_name: Option<String>,
    /// Such as `Asia/Taipei`.
    #[serde(default)]
    pub time_zone: Option<String>,
    /// Whether the clock follows servers in the network.
    #[serde(default)]
    pub ntp: Option<bool>,
}

#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Clock {
    #[schema(value_type = String, format = "date-time")]
    pub time: Timestamp,
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Leave {
    /// So long VMs have to shut down before they are ended: from 0 to 3600; 180 where nothing else is said.
    #[serde(default)]
    pub seconds: Option<u32>,
}

impl From<&HostSpec> for HostSettings {
    fn from(spec: &HostSpec) -> Self {
        let HostSpec { host_name, time_zone, ntp } = spec;
        let host_name = host_name.as_ref().map(ToString::to_string);
        Self { host_name, time_zone: time_zone.clone(), ntp: *ntp }
    }
}

impl From<&domain::Leaving> for Leaving {
    fn from(leaving: &domain::Leaving) -> Self {
        let domain::Leaving { operation: _, way, stage, guests, left } = leaving;
        Self { way: way.as_str(), stage: stage.as_str(), guests: *guests, left: *left }
    }
}

impl Host {
    fn new(entry: &NodeEntry, asked: &domain::Host) -> Self {
        let domain::Host { node: _, generation, spec } = asked;
        let status = entry.status.as_ref();
        let host = status.and_then(|status| status.host.clone()).unwrap_or_default();
        let HostStatus {
            hands_off,
            time_zone,
            ntp,
            synchronized,
            refused,
            leaving,
            left: _,
            local_name: _,
            networks: _,
            update: _,
            uplink: _,
        } = host;
        let refused =
            refused.map(|domain::HostRefused { setting, because }| HostRefused { setting: setting.as_str(), because });
        Self {
            node: entry.node.meta.name.to_string(),
            asked: HostSettings::from(spec),
            host_name: status.map(|status| status.host_name.clone()),
            time_zone,
            ntp,
            synchronized,
            hands_off: hands_off.map(|reason| reason.as_str()),
            refused,
            leaving: leaving.as_ref().map(Leaving::from),
            etag: etag(*generation),
        }
    }
}

/// What a server's machine is called, and its clock.
#[utoipa::path(get, path = "/v1/nodes/{node}/host", operation_id = "host_get", tag = "nodes",
    params(("node" = String, Path)),
    responses((status = 200, body = Host), (status = "default", body = ProblemBody)))]
pub(crate) async fn get(State(api): State<Api>, Path(node): Path<String>) -> Result<Response, Refused> {
    let entry = find(&api, &node)?;
    let asked = api.hosts.get(entry.node.meta.id);
    Ok(tagged(asked.generation, &Host::new(&entry, &asked)))
}

/// Changes the name, the time zone, or whether the clock follows others. What is absent stays.
#[utoipa::path(patch, path = "/v1/nodes/{node}/host", operation_id = "host_update", tag = "nodes",
    request_body = NewHost, params(("node" = String, Path), ("If-Match" = String, Header)),
    responses((status = 200, body = Host), (status = "default", body = ProblemBody)))]
pub(crate) async fn update(
    State(api): State<Api>,
    Path(node): Path<String>,
    ask: Ask,
    seen: IfMatch,
    Json(NewHost { host_name, time_zone, ntp }): Json<NewHost>,
) -> Result<Response, Refused> {
    let entry = find(&api, &node)?;
    let change = HostChange { host_name, time_zone, ntp };
    let asked = api.hosts.set(&ask.caller, &entry, change, |generation| seen.check(generation)).await?;
    // It may have another name by now.
    let entry = find(&api, &entry.node.meta.id.to_string())?;
    Ok(tagged(asked.generation, &Host::new(&entry, &asked)))
}

fn set(at: &Timestamp) -> Answer {
    plain(&Clock { time: *at })
}

/// Sets the clock, where it follows no other.
#[utoipa::path(post, path = "/v1/nodes/{node}/clock", operation_id = "host_clock", tag = "nodes",
    request_body = Clock, params(("node" = String, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, body = Clock), (status = "default", body = ProblemBody)))]
pub(crate) async fn clock(
    State(api): State<Api>,
    Path(node): Path<String>,
    ask: Ask,
    Json(Clock { time }): Json<Clock>,
) -> Result<Response, Refused> {
    let entry = find(&api, &node)?;
    api.hosts.set_clock(&ask.caller, &entry, time, &ask.keep(set)).await?;
    Ok(answer_response(set(&time)))
}

/// Shuts the server's VMs down and starts the server anew; they start again with it.
#[utoipa::path(post, path = "/v1/nodes/{node}/reboot", operation_id = "host_reboot", tag = "nodes",
    request_body(content = Option<Leave>), params(("node" = String, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 202, body = Task), (status = "default", body = ProblemBody)))]
pub(crate) async fn reboot(
    State(api): State<Api>,
    Path(node): Path<String>,
    ask: Ask,
    Maybe(leave): Maybe<Leave>,
) -> Result<Response, Refused> {
    go(&api, &node, &ask, LeavingWay::Reboot, leave).await
}

/// Shuts the server's VMs down and powers the server off; they start again when somebody switches it on.
#[utoipa::path(post, path = "/v1/nodes/{node}/power-off", operation_id = "host_power_off", tag = "nodes",
    request_body(content = Option<Leave>), params(("node" = String, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 202, body = Task), (status = "default", body = ProblemBody)))]
pub(crate) async fn power_off(
    State(api): State<Api>,
    Path(node): Path<String>,
    ask: Ask,
    Maybe(leave): Maybe<Leave>,
) -> Result<Response, Refused> {
    go(&api, &node, &ask, LeavingWay::PowerOff, leave).await
}

/// Starts all programs of the server anew, in the version that is next, and leaves its kernel and its VMs running. Refused where that
/// version needs a restart: see `soft_reboot` of `/v1/system/update`.
#[utoipa::path(post, path = "/v1/nodes/{node}/soft-reboot", operation_id = "host_soft_reboot", tag = "nodes",
    params(("node" = String, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 202, body = Task), (status = "default", body = ProblemBody)))]
pub(crate) async fn soft_reboot(
    State(api): State<Api>,
    Path(node): Path<String>,
    ask: Ask,
    Maybe(Nothing {}): Maybe<Nothing>,
) -> Result<Response, Refused> {
    go(&api, &node, &ask, LeavingWay::SoftReboot, Leave::default()).await
}

async fn go(api: &Api, node: &str, ask: &Ask, way: LeavingWay, Leave { seconds }: Leave) -> Result<Response, Refused> {
    let entry = find(api, node)?;
    let task = api.hosts.leave(&ask.caller, &entry, way, seconds, &ask.keep(accepted)).await?;
    Ok(answer_response(accepted(&task)))
}
