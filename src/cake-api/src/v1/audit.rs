//! `/v1/audit`

use super::Subject;
use axum::extract::State;
use axum::response::Response;
use cake_control::error;
use cake_store::{Filter, Query, RecordCursor, RecordKind};
use cake_types as domain;
use jiff::Timestamp;
use serde::Serialize;
use std::num::NonZeroUsize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::ask::{Params, ready_json};
use crate::page::Paging;
use crate::problem::{ProblemBody, Refused};
use crate::state::Api;

/// Who changed what, from where, with what result.
#[derive(Serialize, ToSchema)]
pub struct AuditRecord {
    #[schema(value_type = String, format = "date-time")]
    pub at: Timestamp,
    pub project: String,
    pub actor: Actor,
    pub origin: Origin,
    /// The operation's id in this document.
    pub action: String,
    pub subject: Option<Subject>,
    pub result: AuditResult,
}

/// Who did it.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditActor)]
pub struct Actor {
    /// `account`, `system`, `root`, `setup`, `unknown`.
    pub kind: &'static str,
    pub id: Option<Uuid>,
    pub name: Option<String>,
    /// The API token used, if it was not a login.
    pub token: Option<Uuid>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = AuditOrigin)]
pub struct Origin {
    pub address: Option<String>,
    pub request: Option<Uuid>,
}

#[derive(Serialize, ToSchema)]
pub struct AuditResult {
    /// `done`, `refused`.
    pub kind: &'static str,
    /// The problem's code.
    pub code: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct AuditList {
    pub items: Vec<AuditRecord>,
    pub next: Option<String>,
}

impl From<domain::AuditRecord> for AuditRecord {
    fn from(record: domain::AuditRecord) -> Self {
        let domain::AuditRecord { at, project, actor, origin, action, subject, result } = record;
        let domain::Origin { address, request } = origin;
        Self {
            at,
            project: project.to_string(),
            actor: actor.into(),
            origin: Origin { address: address.map(|a| a.to_string()), request: request.map(|r| r.0) },
            action,
            subject: subject.as_ref().map(Subject::from),
            result: match result {
                domain::AuditResult::Done => AuditResult { kind: "done", code: None },
                domain::AuditResult::Refused { code } => AuditResult { kind: "refused", code: Some(code) },
            },
        }
    }
}

impl From<domain::Actor> for Actor {
    fn from(actor: domain::Actor) -> Self {
        let nobody = |kind| Self { kind, id: None, name: None, token: None };
        match actor {
            domain::Actor::Account { id, name, token } => Self {
                kind: "account",
                id: Some(id.0),
                name: Some(name.to_string()),
                token: token.map(|token| token.0),
            },
            domain::Actor::System => nobody("system"),
            domain::Actor::Root => nobody("root"),
            domain::Actor::Setup => nobody("setup"),
            domain::Actor::Unknown { claimed } => Self { name: Some(claimed), ..nobody("unknown") },
        }
    }
}

/// Who changed what, newest first.
#[utoipa::path(get, path = "/v1/audit", operation_id = "audit_list", tag = "audit",
    params(("limit" = Option<usize>, Query), ("cursor" = Option<String>, Query), ("subject" = Option<Uuid>, Query)),
    responses((status = 200, body = AuditList), (status = "default", body = ProblemBody)))]
pub(crate) async fn list(State(api): State<Api>, Params(page): Params<Paging>) -> Result<Response, Refused> {
    let (limit, after) = (page.limit()?, page.cursor::<RecordCursor>()?);
    let filter = Filter { subject: page.subject.map(|id| id.to_string()), ..Filter::kind(RecordKind::Audit) };
    let query = Query { filter, limit: NonZeroUsize::new(limit), after, ..Query::default() };
    let found = api.ledger.journal.page(query).await.map_err(error::journal)?;
    let mut items = Vec::with_capacity(found.records.len());
    for record in found.records {
        let record: domain::AuditRecord = serde_json::from_value(record.record.data)
            .map_err(|error| error::internal("an audit record can't be read", &error))?;
        items.push(AuditRecord::from(record));
    }
    let list = AuditList { items, next: found.next.map(|next| next.to_string()) };
    Ok(ready_json(serde_json::to_vec(&list).expect("audit records are JSON")))
}
