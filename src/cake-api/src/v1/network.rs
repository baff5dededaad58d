//! `/v1/nodes/{node}/network`: a server's own network, tried before it holds.

use super::Nothing;
use super::nodes::find;
use axum::extract::{Path, State};
use axum::response::Response;
use cake_control::board::NodeEntry;
use cake_control::caller::Answer;
use cake_control::uplinks::{self, NewNetwork};
use cake_planner::uplink;
use cake_types::{
    Generation, PortNeighbor as DomainNeighbor, Prefixed, Sourced, UplinkEnded, UplinkPort, UplinkSpec, UplinkStatus,
    UplinkTrial,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt::Display;
use utoipa::ToSchema;

use crate::ask::{Ask, At, IfMatch, answer_response, etag, plain, tagged};
use crate::body::{Json, Maybe};
use crate::problem::{ProblemBody, Refused};
use crate::state::Api;

/// A server's own network: what it is to be, what is being tried, and what is so.
#[derive(Serialize, ToSchema)]
pub struct Network {
    /// The server's name.
    pub node: String,
    /// Why nothing of it can be changed from here: `not-appliance`, `no-systemd`.
    pub hands_off: Option<&'static str>,
    /// What was confirmed last.
    pub asked: NetworkSettings,
    pub trial: Option<NetworkTrial>,
    /// How the last trial ended.
    pub ended: Option<NetworkEnded>,
    pub ports: Vec<NetworkPort>,
    pub addresses: Vec<NetworkAddress>,
    pub gateways: Vec<NetworkAddress>,
    pub dns: Vec<NetworkAddress>,
    /// Why the server did not take what it is to be, for support, in English.
    pub refused: Option<String>,
    /// What may not be meant: `no-dns`, `no-gateway`, `port-missing`, `no-carrier`.
    pub warnings: Vec<&'static str>,
    /// For If-Match.
    pub etag: String,
}

#[derive(Serialize, ToSchema)]
pub struct NetworkSettings {
    /// `dhcp`, `static`.
    pub method: &'static str,
    /// With the length of the prefix: `192.0.2.7/24`.
    pub addresses: Vec<String>,
    pub gateways: Vec<String>,
    pub dns: Vec<String>,
    pub search: Vec<String>,
    pub vlan: Option<u16>,
    /// Names or MAC addresses of the ports that carry it; none: all.
    pub links: Vec<String>,
    /// `active-backup`, `lacp`.
    pub bond: &'static str,
    pub mtu: Option<u16>,
}

/// It returns to the network before by itself, unless somebody confirms it.
#[derive(Serialize, ToSchema)]
pub struct NetworkTrial {
    pub asked: NetworkSettings,
    #[schema(value_type = String, format = "date-time")]
    pub until: Timestamp,
    /// Seconds that it has in all.
    pub seconds: u32,
    /// The server has it: a moment after it was asked for. It can't be confirmed before.
    pub applied: bool,
    /// New addresses, those that were asked for first: confirm over a connection to one of them. None yet, or none at all where the
    /// address stays.
    pub new_addresses: Vec<String>,
    /// What may not be meant: `no-dns`, `no-gateway`, `port-missing`, `no-carrier`.
    pub warnings: Vec<&'static str>,
}

#[derive(Serialize, ToSchema)]
pub struct NetworkEnded {
    /// `confirmed`, `expired`, `cancelled`, `restarted`, `failed`.
    pub end: &'static str,
    #[schema(value_type = String, format = "date-time")]
    pub at: Timestamp,
}

/// A port at the back of the server.
#[derive(Serialize, ToSchema)]
pub struct NetworkPort {
    pub name: String,
    pub mac: String,
    pub driver: Option<String>,
    /// A cable is plugged in, and its other end answers.
    pub carrier: bool,
    /// Megabits a second.
    pub speed: Option<u32>,
    /// It carries the server's network, or would if the others did not.
    pub bonded: bool,
    /// It carries now.
    pub active: bool,
    pub neighbor: Option<NetworkNeighbor>,
}

/// Who is at the other end of the cable, as it says by LLDP.
#[derive(Serialize, ToSchema)]
pub struct NetworkNeighbor {
    pub system: Option<String>,
    pub port: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct NetworkAddress {
    pub address: String,
    /// `static`, `dhcp`, `router`, `link-local`, `other`.
    pub source: &'static str,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NetworkChange {
    /// `dhcp`, `static`.
    pub method: String,
    /// With the length of the prefix, such as `192.0.2.7/24`; only of `static`.
    #[serde(default)]
    pub addresses: Vec<String>,
    /// At most one for IPv4 and one for IPv6; only of `static`.
    #[serde(default)]
    pub gateways: Vec<String>,
    /// Instead of what DHCP says.
    #[serde(default)]
    pub dns: Vec<String>,
    #[serde(default)]
    pub search: Vec<String>,
    /// The server's address is in this VLAN: 1 to 4094.
    #[serde(default)]
    pub vlan: Option<u32>,
    /// Names or MAC addresses of the ports that carry it; none: all.
    #[serde(default)]
    pub links: Vec<String>,
    /// `active-backup` where nothing else is said, or `lacp`.
    #[serde(default)]
    pub bond: Option<String>,
    /// 1280 to 9216.
    #[serde(default)]
    pub mtu: Option<u32>,
    /// How long it has to be confirmed: from 30 to 600; 90 where nothing else is said.
    #[serde(default)]
    pub seconds: Option<u32>,
}

impl From<NetworkChange> for NewNetwork {
    fn from(change: NetworkChange) -> Self {
        let NetworkChange { method, addresses, gateways, dns, search, vlan, links, bond, mtu, seconds } = change;
        Self { method, addresses, gateways, dns, search, vlan, links, bond, mtu, seconds }
    }
}

fn texts<T: Display>(all: &[T]) -> Vec<String> {
    all.iter().map(ToString::to_string).collect()
}

fn sourced<T: Display>(all: &[Sourced<T>]) -> Vec<NetworkAddress> {
    let one =
        |Sourced { value, source }: &Sourced<T>| NetworkAddress { address: value.to_string(), source: source.as_str() };
    all.iter().map(one).collect()
}

fn warned(spec: &UplinkSpec, ports: &[UplinkPort]) -> Vec<&'static str> {
    uplink::warnings(spec, ports).into_iter().map(|warning| warning.as_str()).collect()
}

impl From<&UplinkSpec> for NetworkSettings {
    fn from(spec: &UplinkSpec) -> Self {
        let UplinkSpec { method, addresses, gateways, dns, search, vlan, links, bond, mtu } = spec;
        Self {
            method: method.as_str(),
            addresses: texts(addresses),
            gateways: texts(gateways),
            dns: texts(dns),
            search: search.clone(),
            vlan: *vlan,
            links: links.clone(),
            bond: bond.as_str(),
            mtu: *mtu,
        }
    }
}

impl From<UplinkPort> for NetworkPort {
    fn from(port: UplinkPort) -> Self {
        let UplinkPort { name, mac, driver, carrier, speed, bonded, active, neighbor } = port;
        let neighbor = neighbor.map(|DomainNeighbor { system, port }| NetworkNeighbor { system, port });
        Self { name, mac: mac.to_string(), driver, carrier, speed, bonded, active, neighbor }
    }
}

impl NetworkTrial {
    fn new(trial: &UplinkTrial, status: &UplinkStatus) -> Self {
        let UplinkTrial { operation: _, spec, seconds, applied, until, before: _ } = trial;
        let warnings = warned(spec, &status.ports);
        let (asked, new_addresses) = (spec.into(), texts(&uplink::places(trial, status)));
        Self { asked, until: *until, seconds: *seconds, applied: *applied, new_addresses, warnings }
    }
}

impl Network {
    pub(crate) fn new(entry: &NodeEntry) -> Self {
        let status = uplinks::of(entry);
        let hands_off = entry.status.as_ref().and_then(|status| status.host.as_ref()?.hands_off);
        let trial = status.trial.as_ref().map(|trial| NetworkTrial::new(trial, &status));
        let warnings = warned(&status.spec, &status.ports);
        let addresses: &[Sourced<Prefixed>] = &status.addresses;
        Self {
            node: entry.node.meta.name.to_string(),
            hands_off: hands_off.map(|reason| reason.as_str()),
            asked: (&status.spec).into(),
            trial,
            ended: status.ended.map(|UplinkEnded { operation: _, end, at }| NetworkEnded { end: end.as_str(), at }),
            addresses: sourced(addresses),
            gateways: sourced(&status.gateways),
            dns: sourced(&status.dns),
            ports: status.ports.into_iter().map(NetworkPort::from).collect(),
            refused: status.refused,
            warnings,
            etag: etag(Generation(status.generation)),
        }
    }
}

fn shown(api: &Api, node: &str) -> Result<Response, Refused> {
    let entry = find(api, node)?;
    Ok(tagged(Generation(uplinks::of(&entry).generation), &Network::new(&entry)))
}

/// A server's own network.
#[utoipa::path(get, path = "/v1/nodes/{node}/network", operation_id = "network_get", tag = "nodes",
    params(("node" = String, Path)),
    responses((status = 200, body = Network), (status = "default", body = ProblemBody)))]
