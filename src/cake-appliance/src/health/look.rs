//! What has to work, and how it was when it last did.

use anyhow::{Context, Result, bail};
use cake_install::kept;
use cake_node_api::{NodeClient, Observed};
use cake_types::{Power, StartReason, VmId, VmState};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme, StreamOwned};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::mode::NODE;
use crate::screen;

const CONSOLE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 443);
/// Who does not answer within this does not answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of an answer that are read.
const ANSWER: u64 = 4096;
const LAST_GOOD: &str = "setup/last-good.json";

/// What does not work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    pub reason: StartReason,
    /// For support, in English.
    pub detail: String,
}

impl Wrong {
    pub fn new(reason: StartReason, detail: impl ToString) -> Self {
        Self { reason, detail: detail.to_string() }
    }
}

/// How the server was when it was last well: what did not work then is no version's fault.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastGood {
    /// It had no address in the network.
    pub unplugged: bool,
    /// VMs that should have run and did not.
    pub failing: BTreeSet<VmId>,
}

impl LastGood {
    pub fn read(state: &Path) -> Self {
        kept::read(&state.join(LAST_GOOD))
    }

    /// For the next version.
    pub fn keep(&self, state: &Path) -> Result<()> {
        if Self::read(state) == *self { Ok(()) } else { Ok(kept::write(&state.join(LAST_GOOD), self)?) }
    }

    /// How the server is, as far as no version has to make it so.
    pub fn now() -> Result<Self> {
        // A cable may be out.
        Ok(Self { unplugged: screen::addresses().is_empty(), failing: node()? })
    }
}

/// Everything that has to work, one after the other.
pub fn look(last: &LastGood) -> Result<LastGood, Wrong> {
    console().map_err(|error| Wrong::new(StartReason::Console, format!("the console does not answer: {error:#}")))?;
    let now = LastGood::now()
        .map_err(|error| Wrong::new(StartReason::Node, format!("the node does not answer: {error:#}")))?;
    if now.unplugged && !last.unplugged {
        return Err(Wrong::new(StartReason::Network, "there is no address in the network"));
    }
    let new: Vec<String> = now.failing.difference(&last.failing).map(ToString::to_string).collect();
    if new.is_empty() {
        return Ok(now);
    }
    Err(Wrong::new(StartReason::Vms, format!("these virtual machines do not run: {}", new.join(", "))))
}

/// The console answers, and with it the Store: caked does not serve without.
fn console() -> Result<()> {
    let tcp = TcpStream::connect_timeout(&CONSOLE, PATIENCE)?;
    tcp.set_read_timeout(Some(PATIENCE))?;
    tcp.set_write_timeout(Some(PATIENCE))?;
    let provider = Arc::new(ring::default_provider());
    let anybody = Arc::new(Anybody(provider.signature_verification_algorithms.supported_schemes()));
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(anybody)
        .with_no_client_auth();
    let connection = ClientConnection::new(Arc::new(config), ServerName::IpAddress(CONSOLE.ip().into()))?;
    let mut stream = StreamOwned::new(connection, tcp);
    stream.write_all(b"GET /v1/version HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    // Its end may come without a farewell: what came before counts.
    let _ = stream.take(ANSWER).read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer);
    let first = answer.lines().next().unwrap_or_default();
    if first.starts_with("HTTP/1.1 200") { Ok(()) } else { bail!("it said {first:?}") }
}

/// The port of this very server is systemd's: whoever answers there is meant, whatever it shows, and so its signature proves nothing.
#[derive(Debug)]
struct Anybody(Vec<SignatureScheme>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.clone()
    }
}

/// The node answers; VMs that should run and do not.
fn node() -> Result<BTreeSet<VmId>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let look = async {
        let client = NodeClient::connect(Path::new(NODE)).await?;
        let mut seen = client.observe().await?;
        let mut failing = BTreeSet::new();
        loop {
            match seen.next().await? {
                Observed::SnapshotEnd => return anyhow::Ok(failing),
                Observed::Vm(record) => {
                    let wanted = record.vm.spec.power == Power::Running && record.status.halted_by.is_none();
                    if wanted && !matches!(record.status.state, VmState::Running | VmState::Paused) {
                        failing.insert(record.vm.meta.id);
                    }
                }
                _ => {}
            }
        }
    };
    runtime.block_on(async { tokio::time::timeout(PATIENCE, look).await }).context("it says nothing")?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_it_was_is_kept_as_a_whole() {
        let state = tempfile::tempdir().unwrap();
        assert_eq!(LastGood::read(state.path()), LastGood::default());
        let last = LastGood { unplugged: true, failing: [VmId::now()].into() };
        last.keep(state.path()).unwrap();
        assert_eq!(LastGood::read(state.path()), last);
        std::fs::write(state.path().join(LAST_GOOD), "[").unwrap();
        assert_eq!(LastGood::read(state.path()), LastGood::default());
    }
}
