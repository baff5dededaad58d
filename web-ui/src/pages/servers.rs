//! `GET /servers`: the rack and how it is, the same as a list, and as CSV.

use super::budget;
use super::csv;
use super::energy;
use super::listing::{self, Column, FilterLink, Filters, Tools, natural};
use super::rack;
use super::server::BmcForm;
use super::server_health::{self, Trouble, is_on, mark, needs_attention, now, trouble};
use crate::data::{ConsoleData, ServerView};
use crate::frame::{Frame, Inside};
use crate::live::Regions;
use crate::show::Mark;
use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use cake_planner::server;
use cake_types::{BmcAccess, RackPlace, ServerStatus};
use serde::Deserialize;
use std::cmp::Ordering;
use std::sync::Arc;

/// What the address asks for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ListQuery {
    /// Words that all stand somewhere in what the row shows.
    pub q: String,
    pub show: Filter,
    pub sort: Sort,
    /// The other way round.
    pub down: Option<u8>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Filter {
    #[default]
    All,
    Attention,
    On,
    Off,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sort {
    #[default]
    Name,
    State,
    Watts,
    Inlet,
    Outlet,
    Place,
}

impl Filter {
    const ALL: [(Self, &'static str); 4] =
        [(Self::All, "all"), (Self::Attention, "attention"), (Self::On, "on"), (Self::Off, "off")];

    fn takes(self, view: &ServerView) -> bool {
        match self {
            Self::All => true,
            Self::Attention => needs_attention(view),
            Self::On => is_on(view) == Some(true),
            Self::Off => is_on(view) == Some(false),
        }
    }

    fn word(self) -> &'static str {
        Self::ALL.iter().find(|(known, _)| *known == self && self != Self::All).map_or("", |(_, word)| word)
    }
}

impl Sort {
    const fn word(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::State => "state",
            Self::Watts => "watts",
            Self::Inlet => "inlet",
            Self::Outlet => "outlet",
            Self::Place => "place",
        }
    }

    /// What is compared, where that is a number; the place from above, as one looks at a rack.
    fn number(self, view: &ServerView) -> Option<f64> {
        let air = || now(view).map(|status| server::air(&status.sensors)).unwrap_or_default();
        match self {
            Self::Name | Self::State => None,
            Self::Watts => now(view).and_then(|status| status.watts),
            Self::Inlet => air().inlet,
            Self::Outlet => air().outlet,
            Self::Place => view.server.spec.place.map(|place| -f64::from(place.unit)),
        }
    }
}

impl ListQuery {
    fn takes(&self, f: &Frame, view: &ServerView) -> bool {
        let spec = &view.server.spec;
        let shown = [
            view.server.meta.name.as_str(),
            view.node.as_ref().map_or("", |node| node.as_str()),
            spec.bmc.as_ref().map_or("", |bmc| &bmc.host),
            &spec.note,
            mark(f, view).word,
        ];
        let shown = shown.map(str::to_lowercase);
        self.show.takes(view)
            && self.q.to_lowercase().split_whitespace().all(|word| shown.iter().any(|text| text.contains(word)))
    }

    fn order(&self, a: &ServerView, b: &ServerView) -> Ordering {
        let by_name = || natural(a.server.meta.name.as_str(), b.server.meta.name.as_str());
        let (left, right) = (self.sort.number(a), self.sort.number(b));
        // What has no value stands last, whichever way it is sorted.
        let last = right.is_some().cmp(&left.is_some());
        let first = match self.sort {
            Sort::Name => by_name(),
            Sort::State => b.health.cmp(&a.health),
            _ => left.zip(right).map_or(Ordering::Equal, |(left, right)| left.total_cmp(&right)),
        };
        let first = if self.down.is_some() { first.reverse() } else { first };
        last.then(first).then_with(by_name).then_with(|| a.server.meta.id.cmp(&b.server.meta.id))
    }

    /// The address of this list with something changed.
    fn address(&self, path: &str, filter: Filter, sort: Sort, down: bool) -> String {
        let sort = if sort == Sort::Name { "" } else { sort.word() };
        let parts = [("q", &*self.q), ("show", filter.word()), ("sort", sort), ("down", if down { "1" } else { "" })];
        listing::address(path, &parts)
    }
}

#[derive(Template)]
#[template(path = "servers.html")]
struct Page<'a> {
    f: &'a Frame,
    r: Regions,
    tools: Tools,
    any: bool,
    columns: Vec<Column>,
    bmc: BmcForm,
    accesses: Vec<(&'static str, &'static str)>,
    /// A server at least says what it draws.
    energy: bool,
    budget: budget::Form,
}

