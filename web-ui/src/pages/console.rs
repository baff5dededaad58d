//! `GET /vms/{vm}/console`: the serial console. `static/terminal.js` asks for a ticket and speaks with `/v1/console/{ticket}`.

use crate::data::{ConsoleData, VmView};
use crate::frame::{Frame, Inside};
use crate::live::Regions;
use crate::show::{self, Mark};
use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use cake_types::Problem;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "console.html")]
struct Page<'a> {
    f: &'a Frame,
    r: Regions,
    id: String,
    name: &'a str,
}

pub async fn page(State(data): State<Arc<dyn ConsoleData>>, Inside(f): Inside, Path(id): Path<String>) -> Response {
    let Some(view) = super::find_vm(&data, &id).await else {
        return super::error::problem(&data, &f, Problem::not_found("vm", id)).await;
    };
    if !f.may_operate() {
        let problem = Problem::new(cake_types::Code::NotAllowed).with("permission", "operate");
        return super::error::problem(&data, &f, problem).await;
    }
    let r = super::regions(&data, &f, &f.here).await;
    f.page(&Page { f: &f, r, id: view.vm.meta.id.to_string(), name: view.vm.meta.name.as_str() })
}

#[derive(Template)]
#[template(path = "parts/console_state.html")]
struct ConsoleState<'a> {
    f: &'a Frame,
    id: String,
    mark: Mark,
    alive: bool,
    can_start: bool,
}

pub fn regions(f: &Frame, view: &VmView, regions: &mut Regions) {
    regions.add(
        "console-vm",
        &ConsoleState {
            f,
            id: view.vm.meta.id.to_string(),
            mark: show::vm_mark(f, view),
            alive: show::vm_state(view).is_alive(),
            can_start: show::legal(view).contains(&"start"),
        },
    );
}
