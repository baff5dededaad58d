//! TCP and TLS: one task for each connection, HTTP/2 or HTTP/1.1 as the client likes.
//!
//! A browser that speaks plain HTTP to the TLS port is led to `https://`.

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use cake_api::At;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tower::ServiceExt;

use crate::tls::Tls;

/// Connections at the same time; more wait in the kernel's queue.
const CONNECTIONS_MAX: usize = 1024;
/// How long a client may take to say what it wants.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long requests under way may take once the daemon was asked to end.
const FAREWELL: Duration = Duration::from_secs(2);
/// First byte of a TLS record that begins a handshake (RFC 8446 §5.1).
const HANDSHAKE: u8 = 0x16;
/// What is read of a request that is not TLS.
const HEAD_MAX: usize = 4096;

pub struct Listener {
    pub tcp: TcpListener,
    pub tls: Tls,
    pub router: Router,
}

#[derive(Clone)]
struct Shared {
    tls: Tls,
    http: Builder<TokioExecutor>,
    router: Router,
    ending: watch::Receiver<bool>,
}

impl Listener {
    /// Answers until `ending` turns true and what is under way is done.
    pub async fn run(self, mut ending: watch::Receiver<bool>) {
        let Self { tcp, tls, router } = self;
        let shared = Shared { tls, http: http(), router, ending: ending.clone() };
        let permits = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let mut connections = JoinSet::new();
        loop {
            let Ok(permit) = permits.clone().acquire_owned().await else { break };
            tokio::select! {
                accepted = tcp.accept() => match accepted {
                    Ok((stream, peer)) => {
                        let shared = shared.clone();
                        connections.spawn(async move {
                            serve(shared, stream, peer).await;
                            drop(permit);
                        });
                    }
                    Err(error) => {
                        tracing::warn!(%error, "a connection could not be accepted");
                        // Out of descriptors: leave the others time to end.
                        tokio::time::sleep(Duration::from_millis(50)).await;
                    }
                },
                () = asked_to_end(&mut ending) => break,
            }
            while connections.try_join_next().is_some() {}
        }
        drop(tcp);
        let all = async { while connections.join_next().await.is_some() {} };
        // Streams that never end by themselves are cut off after that.
        let _ = tokio::time::timeout(FAREWELL, all).await;
    }
}

async fn asked_to_end(ending: &mut watch::Receiver<bool>) {
    // Without its sender the daemon is ending too.
    let _ = ending.wait_for(|ending| *ending).await;
}

fn http() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(PATIENCE).max_headers(64);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(100)
        .max_header_list_size(32 * 1024)
        .keep_alive_interval(Duration::from_secs(30))
        .keep_alive_timeout(PATIENCE);
    builder
}

async fn serve(shared: Shared, stream: TcpStream, peer: SocketAddr) {
    // An answer is written at once; waiting for more to send would only make it late.
    let _ = stream.set_nodelay(true);
    let mut first = [0u8];
    match tokio::time::timeout(PATIENCE, stream.peek(&mut first)).await {
        Ok(Ok(1)) if first[0] == HANDSHAKE => {}
        Ok(Ok(1)) => return plain(stream).await,
        _ => return,
    }
    let Ok(local) = stream.local_addr().map(|address| address.ip().to_canonical()) else { return };
    let Ok(Ok(tls)) = tokio::time::timeout(PATIENCE, shared.tls.accept(stream, local)).await else { return };
    let router = shared.router;
    let service = hyper::service::service_fn(move |request: http::Request<Incoming>| {
        let router = router.clone();
        async move {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(ConnectInfo(peer));
            request.extensions_mut().insert(At(Some(local)));
            match router.oneshot(request).await {
                Ok(response) => Ok::<_, Infallible>(response),
                Err(never) => match never {},
            }
        }
    });
    let connection = shared.http.serve_connection_with_upgrades(TokioIo::new(tls), service);
    let mut connection = std::pin::pin!(connection);
    let mut ending = shared.ending;
    let early = tokio::select! {
        ended = connection.as_mut() => Some(ended),
        () = asked_to_end(&mut ending) => None,
    };
    let ended = match early {
        Some(ended) => ended,
        None => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, %peer, "a connection ended");
    }
}

/// Somebody typed the address without `https://`.
async fn plain(mut stream: TcpStream) {
    let Ok(Ok(head)) = tokio::time::timeout(PATIENCE, read_head(&mut stream)).await else { return };
    let answer = match target(&head) {
        Some(url) => format!(
            "HTTP/1.1 308 Permanent Redirect\r\nLocation: {url}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        ),
        None => {
            let text = "This address speaks HTTPS.\n";
            let length = text.len();
            format!(
                "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\n\
                     Connection: close\r\n\r\n{text}"
            )
        }
    };
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
}

async fn read_head(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    use tokio::io::AsyncReadExt;
    let mut head = Vec::new();
    while head.len() < HEAD_MAX && !head.windows(4).any(|end| end == b"\r\n\r\n") {
        if stream.read_buf(&mut head).await? == 0 {
            break;
        }
    }
    Ok(head)
}

/// Where a plain GET meant to go.
fn target(head: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(head).ok()?;
    let mut lines = text.split("\r\n");
    let path = lines.next()?.strip_prefix("GET ")?.split(' ').next()?;
    let host = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("host").then(|| value.trim())
    })?;
    let good = |c: u8| c.is_ascii_alphanumeric() || b".-:[]".contains(&c);
    let sound = path.starts_with('/') && path.bytes().all(|b| b.is_ascii_graphic()) && !host.is_empty();
    (sound && host.bytes().all(good)).then(|| format!("https://{host}{path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_sound_request_is_led_on() {
        let led = |head: &str| target(head.as_bytes());
        assert_eq!(led("GET /vms HTTP/1.1\r\nHost: rack:8443\r\n\r\n").unwrap(), "https://rack:8443/vms");
        for head in [
            "POST / HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
            "GET //evil HTTP/1.1\r\nHost: a/b\r\n\r\n",
            "nonsense",
        ] {
            assert_eq!(led(head), None, "{head}");
        }
    }
}
