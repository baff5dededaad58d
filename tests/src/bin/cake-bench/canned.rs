//! The floor beneath an answer: the same bytes, ready-made, over the same HTTP and TLS, from a process of its own.

use anyhow::{Context, Result};
use bytes::Bytes;
use http::{Request, Response, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use std::convert::Infallible;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// A server of one body; ended when dropped.
pub struct Canned {
    child: Child,
    pub address: String,
    pub certificate: String,
    _folder: tempfile::TempDir,
}

impl Canned {
    pub fn start(body: &[u8]) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("body");
        std::fs::write(&file, body)?;
        let mut child =
            Command::new(std::env::current_exe()?).arg("canned").arg(&file).stdout(Stdio::piped()).spawn()?;
        let mut lines = BufReader::new(child.stdout.take().context("a pipe")?);
        let mut address = String::new();
        lines.read_line(&mut address)?;
        let certificate = std::fs::read_to_string(folder.path().join("body.pem"))?;
        Ok(Self { child, address: address.trim().to_owned(), certificate, _folder: folder })
    }
}

impl Drop for Canned {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The server itself: as many threads as caked has.
pub fn serve(body: &str) -> Result<()> {
    let key = rcgen::generate_simple_self_signed(vec!["127.0.0.1".into()])?;
    let bytes = Bytes::from(std::fs::read(body)?);
    std::fs::write(Path::new(body).with_extension("pem"), key.cert.pem())?;
    let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![key.cert.der().clone()], private)?;
    let acceptor = TlsAcceptor::from(Arc::new(config));
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?.block_on(async move {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?);
        std::io::stdout().flush()?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let (acceptor, bytes) = (acceptor.clone(), bytes.clone());
            tokio::spawn(async move {
                // A client that goes away is no concern of a floor.
                let Ok(tls) = acceptor.accept(stream).await else { return };
                let answer = service_fn(move |_: Request<Incoming>| {
                    let bytes = bytes.clone();
                    async move {
                        let response = Response::builder().header(header::CONTENT_TYPE, "application/json");
                        Ok::<_, Infallible>(response.body(Full::new(bytes)).expect("a plain answer"))
                    }
                });
                let _ = http1::Builder::new().serve_connection(TokioIo::new(tls), answer).await;
            });
        }
    })
}
