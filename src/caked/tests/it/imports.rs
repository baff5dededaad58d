//! Files that are brought in, chunk by chunk; images that are deleted.

use crate::support::{Answer, App, IMAGE, Visitor, items, vm};
use cake_node_api::staged::CHUNK;
use data_encoding::BASE64;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

async fn begin(admin: &Visitor, name: &str, size: u64) -> Value {
    admin.post("/v1/imports", &json!({ "name": name, "size": size, "os": "linux" })).await.is(201)
}

async fn send(visitor: &Visitor, id: &str, chunk: u64, bytes: &[u8], digest: Option<&[u8]>) -> Answer {
    let digest = digest.map(|of| format!("sha-256=:{}:", BASE64.encode(&Sha256::digest(of))));
    let mut headers = vec![("content-type", "application/octet-stream")];
    if let Some(digest) = &digest {
        headers.push(("content-digest", digest));
    }
    visitor.send_bytes("PUT", &format!("/v1/imports/{id}/chunks/{chunk}"), &headers, Some(bytes.to_vec())).await
}

fn id(import: &Value) -> String {
    import["id"].as_str().unwrap().to_owned()
}

/// The events, once there is one of this kind: they are written a moment after what they tell of.
async fn told(admin: &Visitor, kind: &str) -> String {
    admin.until("/v1/events", |events| items(events).iter().any(|event| event["kind"] == kind)).await.to_string()
}

#[tokio::test]
async fn a_file_comes_in_chunks_in_any_order_and_becomes_an_image() {
    let (mut app, admin) = App::ready().await;
    let size = CHUNK + 5;
    let import = begin(&admin, "debian", size).await;
    let id = id(&import);
    assert_eq!((&import["chunk_size"], &import["chunks"]), (&json!(CHUNK), &json!(2)));
    let shown = admin.until(&format!("/v1/imports/{id}"), |import| import["state"] == "receiving").await;
    assert_eq!(shown["missing"], json!([[0, 2]]));
    // What is not right is not taken, and nothing of it counts.
    send(&admin, &id, 1, b"four", None).await.refused(422, "chunk-length");
    send(&admin, &id, 1, b"sixsix", None).await.refused(422, "chunk-length");
    send(&admin, &id, 1, b"right", Some(b"wrong")).await.refused(422, "chunk-damaged");
    send(&admin, &id, 2, b"right", None).await.refused(404, "not-found");
    send(&admin, &id, 1, b"right", Some(b"right")).await.is(204);
    send(&admin, &id, 1, b"other", None).await.is(204);
    // After a restart it goes on where it was.
    app.restart().await;
    let admin = admin.at(&app);
    let shown = admin.until("/v1/imports/DEBIAN", |import| import["missing"].is_array()).await;
    assert_eq!(shown["missing"], json!([[0, 1]]));
    let task = shown["task"].as_str().unwrap().to_owned();
    send(&admin, &id, 0, &vec![7; CHUNK as usize], None).await.is(204);
    let end = admin.until(&format!("/v1/tasks/{task}"), |task| !task["end"].is_null()).await;
    assert_eq!(
        (&end["state"], &end["kind"], &end["subject"]["name"]),
        (&json!("done"), &json!("image-import"), &json!("debian"))
    );
    admin.until("/v1/imports", |imports| items(imports).is_empty()).await;
    let image = admin.get("/v1/images/debian").await.is(200);
    assert_eq!((&image["id"], &image["available"]), (&json!(id), &json!(true)));
    // Its name is taken; VMs can be made from it.
    admin.post("/v1/imports", &json!({ "name": "debian", "size": 5 })).await.refused(409, "name-taken");
    let mut new = vm("web");
    new["image"] = json!("debian");
    admin.done(admin.post("/v1/vms", &new).await).await;
    told(&admin, "image-imported").await;
}

#[tokio::test]
async fn what_the_node_finds_wrong_ends_the_task_and_frees_the_name() {
    let (_app, admin) = App::ready().await;
    let import = begin(&admin, "broken", 9).await;
    admin.until(&format!("/v1/imports/{}", id(&import)), |import| import["state"] == "receiving").await;
    let task = admin.get("/v1/imports/broken").await.is(200)["task"].as_str().unwrap().to_owned();
    send(&admin, &id(&import), 0, b"bad bytes", None).await.is(204);
    let end = admin.until(&format!("/v1/tasks/{task}"), |task| !task["end"].is_null()).await;
    assert_eq!((&end["state"], &end["end"]["code"]), (&json!("failed"), &json!("image-unknown")));
    admin.until("/v1/imports", |imports| items(imports).is_empty()).await;
    let events = told(&admin, "image-import-failed").await;
    assert!(events.contains("image-unknown"), "{events}");
    begin(&admin, "broken", 9).await;
}

