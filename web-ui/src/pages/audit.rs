//! `GET /audit`: who changed what, from where, with what result.

use crate::data::{ConsoleData, PageQuery};
use crate::frame::{Frame, Inside, percent_encoded};
use crate::live::Regions;
use crate::show::{self, Mark};
use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use cake_types::{AuditRecord, AuditResult, Code, Problem};
use serde::Deserialize;
use std::sync::Arc;

const ROWS: usize = 50;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ListQuery {
    pub from: Option<String>,
}

#[derive(Template)]
#[template(path = "audit.html")]
struct Page<'a> {
    f: &'a Frame,
    r: Regions,
    rows: Vec<Row>,
    first: bool,
    older: Option<String>,
}

struct Row {
    time: String,
    actor: String,
    address: String,
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
    if !f.may_audit() {
        let problem = Problem::new(Code::NotAllowed).with("permission", "audit");
        return super::error::problem(&data, &f, problem).await;
    }
    let page = PageQuery { cursor: query.from.clone(), limit: ROWS, subject: None };
    let records = match data.audit(&page).await {
        Ok(records) => records,
        Err(problem) => return super::error::problem(&data, &f, problem).await,
    };
    let older = records.next.map(|cursor| format!("/audit?from={}", percent_encoded(&cursor)));
    let rows = records.items.iter().map(|record| row(&f, record)).collect();
    let r = super::regions(&data, &f, "/audit").await;
    f.page(&Page { f: &f, r, rows, first: query.from.is_none(), older })
}

fn row(f: &Frame, record: &AuditRecord) -> Row {
    let result = match &record.result {
        AuditResult::Done => Mark { key: "done", word: f.t("audit-done"), icon: "good", tone: "good" },
        AuditResult::Refused { code } => {
            Mark { key: "refused", word: f.t(format!("problem-{code}-short")), icon: "cancelled", tone: "warn" }
        }
    };
    Row {
        time: f.time_exact(&record.at),
        actor: f.words.actor(&record.actor),
        address: record.origin.address.map_or_else(|| "–".into(), |address| address.to_string()),
        action: record.action.clone(),
        subject: record.subject.as_ref().map(|subject| subject.name.clone()),
        link: record.subject.as_ref().and_then(show::address),
        result,
        request: record.origin.request.map(|id| id.to_string()),
    }
}
