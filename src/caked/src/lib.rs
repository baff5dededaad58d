//! The control daemon: puts Store, control plane, API and console behind one HTTPS address.
//!
//! ```text
//!  caked serve ─► certificates (cake-control) ─► listener (TLS) ─► cake-api + cake-web ─► cake-control
//!  caked status · caked setup: read the state directory, speak to the running one over HTTPS
//! ```
//!
//! Start from [`serve::Running`], the whole daemon as a value, which the tests start in process too. It deliberately knows no
//! rule of its own: what is right is decided in the rooms below.

pub mod console_data;
pub mod listener;
pub mod serve;
pub mod setup;
pub mod status;
pub mod tls;