pub async fn page(
    State(data): State<Arc<dyn ConsoleData>>,
    Inside(f): Inside,
    Query(query): Query<ListQuery>,
) -> Response {
    let r = super::regions(&data, &f, &f.here).await;
    let energy = !r.get("rack-energy").is_empty();
    f.page(&Page {
        f: &f,
        r,
        energy,
        budget: budget::form(data.settings().await.and_then(|view| view.settings.power_budget)),
        tools: Tools {
            action: "/servers",
            label: f.t("servers-search"),
            q: query.q.clone(),
            hidden: vec![
                ("show", query.show.word()),
                ("sort", if query.sort == Sort::Name { "" } else { query.sort.word() }),
                ("down", if query.down.is_some() { "1" } else { "" }),
            ],
            csv: query.address("/servers.csv", query.show, query.sort, query.down.is_some()),
        },
        any: !data.servers().await.is_empty(),
        columns: columns(&f, &query),
        bmc: BmcForm::of(None),
        accesses: accesses(&f),
    })
}

/// Ways to a BMC over the network. Its own a node finds by itself.
pub fn accesses(f: &Frame) -> Vec<(&'static str, &'static str)> {
    let all = BmcAccess::ALL.iter().filter(|access| **access != BmcAccess::Local);
    all.map(|access| (access.as_str(), f.t(f.id("bmc-access-", access.as_str())))).collect()
}

fn columns(f: &Frame, query: &ListQuery) -> Vec<Column> {
    let column = |id, class, sort: Option<Sort>| {
        let here = sort == Some(query.sort);
        let down = here && query.down.is_none();
        let address = sort.map(|sort| query.address("/servers", query.show, sort, down));
        Column::new(f, id, class, address, here, query.down.is_some())
    };
    vec![
        column("name", "", Some(Sort::Name)),
        column("state", "", Some(Sort::State)),
        column("power", "", None),
        column("watts", "number", Some(Sort::Watts)),
        column("inlet", "number", Some(Sort::Inlet)),
        column("outlet", "number", Some(Sort::Outlet)),
        column("node", "", None),
        column("place", "number", Some(Sort::Place)),
    ]
}

#[derive(Template)]
#[template(path = "parts/server_rows.html")]
struct Rows<'a> {
    f: &'a Frame,
    rows: Vec<Row>,
    nothing_found: bool,
}

pub struct Row {
    pub id: String,
    pub name: String,
    pub mark: Mark,
    /// Beside the state: what is the matter.
    trouble: Option<Trouble>,
    pub on: Option<bool>,
    pub lit: bool,
    pub watts: Option<String>,
    inlet: Option<String>,
    outlet: Option<String>,
    pub air: Option<String>,
    /// cake's own machine.
    pub node: Option<String>,
    pub guests: Option<String>,
    place: Option<RackPlace>,
}

impl Row {
    pub fn of(f: &Frame, view: &ServerView, guests: usize) -> Self {
        let status = now(view);
        let air = status.map(|status| server::air(&status.sensors)).unwrap_or_default();
        let degrees = |degrees: f64| f.words.measured(degrees, "celsius");
        let both = air.inlet.zip(air.outlet).map(|(inlet, outlet)| {
            let inlet = f.words.measured(inlet, "none");
            f.tvv("rack-air", "inlet", inlet, "outlet", degrees(outlet))
        });
        Self {
            id: view.server.meta.id.to_string(),
            name: view.server.meta.name.to_string(),
            mark: mark(f, view),
            trouble: trouble(f, view),
            on: is_on(view),
            lit: status.and_then(|status| status.chassis?.identify) == Some(true),
            watts: status.and_then(|status| status.watts).map(|watts| f.words.measured(watts.round(), "watt")),
            inlet: air.inlet.map(degrees),
            outlet: air.outlet.map(degrees),
            air: both.or(air.inlet.or(air.outlet).map(degrees)),
            node: view.node.as_ref().map(ToString::to_string),
            // Every VM runs on the one node that there is.
            guests: view.node.as_ref().map(|_| f.tv("server-guests-running", "count", guests)),
            place: view.server.spec.place,
        }
    }

