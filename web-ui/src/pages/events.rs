//! `GET /events`: what happened.

use super::EventRows;
use crate::data::{ConsoleData, EventQuery, PageOf, PageQuery};
use crate::frame::{Frame, Inside, percent_encoded};
use crate::live::Regions;
use crate::show;
use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use cake_types::{Event, Problem, Severity};
use serde::Deserialize;
use std::sync::Arc;

const ROWS: usize = 50;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ListQuery {
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
        (Self::All, "filter-all", "/events"),
        (Self::Warning, "filter-warnings", "/events?least=warning"),
        (Self::Error, "filter-errors", "/events?least=error"),
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
    filters: Vec<(&'static str, &'static str, bool)>,
    first: bool,
    older: Option<String>,
}

pub async fn page(
    State(data): State<Arc<dyn ConsoleData>>,
    Inside(f): Inside,
    Query(query): Query<ListQuery>,
) -> Response {
    let events = match read(&data, &query).await {
        Ok(page) => page,
        Err(problem) => return super::error::problem(&data, &f, problem).await,
    };
    let (_, _, address) = Least::ALL.iter().find(|(least, ..)| *least == query.least).expect("one of them");
    let join = if address.contains('?') { '&' } else { '?' };
    let older = events.next.map(|cursor| format!("{address}{join}from={}", percent_encoded(&cursor)));
    let filters =
        Least::ALL.iter().map(|&(least, title, address)| (f.t(title), address, least == query.least)).collect();
    let r = super::regions(&data, &f, &f.here).await;
    f.page(&Page { f: &f, r, filters, first: query.from.is_none(), older })
}

async fn read(data: &Arc<dyn ConsoleData>, query: &ListQuery) -> Result<PageOf<Event>, Problem> {
    let page = PageQuery { cursor: query.from.clone(), limit: ROWS, subject: None };
    data.events(&EventQuery { page, least: query.least.severity() }).await
}

pub async fn regions(data: &Arc<dyn ConsoleData>, f: &Frame, query: &ListQuery, regions: &mut Regions) {
    let events = read(data, query).await.map(|page| page.items).unwrap_or_default();
    let events = events.iter().map(|event| show::event_row(f, event)).collect();
    regions.add("event-rows", &EventRows { f, events, empty: f.t("events-none") });
}
