//! `/v1/query`: the search language over VMs, images and tasks.

use super::images::Image;
use super::tasks::Task;
use axum::extract::State;
use axum::response::Response;
use cake_control::board::{ImageEntry, VmEntry};
use cake_planner::query::{Filter, Item, NumberField, TextField};
use cake_types as domain;
use serde::Serialize;
use utoipa::ToSchema;

use crate::ask::{Params, ready_json};
use crate::page::{Paging, join};
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
    params(("q" = String, Query), ("limit" = Option<usize>, Query)),
    responses((status = 200, body = FoundList), (status = "default", body = ProblemBody)))]
pub(crate) async fn find(State(api): State<Api>, Params(page): Params<Paging>) -> Result<Response, Refused> {
    let limit = page.limit()?;
    let filter = Filter::parse(page.q.as_deref().unwrap_or_default())?;
    let mut found: Vec<Vec<u8>> = Vec::new();
    let mut put = |kind: &str, json: &[u8]| {
        found.push([b"{\"kind\":\"", kind.as_bytes(), b"\",\"item\":", json, b"}"].concat());
    };
    api.board.each_vm(None, |entry| {
        if filter.matches(&VmItem(entry)) {
            put("vm", &entry.fragment);
        }
        true
    });
    for entry in api.board.images().iter().filter(|entry| filter.matches(&ImageItem(entry))) {
        put("image", &serde_json::to_vec(&Image::from(&**entry)).expect("an image is JSON"));
    }
    let ended = api.tasks.finished(None, limit, None).await?.tasks;
    for task in api.tasks.active().iter().chain(&ended).filter(|task| filter.matches(&TaskItem(task))) {
        put("task", &serde_json::to_vec(&Task::from(&**task)).expect("a task is JSON"));
    }
    found.truncate(limit);
    Ok(ready_json(join(found.iter().map(Vec::as_slice), None, found.iter().map(Vec::len).sum())))
}