    /// For ears, and for who holds a pointer over it.
    pub fn label(&self, f: &Frame) -> String {
        let power = self.on.map(|on| f.t(if on { "server-on" } else { "server-off" }).to_owned());
        let said = [Some(self.mark.word.to_owned()), power, self.air.clone(), self.watts.clone(), self.guests.clone()];
        let said: Vec<String> = said.into_iter().flatten().collect();
        f.tvv("rack-slot", "name", &self.name, "says", said.join(f.t("comma")))
    }

    fn power(&self, f: &Frame) -> Option<Mark> {
        let (key, icon, tone) = if self.on? { ("on", "running", "good") } else { ("off", "stopped", "off") };
        Some(Mark { key, word: f.t(f.id("server-", key)), icon, tone })
    }
}

pub async fn regions(data: &Arc<dyn ConsoleData>, f: &Frame, query: &ListQuery, regions: &mut Regions) {
    let (all, vms) = (data.servers().await, data.vms().await);
    let guests = rack::guests(&vms);
    regions.add("rack-health", &server_health::region(f, &all));
    regions.add("rack", &rack::rack(f, &all, guests));
    if let Some(energy) = data.energy().await.as_ref().and_then(|known| energy::of_rack(f, known)) {
        regions.add("rack-energy", &energy);
    }
    if !all.is_empty() {
        regions.add("power-budget", &budget::region(data, f).await);
    }
    let link = |&(filter, word): &(Filter, &'static str)| FilterLink {
        word,
        title: f.t(format!("server-filter-{word}")),
        count: all.iter().filter(|view| ListQuery { show: filter, ..query.clone() }.takes(f, view)).count(),
        address: query.address("/servers", filter, query.sort, query.down.is_some()),
        current: filter == query.show,
    };
    regions.add("server-filters", &Filters { filters: Filter::ALL.iter().map(link).collect() });
    let found = found(f, &all, query);
    let nothing_found = found.is_empty() && !all.is_empty();
    let rows = found.iter().map(|view| Row::of(f, view, guests)).collect();
    regions.add("server-rows", &Rows { f, rows, nothing_found });
}

fn found<'a>(f: &Frame, all: &'a [Arc<ServerView>], query: &ListQuery) -> Vec<&'a ServerView> {
    let mut found: Vec<&ServerView> = all.iter().map(|view| &**view).filter(|view| query.takes(f, view)).collect();
    found.sort_by(|a, b| query.order(a, b));
    found
}

/// `GET /servers.csv`: the list as it is filtered and sorted.
pub async fn csv(
    State(data): State<Arc<dyn ConsoleData>>,
    Inside(f): Inside,
    Query(query): Query<ListQuery>,
) -> Response {
    let (all, vms) = (data.servers().await, data.vms().await);
    let guests = rack::guests(&vms);
    let columns = [
        "name",
        "id",
        "state",
        "problem",
        "power",
        "watts-number",
        "inlet-number",
        "outlet-number",
        "node",
        "vms",
        "unit",
        "height",
        "bmc",
        "note",
    ];
    let found = found(&f, &all, &query);
    let rows = found.iter().map(|view| {
        let (spec, row) = (&view.server.spec, Row::of(&f, view, guests));
        let status = now(view);
        let air = status.map(|status| server::air(&status.sensors)).unwrap_or_default();
        let number = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
        let trouble = row.trouble.as_ref().map(|trouble| {
            let name = trouble.name.iter().map(|name| format!("{name}{}", f.t("colon")));
            format!("{}{}", name.collect::<String>(), trouble.what.text)
        });
        [
            row.name.clone(),
            row.id.clone(),
            row.mark.word.to_owned(),
            trouble.unwrap_or_default(),
            row.power(&f).map_or("", |mark| mark.word).to_owned(),
            number(status.and_then(|status: &ServerStatus| status.watts)),
            number(air.inlet),
            number(air.outlet),
            row.node.clone().unwrap_or_default(),
            row.node.as_ref().map(|_| guests.to_string()).unwrap_or_default(),
            spec.place.map(|place| place.unit.to_string()).unwrap_or_default(),
            spec.place.map(|place| place.height.to_string()).unwrap_or_default(),
            spec.bmc.as_ref().map(|bmc| bmc.host.clone()).unwrap_or_default(),
            spec.note.clone(),
        ]
    });
    csv::answer(&f, "servers", columns, rows)
}
