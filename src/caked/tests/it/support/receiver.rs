//! Receivers of messages that are not ours, in the network of a test.

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::any;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

/// A mail server (Debian: python3-aiosmtpd).
const MAIL: &str = include_str!("receiver.py");

/// An authority of somebody's own, and a certificate that it gave.
pub struct Trust {
    pub authority: String,
    pub chain: String,
    pub key: String,
}

impl Trust {
    pub fn of(host: &str) -> Self {
        let ca_key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = params.self_signed(&ca_key).unwrap().pem();
        let key = KeyPair::generate().unwrap();
        let issuer = Issuer::from_ca_cert_pem(&authority, ca_key).unwrap();
        let chain = CertificateParams::new([host.to_owned()]).unwrap().signed_by(&key, &issuer).unwrap().pem();
        Self { authority, chain, key: key.serialize_pem() }
    }
}

/// A mail server that tells what it takes; ended with this.
pub struct MailServer {
    child: Child,
    lines: UnboundedReceiver<String>,
    pub port: u16,
}

impl MailServer {
    /// Whoever logs in is `cake`. Port 0 takes a free one.
    pub async fn start(folder: &Path, host: &str, port: u16, trust: &Trust, password: &str) -> Self {
        let (chain, key) = (folder.join("receiver.pem"), folder.join("receiver.key"));
        std::fs::write(&chain, &trust.chain).unwrap();
        std::fs::write(&key, &trust.key).unwrap();
        let mut command = Command::new("/usr/bin/python3");
        command.args(["-u", "-c", MAIL, host, &port.to_string()]).args([&chain, &key]).arg(password);
        let mut child = command.stdout(Stdio::piped()).spawn().expect("python3");
        // Read by a thread of its own: this one is caked's.
        let (said, lines) = unbounded_channel();
        let output = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || output.lines().map_while(Result::ok).all(|line| said.send(line).is_ok()));
        let mut server = Self { child, lines, port };
        server.port = server.next().await["port"].as_u64().unwrap() as u16;
        server
    }

    /// The next message. Whoever waits in vain is ended by the test runner.
    pub async fn next(&mut self) -> Value {
        let line = self.lines.recv().await.expect("the mail server has gone");
        serde_json::from_str(&line).unwrap()
    }

    /// What has come and nobody has read.
    pub fn waiting(&mut self) -> usize {
        self.lines.len()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a web server was sent.
pub struct Asked {
    pub path: String,
    pub bearer: String,
    pub retry_key: String,
    pub body: Value,
}

/// A web server (axum over rustls) that tells what it was sent; it goes with the test's runtime.
pub struct WebServer {
    pub url: String,
    asked: UnboundedReceiver<Asked>,
}

impl WebServer {
    pub async fn start(host: &str, trust: &Trust) -> Self {
        let tcp = TcpListener::bind((host, 0)).await.unwrap();
        let url = format!("https://{}", tcp.local_addr().unwrap());
        let chain = vec![CertificateDer::from_pem_slice(trust.chain.as_bytes()).unwrap()];
        let key = PrivateKeyDer::from_pem_slice(trust.key.as_bytes()).unwrap();
        let config = rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let (tell, asked) = unbounded_channel();
        let router = Router::new()
            .route("/take/{secret}", any(take))
            .route("/no", any(async || (StatusCode::IM_A_TEAPOT, "I am\r\nno receiver")))
            .route("/who", any(async || StatusCode::UNAUTHORIZED))
            .route("/elsewhere", any(async || Redirect::temporary("/take/other")))
            .with_state(tell);
        tokio::spawn(async move {
            loop {
                let (stream, _) = tcp.accept().await.unwrap();
                let (acceptor, router) = (acceptor.clone(), router.clone());
                tokio::spawn(async move {
                    // Who does not trust it goes away here.
                    let Ok(tls) = acceptor.accept(stream).await else { return };
                    let answer = move |request: http::Request<hyper::body::Incoming>| {
                        router.clone().oneshot(request.map(Body::new))
                    };
                    let service = hyper::service::service_fn(answer);
                    let _ = Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(tls), service).await;
                });
            }
        });
        Self { url, asked }
    }

    /// The next that it was sent. Whoever waits in vain is ended by the test runner.
    pub async fn next(&mut self) -> Asked {
        self.asked.recv().await.unwrap()
    }
}

async fn take(State(tell): State<UnboundedSender<Asked>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let header = |name: &str| head.headers.get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
    let (bearer, retry_key) = (header("authorization"), header("x-line-retry-key"));
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let body = serde_json::from_slice(&body).unwrap();
    tell.send(Asked { path: head.uri.path().to_owned(), bearer, retry_key, body }).unwrap();
    "taken".into_response()
}
