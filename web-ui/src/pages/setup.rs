//! `GET /setup`: the wizard. All its steps are one page; the answers stay in the browser until the last step sends them.

use crate::data::{ConsoleData, SetupView};
use crate::frame::Frame;
use crate::pages::{network, settings};
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "setup.html")]
struct Page<'a> {
    f: &'a Frame,
    view: SetupView,
    zones: Vec<String>,
    steps: Vec<&'static str>,
    /// Where the server's network is cake's: what its step begins with.
    network: Option<network::Form>,
    /// A name to begin with: the server's own, if it is one.
    name: String,
}

/// The wizard's steps, in order. `setup-step-ID` is what each is called.
const STEPS: [&str; 7] = ["language", "network", "administrator", "name", "zone", "pool", "review"];
/// Those of a server that runs from a stick: its disks are cake's own.
const INSTALLER_STEPS: [&str; 7] = ["language", "network", "administrator", "name", "zone", "disks", "review"];

pub async fn page(State(data): State<Arc<dyn ConsoleData>>, f: Frame) -> Response {
    let view = data.setup().await;
    if view.done {
        return f.redirect("/");
    }
    let name = view.host_name.clone().filter(|name| name.parse::<cake_types::Name>().is_ok()).unwrap_or_default();
    let network = network::ours(&data).await;
    let steps = if view.installer { INSTALLER_STEPS } else { STEPS };
    let steps = steps.into_iter().filter(|step| *step != "network" || network.is_some()).collect();
    f.page(&Page { f: &f, view, zones: settings::zones(None), steps, network, name })
}
