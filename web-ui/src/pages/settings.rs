//! `GET /settings`: what holds for the whole cloud, its servers and pools, and who may log in.

use super::overview::{PoolRow, Server, pool, server};
use super::{announcement, channels, host, ups};
use crate::data::{About, BackupView, CertificateView, ConsoleData, SettingsView, SupportView};
use crate::frame::{Frame, Inside};
use crate::live::Regions;
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use cake_planner::energy_price::per_kwh;
use cake_types::{ByteSize, Language};
use std::sync::Arc;

#[derive(Template)]
#[template(path = "settings.html")]
struct Page<'a> {
    f: &'a Frame,
    r: Regions,
    view: SettingsView,
    languages: Vec<(&'static str, &'static str, bool)>,
    zones: Vec<String>,
    roles: Vec<(String, String)>,
    about: About,
    up: String,
    /// Names by which the console is known, in one text.
    names: String,
    /// What a kilowatt-hour costs, as somebody wrote it; empty where nobody did.
    per_kwh: String,
    currency: String,
    announcement: announcement::Form,
    ups: ups::Form,
    /// What a webhook can speak.
    channel_forms: [channels::Form<'a>; 4],
    hosts: Vec<host::Form>,
}

#[derive(Template)]
#[template(path = "parts/servers.html")]
struct Servers<'a> {
    f: &'a Frame,
    servers: Vec<Server>,
    pools: Vec<PoolRow>,
}

#[derive(Template)]
#[template(path = "parts/certificate.html")]
struct Certificate<'a> {
    f: &'a Frame,
    source: &'static str,
    view: &'a CertificateView,
}

#[derive(Template)]
#[template(path = "parts/account_rows.html")]
struct Accounts<'a> {
    f: &'a Frame,
    accounts: Vec<AccountRow>,
    roles: Vec<(String, String)>,
}

#[derive(Template)]
#[template(path = "parts/backup_rows.html")]
struct Backups<'a> {
    f: &'a Frame,
    backups: Vec<BackupRow>,
    needs_key: bool,
}

struct BackupRow {
    id: String,
    made_at: String,
    size: ByteSize,
    etag: String,
}

#[derive(Template)]
#[template(path = "parts/support_rows.html")]
struct Bundles<'a> {
    f: &'a Frame,
    bundles: Vec<BundleRow>,
}

struct BundleRow {
    id: String,
    made_at: String,
    size: ByteSize,
    files: Vec<(String, ByteSize)>,
    etag: String,
}

struct AccountRow {
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
    let about = data.about().await;
    let language = view.settings.language;
    let r = super::regions(&data, &f, "/settings").await;
    f.page(&Page {
        f: &f,
        r,
        languages: languages(language),
        zones: zones(Some(&view.settings.time_zone)),
        roles: roles(&data, &f).await,
        up: f.since(&about.started_at),
        names: view.settings.names.join(" "),
        per_kwh: view.settings.energy_price.as_ref().map(per_kwh).unwrap_or_default(),
        currency: view.settings.energy_price.as_ref().map(|price| price.currency.clone()).unwrap_or_default(),
        announcement: announcement::Form::of(&view.settings),
        hosts: data.nodes().await.iter().filter_map(|node| host::Form::of(node)).collect(),
        ups: ups::Form::of(data.ups().await.0.as_ref()),
        channel_forms: channels::Form::blank(&f, language),
        about,
        view,
    })
}

pub async fn regions(data: &Arc<dyn ConsoleData>, f: &Frame, regions: &mut Regions) {
    let (vms, nodes, pools) = (data.vms().await, data.nodes().await, data.pools().await);
    let servers = nodes.iter().map(|node| server(f, node, &vms)).collect();
    regions.add("settings-servers", &Servers { f, servers, pools: pools.iter().map(|p| pool(p)).collect() });
    regions.add("settings-host", &host::region(data, f, &nodes, &vms).await);
    let (spec, etag) = data.ups().await;
    let supplies = nodes.iter().filter_map(|node| ups::supply(f, node)).collect();
    regions.add("settings-ups", &ups::Region { f, supplies, watched: spec.is_some(), etag });
    regions.add("settings-announcement", &announcement::region(f, data.announcement().await));
    let view = data.certificate().await;
    regions.add("settings-certificate", &Certificate { f, source: view.info.source.as_str(), view: &view });
    if f.may_administer() {
        regions.add("channel-rows", &channels::region(f, data.channels().await));
        let (backups, needs_key) = data.backups().await;
        let row = |BackupView { id, made_at, size, etag }| BackupRow {
            id: id.to_string(),
            made_at: f.time(&made_at),
            size,
            etag,
        };
        regions.add("backup-rows", &Backups { f, backups: backups.into_iter().map(row).collect(), needs_key });
        let row = |SupportView { id, made_at, size, files, etag }| BundleRow {
            id: id.to_string(),
            made_at: f.time(&made_at),
            size,
            files,
            etag,
        };
        let bundles = data.support_bundles().await.into_iter().map(row).collect();
        regions.add("support-rows", &Bundles { f, bundles });
        let accounts = account_rows(data, f).await;
        regions.add("account-rows", &Accounts { f, accounts, roles: roles(data, f).await });
    }
}

/// What each role is called, and its name.
async fn roles(data: &Arc<dyn ConsoleData>, f: &Frame) -> Vec<(String, String)> {
    data.roles().await.into_iter().map(|role| (f.words.role(&role.name.0), role.name.0)).collect()
}

async fn account_rows(data: &Arc<dyn ConsoleData>, f: &Frame) -> Vec<AccountRow> {
    let own = f.viewer.as_ref().map(|viewer| viewer.account);
    let accounts = data.accounts().await;
    accounts
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
        .collect()
}

/// The languages: tag, own name, whether it is this one.
pub fn languages(chosen: Language) -> Vec<(&'static str, &'static str, bool)> {
    let own_name = |language| cake_i18n::Catalogue::get(language).text("language-own-name");
    Language::ALL.into_iter().map(|language| (language.tag(), own_name(language), language == chosen)).collect()
}

/// The time zones that the system knows, as places: `Asia/Taipei`. The one that holds now is always among them, whatever it is
/// called: without it a form would choose another one unseen.
pub fn zones(now: Option<&str>) -> Vec<String> {
    let mut zones: Vec<String> = jiff::tz::db()
        .available()
        .map(|name| name.to_string())
        .filter(|name| name.contains('/') && !name.starts_with("Etc/") && !name.starts_with("posix/"))
        .filter(|name| !name.starts_with("right/") && !name.starts_with("SystemV/"))
        .collect();
    zones.push("UTC".into());
    zones.extend(now.map(Into::into));
    zones.sort_unstable();
    zones.dedup();
    zones
}
