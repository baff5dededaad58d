//! The whole daemon.

use anyhow::{Context, Result};
use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use cake_api::{Api, Letters, VmJson, guard};
use cake_control::accounts::{Identity, Proof};
use cake_control::board::What;
use cake_control::{Control, Place};
use cake_store::{Clock, SystemClock};
use cake_types::Language;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::console_data::Data;
use crate::listener::Listener;
use crate::status::{self, Instance};
use crate::tls::Tls;

/// What the command line says.
#[derive(Clone, Debug)]
pub struct Options {
    pub state: PathBuf,
    pub node_socket: PathBuf,
    /// Port 0 takes a free one. A socket that systemd opened goes before it.
    pub https: SocketAddr,
    /// A file that is there while this server runs from a stick: the wizard installs then, and sets nothing up.
    pub installer: Option<PathBuf>,
}

/// A daemon that answers.
pub struct Running {
    pub instance: Instance,
    pub address: SocketAddr,
    control: Control,
    ending: watch::Sender<bool>,
    listener: JoinHandle<()>,
    told: JoinHandle<()>,
}

impl Running {
    pub async fn start(options: &Options) -> Result<Self> {
        Self::start_at(options, Arc::new(SystemClock)).await
    }

    /// With the time of day as a parameter.
    pub async fn start_at(options: &Options, clock: Arc<dyn Clock>) -> Result<Self> {
        let Options { state, node_socket, https, installer } = options;
        std::fs::create_dir_all(state).with_context(|| format!("{} can't be made", state.display()))?;
        let tcp = listen(*https).await?;
        let address = tcp.local_addr()?;
        let (node_socket, log) = (node_socket.clone(), cake_daemon::log::recent);
        let installer = installer.clone();
        let place = Place { state: state.clone(), node_socket, listen: address, installer, log };
        let control = Control::start(&place, Arc::new(VmJson), Arc::new(Letters), clock).await?;
        // Followed from what is written here on: an address that comes meanwhile changes the certificate.
        let mut fingerprint = control.certificates.follow();
        let instance = Instance {
            url: status::url(address),
            address,
            fingerprint: fingerprint.borrow_and_update().clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        status::write(state, &instance)?;
        let api = Api::new(&control);
        let data = Arc::new(Data::new(&control));
        let pages = cake_web::router(data).layer(from_fn_with_state(api.clone(), put_viewer));
        let router: Router = cake_api::router(&api, pages);
        let (ending, ended) = watch::channel(false);
        let listener = Listener { tcp, tls: Tls::new(&control.certificates)?, router };
        let listener = tokio::spawn(listener.run(ended));
        let told = tokio::spawn(tell(fingerprint, state.clone(), instance.clone()));
        tracing::info!(url = instance.url, "the console answers");
        Ok(Self { instance, address, control, ending, listener, told })
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
        self.told.abort();
        let _ = self.listener.await;
        self.control.stop().await;
    }
}

/// The socket that systemd opened, or one of our own.
async fn listen(https: SocketAddr) -> Result<TcpListener> {
    match cake_daemon::inherited::listener().context("take the socket that systemd opened")? {
        Some(listener) => Ok(TcpListener::from_std(listener)?),
        None => TcpListener::bind(https).await.with_context(|| format!("{https} can't be listened on")),
    }
}

/// Keeps the file that tells others of this daemon true while its certificate changes.
async fn tell(mut fingerprint: watch::Receiver<String>, state: PathBuf, mut instance: Instance) {
    while fingerprint.changed().await.is_ok() {
        instance.fingerprint = fingerprint.borrow_and_update().clone();
        if let Err(error) = status::write(&state, &instance) {
            tracing::error!(%error, "the new certificate's fingerprint could not be written down");
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_certificate_that_changes_before_anybody_looks_is_told_too() {
        let state = tempfile::tempdir().unwrap();
        let (new, mut fingerprint) = watch::channel("AA".to_owned());
        let instance = Instance {
            url: String::new(),
            address: ([127, 0, 0, 1], 443).into(),
            fingerprint: fingerprint.borrow_and_update().clone(),
            version: String::new(),
        };
        new.send("BB".to_owned()).unwrap();
        drop(new);
        tell(fingerprint, state.path().to_owned(), instance).await;
        assert_eq!(status::read(state.path()).unwrap().fingerprint, "BB");
    }
}
