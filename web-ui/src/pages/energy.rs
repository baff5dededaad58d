//! What servers draw: on the page of the rack a table, on a server's page a line.

use crate::data::{EnergyPart, EnergyView, ServerEnergyView};
use crate::frame::Frame;
use askama::Template;
use cake_planner::energy_price::cost;
use cake_types::{EnergyPrice, ServerId};

/// VMs whose part is shown; those that do nothing have none.
const VMS: usize = 8;

#[derive(Template)]
#[template(path = "parts/rack_energy.html")]
pub struct RackEnergy<'a> {
    f: &'a Frame,
    rows: Vec<Row>,
    all: Option<Row>,
    vms: Vec<(String, String, String)>,
    /// Some of the time is not known.
    gaps: bool,
}

struct Row {
    id: String,
    name: String,
    watts: Option<String>,
    this: Option<Said>,
    last: Option<Said>,
}

/// Energy, and what part of the time it is known of where that is not all.
pub struct Said {
    pub energy: String,
    /// What it costs, where there is a price.
    pub cost: Option<String>,
    pub known: Option<String>,
}

/// Nothing is said of a time of which nothing is known.
fn said(f: &Frame, part: EnergyPart, price: Option<&EnergyPrice>) -> Option<Said> {
    let percent = (part.known * 100.0).floor();
    let known = (percent < 99.0).then(|| f.tv("energy-known", "percent", percent.max(1.0)));
    let cost = price.map(|price| f.words.money(cost(part.kilowatt_hours, price), &price.currency));
    (part.known > 0.0).then(|| Said { energy: f.words.kilowatt_hours(part.kilowatt_hours), cost, known })
}

fn watts(f: &Frame, watts: f64) -> String {
    f.words.measured(watts.round(), "watt")
}

fn row(f: &Frame, server: &ServerEnergyView, price: Option<&EnergyPrice>) -> Row {
    let ServerEnergyView { id, name, watts: drawn, this_month, last_month } = server;
    Row {
        id: id.to_string(),
        name: name.to_string(),
        watts: drawn.map(|drawn| watts(f, drawn)),
        this: said(f, *this_month, price),
        last: said(f, *last_month, price),
    }
}

/// `None`: no server says what it draws.
pub fn of_rack<'a>(f: &'a Frame, energy: &EnergyView) -> Option<RackEnergy<'a>> {
    let servers = &energy.servers;
    if servers.is_empty() {
        return None;
    }
    let price = energy.price.as_ref();
    let rows: Vec<Row> = servers.iter().map(|server| row(f, server, price)).collect();
    let all = (servers.len() > 1).then(|| Row {
        id: String::new(),
        name: f.t("energy-all").into(),
        watts: energy.watts.map(|drawn| watts(f, drawn)),
        this: said(f, energy.this_month, price),
        last: said(f, energy.last_month, price),
    });
    let vms = energy.vms.iter().take(VMS);
    let is_known = |said: &Option<Said>| said.as_ref().is_none_or(|said| said.known.is_none());
    Some(RackEnergy {
        f,
        gaps: !rows.iter().all(|row| is_known(&row.this)),
        rows,
        all,
        vms: vms.map(|(id, name, drawn)| (id.to_string(), name.to_string(), watts(f, *drawn))).collect(),
    })
}

/// This month and the last, of one server.
pub fn of_server(f: &Frame, energy: Option<&EnergyView>, id: ServerId) -> (Option<Said>, Option<Said>) {
    let found = energy.and_then(|energy| energy.servers.iter().find(|server| server.id == id));
    let price = energy.and_then(|energy| energy.price.as_ref());
    found.map_or((None, None), |server| (said(f, server.this_month, price), said(f, server.last_month, price)))
}
