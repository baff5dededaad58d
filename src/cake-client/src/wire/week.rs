//! The last seven days.

use jiff::Timestamp;
use serde::Deserialize;

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Week {
    pub from: Option<Timestamp>,
    pub until: Option<Timestamp>,
    pub happened: Vec<WeekLine>,
    pub done: Vec<WeekLine>,
    pub todo: Vec<WeekTodo>,
    pub more: usize,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct WeekLine {
    pub kind: String,
    pub count: usize,
    pub more: usize,
    pub names: Vec<String>,
    /// In the reader's language.
    pub message: String,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct WeekTodo {
    pub alerts: Vec<String>,
    pub severity: String,
    pub names: String,
    /// In the reader's language.
    pub title: String,
    pub message: String,
    pub next: String,
}
