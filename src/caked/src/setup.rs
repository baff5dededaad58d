//! `caked setup`: answers the wizard of the running daemon from a file, over HTTPS as the browser does.

use anyhow::{Context, Result, anyhow, bail};
use bytes::Bytes;
use cake_control::setup::{parse_answers, read_token};
use http::{Request, header};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::status;
use cake_control::certificate::CA_FILE;

/// Gives the recovery key, which is shown this once.
pub async fn answer_from_file(state: &Path, file: &Path) -> Result<String> {
    let text = std::fs::read_to_string(file).with_context(|| format!("{} can't be read", file.display()))?;
    let answers = parse_answers(&text).map_err(|error| anyhow!("{}: {error}", file.display()))?;
    let Ok(token) = read_token(state) else { bail!("this rack is set up already") };
    let request = Request::post("/v1/setup")
        .header(header::HOST, "localhost")
        .header(header::CONTENT_TYPE, "application/json")
        .header("idempotency-key", uuid::Uuid::new_v4().to_string())
        .header(cake_api::guard::SETUP_HEADER, token.as_str())
        .body(Full::new(Bytes::from(serde_json::to_vec(&answers)?)))?;
    let (status, body) = send(state, request).await?;
    let body: serde_json::Value = serde_json::from_slice(&body).context("the answer is not JSON")?;
    if !status.is_success() {
        let said = |field: &str| body[field].as_str().unwrap_or_default().to_owned();
        bail!(
            "{} ({}{})",
            said("detail"),
            said("code"),
            body["pointer"].as_str().map(|p| format!(", {p}")).unwrap_or_default()
        );
    }
    body["recovery_key"].as_str().map(str::to_owned).context("the answer has no recovery key")
}

async fn send(state: &Path, request: Request<Full<Bytes>>) -> Result<(http::StatusCode, Bytes)> {
    let address = status::local(status::read(state)?.address);
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(state.join(CA_FILE))?)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let tcp = TcpStream::connect(address).await.with_context(|| format!("nobody answers at {address}"))?;
    let tls = TlsConnector::from(Arc::new(config)).connect(ServerName::from(address.ip()), tcp).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(tls)).await?;
    let connection = tokio::spawn(connection);
    let response = sender.send_request(request).await?;
    let status = response.status();
    let body = response.into_body().collect().await?.to_bytes();
    drop(sender);
    connection.abort();
    Ok((status, body))
}
