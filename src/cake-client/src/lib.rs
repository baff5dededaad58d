//! Typed client of cake's HTTP API: what the `cake` command, the tests and other Rust programs use.
//!
//! Start from [`Client`]:
//!
//! ```no_run
//! # async fn example() -> Result<(), cake_client::Error> {
//! use cake_client::{Client, Credential, Trust};
//!
//! let trust = Trust::file("/var/lib/cake/ca.pem".as_ref())?;
//! let client = Client::new("https://127.0.0.1:8443", &trust)?.with(Credential::Token("…".into()));
//! for vm in client.vms().await?.items {
//!     println!("{} is {}", vm.name, vm.state);
//! }
//! # Ok(()) }
//! ```
//!
//! ```text
//!  Client ── routes (vms, images, tasks, accounts, system) ──► core: one request, its retries ──► HTTPS, only the rack's own CA
//!     ├── Watch    what changes, by server-sent events; a task's end is awaited there, not asked for again and again
//!     └── Console  a one-time ticket, then bytes both ways over a WebSocket
//! ```
//!
//! Every answer is [`Seen`]: the value as far as this version understands it, the text as the server sent it, and the ETag.
//! The structs are this crate's own and take no notice of fields that they do not know, so that an old client goes on working
//! with a newer server. This crate does not know terminals, languages or where an instance keeps its files, and it can do
//! nothing that the API does not offer.

mod accounts;
mod backups;
mod channels;
mod console;
mod core;
mod error;
mod exports;
mod hosts;
mod images;
mod installation;
mod pdus;
mod screen;
mod server_console;
mod servers;
mod sse;
mod switches;
mod system;
mod tasks;
mod trust;
mod updates;
mod vms;
mod volumes;
mod watch;
pub mod wire;

pub use console::{Console, ConsoleReader, ConsoleWriter};
pub use core::{Client, Credential, ItemsSeen, Seen};
pub use error::{Error, Remote};
pub use images::Download;
pub use screen::{Screen, ScreenMessage};
pub use server_console::{ConsoleNews, ServerConsole, ServerConsoleReader, ServerConsoleWriter};
pub use sse::{Message, Parser};
pub use trust::Trust;
pub use vms::VmAction;
pub use watch::Watch;
