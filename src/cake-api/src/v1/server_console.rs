//! `/v1/servers/{server}/console` and `/v1/server-console/{ticket}`: a server's serial console through its BMC, over a WebSocket.
//!
//! ```text
//!   POST console ─► the BMC opens it ─► ticket (30 s, once, this account) ─► GET server-console/{ticket} (own origin)
//!        binary, both ways        characters
//!        text, to the client      JSON: `lookers`, the names of those who look; or `ended`, why, as the last
//!        text, from the client    `break`
//! ```

use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use axum::extract::{Path, Request, State};
use axum::response::Response;
use cake_control::server_consoles::Lookers;
use cake_node_api::line::{Piece, PieceReader};
use cake_types::{ConsoleEnd, Permission};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use serde::{Deserialize, Serialize};
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use utoipa::ToSchema;

use super::servers::find;
use crate::access;
use crate::ask::Ask;
use crate::body::Maybe;
use crate::problem::{ProblemBody, Refused};
use crate::state::Api;
use crate::wire::{self, ConsoleTicket};

/// What a client sends for a break.
const BREAK: &str = "break";

#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ServerConsoleRequest {
    /// Whoever has the console at the BMC, and not through cake, loses it. Those who look through cake share it in any case.
    #[serde(default)]
    pub take: bool,
}

/// A one-time ticket for a server's serial console, which its BMC has opened then.
#[utoipa::path(post, path = "/v1/servers/{server}/console", operation_id = "server_console", tag = "servers",
    request_body(content = Option<ServerConsoleRequest>),
    params(("server" = String, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 201, body = ConsoleTicket), (status = "default", body = ProblemBody)))]
pub(crate) async fn ticket(
    State(api): State<Api>,
    Path(server): Path<String>,
    ask: Ask,
    Maybe(ServerConsoleRequest { take }): Maybe<ServerConsoleRequest>,
) -> Result<Response, Refused> {
    let entry = find(&api, &server)?;
    let ticket = api.server_consoles.ticket(&ask.caller, ask.account()?, &entry, take).await?;
    Ok(wire::ticket("/v1/server-console", ticket))
}

/// Connects to the serial console that a ticket is for. First comes what was said last while somebody looked, at most 64 KiB.
///
/// Binary messages are characters, both ways. Texts to the client are JSON: `lookers`, the names of those who look, at once and after
/// every change; `ended`, as the last: `bmc`, `lost`, `changed`. The text `break` makes a break on the serial line.
#[utoipa::path(get, path = "/v1/server-console/{ticket}", operation_id = "server_console_connect", tag = "servers",
    params(("ticket" = String, Path)),
    responses((status = 101, description = "Characters in binary messages, news in texts"),
              (status = "default", body = ProblemBody)))]
pub(crate) async fn connect(
    State(api): State<Api>,
    Path(ticket): Path<String>,
    ask: Ask,
    request: Request,
) -> Result<Response, Refused> {
    let upgrade = wire::upgrade(&mut request.into_parts().0, &api).await?;
    let identity = ask.identity()?.clone();
    let (entry, descriptor) = api.server_consoles.open(ask.account()?, &ticket)?;
    let socket = wire::stream(descriptor)?;
    let seat = api.server_consoles.join(&entry, identity.account.meta.name.as_str());
    tracing::debug!(server = %entry.id(), "server's console connected");
    let caller = ask.caller.clone();
    Ok(upgrade.on_upgrade(move |browser| async move {
        let consoles = api.server_consoles.clone();
        let (board, id) = (api.board.clone(), entry.id());
        let work = bridge(browser, socket, seat.lookers(), move || board.server(id).is_some());
        access::while_allowed(api, identity, Permission::Operate, work).await;
        consoles.left(seat, caller).await;
    }))
}

/// Carries both ways until either side ends. `is_here`: the server was not removed.
async fn bridge(browser: WebSocket, server: UnixStream, lookers: Lookers, is_here: impl Fn() -> bool) {
    let (to_browser, from_browser) = browser.split();
    let (from_server, to_server) = server.into_split();
    tokio::select! {
        () = to_browser_from(from_server, to_browser, lookers, is_here) => {}
        () = to_server_from(from_browser, to_server) => {}
    }
}

/// What a client is told besides what the server says.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
enum News {
    Lookers(Vec<String>),
    Ended(&'static str),
}

impl News {
    fn message(&self) -> Message {
        Message::Text(serde_json::to_string(self).expect("news are JSON").into())
    }
}

async fn to_browser_from(
    server: OwnedReadHalf,
    mut browser: SplitSink<WebSocket, Message>,
    mut lookers: Lookers,
    is_here: impl Fn() -> bool,
) {
    let mut server = PieceReader::new(server);
    let end = loop {
        let message = tokio::select! {
            names = lookers.next() => News::Lookers(names).message(),
            piece = server.next() => match piece {
                Ok(Some(Piece::Characters(characters))) => Message::Binary(characters.into()),
                Ok(Some(Piece::Over(end))) => break end,
                // No server says that.
                Ok(Some(Piece::Break)) => continue,
                // Let go of, or the worker or the node has ended: the worker does with the last server.
                Ok(None) | Err(_) if is_here() => break ConsoleEnd::Lost,
                Ok(None) | Err(_) => break ConsoleEnd::Changed,
            },
        };
        if browser.send(message).await.is_err() {
            return;
        }
    };
    let reason = "the console has ended".into();
    let over = Message::Close(Some(CloseFrame { code: close_code::NORMAL, reason }));
    // Whoever has gone can't be told.
    if browser.send(News::Ended(end.as_str()).message()).await.is_ok() {
        let _ = browser.send(over).await;
    }
}

async fn to_server_from(mut browser: SplitStream<WebSocket>, mut server: OwnedWriteHalf) {
    while let Some(Ok(message)) = browser.next().await {
        let piece = match message {
            Message::Binary(characters) => Piece::Characters(characters.into()),
            Message::Text(text) if text.as_str() == BREAK => Piece::Break,
            Message::Close(_) => return,
            Message::Text(_) | Message::Ping(_) | Message::Pong(_) => continue,
        };
        if server.write_all(&piece.encode()).await.is_err() {
            return;
        }
    }
}
