//! TLS for one page: a key and a certificate of this start alone. Its fingerprint stands on the screen.

use anyhow::Result;
use axum::serve;
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use sha2::{Digest, Sha256};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// How long a client may take for its handshake.
const PATIENCE: Duration = Duration::from_secs(10);
/// Handshakes at the same time; more wait in the kernel's queue.
const CONNECTIONS_MAX: usize = 64;

/// A new identity, and its SHA-256 as browsers show it.
pub fn identity() -> Result<(Arc<ServerConfig>, String)> {
    let made = rcgen::generate_simple_self_signed(["cake".to_owned()])?;
    let certificate = CertificateDer::from(made.cert.der().to_vec());
    let digest = Sha256::digest(&certificate);
    let fingerprint = digest.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":");
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    Ok((Arc::new(ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key)?), fingerprint))
}

/// Gives connections that speak TLS; who is slow with the handshake keeps nobody waiting.
pub struct Listener {
    address: SocketAddr,
    ready: Receiver<(TlsStream<TcpStream>, SocketAddr)>,
}

impl Listener {
    /// Accepts from now on, in a task of its own.
    pub fn new(tcp: TcpListener, config: Arc<ServerConfig>) -> std::io::Result<Self> {
        let address = tcp.local_addr()?;
        let (give, ready) = channel(CONNECTIONS_MAX);
        tokio::spawn(accept(tcp, TlsAcceptor::from(config), give));
        Ok(Self { address, ready })
    }
}

async fn accept(tcp: TcpListener, tls: TlsAcceptor, give: Sender<(TlsStream<TcpStream>, SocketAddr)>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    while let Ok(place) = places.clone().acquire_owned().await {
        let Ok((stream, peer)) = tcp.accept().await else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let (tls, give) = (tls.clone(), give.clone());
        tokio::spawn(async move {
            if let Ok(Ok(stream)) = timeout(PATIENCE, tls.accept(stream)).await {
                let _ = give.send((stream, peer)).await;
            }
            drop(place);
        });
    }
}

impl serve::Listener for Listener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.ready.recv().await {
            Some(connection) => connection,
            // The task that accepts has ended, which it does not.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        Ok(self.address)
    }
}
