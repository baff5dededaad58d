//! `GET /servers/{server}/console`: a server's serial console through its BMC. `static/terminal.js` asks for tickets and speaks with
//! `/v1/server-console/{ticket}`.

use super::server;
use super::server_health;
use crate::data::{ConsoleData, ServerView};
use crate::frame::{Frame, Inside};
use crate::live::Regions;
use crate::show::Mark;
use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use cake_types::{Code, Problem};
use std::sync::Arc;

#[derive(Template)]
#[template(path = "server_console.html")]
struct Page<'a> {
    f: &'a Frame,
    r: Regions,
    id: String,
    name: &'a str,
}

pub async fn page(State(data): State<Arc<dyn ConsoleData>>, Inside(f): Inside, Path(id): Path<String>) -> Response {
    let Some(view) = server::find(&data, &id).await else {
        let problem = Problem::not_found("server", &id);
        return super::error::problem(&data, &f, problem).await;
    };
    if !f.may_operate() {
        let problem = Problem::new(Code::NotAllowed).with("permission", "operate");
        return super::error::problem(&data, &f, problem).await;
    }
    if !server::has_bmc(&view) {
        let problem = Problem::new(Code::NoBmc).with("name", &view.server.meta.name);
        return super::error::problem(&data, &f, problem).await;
    }
    let r = super::regions(&data, &f, &format!("/servers/{}/console", view.server.meta.id)).await;
    f.page(&Page { f: &f, r, id: view.server.meta.id.to_string(), name: view.server.meta.name.as_str() })
}

#[derive(Template)]
#[template(path = "parts/server_console_state.html")]
struct Situation<'a> {
    f: &'a Frame,
    mark: Mark,
    power: Option<&'static str>,
}

pub fn regions(f: &Frame, view: &ServerView, regions: &mut Regions) {
    let heard = view.status.as_ref().filter(|status| status.problem.is_none());
    let on = heard.and_then(|status| status.chassis).map(|chassis| chassis.on);
    let power = on.map(|on| f.t(if on { "server-says-on" } else { "server-says-off" }));
    regions.add("console-server", &Situation { f, mark: server_health::mark(f, view), power });
}
