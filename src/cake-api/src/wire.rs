//! A browser's WebSocket and a guest's descriptor, joined: what every console has in common.
//!
//! Memory is bounded by one buffer each way: the guest waits when the browser is slow, and the browser when the guest is.

use axum::extract::FromRequestParts;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::http::request::Parts;
use bytes::{BufMut, BytesMut};
use cake_types::{Code, Problem};
use futures_util::SinkExt;
use futures_util::stream::SplitSink;
use serde::Serialize;
use std::os::fd::OwnedFd;
use tokio::io::AsyncReadExt;
use tokio::net::UnixStream;
use tokio::net::unix::OwnedReadHalf;
use utoipa::ToSchema;

use crate::ask::ready_json;
use crate::guard;
use crate::state::Api;

/// Bytes read from the guest before they are sent on: with their header of four bytes (RFC 6455 §5.2) they fill one record
/// of TLS (RFC 8446 §5.1), and none has to follow for the rest.
const BUFFER: usize = 16 * 1024 - 4;
/// Largest message from a browser: a big paste.
const MESSAGE_MAX: usize = 256 * 1024;
/// Bytes read from a browser at a time. Keys and pointer are small; what is large comes in more turns.
const FROM_BROWSER: usize = 4 * 1024;

/// Good for one connection within 30 seconds.
#[derive(Serialize, ToSchema)]
pub struct ConsoleTicket {
    pub ticket: String,
    /// Where to connect with a WebSocket.
    pub url: String,
    pub expires_in_seconds: u64,
}

/// 201 with a ticket that is used at `place`.
pub(crate) fn ticket(place: &str, ticket: String) -> axum::response::Response {
    let url = format!("{place}/{ticket}");
    let expires_in_seconds = cake_node_api::StreamTicket::LIFETIME_SECONDS;
    let body = ConsoleTicket { ticket, url, expires_in_seconds };
    let mut response = ready_json(serde_json::to_vec(&body).expect("a ticket is JSON"));
    *response.status_mut() = http::StatusCode::CREATED;
    response
}

/// A WebSocket that a page of ours asks for.
pub(crate) async fn upgrade(parts: &mut Parts, api: &Api) -> Result<WebSocketUpgrade, Problem> {
    // A WebSocket is no subject of CORS: without this any page could connect with our cookie.
    if !guard::origin_fits(parts) {
        return Err(Problem::new(Code::ForeignOrigin));
    }
    let upgrade = WebSocketUpgrade::from_request_parts(parts, api).await;
    let refused = |detail| Problem::new(Code::BadParameter).with("name", "Upgrade").with("detail", detail);
    let upgrade = upgrade.map_err(|error| refused(error.body_text()))?;
    Ok(upgrade.max_message_size(MESSAGE_MAX).read_buffer_size(FROM_BROWSER))
}

/// A node's descriptor as a socket of this runtime.
pub(crate) fn stream(descriptor: OwnedFd) -> Result<UnixStream, Problem> {
    let socket = std::os::unix::net::UnixStream::from(descriptor);
    let stream = socket.set_nonblocking(true).and_then(|()| UnixStream::from_std(socket));
    stream.map_err(|error| cake_control::error::internal("a console's descriptor can't be used", &error))
}

/// What a page is told besides what the guest says, as texts.
pub(crate) trait News {
    /// The next text. Never ends; may be dropped while it waits.
    fn next(&mut self) -> impl Future<Output = String> + Send;
}

/// Nothing to tell.
pub(crate) struct NoNews;

impl News for NoNews {
    async fn next(&mut self) -> String {
        std::future::pending().await
    }
}

/// Carries what the guest says, in binary messages, and the news, in texts, until the guest's side ends.
pub(crate) async fn to_browser(
    mut guest: OwnedReadHalf,
    mut browser: SplitSink<WebSocket, Message>,
    mut news: impl News,
) {
    let mut buffer = BytesMut::with_capacity(BUFFER);
    loop {
        buffer.reserve(BUFFER);
        let mut room = (&mut buffer).limit(BUFFER);
        let message = tokio::select! {
            text = news.next() => Message::Text(text.into()),
            read = guest.read_buf(&mut room) => match read {
                Ok(0) | Err(_) => break,
                Ok(_) => Message::Binary(buffer.split().freeze()),
            },
        };
        if browser.send(message).await.is_err() {
            return;
        }
    }
    let reason = "the console has ended".into();
    // Whoever has gone can't be told.
    let _ = browser.send(Message::Close(Some(CloseFrame { code: close_code::NORMAL, reason }))).await;
}
