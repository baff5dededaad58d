//! `/v1/events`

use super::{Subject, word};
use axum::extract::State;
use axum::response::Response;
use cake_control::error;
use cake_i18n::Catalogue;
use cake_store::{Filter, Query, RecordCursor, RecordKind};
use cake_types::{self as domain, Code, Language, Problem, Severity};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use utoipa::ToSchema;

use crate::ask::{Params, Reader, ready_json};
use crate::page::Paging;
use crate::problem::{ProblemBody, Refused};
use crate::state::Api;

/// Something that happened.
#[derive(Serialize, ToSchema)]
pub struct Event {
    #[schema(value_type = String, format = "date-time")]
    pub at: Timestamp,
    pub project: String,
    /// `info`, `warning`, `error`.
    pub severity: String,
    /// `vm-started`, `vm-failed`, …
    pub kind: &'static str,
    pub subject: Option<Subject>,
    /// The facts that the sentence names.
    pub params: BTreeMap<String, String>,
    /// The sentence, in the reader's language.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct EventList {
    pub items: Vec<Event>,
    pub next: Option<String>,
}

impl From<&domain::Event> for Event {
    fn from(event: &domain::Event) -> Self {
        let domain::Event { at, project, severity, kind, subject, params } = event;
        Self {
            at: *at,
            project: project.to_string(),
            severity: word(severity),
            kind: kind.as_str(),
            subject: subject.as_ref().map(Subject::from),
            params: params.clone(),
            message: None,
        }
    }
}

impl Event {
    pub fn told(event: &domain::Event, language: Language) -> Self {
        Self { message: Some(Catalogue::get(language).event(event)), ..Self::from(event) }
    }
}

/// What happened, newest first.
#[utoipa::path(get, path = "/v1/events", operation_id = "event_list", tag = "events",
    params(("limit" = Option<usize>, Query), ("cursor" = Option<String>, Query),
           ("subject" = Option<uuid::Uuid>, Query), ("severity" = Option<String>, Query)),
    responses((status = 200, body = EventList), (status = "default", body = ProblemBody)))]
pub(crate) async fn list(
    State(api): State<Api>,
    reader: Reader,
    Params(page): Params<Paging>,
) -> Result<Response, Refused> {
    let least = page.severity.as_deref().map(severity).transpose()?;
    let (events, next) = read(&api, &page, least).await?;
    let items = events.iter().map(|event| Event::told(event, reader.language)).collect();
    let list = EventList { items, next: next.map(|next| next.to_string()) };
    Ok(ready_json(serde_json::to_vec(&list).expect("events are JSON")))
}

fn severity(text: &str) -> Result<Severity, Problem> {
    let parsed = serde_json::from_value(serde_json::Value::String(text.to_owned()));
    parsed
        .map_err(|_| Problem::new(Code::BadParameter).with("name", "severity").with("detail", "info, warning or error"))
}

async fn read(
    api: &Api,
    page: &Paging,
    least: Option<Severity>,
) -> Result<(Vec<domain::Event>, Option<RecordCursor>), Problem> {
    let limit = page.limit()?;
    let mut after = page.cursor::<RecordCursor>()?;
    let mut events = Vec::new();
    loop {
        let filter = Filter { subject: page.subject.map(|id| id.to_string()), ..Filter::kind(RecordKind::Event) };
        let query = Query { filter, limit: NonZeroUsize::new(limit - events.len()), after, ..Query::default() };
        let found = api.ledger.journal.page(query).await.map_err(error::journal)?;
        for record in found.records {
            let event: domain::Event = serde_json::from_value(record.record.data)
                .map_err(|error| error::internal("an event can't be read", &error))?;
            if least.is_none_or(|least| event.severity >= least) {
                events.push(event);
            }
        }
        after = found.next;
        if after.is_none() || events.len() >= limit {
            return Ok((events, after));
        }
    }
}
