//! The pages. Each is a shell around regions; what a region shows is rendered by the same code for the first time and for every
//! change after it.

pub mod account;
pub mod alerts;
pub mod announcement;
pub mod audit;
pub mod bin;
mod budget;
pub mod cabling;
mod channels;
pub mod console;
mod csv;
pub mod disks;
mod drives;
mod energy;
mod engines;
pub mod error;
pub mod events;
mod exports;
pub mod find;
pub mod help;
mod host;
pub mod images;
pub mod let_in;
mod listing;
pub mod login;
pub mod manifest;
pub mod network;
pub mod new_vm;
mod nics;
pub mod overview;
pub mod pdu;
pub mod pdus;
mod rack;
pub mod search;
mod sensors;
pub mod server;
mod server_cap;
pub mod server_console;
pub mod server_disks;
pub mod server_drives;
mod server_health;
pub mod server_history;
pub mod server_log;
pub mod server_redfish;
pub mod servers;
pub mod settings;
pub mod setup;
mod sticks;
pub mod tasks;
pub mod update;
mod ups;
pub mod usage;
pub mod vm;
pub mod vms;
pub mod week;

use crate::data::{ConsoleData, EventQuery, PageQuery};
use crate::frame::Frame;
use crate::live::Regions;
use crate::show::{self, TaskRow};
use askama::Template;
use axum::extract::Query;
use cake_types::{Task, TaskState};
use std::sync::Arc;
use uuid::Uuid;

/// A task that ended stays on every page for this long.
const SHOWN_AFTER_END: i64 = 20;

/// All regions of the page at this address, those that every page has included.
pub async fn regions(data: &Arc<dyn ConsoleData>, f: &Frame, of: &str) -> Regions {
    let (path, query) = of.split_once('?').unwrap_or((of, ""));
    let mut regions = Regions::default();
    common(data, f, &mut regions).await;
    let parts: Vec<_> = path.split('/').filter(|part| !part.is_empty()).collect();
    match parts.as_slice() {
        [] => overview::regions(data, f, &mut regions).await,
        ["vms"] => vms::regions(data, f, &parsed(query), &mut regions).await,
        ["vms", id] | ["vms", id, "console" | "screen"] => {
            if let Some(view) = find_vm(data, id).await {
                if parts.len() == 2 {
                    vm::regions(data, f, &view, &mut regions).await;
                } else {
                    console::regions(f, &view, &mut regions);
                }
            } else {
                vm::gone(f, &mut regions);
            }
        }
        ["search"] => search::regions(data, f, &parsed(query), &mut regions).await,
        ["images"] => images::regions(data, f, &mut regions).await,
        ["disks"] => disks::regions(data, f, &mut regions).await,
        ["alerts"] => alerts::regions(data, f, &mut regions).await,
        ["hardware"] => server_disks::regions(data, f, &mut regions).await,
        ["servers"] => servers::regions(data, f, &parsed(query), &mut regions).await,
        ["servers", "find"] => find::regions(data, f, &mut regions).await,
        ["servers", id] => match server::find(data, id).await {
            Some(view) => server::regions(data, f, &view, &mut regions).await,
            None => server::gone(f, &mut regions),
        },
        ["servers", id, "console"] => match server::find(data, id).await {
            Some(view) => server_console::regions(f, &view, &mut regions),
            None => server::gone(f, &mut regions),
        },
        ["nodes", node, "network"] => network::regions(data, f, node, &mut regions).await,
        ["cabling"] => cabling::regions(data, f, &mut regions).await,
        ["pdus"] => pdus::regions(data, f, &mut regions).await,
        ["pdus", id] => match pdu::find(data, id).await {
            Some(view) => pdu::regions(data, f, &view, &mut regions).await,
            None => pdu::gone(f, &mut regions),
        },
        ["bin"] => bin::regions(data, f, &mut regions).await,
        ["tasks"] => tasks::regions(data, f, &parsed(query), &mut regions).await,
        ["tasks", id] => tasks::one_region(data, f, id, &mut regions).await,
        ["events"] => events::regions(data, f, &parsed(query), &mut regions).await,
        ["audit"] => audit::regions(data, f, &parsed(query), &mut regions).await,
        ["settings", "update"] => update::regions(data, f, &mut regions).await,
        ["settings"] => settings::regions(data, f, &mut regions).await,
        _ => {}
    }
    regions
}

/// A query string that was a page's own; what can't be read is as if it were not there.
fn parsed<T: serde::de::DeserializeOwned + Default>(query: &str) -> T {
    let uri = format!("/?{query}").parse().unwrap_or_default();
    Query::try_from_uri(&uri).map(|Query(query)| query).unwrap_or_default()
}

async fn find_vm(data: &Arc<dyn ConsoleData>, id: &str) -> Option<Arc<crate::data::VmView>> {
    data.vm(id.parse().ok()?).await
}

/// The numbers beside "Tasks" and "Alerts", and the tasks of the moment.
async fn common(data: &Arc<dyn ConsoleData>, f: &Frame, regions: &mut Regions) {
    let active = data.active_tasks().await;
    let title = f.tv("count-tasks", "count", active.len());
    regions.add("nav-tasks", &Badge { count: active.len(), title });
    let unseen = alerts::unseen(data).await;
    regions.add("nav-alerts", &Badge { count: unseen, title: f.tv("health-attention", "count", unseen) });
    let mut tasks: Vec<Arc<Task>> = active.into_iter().take(4).collect();
    let ended = data.finished_tasks(&PageQuery { limit: 4, ..PageQuery::default() }).await;
    for task in ended.map(|page| page.items).unwrap_or_default() {
        let lately = task.end.as_ref().is_some_and(|end| f.now.as_second() - end.at.as_second() < SHOWN_AFTER_END);
        if lately && task.end.as_ref().is_some_and(|end| end.state != TaskState::Cancelled) {
            tasks.push(task);
        }
    }
    regions.add("activity", &Activity { f, tasks: show::task_rows(f, &tasks) });
}

#[derive(Template)]
#[template(path = "parts/badge.html")]
struct Badge {
    count: usize,
    title: String,
}

#[derive(Template)]
#[template(path = "parts/activity.html")]
struct Activity<'a> {
    f: &'a Frame,
    tasks: Vec<TaskRow>,
}

/// What is done and was done with a thing, and what happened to it: at most so many that have ended, the newest first.
pub async fn activity(
    data: &Arc<dyn ConsoleData>,
    f: &Frame,
    subject: Uuid,
    shown: usize,
) -> (Vec<TaskRow>, Vec<show::EventRow>) {
    let mut tasks = data.active_tasks().await;
    tasks.retain(|task| task.subject.id == subject);
    let page = PageQuery { limit: shown, subject: Some(subject), ..PageQuery::default() };
    tasks.extend(data.finished_tasks(&page).await.map(|page| page.items).unwrap_or_default());
    let query = EventQuery { page, ..EventQuery::default() };
    let events = data.events(&query).await.map(|page| page.items).unwrap_or_default();
    (show::task_rows(f, &tasks), events.iter().map(|event| show::event_row(f, event)).collect())
}

/// A list of tasks, as several pages have one.
#[derive(Template)]
#[template(path = "parts/task_rows.html")]
pub struct TaskRows<'a> {
    pub f: &'a Frame,
    pub tasks: Vec<TaskRow>,
    /// What an empty list says.
    pub empty: &'static str,
}

/// A list of events, as several pages have one.
#[derive(Template)]
#[template(path = "parts/event_rows.html")]
pub struct EventRows<'a> {
    pub f: &'a Frame,
    pub events: Vec<show::EventRow>,
    pub empty: &'static str,
}
