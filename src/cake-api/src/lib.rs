//! The HTTP contract, and the handlers that fulfil it.
//!
//! ```text
//!  request ─► outer (id, language, headers) ─► guard (who, may they, once only) ─► v1 handler ─► cake-control
//!                  │                                                                  │
//!                  └──◄ problem body, in every language ◄─────────── Refused ◄────────┘
//! ```
//!
//! Start from [`router`], the table of all routes. A handler extracts, converts, calls a service of cake-control and converts
//! back; who may use it stands in the table. This crate deliberately does not know TLS, the Store's keys, a node or a page.

mod access;
mod ask;
pub mod body;
mod docs;
mod file;
pub mod guard;
mod openapi;
mod openmetrics;
mod page;
mod problem;
mod router;
mod said;
mod security;
mod state;
pub mod v1;
mod wire;

pub use ask::{At, Reader, etag};
pub use openapi::document;
pub use problem::Refused;
pub use router::{operations, router};
pub use said::Said;
pub use state::Api;
pub use v1::channels::Letters;
pub use v1::vm_wire::VmJson;
