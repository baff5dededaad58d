//! `GET /audit`: who changed what, from where, with what result.

use crate::data::{ConsoleData, PageOf};
use crate::frame::{Frame, Inside};
use crate::live::Regions;
use crate::pages::csv;
use crate::pages::listing::{self, CSV_MAX, ROWS, Search, Tools, address};
use crate::show::{self, Mark};
use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use cake_planner::query::AuditItem;
use cake_types::{AuditRecord, AuditResult, Code, Problem};
use serde::Deserialize;
use std::sync::Arc;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ListQuery {
    pub q: Search,
    pub from: Option<String>,
}

#[derive(Template)]
#[template(path = "audit.html")]
struct Page<'a> {
    f: &'a Frame,
    r: Regions,
    tools: Tools,
    first: bool,
    newest: &'static str,
    older: Option<String>,
}

#[derive(Template)]
#[template(path = "parts/audit_rows.html")]
struct Rows<'a> {
    f: &'a Frame,
    rows: Vec<Row>,
    empty: &'static str,
}

struct Row {
    /// Stable from one rendering to the next.
    key: String,
    time: String,
    actor: String,
    address: String,
    /// The operation as a person calls it, and as the API does.
    what: String,
    action: String,
    subject: Option<String>,
    link: Option<String>,
    result: Mark,
    request: Option<String>,
}

pub async fn page(
    State(data): State<Arc<dyn ConsoleData>>,
    Inside(f): Inside,
    Query(query): Query<ListQuery>,
) -> Response {
    let records = match read(&data, &f, &query, ROWS).await {
        Ok(records) => records,
        Err(problem) => return super::error::problem(&data, &f, problem).await,
    };
    let q = query.q.text();
    let r = super::regions(&data, &f, &f.here).await;
    f.page(&Page {
        f: &f,
        r,
        tools: Tools {
            action: "/audit",
            label: f.t("audit-search"),
            q: q.to_owned(),
            hidden: Vec::new(),
            csv: address("/audit.csv", &[("q", q)]),
        },
        first: query.from.is_none(),
        newest: "/audit",
        older: records.next.map(|cursor| address("/audit", &[("q", q), ("from", &cursor)])),
    })
}

/// Asks for the permission itself: the page, its live updates and the file all read through here.
async fn read(
    data: &Arc<dyn ConsoleData>,
    f: &Frame,
    query: &ListQuery,
    wanted: usize,
) -> Result<PageOf<AuditRecord>, Problem> {
    if !f.may_audit() {
        return Err(Problem::new(Code::NotAllowed).with("permission", "audit"));
    }
    let read = |page| {
        let data = data.clone();
        async move { data.audit(&page).await }
    };
    let takes = |record: &AuditRecord| {
        let Row { actor, what, result, .. } = row(f, record);
        let said = format!("{actor} {what} {}", result.word);
        query.q.takes(f, &AuditItem { record, said: &said })
    };
    listing::find(wanted, query.from.clone(), read, takes).await
}

pub async fn regions(data: &Arc<dyn ConsoleData>, f: &Frame, query: &ListQuery, regions: &mut Regions) {
    query.q.say(f, regions);
    let Ok(records) = read(data, f, query, ROWS).await else { return };
    let rows = records.items.iter().map(|record| row(f, record)).collect();
    let empty = f.t(if query.q.is_empty() { "audit-none" } else { "nothing-found" });
    regions.add("audit-rows", &Rows { f, rows, empty });
}

/// `GET /audit.csv`
pub async fn csv(
    State(data): State<Arc<dyn ConsoleData>>,
    Inside(f): Inside,
    Query(query): Query<ListQuery>,
) -> Response {
    let records = match read(&data, &f, &query, CSV_MAX).await {
        Ok(page) => page.items,
        Err(problem) => return super::error::problem(&data, &f, problem).await,
    };
    let rows = records.iter().map(|record| {
        let row = row(&f, record);
        [
            record.at.to_string(),
            row.actor,
            row.what,
            row.action,
            row.subject.unwrap_or_default(),
            row.result.word.to_owned(),
            row.address,
            row.request.unwrap_or_default(),
        ]
    });
    csv::answer(&f, "audit", ["time", "who", "what", "operation", "name", "result", "from", "request"], rows)
}

fn row(f: &Frame, record: &AuditRecord) -> Row {
    let result = match &record.result {
        AuditResult::Done => Mark { key: "done", word: f.t("audit-done"), icon: "good", tone: "good" },
        AuditResult::Refused { code } => {
            Mark { key: "refused", word: f.t(format!("problem-{code}-short")), icon: "cancelled", tone: "warn" }
        }
    };
    let request = record.origin.request.map(|id| id.to_string());
    Row {
        key: format!("a{}-{}", record.at.as_nanosecond(), request.as_deref().unwrap_or("")),
        time: f.time_exact(&record.at),
        actor: f.words.actor(&record.actor),
        address: record.origin.address.map_or_else(|| "–".into(), |address| address.to_string()),
        what: f.words.operation(&record.action),
        action: record.action.clone(),
        subject: record.subject.as_ref().map(|subject| subject.name.clone()),
        link: record.subject.as_ref().and_then(show::address),
        result,
        request,
    }
}
