//! `/v1/watch`: what changes, as it changes (server-sent events, HTML Living Standard §9.2).
//!
//! ```text
//!   event: vm | vm-gone | task | event | alerts | image | image-gone | volume | volume-gone | pool | node | settings |
//!          server | server-gone | pdu | switch | device-gone | bmc-scan | account | ready | compacted
//!   id: a cursor; send the last one as Last-Event-ID or ?from= and miss nothing
//! ```
//! `compacted` says that what was missed is no longer kept: read again; the stream goes on from now.

use super::events::Event;
use super::images::Image;
use super::nodes::Node;
use super::pdus::Pdu;
use super::pools::Pool;
use super::servers::Server;
use super::switches::Switch;
use super::tasks::Task;
use super::volumes::Volume;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::response::Response;
use axum::response::sse::{self, KeepAlive, Sse};
use cake_control::accounts::Identity;
use cake_control::board::{Board, Change, What};
use cake_types::{DeviceKind, Permission};
use futures_util::stream::{self, Stream};
use http::HeaderMap;
use serde::Deserialize;
use serde_json::json;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::access;
use crate::ask::{Ask, Params};
use crate::problem::{ProblemBody, Refused};
use crate::state::Api;

/// A comment is sent after so much silence, so that a dead connection is noticed.
const SILENCE: Duration = Duration::from_secs(15);

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct From {
    /// As Last-Event-ID, for those who can't set a header.
    from: Option<String>,
}

struct Following {
    api: Api,
    identity: Identity,
    ready: VecDeque<sse::Event>,
    live: Receiver<Change>,
    over: bool,
}

/// What changes, from a cursor or from now on.
#[utoipa::path(get, path = "/v1/watch", operation_id = "watch", tag = "watch",
    params(("from" = Option<String>, Query), ("Last-Event-ID" = Option<String>, Header)),
    responses((status = 200, content_type = "text/event-stream"), (status = "default", body = ProblemBody)))]
pub(crate) async fn watch(
    State(api): State<Api>,
    ask: Ask,
    headers: HeaderMap,
    Params(query): Params<From>,
) -> Result<Response, Refused> {
    let identity = ask.identity()?.clone();
    let last = headers.get("last-event-id").and_then(|value| value.to_str().ok());
    let following = Following::begin(&api, identity, last.or(query.from.as_deref()));
    let events = Sse::new(following.stream()).keep_alive(KeepAlive::new().interval(SILENCE));
    Ok(events.into_response())
}

impl Following {
    fn begin(api: &Api, identity: Identity, last: Option<&str>) -> Self {
        let place = last.map(|text| text.strip_prefix(&*api.instance)?.strip_prefix('-')?.parse::<u64>().ok());
        let changes = &api.board.changes;
        let resumed = match place {
            None => None,
            Some(None) => Some(Err(())),
            Some(Some(place)) => Some(changes.follow_from(place).map_err(|_| ())),
        };
        let (missed, live, first) = match resumed {
            Some(Ok((missed, live))) => (missed, live, None),
            // Subscribed before the place is read: what comes in between is told twice rather than not at all.
            Some(Err(())) => (Vec::new(), changes.follow(), Some("compacted")),
            None => (Vec::new(), changes.follow(), Some("ready")),
        };
        let mut following = Self { api: api.clone(), identity, ready: VecDeque::new(), live, over: false };
        if let Some(first) = first {
            let place = following.api.board.changes.place();
            let event = sse::Event::default().event(first).id(following.cursor(place)).data("{}");
            following.ready.push_back(event);
        }
        for change in missed {
            following.take(change);
        }
        following
    }

    fn cursor(&self, place: u64) -> String {
        format!("{}-{place}", self.api.instance)
    }

    fn stream(self) -> impl Stream<Item = Result<sse::Event, Infallible>> {
        stream::unfold(self, |mut following| async move {
            loop {
                if let Some(event) = following.ready.pop_front() {
                    return Some((Ok(event), following));
                }
                if following.over {
                    return None;
                }
                match following.live.recv().await {
                    Ok(change) => following.take(change),
                    Err(RecvError::Lagged(_)) => following.lagged(),
                    Err(RecvError::Closed) => return None,
                }
            }
        })
    }

    fn lagged(&mut self) {
        let place = self.api.board.changes.place();
        let event = sse::Event::default().event("compacted").id(self.cursor(place)).data("{}");
        self.ready.push_back(event);
    }

    fn take(&mut self, change: Change) {
        let Change { place, what } = change;
        if access::may_end(&what) {
            self.over |= !self.api.accounts.stands(&self.identity, Permission::View);
        }
        self.over |= matches!(what, What::Ending);
        if let Some((name, data)) = told(&self.api.board, what) {
            self.ready.push_back(sse::Event::default().event(name).id(self.cursor(place)).data(data));
        }
    }
}

fn json_text(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("wire types are JSON")
}

/// The name and the data of a change; `None` when it is nobody's business or is over already.
fn told(board: &Board, what: What) -> Option<(&'static str, String)> {
    Some(match what {
        What::Vm(id) => ("vm", String::from_utf8_lossy(&board.vm(id)?.fragment).into_owned()),
        What::VmGone(id) => ("vm-gone", json_text(&json!({ "id": id }))),
        What::Task(task) => ("task", json_text(&Task::from(&*task))),
        What::Event(event) => ("event", json_text(&Event::from(&*event))),
        What::Image(id) => ("image", json_text(&Image::from(&*board.image(id)?))),
        What::ImageGone(id) => ("image-gone", json_text(&json!({ "id": id }))),
        // Shown with its progress by its own address; here only that something changed.
        What::Import(id) => ("import", json_text(&json!({ "id": id }))),
        What::ImportGone(id) => ("import-gone", json_text(&json!({ "id": id }))),
        What::Export(id) => ("export", json_text(&json!({ "id": id }))),
        What::ExportGone(id) => ("export-gone", json_text(&json!({ "id": id }))),
        What::Volume(id) => ("volume", json_text(&Volume::from(&board.volume_view(board.volume(id)?)))),
        What::VolumeGone(id) => ("volume-gone", json_text(&json!({ "id": id }))),
        What::Pool(id) => ("pool", json_text(&Pool::from(&*board.pool(id)?))),
        What::Node(id) => ("node", json_text(&Node::from(&*board.node(id)?))),
        What::Server(id) => ("server", json_text(&Server::new(board, &*board.server(id)?))),
        What::ServerGone(id) => ("server-gone", json_text(&json!({ "id": id }))),
        // Its findings are read by its own address.
        What::Scan => ("bmc-scan", "{}".into()),
        What::Device(id) => {
            let entry = board.device(id)?;
            match entry.device.spec.kind {
                DeviceKind::Pdu => ("pdu", json_text(&Pdu::new(board, &entry))),
                DeviceKind::Switch => ("switch", json_text(&Switch::new(board, &entry))),
            }
        }
        What::DeviceGone(id) => ("device-gone", json_text(&json!({ "id": id }))),
        // The whole list is short, and read by its own address.
        What::Alerts => ("alerts", "{}".into()),
        What::Settings => ("settings", "{}".into()),
        What::Account => ("account", "{}".into()),
        What::Audit | What::SessionEnded(_) | What::Ending => return None,
    })
}
