//! Whom this client believes: the rack's own authority, nobody else.

use crate::Error;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use std::path::Path;
use std::sync::Arc;

/// The certificates that a server's certificate must lead to.
#[derive(Clone, Debug)]
pub struct Trust {
    config: Arc<ClientConfig>,
}

impl Trust {
    /// Reads a PEM file with one or more certificates.
    pub fn file(path: &Path) -> Result<Self, Error> {
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| Error::Certificate {
            path: path.display().to_string(),
            source,
        };
        let pem = std::fs::read(path).map_err(|e| failed(e.into()))?;
        Self::pem(&pem).map_err(failed)
    }

    /// Takes the certificates of a PEM text.
    pub fn pem(pem: &[u8]) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            roots.add(certificate?)?;
        }
        if roots.is_empty() {
            return Err("the file holds no certificate".into());
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { config: Arc::new(config) })
    }

    pub(crate) fn for_requests(&self) -> ClientConfig {
        ClientConfig::clone(&self.config)
    }

    pub(crate) fn for_sockets(&self) -> Arc<ClientConfig> {
        self.config.clone()
    }
}
