//! `GET /servers/{server}/log` and `/parts`: what only the BMC itself knows. It takes its time to say it, so it is asked when
//! somebody opens that part of the page.

use super::sensors::{self, Said};
use super::{server, server_health};
use crate::data::{ConsoleData, ServerLogView};
use crate::frame::{Frame, Inside};
use crate::show::Mark;
use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use cake_i18n::words::Explained;
use cake_types::{Part, PartFact, Problem, ServerEvent, ServerId};
use jiff::Timestamp;
use std::sync::Arc;

/// Entries of a log that are shown; the API has them all.
const ENTRIES: usize = 500;

#[derive(Template)]
#[template(path = "parts/server_log.html")]
struct Log<'a> {
    f: &'a Frame,
    id: String,
    rows: Vec<Row>,
    /// How many there are besides.
    older: usize,
    overflowed: bool,
    full: Option<u8>,
    count: usize,
}

struct Row {
    mark: Mark,
    when: Option<(String, String)>,
    name: String,
    what: Said,
    /// What was read, and the limit that it passed.
    measured: Option<String>,
    ended: bool,
    /// The record itself, where only its maker knows what it says.
    raw: Option<String>,
}

pub async fn log(State(data): State<Arc<dyn ConsoleData>>, Inside(f): Inside, Path(id): Path<String>) -> Response {
    let log = match found(&data, &id).await {
        Ok(id) => data.server_log(id).await.map(|log| (id, log)),
        Err(problem) => Err(problem),
    };
    let (id, ServerLogView { events, overflowed, full }) = match log {
        Ok(log) => log,
        Err(problem) => return refused(&f, &problem),
    };
    f.page(&Log {
        f: &f,
        id: id.to_string(),
        older: events.len().saturating_sub(ENTRIES),
        count: events.len(),
        rows: events.iter().take(ENTRIES).map(|event| row(&f, event)).collect(),
        overflowed,
        full,
    })
}

fn row(f: &Frame, event: &ServerEvent) -> Row {
    let measured = |value: f64| f.words.measured(value, event.unit.as_str());
    Row {
        mark: server_health::severe(f, event.severity()),
        when: event.at.map(|at| (f.time(&at), f.time_exact(&at))),
        name: event.name.clone(),
        what: sensors::said(f, &event.fact),
        measured: match (event.value, event.limit) {
            (Some(value), Some(limit)) => {
                Some(f.tvv("server-log-passed", "value", measured(value), "limit", measured(limit)))
            }
            (Some(value), None) => Some(measured(value)),
            _ => None,
        },
        ended: !event.asserted,
        raw: (!f.words.has(&event.fact.key) && !event.raw.is_empty()).then(|| event.raw.clone()),
    }
}

#[derive(Template)]
#[template(path = "parts/server_parts.html")]
struct Parts<'a> {
    f: &'a Frame,
    parts: Vec<PartRow>,
}

struct PartRow {
    name: String,
    of: Option<String>,
    fields: Vec<(&'static str, String, bool)>,
    trouble: Option<&'static str>,
}

pub async fn parts(State(data): State<Arc<dyn ConsoleData>>, Inside(f): Inside, Path(id): Path<String>) -> Response {
    let parts = match found(&data, &id).await {
        Ok(id) => data.server_parts(id).await,
        Err(problem) => Err(problem),
    };
    match parts {
        Ok(parts) => f.page(&Parts { f: &f, parts: parts.iter().map(|one| part(&f, one)).collect() }),
        Err(problem) => refused(&f, &problem),
    }
}

fn part(f: &Frame, part: &Part) -> PartRow {
    let Part { id: _, name, entity, fields, trouble } = part;
    let text = |what: PartFact, text: &str| {
        if let (PartFact::BoardMade, Ok(at)) = (what, text.parse::<Timestamp>()) {
            return (f.date(&at), false);
        }
        // The kind of a chassis is a number with a word (SMBIOS 7.4.1).
        let word = format!("chassis-kind-{text}");
        let known = what == PartFact::ChassisKind && f.words.has(&word);
        if known { (f.t(word).to_owned(), false) } else { (text.to_owned(), true) }
    };
    let field = |what: PartFact, said: &str| {
        let (text, raw) = text(what, said);
        (f.t(f.id("part-fact-", what.as_str())), text, raw)
    };
    PartRow {
        name: name.clone(),
        of: entity.and_then(|entity| sensors::entity(f, entity)),
        fields: fields.iter().map(|one| field(one.what, &one.text)).collect(),
        trouble: trouble.map(|trouble| f.t(f.id("part-trouble-", trouble.as_str()))),
    }
}

pub async fn found(data: &Arc<dyn ConsoleData>, id: &str) -> Result<ServerId, Problem> {
    let found = server::find(data, id).await.map(|view| view.server.meta.id);
    found.ok_or_else(|| Problem::not_found("server", id))
}

#[derive(Template)]
#[template(path = "parts/fragment_refused.html")]
struct Refused<'a> {
    f: &'a Frame,
    explained: Explained,
    code: &'static str,
}

/// A refusal in the place of what was asked for. The page around it is as it was.
pub fn refused(f: &Frame, problem: &Problem) -> Response {
    f.page(&Refused { f, explained: f.words.problem(problem), code: problem.code.as_str() })
}