pub(crate) async fn get(State(api): State<Api>, Path(node): Path<String>) -> Result<Response, Refused> {
    shown(&api, &node)
}

/// Tries another network: it holds at once, and the one before returns by itself unless it is confirmed.
#[utoipa::path(put, path = "/v1/nodes/{node}/network", operation_id = "network_try", tag = "nodes",
    request_body = NetworkChange, params(("node" = String, Path), ("If-Match" = String, Header)),
    responses((status = 200, body = Network), (status = "default", body = ProblemBody)))]
pub(crate) async fn attempt(
    State(api): State<Api>,
    Path(node): Path<String>,
    ask: Ask,
    seen: IfMatch,
    Json(change): Json<NetworkChange>,
) -> Result<Response, Refused> {
    let entry = find(&api, &node)?;
    let check = |generation| seen.check(Generation(generation));
    api.hosts.try_network(&ask.caller, &entry, change.into(), check).await?;
    shown(&api, &node)
}

#[derive(Serialize, ToSchema)]
pub struct NetworkSettled {}

pub(super) fn settled((): &()) -> Answer {
    plain(&NetworkSettled {})
}

/// The network that is tried holds from now on. Only over a connection to an address that it brought, where it brought one: that
/// proves that the server can be reached.
#[utoipa::path(post, path = "/v1/nodes/{node}/network/confirm", operation_id = "network_confirm", tag = "nodes",
    params(("node" = String, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, body = NetworkSettled), (status = "default", body = ProblemBody)))]
pub(crate) async fn confirm(
    State(api): State<Api>,
    Path(node): Path<String>,
    ask: Ask,
    at: At,
    Maybe(Nothing {}): Maybe<Nothing>,
) -> Result<Response, Refused> {
    let entry = find(&api, &node)?;
    api.hosts.settle_network(&ask.caller, &entry, true, at.0, &ask.keep(settled)).await?;
    Ok(answer_response(settled(&())))
}

/// The network before returns at once.
#[utoipa::path(post, path = "/v1/nodes/{node}/network/cancel", operation_id = "network_cancel", tag = "nodes",
    params(("node" = String, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 200, body = NetworkSettled), (status = "default", body = ProblemBody)))]
pub(crate) async fn cancel(
    State(api): State<Api>,
    Path(node): Path<String>,
    ask: Ask,
    Maybe(Nothing {}): Maybe<Nothing>,
) -> Result<Response, Refused> {
    let entry = find(&api, &node)?;
    api.hosts.settle_network(&ask.caller, &entry, false, None, &ask.keep(settled)).await?;
    Ok(answer_response(settled(&())))
}
