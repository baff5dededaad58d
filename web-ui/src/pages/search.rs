//! `GET /search`: one search over everything that the viewer's lists show, grouped by kind. The box in the frame shows the same
//! groups.

use crate::data::{ConsoleData, Found};
use crate::frame::{Frame, Inside};
use crate::live::Regions;
use crate::pages::listing::{Search, address};
use crate::show::{self, Mark};
use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use cake_planner::query::Kind;
use cake_types::{AuditResult, Problem};
use serde::Deserialize;
use std::sync::Arc;

/// Shown of each kind while all kinds are searched, and of one kind alone.
const EACH: usize = 6;
const ALONE: usize = 100;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct PageQuery {
    pub q: Search,
}

#[derive(Template)]
#[template(path = "search.html")]
struct Page<'a> {
    f: &'a Frame,
    r: Regions,
    q: String,
    csv: String,
    saved: Vec<Saved>,
    examples: Vec<(&'static str, &'static str, String)>,
}

/// A search that is kept.
struct Saved {
    id: String,
    name: String,
    text: String,
    address: String,
    etag: String,
}

#[derive(Template)]
#[template(path = "parts/found.html")]
struct Groups<'a> {
    f: &'a Frame,
    groups: Vec<Group>,
    /// Something was asked for and nothing was found.
    nothing: bool,
    problem: Option<String>,
}

struct Group {
    kind: &'static str,
    title: &'static str,
    hits: Vec<Hit>,
    /// Where the rest is.
    more: Option<String>,
}

struct Hit {
    icon: &'static str,
    title: String,
    /// What people wrote: not to be translated.
    own: bool,
    note: Option<String>,
    mark: Option<Mark>,
    tags: Vec<String>,
    address: String,
}

pub async fn page(
    State(data): State<Arc<dyn ConsoleData>>,
    Inside(f): Inside,
    Query(query): Query<PageQuery>,
) -> Response {
    let q = query.q.text().to_owned();
    let saved = match &f.viewer {
        Some(viewer) => data.saved_queries(viewer.account).await,
        None => Vec::new(),
    };
    let saved = saved.into_iter().map(|(query, etag)| Saved {
        id: query.id.to_string(),
        name: query.name.to_string(),
        address: address("/search", &[("q", &query.text)]),
        text: query.text,
        etag,
    });
    let r = super::regions(&data, &f, &f.here).await;
    f.page(&Page {
        f: &f,
        r,
        csv: address("/v1/query", &[("format", "csv"), ("q", &q)]),
        q,
        saved: saved.collect(),
        examples: examples(&f),
    })
}

/// What can be asked, each with what it finds and where it leads.
fn examples(f: &Frame) -> Vec<(&'static str, &'static str, String)> {
    let mut all = vec![
        ("kind:vm state:running memory>=4GiB", "search-example-and"),
        ("tag:accounts OR tag:test", "search-example-or"),
        ("kind:vm -state:running", "search-example-not"),
        ("created>2026-11-01 kind:vm,image", "search-example-time"),
        ("severity:error age<7d", "search-example-age"),
        ("kind:task state:failed", "search-example-task"),
    ];
    if f.may_audit() {
        all.push(("kind:audit result:refused age<1d", "search-example-audit"));
    }
    let example = |(text, id)| (text, f.t(id), address("/search", &[("q", text)]));
    all.into_iter().map(example).collect()
}

pub async fn regions(data: &Arc<dyn ConsoleData>, f: &Frame, query: &PageQuery, regions: &mut Regions) {
    query.q.say(f, regions);
    let found = find(data, f, query).await;
    let problem = found.as_ref().err().map(|problem| f.words.problem(problem).what);
    let groups = found.unwrap_or_default();
    let nothing = groups.is_empty() && problem.is_none() && !query.q.is_empty() && query.q.filter().is_some();
    regions.add("found", &Groups { f, groups, nothing, problem });
}

