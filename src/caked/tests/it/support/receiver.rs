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

/// A program that writes what it receives to its output, line by line; ended with this.
struct Writes {
    child: Child,
    lines: UnboundedReceiver<String>,
}

impl Writes {
    fn start(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let (said, lines) = unbounded_channel();
        let output = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || output.lines().map_while(Result::ok).all(|line| said.send(line).is_ok()));
        Self { child, lines }
    }

    async fn next(&mut self) -> String {
        self.lines.recv().await.expect("the receiver has gone")
    }
}

impl Drop for Writes {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port of this network that nobody has; in a network of the test's own nobody else takes it.
async fn free_port(host: &str) -> u16 {
    loop {
        let udp = tokio::net::UdpSocket::bind((host, 0)).await.unwrap();
        let port = udp.local_addr().unwrap().port();
        if TcpListener::bind((host, port)).await.is_ok() {
            return port;
        }
    }
}

/// A collector of logs (Debian: rsyslog), by UDP and TCP.
pub struct LogServer {
    written: Writes,
    pub port: u16,
}

impl LogServer {
    pub async fn start(folder: &Path, host: &str) -> Self {
        let port = free_port(host).await;
        let (conf, work) = (folder.join("rsyslog.conf"), folder.join("rsyslog"));
        std::fs::create_dir(&work).unwrap();
        // `omstdout` is a test's module and not packaged; a named pipe is what rsyslog writes to for others.
        let pipe = folder.join("rsyslog.pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let text = format!(
            "global(workDirectory=\"{}\")\nmodule(load=\"imudp\")\nmodule(load=\"imtcp\")\n\
             template(name=\"told\" type=\"string\" \
             string=\"<%pri%>|%app-name%|%msgid%|%structured-data%|%msg%\\n\")\n\
             ruleset(name=\"tell\") {{ action(type=\"ompipe\" pipe=\"{}\" template=\"told\") }}\n\
             input(type=\"imudp\" address=\"{host}\" port=\"{port}\" ruleset=\"tell\")\n\
             input(type=\"imtcp\" address=\"{host}\" port=\"{port}\" ruleset=\"tell\")\n",
            work.display(),
            pipe.display()
        );
        std::fs::write(&conf, text).unwrap();
        let mut reader = Command::new("cat");
        reader.arg(&pipe);
        let mut command = Command::new("sh");
        // rsyslogd is the one that is ended; whoever reads its pipe ends with it.
        let script = "cat \"$1\" & exec rsyslogd -n -f \"$2\" -i NONE";
        command.args(["-c", script, "sh"]).args([&pipe, &conf]);
        let written = Writes::start(&mut command);
        wait_for_tcp(host, port).await;
        Self { written, port }
    }

    pub async fn next(&mut self) -> String {
        self.written.next().await
    }
}

/// Until somebody listens there. Whoever waits in vain is ended by the test runner.
async fn wait_for_tcp(host: &str, port: u16) {
    while tokio::net::TcpStream::connect((host, port)).await.is_err() {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

/// A receiver of traps (Debian: snmptrapd).
pub struct TrapServer {
    written: Writes,
    pub port: u16,
}

impl TrapServer {
    pub async fn start(folder: &Path, host: &str, community: &str) -> Self {
        let port = free_port(host).await;
        let conf = folder.join("snmptrapd.conf");
        std::fs::write(&conf, format!("authCommunity log {community}\n")).unwrap();
        let mut command = Command::new("snmptrapd");
        command
            .args(["-f", "-Lo", "-C", "-c"])
            .arg(&conf)
            // In numbers: the modules that every other builds on are not packaged with it.
            .args(["-m", "", "-On", "-F", "%v\\n", "-p"])
            .arg(folder.join("snmptrapd.pid"))
            .arg(format!("udp:{host}:{port}"))
            .env("SNMP_PERSISTENT_DIR", folder);
        let mut written = Writes::start(&mut command);
        // Its first line says that it listens.
        while !written.next().await.contains("NET-SNMP version") {}
        Self { written, port }
    }

    /// The first line that has this in it. Whoever waits in vain is ended by the test runner.
    pub async fn until(&mut self, part: &str) -> String {
        loop {
            let line = self.written.next().await;
            if line.contains(part) {
                return line;
            }
        }
    }
}
