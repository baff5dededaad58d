//! `/v1/vms/{vm}/console` and `/v1/console/{ticket}`: a VM's serial console over a WebSocket.
//!
//! ```text
//!   POST console ─► ticket (30 s, once, this account) ─► GET console/{ticket} (own origin) ─► bytes both ways
//!                                                           the node's descriptor ◄─ bounded buffers ─► frames
//! ```

use axum::extract::ws::{Message, WebSocket};
use axum::extract::{Path, Request, State};
use axum::response::Response;
use bytes::Bytes;
use cake_node_api::StreamKind;
use cake_types::Permission;
use futures_util::StreamExt;
use futures_util::stream::SplitStream;
use serde::Deserialize;
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use tokio::net::unix::OwnedWriteHalf;
use utoipa::ToSchema;

use crate::access;
use crate::ask::{Ask, InProject, Params, project};
use crate::body::Maybe;
use crate::problem::{ProblemBody, Refused};
use crate::state::Api;
use crate::wire::{self, ConsoleTicket, NoNews};

#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConsoleRequest {
    /// `serial`, the only one here; the screen has a route of its own.
    #[serde(default)]
    pub kind: ConsoleKind,
}

#[derive(Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ConsoleKind {
    #[default]
    Serial,
}

/// A one-time ticket for a VM's serial console.
#[utoipa::path(post, path = "/v1/vms/{vm}/console", operation_id = "vm_console", tag = "console",
    request_body(content = Option<ConsoleRequest>),
    params(("vm" = String, Path), ("project" = Option<String>, Query), ("Idempotency-Key" = String, Header)),
    responses((status = 201, body = ConsoleTicket), (status = "default", body = ProblemBody)))]
pub(crate) async fn ticket(
    State(api): State<Api>,
    Path(vm): Path<String>,
    ask: Ask,
    Params(within): Params<InProject>,
    Maybe(ConsoleRequest { kind: ConsoleKind::Serial }): Maybe<ConsoleRequest>,
) -> Result<Response, Refused> {
    let entry = api.vms.find(&project(within.project.as_deref())?, &vm)?;
    let ticket = api.consoles.ticket(&ask.caller, ask.account()?, StreamKind::Serial, &entry).await?;
    Ok(wire::ticket("/v1/console", ticket))
}

/// Connects to the console that a ticket is for. First comes what the guest wrote last, at most 64 KiB.
#[utoipa::path(get, path = "/v1/console/{ticket}", operation_id = "console_connect", tag = "console",
    params(("ticket" = String, Path)),
    responses((status = 101, description = "Bytes both ways, in binary messages"),
              (status = "default", body = ProblemBody)))]
pub(crate) async fn connect(
    State(api): State<Api>,
    Path(ticket): Path<String>,
    ask: Ask,
    request: Request,
) -> Result<Response, Refused> {
    let upgrade = wire::upgrade(&mut request.into_parts().0, &api).await?;
    let identity = ask.identity()?.clone();
    let (vm, descriptor) = api.consoles.open(ask.account()?, StreamKind::Serial, &ticket).await?;
    let socket = wire::stream(descriptor)?;
    tracing::debug!(%vm, "console connected");
    Ok(upgrade
        .on_upgrade(move |browser| access::while_allowed(api, identity, Permission::Operate, bridge(browser, socket))))
}

/// Carries bytes both ways until either side ends.
async fn bridge(browser: WebSocket, guest: UnixStream) {
    let (to_browser, from_browser) = browser.split();
    let (from_guest, to_guest) = guest.into_split();
    tokio::select! {
        () = wire::to_browser(from_guest, to_browser, NoNews) => {}
        () = to_guest_from(from_browser, to_guest) => {}
    }
}

async fn to_guest_from(mut browser: SplitStream<WebSocket>, mut guest: OwnedWriteHalf) {
    while let Some(Ok(message)) = browser.next().await {
        let bytes = match message {
            Message::Binary(bytes) => bytes,
            Message::Text(text) => Bytes::from(text),
            Message::Close(_) => return,
            Message::Ping(_) | Message::Pong(_) => continue,
        };
        if guest.write_all(&bytes).await.is_err() {
            return;
        }
    }
}
