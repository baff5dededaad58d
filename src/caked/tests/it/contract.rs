//! The contract as a document, and what the address answers to those who do not speak it.

use crate::support::App;
use std::path::Path;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// The committed document is what the code says. `UPDATE_GOLDEN=1` writes it.
#[test]
fn the_document_is_the_committed_one() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../cake-api/openapi.json");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&golden, cake_api::document()).unwrap();
    }
    let committed = std::fs::read_to_string(&golden).unwrap();
    assert!(committed == cake_api::document(), "openapi.json differs: UPDATE_GOLDEN=1 writes it anew");
    let document: serde_json::Value = serde_json::from_str(&committed).unwrap();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
}

#[tokio::test]
async fn the_document_can_be_read_by_people_without_a_script() {
    let app = App::fresh().await;
    let nobody = app.visitor();
    let page = nobody.get("/v1/docs").await;
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    assert!(
        !page.text.contains("<script") && !page.text.contains("style=") && page.text.contains("/v1/vms/{vm}/start")
    );
    assert_eq!(nobody.get("/v1/docs.css").await.status, 200);
    assert_eq!(nobody.get("/v1/openapi.json").await.text, cake_api::document());
}

#[tokio::test]
async fn plain_http_is_led_to_https() {
    let app = App::fresh().await;
    let address = app.running().address;
    let mut plain = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!("GET /vms HTTP/1.1\r\nHost: {address}\r\n\r\n");
    plain.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    plain.read_to_string(&mut answer).await.unwrap();
    assert!(answer.contains(&format!("Location: https://{address}/vms")), "{answer}");
}

#[tokio::test]
async fn the_daemon_ends_although_somebody_watches() {
    let (mut app, admin) = App::ready().await;
    let mut watch = admin.request("GET", "/v1/watch").send().await.unwrap();
    watch.chunk().await.unwrap();
    app.stop().await;
    while let Ok(Some(_)) = watch.chunk().await {}
    app.start().await;
    admin.at(&app).get("/v1/vms").await.is(200);
}
