//! An HTTPS server that answers as a test wants it to, well or badly.

use async_trait::async_trait;
use cake_bmc::redfish::{Dial, Login, Options, Patience, Redfish, Stream};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

pub const USER: &str = "admin";
pub const PASSWORD: &str = "correct horse";

#[derive(Clone, Debug)]
pub struct Asked {
    pub method: String,
    pub path: String,
    pub head: String,
    pub body: String,
}

impl Asked {
    pub fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(':'));
        lines.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }
}

pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Body,
}

pub enum Body {
    Whole(Vec<u8>),
    /// One byte, a moment, one byte.
    Drip,
    /// As long as anybody listens.
    Endless,
    /// Says that so many bytes come, and sends them.
    Large(usize),
    /// The connection is closed half-way.
    BreaksOff,
}

impl Reply {
    pub fn json(status: u16, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("Content-Type".to_owned(), "application/json; charset=utf-8".to_owned())];
        Self { status, headers, body: Body::Whole(body.into()) }
    }

    pub fn odd(body: Body) -> Self {
        Self { body, ..Self::json(200, "") }
    }

    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

type Handler = dyn Fn(&Asked) -> Reply + Send + Sync;

/// Ends with the test.
pub struct Server {
    pub address: SocketAddr,
    pub asked: Arc<Mutex<Vec<Asked>>>,
    /// Bytes of bodies that were written.
    pub written: Arc<AtomicUsize>,
    pub connections: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    pub async fn start(handler: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        Self::closing_after(usize::MAX, handler).await
    }

    /// Closes each connection after so many answers, without a word.
    pub async fn closing_after(most: usize, handler: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (asked, written) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicUsize::new(0)));
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = connections.clone();
        let (acceptor, handler): (_, Arc<Handler>) = (acceptor(), Arc::new(handler));
        let (log, bytes) = (asked.clone(), written.clone());
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::Relaxed);
                let (acceptor, handler, log, bytes) = (acceptor.clone(), handler.clone(), log.clone(), bytes.clone());
                tokio::spawn(async move {
                    // A client that hangs up is the client's business.
                    let _ = serve(acceptor, stream, most, &*handler, &log, &bytes).await;
                });
            }
        });
        Self { address, asked, written, connections, task }
    }

    pub fn dial(&self) -> Box<dyn Dial> {
        Box::new(Tcp(self.address))
    }

    pub fn options(&self) -> Options {
        let mut options = Options::new(&self.address.to_string(), Login::new(USER, PASSWORD));
        options.patience = Patience { request: Duration::from_secs(20), call: Duration::from_secs(60) };
        options
    }

    pub fn bmc(&self) -> Redfish {
        Redfish::new(self.dial(), self.options())
    }

    /// `METHOD PATH` of all that was asked since the last time.
    pub fn heard(&self) -> Vec<String> {
        let asked = std::mem::take(&mut *self.asked.lock().expect("a lock"));
        asked.iter().map(|asked| format!("{} {}", asked.method, asked.path)).collect()
    }
}

pub struct Tcp(pub SocketAddr);

#[async_trait]
impl Dial for Tcp {
    async fn dial(&self) -> io::Result<Box<dyn Stream>> {
        let stream = TcpStream::connect(self.0).await?;
        stream.set_nodelay(true)?;
        Ok(Box::new(stream))
    }
}

fn acceptor() -> TlsAcceptor {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["bmc".to_owned()]).expect("a certificate");
    let key = PrivateKeyDer::Pkcs8(signing_key.serialize_der().into());
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .expect("a key");
    TlsAcceptor::from(Arc::new(config))
}

async fn serve(
    acceptor: TlsAcceptor,
    stream: TcpStream,
    most: usize,
    handler: &Handler,
    log: &Mutex<Vec<Asked>>,
    written: &AtomicUsize,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(acceptor.accept(stream).await?);
    for _ in 0..most {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if stream.read_line(&mut head).await? == 0 {
                return Ok(());
            }
        }
        let mut words = head.split(' ');
        let (method, path) = (words.next().unwrap_or_default().to_owned(), words.next().unwrap_or_default().to_owned());
        let mut asked = Asked { method, path, head, body: String::new() };
        let length = asked.header("content-length").map_or(0, |length| length.parse().expect("a number"));
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await?;
        asked.body = String::from_utf8(body).expect("UTF-8");
        let reply = handler(&asked);
        log.lock().expect("a lock").push(asked);
        answer(stream.get_mut(), reply, written).await?;
    }
    stream.get_mut().shutdown().await
}

async fn answer(stream: &mut (impl AsyncWriteExt + Unpin), reply: Reply, written: &AtomicUsize) -> io::Result<()> {
    let length = match &reply.body {
        Body::Whole(bytes) => Some(bytes.len()),
        Body::Large(length) => Some(*length),
        Body::Drip | Body::BreaksOff => Some(1000),
        Body::Endless => None,
    };
    let mut head = format!("HTTP/1.1 {} Odd\r\n", reply.status);
    for (name, value) in &reply.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    match length {
        Some(length) => head.push_str(&format!("Content-Length: {length}\r\n\r\n")),
        None => head.push_str("Transfer-Encoding: chunked\r\n\r\n"),
    }
    stream.write_all(head.as_bytes()).await?;
    match reply.body {
        Body::Whole(bytes) => stream.write_all(&bytes).await?,
        Body::BreaksOff => {
            stream.write_all(b"{\"Name\": ").await?;
            stream.flush().await?;
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        Body::Drip => loop {
            stream.write_all(b" ").await?;
            stream.flush().await?;
            tokio::time::sleep(Duration::from_millis(20)).await;
        },
        Body::Large(length) => {
            for _ in 0..length.div_ceil(1 << 16) {
                stream.write_all(&[b' '; 1 << 16]).await?;
                written.fetch_add(1 << 16, Ordering::Relaxed);
            }
        }
        Body::Endless => loop {
            stream.write_all(b"10000\r\n").await?;
            stream.write_all(&[b' '; 1 << 16]).await?;
            stream.write_all(b"\r\n").await?;
            written.fetch_add(1 << 16, Ordering::Relaxed);
        },
    }
    stream.flush().await
}
