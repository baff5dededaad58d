//! Updates over HTTP.

mod support;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Response, StatusCode, Uri, header};
use cake_update::{Control, Http, SourceError, UpdateError};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use support::{Maker, Server, firmware};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// How a server behaves.
#[derive(Clone, Copy, PartialEq)]
enum Manner {
    Good,
    /// It gives whole files only.
    Whole,
    /// It answers a range and then says nothing.
    Silent,
}

#[derive(Clone)]
struct Site {
    root: Arc<PathBuf>,
    manner: Manner,
}

fn answer(status: StatusCode, body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response
}

async fn serve(State(site): State<Site>, uri: Uri, headers: HeaderMap) -> Response<Body> {
    let path = uri.path().strip_prefix("/cake/stable/").unwrap_or("none");
    let Ok(bytes) = std::fs::read(site.root.join(path)) else { return answer(StatusCode::NOT_FOUND, "") };
    let range = headers.get(header::RANGE).and_then(|range| range.to_str().ok()?.strip_prefix("bytes="));
    let Some((from, to)) = range.and_then(|range| range.split_once('-')).filter(|_| site.manner != Manner::Whole)
    else {
        return answer(StatusCode::OK, bytes);
    };
    let (from, to): (usize, usize) = (from.parse().expect("a number"), to.parse().expect("a number"));
    if site.manner == Manner::Silent {
        std::future::pending::<()>().await;
    }
    if from >= bytes.len() {
        return answer(StatusCode::RANGE_NOT_SATISFIABLE, "");
    }
    let to = to.min(bytes.len() - 1);
    let mut response = answer(StatusCode::PARTIAL_CONTENT, bytes[from..=to].to_vec());
    let told = format!("bytes {from}-{to}/{}", bytes.len());
    response.headers_mut().insert(header::CONTENT_RANGE, told.parse().expect("a header"));
    response
}

/// Serves a maker's repository and gives where.
fn site(runtime: &Runtime, maker: &Maker, manner: Manner) -> Http {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let site = Site { root: Arc::new(maker.repository()), manner };
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port");
    let address = listener.local_addr().expect("an address");
    runtime.spawn(async move { axum::serve(listener, Router::new().fallback(serve).with_state(site)).await });
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    Http::new(client, &format!("http://{address}/cake/stable"), runtime.handle().clone()).expect("a source")
}

fn both() -> (Runtime, Maker, Server, Vec<u8>) {
    let (old, new) = firmware(2 << 20);
    let maker = Maker::new();
    maker.release("0.2.0", &new);
    let server = Server::new(&maker, 1, ("0.1.0", &old));
    (Runtime::new().expect("a runtime"), maker, server, new)
}

#[test]
fn a_web_server_brings_a_new_slot_and_only_what_changed_is_fetched() {
    let (runtime, maker, server, new) = both();
    let source = site(&runtime, &maker, Manner::Good);
    let applied = server.update(&source, "0.2.0").expect("updated");
    assert!(applied.fetched < new.len() as u64 / 2, "{applied:?}");
    assert_eq!(server.bytes(0, "cake_0.2.0+3.efi"), new);
}

#[test]
fn a_server_that_gives_no_parts_is_told() {
    let (runtime, maker, server, _) = both();
    let source = site(&runtime, &maker, Manner::Whole);
    let error = server.update(&source, "0.2.0").expect_err("no ranges");
    assert!(matches!(error, UpdateError::Source(SourceError::NoRanges { .. })), "{error}");
}

#[test]
fn a_file_that_ends_too_early_is_told() {
    let (runtime, maker, server, new) = both();
    std::fs::write(maker.stored("cake_0.2.0.efi"), &new[..new.len() / 2 + 9]).expect("shorter");
    let source = site(&runtime, &maker, Manner::Good);
    let error = server.update(&source, "0.2.0").expect_err("truncated");
    assert!(matches!(error, UpdateError::Source(SourceError::Truncated { .. })), "{error}");
}

#[test]
fn who_waits_for_a_silent_server_can_say_stop() {
    let (runtime, maker, server, _) = both();
    let source = site(&runtime, &maker, Manner::Silent);
    let control = Control::default();
    let mut watch = control.watch();
    let stop = control.clone();
    // Once it puts the file together, it waits for the server.
    runtime.spawn(async move {
        let _ = watch.wait_for(|progress| progress.stage == cake_update::Stage::Assembling && progress.done > 0).await;
        stop.cancel();
    });
    let begun = std::time::Instant::now();
    let error = server.update_with(&source, "0.2.0", &control).expect_err("cancelled");
    assert!(error.is_cancelled(), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(20));
    assert_eq!(server.slots(), [["cake_0.1.0.efi"]]);
}

#[test]
fn only_web_addresses_are_taken() {
    let runtime = Runtime::new().expect("a runtime");
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    for text in ["", "ftp://host/", "file:///etc", "/etc", "http:"] {
        assert!(Http::new(client.clone(), text, runtime.handle().clone()).is_err(), "{text}");
    }
}
