//! `/v1/vms/{vm}/console` and `/v1/console/{ticket}`: a VM's serial console over a WebSocket.
//!
//! ```text
//!   POST console ─► ticket (30 s, once, this account) ─► GET console/{ticket} (own origin) ─► bytes both ways
//!                                                           the node's descriptor ◄─ bounded buffers ─► frames
//! ```

use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{FromRequestParts, Path, Request, State};
use axum::response::Response;
use bytes::{Bytes, BytesMut};
use cake_types::{Code, Permission, Problem};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use serde::{Deserialize, Serialize};
use std::os::fd::OwnedFd;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use utoipa::ToSchema;

use crate::access;
use crate::ask::{Ask, InProject, Params, project, ready_json};
use crate::body::Maybe;
use crate::guard;
use crate::problem::{ProblemBody, Refused};
use crate::state::Api;

/// Bytes read from the guest before they are sent on; the guest waits when the browser is slow.
const BUFFER: usize = 16 * 1024;
/// Largest message from a browser: a big paste.
const MESSAGE_MAX: usize = 256 * 1024;

#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConsoleRequest {
    /// `serial`, the only one so far.
    #[serde(default)]
    pub kind: ConsoleKind,
}

#[derive(Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ConsoleKind {
    #[default]
    Serial,
}

/// Good for one connection within 30 seconds.
#[derive(Serialize, ToSchema)]
pub struct ConsoleTicket {
    pub ticket: String,
    /// Where to connect with a WebSocket.
    pub url: String,
    pub expires_in_seconds: u64,
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
    let ticket = api.consoles.ticket(&ask.caller, ask.account()?, &entry).await?;
    let url = format!("/v1/console/{ticket}");
    let expires_in_seconds = cake_node_api::StreamTicket::LIFETIME_SECONDS;
    let body = ConsoleTicket { ticket, url, expires_in_seconds };
    let mut response = ready_json(serde_json::to_vec(&body).expect("a ticket is JSON"));
    *response.status_mut() = http::StatusCode::CREATED;
    Ok(response)
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
    let (mut parts, _) = request.into_parts();
    // A WebSocket is no subject of CORS: without this any page could connect with our cookie.
    if !guard::origin_fits(&parts) {
        return Err(Code::ForeignOrigin.into());
    }
    let upgrade = WebSocketUpgrade::from_request_parts(&mut parts, &api).await;
    let upgrade = upgrade
        .map_err(|error| Problem::new(Code::BadParameter).with("name", "Upgrade").with("detail", error.body_text()))?;
    let identity = ask.identity()?.clone();
    let (vm, descriptor) = api.consoles.open(ask.account()?, &ticket).await?;
    let socket = stream(descriptor)
        .map_err(|error| cake_control::error::internal("a console's descriptor can't be used", &error))?;
    tracing::debug!(%vm, "console connected");
    Ok(upgrade.max_message_size(MESSAGE_MAX).on_upgrade(async move |browser| {
        tokio::select! {
            () = bridge(browser, socket) => {}
            () = access::ended(&api, &identity, Permission::Operate) => {}
        }
    }))
}

fn stream(descriptor: OwnedFd) -> std::io::Result<UnixStream> {
    let socket = std::os::unix::net::UnixStream::from(descriptor);
    socket.set_nonblocking(true)?;
    UnixStream::from_std(socket)
}

/// Carries bytes both ways until either side ends.
async fn bridge(browser: WebSocket, guest: UnixStream) {
    let (to_browser, from_browser) = browser.split();
    let (from_guest, to_guest) = guest.into_split();
    tokio::select! {
        () = guest_to_browser(from_guest, to_browser) => {}
        () = browser_to_guest(from_browser, to_guest) => {}
    }
}

async fn guest_to_browser(mut guest: OwnedReadHalf, mut browser: SplitSink<WebSocket, Message>) {
    let mut buffer = BytesMut::with_capacity(BUFFER);
    loop {
        buffer.reserve(BUFFER);
        match guest.read_buf(&mut buffer).await {
            Ok(0) | Err(_) => break,
            Ok(_) => {}
        }
        if browser.send(Message::Binary(buffer.split().freeze())).await.is_err() {
            return;
        }
    }
    let reason = "the console has ended".into();
    // Whoever has gone can't be told.
    let _ = browser.send(Message::Close(Some(CloseFrame { code: close_code::NORMAL, reason }))).await;
}

async fn browser_to_guest(mut browser: SplitStream<WebSocket>, mut guest: OwnedWriteHalf) {
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
