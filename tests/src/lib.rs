//! The whole house, tried from outside: the real programs, real QEMU guests, a real browser.
//!
//! Start from [`Instance`]: one running cake in a directory of its own, on ports of its own, gone when it is dropped.
//!
//! ```text
//!  suite ──► Instance ── cake-node (root) ── QEMU …     every process is ended by its pid, the QEMUs too
//!     │         └─────── caked (another uid)
//!     ├──► cake_client::Client      the API
//!     ├──► Cake                     the `cake` program, as a person or a script runs it
//!     ├──► Terminal                 a serial console: type, and wait for what the guest says
//!     └──► Browser                  Chromium through ChromeDriver
//! ```
//!
//! A whole server, with firmware, disks and a TPM, is a [`machine::Machine`]: the image is tried on it ([`appliance`]). What a power
//! cut leaves of its disk is made, and looked at, by [`cuts`].
//!
//! Nothing here waits by sleeping: it waits for a line, an event, a message or the end of a process, and gives up after a time
//! that a loaded machine never needs. This crate knows the programs only by their arguments, output and API.

pub mod appliance;
mod browser;
mod cake;
pub mod cuts;
mod instance;
pub mod machine;
mod place;
mod process;
mod raw;
pub mod table;
mod terminal;

pub use browser::{Browser, Viewport, test_id};
pub use cake::{Cake, Said};
pub use instance::{ADMIN, Instance, PASSWORD, SETUP_LANGUAGE, answers, pvh, qemus_of};
pub use place::{Place, workspace};
pub use process::{Daemon, Process, Resident, is_alive};
pub use raw::{Raw, Reply};
pub use terminal::Terminal;

use std::time::Duration;

/// Longer than anything takes on a loaded machine; reached only when something is wrong.
pub const DEADLINE: Duration = Duration::from_secs(120);

/// Waits for a future up to [`DEADLINE`] and says what did not come.
pub async fn in_time<T>(what: &str, future: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    match tokio::time::timeout(DEADLINE, future).await {
        Ok(result) => result.map_err(|error| error.context(what.to_owned())),
        Err(_) => anyhow::bail!("{what}: not within {} s", DEADLINE.as_secs()),
    }
}
