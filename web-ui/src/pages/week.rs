//! `GET /week`: the last seven days on one screen.

use crate::data::ConsoleData;
use crate::frame::{Frame, Inside};
use crate::live::Regions;
use crate::show::{self, Mark};
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use cake_types::{Week, WeekLine, WeekTodo};
use std::sync::Arc;

#[derive(Template)]
#[template(path = "week.html")]
struct Page<'a> {
    f: &'a Frame,
    r: Regions,
    span: String,
    todo: Vec<TodoRow>,
    /// `And 3 more: see the alerts.`
    more: Option<String>,
    happened: Vec<String>,
    done: Vec<String>,
}

struct TodoRow {
    mark: Mark,
    title: String,
    names: String,
    what: String,
    next: String,
}

pub async fn page(State(data): State<Arc<dyn ConsoleData>>, Inside(f): Inside) -> Response {
    let week = match data.week().await {
        Ok(week) => week,
        Err(problem) => return super::error::problem(&data, &f, problem).await,
    };
    let Week { todo, more, happened, done, .. } = &week;
    let lines = |lines: &[WeekLine]| lines.iter().map(|line| f.words.week_line(line)).collect();
    let r = super::regions(&data, &f, "/week").await;
    f.page(&Page {
        f: &f,
        r,
        span: f.words.week_span(&week, &f.zone),
        todo: todo.iter().filter_map(|todo| row(&f, todo)).collect(),
        more: (*more > 0).then(|| f.tv("week-todo-more", "count", more)),
        happened: lines(happened),
        done: lines(done),
    })
}

fn row(f: &Frame, todo: &WeekTodo) -> Option<TodoRow> {
    let said = f.words.week_todo(todo);
    let worst = todo.alerts.first()?;
    let mark = show::alert_row(f, worst).mark;
    Some(TodoRow { mark, title: said.title, names: f.words.week_names(todo), what: said.what, next: said.next })
}
