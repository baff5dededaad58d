//! A VM's serial console: a one-time ticket, then bytes both ways. The first bytes are what the guest wrote last.

use crate::error::is_certificate_error;
use crate::{Client, Error};
use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use http::{HeaderValue, header};
use std::io;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream};

pub(crate) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A connected console.
#[derive(Debug)]
pub struct Console {
    socket: Socket,
}

/// What comes from the guest.
#[derive(Debug)]
pub struct ConsoleReader(SplitStream<Socket>);

/// What goes to the guest.
#[derive(Debug)]
pub struct ConsoleWriter(SplitSink<Socket, Message>);

impl Client {
    /// Opens the serial console of a VM.
    pub async fn console(&self, vm: &str) -> Result<Console, Error> {
        let ticket = self.console_ticket(vm).await?;
        self.console_with_ticket(&ticket.ticket, self.base()).await
    }

    /// Opens the console that a ticket is for, saying that the request comes from `origin`.
    pub async fn console_with_ticket(&self, ticket: &str, origin: &str) -> Result<Console, Error> {
        Ok(Console { socket: self.socket(&format!("/v1/console/{ticket}"), origin).await? })
    }

    /// A WebSocket, asked for by a page of `origin`.
    pub(crate) async fn socket(&self, path: &str, origin: &str) -> Result<Socket, Error> {
        let url = format!("{}{path}", self.base().replacen("https://", "wss://", 1));
        let mut request = url.as_str().into_client_request().map_err(|e| Error::protocol(&url, e))?;
        let origin = HeaderValue::from_str(origin).map_err(|e| Error::protocol(&url, e))?;
        request.headers_mut().insert(header::ORIGIN, origin);
        for (name, value) in self.credential_headers() {
            let value = HeaderValue::from_str(&value).map_err(|e| Error::protocol(&url, e))?;
            request.headers_mut().insert(name, value);
        }
        let connector = Connector::Rustls(self.trust.for_sockets());
        let connected = tokio_tungstenite::connect_async_tls_with_config(request, None, true, Some(connector)).await;
        match connected {
            Ok((socket, _)) => Ok(socket),
            Err(tungstenite::Error::Http(response)) => Err(refused(&url, *response)),
            Err(error) if is_certificate_error(&error) => Err(Error::Untrusted { url, source: error.into() }),
            Err(error) => Err(Error::Unreachable { url, source: error.into() }),
        }
    }
}

fn refused(url: &str, response: http::Response<Option<Vec<u8>>>) -> Error {
    let status = response.status().as_u16();
    let body = response.into_body().unwrap_or_default();
    match serde_json::from_slice::<crate::Remote>(&body) {
        Ok(remote) if !remote.code.is_empty() => Error::Remote(Box::new(crate::Remote { status, ..remote })),
        _ => Error::protocol(url, format!("status {status} instead of a console")),
    }
}

impl Console {
    pub fn split(self) -> (ConsoleReader, ConsoleWriter) {
        let (sink, stream) = self.socket.split();
        (ConsoleReader(stream), ConsoleWriter(sink))
    }
}

impl ConsoleReader {
    /// The next bytes of the guest; `None` when the connection has ended.
    pub async fn next(&mut self) -> io::Result<Option<Bytes>> {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Binary(bytes))) => return Ok(Some(bytes)),
                Some(Ok(Message::Text(text))) => return Ok(Some(text.into())),
                Some(Ok(Message::Close(_))) | None => return Ok(None),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(io::Error::other(error)),
            }
        }
    }
}

impl ConsoleWriter {
    pub async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.send(Message::Binary(Bytes::copy_from_slice(bytes))).await.map_err(io::Error::other)
    }

    /// Says goodbye.
    pub async fn close(mut self) -> io::Result<()> {
        self.0.close().await.map_err(io::Error::other)
    }
}
