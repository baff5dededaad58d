//! `/v1/setup/network`: the network of the server that is being set up, before there is anybody who could log in. As
//! `/v1/nodes/{node}/network`, with the wizard's one-time token.

use super::Nothing;
use super::network::{Network, NetworkChange, NetworkSettled, settled};
use axum::extract::State;
use axum::response::Response;
use cake_control::board::NodeEntry;
use cake_control::uplinks;
use cake_types::{Code, Generation, Problem};
use std::sync::Arc;

use crate::ask::{Ask, At, IfMatch, answer_response, tagged};
use crate::body::{Json, Maybe};
use crate::problem::{ProblemBody, Refused};
use crate::state::Api;

/// The server on which the console runs: before set-up there is no other.
fn here(api: &Api) -> Result<Arc<NodeEntry>, Problem> {
    let nodes = api.board.nodes();
    nodes.into_iter().find(|entry| entry.connected).ok_or_else(|| Problem::new(Code::NodeUnreachable))
}

fn shown(api: &Api) -> Result<Response, Refused> {
    let entry = here(api)?;
    Ok(tagged(Generation(uplinks::of(&entry).generation), &Network::new(&entry)))
}

/// The network of the server that is being set up.
#[utoipa::path(get, path = "/v1/setup/network", operation_id = "setup_network_get", tag = "setup", security(()),
    params(("X-Cake-Setup-Token" = String, Header)),
    responses((status = 200, body = Network), (status = "default", body = ProblemBody)))]
pub(crate) async fn get(State(api): State<Api>) -> Result<Response, Refused> {
    shown(&api)
}

/// Tries another network: it holds at once, and the one before returns by itself unless it is confirmed.
#[utoipa::path(put, path = "/v1/setup/network", operation_id = "setup_network_try", tag = "setup", security(()),
    request_body = NetworkChange, params(("If-Match" = String, Header), ("X-Cake-Setup-Token" = String, Header)),
    responses((status = 200, body = Network), (status = "default", body = ProblemBody)))]
pub(crate) async fn attempt(
    State(api): State<Api>,
    ask: Ask,
    seen: IfMatch,
    Json(change): Json<NetworkChange>,
) -> Result<Response, Refused> {
    let check = |generation| seen.check(Generation(generation));
    api.hosts.try_network(&ask.caller, &*here(&api)?, change.into(), check).await?;
    shown(&api)
}

/// The network that is tried holds from now on. Only over a connection to an address that it brought, where it brought one.
#[utoipa::path(post, path = "/v1/setup/network/confirm", operation_id = "setup_network_confirm", tag = "setup",
    security(()), params(("Idempotency-Key" = String, Header), ("X-Cake-Setup-Token" = String, Header)),
    responses((status = 200, body = NetworkSettled), (status = "default", body = ProblemBody)))]
pub(crate) async fn confirm(
    State(api): State<Api>,
    ask: Ask,
    at: At,
    Maybe(Nothing {}): Maybe<Nothing>,
) -> Result<Response, Refused> {
    api.hosts.settle_network(&ask.caller, &*here(&api)?, true, at.0, &ask.keep(settled)).await?;
    Ok(answer_response(settled(&())))
}

/// The network before returns at once.
#[utoipa::path(post, path = "/v1/setup/network/cancel", operation_id = "setup_network_cancel", tag = "setup",
    security(()), params(("Idempotency-Key" = String, Header), ("X-Cake-Setup-Token" = String, Header)),
    responses((status = 200, body = NetworkSettled), (status = "default", body = ProblemBody)))]
pub(crate) async fn cancel(
    State(api): State<Api>,
    ask: Ask,
    Maybe(Nothing {}): Maybe<Nothing>,
) -> Result<Response, Refused> {
    api.hosts.settle_network(&ask.caller, &*here(&api)?, false, None, &ask.keep(settled)).await?;
    Ok(answer_response(settled(&())))
}
