//! What is plugged into a server, over the API: told of as it comes and goes, and brought in.

use crate::support::{App, items};
use cake_types::{FailureCode, ImageId, ImportSource, Stick};
use serde_json::{Value, json};

fn sticks() -> Vec<Stick> {
    serde_json::from_value(json!([
        { "id": "a1b2", "device": "sdb", "model": "Acme Stick", "serial": "0815", "partition": 1, "size": 4_000_000_000u64,
          "label": "安裝", "format": "exfat", "incomplete": true, "files": [
            { "path": "Windows/繁體中文.iso", "size": 5_819_484_160u64, "modified": "2026-11-20T16:30:00Z" },
            { "path": "tiny.raw", "size": 4096 } ] },
        { "id": "sdc", "device": "sdc", "partition": 0, "size": 4096, "format": "xfs", "trouble": "unsupported" },
    ]))
    .unwrap()
}

fn bring(name: &str, stick: &str, path: &str) -> Value {
    json!({ "name": name, "stick": stick, "path": path, "os": "windows" })
}

#[tokio::test]
async fn what_is_plugged_in_is_told() {
    let (mut app, admin) = App::ready().await;
    let nothing = admin.get("/v1/nodes/sim-1/sticks").await.is(200);
    assert_eq!(nothing, json!({ "known": false, "items": [] }));
    admin.get("/v1/nodes/nobody/sticks").await.refused(404, "not-found");
    // What is on a stick concerns those who may bring it in.
    let viewer = admin.with_role("viewer").await;
    viewer.get("/v1/nodes/sim-1/sticks").await.refused(403, "not-allowed");
    app.node.plug(sticks());
    let seen = admin.until("/v1/nodes/sim-1/sticks", |list| items(list).len() == 2).await;
    let (first, other) = (&seen["items"][0], &seen["items"][1]);
    assert_eq!(
        (&first["label"], &first["format"], &first["incomplete"]),
        (&json!("安裝"), &json!("exfat"), &json!(true))
    );
    assert_eq!(
        first["files"][0],
        json!({ "path": "Windows/繁體中文.iso", "size": 5_819_484_160u64, "modified": "2026-11-20T16:30:00Z" })
    );
    assert_eq!((&other["trouble"], &other["files"]), (&json!("unsupported"), &json!([])));
    let page = admin.get("/images").await.text;
    for shown in ["安裝", "Windows", "繁體中文.iso", "exFAT", "Formatted with XFS, which cake does not read", "2026"]
    {
        assert!(page.contains(shown), "{shown}");
    }
    assert!(!viewer.get("/images").await.text.contains("繁體中文.iso"));
    app.node.plug(Vec::new());
    admin.until("/v1/nodes/sim-1/sticks", |list| items(list).is_empty() && list["known"] == true).await;
    assert!(admin.get("/images").await.text.contains("No stick is plugged into the server"));
    app.node_goes();
    admin.until("/v1/nodes/sim-1/sticks", |list| list["known"] == false).await;
}

#[tokio::test]
async fn a_file_is_brought_in_from_a_stick() {
    let (app, admin) = App::ready().await;
    app.node.plug(sticks());
    admin.until("/v1/nodes/sim-1/sticks", |list| items(list).len() == 2).await;
    // Only what is listed, from where it is listed.
    for wrong in [
        bring("image", "c3d4", "tiny.raw"),
        bring("image", "a1b2", "../tiny.raw"),
        bring("image", "a1b2", "/tiny.raw"),
        bring("image", "sdc", "tiny.raw"),
        bring("image", "", ""),
    ] {
        admin.post("/v1/imports", &wrong).await.refused(422, "stick-missing");
    }
    for half in [json!({ "name": "image", "stick": "a1b2" }), json!({ "name": "image", "path": "tiny.raw" })] {
        admin.post("/v1/imports", &half).await.refused(422, "invalid");
    }
    for (field, value) in [("size", json!(4096)), ("url", json!("http://192.0.2.1/a.iso"))] {
        let mut both = bring("image", "a1b2", "tiny.raw");
        both[field] = value;
        admin.post("/v1/imports", &both).await.refused(422, "invalid");
    }
    admin
        .with_role("viewer")
        .await
        .post("/v1/imports", &bring("image", "a1b2", "tiny.raw"))
        .await
        .refused(403, "not-allowed");
    assert!(items(&admin.get("/v1/imports").await.is(200)).is_empty(), "nothing was begun");

    let begun = admin.post("/v1/imports", &bring("windows", "a1b2", "Windows/繁體中文.iso")).await.is(201);
    let id: ImageId = begun["id"].as_str().unwrap().parse().unwrap();
    assert_eq!(
        (&begun["source"], &begun["stick"], &begun["path"]),
        (&json!("stick"), &json!("安裝"), &json!("Windows/繁體中文.iso"))
    );
    admin.until("/v1/imports/windows", |import| import["state"] == "receiving").await;
    let spec = app.node.import_spec(id);
    assert_eq!(spec.size.bytes(), 5_819_484_160);
    let chosen = ImportSource::Stick {
        stick: "a1b2".into(),
        called: "安裝".into(),
        path: "Windows/繁體中文.iso".into(),
        modified: Some("2026-11-20T16:30:00Z".parse().unwrap()),
    };
    assert_eq!(spec.source, chosen, "the file that was seen, and no other");
    assert!(admin.get("/images").await.text.contains("reads it from the stick 安裝"));
    // The node brings it: nobody else may.
    let headers = [("content-type", "application/octet-stream")];
    let chunk = admin.send_bytes("PUT", "/v1/imports/windows/chunks/0", &headers, Some(vec![7; 9])).await;
    chunk.refused(409, "illegal-now");

    // It is pulled out: the task says so, and what to do; the name is free again.
    let task = admin.get("/v1/imports/windows").await.is(200)["task"].as_str().unwrap().to_owned();
    app.node.import_fails(id, FailureCode::StickGone);
    let end = admin.until(&format!("/v1/tasks/{task}"), |task| !task["end"].is_null()).await;
    assert_eq!((&end["state"], &end["end"]["code"]), (&json!("failed"), &json!("stick-gone")));
    admin.until("/v1/imports", |imports| items(imports).is_empty()).await;
    let page = admin.get(&format!("/tasks/{task}")).await.text;
    assert!(page.contains("was pulled out before the file was here"), "{page}");
    admin.post("/v1/imports", &bring("windows", "a1b2", "tiny.raw")).await.is(201);
}
