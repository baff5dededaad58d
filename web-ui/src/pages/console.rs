//! `GET /vms/{vm}/screen` and `GET /vms/{vm}/console`: the two consoles of a VM. `static/screen.js` and `static/terminal.js` ask for
//! tickets and speak with `/v1/screen/{ticket}` and `/v1/console/{ticket}`.

use crate::data::{ConsoleData, VmView};
use crate::frame::{Frame, Inside};
use crate::live::Regions;
use crate::show::{self, Mark};
use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use cake_types::{Firmware, Problem};
use std::sync::Arc;

#[derive(Template)]
#[template(path = "console.html")]
struct Serial<'a> {
    f: &'a Frame,
    r: Regions,
    id: String,
    name: &'a str,
    at: &'static str,
}

#[derive(Template)]
#[template(path = "screen.html")]
struct Screen<'a> {
    f: &'a Frame,
    r: Regions,
    id: String,
    name: &'a str,
    at: &'static str,
    has_screen: bool,
    /// Its kernel is started directly: such machines are made without a screen.
    direct: bool,
}

pub async fn serial(State(data): State<Arc<dyn ConsoleData>>, Inside(f): Inside, Path(id): Path<String>) -> Response {
    let Some(view) = super::find_vm(&data, &id).await else {
        return super::error::problem(&data, &f, Problem::not_found("vm", id)).await;
    };
    if !f.may_operate() {
        let problem = Problem::new(cake_types::Code::NotAllowed).with("permission", "operate");
        return super::error::problem(&data, &f, problem).await;
    }
    let r = super::regions(&data, &f, &f.here).await;
    f.page(&Serial { f: &f, r, id: view.vm.meta.id.to_string(), name: view.vm.meta.name.as_str(), at: "serial" })
}

/// Whoever may see the VM may look at its screen.
pub async fn screen(State(data): State<Arc<dyn ConsoleData>>, Inside(f): Inside, Path(id): Path<String>) -> Response {
    let Some(view) = super::find_vm(&data, &id).await else {
        return super::error::problem(&data, &f, Problem::not_found("vm", id)).await;
    };
    let r = super::regions(&data, &f, &f.here).await;
    let hardware = &view.vm.spec.hardware;
    f.page(&Screen {
        f: &f,
        r,
        id: view.vm.meta.id.to_string(),
        name: view.vm.meta.name.as_str(),
        at: "screen",
        has_screen: hardware.has_screen(),
        direct: hardware.firmware == Firmware::Direct,
    })
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
            can_start: f.may_operate() && show::legal(view).contains(&"start"),
        },
    );
}
