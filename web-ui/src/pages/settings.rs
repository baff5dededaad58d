//! `GET /settings`: what holds for the whole cloud, its servers and pools, and who may log in.

use super::overview::{PoolRow, Server, pool, server};
use crate::data::{About, ConsoleData, SettingsView};
use crate::frame::{Frame, Inside};
use crate::live::Regions;
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use cake_types::Language;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "settings.html")]
struct Page<'a> {
    f: &'a Frame,
    r: Regions,
    view: SettingsView,
    languages: Vec<(&'static str, &'static str, bool)>,
    zones: Vec<String>,
    servers: Vec<Server>,
    pools: Vec<PoolRow>,
    accounts: Vec<AccountRow>,
    roles: Vec<(String, String)>,
    about: About,
    up: String,
}

pub struct AccountRow {
    id: String,
    name: String,
    role: String,
    role_word: String,
    disabled: bool,
    created: String,
    etag: String,
    /// The viewer: cannot lock itself out.
    own: bool,
}

pub async fn page(State(data): State<Arc<dyn ConsoleData>>, Inside(f): Inside) -> Response {
    let Some(view) = data.settings().await else { return f.redirect("/setup") };
    let (vms, nodes, pools) = (data.vms().await, data.nodes().await, data.pools().await);
    let accounts = if f.may_administer() { data.accounts().await } else { Vec::new() };
    let own = f.viewer.as_ref().map(|viewer| viewer.account);
    let accounts = accounts
        .into_iter()
        .map(|account| AccountRow {
            id: account.id.to_string(),
            name: account.name.to_string(),
            role_word: f.words.role(&account.role.0),
            role: account.role.0,
            disabled: account.disabled,
            created: f.date(&account.created_at),
            etag: account.etag,
            own: own == Some(account.id),
        })
        .collect();
    let about = data.about().await;
    let roles =
        cake_types::built_in_roles().into_iter().map(|role| (f.words.role(&role.name.0), role.name.0)).collect();
    let language = view.settings.language;
    let r = super::regions(&data, &f, "/settings").await;
    f.page(&Page {
        f: &f,
        r,
        languages: languages(language),
        zones: zones(),
        servers: nodes.iter().map(|node| server(&f, node, &vms)).collect(),
        pools: pools.iter().map(|p| pool(p)).collect(),
        accounts,
        roles,
        up: f.since(&about.started_at),
        about,
        view,
    })
}

/// The languages: tag, own name, whether it is this one.
pub fn languages(chosen: Language) -> Vec<(&'static str, &'static str, bool)> {
    let own_name = |language| cake_i18n::Catalogue::get(language).text("language-own-name");
    Language::ALL.into_iter().map(|language| (language.tag(), own_name(language), language == chosen)).collect()
}

/// The time zones that the system knows, as places: `Asia/Taipei`.
pub fn zones() -> Vec<String> {
    let mut zones: Vec<String> = jiff::tz::db()
        .available()
        .map(|name| name.to_string())
        .filter(|name| name.contains('/') && !name.starts_with("Etc/") && !name.starts_with("posix/"))
        .filter(|name| !name.starts_with("right/") && !name.starts_with("SystemV/"))
        .collect();
    zones.push("UTC".into());
    zones.sort_unstable();
    zones.dedup();
    zones
}
