//! TLS of the console: which certificate a connection gets.

use anyhow::Result;
use cake_control::certificate::{Certificates, Pick};
use rustls::ServerConfig;
use rustls::server::{Acceptor, ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::net::IpAddr;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

#[derive(Clone)]
pub struct Tls {
    certificates: Arc<Certificates>,
    built_in: Arc<ServerConfig>,
    own: Arc<ServerConfig>,
}

/// Always the one that is shown at the moment: replaced without touching what is open.
struct Shown(Arc<Certificates>, Pick);

impl std::fmt::Debug for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Shown").field(&self.1).finish()
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.key(self.1))
    }
}

impl Tls {
    pub fn new(certificates: &Arc<Certificates>) -> Result<Self> {
        let config = |pick| config(Shown(certificates.clone(), pick));
        Ok(Self { certificates: certificates.clone(), built_in: config(Pick::BuiltIn)?, own: config(Pick::Own)? })
    }

    /// The handshake of a connection that came to `local`.
    pub async fn accept(&self, stream: TcpStream, local: IpAddr) -> std::io::Result<TlsStream<TcpStream>> {
        let begun = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
        let pick = self.certificates.pick(begun.client_hello().server_name(), local);
        let config = match pick {
            Pick::BuiltIn => self.built_in.clone(),
            Pick::Own => self.own.clone(),
        };
        begun.into_stream(config).await
    }
}

fn config(shown: Shown) -> Result<Arc<ServerConfig>> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(shown));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    // A session to resume lies with the client, sealed: the server keeps nothing for those who never come back.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.ticketer = rustls::crypto::ring::Ticketer::new()?;
    Ok(Arc::new(config))
}
