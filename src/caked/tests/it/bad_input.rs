//! What is wrong is refused with a clear word, and nothing has changed.

use crate::support::{App, items, key, vm};
use cake_node_api::NodeService;
use serde_json::{Value, json};

#[tokio::test]
async fn a_vm_that_cannot_be_is_refused() {
    let (app, admin) = App::ready().await;
    let with = |field: &str, value: Value| {
        let mut new = vm("web");
        new[field] = value;
        new
    };
    let user_data = json!({ "user_data": "x".repeat(64 * 1024 + 1) });
    let cases = [
        (with("name", json!("..")), 422, "bad-name", "/name"),
        (with("name", json!("a/../b")), 422, "bad-name", "/name"),
        (with("name", json!("a\u{0}b")), 422, "bad-name", "/name"),
        (with("name", json!("a'b")), 422, "bad-name", "/name"),
        (with("name", json!("a\"b")), 422, "bad-name", "/name"),
        (with("name", json!("x".repeat(300))), 422, "bad-name", "/name"),
        (with("name", json!("a\u{202e}b")), 422, "bad-name", "/name"),
        (with("name", json!("")), 422, "bad-name", "/name"),
        (with("cpus", json!(0)), 422, "out-of-range", "/cpus"),
        (with("cpus", json!(5)), 422, "too-many-cpus", "/cpus"),
        (with("cpus", json!(-1)), 400, "malformed-body", ""),
        (with("memory", json!(0)), 422, "out-of-range", "/memory"),
        (with("memory", json!("900TiB")), 422, "too-much-memory", "/memory"),
        (with("memory", json!("lots")), 422, "invalid", "/memory"),
        (with("disk", json!("51GiB")), 422, "disk-does-not-fit", "/disk"),
        (with("disk", json!("1MiB")), 422, "disk-too-small", "/disk"),
        (with("image", json!("windows-3")), 404, "not-found", "/image"),
        (with("firmware", json!("direct")), 409, "firmware-unfit", "/firmware"),
        (with("firmware", json!("coreboot")), 400, "malformed-body", ""),
        (with("cloud_init", user_data), 422, "user-data-too-large", "/cloud_init/user_data"),
        (with("cloud_init", json!({ "hostname": "A_b" })), 422, "bad-name", "/cloud_init/hostname"),
        (with("cloud_init", json!({ "users": [{ "name": "root:x" }] })), 422, "invalid", "/cloud_init/users/0/name"),
        (with("colour", json!("red")), 400, "unknown-field", ""),
    ];
    for (new, status, code, pointer) in cases {
        let answer = admin.post("/v1/vms", &new).await;
        let shown = answer.json();
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{}", answer.text);
        assert_eq!(shown["pointer"].as_str().unwrap_or_default(), pointer, "{shown}");
    }
    let huge = admin.post("/v1/vms", &with("memory", json!("900TiB"))).await.json();
    assert_eq!((&huge["params"]["have"], &huge["params"]["asked"]), (&json!("8 GiB"), &json!("900 TiB")));
    assert!(huge["detail"].as_str().unwrap().contains("8 GiB"), "{huge}");
    assert!(items(&admin.get("/v1/vms").await.is(200)).is_empty());
    assert_eq!(app.node.with(|node| node.applies), 0);
    // What was refused need not be durable at once; what was done is, with all before it.
    admin.post("/v1/tokens", &json!({ "name": "x" })).await.is(201);
    let audit = admin.get("/v1/audit").await.is(200);
    let refused = items(&audit).iter().filter(|r| r["result"]["kind"] == "refused" && r["action"] == "vm_create");
    assert_eq!(refused.count(), 24);
}

#[tokio::test]
async fn bodies_that_are_no_bodies() {
    let (_app, admin) = App::ready().await;
    let send = async |kind: &str, body: Vec<u8>| {
        let key = key();
        admin.send_bytes("POST", "/v1/vms", &[("idempotency-key", &key), ("content-type", kind)], Some(body)).await
    };
    let json = "application/json";
    send(json, b"{".to_vec()).await.refused(400, "malformed-body");
    send(json, vec![]).await.refused(400, "malformed-body");
    send(json, b"\xff\xfe".to_vec()).await.refused(400, "malformed-body");
    send(json, "[".repeat(200_000).into_bytes()).await.refused(400, "malformed-body");
    send(json, format!("{{\"name\":{}1{}}}", "[".repeat(40), "]".repeat(40)).into_bytes())
        .await
        .refused(400, "malformed-body");
    send("text/plain", vm("web").to_string().into_bytes()).await.refused(415, "not-json");
    send(json, vec![b' '; 600 * 1024]).await.refused(413, "too-large");
    admin.send("POST", "/v1/vms", &[], Some(&vm("web"))).await.refused(428, "key-required");
    let long = "k".repeat(129);
    admin.send("POST", "/v1/vms", &[("idempotency-key", &long)], Some(&vm("web"))).await.refused(400, "bad-parameter");
    admin.get("/v1/vms?limit=0").await.refused(400, "bad-parameter");
    admin.get("/v1/vms?limit=1001").await.refused(400, "bad-parameter");
    admin.get("/v1/vms?colour=red").await.refused(400, "bad-parameter");
    admin.get("/v1/vms?cursor=nonsense").await.refused(400, "bad-cursor");
    admin.get("/v1/events?cursor=nonsense").await.refused(400, "bad-cursor");
    admin.get("/v1/vms/..%2F..%2Fetc").await.refused(404, "not-found");
    admin.get("/v1/tasks/nonsense").await.refused(404, "not-found");
    admin.get("/v1/nonsense").await.refused(404, "no-such-route");
    admin.send("PUT", "/v1/vms", &[], None).await.refused(405, "method-not-allowed");
}

#[tokio::test]
async fn a_problem_says_the_same_in_every_language() {
    let (_app, admin) = App::ready().await;
    let answer = admin.send("GET", "/v1/vms/nobody", &[("accept-language", "zh-TW")], None).await;
    assert_eq!(answer.header("content-type"), "application/problem+json");
    assert_eq!(answer.header("content-language"), "zh-Hant-TW");
    let request = answer.header("x-request-id").to_owned();
    let problem = answer.json();
    assert_eq!(problem["request_id"], request);
    assert_eq!((&problem["status"], &problem["code"]), (&json!(404), &json!("not-found")));
    assert_eq!(problem["type"], "/help/problems#not-found");
    for language in ["en", "zh-Hant-TW"] {
        let message = &problem["messages"][language];
        for field in ["title", "detail", "next"] {
            assert!(!message[field].as_str().unwrap().is_empty(), "{language} {field}: {problem}");
        }
    }
    assert_eq!(problem["title"], problem["messages"]["zh-Hant-TW"]["title"]);
}

#[tokio::test]
async fn a_refusal_of_the_node_ends_the_task() {
    let (app, admin) = App::ready().await;
    app.node.with(|node| node.refuse = true);
    let task = admin.post("/v1/vms", &vm("web")).await.is(202);
    let end = admin.end_of(&task).await;
    assert_eq!((&end["end"]["state"], &end["end"]["code"]), (&json!("failed"), &json!("refused")));
    assert!(end["message"].as_str().unwrap().contains("web"));
    // A leader of long ago is refused by any node.
    let old = app.node.hello(Some(cake_types::Epoch(0))).await;
    assert!(old.is_err());
}
