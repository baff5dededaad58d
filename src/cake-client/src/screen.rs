//! A VM's screen: RFB 3.8 (RFC 6143) both ways, and who is in control of it.

use crate::console::Socket;
use crate::core::NO_BODY;
use crate::vms::vm_path;
use crate::wire::{Control, Ticket};
use crate::{Client, Error, Seen};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use std::io;
use tokio_tungstenite::tungstenite::Message;

/// A connected screen.
#[derive(Debug)]
pub struct Screen(Socket);

/// What comes from a screen.
#[derive(Clone, Debug, PartialEq)]
pub enum ScreenMessage {
    /// The next bytes of RFB.
    Rfb(Bytes),
    Control(Control),
}

impl Client {
    pub async fn screen_ticket(&self, vm: &str) -> Result<Seen<Ticket>, Error> {
        self.post(&format!("{}/screen", vm_path(vm)), NO_BODY).await
    }

    /// Opens the screen of a VM.
    pub async fn screen(&self, vm: &str) -> Result<Screen, Error> {
        let ticket = self.screen_ticket(vm).await?;
        self.screen_with_ticket(&ticket.ticket, self.base()).await
    }

    /// Opens the screen that a ticket is for, saying that the request comes from `origin`.
    pub async fn screen_with_ticket(&self, ticket: &str, origin: &str) -> Result<Screen, Error> {
        Ok(Screen(self.socket(&format!("/v1/screen/{ticket}"), origin).await?))
    }

    /// The screen as a PNG, at most ten seconds old.
    pub async fn screenshot(&self, vm: &str) -> Result<Bytes, Error> {
        self.bytes(&format!("{}/screenshot", vm_path(vm))).await
    }
}

impl Screen {
    /// What comes next; `None` when the connection has ended.
    pub async fn next(&mut self) -> io::Result<Option<ScreenMessage>> {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Binary(bytes))) => return Ok(Some(ScreenMessage::Rfb(bytes))),
                Some(Ok(Message::Text(text))) => {
                    return Ok(Some(ScreenMessage::Control(serde_json::from_str(&text).map_err(io::Error::other)?)));
                }
                Some(Ok(Message::Close(_))) | None => return Ok(None),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(io::Error::other(error)),
            }
        }
    }

    /// Sends bytes of RFB.
    pub async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.send(Message::Binary(Bytes::copy_from_slice(bytes))).await.map_err(io::Error::other)
    }

    /// Asks for control; the answer is a [`ScreenMessage::Control`].
    pub async fn take_control(&mut self) -> io::Result<()> {
        self.0.send(Message::Text("take-control".into())).await.map_err(io::Error::other)
    }
}
