//! `GET /vms`, and the same list as CSV.

use crate::data::{ConsoleData, VmView};
use crate::frame::{Frame, Inside};
use crate::live::Regions;
use crate::pages::csv;
use crate::pages::listing::{self, Column, FilterLink, Filters, Search, Tools, natural};
use crate::show::{self, Mark};
use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use cake_planner::query;
use cake_types::{ByteSize, VmState};
use serde::Deserialize;
use std::cmp::Ordering;
use std::sync::Arc;

/// Rows of one page.
const ROWS: usize = 100;

/// What the address asks for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ListQuery {
    pub q: Search,
    pub show: Filter,
    pub sort: Sort,
    /// The other way round.
    pub down: Option<u8>,
    /// From 1.
    pub page: Option<usize>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Filter {
    #[default]
    All,
    Running,
    Stopped,
    Attention,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sort {
    #[default]
    Name,
    State,
    Cpus,
    Memory,
    Created,
}

impl Filter {
    const ALL: [(Self, &'static str); 4] =
        [(Self::All, "all"), (Self::Running, "running"), (Self::Stopped, "stopped"), (Self::Attention, "attention")];

    fn takes(self, view: &VmView) -> bool {
        match self {
            Self::All => true,
            Self::Running => show::vm_state(view).is_alive(),
            Self::Stopped => show::vm_state(view) == VmState::Stopped,
            Self::Attention => show::needs_attention(view),
        }
    }
}

impl Sort {
    const fn word(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::State => "state",
            Self::Cpus => "cpus",
            Self::Memory => "memory",
            Self::Created => "created",
        }
    }
}

impl ListQuery {
    fn found(&self, f: &Frame, view: &VmView) -> bool {
        self.q.takes(f, &show::vm_item(view))
    }

    /// This list as a search, for actions on all of it; `None` where the language has no word for it.
    fn as_search(&self) -> Option<String> {
        let states = match self.show {
            Filter::All => "",
            Filter::Running => "state:starting,running,paused,shutting-down,stopping",
            Filter::Stopped => "state:stopped",
            Filter::Attention => return None,
        };
        let states = query::Filter::parse(states).ok()?;
        Some(self.q.filter()?.and(states).to_string())
    }

    fn order(&self, a: &VmView, b: &VmView) -> Ordering {
        let by_name = || natural(a.vm.meta.name.as_str(), b.vm.meta.name.as_str());
        let first = match self.sort {
            Sort::Name => by_name(),
            Sort::State => show::vm_state(a).as_str().cmp(show::vm_state(b).as_str()),
            Sort::Cpus => a.vm.spec.cpus.cmp(&b.vm.spec.cpus),
            Sort::Memory => a.vm.spec.memory.cmp(&b.vm.spec.memory),
            Sort::Created => a.vm.meta.created_at.cmp(&b.vm.meta.created_at),
        };
        let first = if self.down.is_some() { first.reverse() } else { first };
        first.then_with(by_name).then_with(|| a.vm.meta.id.cmp(&b.vm.meta.id))
    }

    /// The address of this list with something changed.
    fn address(&self, path: &str, filter: Filter, sort: Sort, down: bool, page: usize) -> String {
        let show = Filter::ALL.iter().find(|(known, _)| *known == filter && filter != Filter::All);
        let page = (page > 1).then(|| page.to_string());
        listing::address(
            path,
            &[
                ("q", self.q.text()),
                ("show", show.map_or("", |(_, word)| word)),
                ("sort", if sort == Sort::Name { "" } else { sort.word() }),
                ("down", if down { "1" } else { "" }),
                ("page", page.as_deref().unwrap_or("")),
            ],
        )
    }
}

#[derive(Template)]
#[template(path = "vms.html")]
struct Page<'a> {
    f: &'a Frame,
    r: Regions,
    tools: Tools,
    /// There are VMs at all; without one the page teaches how to make the first.
    any: bool,
    columns: Vec<Column>,
    /// Actions for several at once, as far as the viewer may.
    verbs: Vec<&'static str>,
}

pub async fn page(
    State(data): State<Arc<dyn ConsoleData>>,
    Inside(f): Inside,
    Query(query): Query<ListQuery>,
) -> Response {
    let r = super::regions(&data, &f, &f.here).await;
    let vms = data.vms().await;
    let show = Filter::ALL.iter().find(|(known, _)| *known == query.show).map_or("all", |(_, word)| word);
    f.page(&Page {
        f: &f,
        r,
        tools: Tools {
            action: "/vms",
            label: f.t("vms-search"),
            q: query.q.text().to_owned(),
            hidden: vec![
                ("show", if show == "all" { "" } else { show }),
                ("sort", if query.sort == Sort::Name { "" } else { query.sort.word() }),
                ("down", if query.down.is_some() { "1" } else { "" }),
            ],
            csv: query.address("/vms.csv", query.show, query.sort, query.down.is_some(), 1),
        },
        any: !vms.is_empty(),
        columns: columns(&f, &query),
        verbs: verbs(&f, &vms),
    })
}

/// The engine is a matter only where one is outdated.
fn verbs(f: &Frame, vms: &[Arc<VmView>]) -> Vec<&'static str> {
    let engine = |view: &Arc<VmView>| view.status.as_ref()?.engine.as_ref().map(|engine| engine.outdated);
    let mut verbs = vec!["start", "shutdown", "stop"];
    if vms.iter().any(|view| engine(view) == Some(true)) {
        verbs.push("replace-engine");
    }
    if f.may_manage() {
        verbs.extend(["tag", "bin"]);
    }
    verbs
}

