//! `/v1/tasks`

use super::{Nothing, Subject};
use axum::extract::{Path, State};
use axum::response::Response;
use cake_control::caller::Answer;
use cake_i18n::Catalogue;
use cake_store::RecordCursor;
use cake_types::{self as domain, Language, Problem, TaskId};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::ask::{Ask, Params, Reader, answer_response, ready_json};
use crate::body::Maybe;
use crate::page::Paging;
use crate::problem::{ProblemBody, Refused};
use crate::state::Api;

/// Long work.
#[derive(Serialize, ToSchema)]
pub struct Task {
    pub id: Uuid,
    /// `vm-create`, `vm-start`, `vm-shutdown`, …
    pub kind: &'static str,
    /// `running`, `done`, `failed`, `cancelled`.
    pub state: &'static str,
    pub subject: Subject,
    pub progress: Option<Progress>,
    /// Somebody asked it to end; it ends when what it had begun is undone.
    pub cancel_requested: bool,
    #[schema(value_type = String, format = "date-time")]
    pub created_at: Timestamp,
    pub end: Option<End>,
    /// What it does, or how it ended, in the reader's language.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// Bytes.
#[derive(Serialize, ToSchema)]
#[schema(as = TaskProgress)]
pub struct Progress {
    pub done: u64,
    pub total: u64,
}

#[derive(Serialize, ToSchema)]
#[schema(as = TaskEnd)]
pub struct End {
    pub state: &'static str,
    #[schema(value_type = String, format = "date-time")]
    pub at: Timestamp,
    /// Stable.
    pub code: String,
    /// For support, in English.
    pub detail: Option<String>,
    /// How long a guest stood still for it, in microseconds, where that was measured.
    pub pause_us: Option<u64>,
}

#[derive(Serialize, ToSchema)]
pub struct TaskList {
    pub items: Vec<Task>,
    pub next: Option<String>,
}

impl From<&domain::Task> for Task {
    fn from(task: &domain::Task) -> Self {
        let state = task.state().as_str();
        let domain::Task {
            id,
            project: _,
            kind,
            subject,
            goal: _,
            created_at,
            created_by: _,
            cancel_requested,
            progress,
            end,
        } = task;
        Self {
            id: id.0,
            kind: kind.as_str(),
            state,
            subject: subject.into(),
            progress: progress
                .map(|domain::TaskProgress { done, total }| Progress { done: done.bytes(), total: total.bytes() }),
            cancel_requested: *cancel_requested,
            created_at: *created_at,
            end: end.as_ref().map(|domain::TaskEnd { state, at, code, detail, pause_us }| End {
                state: state.as_str(),
                at: *at,
                code: code.clone(),
                detail: detail.clone(),
                pause_us: *pause_us,
            }),
            message: None,
        }
    }
}

impl Task {
    pub fn told(task: &domain::Task, language: Language) -> Self {
        let words = Catalogue::get(language);
        let message = words.task_end(task).unwrap_or_else(|| words.task_title(task));
        Self { message: Some(message), ..Self::from(task) }
    }
}

/// The answer to a request that began a task.
pub(crate) fn accepted(task: &domain::Task) -> Answer {
    Answer {
        status: 202,
        etag: None,
        location: Some(format!("/v1/tasks/{}", task.id)),
        body: serde_json::to_string(&Task::from(task)).expect("a task is JSON"),
    }
}

/// Tasks at work, then those that have ended, newest first.
#[utoipa::path(get, path = "/v1/tasks", operation_id = "task_list", tag = "tasks",
    params(("limit" = Option<usize>, Query), ("cursor" = Option<String>, Query), ("subject" = Option<Uuid>, Query)),
    responses((status = 200, body = TaskList), (status = "default", body = ProblemBody)))]
pub(crate) async fn list(
    State(api): State<Api>,
    reader: Reader,
    Params(page): Params<Paging>,
) -> Result<Response, Refused> {
    let (limit, after) = (page.limit()?, page.cursor::<RecordCursor>()?);
    let finished = api.tasks.finished(page.subject, limit, after).await?;
    let about = |task: &domain::Task| page.subject.is_none_or(|subject| task.subject.id == subject);
    let active = if after.is_none() { api.tasks.active() } else { Vec::new() };
    let all = active.iter().filter(|task| about(task)).chain(&finished.tasks);
    let items = all.map(|task| Task::told(task, reader.language)).collect();
    let list = TaskList { items, next: finished.next.map(|next| next.to_string()) };
    Ok(ready_json(serde_json::to_vec(&list).expect("tasks are JSON")))
}

fn id(text: &str) -> Result<TaskId, Problem> {
    text.parse().map_err(|_| Problem::not_found("task", text))
}

/// One task, at work or ended.
#[utoipa::path(get, path = "/v1/tasks/{task}", operation_id = "task_get", tag = "tasks", params(("task" = Uuid, Path)),
    responses((status = 200, body = Task), (status = "default", body = ProblemBody)))]
pub(crate) async fn get(State(api): State<Api>, Path(task): Path<String>, reader: Reader) -> Result<Response, Refused> {
    let task = api.tasks.get(id(&task)?).await?;
    let task = Task::told(&task, reader.language);
    Ok(ready_json(serde_json::to_vec(&task).expect("a task is JSON")))
}

/// Asks a task to end. Refused where that can't be.
#[utoipa::path(post, path = "/v1/tasks/{task}/cancel", operation_id = "task_cancel", tag = "tasks",
    request_body(content = Option<Nothing>),
    params(("task" = Uuid, Path), ("Idempotency-Key" = String, Header)),
    responses((status = 202, body = Task), (status = "default", body = ProblemBody)))]
pub(crate) async fn cancel(
    State(api): State<Api>,
    Path(task): Path<String>,
    ask: Ask,
    Maybe(Nothing {}): Maybe<Nothing>,
) -> Result<Response, Refused> {
    let task = api.tasks.cancel(&ask.caller, id(&task)?, &ask.keep(accepted)).await?;
    Ok(answer_response(accepted(&task)))
}
