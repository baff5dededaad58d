//! `/v1/announcement`: the console's name on the network, `NAME.local`.

use axum::extract::State;
use axum::response::Response;
use cake_types as domain;
use serde::Serialize;
use utoipa::ToSchema;

use crate::ask::ready_json;
use crate::problem::ProblemBody;
use crate::state::Api;

/// What machines on the network are told of the console. The settings `announce` and `local_name` change it.
#[derive(Serialize, ToSchema)]
pub struct Announcement {
    /// `announced`: the machines on the network were told. `asking`: they are asked whether one of them has the name. Nothing is
    /// told: `off` by the settings; `this-machine-only`, where the console listens; `no-link` with a cable and an address;
    /// `nameless`, until the server says what tells it from others; `failed`.
    pub state: &'static str,
    /// Such as `cake-7xkq2.local`, told or asked for.
    pub name: Option<String>,
    /// The name that was wished for: another one where somebody else on the network has it.
    pub wanted: Option<String>,
    /// Where a browser finds the console by that name.
    pub url: Option<String>,
    /// Addresses to which the name leads.
    pub addresses: Vec<String>,
    /// Why it failed, for support, in English.
    pub because: Option<String>,
}

impl Announcement {
    fn new(now: domain::Announcement, url: Option<String>) -> Self {
        let domain::Announcement { state, label, wanted, addresses, because } = now;
        let local = |label: Option<String>| label.as_deref().map(domain::local);
        let addresses = addresses.iter().map(ToString::to_string).collect();
        Self { state: state.as_str(), name: local(label), wanted: local(wanted), url, addresses, because }
    }
}

/// What machines on the network are told of the console.
#[utoipa::path(get, path = "/v1/announcement", operation_id = "announcement_get", tag = "settings",
    responses((status = 200, body = Announcement), (status = "default", body = ProblemBody)))]
pub(crate) async fn get(State(api): State<Api>) -> Response {
    let shown = Announcement::new(api.announcer.get(), api.announcer.url());
    ready_json(serde_json::to_vec(&shown).expect("an announcement is JSON"))
}
