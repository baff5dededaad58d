//! `/v1/vms/{vm}/screen`, `/v1/screen/{ticket}` and `/v1/vms/{vm}/screenshot`: a VM's screen.
//!
//! ```text
//!   POST screen ─► ticket (30 s, once, this account) ─► GET screen/{ticket} (own origin)
//!        binary, to the page      RFB 3.8 as QEMU sends it
//!        binary, from the page    RFB 3.8; keys and pointer pass only for whoever is in control
//!        text, to the page        who is in control, as JSON: at once and after every change
//!        text, from the page      `take-control`
//! ```

use axum::extract::ws::{Message, WebSocket};
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use cake_control::screens::rfb::ClientStream;
use cake_control::screens::{Screens, Seat};
use cake_node_api::StreamKind;
use cake_types::Permission;
use futures_util::StreamExt;
use futures_util::stream::SplitStream;
use http::header;
use std::sync::Arc;
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use tokio::net::unix::OwnedWriteHalf;
use tokio::sync::watch;

use super::Nothing;
use crate::access;
use crate::ask::{Ask, InProject, Params, project};
use crate::body::Maybe;
use crate::problem::{ProblemBody, Refused};
use crate::state::Api;
use crate::wire::{self, ConsoleTicket, News};

/// What a page sends to be in control.
const TAKE_CONTROL: &str = "take-control";

/// A one-time ticket for a VM's screen. Whoever may see the VM may look; input needs more.
#[utoipa::path(post, path = "/v1/vms/{vm}/screen", operation_id = "vm_screen", tag = "console",
    request_body(content = Option<Nothing>),
    params(("vm" = String, Path), ("project" = Option<String>, Query), ("Idempotency-Key" = String, Header)),
    responses((status = 201, body = ConsoleTicket), (status = "default", body = ProblemBody)))]
pub(crate) async fn ticket(
    State(api): State<Api>,
    Path(vm): Path<String>,
    ask: Ask,
    Params(within): Params<InProject>,
    Maybe(Nothing {}): Maybe<Nothing>,
) -> Result<Response, Refused> {
    let entry = api.vms.find(&project(within.project.as_deref())?, &vm)?;
    Screens::admit(&entry)?;
    let ticket = api.consoles.ticket(&ask.caller, ask.account()?, StreamKind::Screen, &entry).await?;
    Ok(wire::ticket("/v1/screen", ticket))
}

/// Connects to the screen that a ticket is for.
///
/// Binary messages are RFB 3.8 (RFC 6143) without authentication. Keys and pointer pass only for whoever is in control; the
/// clipboard does not. Texts to the client are JSON: `yours`, whether this connection is in control; `may`, whether its role
/// allows it; `by`, who is; `viewers`, how many look. The text `take-control` asks for control.
#[utoipa::path(get, path = "/v1/screen/{ticket}", operation_id = "screen_connect", tag = "console",
    params(("ticket" = String, Path)),
    responses((status = 101, description = "RFB in binary messages, control in texts"),
              (status = "default", body = ProblemBody)))]
pub(crate) async fn connect(
    State(api): State<Api>,
    Path(ticket): Path<String>,
    ask: Ask,
    request: Request,
) -> Result<Response, Refused> {
    let upgrade = wire::upgrade(&mut request.into_parts().0, &api).await?;
    let (vm, descriptor) = api.consoles.open(ask.account()?, StreamKind::Screen, &ticket).await?;
    let socket = wire::stream(descriptor)?;
    let identity = ask.identity()?;
    let name = identity.account.meta.name.as_str();
    let seat = api.screens.join(vm, name, identity.may(Permission::Operate))?;
    tracing::debug!(%vm, "screen connected");
    // Whoever may no longer type comes back as one who looks on.
    let least = if identity.may(Permission::Operate) { Permission::Operate } else { Permission::View };
    let identity = identity.clone();
    Ok(upgrade.on_upgrade(move |browser| {
        access::while_allowed(api, identity, least, bridge(browser, socket, Arc::new(seat)))
    }))
}

/// The screen as a PNG, at most ten seconds old.
#[utoipa::path(get, path = "/v1/vms/{vm}/screenshot", operation_id = "vm_screenshot", tag = "console",
    params(("vm" = String, Path), ("project" = Option<String>, Query)),
    responses((status = 200, body = Vec<u8>, content_type = "image/png"), (status = "default", body = ProblemBody)))]
pub(crate) async fn screenshot(
    State(api): State<Api>,
    Path(vm): Path<String>,
    Params(within): Params<InProject>,
) -> Result<Response, Refused> {
    let entry = api.vms.find(&project(within.project.as_deref())?, &vm)?;
    let png = api.screens.picture(&entry).await?;
    Ok(([(header::CONTENT_TYPE, "image/png")], png).into_response())
}

/// Carries both ways until either side ends.
async fn bridge(browser: WebSocket, guest: UnixStream, seat: Arc<Seat>) {
    let (to_browser, from_browser) = browser.split();
    let (from_guest, to_guest) = guest.into_split();
    let mut changes = seat.changes();
    // How things are is told at once.
    changes.mark_changed();
    let news = ControlNews { seat: seat.clone(), changes };
    tokio::select! {
        () = wire::to_browser(from_guest, to_browser, news) => {}
        () = to_guest_from(from_browser, to_guest, &seat) => {}
    }
}

struct ControlNews {
    seat: Arc<Seat>,
    changes: watch::Receiver<()>,
}

impl News for ControlNews {
    async fn next(&mut self) -> String {
        // The sender lives as long as the seat.
        let _ = self.changes.changed().await;
        serde_json::to_string(&self.seat.control()).expect("who is in control is JSON")
    }
}

/// Lets through what this viewer may send. What the guest believes to be pressed is let go when control is lost, and at the end.
async fn to_guest_from(mut browser: SplitStream<WebSocket>, mut guest: OwnedWriteHalf, seat: &Seat) {
    let mut changes = seat.changes();
    // Read after that, so that no change between the two is missed.
    let (mut stream, mut out, mut yours) = (ClientStream::default(), Vec::new(), seat.control().yours);
    loop {
        let message = tokio::select! {
            // Before the next message of somebody who is not in control any more.
            biased;
            _ = changes.changed() => None,
            message = browser.next() => match message {
                Some(Ok(Message::Close(_)) | Err(_)) | None => break,
                Some(Ok(message)) => Some(message),
            },
        };
        match message {
            None => {
                let now = seat.control().yours;
                if yours && !now {
                    stream.let_go(&mut out);
                }
                yours = now;
            }
            Some(Message::Binary(bytes)) => {
                if let Err(error) = stream.feed(&bytes, yours, &mut out) {
                    tracing::debug!(%error, "a viewer of a screen is let go: {error}");
                    break;
                }
            }
            Some(Message::Text(text)) if text.as_str() == TAKE_CONTROL => seat.take(),
            Some(_) => {}
        }
        if guest.write_all(&out).await.is_err() {
            return;
        }
        out = Vec::new();
    }
    out.clear();
    stream.let_go(&mut out);
    let _ = guest.write_all(&out).await;
}
