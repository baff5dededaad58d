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

mod data;

pub use data::{
    About, AccountView, Change, Changes, ConsoleData, EventQuery, ImageView, NodeView, PageOf, PageQuery, PoolView,
    SettingsView, SetupView, Viewer, VmView,
};

use std::sync::Arc;

/// The console's pages, live updates and static files. To be merged with the API's router, beneath the session middleware.
pub fn router(data: Arc<dyn ConsoleData>) -> axum::Router {
    axum::Router::new().with_state(data)
}
