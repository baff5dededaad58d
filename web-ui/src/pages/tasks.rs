//! `GET /tasks` and `GET /tasks/{task}`.

use super::TaskRows;
use crate::data::{ConsoleData, PageOf};
use crate::frame::{Frame, Inside};
use crate::live::Regions;
use crate::pages::csv;
use crate::pages::listing::{self, CSV_MAX, ROWS, Search, Tools, address};
use crate::show::{self, TaskRow};
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use cake_planner::query::TaskItem;
use cake_types::{Problem, Task};
use serde::Deserialize;
use std::sync::Arc;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ListQuery {
    pub q: Search,
    /// Where the finished ones begin.
    pub from: Option<String>,
}

#[derive(Template)]
#[template(path = "tasks.html")]
struct Page<'a> {
    f: &'a Frame,
    r: Regions,
    tools: Tools,
    first: bool,
    newest: &'static str,
    older: Option<String>,
}

pub async fn page(
    State(data): State<Arc<dyn ConsoleData>>,
    Inside(f): Inside,
    Query(query): Query<ListQuery>,
) -> Response {
    let finished = match finished(&data, &f, &query, ROWS).await {
        Ok(page) => page,
        Err(problem) => return super::error::problem(&data, &f, problem).await,
    };
    let q = query.q.text();
    let r = super::regions(&data, &f, &f.here).await;
    f.page(&Page {
        f: &f,
        r,
        tools: Tools {
            action: "/tasks",
            label: f.t("tasks-search"),
            q: q.to_owned(),
            hidden: Vec::new(),
            csv: address("/tasks.csv", &[("q", q)]),
        },
        first: query.from.is_none(),
        newest: "/tasks",
        older: finished.next.map(|cursor| address("/tasks", &[("q", q), ("from", &cursor)])),
    })
}

async fn finished(
    data: &Arc<dyn ConsoleData>,
    f: &Frame,
    query: &ListQuery,
    wanted: usize,
) -> Result<PageOf<Arc<Task>>, Problem> {
    let read = |page| {
        let data = data.clone();
        async move { data.finished_tasks(&page).await }
    };
    listing::find(wanted, query.from.clone(), read, |task| takes(f, query, task)).await
}

/// Whether a task's title, state, end or maker holds what is searched for.
fn takes(f: &Frame, query: &ListQuery, task: &Task) -> bool {
    let (title, end) = (f.words.task_title(task), f.words.task_end(task).unwrap_or_default());
    let said = format!("{title} {end} {} {}", f.words.task_state(task.state()), f.words.actor(&task.created_by));
    query.q.takes(f, &TaskItem { task, said: &said })
}

async fn active(data: &Arc<dyn ConsoleData>, f: &Frame, query: &ListQuery) -> Vec<Arc<Task>> {
    let mut tasks = data.active_tasks().await;
    tasks.retain(|task| takes(f, query, task));
    tasks
}

pub async fn regions(data: &Arc<dyn ConsoleData>, f: &Frame, query: &ListQuery, regions: &mut Regions) {
    query.q.say(f, regions);
    let empty = |id| f.t(if query.q.is_empty() { id } else { "nothing-found" });
    let tasks = show::task_rows(f, &active(data, f, query).await);
    regions.add("tasks-active", &TaskRows { f, tasks, empty: empty("tasks-none-active") });
    let ended = finished(data, f, query, ROWS).await.map(|page| page.items).unwrap_or_default();
    let tasks = show::task_rows(f, &ended);
    regions.add("tasks-finished", &TaskRows { f, tasks, empty: empty("tasks-none-finished") });
}

/// `GET /tasks.csv`: those at work first.
pub async fn csv(
    State(data): State<Arc<dyn ConsoleData>>,
    Inside(f): Inside,
    Query(query): Query<ListQuery>,
) -> Response {
    let mut tasks = active(&data, &f, &query).await;
    match finished(&data, &f, &query, CSV_MAX).await {
        Ok(page) => tasks.extend(page.items),
        Err(problem) => return super::error::problem(&data, &f, problem).await,
    }
    let rows = tasks.iter().map(|task| {
        [
            task.created_at.to_string(),
            f.words.task_title(task),
            f.words.task_state(task.state()).to_owned(),
            f.words.actor(&task.created_by),
            task.end.as_ref().map_or_else(String::new, |end| end.at.to_string()),
            f.words.task_end(task).unwrap_or_default(),
            task.id.to_string(),
        ]
    });
    csv::answer(&f, "tasks", ["time", "task", "state", "who", "ended", "end", "id"], rows)
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
    asked: String,
    ended: Option<String>,
    took: Option<String>,
    /// How long a guest stood still for it.
    pause: Option<String>,
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
            asked: f.time_exact(&task.created_at),
            ended: end.map(|end| f.time_exact(&end.at)),
            took: end.map(|end| cake_i18n::format::duration(end.at.as_second() - task.created_at.as_second(), f.words)),
            pause: end
                .and_then(|end| end.pause_us)
                .map(|us| f.tv("task-pause", "ms", cake_i18n::format::milliseconds(us))),
            detail: end.and_then(|end| end.detail.clone()).filter(|detail| !detail.is_empty()),
        },
    );
}