#[tokio::test]
async fn an_import_is_cancelled_by_itself_or_by_its_task() {
    let (_app, admin) = App::ready().await;
    for by_task in [false, true] {
        let import = begin(&admin, "gone", 5).await;
        let path = format!("/v1/imports/{}", id(&import));
        let shown = admin.until(&path, |import| import["state"] == "receiving").await;
        let task = format!("/v1/tasks/{}", shown["task"].as_str().unwrap());
        if by_task {
            admin.poke(&format!("{task}/cancel")).await.is(202);
        } else {
            admin.delete(&path, "\"g9\"").await.refused(412, "stale");
            admin.delete(&path, shown["etag"].as_str().unwrap()).await.is(204);
        }
        let end = admin.until(&task, |task| !task["end"].is_null()).await;
        assert_eq!(end["state"], "cancelled", "{end}");
        admin.until("/v1/imports", |imports| items(imports).is_empty()).await;
        send(&admin, &id(&import), 0, b"right", None).await.refused(404, "not-found");
    }
}

#[tokio::test]
async fn what_is_asked_wrongly_begins_nothing() {
    let (_app, admin) = App::ready().await;
    for (body, status, code) in [
        (json!({ "name": "a" }), 422, "invalid"),
        (json!({ "name": "a", "size": 0 }), 422, "out-of-range"),
        (json!({ "name": "a", "size": "900TiB" }), 422, "out-of-range"),
        (json!({ "name": "a", "size": "51GiB" }), 422, "disk-does-not-fit"),
        (json!({ "name": "../a", "size": 5 }), 422, "bad-name"),
        (json!({ "name": "a", "size": 5, "sha256": "abc" }), 422, "invalid"),
        (json!({ "name": IMAGE, "size": 5 }), 409, "name-taken"),
        (json!({ "name": "a", "size": 5, "os": "plan9" }), 400, "malformed-body"),
    ] {
        admin.post("/v1/imports", &body).await.refused(status, code);
    }
    assert!(items(&admin.get("/v1/imports").await.is(200)).is_empty());
    let viewer = admin.with_role("viewer").await;
    viewer.post("/v1/imports", &json!({ "name": "a", "size": 5 })).await.refused(403, "not-allowed");
}

#[tokio::test]
async fn an_image_is_deleted_unless_somebody_needs_it() {
    let (app, admin) = App::ready().await;
    admin.delete(&format!("/v1/images/{IMAGE}"), "*").await.refused(409, "illegal-now");
    let import = begin(&admin, "cd", 5).await;
    let path = format!("/v1/imports/{}", id(&import));
    admin.until(&path, |import| import["state"] == "receiving").await;
    send(&admin, &id(&import), 0, b"right", None).await.is(204);
    admin.until("/v1/images", |images| items(images).len() == 3).await;
    admin.until("/v1/imports", |imports| items(imports).is_empty()).await;
    // As a CD it is needed by whoever has it in the drive.
    app.node.with(|node| {
        node.images.iter_mut().for_each(|image| {
            if image.name.as_str() == "cd" {
                image.spec.format = cake_types::ImageFormat::Iso;
            }
        })
    });
    let mut app = app;
    app.restart().await;
    let admin = admin.at(&app);
    admin.until("/v1/images/cd", |image| image["format"] == "iso").await;
    let mut new = vm("web");
    (new["image"], new["disk"]) = (json!("cd"), json!("1GiB"));
    admin.done(admin.post("/v1/vms", &new).await).await;
    let shown = admin.get("/v1/vms/web").await.is(200);
    assert_eq!((&shown["cd"], &shown["disks"][0]["image"]), (&import["id"], &Value::Null));
    admin.delete("/v1/images/cd", "*").await.refused(409, "image-in-use");
    admin.done(admin.delete("/v1/vms/web", "*").await).await;
    // Part of it, all of it, and then none.
    let part = admin.send("GET", "/v1/images/cd/content", &[("range", "bytes=4-8")], None).await;
    assert_eq!((part.status, part.text.as_str(), part.header("content-range")), (206, "bytes", "bytes 4-8/21"));
    assert_eq!(admin.get("/v1/images/cd/content").await.text, "the bytes of an image");
    let etag = admin.get("/v1/images/cd").await.header("etag").to_owned();
    admin.delete("/v1/images/cd", "\"g99\"").await.refused(412, "stale");
    admin.delete("/v1/images/cd", &etag).await.is(204);
    admin.get("/v1/images/cd").await.refused(404, "not-found");
    told(&admin, "image-deleted").await;
}
