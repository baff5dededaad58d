//! Starting: listen first, so that nobody who was told the address is turned away, then put the rooms together.

use crate::console::Console;
use crate::instance::Instance;
use crate::tls;
use anyhow::Context;
use axum_server::Handle;
use axum_server::accept::NoDelayAcceptor;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use cake_api::Api;
use cake_control::{Control, Place};
use cake_store::SystemClock;
use cake_web::About;
use std::io::Write;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// How long answers under way may take after SIGTERM. Watches never end by themselves.
const LAST_ANSWERS: Duration = Duration::from_millis(500);

#[derive(clap::Args)]
pub struct Options {
    /// caked's own directory; made if it is missing.
    #[arg(long)]
    state: PathBuf,
    /// The node's socket.
    #[arg(long)]
    node_socket: PathBuf,
    /// Where to answer; port 0 is any free one.
    #[arg(long, default_value = "127.0.0.1:8443")]
    https: SocketAddr,
    /// A descriptor that gets one line when everything answers.
    #[arg(long)]
    ready_fd: Option<RawFd>,
    /// For testing pages: `?lang=pseudo` shows them in an invented language.
    #[arg(long)]
    pseudo_language: bool,
}

pub async fn serve(options: Options) -> anyhow::Result<()> {
    start_log();
    let Options { state, node_socket, https, ready_fd, pseudo_language } = options;
    std::fs::create_dir_all(&state).with_context(|| format!("{} can't be made", state.display()))?;
    let listener = TcpListener::bind(https).with_context(|| format!("{https} can't be listened on"))?;
    let address = listener.local_addr()?;
    let identity = tls::load_or_make(&state, &names(address), time::OffsetDateTime::now_utc())?;
    let instance = Instance {
        url: format!("https://{address}"),
        fingerprint: identity.fingerprint.clone(),
        ca: identity.ca.clone(),
        version: env!("CARGO_PKG_VERSION").into(),
    };
    let about = About {
        version: instance.version.clone(),
        tls_fingerprint: Some(identity.fingerprint.clone()),
        started_at: jiff::Timestamp::now(),
        pseudo_language,
    };
    let place = Place { state: state.clone(), node_socket };
    let control = Arc::new(Control::start(&place, cake_api::renderer(), Arc::new(SystemClock)).await?);
    let pages = cake_web::router(Arc::new(Console { control: control.clone(), about }));
    let app = cake_api::router(Api::new(&control), pages);

    instance.write(&state)?;
    tracing::info!(url = %instance.url, "answering");
    let handle = Handle::new();
    let server = axum_server::from_tcp(listener)?
        .acceptor(RustlsAcceptor::new(RustlsConfig::from_config(identity.config)).acceptor(NoDelayAcceptor))
        .handle(handle.clone())
        .serve(app.into_make_service_with_connect_info::<SocketAddr>());
    let server = tokio::spawn(server);
    tell_ready(ready_fd, &instance)?;
    until_asked_to_end().await?;
    tracing::info!("ending");
    handle.graceful_shutdown(Some(LAST_ANSWERS));
    server.await??;
    match Arc::into_inner(control) {
        Some(control) => control.stop().await,
        // A watch still holds it; everything acknowledged is on the disk already.
        None => tracing::debug!("ending with readers"),
    }
    Ok(())
}

fn start_log() {
    use tracing_subscriber::EnvFilter;
    let filter = EnvFilter::try_from_env("CAKE_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(false).init();
}

/// The names that the certificate answers to.
fn names(address: SocketAddr) -> Vec<String> {
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".into(), "::1".into()];
    let own: IpAddr = address.ip();
    if !own.is_unspecified() && !names.contains(&own.to_string()) {
        names.push(own.to_string());
    }
    let host = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
    // A name that is no DNS name would make the whole certificate impossible.
    if let Some(host) = host.filter(|host| host.parse::<cake_types::HostName>().is_ok() && !names.contains(host)) {
        names.push(host);
    }
    names
}

fn tell_ready(fd: Option<RawFd>, instance: &Instance) -> anyhow::Result<()> {
    let Some(fd) = fd else { return Ok(()) };
    // SAFETY: the number was given on the command line for exactly this, and nothing else in this program uses it.
    let mut pipe = std::fs::File::from(unsafe { OwnedFd::from_raw_fd(fd) });
    writeln!(pipe, "ready {}", serde_json::to_string(instance)?).context("nobody waits for readiness")
}

async fn until_asked_to_end() -> std::io::Result<()> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
