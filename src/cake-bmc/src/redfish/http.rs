//! HTTP/1.1 to one BMC over connections that somebody else made. One request at a time; answers are bounded in size and time.

use super::tls::{Fingerprint, Pin};
use crate::TransportError;
use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use std::io;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;

/// Bytes of the largest document.
pub const DOCUMENT_MAX: usize = 4 << 20;
/// Bytes of the largest head of an answer.
const HEAD_MAX: usize = 64 << 10;

/// A connection to the BMC's HTTPS port.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Makes connections to one BMC. Whoever parses what a BMC says may open no socket: it is handed connected ones.
#[async_trait]
pub trait Dial: Send + Sync {
    /// With `TCP_NODELAY`, or each request waits for the acknowledgement of the one before.
    async fn dial(&self) -> io::Result<Box<dyn Stream>>;
}

/// An answer, whole.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn header(&self, name: header::HeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// A BMC that answers with a log-in page answers nothing.
    pub fn is_json(&self) -> bool {
        let kind = self.header(header::CONTENT_TYPE).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
    }
}

pub struct Http {
    dial: Box<dyn Dial>,
    host: String,
    name: ServerName<'static>,
    pin: Arc<Pin>,
    connection: Option<Connection>,
}

struct Connection {
    sender: http1::SendRequest<Full<Bytes>>,
    driver: JoinHandle<()>,
    used: bool,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// Why there is no answer, and whether the request can't have been heard.
struct Lost {
    why: TransportError,
    unheard: bool,
}

impl Http {
    /// `host` is what the BMC is called, with its port where that is not 443.
    pub fn new(dial: Box<dyn Dial>, host: &str, known: Option<Fingerprint>) -> Self {
        let bare = host.strip_prefix('[').and_then(|rest| rest.split(']').next()).unwrap_or_else(|| before_port(host));
        // The name is for virtual hosts only, which BMCs have none of: nobody checks the certificate's.
        let unnamed = || ServerName::IpAddress(std::net::Ipv4Addr::UNSPECIFIED.into());
        let name = ServerName::try_from(bare.to_owned()).unwrap_or_else(|_| unnamed());
        let fit = !host.is_empty() && header::HeaderValue::from_str(host).is_ok();
        let host = if fit { host.to_owned() } else { "localhost".to_owned() };
        Self { dial, host, name, pin: Pin::new(known), connection: None }
    }

    /// Of the certificate that the BMC has shown, once it has.
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        self.pin.known()
    }

    /// Sends a request and waits for the whole answer. A future that is dropped costs the connection and nothing else.
    pub async fn send(
        &mut self,
        method: &Method,
        path: &str,
        headers: &HeaderMap,
        body: Bytes,
        deadline: Instant,
    ) -> Result<Answer, TransportError> {
        let idempotent = matches!(*method, Method::GET);
        loop {
            let mut request = Request::new(Full::new(body.clone()));
            *request.method_mut() = method.clone();
            *request.uri_mut() = path.parse().map_err(|_| TransportError::Garbled("a link that is none"))?;
            *request.headers_mut() = headers.clone();
            let value = header::HeaderValue::from_str(&self.host)
                .map_err(|_| TransportError::Garbled("a host that is none"))?;
            request.headers_mut().insert(header::HOST, value);

            let kept = self.connection.as_ref().is_some_and(|connection| connection.used);
            match timeout_at(deadline, self.exchange(request)).await {
                Err(_) => return Err(TransportError::Silent),
                Ok(Ok(answer)) => return Ok(answer),
                // BMCs close connections that were kept: then it is asked again, once, on a new one.
                Ok(Err(lost)) if kept && (lost.unheard || idempotent) => continue,
                Ok(Err(lost)) => return Err(lost.why),
            }
        }
    }

    async fn exchange(&mut self, request: Request<Full<Bytes>>) -> Result<Answer, Lost> {
        let heard = |why| Lost { why, unheard: false };
        // Out of its place while it is in use: what is dropped half-way is not used again.
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.connect().await.map_err(heard)?,
        };
        connection.used = true;
        if let Err(error) = connection.sender.ready().await {
            return Err(Lost { why: broken(&error), unheard: true });
        }
        let response = connection.sender.send_request(request).await;
        let response = response.map_err(|error| Lost { why: broken(&error), unheard: error.is_canceled() })?;
        let answer = whole(response).await.map_err(heard)?;
        if !connection.sender.is_closed() {
            self.connection = Some(connection);
        }
        Ok(answer)
    }

    async fn connect(&self) -> Result<Connection, TransportError> {
        let config = self.pin.config().map_err(|_| TransportError::Cipher)?;
        let stream = self.dial.dial().await?;
        let stream = TlsConnector::from(Arc::new(config)).connect(self.name.clone(), stream).await.map_err(refused)?;
        let (sender, driver) = http1::Builder::new()
            .max_headers(100)
            .max_buf_size(HEAD_MAX)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| broken(&error))?;
        let driver = tokio::spawn(async move {
            if let Err(error) = driver.await {
                tracing::debug!(%error, "a connection to a BMC ended");
            }
        });
        Ok(Connection { sender, driver, used: false })
    }
}

fn before_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        // More colons are an IPv6 address without brackets.
        Some((name, _)) if !name.contains(':') => name,
        _ => host,
    }
}

async fn whole(response: http::Response<Incoming>) -> Result<Answer, TransportError> {
    let (head, body) = response.into_parts();
    if head.status.is_redirection() && head.status != StatusCode::NOT_MODIFIED {
        return Err(TransportError::Garbled("a redirect"));
    }
    if body.size_hint().lower() > DOCUMENT_MAX as u64 {
        return Err(TransportError::Garbled("a document that is too large"));
    }
    let body = Limited::new(body, DOCUMENT_MAX).collect().await.map_err(|error| {
        if error.is::<LengthLimitError>() {
            TransportError::Garbled("a document that is too large")
        } else {
            TransportError::Garbled("a document that breaks off")
        }
    })?;
    Ok(Answer { status: head.status, headers: head.headers, body: body.to_bytes() })
}

/// Why there is no TLS.
fn refused(error: io::Error) -> TransportError {
    use rustls::{AlertDescription, CertificateError, Error};
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    match tls {
        Some(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure)) => {
            TransportError::Certificate
        }
        Some(
            Error::PeerIncompatible(_)
            | Error::AlertReceived(AlertDescription::HandshakeFailure | AlertDescription::ProtocolVersion),
        ) => TransportError::Cipher,
        Some(_) => TransportError::Garbled("TLS"),
        None => TransportError::Io(error),
    }
}

fn broken(error: &hyper::Error) -> TransportError {
    if error.is_parse() || error.is_parse_too_large() {
        TransportError::Garbled("HTTP")
    } else {
        TransportError::Io(io::Error::new(io::ErrorKind::ConnectionAborted, error.to_string()))
    }
}
