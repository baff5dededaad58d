//! `GET /events`: what happened.

use super::EventRows;
use crate::data::{ConsoleData, EventQuery, PageOf};
use crate::frame::{Frame, Inside};
use crate::live::Regions;
use crate::pages::csv;
use crate::pages::listing::{self, CSV_MAX, ROWS, Search, Tools, address};
use crate::show;
use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use cake_planner::query::EventItem;
use cake_types::{Event, Problem, Severity};
use serde::Deserialize;
use std::sync::Arc;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ListQuery {
    pub q: Search,
    pub from: Option<String>,
    pub least: Least,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Least {
    #[default]
    All,
    Warning,
    Error,
}

impl Least {
    const ALL: [(Self, &'static str, &'static str); 3] = [
        (Self::All, "filter-all", ""),
        (Self::Warning, "filter-warnings", "warning"),
        (Self::Error, "filter-errors", "error"),
    ];

    const fn severity(self) -> Option<Severity> {
        match self {
            Self::All => None,
            Self::Warning => Some(Severity::Warning),
            Self::Error => Some(Severity::Error),
        }
    }
}

#[derive(Template)]
#[template(path = "events.html")]
struct Page<'a> {
    f: &'a Frame,
    r: Regions,
    tools: Tools,
    filters: Vec<(&'static str, String, bool)>,
    first: bool,
    newest: &'static str,
    older: Option<String>,
}

pub async fn page(
    State(data): State<Arc<dyn ConsoleData>>,
    Inside(f): Inside,
    Query(query): Query<ListQuery>,
) -> Response {
    let events = match read(&data, &f, &query, ROWS).await {
        Ok(page) => page,
        Err(problem) => return super::error::problem(&data, &f, problem).await,
    };
    let (q, least) = (query.q.text(), query.least);
    let (.., word) = Least::ALL.into_iter().find(|(known, ..)| *known == least).expect("one of them");
    let filters = Least::ALL
        .into_iter()
        .map(|(known, title, word)| (f.t(title), address("/events", &[("q", q), ("least", word)]), known == least))
        .collect();
    let r = super::regions(&data, &f, &f.here).await;
    f.page(&Page {
        f: &f,
        r,
        tools: Tools {
            action: "/events",
            label: f.t("events-search"),
            q: q.to_owned(),
            hidden: vec![("least", word)],
            csv: address("/events.csv", &[("q", q), ("least", word)]),
        },
        filters,
        first: query.from.is_none(),
        newest: "/events",
        older: events.next.map(|cursor| address("/events", &[("q", q), ("least", word), ("from", &cursor)])),
    })
}

/// Those whose sentence, as this reader reads it, holds what is searched for.
async fn read(
    data: &Arc<dyn ConsoleData>,
    f: &Frame,
    query: &ListQuery,
    wanted: usize,
) -> Result<PageOf<Event>, Problem> {
    let least = query.least.severity();
    let read = |page| {
        let data = data.clone();
        async move { data.events(&EventQuery { page, least }).await }
    };
    let takes = |event: &Event| query.q.takes(f, &EventItem { event, said: &f.words.event(event) });
    listing::find(wanted, query.from.clone(), read, takes).await
}

pub async fn regions(data: &Arc<dyn ConsoleData>, f: &Frame, query: &ListQuery, regions: &mut Regions) {
    query.q.say(f, regions);
    let events = read(data, f, query, ROWS).await.map(|page| page.items).unwrap_or_default();
    let events = events.iter().map(|event| show::event_row(f, event)).collect();
    let empty = f.t(if query.q.is_empty() { "events-none" } else { "nothing-found" });
    regions.add("event-rows", &EventRows { f, events, empty });
}

/// `GET /events.csv`
pub async fn csv(
    State(data): State<Arc<dyn ConsoleData>>,
    Inside(f): Inside,
    Query(query): Query<ListQuery>,
) -> Response {
    let events = match read(&data, &f, &query, CSV_MAX).await {
        Ok(page) => page.items,
        Err(problem) => return super::error::problem(&data, &f, problem).await,
    };
    let rows = events.iter().map(|event| {
        let subject = event.subject.as_ref();
        [
            event.at.to_string(),
            f.words.severity(event.severity).to_owned(),
            f.words.event(event),
            subject.map_or_else(String::new, |subject| subject.name.clone()),
            subject.map_or_else(String::new, |subject| subject.id.to_string()),
        ]
    });
    csv::answer(&f, "events", ["time", "severity", "event", "name", "id"], rows)
}
