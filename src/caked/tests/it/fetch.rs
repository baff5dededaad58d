//! Files that cake fetches itself: from a real web server in a network of the test's own, because nothing is fetched from loopback.

use crate::support::office::in_a_network;
use crate::support::{App, Visitor, items};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use cake_node_api::staged::CHUNK;
use futures_util::{StreamExt, stream};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::Notify;

/// Two whole chunks and a bit.
const SIZE: usize = 2 * CHUNK as usize + 5;
const HOST: &str = "10.77.0.1";

/// A web server of files that all hold the same.
struct Far {
    file: Bytes,
    asked: AtomicUsize,
    /// Lets a line break that has said what it says.
    cut: Arc<Notify>,
}

fn content() -> Bytes {
    (0..SIZE).map(|at| (at % 251) as u8).collect()
}

/// Bytes of `Range: bytes=FIRST-LAST`.
fn range(headers: &HeaderMap) -> Option<(usize, usize)> {
    let (first, last) = headers.get("range")?.to_str().ok()?.strip_prefix("bytes=")?.split_once('-')?;
    Some((first.parse().ok()?, last.parse::<usize>().ok()?.min(SIZE - 1) + 1))
}

/// A chunk and a bit, never all of it; then nothing more, until the connection is cut.
fn broken(bytes: &Bytes, cut: Arc<Notify>) -> Body {
    let part = bytes.slice(..(CHUNK as usize + 99).min(bytes.len() - 1));
    let end = async move {
        cut.notified().await;
        Err("the line is cut")
    };
    Body::from_stream(stream::iter([Ok(part)]).chain(stream::once(end)))
}

/// `whole` and `parts` differ in whether parts can be had; `breaks` ends early at first, `stops` every time; `changes` is another
/// file after the first look.
async fn file(State(far): State<Arc<Far>>, Path(name): Path<String>, headers: HeaderMap) -> Response {
    let asked = far.asked.fetch_add(1, Ordering::Relaxed);
    let tag = if name == "changes" && asked > 0 { "\"second\"" } else { "\"first\"" };
    match (name.as_str(), range(&headers)) {
        ("missing", _) => StatusCode::NOT_FOUND.into_response(),
        ("endless", _) => Body::from_stream(stream::repeat(Ok::<_, &str>(Bytes::from_static(b"more")))).into_response(),
        ("whole", _) | (_, None) => ([("etag", tag)], far.file.clone()).into_response(),
        // Whoever asks for a part of another file gets all of this one (RFC 9110 §13.1.5).
        _ if headers.get("if-range").is_some_and(|wanted| wanted != tag) => {
            ([("etag", tag)], far.file.clone()).into_response()
        }
        (name, Some((first, last))) => {
            let bytes = far.file.slice(first..last);
            let said = format!("bytes {first}-{}/{SIZE}", last - 1);
            let length = bytes.len().to_string();
            let breaks = name == "stops" || (name == "breaks" && asked < 2);
            let body = if breaks && last - first > 1 { broken(&bytes, far.cut.clone()) } else { bytes.into() };
            let head = [("etag", tag.to_owned()), ("content-range", said), ("content-length", length)];
            (StatusCode::PARTIAL_CONTENT, head, body).into_response()
        }
    }
}

impl Far {
    async fn serve() -> (Arc<Self>, String) {
        let far = Arc::new(Self { file: content(), asked: AtomicUsize::new(0), cut: Arc::default() });
        let inward = |to: &'static str| get(move || async move { Redirect::temporary(to) });
        let router = Router::new()
            .route("/files/{name}", get(file))
            .route("/inward", inward("http://127.0.0.1:1/secret"))
            .route("/metadata", inward("http://169.254.169.254/latest/meta-data"))
            .route("/round", inward("/round"))
            .route("/moved", inward("/files/parts"))
            .with_state(far.clone());
        let listener = tokio::net::TcpListener::bind((HOST, 0)).await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (far, base)
    }
}

async fn begin(admin: &Visitor, name: &str, url: &str) -> Value {
    admin.post("/v1/imports", &json!({ "name": name, "url": url, "os": "linux" })).await.is(201)
}

/// The task of an import that has begun; of one that is over already it is found among all.
async fn task(admin: &Visitor, name: &str) -> Value {
    let all = admin.until("/v1/tasks", |tasks| items(tasks).iter().any(|task| task["subject"]["name"] == name)).await;
    items(&all).iter().find(|task| task["subject"]["name"] == name).unwrap().clone()
}

/// Waits until only the other two are missing.
async fn has_the_first_chunk(admin: &Visitor, name: &str) {
    let path = format!("/v1/imports/{name}");
    admin.until(&path, |import| import["state"] == "receiving").await;
    while admin.get(&path).await.is(200)["missing"] != json!([[1, 2]]) {
        tokio::task::yield_now().await;
    }
}

