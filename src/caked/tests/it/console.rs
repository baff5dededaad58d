//! Consoles: one ticket, one connection, one owner, one origin.

use crate::support::{App, Visitor, trust};
use cake_store::ManualClock;
use futures_util::{SinkExt, StreamExt};
use http::HeaderValue;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{Connector, connect_async_tls_with_config};

pub type Socket = tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

/// The socket, or the status of the refusal.
pub async fn connect(visitor: &Visitor, state: &Path, url: &str, origin: Option<&str>) -> Result<Socket, u16> {
    let url = format!("{}{url}", visitor.base.replace("https://", "wss://"));
    let mut request = url.into_client_request().unwrap();
    if let Some(cookie) = &visitor.cookie {
        request.headers_mut().insert("cookie", HeaderValue::from_str(cookie).unwrap());
    }
    if let Some(origin) = origin {
        request.headers_mut().insert("origin", HeaderValue::from_str(origin).unwrap());
    }
    let connector = Connector::Rustls(Arc::new(trust(state)));
    match connect_async_tls_with_config(request, None, true, Some(connector)).await {
        Ok((socket, _)) => Ok(socket),
        Err(Error::Http(response)) => Err(response.status().as_u16()),
        Err(other) => panic!("{other}"),
    }
}

async fn ticket(visitor: &Visitor) -> String {
    visitor.poke("/v1/vms/web/console").await.is(201)["url"].as_str().unwrap().to_owned()
}

async fn read(socket: &mut Socket, expected: &str) {
    let mut seen = String::new();
    while !seen.contains(expected) {
        match socket.next().await.unwrap().unwrap() {
            Message::Binary(bytes) => seen.push_str(std::str::from_utf8(&bytes).unwrap()),
            other => panic!("{other:?} after {seen:?}"),
        }
    }
}

#[tokio::test]
async fn typed_text_comes_back_and_a_ticket_is_used_once() {
    let (app, admin) = App::ready().await;
    admin.running_vm("web").await;
    let url = ticket(&admin).await;
    let (state, base) = (app.state(), admin.base.clone());
    let mut socket = connect(&admin, &state, &url, Some(&base)).await.unwrap();
    read(&mut socket, "boot\n").await;
    socket.send(Message::Binary("hello\r".into())).await.unwrap();
    read(&mut socket, "hello\r").await;
    socket.send(Message::Text("text too".into())).await.unwrap();
    read(&mut socket, "text too").await;
    assert_eq!(connect(&admin, &state, &url, Some(&base)).await.unwrap_err(), 403, "used");
    socket.close(None).await.unwrap();
}

#[tokio::test]
async fn foreign_expired_and_forged_tickets_are_refused() {
    let clock = Arc::new(ManualClock::at(1_790_000_000_000));
    let (app, admin) = App::ready_at(clock.clone()).await;
    admin.running_vm("web").await;
    let (state, base) = (app.state(), admin.base.clone());
    let operator = admin.with_role("operator").await;
    let url = ticket(&admin).await;
    assert_eq!(connect(&operator, &state, &url, Some(&base)).await.unwrap_err(), 403, "somebody else's");
    assert_eq!(connect(&admin.nobody(), &state, &url, Some(&base)).await.unwrap_err(), 401);
    for origin in ["https://evil.example", "http://127.0.0.1", "null", "https://127.0.0.1:1"] {
        assert_eq!(connect(&admin, &state, &url, Some(origin)).await.unwrap_err(), 403, "{origin}");
    }
    // None of that used it up.
    connect(&admin, &state, &url, Some(&base)).await.unwrap();
    let url = ticket(&admin).await;
    clock.advance(Duration::from_secs(31));
    assert_eq!(connect(&admin, &state, &url, Some(&base)).await.unwrap_err(), 403, "expired");
    assert_eq!(connect(&admin, &state, "/v1/console/guess", Some(&base)).await.unwrap_err(), 403);
    let viewer = admin.with_role("viewer").await;
    viewer.poke("/v1/vms/web/console").await.refused(403, "not-allowed");
    admin.done(admin.poke("/v1/vms/web/stop").await).await;
    admin.poke("/v1/vms/web/console").await.refused(409, "illegal-now");
}

/// Waits until the other side has closed.
async fn closed(mut socket: Socket) {
    while let Some(Ok(message)) = socket.next().await {
        if matches!(message, Message::Close(_)) {
            return;
        }
    }
}

#[tokio::test]
async fn a_console_ends_when_the_right_to_it_ends() {
    let (app, admin) = App::ready().await;
    admin.running_vm("web").await;
    let (state, base) = (app.state(), admin.base.clone());
    let open = async |visitor: &Visitor| {
        let mut socket = connect(visitor, &state, &ticket(visitor).await, Some(&base)).await.unwrap();
        read(&mut socket, "boot\n").await;
        socket
    };
    // Logged out.
    let operator = admin.with_role("operator").await;
    let socket = open(&operator).await;
    operator.delete("/v1/session", "*").await.is(204);
    closed(socket).await;
    // Another role: what it may no longer do ends, although the session goes on.
    let operator = operator.nobody().log_in("a operator", crate::support::PASSWORD).await;
    let socket = open(&operator).await;
    let account = admin.get("/v1/accounts/a%20operator").await;
    let etag = account.header("etag").to_owned();
    admin.patch("/v1/accounts/a%20operator", &etag, &serde_json::json!({ "role": "viewer" })).await.is(200);
    closed(socket).await;
}