fn columns(f: &Frame, query: &ListQuery) -> Vec<Column> {
    let column = |id, class, sort: Option<Sort>| {
        let here = sort == Some(query.sort);
        let down = here && query.down.is_none();
        let address = sort.map(|sort| query.address("/vms", query.show, sort, down, 1));
        Column::new(f, id, class, address, here, query.down.is_some())
    };
    vec![
        column("name", "", Some(Sort::Name)),
        column("state", "", Some(Sort::State)),
        column("image", "", None),
        column("cpus", "number", Some(Sort::Cpus)),
        column("memory", "number", Some(Sort::Memory)),
        column("disk", "number", None),
        column("usage", "number", None),
        column("created", "", Some(Sort::Created)),
    ]
}

pub async fn regions(data: &Arc<dyn ConsoleData>, f: &Frame, query: &ListQuery, regions: &mut Regions) {
    let all = data.vms().await;
    let mut found: Vec<_> = all.iter().filter(|view| query.found(f, view)).collect();
    query.q.say(f, regions);
    let filters = Filter::ALL
        .iter()
        .map(|&(filter, word)| FilterLink {
            word,
            title: f.t(format!("filter-{word}")),
            count: found.iter().filter(|view| filter.takes(view)).count(),
            address: query.address("/vms", filter, query.sort, query.down.is_some(), 1),
            current: filter == query.show,
        })
        .collect();
    regions.add("vm-filters", &Filters { filters });
    found.retain(|view| query.show.takes(view));
    found.sort_by(|a, b| query.order(a, b));
    let (total, page) = (found.len(), query.page.unwrap_or(1).clamp(1, 1_000_000));
    let rows = found.iter().skip((page - 1) * ROWS).take(ROWS).map(|view| row(f, view)).collect();
    regions.add("vm-rows", &Rows { f, rows, nothing_found: total == 0 && !all.is_empty() });
    let at = |page| query.address("/vms", query.show, query.sort, query.down.is_some(), page);
    regions.add(
        "vm-pager",
        &Pager {
            f,
            total,
            from: total.min((page - 1) * ROWS + 1),
            to: total.min(page * ROWS),
            before: (page > 1).then(|| at(page - 1)),
            after: (page * ROWS < total).then(|| at(page + 1)),
            everything: query.as_search(),
        },
    );
}

