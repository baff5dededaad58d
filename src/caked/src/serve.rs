//! The whole daemon.

use anyhow::{Context, Result};
use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use cake_api::{Api, VmJson, guard};
use cake_control::accounts::{Identity, Proof};
use cake_control::board::What;
use cake_control::{Control, Place};
use cake_store::{Clock, SystemClock};
use cake_types::Language;
use rustls::server::NoServerSessionStorage;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::authority::Authority;
use crate::console_data::Data;
use crate::listener::Listener;
use crate::status::{self, Instance};

/// What the command line says.
#[derive(Clone, Debug)]
pub struct Options {
    pub state: PathBuf,
    pub node_socket: PathBuf,
    /// Port 0 takes a free one.
    pub https: SocketAddr,
}

/// How often the certificate's age is looked at.
const RENEW_EVERY: Duration = Duration::from_secs(12 * 60 * 60);

/// A daemon that answers.
pub struct Running {
    pub instance: Instance,
    pub address: SocketAddr,
    control: Control,
    ending: watch::Sender<bool>,
    listener: JoinHandle<()>,
    renewal: JoinHandle<()>,
}

impl Running {
    pub async fn start(options: &Options) -> Result<Self> {
        Self::start_at(options, Arc::new(SystemClock)).await
    }

    /// With the time of day as a parameter.
    pub async fn start_at(options: &Options, clock: Arc<dyn Clock>) -> Result<Self> {
        let Options { state, node_socket, https } = options;
        std::fs::create_dir_all(state).with_context(|| format!("{} can't be made", state.display()))?;
        let tcp = TcpListener::bind(https).await.with_context(|| format!("{https} can't be listened on"))?;
        let address = tcp.local_addr()?;
        let authority = Authority::open(state, address)?;
        let (ports, log) = (vec![address.port()], cake_daemon::log::recent);
        let place = Place { state: state.clone(), node_socket: node_socket.clone(), ports, log };
        let control = Control::start(&place, Arc::new(VmJson), clock).await?;
        let instance = Instance {
            url: status::url(address),
            address,
            fingerprint: authority.fingerprint(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        status::write(state, &instance)?;
        let api = Api::new(&control);
        let data = Arc::new(Data::new(&control, authority.clone()));
        let pages = cake_web::router(data).layer(from_fn_with_state(api.clone(), put_viewer));
        let router: Router = cake_api::router(&api, pages);
        let (ending, ended) = watch::channel(false);
        let listener = Listener { tcp, tls: tls(&authority)?, router };
        let listener = tokio::spawn(listener.run(ended));
        let renewal = tokio::spawn(renew(authority, state.clone(), instance.clone()));
        tracing::info!(url = instance.url, "the console answers");
        Ok(Self { instance, address, control, ending, listener, renewal })
    }

    /// The services, for tests of what no route can cause.
    pub fn control(&self) -> &Control {
        &self.control
    }

    /// Returns when a backup was restored: whoever runs the daemon ends this one and starts it again with what came back.
    pub async fn begin_anew(&self) {
        // It lives as long as this does.
        let _ = self.control.restore.done.subscribe().wait_for(|done| *done).await;
    }

    pub fn is_set_up(&self) -> bool {
        self.control.settings.is_set_up()
    }

    /// Finishes what is under way and lets go of everything.
    pub async fn stop(self) {
        let _ = self.ending.send(true);
        self.control.ledger.board.changes.tell(What::Ending);
        self.renewal.abort();
        let _ = self.listener.await;
        self.control.stop().await;
    }
}

fn tls(authority: &Arc<Authority>) -> Result<Arc<rustls::ServerConfig>> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(authority.clone());
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    // A session to resume lies with the client, sealed: the server keeps nothing for those who never come back.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.ticketer = rustls::crypto::ring::Ticketer::new()?;
    Ok(Arc::new(config))
}

async fn renew(authority: Arc<Authority>, state: PathBuf, mut instance: Instance) {
    let mut timer = tokio::time::interval(RENEW_EVERY);
    timer.tick().await;
    loop {
        timer.tick().await;
        let renewed = authority.renew().and_then(|()| {
            instance.fingerprint = authority.fingerprint();
            status::write(&state, &instance)
        });
        if let Err(error) = renewed {
            tracing::error!(%error, "the certificate could not be renewed");
        }
    }
}

/// Tells the pages who looks.
async fn put_viewer(State(api): State<Api>, mut request: Request, next: Next) -> Response {
    if let Some(viewer) = guard::identify(&api, request.headers()).and_then(viewer) {
        request.extensions_mut().insert(viewer);
    }
    next.run(request).await
}

/// Pages are for people: an API token opens none.
fn viewer(identity: Identity) -> Option<cake_web::Viewer> {
    let Identity { account, permissions, proof } = identity;
    let Proof::Session { session, csrf } = proof else { return None };
    Some(cake_web::Viewer {
        account: account.meta.id,
        name: account.meta.name.clone(),
        role: account.spec.role.clone(),
        permissions,
        language: account.spec.language.as_deref().and_then(Language::from_tag),
        calendar: account.spec.calendar.unwrap_or_default(),
        session: session.id,
        csrf,
    })
}
