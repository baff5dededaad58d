//! The console of a machine, asked over TLS by somebody who does not know its certificate yet.

use crate::Reply;
use anyhow::{Context, Result};
use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// What it is called in requests.
const HOST: &str = "127.0.0.1";

/// What a console answered, and with which certificates.
#[derive(Clone, Debug)]
pub struct Answer {
    pub reply: Reply,
    /// Its own first, DER.
    pub certificates: Vec<Vec<u8>>,
}

/// Asks with GET.
pub(super) async fn get(tcp: TcpStream, path: &str) -> Result<Answer> {
    ask(tcp, Request::get(path).header(header::HOST, HOST).body(Full::default())?).await
}

/// What a browser does with a form.
pub(super) async fn post_form(tcp: TcpStream, path: &str, fields: &[(&str, &str)]) -> Result<Answer> {
    let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let request = Request::post(path).header(header::HOST, HOST);
    let request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    ask(tcp, request.body(Full::from(form))?).await
}

async fn ask(tcp: TcpStream, request: Request<Full<Bytes>>) -> Result<Answer> {
    let provider = Arc::new(ring::default_provider());
    let anybody = Arc::new(Anybody(provider.signature_verification_algorithms));
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(anybody)
        .with_no_client_auth();
    let tls = TlsConnector::from(Arc::new(config)).connect(ServerName::try_from(HOST)?, tcp).await?;
    let certificates = tls.get_ref().1.peer_certificates().context("a certificate")?;
    let certificates = certificates.iter().map(|certificate| certificate.to_vec()).collect();
    let (mut sender, connection) = http1::handshake(TokioIo::new(tls)).await?;
    // Ends with the connection; what went wrong is seen at the request.
    tokio::spawn(connection);
    let (parts, body) = sender.send_request(request).await?.into_parts();
    let reply = Reply { status: parts.status, headers: parts.headers, body: body.collect().await?.to_bytes() };
    Ok(Answer { reply, certificates })
}

/// Believes every certificate: the caller compares it with what the machine's own screen says.
#[derive(Debug)]
struct Anybody(WebPkiSupportedAlgorithms);

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
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}
