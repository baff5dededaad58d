//! The web console: pages rendered on the server from what [`ConsoleData`] tells, and the few static files that go with them.
//!
//! Start from [`router`]; its pages read through [`ConsoleData`], which the composition root implements. Who looks is the
//! [`Viewer`] in the request's extensions, put there by the API's session middleware.
//!
//! ```text
//!  browser ── GET /vms ─────► router ──► pages ──► ConsoleData (implemented by caked)
//!     │                         └──────► /live: the same regions again, whenever something changed
//!     └─── POST /v1/vms … ─────────────► cake-api   (static/cake.js; never through this crate)
//! ```
//!
//! This crate deliberately can't change anything: it has GETs only, and does not know the Store, the nodes or the API's code.

mod assets;
mod causes;
mod data;
mod frame;
mod icons;
mod live;
mod pages;
mod show;

pub use data::{
    About, AccountView, AnnouncementView, BackupView, BinView, BudgetView, CertificateView, Change, Changes,
    ChannelView, ConsoleData, DeviceView, EnergyPart, EnergyView, EventQuery, ExportView, Found, ImageView, ImportView,
    NodeView, PageOf, PageQuery, PoolView, ScanView, ServerEnergyView, ServerLogView, ServerView, SettingsView,
    SetupView, SupportView, UpdateView, Viewer, VmView, VolumeView,
};

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::get;
use std::sync::Arc;

/// What a page may load and do. No inline script or style anywhere: what is not in a static file does not run.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     connect-src 'self'; font-src 'self'; manifest-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// The console's pages, live updates and static files, and the page for addresses that lead nowhere (its fallback). To be
/// merged with the API's router, beneath the middleware that puts the [`Viewer`] into the request's extensions.
pub fn router(data: Arc<dyn ConsoleData>) -> Router {
    Router::new()
        .route("/", get(pages::overview::page))
        .route("/setup", get(pages::setup::page))
        .route("/login", get(pages::login::page))
        .route("/let-in", get(pages::let_in::page))
        .route("/vms", get(pages::vms::page))
        .route("/vms.csv", get(pages::vms::csv))
        .route("/vms/new", get(pages::new_vm::page))
        .route("/vms/{vm}", get(pages::vm::page))
        .route("/vms/{vm}/screen", get(pages::console::screen))
        .route("/vms/{vm}/console", get(pages::console::serial))
        .route("/images", get(pages::images::page))
        .route("/disks", get(pages::disks::page))
        .route("/hardware", get(pages::server_disks::page))
        .route("/servers", get(pages::servers::page))
        .route("/servers.csv", get(pages::servers::csv))
        .route("/servers/find", get(pages::find::page))
        .route("/servers/{server}", get(pages::server::page))
        .route("/servers/{server}/console", get(pages::server_console::page))
        .route("/servers/{server}/firmware", get(pages::server_redfish::firmware))
        .route("/servers/{server}/bios", get(pages::server_redfish::bios))
        .route("/servers/{server}/media", get(pages::server_redfish::media))
        .route("/servers/{server}/drives", get(pages::server_drives::drives))
        .route("/servers/{server}/history", get(pages::server_history::page))
        .route("/servers/{server}/log", get(pages::server_log::log))
        .route("/servers/{server}/parts", get(pages::server_log::parts))
        .route("/nodes/{node}/network", get(pages::network::page))
        .route("/cabling", get(pages::cabling::page))
        .route("/pdus", get(pages::pdus::page))
        .route("/pdus/{pdu}", get(pages::pdu::page))
        .route("/bin", get(pages::bin::page))
        .route("/alerts", get(pages::alerts::page))
        .route("/week", get(pages::week::page))
        .route("/tasks", get(pages::tasks::page))
        .route("/tasks.csv", get(pages::tasks::csv))
        .route("/tasks/{task}", get(pages::tasks::one))
        .route("/events", get(pages::events::page))
        .route("/events.csv", get(pages::events::csv))
        .route("/audit", get(pages::audit::page))
        .route("/audit.csv", get(pages::audit::csv))
        .route("/search", get(pages::search::page))
        .route("/settings", get(pages::settings::page))
        .route("/settings/update", get(pages::update::page))
        .route("/account", get(pages::account::page))
        .route("/help", get(pages::help::index))
        .route("/help/{page}", get(pages::help::page))
        .route("/manifest.webmanifest", get(pages::manifest::manifest))
        .route("/live", get(live::live))
        .route("/static/{hash}/{*name}", get(assets::serve))
        .fallback(pages::error::not_found)
        .layer(middleware::from_fn(guard))
        .with_state(data)
}

/// Headers that every answer of the console has.
async fn guard(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // Pages show what is secret to others: no cache keeps them.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