#[derive(Template)]
#[template(path = "parts/vm_rows.html")]
struct Rows<'a> {
    f: &'a Frame,
    rows: Vec<Row>,
    nothing_found: bool,
}

#[derive(Template)]
#[template(path = "parts/pager.html")]
struct Pager<'a> {
    f: &'a Frame,
    total: usize,
    from: usize,
    to: usize,
    before: Option<String>,
    after: Option<String>,
    everything: Option<String>,
}

struct Row {
    id: String,
    name: String,
    mark: Mark,
    /// Beside the state: progress, or how it ended.
    note: Option<String>,
    tags: Vec<String>,
    image: String,
    cpus: u32,
    memory: ByteSize,
    /// `None`: it starts without one.
    disk: Option<ByteSize>,
    usage: Option<String>,
    created: String,
    created_exact: String,
    can: String,
}

fn row(f: &Frame, view: &VmView) -> Row {
    let (meta, spec) = (&view.vm.meta, &view.vm.spec);
    Row {
        id: meta.id.to_string(),
        name: meta.name.to_string(),
        mark: show::vm_mark(f, view),
        note: note(f, view),
        tags: spec.tags.iter().map(ToString::to_string).collect(),
        image: spec.made_from.as_ref().map_or_else(|| "–".into(), ToString::to_string),
        cpus: spec.cpus,
        memory: spec.memory,
        disk: show::disks(view),
        usage: show::cpu_percent(view),
        created: f.date(&meta.created_at),
        created_exact: f.time(&meta.created_at),
        can: show::legal(view).join(" "),
    }
}

fn note(f: &Frame, view: &VmView) -> Option<String> {
    let status = view.status.as_ref()?;
    if let Some(progress) = status.progress {
        return Some(format!("{} %", show::percent(progress.done, progress.total)));
    }
    if let Some(failure) = &status.failure {
        return Some(f.words.failure(failure.code).into());
    }
    let halted = status.halted_by.filter(|_| status.state == VmState::Stopped)?;
    Some(f.words.halted(&halted).into())
}

/// `GET /vms.csv`: the list as it is filtered and sorted, all of it.
pub async fn csv(
    State(data): State<Arc<dyn ConsoleData>>,
    Inside(f): Inside,
    Query(query): Query<ListQuery>,
) -> Response {
    let mut found: Vec<_> = data.vms().await;
    found.retain(|view| query.found(&f, view) && query.show.takes(view));
    found.sort_by(|a, b| query.order(a, b));
    let columns = ["name", "id", "project", "state", "image", "cpus", "memory-bytes", "disk-bytes", "created", "tags"];
    let rows = found.iter().map(|view| {
        let (meta, spec) = (&view.vm.meta, &view.vm.spec);
        let disk: u64 = spec.disks.iter().map(|disk| disk.size.bytes()).sum();
        [
            meta.name.to_string(),
            meta.id.to_string(),
            meta.project.to_string(),
            show::vm_mark(&f, view).word.to_owned(),
            spec.made_from.as_ref().map(ToString::to_string).unwrap_or_default(),
            spec.cpus.to_string(),
            spec.memory.bytes().to_string(),
            disk.to_string(),
            meta.created_at.to_string(),
            show::tags(&spec.tags),
        ]
    });
    csv::answer(&f, "vms", columns, rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_only_what_is_not_as_usual() {
        let query = ListQuery { q: Search::from("a b"), ..ListQuery::default() };
        assert_eq!(query.address("/vms", Filter::All, Sort::Name, false, 1), "/vms?q=a%20b");
        let plain = ListQuery::default();
        assert_eq!(
            plain.address("/vms", Filter::Running, Sort::Cpus, true, 3),
            "/vms?show=running&sort=cpus&down=1&page=3"
        );
    }
}