async fn arrives(app: &App, admin: &Visitor, name: &str, url: &str) {
    let import = begin(admin, name, url).await;
    assert_eq!((&import["source"], &import["size"]), (&json!("url"), &json!(SIZE)));
    let end = admin.end_of(&task(admin, name).await).await;
    assert_eq!(end["state"], "done", "{name}: {end}");
    let mut bytes = vec![0; SIZE];
    let id = import["id"].as_str().unwrap().parse().map(cake_types::ImageId).unwrap();
    app.node.with(|state| state.brought[&id].read_exact_at(&mut bytes, 0)).unwrap();
    assert!(bytes == content(), "{name} is another file");
}

#[test]
fn a_file_is_fetched_over_a_line_that_breaks_and_the_whole_of_it_arrives() {
    in_a_network(HOST, || async {
        let (app, admin) = App::ready().await;
        let (far, base) = Far::serve().await;
        arrives(&app, &admin, "parts", &format!("{base}/files/parts")).await;
        arrives(&app, &admin, "whole", &format!("{base}/files/whole")).await;
        arrives(&app, &admin, "moved", &format!("{base}/moved")).await;
        far.asked.store(0, Ordering::Relaxed);
        let cut = async {
            has_the_first_chunk(&admin, "breaks").await;
            far.cut.notify_one();
        };
        let url = format!("{base}/files/breaks");
        tokio::join!(arrives(&app, &admin, "breaks", &url), cut);
        // A look, one that broke off in the second chunk, and one that brought the rest.
        assert_eq!(far.asked.load(Ordering::Relaxed), 3);
    });
}

#[test]
fn a_fetch_goes_on_after_a_restart_and_ends_when_it_is_cancelled() {
    in_a_network(HOST, || async {
        let (mut app, admin) = App::ready().await;
        let (far, base) = Far::serve().await;
        begin(&admin, "stops", &format!("{base}/files/stops")).await;
        has_the_first_chunk(&admin, "stops").await;
        app.restart().await;
        let admin = admin.at(&app);
        let asked = far.asked.load(Ordering::Relaxed);
        admin.until("/v1/imports/stops", |import| import["state"] == "receiving").await;
        while far.asked.load(Ordering::Relaxed) == asked {
            tokio::task::yield_now().await;
        }
        let import = admin.get("/v1/imports/stops").await.is(200);
        assert_ne!(import["missing"], json!([[0, 3]]), "what is here stays here");
        admin.delete("/v1/imports/stops", import["etag"].as_str().unwrap()).await.is(204);
        admin.until("/v1/imports", |imports| items(imports).is_empty()).await;
        // Its name is free again.
        begin(&admin, "stops", &format!("{base}/files/parts")).await;
    });
}

#[test]
fn what_leads_inward_never_ends_or_is_not_there_is_refused_at_once() {
    in_a_network(HOST, || async {
        let (_app, admin) = App::ready().await;
        let (_, base) = Far::serve().await;
        let refused = async |url: &str, code: &str| {
            let answer = admin.post("/v1/imports", &json!({ "name": "never", "url": url })).await;
            assert_eq!(answer.json()["pointer"], "/url", "{url}: {}", answer.text);
            answer.refused(422, code);
        };
        for inward in ["/inward", "/metadata"] {
            refused(&format!("{base}{inward}"), "url-forbidden").await;
        }
        for url in
            ["http://127.0.0.1/a", "http://localhost/a", "https://[::1]/", "ftp://example.com/", "http://a:b@10.0.0.1/"]
        {
            refused(url, "url-forbidden").await;
        }
        for wrong in ["/round", "/files/missing", "/files/endless"] {
            refused(&format!("{base}{wrong}"), "url-fails").await;
        }
        refused("nonsense", "invalid").await;
        let both = json!({ "name": "never", "url": format!("{base}/files/parts"), "size": 5 });
        admin.post("/v1/imports", &both).await.refused(422, "invalid");
        assert!(items(&admin.get("/v1/imports").await.is(200)).is_empty());
    });
}

#[test]
fn a_file_that_is_replaced_meanwhile_is_given_up() {
    in_a_network(HOST, || async {
        let (_app, admin) = App::ready().await;
        let (_, base) = Far::serve().await;
        begin(&admin, "changes", &format!("{base}/files/changes")).await;
        let end = admin.end_of(&task(&admin, "changes").await).await;
        assert_eq!((&end["state"], &end["end"]["code"]), (&json!("failed"), &json!("fetch-changed")), "{end}");
        admin.until("/v1/imports", |imports| items(imports).is_empty()).await;
    });
}
