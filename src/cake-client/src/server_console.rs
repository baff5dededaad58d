//! A server's serial console, through its BMC: a one-time ticket, then characters both ways, and news beside them.

use crate::console::Socket;
use crate::servers::path;
use crate::wire::Ticket;
use crate::{Client, Error, Seen};
use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use serde_json::json;
use std::io;
use tokio_tungstenite::tungstenite::Message;

/// What comes over a server's console.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConsoleNews {
    /// What the server says.
    #[serde(skip)]
    Characters(Bytes),
    /// The names of those who look.
    Lookers(Vec<String>),
    /// Why it is over: `bmc`, `lost`, `changed`.
    Ended(String),
    /// What this program does not know yet.
    #[serde(skip)]
    Unknown,
}

/// A connected console.
#[derive(Debug)]
pub struct ServerConsole {
    socket: Socket,
}

/// What comes from the server.
#[derive(Debug)]
pub struct ServerConsoleReader(SplitStream<Socket>);

/// What goes to the server.
#[derive(Debug)]
pub struct ServerConsoleWriter(SplitSink<Socket, Message>);

impl Client {
    /// Opens the serial console of a server. `take`: whoever has it at the BMC, and not through cake, loses it.
    pub async fn server_console(&self, server: &str, take: bool) -> Result<ServerConsole, Error> {
        let ticket = self.server_console_ticket(server, take).await?;
        self.server_console_with_ticket(&ticket.ticket, self.base()).await
    }

    /// Has the BMC open it, which takes as long as the BMC does.
    pub async fn server_console_ticket(&self, server: &str, take: bool) -> Result<Seen<Ticket>, Error> {
        self.post(&format!("{}/console", path(server)), Some(&json!({ "take": take }))).await
    }

    /// Opens the console that a ticket is for, saying that the request comes from `origin`.
    pub async fn server_console_with_ticket(&self, ticket: &str, origin: &str) -> Result<ServerConsole, Error> {
        Ok(ServerConsole { socket: self.socket(&format!("/v1/server-console/{ticket}"), origin).await? })
    }
}

impl ServerConsole {
    pub fn split(self) -> (ServerConsoleReader, ServerConsoleWriter) {
        let (sink, stream) = self.socket.split();
        (ServerConsoleReader(stream), ServerConsoleWriter(sink))
    }
}

impl ServerConsoleReader {
    /// What comes next; `None` when the connection has ended.
    pub async fn next(&mut self) -> io::Result<Option<ConsoleNews>> {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Binary(bytes))) => return Ok(Some(ConsoleNews::Characters(bytes))),
                Some(Ok(Message::Text(text))) => {
                    return Ok(Some(serde_json::from_str(&text).unwrap_or(ConsoleNews::Unknown)));
                }
                Some(Ok(Message::Close(_))) | None => return Ok(None),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(io::Error::other(error)),
            }
        }
    }
}

impl ServerConsoleWriter {
    pub async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.send(Message::Binary(Bytes::copy_from_slice(bytes))).await.map_err(io::Error::other)
    }

    /// A break on the serial line.
    pub async fn send_break(&mut self) -> io::Result<()> {
        self.0.send(Message::Text("break".into())).await.map_err(io::Error::other)
    }

    /// Says goodbye.
    pub async fn close(mut self) -> io::Result<()> {
        self.0.close().await.map_err(io::Error::other)
    }
}
