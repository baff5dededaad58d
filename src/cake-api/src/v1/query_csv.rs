//! What a query found, as a file for spreadsheets: the same columns whatever the kind, empty where a kind has none of it.

use axum::response::{IntoResponse, Response};
use cake_control::search::Found;
use cake_i18n::Catalogue;
use cake_planner::csv;
use cake_types::{ByteSize, Language, Meta, Tags};
use http::header;
use std::fmt::Display;

/// Ids of `column-…`.
const COLUMNS: [&str; 13] = [
    "kind",
    "name",
    "state",
    "tags",
    "cpus",
    "memory-bytes",
    "disk-bytes",
    "created",
    "ended",
    "who",
    "what",
    "id",
    "project",
];

#[derive(Default)]
struct Row {
    name: String,
    state: String,
    tags: String,
    cpus: String,
    memory: String,
    disk: String,
    created: String,
    ended: String,
    who: String,
    what: String,
    id: String,
    project: String,
}

pub(super) fn file(found: &[Found], language: Language) -> Response {
    let words = Catalogue::get(language);
    let mut text = String::from(csv::BYTE_ORDER_MARK);
    csv::record(&mut text, &COLUMNS.map(|id| words.text_of(&format!("column-{id}"))));
    for thing in found {
        let Row { name, state, tags, cpus, memory, disk, created, ended, who, what, id, project } =
            row(thing, language);
        let kind = thing.kind().as_str().to_owned();
        csv::record(&mut text, &[kind, name, state, tags, cpus, memory, disk, created, ended, who, what, id, project]);
    }
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"search.csv\""),
    ];
    (headers, text).into_response()
}

impl Row {
    /// What every resource has.
    fn of<Id: Display>(meta: &Meta<Id>) -> Self {
        Self {
            name: meta.name.to_string(),
            created: meta.created_at.to_string(),
            id: meta.id.to_string(),
            project: meta.project.to_string(),
            ..Self::default()
        }
    }
}

fn bytes(size: ByteSize) -> String {
    size.bytes().to_string()
}

fn joined(tags: &Tags) -> String {
    tags.iter().map(|tag| tag.as_str()).collect::<Vec<_>>().join(" ")
}

fn row(thing: &Found, language: Language) -> Row {
    let words = Catalogue::get(language);
    match thing {
        Found::Vm(entry) => {
            let spec = &entry.vm.spec;
            let disk: u64 = spec.disks.iter().map(|disk| disk.size.bytes()).sum();
            let state = if entry.orphaned() { "orphaned" } else { entry.state().as_str() };
            Row {
                state: words.text_of(&format!("state-{state}")).into(),
                tags: joined(&spec.tags),
                cpus: spec.cpus.to_string(),
                memory: bytes(spec.memory),
                disk: disk.to_string(),
                what: spec.made_from.as_ref().map(ToString::to_string).unwrap_or_default(),
                ..Row::of(&entry.vm.meta)
            }
        }
        Found::Image(entry) => Row {
            tags: joined(&entry.image.tags),
            memory: bytes(entry.image.spec.min_memory),
            disk: bytes(entry.image.spec.all_disks()),
            what: words.guest_os(entry.image.spec.os).into(),
            ..Row::of(&entry.image.meta)
        },
        Found::Volume(view) => Row {
            state: words.text_of(&format!("state-{}", view.state.as_str())).into(),
            tags: joined(&view.entry.volume.spec.tags),
            disk: bytes(view.size),
            what: view.vm.as_ref().map(|(entry, _)| entry.vm.meta.name.to_string()).unwrap_or_default(),
            ..Row::of(&view.entry.volume.meta)
        },
        Found::Pool(entry) => Row {
            disk: entry.status.as_ref().map(|status| bytes(status.size)).unwrap_or_default(),
            what: entry.status.as_ref().map(|status| status.path.clone()).unwrap_or_default(),
            ..Row::of(&entry.pool.meta)
        },
        Found::Node(entry) => {
            let state = if entry.connected { "server-connected" } else { "server-unreachable" };
            let capacity = entry.status.as_ref().map(|status| status.capacity);
            Row {
                state: words.text_of(state).into(),
                cpus: capacity.map(|capacity| capacity.cpus.to_string()).unwrap_or_default(),
                memory: capacity.map(|capacity| bytes(capacity.memory)).unwrap_or_default(),
                ..Row::of(&entry.node.meta)
            }
        }
        Found::Account(account) => Row { what: words.role(&account.spec.role.0), ..Row::of(&account.meta) },
        Found::Task(_) | Found::Event(_) | Found::Audit(_) => happened(thing, language),
    }
}

fn happened(thing: &Found, language: Language) -> Row {
    let words = Catalogue::get(language);
    match thing {
        Found::Task(task) => Row {
            name: task.subject.name.clone(),
            state: words.task_state(task.state()).into(),
            created: task.created_at.to_string(),
            ended: task.end.as_ref().map(|end| end.at.to_string()).unwrap_or_default(),
            who: words.actor(&task.created_by),
            what: words.task_end(task).unwrap_or_else(|| words.task_title(task)),
            id: task.id.to_string(),
            project: task.project.to_string(),
            ..Row::default()
        },
        Found::Event(event) => Row {
            name: event.subject.as_ref().map(|subject| subject.name.clone()).unwrap_or_default(),
            state: words.severity(event.severity).into(),
            created: event.at.to_string(),
            what: words.event(event),
            id: event.subject.as_ref().map(|subject| subject.id.to_string()).unwrap_or_default(),
            project: event.project.to_string(),
            ..Row::default()
        },
        Found::Audit(record) => Row {
            name: record.subject.as_ref().map(|subject| subject.name.clone()).unwrap_or_default(),
            state: words.audit_result(&record.result),
            created: record.at.to_string(),
            who: words.actor(&record.actor),
            what: words.operation(&record.action),
            id: record.subject.as_ref().map(|subject| subject.id.to_string()).unwrap_or_default(),
            project: record.project.to_string(),
            ..Row::default()
        },
        _ => Row::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cake_planner::query::Kind;

    #[test]
    fn every_column_has_a_title() {
        for language in Language::ALL {
            for id in COLUMNS {
                assert!(Catalogue::get(language).has(&format!("column-{id}")), "{id}");
            }
            for kind in Kind::ALL {
                assert!(Catalogue::get(language).has(&format!("kind-{}", kind.as_str())), "{kind:?}");
            }
        }
    }
}
