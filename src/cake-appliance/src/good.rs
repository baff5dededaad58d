//! Whether this version works: the console answers over TLS, which it does only with its Store open and the root agent reached.

use anyhow::{Context, Result};
use cake_client::{Client, Trust};
use std::path::Path;
use std::time::Duration;

use crate::mode::{Mode, RUN, STATE};

/// The console on this server.
const CONSOLE: &str = "https://127.0.0.1";

/// Returns when it does. The unit that runs this has the patience.
pub fn wait() -> Result<()> {
    match Mode::read(Path::new(RUN)) {
        Some(Mode::Installed) => {}
        // The installer has nothing to keep, and a locked server says nothing about its version.
        _ => return Ok(()),
    }
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let version = runtime.block_on(console())?;
    println!("the console of cake {version} answers");
    Ok(())
}

async fn console() -> Result<String> {
    let trust =
        Trust::file(&Path::new(STATE).join("caked/ca.pem")).context("the console's authority cannot be read")?;
    let client = Client::new(CONSOLE, &trust)?.patient(Duration::from_secs(300));
    Ok(client.version().await.context("the console does not answer")?.value.version)
}