async fn find(data: &Arc<dyn ConsoleData>, f: &Frame, query: &PageQuery) -> Result<Vec<Group>, Problem> {
    let (Some(filter), Some(viewer)) = (query.q.filter(), &f.viewer) else { return Ok(Vec::new()) };
    if filter.is_empty() {
        return Ok(Vec::new());
    }
    let alone = Kind::ALL.iter().filter(|kind| filter.may_find(**kind)).count() == 1;
    let each = if alone { ALONE } else { EACH };
    let found = data.search(viewer, f.words, &filter, each).await?;
    let mut groups: Vec<Group> = Vec::new();
    for thing in &found {
        let kind = kind(thing);
        if groups.last().is_none_or(|group| group.kind != kind.as_str()) {
            let title = f.t(format!("found-{}", kind.as_str()));
            groups.push(Group { kind: kind.as_str(), title, hits: Vec::new(), more: None });
        }
        let group = groups.last_mut().expect("one was just put there");
        if group.hits.len() + 1 < each || alone {
            group.hits.push(hit(f, thing));
        } else {
            let text = filter.clone().of_kind(kind).to_string();
            group.more = Some(address("/search", &[("q", &text)]));
        }
    }
    Ok(groups)
}

fn kind(thing: &Found) -> Kind {
    match thing {
        Found::Vm(_) => Kind::Vm,
        Found::Image(_) => Kind::Image,
        Found::Volume(_) => Kind::Volume,
        Found::Pool(_) => Kind::Pool,
        Found::Node(_) => Kind::Node,
        Found::Task(_) => Kind::Task,
        Found::Event(_) => Kind::Event,
        Found::Audit(_) => Kind::Audit,
        Found::Account(_) => Kind::Account,
    }
}

impl Hit {
    fn named(icon: &'static str, title: impl ToString, address: impl Into<String>) -> Self {
        let (title, address) = (title.to_string(), address.into());
        Self { icon, title, own: true, note: None, mark: None, tags: Vec::new(), address }
    }

    fn said(icon: &'static str, title: String, address: Option<String>, otherwise: &str) -> Self {
        Self { own: false, ..Self::named(icon, title, address.unwrap_or_else(|| otherwise.into())) }
    }
}

fn hit(f: &Frame, thing: &Found) -> Hit {
    match thing {
        Found::Vm(view) => Hit {
            mark: Some(show::vm_mark(f, view)),
            tags: view.vm.spec.tags.iter().map(ToString::to_string).collect(),
            ..Hit::named("vms", &view.vm.meta.name, format!("/vms/{}", view.vm.meta.id))
        },
        Found::Image(view) => Hit {
            note: Some(super::images::title(f, view)),
            tags: view.image.tags.iter().map(ToString::to_string).collect(),
            ..Hit::named("images", &view.image.meta.name, format!("/images#image-{}", view.image.meta.id))
        },
        Found::Volume(view) => {
            let state = f.t(format!("state-{}", view.state.as_str()));
            let note = format!("{} · {state}", view.size);
            let tags = view.volume.spec.tags.iter().map(ToString::to_string).collect();
            let address = format!("/disks#volume-{}", view.volume.meta.id);
            Hit { note: Some(note), tags, ..Hit::named("disks", &view.volume.meta.name, address) }
        }
        Found::Pool(view) => {
            let free = view.status.as_ref().map(|status| f.tvv("of-free", "free", status.free, "all", status.size));
            Hit { note: free, ..Hit::named("pool", &view.pool.meta.name, "/settings") }
        }
        Found::Node(view) => {
            let state = if view.connected { "server-connected" } else { "server-unreachable" };
            Hit { note: Some(f.t(state).into()), ..Hit::named("server", &view.node.meta.name, "/settings") }
        }
        Found::Task(task) => Hit {
            mark: Some(show::task_mark(f, task)),
            note: Some(f.time(&task.created_at)),
            ..Hit::said("tasks", f.words.task_title(task), Some(format!("/tasks/{}", task.id)), "/tasks")
        },
        Found::Event(event) => {
            let row = show::event_row(f, event);
            let (mark, note) = (Some(row.severity), Some(row.time));
            Hit { mark, note, ..Hit::said("events", row.sentence, row.address, "/events") }
        }
        Found::Audit(record) => {
            let subject = record.subject.as_ref();
            let name = subject.map(|subject| subject.name.as_str()).unwrap_or_default();
            let who = f.words.actor(&record.actor);
            let title = f.words.text_with(
                if name.is_empty() { "found-did" } else { "found-did-to" },
                &[("who", &who), ("what", &f.words.operation(&record.action)), ("name", name)],
            );
            let refused = matches!(record.result, AuditResult::Refused { .. });
            let note = if refused { f.words.audit_result(&record.result) } else { f.time(&record.at) };
            Hit { note: Some(note), ..Hit::said("audit", title, subject.and_then(show::address), "/audit") }
        }
        Found::Account(account) => {
            Hit { note: Some(f.words.role(&account.role.0)), ..Hit::named("account", &account.name, "/settings") }
        }
    }
}
