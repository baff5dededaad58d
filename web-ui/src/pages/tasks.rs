//! `GET /tasks` and `GET /tasks/{task}`.

use super::TaskRows;
use crate::data::{ConsoleData, PageQuery};
use crate::frame::{Frame, Inside, percent_encoded};
use crate::live::Regions;
use crate::show::{self, TaskRow};
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use cake_types::{Problem, Task};
use serde::Deserialize;
use std::sync::Arc;

const ROWS: usize = 50;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ListQuery {
    /// Where the finished ones begin.
    pub from: Option<String>,
}

#[derive(Template)]
#[template(path = "tasks.html")]
struct Page<'a> {
    f: &'a Frame,
    r: Regions,
    first: bool,
    older: Option<String>,
}

pub async fn page(
    State(data): State<Arc<dyn ConsoleData>>,
    Inside(f): Inside,
    Query(query): Query<ListQuery>,
) -> Response {
    let finished = match finished(&data, &query).await {
        Ok(page) => page,
        Err(problem) => return super::error::problem(&data, &f, problem).await,
    };
    let older = finished.next.map(|cursor| format!("/tasks?from={}", percent_encoded(&cursor)));
    let r = super::regions(&data, &f, &f.here).await;
    f.page(&Page { f: &f, r, first: query.from.is_none(), older })
}

async fn finished(data: &Arc<dyn ConsoleData>, query: &ListQuery) -> Result<crate::data::PageOf<Arc<Task>>, Problem> {
    data.finished_tasks(&PageQuery { cursor: query.from.clone(), limit: ROWS, subject: None }).await
}

pub async fn regions(data: &Arc<dyn ConsoleData>, f: &Frame, query: &ListQuery, regions: &mut Regions) {
    let active = data.active_tasks().await;
    regions.add("tasks-active", &TaskRows { f, tasks: show::task_rows(f, &active), empty: f.t("tasks-none-active") });
    let ended = finished(data, query).await.map(|page| page.items).unwrap_or_default();
    regions
        .add("tasks-finished", &TaskRows { f, tasks: show::task_rows(f, &ended), empty: f.t("tasks-none-finished") });
}

#[derive(Template)]
#[template(path = "task.html")]
struct OnePage<'a> {
    f: &'a Frame,
    r: Regions,
    title: String,
}

pub async fn one(State(data): State<Arc<dyn ConsoleData>>, Inside(f): Inside, Path(id): Path<String>) -> Response {
    match find(&data, &id).await {
        Ok(Some(task)) => {
            let r = super::regions(&data, &f, &f.here).await;
            f.page(&OnePage { f: &f, r, title: f.words.task_title(&task) })
        }
        Ok(None) => super::error::problem(&data, &f, Problem::not_found("task", id)).await,
        Err(problem) => super::error::problem(&data, &f, problem).await,
    }
}

async fn find(data: &Arc<dyn ConsoleData>, id: &str) -> Result<Option<Arc<Task>>, Problem> {
    match id.parse() {
        Ok(id) => data.task(id).await,
        Err(_) => Ok(None),
    }
}

#[derive(Template)]
#[template(path = "parts/task_one.html")]
struct One<'a> {
    f: &'a Frame,
    row: TaskRow,
    subject: String,
    kind: &'static str,
    ended: Option<String>,
    took: Option<String>,
    detail: Option<String>,
}

pub async fn one_region(data: &Arc<dyn ConsoleData>, f: &Frame, id: &str, regions: &mut Regions) {
    let Ok(Some(task)) = find(data, id).await else { return };
    let end = task.end.as_ref();
    regions.add(
        "task-one",
        &One {
            f,
            row: show::task_row(f, &task),
            subject: task.subject.name.clone(),
            kind: f.words.kind(&task.subject),
            ended: end.map(|end| f.time_exact(&end.at)),
            took: end.map(|end| cake_i18n::format::duration(end.at.as_second() - task.created_at.as_second(), f.words)),
            detail: end.and_then(|end| end.detail.clone()).filter(|detail| !detail.is_empty()),
        },
    );
}
