//! `/v1/query`: the search language over VMs, images and tasks.

use super::images::Image;
use super::tasks::Task;
use axum::extract::State;
use axum::response::Response;
use cake_control::board::{ImageEntry, VmEntry};
use cake_planner::query::{Filter, Item, NumberField, TextField};
use cake_types as domain;
use serde::Serialize;
use std::fmt;
use std::str::FromStr;
use utoipa::ToSchema;

use crate::ask::{Params, ready_json};
use crate::page::{LIMIT_MAX, Paging, join};
use crate::problem::{ProblemBody, Refused};
use crate::state::Api;

/// What was found: `kind` says which of `vm`, `image` and `task` it is.
#[derive(Serialize, ToSchema)]
pub struct Found {
    pub kind: String,
    #[schema(value_type = Object)]
    pub item: serde_json::Value,
}

#[derive(Serialize, ToSchema)]
pub struct FoundList {
    pub items: Vec<Found>,
    pub next: Option<String>,
}

struct VmItem<'a>(&'a VmEntry);
struct ImageItem<'a>(&'a ImageEntry);
struct TaskItem<'a>(&'a domain::Task);

impl Item for VmItem<'_> {
    fn text(&self, field: TextField) -> Option<String> {
        let vm = &self.0.vm;
        Some(match field {
            TextField::Kind => "vm".into(),
            TextField::Name => vm.meta.name.to_string(),
            TextField::State => self.0.state().as_str().into(),
            TextField::Project => vm.meta.project.to_string(),
            TextField::Image => vm.spec.made_from.as_ref()?.to_string(),
            TextField::Id => vm.meta.id.to_string(),
        })
    }

    fn number(&self, field: NumberField) -> Option<u64> {
        let spec = &self.0.vm.spec;
        Some(match field {
            NumberField::Memory => spec.memory.bytes(),
            NumberField::Cpus => spec.cpus.into(),
            NumberField::Disk => spec.disks.iter().map(|disk| disk.size.bytes()).sum(),
        })
    }
}

impl Item for ImageItem<'_> {
    fn text(&self, field: TextField) -> Option<String> {
        let meta = &self.0.image.meta;
        match field {
            TextField::Kind => Some("image".into()),
            TextField::Name => Some(meta.name.to_string()),
            TextField::Project => Some(meta.project.to_string()),
            TextField::Id => Some(meta.id.to_string()),
            TextField::State | TextField::Image => None,
        }
    }

    fn number(&self, field: NumberField) -> Option<u64> {
        let spec = &self.0.image.spec;
        match field {
            NumberField::Memory => Some(spec.min_memory.bytes()),
            NumberField::Disk => Some(spec.virtual_size.bytes()),
            NumberField::Cpus => None,
        }
    }
}

impl Item for TaskItem<'_> {
    fn text(&self, field: TextField) -> Option<String> {
        let task = self.0;
        match field {
            TextField::Kind => Some("task".into()),
            TextField::Name => Some(format!("{} {}", task.kind.as_str(), task.subject.name)),
            TextField::State => Some(task.state().as_str().into()),
            TextField::Project => Some(task.project.to_string()),
            TextField::Id => Some(task.id.to_string()),
            TextField::Image => None,
        }
    }

    fn number(&self, _: NumberField) -> Option<u64> {
        None
    }
}

/// Finds by words and conditions: `kind:vm state:running memory>4GiB web`.
#[utoipa::path(get, path = "/v1/query", operation_id = "query", tag = "query",
    params(("q" = String, Query), ("limit" = Option<usize>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, body = FoundList), (status = "default", body = ProblemBody)))]
pub(crate) async fn find(State(api): State<Api>, Params(page): Params<Paging>) -> Result<Response, Refused> {
    let limit = page.limit()?;
    let filter = Filter::parse(page.q.as_deref().unwrap_or_default())?;
    let Skip(skip) = page.cursor()?.unwrap_or_default();
    // One more than is answered tells whether there is more.
    let wanted = skip.saturating_add(limit).saturating_add(1);
    let mut found: Vec<Vec<u8>> = Vec::new();
    api.board.each_vm(None, |entry| {
        if entry.binned() {
            return true;
        }
        if filter.matches(&VmItem(entry)) {
            found.push(of_kind("vm", &entry.fragment));
        }
        true
    });
    for entry in
        api.board.images().iter().filter(|entry| entry.image.binned.is_none() && filter.matches(&ImageItem(entry)))
    {
        found.push(of_kind("image", &serde_json::to_vec(&Image::from(&**entry)).expect("an image is JSON")));
    }
    let mut tasks = api.tasks.active();
    let mut after = None;
    loop {
        for task in tasks.iter().filter(|task| filter.matches(&TaskItem(task))) {
            found.push(of_kind("task", &serde_json::to_vec(&Task::from(&**task)).expect("a task is JSON")));
        }
        if found.len() >= wanted || matches!(after, Some(None)) {
            break;
        }
        let ended = api.tasks.finished(None, LIMIT_MAX, after.flatten()).await?;
        (tasks, after) = (ended.tasks, Some(ended.next));
    }
    let next = (found.len() >= wanted).then(|| Skip(skip + limit).to_string());
    let found: Vec<&[u8]> = found.iter().skip(skip).take(limit).map(Vec::as_slice).collect();
    let expected = found.iter().map(|item| item.len()).sum();
    Ok(ready_json(join(found.into_iter(), next, expected)))
}

/// A [`Found`] from its parts.
fn of_kind(kind: &str, json: &[u8]) -> Vec<u8> {
    [b"{\"kind\":\"", kind.as_bytes(), b"\",\"item\":", json, b"}"].concat()
}

/// Where a query goes on: after so many. What comes or goes meanwhile may be told twice or not at all.
#[derive(Default)]
struct Skip(usize);

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "q{}", self.0)
    }
}

impl FromStr for Skip {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.strip_prefix('q').unwrap_or_default().parse().map(Self)
    }
}
