//! `/v1/week`: what happened in the last seven days, what cake did, what somebody should do.

use axum::extract::State;
use axum::response::Response;
use cake_i18n::{Catalogue, Words};
use cake_types as domain;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::ask::{Reader, ready_json};
use crate::problem::{ProblemBody, Refused};
use crate::state::Api;

/// The last seven days on one screen.
#[derive(Serialize, ToSchema)]
pub struct Week {
    #[schema(value_type = String, format = "date-time")]
    pub from: Timestamp,
    #[schema(value_type = String, format = "date-time")]
    pub until: Timestamp,
    pub happened: Vec<WeekLine>,
    pub done: Vec<WeekLine>,
    /// The most urgent first; empty where nothing is to be done.
    pub todo: Vec<WeekTodo>,
    /// Things to do that are not named here: see `/v1/alerts`.
    pub more: usize,
}

#[derive(Serialize, ToSchema)]
pub struct WeekLine {
    /// `alerts`, `vm-crashed`, `tasks`, …
    pub kind: &'static str,
    pub count: usize,
    /// A second number: of `alerts` the errors, of `tasks` those that failed, of `watched` the sensors, of `running` all VMs, else
    /// how many names are left out.
    pub more: usize,
    /// Of whom it speaks.
    pub names: Vec<String>,
    /// In the reader's language.
    pub message: String,
}

#[derive(Serialize, ToSchema)]
pub struct WeekTodo {
    /// Ids of the alerts, the worst first, twenty at most.
    pub alerts: Vec<String>,
    /// `info`, `warning`, `error`: of the worst.
    pub severity: String,
    /// Of whom it speaks.
    pub names: String,
    /// What is so and what to do, in the reader's language.
    pub title: String,
    pub message: String,
    pub next: String,
}

impl Week {
    fn told(week: &domain::Week, words: &Words) -> Self {
        let domain::Week { from, until, happened, done, todo, more } = week;
        let lines = |lines: &[domain::WeekLine]| lines.iter().map(|line| WeekLine::told(line, words)).collect();
        Self {
            from: *from,
            until: *until,
            happened: lines(happened),
            done: lines(done),
            todo: todo.iter().map(|todo| WeekTodo::told(todo, words)).collect(),
            more: *more,
        }
    }
}

impl WeekLine {
    fn told(line: &domain::WeekLine, words: &Words) -> Self {
        let message = words.week_line(line);
        let domain::WeekLine { kind, count, more, names, alert: _ } = line;
        Self { kind: kind.as_str(), count: *count, more: *more, names: names.clone(), message }
    }
}

impl WeekTodo {
    fn told(todo: &domain::WeekTodo, words: &Words) -> Self {
        let said = words.week_todo(todo);
        let names = words.week_names(todo);
        let domain::WeekTodo { cause: _, alerts } = todo;
        let severity = alerts.first().map(|alert| super::word(&alert.severity)).unwrap_or_default();
        let alerts = alerts.iter().map(|alert| alert.id.to_string()).collect();
        Self { alerts, severity, names, title: said.title, message: said.what, next: said.next }
    }
}

/// The last seven days: what happened, what cake did, what somebody should do.
#[utoipa::path(get, path = "/v1/week", operation_id = "week_get", tag = "alerts",
    responses((status = 200, body = Week), (status = "default", body = ProblemBody)))]
pub(crate) async fn get(State(api): State<Api>, reader: Reader) -> Result<Response, Refused> {
    let week = Week::told(&api.weeks.week().await?, Catalogue::get(reader.language));
    Ok(ready_json(serde_json::to_vec(&week).expect("a week is JSON")))
}
