//! Changes without reload. A page is a shell with regions; here its regions are rendered again whenever something changed, and
//! those that differ from what the browser has are sent.
//!
//! ```text
//!  changes ──┐                                                 event: <id of the region>
//!  a tick ───┴─► settle ─► regions(page) ─► differs? ─────────► data: <its new content>
//! ```

use crate::data::{Change, ConsoleData};
use crate::frame::{Frame, Inside};
use crate::pages;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, StreamExt, stream};
use serde::Deserialize;
use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep};

/// Changes come in flocks (a start is five of them); this long they are gathered.
const SETTLE: Duration = Duration::from_millis(80);
/// Ages and use of processors are refreshed without a change, this often.
const TICK: Duration = Duration::from_secs(10);
/// Then the browser connects again, and the session is looked at again.
const LIFE: Duration = Duration::from_secs(15 * 60);

/// The parts of a page that change, by the id of their element.
#[derive(Debug, Default)]
pub struct Regions(Vec<(&'static str, String)>);

impl Regions {
    pub fn add(&mut self, id: &'static str, content: &impl askama::Template) {
        match content.render() {
            Ok(html) => self.0.push((id, html)),
            Err(error) => tracing::error!(%error, id, "a region could not be rendered"),
        }
    }

    /// The content of a region, for the page that shows it first.
    pub fn get(&self, id: &str) -> &str {
        self.0.iter().find(|(known, _)| *known == id).map_or("", |(_, html)| html)
    }
}

#[derive(Debug, Deserialize)]
pub struct LiveQuery {
    /// Path and query of the page.
    of: String,
}

/// `GET /live?of=/vms`. For somebody who is not logged in it ends at once; the page then leads to the login.
pub async fn live(
    State(data): State<Arc<dyn ConsoleData>>,
    inside: Option<Inside>,
    Query(query): Query<LiveQuery>,
) -> Response {
    let Some(Inside(frame)) = inside else { return StatusCode::UNAUTHORIZED.into_response() };
    Sse::new(stream_of(data, frame, query.of)).into_response()
}

struct Watcher {
    data: Arc<dyn ConsoleData>,
    frame: Frame,
    of: String,
    changes: crate::data::Changes,
    tick: tokio::time::Interval,
    until: Instant,
    seen: HashMap<&'static str, u64>,
    queue: VecDeque<Event>,
    first: bool,
}

fn stream_of(
    data: Arc<dyn ConsoleData>,
    frame: Frame,
    of: String,
) -> impl Stream<Item = Result<Event, Infallible>> + Send {
    // Changes are heard before the first look, so that none falls between.
    let changes = data.changes();
    let mut tick = interval_at(Instant::now() + TICK, TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let until = Instant::now() + LIFE;
    let watcher =
        Watcher { data, frame, of, changes, tick, until, seen: HashMap::new(), queue: VecDeque::new(), first: true };
    stream::unfold(watcher, |mut watcher| async move {
        loop {
            if let Some(event) = watcher.queue.pop_front() {
                return Some((Ok(event), watcher));
            }
            if !watcher.wait().await {
                return None;
            }
            watcher.look().await;
        }
    })
}

impl Watcher {
    /// Waits until there may be something new; `false` when this stream is over.
    async fn wait(&mut self) -> bool {
        if std::mem::take(&mut self.first) {
            return true;
        }
        tokio::select! {
            change = self.changes.next() => match change {
                None => return false,
                Some(change) if self.ends(change) => return false,
                Some(_) => {}
            },
            _ = self.tick.tick() => return Instant::now() < self.until,
        }
        let settled = sleep(SETTLE);
        tokio::pin!(settled);
        loop {
            tokio::select! {
                () = &mut settled => return true,
                change = self.changes.next() => match change {
                    None => return false,
                    Some(change) if self.ends(change) => return false,
                    Some(_) => {}
                },
            }
        }
    }

    fn ends(&self, change: Change) -> bool {
        matches!((change, &self.frame.viewer), (Change::SessionEnded(ended), Some(viewer)) if viewer.session == ended)
    }

    /// Renders the regions and queues those that the browser does not have yet.
    async fn look(&mut self) {
        self.frame.now = jiff::Timestamp::now();
        let regions = pages::regions(&self.data, &self.frame, &self.of).await;
        for (id, html) in regions.0 {
            let mut hasher = DefaultHasher::new();
            html.hash(&mut hasher);
            let hash = hasher.finish();
            if self.seen.insert(id, hash) != Some(hash) {
                self.queue.push_back(Event::default().event(id).data(told(&html)));
            }
        }
        // A comment tells a proxy, and a browser, that the line is alive.
        if self.queue.is_empty() {
            self.queue.push_back(Event::default().comment(""));
        }
    }
}

/// What an event can carry. One without data would never be dispatched (HTML §9.2.6), and the region never become empty.
fn told(html: &str) -> String {
    if html.is_empty() { " ".to_owned() } else { html.replace('\r', "") }
}
